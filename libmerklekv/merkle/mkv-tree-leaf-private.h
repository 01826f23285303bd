/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-private.h"

G_BEGIN_DECLS

/* The entries of a leaf of the tree, in ascending order of position, in one
 * block of memory; NULL where there are none. Behind the struct lie, packed:
 *
 *   n short ids         8 octets: the first 4 of the position, of the digest
 *   n lengths of keys   1 octet: one less, as no key is empty
 *   n digests           28 octets: all but the first 4
 *   n keys              each with a NUL
 *
 * so a search for a short id, and adding them up, touches nothing else. The rest
 * of a position is not kept: where 4 octets don't tell two keys apart, it is made
 * again from the keys. That happens to one entry in thousands; who brings it about
 * on purpose, with 2^32 tries for each key, makes a write a few us slower. */
typedef struct
{
  guint16 n_entries;
  guint16 n_key_octets; /* NULs included */
  guint64 short_ids[];
} MkvTreeLeaf;

/* What a leaf takes, beside the keys, in all and for each entry. */
#define MKV_TREE_LEAF_HEAD_BYTES (8)
#define MKV_TREE_LEAF_ENTRY_BYTES (8 + 1 + 28)

/* The most entries of a leaf. */
#define MKV_TREE_LEAF_ENTRIES (64)

/* Where to look: a key, and its position of 32 octets. */
typedef struct
{
  const char *key;
  gsize length;
  guint8 position[MKV_DIGEST_BYTES];
} MkvTreePlace;

/* The first entry whose position is not less than that of @place, and whether
 * it is that key's. */
guint mkv_tree_leaf_find (const MkvTreeLeaf *self, const MkvTreePlace *place, MkvTreePositionFunc get_position,
                          gboolean *found);

/* Makes room for @n new entries, with @n_octets of keys and their NULs, in front
 * of entry @index: each has to be set then, the first one first. */
void mkv_tree_leaf_open (MkvTreeLeaf **self, guint index, guint n, gsize n_octets);

/* Says what entry @index is. Of @position only 4 octets are looked at. */
void mkv_tree_leaf_set (MkvTreeLeaf *self, guint index, const guint8 *position, const char *key, gsize length,
                        const guint8 *digest);

/* Takes one out; the last takes the block with it. */
void mkv_tree_leaf_remove (MkvTreeLeaf **self, guint index);

/* Appends copies of the @n entries of @other from @from on. */
void mkv_tree_leaf_append (MkvTreeLeaf **self, const MkvTreeLeaf *other, guint from, guint n);

const char *mkv_tree_leaf_get_key (const MkvTreeLeaf *self, guint index);
void mkv_tree_leaf_get_digest (const MkvTreeLeaf *self, guint index, guint8 *digest);
void mkv_tree_leaf_set_digest (MkvTreeLeaf *self, guint index, const guint8 *digest);

/* The hexadecimal digit @depth of the position of an entry. */
guint mkv_tree_leaf_get_digit (const MkvTreeLeaf *self, guint index, guint depth, MkvTreePositionFunc get_position);

/* The digest of the leaf as a node of the tree. */
void mkv_tree_leaf_hash (const MkvTreeLeaf *self, guint8 *digest);

/* A write goes to one leaf among many, none of which is in any cache. Without
 * this it waits several times: for the number of entries, for the short ids, for
 * a length, for a digest, for a key. Whoever calls knows the number. Caches need
 * not keep what is here in favour of what stands above it. */
static inline void
mkv_tree_leaf_prefetch (const MkvTreeLeaf *self, guint n_entries)
{
  const guint usual_key = 16;

  for (guint i = 0; i < MKV_TREE_LEAF_HEAD_BYTES + n_entries * (MKV_TREE_LEAF_ENTRY_BYTES + usual_key); i += 64)
    __builtin_prefetch ((const char *) self + i, 0, 0);
}

/* The same for who goes from leaf to leaf and looks at short ids alone. */
static inline void
mkv_tree_leaf_prefetch_short_ids (const MkvTreeLeaf *self, guint n_entries)
{
  for (guint i = 0; i < MKV_TREE_LEAF_HEAD_BYTES + n_entries * 8; i += 64)
    __builtin_prefetch ((const char *) self + i, 0, 0);
}

/* The cell of the @n entries from @from on. */
MkvCell mkv_tree_leaf_get_cell (const MkvTreeLeaf *self, guint from, guint n);

/* The entries whose position begins with @prefix: how many from @from on. */
guint mkv_tree_leaf_get_range (const MkvTreeLeaf *self, MkvPrefix prefix, guint *from);

G_END_DECLS
