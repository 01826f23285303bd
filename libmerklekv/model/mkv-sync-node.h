/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvSyncNodeKind:
 * @MKV_SYNC_NODE_LEAF: for each entry, in the order of positions, the first 4
 *   octets of its position, then its digest
 * @MKV_SYNC_NODE_INNER: the first 16 octets of the digest of each of 16 children
 *
 * What a NODES tells of a node of the tree. The numbers are those of the wire.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_SYNC_NODE_LEAF = 0,
  MKV_SYNC_NODE_INNER = 1,
} MkvSyncNodeKind;

#define MKV_TYPE_SYNC_NODE (mkv_sync_node_get_type ())

/**
 * MkvSyncNode:
 * @digits: the hexadecimal digits that the positions of its entries begin with
 * @kind: what @octets are
 * @octets: 36 for each entry of a leaf, 256 of an inner node
 *
 * A node of the tree as a NODES tells it.
 *
 * Since: 0.1
 */
typedef struct
{
  char *digits;
  MkvSyncNodeKind kind;
  GBytes *octets;
} MkvSyncNode;

MKV_API
GType mkv_sync_node_get_type (void);

MKV_API
MkvSyncNode *mkv_sync_node_new (const char *digits, guint kind, GBytes *octets, GError **error);

MKV_API
MkvSyncNode *mkv_sync_node_copy (const MkvSyncNode *self);

MKV_API
void mkv_sync_node_free (MkvSyncNode *self);

MKV_API
gboolean mkv_sync_node_digits_check (const char *digits, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncNode, mkv_sync_node_free)

G_END_DECLS
