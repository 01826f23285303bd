/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"

G_BEGIN_DECLS

/**
 * MkvDurability:
 * @MKV_DURABILITY_NONE: may be lost by a crash of the process; what is kept is a
 *   prefix in the order of the batches
 * @MKV_DURABILITY_ORDERED: survives a crash of the process; after a loss of
 *   power what is kept is a prefix in the order of the batches
 * @MKV_DURABILITY_DURABLE: survives a loss of power
 *
 * What a change has to survive once it has been acknowledged.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_DURABILITY_NONE,
  MKV_DURABILITY_ORDERED,
  MKV_DURABILITY_DURABLE,
} MkvDurability;

#define MKV_TYPE_STORAGE_BATCH (mkv_storage_batch_get_type ())

typedef struct _MkvStorageBatch MkvStorageBatch;

MKV_API
GType mkv_storage_batch_get_type (void);

MKV_API
MkvStorageBatch *mkv_storage_batch_new (MkvDurability durability);

MKV_API
MkvStorageBatch *mkv_storage_batch_ref (MkvStorageBatch *self);

MKV_API
void mkv_storage_batch_unref (MkvStorageBatch *self);

MKV_API
void mkv_storage_batch_put (MkvStorageBatch *self, MkvEntry *entry);

MKV_API
void mkv_storage_batch_remove (MkvStorageBatch *self, const char *key);

MKV_API
void mkv_storage_batch_set_meta (MkvStorageBatch *self, const char *name, GBytes *value);

MKV_API
MkvDurability mkv_storage_batch_get_durability (const MkvStorageBatch *self);

MKV_API
void mkv_storage_batch_raise_durability (MkvStorageBatch *self, MkvDurability durability);

MKV_API
GPtrArray *mkv_storage_batch_get_entries (const MkvStorageBatch *self);

MKV_API
GPtrArray *mkv_storage_batch_get_removed (const MkvStorageBatch *self);

MKV_API
guint mkv_storage_batch_get_n_meta (const MkvStorageBatch *self);

MKV_API
const char *mkv_storage_batch_get_meta_name (const MkvStorageBatch *self, guint index);

MKV_API
GBytes *mkv_storage_batch_get_meta_value (const MkvStorageBatch *self, guint index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvStorageBatch, mkv_storage_batch_unref)

G_END_DECLS
