/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-ahead-private.h"

#include <string.h>

struct _MkvAhead
{
  GTree *entries; /* of MkvAheadEntry, by timestamp and key */
};

static gint
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const MkvAheadEntry *x = a, *y = b;

  if (x->timestamp != y->timestamp)
    return x->timestamp < y->timestamp ? -1 : 1;
  return strcmp (x->key, y->key);
}

MkvAhead *
mkv_ahead_new (void)
{
  MkvAhead *self = g_new0 (MkvAhead, 1);

  self->entries = g_tree_new_full (compare, NULL, g_free, NULL);
  return self;
}

void
mkv_ahead_free (MkvAhead *self)
{
  g_tree_unref (self->entries);
  g_free (self);
}

gboolean
mkv_ahead_is_empty (const MkvAhead *self)
{
  return g_tree_nnodes (self->entries) == 0;
}

static MkvAheadEntry *
make (gint64 timestamp, const char *key)
{
  gsize size = strlen (key) + 1;
  MkvAheadEntry *entry = g_malloc0 (sizeof *entry + size);

  entry->timestamp = timestamp;
  memcpy (entry->key, key, size);
  return entry;
}

void
mkv_ahead_add (MkvAhead *self, const MkvEntry *entry)
{
  MkvAheadEntry *copy = make (mkv_entry_get_stamp (entry)->timestamp, mkv_entry_get_key (entry));

  copy->tombstone = mkv_entry_is_tombstone (entry);
  memcpy (copy->digest, mkv_entry_peek_digest (entry), sizeof copy->digest);
  g_tree_replace (self->entries, copy, copy);
}

const MkvAheadEntry *
mkv_ahead_find (const MkvAhead *self, gint64 timestamp, const char *key)
{
  g_autofree MkvAheadEntry *place = make (timestamp, key);

  return g_tree_lookup (self->entries, place);
}

void
mkv_ahead_remove (MkvAhead *self, const MkvAheadEntry *entry)
{
  g_tree_remove (self->entries, entry);
}

static GTreeNode *
find_after (const MkvAhead *self, gint64 timestamp)
{
  g_autofree MkvAheadEntry *place = NULL;

  if (timestamp == G_MAXINT64)
    return NULL;
  /* No key is empty, so this comes before all of the next millisecond. */
  place = make (timestamp + 1, "");
  return g_tree_lower_bound (self->entries, place);
}

const MkvAheadEntry *
mkv_ahead_get_first_after (const MkvAhead *self, gint64 timestamp)
{
  GTreeNode *node = find_after (self, timestamp);

  return node != NULL ? g_tree_node_key (node) : NULL;
}

void
mkv_ahead_foreach (const MkvAhead *self, gint64 after, gint64 to, MkvAheadFunc func, gpointer user_data)
{
  for (GTreeNode *node = find_after (self, after); node != NULL; node = g_tree_node_next (node))
    {
      const MkvAheadEntry *entry = g_tree_node_key (node);

      if (entry->timestamp > to)
        break;
      func (entry, user_data);
    }
}
