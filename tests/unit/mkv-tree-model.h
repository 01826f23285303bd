/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-private.h"

G_BEGIN_DECLS

/* What a tree holds, as a sorted array: everything that is asked of a tree is
 * answered here by looking at each entry, as the protocol's page words it. */
typedef struct
{
  guint8 position[MKV_DIGEST_BYTES];
  guint8 digest[MKV_DIGEST_BYTES];
  char *key;
  guint64 short_id;
} MkvTreeModelEntry;

typedef struct
{
  MkvTreePositionFunc get_position;
  GHashTable *digests; /* key to GBytes */
} MkvTreeModel;

MkvTreeModel *mkv_tree_model_new (MkvTreePositionFunc get_position);
void mkv_tree_model_free (MkvTreeModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvTreeModel, mkv_tree_model_free)

void mkv_tree_model_put (MkvTreeModel *self, const char *key, const guint8 *digest);
void mkv_tree_model_remove (MkvTreeModel *self, const char *key);

/* All entries under @prefix, MkvTreeModelEntry, in order of position. */
GArray *mkv_tree_model_get_entries (MkvTreeModel *self, MkvPrefix prefix);
MkvCell mkv_tree_model_get_cell (GArray *entries, MkvPrefix prefix);
void mkv_tree_model_get_root (MkvTreeModel *self, guint8 *root);

/* As mkv_tree_get_node(). */
MkvTreeNodeKind mkv_tree_model_get_node (MkvTreeModel *self, const char *digits, GByteArray *octets);

/* SHA-256, as real trees have it; and one whose positions share 4, 8 or 20
 * octets for keys that begin with x, y or z. */
void mkv_tree_model_true_position (const char *key, gsize length, guint8 *position);
void mkv_tree_model_near_position (const char *key, gsize length, guint8 *position);

/* A key of 1 to 256 octets, another for each @i, some of them near each other;
 * a digest. */
char *mkv_tree_model_make_key (guint i);
void mkv_tree_model_make_digest (GRand *rand, guint8 *digest);

/* The seed for the tests of this run: MKV_TEST_SEED, or another each time. It is
 * printed. */
guint32 mkv_tree_model_get_seed (void);

G_END_DECLS
