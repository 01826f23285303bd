/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_SYNC_PREFIX (mkv_sync_prefix_get_type ())

/**
 * MkvSyncPrefix:
 * @bits: the first bits of a position, left-aligned, zero-padded
 * @n_bits: how many of them count, 0 to 32
 * @depth: cells: how many bits deeper they are, 1 to 8; 0 for a list
 * @octets: 2 to the power of @depth cells of 12 octets in the order of the bits
 *   that follow, or a list of short ids of 8 octets each
 *
 * What a SYNC says about the entries whose positions begin with some bits: their
 * cells, or the list of all of them.
 *
 * Since: 0.1
 */
typedef struct
{
  guint32 bits;
  guint8 n_bits;
  guint8 depth;
  GBytes *octets;
} MkvSyncPrefix;

MKV_API
GType mkv_sync_prefix_get_type (void);

MKV_API
MkvSyncPrefix *mkv_sync_prefix_new (guint32 bits, guint n_bits, guint depth, GBytes *octets);

MKV_API
MkvSyncPrefix *mkv_sync_prefix_new_from_wire (GBytes *prefix, guint depth, GBytes *octets, GError **error);

MKV_API
MkvSyncPrefix *mkv_sync_prefix_copy (const MkvSyncPrefix *self);

MKV_API
void mkv_sync_prefix_free (MkvSyncPrefix *self);

MKV_API
GBytes *mkv_sync_prefix_to_wire (const MkvSyncPrefix *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncPrefix, mkv_sync_prefix_free)

G_END_DECLS
