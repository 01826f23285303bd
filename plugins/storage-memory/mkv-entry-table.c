/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-entry-table.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* One key. It stays where it is when its entry is replaced, so that an
 * overwrite changes neither the table nor the index. */
typedef struct
{
  MkvEntry *entry;
  char key[];
} Slot;

#define SLOT_OF(key_) ((Slot *) ((char *) (key_) -G_STRUCT_OFFSET (Slot, key)))

struct _MkvEntryTable
{
  GRWLock lock;        /* guards all below */
  GHashTable *table;   /* a set of Slot.key; owns the slots */
  GTree *index;        /* Slot.key, in bytewise order; borrowed */
  GTree *meta;         /* name to GBytes, in bytewise order */
  guint64 n_tombstones;
  guint64 n_bytes;     /* of keys and values */
};

static void
slot_free (gpointer key)
{
  Slot *slot = SLOT_OF (key);

  mkv_entry_unref (slot->entry);
  g_free (slot);
}

static gint
compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

MkvEntryTable *
mkv_entry_table_new (void)
{
  MkvEntryTable *self = g_new0 (MkvEntryTable, 1);

  g_rw_lock_init (&self->lock);
  self->table = g_hash_table_new_full (g_str_hash, g_str_equal, slot_free, NULL);
  self->index = g_tree_new_full (compare_names, NULL, NULL, NULL);
  self->meta = g_tree_new_full (compare_names, NULL, g_free, (GDestroyNotify) g_bytes_unref);
  return self;
}

void
mkv_entry_table_free (MkvEntryTable *self)
{
  g_tree_unref (self->index);
  g_hash_table_unref (self->table);
  g_tree_unref (self->meta);
  g_rw_lock_clear (&self->lock);
  g_free (self);
}

static void
account (MkvEntryTable *self, MkvEntry *entry, gboolean added)
{
  gsize value_length;
  guint64 n_tombstones = mkv_entry_peek_value (entry, &value_length) == NULL;
  guint64 n_bytes = strlen (mkv_entry_get_key (entry)) + value_length;

  self->n_bytes += added ? n_bytes : -n_bytes;
  self->n_tombstones += added ? n_tombstones : -n_tombstones;
}

MkvEntry *
mkv_entry_table_get (MkvEntryTable *self, const char *key, GError **error)
{
  MkvEntry *entry = NULL;
  char *found;

  g_rw_lock_reader_lock (&self->lock);
  found = g_hash_table_lookup (self->table, key);
  if (found != NULL)
    entry = mkv_entry_ref (SLOT_OF (found)->entry);
  g_rw_lock_reader_unlock (&self->lock);
  if (entry == NULL)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is no such key"));
  return entry;
}

/* The first name that begins with @prefix and lies behind @after. */
static GTreeNode *
first_node (GTree *tree, const char *prefix, const char *after)
{
  if (after != NULL && (prefix == NULL || strcmp (after, prefix) >= 0))
    return g_tree_upper_bound (tree, after);
  return prefix != NULL ? g_tree_lower_bound (tree, prefix) : g_tree_node_first (tree);
}

GPtrArray *
mkv_entry_table_scan (MkvEntryTable *self, const char *prefix, const char *after, guint limit)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  g_rw_lock_reader_lock (&self->lock);
  for (GTreeNode *node = first_node (self->index, prefix, after); node != NULL && entries->len < limit;
       node = g_tree_node_next (node))
    {
      const char *key = g_tree_node_key (node);

      if (prefix != NULL && !g_str_has_prefix (key, prefix))
        break;
      g_ptr_array_add (entries, mkv_entry_ref (SLOT_OF (key)->entry));
    }
  g_rw_lock_reader_unlock (&self->lock);
  return entries;
}

static void
put (MkvEntryTable *self, MkvEntry *entry)
{
  const char *key = mkv_entry_get_key (entry);
  char *found = g_hash_table_lookup (self->table, key);

  account (self, entry, TRUE);
  if (found != NULL)
    {
      Slot *slot = SLOT_OF (found);
      MkvEntry *old = slot->entry;

      slot->entry = mkv_entry_ref (entry);
      account (self, old, FALSE);
      mkv_entry_unref (old);
    }
  else
    {
      gsize length = strlen (key) + 1;
      Slot *slot = g_malloc (sizeof (Slot) + length);

      memcpy (slot->key, key, length);
      slot->entry = mkv_entry_ref (entry);
      g_hash_table_add (self->table, slot->key);
      g_tree_insert (self->index, slot->key, slot->key);
    }
}

static void
remove_key (MkvEntryTable *self, const char *key)
{
  char *found = g_hash_table_lookup (self->table, key);

  if (found == NULL)
    return;
  account (self, SLOT_OF (found)->entry, FALSE);
  g_tree_remove (self->index, found);
  g_hash_table_remove (self->table, found);
}

void
mkv_entry_table_apply (MkvEntryTable *self, MkvStorageBatch *batch)
{
  GPtrArray *entries = mkv_storage_batch_get_entries (batch);
  GPtrArray *removed = mkv_storage_batch_get_removed (batch);
  guint n_meta = mkv_storage_batch_get_n_meta (batch);

  g_rw_lock_writer_lock (&self->lock);
  for (guint i = 0; i < entries->len; i++)
    put (self, entries->pdata[i]);
  for (guint i = 0; i < removed->len; i++)
    remove_key (self, removed->pdata[i]);
  for (guint i = 0; i < n_meta; i++)
    {
      const char *name = mkv_storage_batch_get_meta_name (batch, i);
      GBytes *value = mkv_storage_batch_get_meta_value (batch, i);

      if (value != NULL)
        g_tree_replace (self->meta, g_strdup (name), g_bytes_ref (value));
      else
        g_tree_remove (self->meta, name);
    }
  g_rw_lock_writer_unlock (&self->lock);
}

GBytes *
mkv_entry_table_get_meta (MkvEntryTable *self, const char *name, GError **error)
{
  GBytes *value;

  g_rw_lock_reader_lock (&self->lock);
  value = g_tree_lookup (self->meta, name);
  if (value != NULL)
    g_bytes_ref (value);
  g_rw_lock_reader_unlock (&self->lock);
  if (value == NULL)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is nothing of that name"));
  return value;
}

GPtrArray *
mkv_entry_table_scan_meta (MkvEntryTable *self, const char *prefix, const char *after, guint limit)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  g_rw_lock_reader_lock (&self->lock);
  for (GTreeNode *node = first_node (self->meta, prefix, after); node != NULL && names->len < limit;
       node = g_tree_node_next (node))
    {
      const char *name = g_tree_node_key (node);

      if (prefix != NULL && !g_str_has_prefix (name, prefix))
        break;
      g_ptr_array_add (names, g_strdup (name));
    }
  g_rw_lock_reader_unlock (&self->lock);
  return names;
}

void
mkv_entry_table_get_stats (MkvEntryTable *self, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes)
{
  g_rw_lock_reader_lock (&self->lock);
  *n_entries = g_hash_table_size (self->table) - self->n_tombstones;
  *n_tombstones = self->n_tombstones;
  *n_bytes = self->n_bytes;
  g_rw_lock_reader_unlock (&self->lock);
}
