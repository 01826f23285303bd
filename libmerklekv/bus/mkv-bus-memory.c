/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "bus/mkv-bus-memory-private.h"

/* The writer and the number of what was only listed: no entry has the time 0. */
#define NOBODY "nobody"

struct _MkvBusMemory
{
  char *prefix;

  GMutex mutex;
  GHashTable *entries; /* the entry's key > MkvEntry: tombstones */
};

MkvBusMemory *
mkv_bus_memory_new (const char *prefix)
{
  MkvBusMemory *self = g_new0 (MkvBusMemory, 1);

  self->prefix = g_strdup (prefix);
  g_mutex_init (&self->mutex);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) mkv_entry_unref);
  return self;
}

void
mkv_bus_memory_free (MkvBusMemory *self)
{
  g_hash_table_unref (self->entries);
  g_mutex_clear (&self->mutex);
  g_free (self->prefix);
  g_free (self);
}

/* Called with the mutex held. */
static void
put (MkvBusMemory *self, const char *key, gint64 timestamp, const char *node_id, gint64 seq)
{
  MkvEntry *tombstone = mkv_entry_new (key, NULL, timestamp, node_id, seq, NULL);

  if (tombstone != NULL)
    g_hash_table_replace (self->entries, (gpointer) mkv_entry_get_key (tombstone), tombstone);
}

void
mkv_bus_memory_add (MkvBusMemory *self, MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  const char *key = mkv_entry_get_key (entry);

  if (!g_str_has_prefix (key, self->prefix))
    return;
  g_mutex_lock (&self->mutex);
  if (mkv_entry_is_tombstone (entry))
    g_hash_table_remove (self->entries, key);
  else
    put (self, key, stamp->timestamp, stamp->node_id, stamp->seq);
  g_mutex_unlock (&self->mutex);
}

void
mkv_bus_memory_add_keys (MkvBusMemory *self, const char *const *keys)
{
  g_mutex_lock (&self->mutex);
  for (; *keys != NULL; keys++)
    if (g_str_has_prefix (*keys, self->prefix) && !g_hash_table_contains (self->entries, *keys))
      put (self, *keys, 0, NOBODY, 1);
  g_mutex_unlock (&self->mutex);
}

void
mkv_bus_memory_clear (MkvBusMemory *self)
{
  g_mutex_lock (&self->mutex);
  g_hash_table_remove_all (self->entries);
  g_mutex_unlock (&self->mutex);
}

gboolean
mkv_bus_memory_contains (MkvBusMemory *self, MkvEntry *entry)
{
  MkvEntry *known;
  gboolean found;

  g_mutex_lock (&self->mutex);
  known = g_hash_table_lookup (self->entries, mkv_entry_get_key (entry));
  found = known != NULL && mkv_stamp_compare (mkv_entry_get_stamp (known), mkv_entry_get_stamp (entry)) == 0;
  g_mutex_unlock (&self->mutex);
  return found;
}

GHashTable *
mkv_bus_memory_copy (MkvBusMemory *self)
{
  GHashTable *copy = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) mkv_entry_unref);
  GHashTableIter iter;
  gpointer entry;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    g_hash_table_insert (copy, (gpointer) mkv_entry_get_key (entry), mkv_entry_ref (entry));
  g_mutex_unlock (&self->mutex);
  return copy;
}

gboolean
mkv_bus_memory_remove (MkvBusMemory *self, MkvEntry *entry)
{
  const char *key = mkv_entry_get_key (entry);
  gboolean unchanged;

  g_mutex_lock (&self->mutex);
  unchanged = g_hash_table_lookup (self->entries, key) == entry;
  if (unchanged)
    g_hash_table_remove (self->entries, key);
  g_mutex_unlock (&self->mutex);
  return unchanged;
}
