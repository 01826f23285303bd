/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-cell-private.h"
#include "merkle/mkv-prefix-private.h"

G_BEGIN_DECLS

/* The Merkle tree over what a store holds: for each key its entry's digest,
 * under the key's position (doc/protocol.md, "Entry digest and Merkle tree").
 *
 * No I/O, no clock, no lock. Functions that take a const tree only read, and any
 * number of threads may be in them at once. The others write, and need the tree
 * for themselves: mkv_tree_get_root() and mkv_tree_get_node() are among them,
 * because they make digests that are not up to date. */
typedef struct _MkvTree MkvTree;

/* The most hexadecimal digits of a position. */
#define MKV_TREE_DIGITS (2 * MKV_DIGEST_BYTES)

/* Octets of what the tree tells of a child of an inner node, and of an entry of
 * a leaf: see mkv_tree_get_node(). */
#define MKV_TREE_CHILD_BYTES (16)
#define MKV_TREE_ENTRY_BYTES (4 + MKV_DIGEST_BYTES)

MkvTree *mkv_tree_new (void);
void mkv_tree_free (MkvTree *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvTree, mkv_tree_free)

/* A tree whose positions (32 octets) come from another function than SHA-256,
 * for tests: no two keys may have the same. */
typedef void (*MkvTreePositionFunc) (const char *key, gsize length, guint8 *position);
MkvTree *mkv_tree_new_with_positions (MkvTreePositionFunc get_position);

/* Takes everything out. */
void mkv_tree_clear (MkvTree *self);

/* Puts the entry of @key in, or another in its place. @key has 1 to
 * MKV_MAX_KEY_BYTES octets, @digest MKV_DIGEST_BYTES. Returns whether anything
 * changed by that. */
gboolean mkv_tree_put (MkvTree *self, const char *key, const guint8 *digest);

/* Takes the entry of @key out; returns whether there was one. */
gboolean mkv_tree_remove (MkvTree *self, const char *key);

/* How many entries it holds. */
guint64 mkv_tree_get_count (const MkvTree *self);

/* Copies the digest of the root node, MKV_DIGEST_BYTES; zeros where the tree is
 * empty. Makes the digests along the paths of what changed since the last call. */
void mkv_tree_get_root (MkvTree *self, guint8 *root);

/* What begins with @prefix: how many entries, and their cell. */
guint64 mkv_tree_count_prefix (const MkvTree *self, MkvPrefix prefix);
MkvCell mkv_tree_get_cell (const MkvTree *self, MkvPrefix prefix);

/* The cells of the 2^@depth prefixes @depth bits deeper than @prefix, in order:
 * of mkv_prefix_get_child (prefix, depth, 0) and so on. Depth 0 gives one cell;
 * the prefix and it have at most MKV_MAX_PREFIX_BITS together. */
void mkv_tree_get_cells (const MkvTree *self, MkvPrefix prefix, guint depth, MkvCell *cells);

/* Appends all short ids under @prefix to @short_ids, an array of guint64, in
 * ascending order. Entries with equal ones are all there. */
void mkv_tree_list (const MkvTree *self, MkvPrefix prefix, GArray *short_ids);

/* One entry; @key and @digest are valid during the call, which must not change
 * the tree. Returns whether to go on. */
typedef gboolean (*MkvTreeFunc) (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data);

/* Calls @func for the entries under @prefix in ascending order of position; with
 * @after for those behind the position of that key only, whether it is in the
 * tree or not: that is how to go on where an earlier call stopped, though the
 * tree has changed. Returns FALSE if @func stopped it. */
gboolean mkv_tree_foreach (const MkvTree *self, MkvPrefix prefix, const char *after, MkvTreeFunc func,
                           gpointer user_data);

/* The same for the entries that have exactly this short id: one, as a rule. */
gboolean mkv_tree_foreach_short_id (const MkvTree *self, guint64 short_id, MkvTreeFunc func, gpointer user_data);

/* Whether an entry has this short id. */
gboolean mkv_tree_has_short_id (const MkvTree *self, guint64 short_id);

/* The short ids under @prefix as they lie in memory, a leaf at a time: in
 * ascending order of position, which those with the same upper half may not be
 * in themselves. @n is at least 1. Returns whether to go on. */
typedef gboolean (*MkvTreeSpanFunc) (const guint64 *short_ids, guint n, gpointer user_data);
gboolean mkv_tree_foreach_span (const MkvTree *self, MkvPrefix prefix, MkvTreeSpanFunc func, gpointer user_data);

/* Kinds of a node, as they are called on the wire. */
typedef enum
{
  MKV_TREE_LEAF = 0,
  MKV_TREE_INNER = 1,
} MkvTreeNodeKind;

/* What is told of the node for a string of hexadecimal digits (0-9a-f, at most
 * MKV_TREE_DIGITS; FALSE for any other). Appends to @octets: of an inner node
 * the first MKV_TREE_CHILD_BYTES of each child's digest; of a leaf for each
 * entry, in order of position, the first 4 octets of its position, then its
 * digest. There is a node for every string: below a leaf it is the leaf of the
 * entries that begin with it, perhaps of none. */
gboolean mkv_tree_get_node (MkvTree *self, const char *digits, MkvTreeNodeKind *kind, GByteArray *octets);

G_END_DECLS
