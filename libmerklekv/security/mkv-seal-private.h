/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"
#include "security/mkv-seal-key-private.h"
#include "security/mkv-seal-nodes-private.h"

G_BEGIN_DECLS

/* The most octets that fit into a node id, written as letters. */
#define MKV_SEAL_HEAD_BYTES 96

/* What stands in the node id of a sealed entry. */
typedef struct
{
  guint8 octets[MKV_SEAL_HEAD_BYTES];
  gsize length;
} MkvSealHead;

/* Whether the id of this node is too long: then it needs a number. */
gboolean mkv_seal_node_is_long (const MkvEntry *entry);

/* The entry that stands for @entry in the inner storage; @node is the number of
 * its node, where that is needed. */
MkvEntry *mkv_seal_entry (MkvSealKey *key, MkvEntry *entry, guint32 node, GError **error);

/* Whether @entry looks like a sealed one. */
gboolean mkv_seal_head_read (MkvSealHead *head, const MkvEntry *entry);
const guint8 *mkv_seal_head_get_key_id (const MkvSealHead *head);

/* The entry that @sealed stands for; NULL with MKV_ERROR_CORRUPT. */
MkvEntry *mkv_seal_open_entry (MkvSealKey *key, MkvSealNodes *nodes, const MkvSealHead *head, const MkvEntry *sealed,
                               GError **error);

GBytes *mkv_seal_meta (MkvSealKey *key, const char *name, GBytes *value, GError **error);

/* NULL if it does not look like a sealed one. */
const guint8 *mkv_seal_meta_get_key_id (GBytes *sealed);
GBytes *mkv_seal_open_meta (MkvSealKey *key, const char *name, GBytes *sealed, GError **error);

G_END_DECLS
