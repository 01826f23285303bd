/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What changes the tree; what only looks at it is in mkv-tree-view.c. */
#include "merkle/mkv-tree-node-private.h"

#include "base/mkv-sha256-private.h"

static void
get_position (const char *key, gsize length, guint8 *position)
{
  mkv_sha256 (key, length, position);
}

MkvTree *
mkv_tree_new (void)
{
  return mkv_tree_new_with_positions (get_position);
}

MkvTree *
mkv_tree_new_with_positions (MkvTreePositionFunc positions)
{
  MkvTree *self = g_new0 (MkvTree, 1);

  self->get_position = positions;
  return self;
}

static void
clear_node (MkvTreeNode *node)
{
  if (mkv_tree_node_is_leaf (node))
    g_free (node->leaf);
  else
    {
      for (guint i = 0; i < 16; i++)
        clear_node (&node->inner->children[i]);
      mkv_tree_inner_free (node->inner);
    }
}

void
mkv_tree_free (MkvTree *self)
{
  clear_node (&self->root);
  g_free (self);
}

void
mkv_tree_clear (MkvTree *self)
{
  clear_node (&self->root);
  self->root = (MkvTreeNode){ .dirty = TRUE };
}

guint64
mkv_tree_get_count (const MkvTree *self)
{
  return self->root.n_entries;
}

/* A way from the root to a leaf, and what stands on it. */
typedef struct
{
  MkvTreePlace place;
  MkvTreeNode *nodes[MKV_TREE_DIGITS + 1];
  guint depth; /* nodes[depth] is a leaf */
} MkvTreePath;

static guint
get_digit (const MkvTreePath *path, guint depth)
{
  return (path->place.position[depth / 2] >> (depth % 2 == 0 ? 4 : 0)) & 0xF;
}

/* Goes on from nodes[depth]. */
static void
go_down (MkvTreePath *path)
{
  MkvTreeNode *node = path->nodes[path->depth];

  while (!mkv_tree_node_is_leaf (node))
    {
      node = &node->inner->children[get_digit (path, path->depth)];
      path->nodes[++path->depth] = node;
    }
  mkv_tree_leaf_prefetch (node->leaf, node->n_entries);
}

static void
find_leaf (MkvTree *self, const char *key, MkvTreePath *path)
{
  path->place.key = key;
  path->place.length = strlen (key);
  self->get_position (key, path->place.length, path->place.position);
  path->nodes[0] = &self->root;
  path->depth = 0;
  go_down (path);
}

/* Says of each node on the path that the entries below have changed. */
static void
change_path (MkvTreePath *path, MkvCell difference, gint count)
{
  for (guint i = 0; i <= path->depth; i++)
    {
      MkvTreeNode *node = path->nodes[i];

      node->s += difference.s;
      node->k += difference.k;
      node->n_entries += (guint32) count;
      node->dirty = TRUE;
    }
}

/* Gives a full leaf children. Its number of entries is still that of a leaf:
 * the caller adds one. */
static void
split (MkvTree *self, MkvTreeNode *node, guint depth)
{
  g_autofree MkvTreeLeaf *leaf = node->leaf;
  MkvTreeInner *inner = mkv_tree_inner_new ();

  for (guint from = 0, to; from < leaf->n_entries; from = to)
    {
      guint digit = mkv_tree_leaf_get_digit (leaf, from, depth, self->get_position);
      MkvCell cell;

      for (to = from + 1; to < leaf->n_entries; to++)
        if (mkv_tree_leaf_get_digit (leaf, to, depth, self->get_position) != digit)
          break;
      cell = mkv_tree_leaf_get_cell (leaf, from, to - from);
      mkv_tree_leaf_append (&inner->children[digit].leaf, leaf, from, to - from);
      inner->children[digit].s = cell.s;
      inner->children[digit].k = cell.k;
      inner->children[digit].n_entries = to - from;
      inner->children[digit].dirty = TRUE;
    }
  node->inner = inner;
}

/* Makes one leaf of a node whose children are leaves. */
static void
merge (MkvTreeNode *node)
{
  MkvTreeInner *inner = node->inner;

  node->leaf = NULL;
  for (guint i = 0; i < 16; i++)
    if (inner->children[i].n_entries > 0)
      {
        mkv_tree_leaf_append (&node->leaf, inner->children[i].leaf, 0, inner->children[i].n_entries);
        g_free (inner->children[i].leaf);
      }
  mkv_tree_inner_free (inner);
}

static void
insert (MkvTree *self, MkvTreePath *path, const guint8 *digest)
{
  MkvTreeNode *node = path->nodes[path->depth];
  gboolean found;
  guint index;

  while (node->n_entries == MKV_TREE_LEAF_ENTRIES)
    {
      split (self, node, path->depth);
      node = &node->inner->children[get_digit (path, path->depth)];
      path->nodes[++path->depth] = node;
    }
  index = node->leaf != NULL ? mkv_tree_leaf_find (node->leaf, &path->place, self->get_position, &found) : 0;
  mkv_tree_leaf_open (&node->leaf, index, 1, path->place.length + 1);
  mkv_tree_leaf_set (node->leaf, index, path->place.position, path->place.key, path->place.length, digest);
  change_path (path, mkv_cell_of (mkv_short_id_make (path->place.position, digest)), 1);
}

gboolean
mkv_tree_put (MkvTree *self, const char *key, const guint8 *digest)
{
  guint8 old_digest[MKV_DIGEST_BYTES];
  gboolean found = FALSE;
  MkvTreePath path;
  MkvTreeLeaf *leaf;
  MkvCell old;
  guint index = 0;

  find_leaf (self, key, &path);
  leaf = path.nodes[path.depth]->leaf;
  if (leaf != NULL)
    index = mkv_tree_leaf_find (leaf, &path.place, self->get_position, &found);
  if (!found)
    {
      insert (self, &path, digest);
      return TRUE;
    }
  mkv_tree_leaf_get_digest (leaf, index, old_digest);
  if (memcmp (old_digest, digest, sizeof old_digest) == 0)
    return FALSE;
  old = mkv_cell_of (leaf->short_ids[index]);
  mkv_tree_leaf_set_digest (leaf, index, digest);
  change_path (&path, mkv_cell_subtract (mkv_cell_of (leaf->short_ids[index]), old), 0);
  return TRUE;
}

gboolean
mkv_tree_remove (MkvTree *self, const char *key)
{
  gboolean found = FALSE;
  MkvTreePath path;
  MkvTreeNode *node;
  MkvCell old;
  guint index = 0;

  find_leaf (self, key, &path);
  node = path.nodes[path.depth];
  if (node->leaf != NULL)
    index = mkv_tree_leaf_find (node->leaf, &path.place, self->get_position, &found);
  if (!found)
    return FALSE;
  old = mkv_cell_of (node->leaf->short_ids[index]);
  mkv_tree_leaf_remove (&node->leaf, index);
  change_path (&path, mkv_cell_subtract ((MkvCell){ 0, 0 }, old), -1);
  for (guint i = path.depth; i-- > 0 && mkv_tree_node_is_leaf (path.nodes[i]);)
    merge (path.nodes[i]);
  return TRUE;
}

/* Brings a digest, and all below that it needs, up to date. */
static void
hash_node (MkvTreeNode *node, guint8 *digest)
{
  guint8 message[1 + 16 * MKV_DIGEST_BYTES];

  if (!node->dirty)
    return;
  node->dirty = FALSE;
  if (node->n_entries == 0)
    memset (digest, 0, MKV_DIGEST_BYTES);
  else if (mkv_tree_node_is_leaf (node))
    mkv_tree_leaf_hash (node->leaf, digest);
  else
    {
      for (guint i = 0; i < 16; i++)
        hash_node (&node->inner->children[i], node->inner->digests[i]);
      message[0] = 0x01;
      memcpy (message + 1, node->inner->digests, 16 * MKV_DIGEST_BYTES);
      mkv_sha256 (message, sizeof message, digest);
    }
}

void
mkv_tree_get_root (MkvTree *self, guint8 *root)
{
  hash_node (&self->root, self->digest);
  memcpy (root, self->digest, MKV_DIGEST_BYTES);
}
