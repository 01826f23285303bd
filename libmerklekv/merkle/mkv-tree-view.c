/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What looks at the tree. @depth is always how many digits stand above a node. */
#include "merkle/mkv-tree-node-private.h"

/* Which children of a node begin with @prefix, if the node lies on its way:
 * @n of them, from @first on. */
static void
get_children (MkvPrefix prefix, guint depth, guint *first, guint *n)
{
  guint above = 4 * depth;

  *first = 0;
  *n = 16;
  if (prefix.length <= above)
    return;
  *first = (prefix.bits >> (28 - above)) & 0xF;
  *n = prefix.length >= above + 4 ? 1 : 16u >> (prefix.length - above);
}

/* The same of the entries of a leaf. */
static void
get_entries (const MkvTreeNode *node, guint depth, MkvPrefix prefix, guint *first, guint *n)
{
  *first = 0;
  *n = node->n_entries;
  if (*n > 0 && prefix.length > 4 * depth)
    *n = mkv_tree_leaf_get_range (node->leaf, prefix, first);
}

static guint64
count_node (const MkvTreeNode *node, guint depth, MkvPrefix prefix)
{
  guint first, n;
  guint64 count = 0;

  if (prefix.length <= 4 * depth)
    return node->n_entries;
  if (mkv_tree_node_is_leaf (node))
    {
      get_entries (node, depth, prefix, &first, &n);
      return n;
    }
  get_children (prefix, depth, &first, &n);
  for (guint i = first; i < first + n; i++)
    count += count_node (&node->inner->children[i], depth + 1, prefix);
  return count;
}

guint64
mkv_tree_count_prefix (const MkvTree *self, MkvPrefix prefix)
{
  return count_node (&self->root, 0, prefix);
}

/* Cells that are asked for: 2^depth below a prefix. */
typedef struct
{
  MkvPrefix prefix;
  guint length; /* in bits, of what each cell stands for */
  MkvCell *cells;
} Cells;

static void
add_to_cell (Cells *cells, guint32 position, guint64 s, guint32 k)
{
  guint32 below = position & ~mkv_prefix_get_mask (cells->prefix);
  MkvCell *cell = &cells->cells[cells->length == 0 ? 0 : below >> (32 - cells->length)];

  cell->s += s;
  cell->k += k;
}

/* @position is what a node's entries begin with. */
static void
add_cells (const MkvTreeNode *node, guint depth, guint32 position, Cells *cells)
{
  guint first, n;

  if (node->n_entries == 0)
    return;
  if (cells->length <= 4 * depth)
    add_to_cell (cells, position, node->s, node->k);
  else if (mkv_tree_node_is_leaf (node))
    {
      get_entries (node, depth, cells->prefix, &first, &n);
      for (guint i = first; i < first + n; i++)
        {
          guint64 s = node->leaf->short_ids[i];

          add_to_cell (cells, mkv_short_id_get_position (s), s, mkv_short_id_get_check (s));
        }
    }
  else
    {
      get_children (cells->prefix, depth, &first, &n);
      for (guint i = first; i < first + n; i++)
        add_cells (&node->inner->children[i], depth + 1, position | i << (28 - 4 * depth), cells);
    }
}

void
mkv_tree_get_cells (const MkvTree *self, MkvPrefix prefix, guint depth, MkvCell *cells)
{
  Cells wanted = { prefix, prefix.length + depth, cells };

  memset (cells, 0, sizeof *cells << depth);
  add_cells (&self->root, 0, 0, &wanted);
}

MkvCell
mkv_tree_get_cell (const MkvTree *self, MkvPrefix prefix)
{
  MkvCell cell;

  mkv_tree_get_cells (self, prefix, 0, &cell);
  return cell;
}

static gboolean
visit_spans (const MkvTreeNode *node, guint depth, MkvPrefix prefix, MkvTreeSpanFunc func, gpointer user_data)
{
  guint first, n;

  if (mkv_tree_node_is_leaf (node))
    {
      get_entries (node, depth, prefix, &first, &n);
      return n == 0 || func (node->leaf->short_ids + first, n, user_data);
    }
  get_children (prefix, depth, &first, &n);
  for (guint i = first; i < first + n; i++)
    if (mkv_tree_node_is_leaf (&node->inner->children[i]))
      mkv_tree_leaf_prefetch_short_ids (node->inner->children[i].leaf, node->inner->children[i].n_entries);
  for (guint i = first; i < first + n; i++)
    if (!visit_spans (&node->inner->children[i], depth + 1, prefix, func, user_data))
      return FALSE;
  return TRUE;
}

gboolean
mkv_tree_foreach_span (const MkvTree *self, MkvPrefix prefix, MkvTreeSpanFunc func, gpointer user_data)
{
  return visit_spans (&self->root, 0, prefix, func, user_data);
}

static gboolean
append_span (const guint64 *short_ids, guint n, gpointer user_data)
{
  g_array_append_vals (user_data, short_ids, n);
  return TRUE;
}

void
mkv_tree_list (const MkvTree *self, MkvPrefix prefix, GArray *short_ids)
{
  guint start = short_ids->len;

  mkv_tree_foreach_span (self, prefix, append_span, short_ids);
  /* They come in order, but for the few that begin alike. */
  for (guint i = start + 1; i < short_ids->len; i++)
    {
      guint64 *ids = (guint64 *) (gpointer) short_ids->data;
      guint64 id = ids[i];
      guint j = i;

      for (; j > start && ids[j - 1] > id; j--)
        ids[j] = ids[j - 1];
      ids[j] = id;
    }
}

/* What a walk over entries is about. */
typedef struct
{
  MkvPrefix prefix;
  MkvTreePlace after; /* only entries behind it, if its key isn't NULL */
  MkvTreePositionFunc get_position;
  MkvTreeFunc func;
  gpointer user_data;
} Walk;

static gboolean
visit_entries (const MkvTreeLeaf *leaf, guint first, guint n, Walk *walk)
{
  const char *key = mkv_tree_leaf_get_key (leaf, first);
  guint8 digest[MKV_DIGEST_BYTES];

  for (guint i = first; i < first + n; i++)
    {
      mkv_tree_leaf_get_digest (leaf, i, digest);
      if (!walk->func (leaf->short_ids[i], key, digest, walk->user_data))
        return FALSE;
      key += strlen (key) + 1;
    }
  return TRUE;
}

/* @on_edge: the digits above are the first of walk->after. */
static gboolean
walk_node (const MkvTreeNode *node, guint depth, gboolean on_edge, Walk *walk)
{
  guint first, n, edge = 0, end;

  if (mkv_tree_node_is_leaf (node))
    {
      get_entries (node, depth, walk->prefix, &first, &n);
      end = first + n;
      if (on_edge && n > 0)
        {
          gboolean found;

          edge = mkv_tree_leaf_find (node->leaf, &walk->after, walk->get_position, &found);
          first = MAX (first, edge + (found ? 1 : 0));
        }
      return first >= end || visit_entries (node->leaf, first, end - first, walk);
    }
  get_children (walk->prefix, depth, &first, &n);
  end = first + n;
  if (on_edge)
    {
      edge = (walk->after.position[depth / 2] >> (depth % 2 == 0 ? 4 : 0)) & 0xF;
      first = MAX (first, edge);
    }
  for (guint i = first; i < end; i++)
    if (!walk_node (&node->inner->children[i], depth + 1, on_edge && i == edge, walk))
      return FALSE;
  return TRUE;
}

gboolean
mkv_tree_foreach (const MkvTree *self, MkvPrefix prefix, const char *after, MkvTreeFunc func, gpointer user_data)
{
  Walk walk = { .prefix = prefix, .get_position = self->get_position, .func = func, .user_data = user_data };

  if (after != NULL)
    {
      walk.after.key = after;
      walk.after.length = strlen (after);
      self->get_position (after, walk.after.length, walk.after.position);
    }
  return walk_node (&self->root, 0, after != NULL, &walk);
}

/* One short id that is looked for. */
typedef struct
{
  guint64 short_id;
  MkvTreeFunc func;
  gpointer user_data;
} Lookup;

static gboolean
visit_if_short_id (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  Lookup *lookup = user_data;

  return short_id != lookup->short_id || lookup->func (short_id, key, digest, lookup->user_data);
}

static MkvPrefix
get_prefix (guint64 short_id)
{
  return (MkvPrefix){ mkv_short_id_get_position (short_id), MKV_MAX_PREFIX_BITS };
}

gboolean
mkv_tree_foreach_short_id (const MkvTree *self, guint64 short_id, MkvTreeFunc func, gpointer user_data)
{
  Lookup lookup = { short_id, func, user_data };

  return mkv_tree_foreach (self, get_prefix (short_id), NULL, visit_if_short_id, &lookup);
}

static gboolean
lacks_short_id (const guint64 *short_ids, guint n, gpointer user_data)
{
  const guint64 *short_id = user_data;

  for (guint i = 0; i < n; i++)
    if (short_ids[i] == *short_id)
      return FALSE;
  return TRUE;
}

gboolean
mkv_tree_has_short_id (const MkvTree *self, guint64 short_id)
{
  return !mkv_tree_foreach_span (self, get_prefix (short_id), lacks_short_id, &short_id);
}

/* Whether the digits of an entry's position from @depth on are @digits. */
static gboolean
has_digits (const MkvTree *self, const MkvTreeLeaf *leaf, guint index, guint depth, const char *digits)
{
  for (; *digits != 0; digits++, depth++)
    if (mkv_tree_leaf_get_digit (leaf, index, depth, self->get_position) != (guint) g_ascii_xdigit_value (*digits))
      return FALSE;
  return TRUE;
}

static void
append_entry (GByteArray *octets, const MkvTreeLeaf *leaf, guint index)
{
  guint32 position = GUINT32_TO_BE (mkv_short_id_get_position (leaf->short_ids[index]));
  guint8 digest[MKV_DIGEST_BYTES];

  mkv_tree_leaf_get_digest (leaf, index, digest);
  g_byte_array_append (octets, (const guint8 *) &position, sizeof position);
  g_byte_array_append (octets, digest, sizeof digest);
}

gboolean
mkv_tree_get_node (MkvTree *self, const char *digits, MkvTreeNodeKind *kind, GByteArray *octets)
{
  guint8 root[MKV_DIGEST_BYTES];
  const MkvTreeNode *node = &self->root;
  gsize n_digits = strlen (digits);
  guint depth = 0;

  if (n_digits > MKV_TREE_DIGITS || strspn (digits, "0123456789abcdef") < n_digits)
    return FALSE;
  for (; !mkv_tree_node_is_leaf (node) && *digits != 0; digits++, depth++)
    node = &node->inner->children[g_ascii_xdigit_value (*digits)];
  if (mkv_tree_node_is_leaf (node))
    {
      *kind = MKV_TREE_LEAF;
      for (guint i = 0; i < node->n_entries; i++)
        if (has_digits (self, node->leaf, i, depth, digits))
          append_entry (octets, node->leaf, i);
    }
  else
    {
      *kind = MKV_TREE_INNER;
      mkv_tree_get_root (self, root);
      for (guint i = 0; i < 16; i++)
        g_byte_array_append (octets, node->inner->digests[i], MKV_TREE_CHILD_BYTES);
    }
  return TRUE;
}
