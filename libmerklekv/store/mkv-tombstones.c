/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-tombstones-private.h"

#include <string.h>

typedef struct
{
  gint64 hour; /* ms, a full hour */
  GHashTable *keys;
} Bucket;

struct _MkvTombstones
{
  GTree *buckets; /* by hour; none is empty */
  Bucket *latest; /* the one looked at last, or NULL: deletes come in order of time */
  gint64 oldest;
  guint64 count;
};

static void
bucket_free (gpointer data)
{
  Bucket *bucket = data;

  g_hash_table_unref (bucket->keys);
  g_free (bucket);
}

static gint
compare_hours (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const gint64 *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

MkvTombstones *
mkv_tombstones_new (void)
{
  MkvTombstones *self = g_new0 (MkvTombstones, 1);

  self->buckets = g_tree_new_full (compare_hours, NULL, NULL, bucket_free);
  self->oldest = G_MAXINT64;
  return self;
}

void
mkv_tombstones_free (MkvTombstones *self)
{
  g_tree_unref (self->buckets);
  g_free (self);
}

static Bucket *
find (MkvTombstones *self, gint64 timestamp)
{
  gint64 hour = timestamp - timestamp % MKV_HOUR;

  if (self->latest == NULL || self->latest->hour != hour)
    self->latest = g_tree_lookup (self->buckets, &hour);
  return self->latest;
}

/* As find(), but there is one from now on. */
static Bucket *
get (MkvTombstones *self, gint64 timestamp)
{
  Bucket *bucket = find (self, timestamp);

  if (bucket == NULL)
    {
      bucket = self->latest = g_new0 (Bucket, 1);
      bucket->hour = timestamp - timestamp % MKV_HOUR;
      bucket->keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_tree_insert (self->buckets, &bucket->hour, bucket);
      self->oldest = MIN (self->oldest, bucket->hour);
    }
  return bucket;
}

static void
drop_if_empty (MkvTombstones *self, Bucket *bucket)
{
  GTreeNode *first;

  if (g_hash_table_size (bucket->keys) > 0)
    return;
  self->latest = NULL;
  g_tree_remove (self->buckets, &bucket->hour);
  first = g_tree_node_first (self->buckets);
  self->oldest = first != NULL ? ((Bucket *) g_tree_node_value (first))->hour : G_MAXINT64;
}

void
mkv_tombstones_add (MkvTombstones *self, gint64 timestamp, const char *key)
{
  Bucket *bucket = get (self, timestamp);

  self->count += g_hash_table_add (bucket->keys, g_strdup (key)) ? 1 : 0;
}

gboolean
mkv_tombstones_remove (MkvTombstones *self, gint64 timestamp, const char *key)
{
  Bucket *bucket = find (self, timestamp);

  if (bucket == NULL || !g_hash_table_remove (bucket->keys, key))
    return FALSE;
  self->count--;
  drop_if_empty (self, bucket);
  return TRUE;
}

guint64
mkv_tombstones_get_count (const MkvTombstones *self)
{
  return self->count;
}

gint64
mkv_tombstones_get_oldest (const MkvTombstones *self)
{
  return self->oldest;
}

/* The bucket of @node, if it is before @to. */
static Bucket *
get_bucket (GTreeNode *node, gint64 to)
{
  Bucket *bucket = node != NULL ? g_tree_node_value (node) : NULL;

  return bucket != NULL && bucket->hour < to ? bucket : NULL;
}

guint
mkv_tombstones_count_oldest (const MkvTombstones *self)
{
  Bucket *bucket = get_bucket (g_tree_node_first (self->buckets), G_MAXINT64);

  return bucket != NULL ? g_hash_table_size (bucket->keys) : 0;
}

void
mkv_tombstones_move_oldest (MkvTombstones *self, MkvTombstones *other, guint n, MkvTombstoneFunc func,
                            gpointer user_data)
{
  Bucket *bucket = get_bucket (g_tree_node_first (self->buckets), G_MAXINT64), *to;
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer key;

  if (bucket == NULL)
    return;
  to = get (other, bucket->hour);
  g_hash_table_iter_init (&iter, bucket->keys);
  while (keys->len < n && g_hash_table_iter_next (&iter, &key, NULL))
    g_ptr_array_add (keys, key);
  for (guint i = 0; i < keys->len; i++)
    {
      key = keys->pdata[i];
      func (key, user_data);
      g_hash_table_steal (bucket->keys, key);
      other->count += g_hash_table_add (to->keys, key) ? 1 : 0;
    }
  self->count -= keys->len;
  drop_if_empty (self, bucket);
}

GPtrArray *
mkv_tombstones_list (const MkvTombstones *self, gint64 to, guint n)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  GTreeNode *node = g_tree_node_first (self->buckets);

  for (Bucket *bucket; list->len < n && (bucket = get_bucket (node, to)) != NULL; node = g_tree_node_next (node))
    {
      GHashTableIter iter;
      gpointer key;

      g_hash_table_iter_init (&iter, bucket->keys);
      while (list->len < n && g_hash_table_iter_next (&iter, &key, NULL))
        {
          gsize size = strlen (key) + 1;
          MkvTombstone *tombstone = g_malloc (sizeof *tombstone + size);

          tombstone->hour = bucket->hour;
          memcpy (tombstone->key, key, size);
          g_ptr_array_add (list, tombstone);
        }
    }
  return list;
}
