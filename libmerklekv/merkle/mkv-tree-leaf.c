/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "merkle/mkv-tree-leaf-private.h"

#include "base/mkv-sha256-private.h"

G_STATIC_ASSERT (sizeof (MkvTreeLeaf) == MKV_TREE_LEAF_HEAD_BYTES);

#define REST_BYTES (MKV_DIGEST_BYTES - 4) /* of a digest, beside what is in the short id */

/* Of what each entry has one element. */
#define N_PARTS (3)

/* Blocks grow in steps, so that not every write moves one; less the 8 octets
 * that malloc takes for itself. */
#define STEP_BYTES (160)
#define MALLOC_BYTES (8)

static guint8 *
get_lengths (const MkvTreeLeaf *self)
{
  return (guint8 *) (self->short_ids + self->n_entries);
}

static guint8 *
get_rests (const MkvTreeLeaf *self)
{
  return get_lengths (self) + self->n_entries;
}

static char *
get_keys (const MkvTreeLeaf *self)
{
  return (char *) get_rests (self) + REST_BYTES * self->n_entries;
}

/* Where the key of entry @index begins in the keys. */
static gsize
get_key_offset (const MkvTreeLeaf *self, guint index)
{
  const guint8 *lengths = get_lengths (self);
  gsize offset = 2 * index;

  for (guint i = 0; i < index; i++)
    offset += lengths[i];
  return offset;
}

static gsize
get_size (guint n_entries, gsize n_key_octets)
{
  gsize size = MKV_TREE_LEAF_HEAD_BYTES + n_entries * MKV_TREE_LEAF_ENTRY_BYTES + n_key_octets + MALLOC_BYTES;

  return (size + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES - MALLOC_BYTES;
}

static guint32
read_32 (const guint8 *octets)
{
  guint32 number;

  memcpy (&number, octets, sizeof number);
  return GUINT32_FROM_BE (number);
}

/* Changes the numbers of entries and octets of keys, and moves each part's
 * pieces before entry @index, and from @index + @n_before on, to where they are
 * then: @n_after entries and @octets_after octets of keys lie between them. */
static void
rearrange (MkvTreeLeaf **self, guint index, guint n_before, guint n_after, gsize octets_before, gsize octets_after)
{
  MkvTreeLeaf *leaf = *self;
  guint n = leaf->n_entries, n_new = n - n_before + n_after, n_tail = n - n_before - index;
  gsize n_octets = leaf->n_key_octets, n_octets_new = n_octets - octets_before + octets_after;
  gsize head_octets = get_key_offset (leaf, index);
  gsize size = get_size (n, n_octets), size_new = get_size (n_new, n_octets_new);
  /* Parts as octets: width of an element, and where each begins, the keys last. */
  const gsize widths[N_PARTS] = { 8, 1, REST_BYTES };
  gsize from[N_PARTS + 1], to[N_PARTS + 1];
  guint8 *data;

  from[0] = to[0] = 0;
  for (guint i = 0; i < N_PARTS; i++)
    {
      from[i + 1] = from[i] + widths[i] * n;
      to[i + 1] = to[i] + widths[i] * n_new;
    }
  if (size_new > size)
    leaf = *self = g_realloc (leaf, size_new);
  data = (guint8 *) leaf->short_ids;
  if (n_new >= n)
    {
      /* Everything moves up, or stays: the last first. */
      memmove (data + to[N_PARTS] + head_octets + octets_after, data + from[N_PARTS] + head_octets + octets_before,
               n_octets - head_octets - octets_before);
      memmove (data + to[N_PARTS], data + from[N_PARTS], head_octets);
      for (guint i = N_PARTS; i-- > 0;)
        {
          memmove (data + to[i] + widths[i] * (index + n_after), data + from[i] + widths[i] * (index + n_before),
                   widths[i] * n_tail);
          memmove (data + to[i], data + from[i], widths[i] * index);
        }
    }
  else
    {
      for (guint i = 0; i < N_PARTS; i++)
        {
          memmove (data + to[i], data + from[i], widths[i] * index);
          memmove (data + to[i] + widths[i] * (index + n_after), data + from[i] + widths[i] * (index + n_before),
                   widths[i] * n_tail);
        }
      memmove (data + to[N_PARTS], data + from[N_PARTS], head_octets);
      memmove (data + to[N_PARTS] + head_octets + octets_after, data + from[N_PARTS] + head_octets + octets_before,
               n_octets - head_octets - octets_before);
    }
  leaf->n_entries = (guint16) n_new;
  leaf->n_key_octets = (guint16) n_octets_new;
  if (size_new < size)
    *self = g_realloc (leaf, size_new);
}

void
mkv_tree_leaf_open (MkvTreeLeaf **self, guint index, guint n, gsize n_octets)
{
  if (*self == NULL)
    {
      *self = g_malloc (get_size (n, n_octets));
      **self = (MkvTreeLeaf){ .n_entries = (guint16) n, .n_key_octets = (guint16) n_octets };
    }
  else
    rearrange (self, index, 0, n, 0, n_octets);
}

/* Whether the position of entry @index is behind that of @place, which begins
 * like it. */
static gboolean
is_behind (const MkvTreeLeaf *self, guint index, const MkvTreePlace *place, MkvTreePositionFunc get_position)
{
  guint8 position[MKV_DIGEST_BYTES];

  get_position (mkv_tree_leaf_get_key (self, index), get_lengths (self)[index] + 1u, position);
  return memcmp (position, place->position, sizeof position) > 0;
}

static gboolean
has_key (const MkvTreeLeaf *self, guint index, const MkvTreePlace *place)
{
  return get_lengths (self)[index] == place->length - 1 &&
         memcmp (mkv_tree_leaf_get_key (self, index), place->key, place->length) == 0;
}

guint
mkv_tree_leaf_find (const MkvTreeLeaf *self, const MkvTreePlace *place, MkvTreePositionFunc get_position,
                    gboolean *found)
{
  guint32 start = read_32 (place->position);
  guint n = self->n_entries, first = 0, last;

  /* As quick as a binary search in so few, because it has no branch to guess. */
  for (guint i = 0; i < n; i++)
    first += mkv_short_id_get_position (self->short_ids[i]) < start;
  *found = TRUE;
  for (last = first; last < n && mkv_short_id_get_position (self->short_ids[last]) == start; last++)
    if (has_key (self, last, place))
      return last;
  *found = FALSE;
  while (first < last && !is_behind (self, first, place, get_position))
    first++;
  return first;
}

void
mkv_tree_leaf_set (MkvTreeLeaf *self, guint index, const guint8 *position, const char *key, gsize length,
                   const guint8 *digest)
{
  char *copy = get_keys (self) + get_key_offset (self, index);

  self->short_ids[index] = mkv_short_id_make (position, digest);
  get_lengths (self)[index] = (guint8) (length - 1);
  memcpy (get_rests (self) + REST_BYTES * index, digest + 4, REST_BYTES);
  memcpy (copy, key, length);
  copy[length] = 0;
}

void
mkv_tree_leaf_remove (MkvTreeLeaf **self, guint index)
{
  if ((*self)->n_entries == 1)
    g_clear_pointer (self, g_free);
  else
    rearrange (self, index, 1, 0, get_lengths (*self)[index] + 2u, 0);
}

void
mkv_tree_leaf_append (MkvTreeLeaf **self, const MkvTreeLeaf *other, guint from, guint n)
{
  guint index = *self != NULL ? (*self)->n_entries : 0;
  gsize offset = get_key_offset (other, from), n_octets = get_key_offset (other, from + n) - offset;

  if (n == 0)
    return;
  mkv_tree_leaf_open (self, index, n, n_octets);
  memcpy ((*self)->short_ids + index, other->short_ids + from, 8 * n);
  memcpy (get_rests (*self) + REST_BYTES * index, get_rests (other) + REST_BYTES * from, REST_BYTES * n);
  memcpy (get_lengths (*self) + index, get_lengths (other) + from, n);
  memcpy (get_keys (*self) + (*self)->n_key_octets - n_octets, get_keys (other) + offset, n_octets);
}

const char *
mkv_tree_leaf_get_key (const MkvTreeLeaf *self, guint index)
{
  return get_keys (self) + get_key_offset (self, index);
}

void
mkv_tree_leaf_get_digest (const MkvTreeLeaf *self, guint index, guint8 *digest)
{
  guint32 start = GUINT32_TO_BE ((guint32) self->short_ids[index]);

  memcpy (digest, &start, sizeof start);
  memcpy (digest + 4, get_rests (self) + REST_BYTES * index, REST_BYTES);
}

void
mkv_tree_leaf_set_digest (MkvTreeLeaf *self, guint index, const guint8 *digest)
{
  self->short_ids[index] = (self->short_ids[index] & ~(guint64) G_MAXUINT32) | read_32 (digest);
  memcpy (get_rests (self) + REST_BYTES * index, digest + 4, REST_BYTES);
}

guint
mkv_tree_leaf_get_digit (const MkvTreeLeaf *self, guint index, guint depth, MkvTreePositionFunc get_position)
{
  guint8 position[MKV_DIGEST_BYTES];

  if (depth < 8)
    return (guint) (self->short_ids[index] >> (60 - 4 * depth)) & 0xF;
  get_position (mkv_tree_leaf_get_key (self, index), get_lengths (self)[index] + 1u, position);
  return (position[depth / 2] >> (depth % 2 == 0 ? 4 : 0)) & 0xF;
}

void
mkv_tree_leaf_hash (const MkvTreeLeaf *self, guint8 *digest)
{
  guint8 message[1 + MKV_TREE_LEAF_ENTRIES * MKV_DIGEST_BYTES] = { 0x00 };

  for (guint i = 0; i < self->n_entries; i++)
    mkv_tree_leaf_get_digest (self, i, message + 1 + MKV_DIGEST_BYTES * i);
  mkv_sha256 (message, 1 + (gsize) MKV_DIGEST_BYTES * self->n_entries, digest);
}

MkvCell
mkv_tree_leaf_get_cell (const MkvTreeLeaf *self, guint from, guint n)
{
  MkvCell cell = { 0, 0 };

  for (guint i = from; i < from + n; i++)
    cell = mkv_cell_add (cell, mkv_cell_of (self->short_ids[i]));
  return cell;
}

guint
mkv_tree_leaf_get_range (const MkvTreeLeaf *self, MkvPrefix prefix, guint *from)
{
  guint32 mask = mkv_prefix_get_mask (prefix);
  guint n_before = 0, n = 0;

  for (guint i = 0; i < self->n_entries; i++)
    {
      guint32 position = mkv_short_id_get_position (self->short_ids[i]) & mask;

      n_before += position < prefix.bits;
      n += position == prefix.bits;
    }
  *from = n_before;
  return n;
}
