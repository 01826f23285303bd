/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-stamp.h"

G_BEGIN_DECLS

#define MKV_TYPE_ENTRY (mkv_entry_get_type ())

typedef struct _MkvEntry MkvEntry;

MKV_API
GType mkv_entry_get_type (void);

MKV_API
MkvEntry *mkv_entry_new (const char *key, GBytes *value, gint64 timestamp, const char *node_id,
                         gint64 seq, GError **error);

MKV_API
MkvEntry *mkv_entry_new_from_octets (const char *key, gsize key_length, const guint8 *value,
                                     gsize value_length, gint64 timestamp, const char *node_id,
                                     gsize node_id_length, gint64 seq, GError **error);

MKV_API
MkvEntry *mkv_entry_new_from_octets_with_digest (const char *key, gsize key_length, const guint8 *value,
                                                 gsize value_length, gint64 timestamp, const char *node_id,
                                                 gsize node_id_length, gint64 seq, const guint8 *digest,
                                                 GError **error);

MKV_API
MkvEntry *mkv_entry_new_with_digest (const char *key, GBytes *value, gint64 timestamp,
                                     const char *node_id, gint64 seq, GBytes *digest, GError **error);

MKV_API
MkvEntry *mkv_entry_ref (MkvEntry *self);

MKV_API
void mkv_entry_unref (MkvEntry *self);

MKV_API
const char *mkv_entry_get_key (const MkvEntry *self);

MKV_API
const char *mkv_entry_peek_key (const MkvEntry *self, gsize *length);

MKV_API
const char *mkv_entry_peek_node_id (const MkvEntry *self, gsize *length);

MKV_API
GBytes *mkv_entry_get_value (const MkvEntry *self);

MKV_API
const guint8 *mkv_entry_peek_value (const MkvEntry *self, gsize *length);

MKV_API
char *mkv_entry_dup_text (const MkvEntry *self);

MKV_API
gboolean mkv_entry_is_text (const MkvEntry *self);

MKV_API
gboolean mkv_entry_is_tombstone (const MkvEntry *self);

MKV_API
const MkvStamp *mkv_entry_get_stamp (const MkvEntry *self);

MKV_API
const guint8 *mkv_entry_peek_digest (const MkvEntry *self);

MKV_API
GBytes *mkv_entry_get_digest (const MkvEntry *self);

MKV_API
gint mkv_entry_compare (const MkvEntry *a, const MkvEntry *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvEntry, mkv_entry_unref)

G_END_DECLS
