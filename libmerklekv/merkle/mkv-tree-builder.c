/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "merkle/mkv-tree-builder-private.h"

#include "merkle/mkv-tree-node-private.h"

/* What is added, by the first two digits of the position: records that lie one
 * behind the other. */
#define N_BUCKETS (256)
#define BUCKET_DIGITS (2)

/* An entry in a bucket; its key without a NUL follows. */
typedef struct
{
  guint8 position[8]; /* its start */
  guint8 digest[MKV_DIGEST_BYTES];
  guint8 length; /* of the key, less one */
  char key[];
} Record;

typedef struct
{
  GByteArray *records;
  guint n_entries;
} Bucket;

struct _MkvTreeBuilder
{
  MkvTree *tree;
  Bucket buckets[N_BUCKETS];
};

/* A record while it is sorted, with the start of its position as a number. */
typedef struct
{
  guint64 position;
  const Record *record;
} Item;

MkvTreeBuilder *
mkv_tree_builder_new (MkvTree *tree)
{
  MkvTreeBuilder *self = g_new0 (MkvTreeBuilder, 1);

  self->tree = tree;
  for (guint i = 0; i < N_BUCKETS; i++)
    self->buckets[i].records = g_byte_array_new ();
  return self;
}

void
mkv_tree_builder_free (MkvTreeBuilder *self)
{
  for (guint i = 0; i < N_BUCKETS; i++)
    g_byte_array_unref (self->buckets[i].records);
  g_free (self);
}

void
mkv_tree_builder_add (MkvTreeBuilder *self, const char *key, const guint8 *digest)
{
  gsize length = strlen (key);
  guint8 position[MKV_DIGEST_BYTES];
  Bucket *bucket;
  Record *record;
  guint offset;

  self->tree->get_position (key, length, position);
  bucket = &self->buckets[position[0]];
  offset = bucket->records->len;
  g_byte_array_set_size (bucket->records, offset + (guint) (sizeof (Record) + length));
  record = (Record *) (bucket->records->data + offset);
  memcpy (record->position, position, sizeof record->position);
  memcpy (record->digest, digest, sizeof record->digest);
  record->length = (guint8) (length - 1);
  memcpy (record->key, key, length);
  bucket->n_entries++;
}

static const Record *
get_next (const Record *record)
{
  return (const Record *) (record->key + record->length + 1);
}

/* Whether @a stands behind @b. */
static gboolean
is_behind (const Item *a, const Item *b, MkvTreePositionFunc get_position)
{
  guint8 position_a[MKV_DIGEST_BYTES], position_b[MKV_DIGEST_BYTES];

  if (a->position != b->position)
    return a->position > b->position;
  get_position (a->record->key, a->record->length + 1u, position_a);
  get_position (b->record->key, b->record->length + 1u, position_b);
  return memcmp (position_a, position_b, sizeof position_a) > 0;
}

static void
make_leaf (MkvTreeNode *node, Item *items, MkvTreePositionFunc get_position)
{
  guint n = node->n_entries;
  gsize n_octets = 0;
  MkvCell cell;

  for (guint i = 0; i < n; i++)
    {
      Item item = items[i];
      guint j = i;

      for (; j > 0 && is_behind (&items[j - 1], &item, get_position); j--)
        items[j] = items[j - 1];
      items[j] = item;
      n_octets += item.record->length + 2u;
    }
  if (n > 0)
    mkv_tree_leaf_open (&node->leaf, 0, n, n_octets);
  for (guint i = 0; i < n; i++)
    {
      const Record *record = items[i].record;

      mkv_tree_leaf_set (node->leaf, i, record->position, record->key, record->length + 1u, record->digest);
    }
  cell = n > 0 ? mkv_tree_leaf_get_cell (node->leaf, 0, n) : (MkvCell){ 0, 0 };
  node->s = cell.s;
  node->k = cell.k;
}

static guint
get_digit (const Item *item, guint depth, MkvTreePositionFunc get_position)
{
  guint8 position[MKV_DIGEST_BYTES];

  if (depth < 16)
    return (guint) (item->position >> (60 - 4 * depth)) & 0xF;
  get_position (item->record->key, item->record->length + 1u, position);
  return (position[depth / 2] >> (depth % 2 == 0 ? 4 : 0)) & 0xF;
}

/* Makes the node of @n items, whose first @depth digits are equal. @spare has
 * room for as many, and both may be left in any order. */
static void
make_node (MkvTreeNode *node, guint n, Item *items, Item *spare, guint depth, MkvTreePositionFunc get_position)
{
  guint counts[16] = { 0 }, starts[16], next[16];

  node->n_entries = n;
  node->dirty = n > 0;
  if (mkv_tree_node_is_leaf (node))
    {
      make_leaf (node, items, get_position);
      return;
    }
  for (guint i = 0; i < n; i++)
    counts[get_digit (&items[i], depth, get_position)]++;
  for (guint i = 0, start = 0; i < 16; start += counts[i++])
    starts[i] = next[i] = start;
  for (guint i = 0; i < n; i++)
    spare[next[get_digit (&items[i], depth, get_position)]++] = items[i];
  node->inner = mkv_tree_inner_new ();
  for (guint i = 0; i < 16; i++)
    {
      MkvTreeNode *child = &node->inner->children[i];

      make_node (child, counts[i], spare + starts[i], items + starts[i], depth + 1, get_position);
      node->s += child->s;
      node->k += child->k;
    }
}

/* Makes the node of a bucket, and those above it. */
static void
add_bucket (MkvTreeBuilder *self, guint index)
{
  const Bucket *bucket = &self->buckets[index];
  g_autofree Item *items = g_new (Item, bucket->n_entries);
  g_autofree Item *spare = g_new (Item, bucket->n_entries);
  const Record *record = (const Record *) bucket->records->data;
  MkvTreeNode *path[BUCKET_DIGITS + 1] = { &self->tree->root };
  const guint digits[BUCKET_DIGITS] = { index >> 4, index & 0xF };

  for (guint i = 0; i < bucket->n_entries; i++, record = get_next (record))
    {
      memcpy (&items[i].position, record->position, sizeof items[i].position);
      items[i].position = GUINT64_FROM_BE (items[i].position);
      items[i].record = record;
    }
  for (guint i = 0; i < BUCKET_DIGITS; i++)
    {
      if (path[i]->n_entries == 0)
        path[i]->inner = mkv_tree_inner_new ();
      path[i + 1] = &path[i]->inner->children[digits[i]];
    }
  make_node (path[BUCKET_DIGITS], bucket->n_entries, items, spare, BUCKET_DIGITS, self->tree->get_position);
  for (guint i = 0; i < BUCKET_DIGITS; i++)
    {
      path[i]->n_entries += bucket->n_entries;
      path[i]->s += path[BUCKET_DIGITS]->s;
      path[i]->k += path[BUCKET_DIGITS]->k;
      path[i]->dirty = TRUE;
    }
}

/* Small buckets may belong into a leaf with others. */
static void
put_bucket (MkvTreeBuilder *self, guint index)
{
  const Bucket *bucket = &self->buckets[index];
  const Record *record = (const Record *) bucket->records->data;
  char key[MKV_MAX_KEY_BYTES + 1];

  for (guint i = 0; i < bucket->n_entries; i++, record = get_next (record))
    {
      memcpy (key, record->key, record->length + 1u);
      key[record->length + 1u] = 0;
      mkv_tree_put (self->tree, key, record->digest);
    }
}

void
mkv_tree_builder_finish (MkvTreeBuilder *self)
{
  /* A node above a large bucket is no leaf, whatever else comes below it. */
  for (guint i = 0; i < N_BUCKETS; i++)
    if (self->buckets[i].n_entries > MKV_TREE_LEAF_ENTRIES)
      {
        add_bucket (self, i);
        g_byte_array_unref (self->buckets[i].records);
        self->buckets[i] = (Bucket){ g_byte_array_new (), 0 };
      }
  for (guint i = 0; i < N_BUCKETS; i++)
    put_bucket (self, i);
  mkv_tree_builder_free (self);
}
