/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-leaf-private.h"

G_BEGIN_DECLS

typedef struct _MkvTreeInner MkvTreeInner;

/* A node of the tree, as who stands above it sees it. It is a leaf if and only
 * if it has at most MKV_TREE_LEAF_ENTRIES: the shape depends on the contents
 * alone. Above a dirty node all are dirty. */
typedef struct
{
  union
  {
    MkvTreeLeaf *leaf;   /* NULL where n_entries is 0 */
    MkvTreeInner *inner;
  };
  guint64 s; /* with k, the cell of the entries below */
  guint32 k;
  guint32 n_entries : 31;
  guint32 dirty : 1; /* the digest, which stands where the node does, is not up to date */
} MkvTreeNode;

/* What a node has that is no leaf. Digests of children stand here side by side
 * because they are hashed so, and so that no child has to be looked at. */
struct _MkvTreeInner
{
  MkvTreeNode children[16];
  guint8 (*digests)[MKV_DIGEST_BYTES]; /* 16, zeros where a child has no entries */
};

struct _MkvTree
{
  MkvTreeNode root;
  guint8 digest[MKV_DIGEST_BYTES]; /* of the root */
  MkvTreePositionFunc get_position;
};

#define MKV_TREE_DIGESTS_BYTES (16 * MKV_DIGEST_BYTES)

static inline MkvTreeInner *
mkv_tree_inner_new (void)
{
  MkvTreeInner *self = g_slice_new0 (MkvTreeInner);

  self->digests = g_slice_alloc0 (MKV_TREE_DIGESTS_BYTES);
  return self;
}

static inline void
mkv_tree_inner_free (MkvTreeInner *self)
{
  g_slice_free1 (MKV_TREE_DIGESTS_BYTES, self->digests);
  g_slice_free (MkvTreeInner, self);
}

static inline gboolean
mkv_tree_node_is_leaf (const MkvTreeNode *self)
{
  return self->n_entries <= MKV_TREE_LEAF_ENTRIES;
}

G_END_DECLS
