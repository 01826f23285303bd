/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-sim-model.h"

#include "base/mkv-error.h"

struct _MkvSimModel
{
  GHashTable *nodes;      /* node id to a GHashTable of key to its latest MkvEntry */
  GHashTable *taken_back; /* key to a GPtrArray of MkvEntry */
};

static void
unref_entry (gpointer entry)
{
  mkv_entry_unref (entry);
}

MkvSimModel *
mkv_sim_model_new (void)
{
  MkvSimModel *self = g_new0 (MkvSimModel, 1);

  self->nodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  self->taken_back = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  return self;
}

void
mkv_sim_model_free (MkvSimModel *self)
{
  g_hash_table_unref (self->nodes);
  g_hash_table_unref (self->taken_back);
  g_free (self);
}

static void
take_back (MkvSimModel *self, MkvEntry *entry)
{
  const char *key = mkv_entry_get_key (entry);
  GPtrArray *entries = g_hash_table_lookup (self->taken_back, key);

  if (entries == NULL)
    {
      entries = g_ptr_array_new_with_free_func (unref_entry);
      g_hash_table_insert (self->taken_back, g_strdup (key), entries);
    }
  g_ptr_array_add (entries, mkv_entry_ref (entry));
}

void
mkv_sim_model_add (MkvSimModel *self, MkvEntry *entry, gint64 latest)
{
  const char *node_id = mkv_entry_get_stamp (entry)->node_id;
  const char *key = mkv_entry_get_key (entry);
  GHashTable *entries = g_hash_table_lookup (self->nodes, node_id);
  MkvEntry *old;

  if (entries == NULL)
    {
      entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, unref_entry);
      g_hash_table_insert (self->nodes, g_strdup (node_id), entries);
    }
  old = g_hash_table_lookup (entries, key);
  if (old != NULL && mkv_entry_compare (old, entry) >= 0)
    {
      if (mkv_entry_get_stamp (old)->timestamp <= latest)
        return;
      take_back (self, old);
    }
  g_hash_table_insert (entries, g_strdup (key), mkv_entry_ref (entry));
}

static GPtrArray *
scan (MkvStorage *storage)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *entries = mkv_storage_scan (storage, NULL, NULL, 10000000, &error);

  g_assert_no_error (error);
  return entries;
}

static MkvEntry *
get (MkvStorage *storage, const char *key)
{
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_storage_get (storage, key, &error);

  if (entry == NULL)
    g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  return entry;
}

void
mkv_sim_model_add_own (MkvSimModel *self, MkvStorage *storage, const char *node_id, gint64 latest)
{
  g_autoptr (GPtrArray) entries = scan (storage);

  for (guint i = 0; i < entries->len; i++)
    if (g_str_equal (mkv_entry_get_stamp (entries->pdata[i])->node_id, node_id))
      mkv_sim_model_add (self, entries->pdata[i], latest);
}

static gboolean
is_live (MkvEntry *entry)
{
  return entry != NULL && !mkv_entry_is_tombstone (entry);
}

/* What was taken back may have come by at somebody whose clock was ahead as
 * well, or who got to hear of it late: then it is an entry like others. */
static gboolean
is_expected (MkvSimModel *self, const char *key, MkvEntry *entry, MkvEntry *expected)
{
  GPtrArray *others = g_hash_table_lookup (self->taken_back, key);

  if (!is_live (entry) && !is_live (expected))
    return TRUE;
  if (entry != NULL && expected != NULL && mkv_entry_compare (entry, expected) == 0)
    return TRUE;
  for (guint i = 0; others != NULL && i < others->len; i++)
    if (expected == NULL || mkv_entry_compare (others->pdata[i], expected) > 0)
      {
        if (entry == NULL ? !is_live (others->pdata[i]) : mkv_entry_compare (entry, others->pdata[i]) == 0)
          return TRUE;
      }
  return FALSE;
}

char *
mkv_sim_entry_to_string (MkvEntry *entry)
{
  const MkvStamp *stamp;
  g_autofree char *value = NULL;

  if (entry == NULL)
    return g_strdup ("nothing");
  stamp = mkv_entry_get_stamp (entry);
  value = mkv_entry_dup_text (entry);
  return g_strdup_printf ("%s at %" G_GINT64_FORMAT " by %s, %" G_GINT64_FORMAT,
                          value != NULL ? value : "(deleted)", stamp->timestamp, stamp->node_id, stamp->seq);
}

char *
mkv_sim_model_check (MkvSimModel *self, MkvStorage *storage)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) winners = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) entries = scan (storage);
  GString *text = g_string_new (NULL);
  GHashTableIter nodes, iter;
  gpointer table, key, entry;

  g_hash_table_iter_init (&nodes, self->nodes);
  while (g_hash_table_iter_next (&nodes, NULL, &table))
    {
      g_hash_table_iter_init (&iter, table);
      while (g_hash_table_iter_next (&iter, &key, &entry))
        {
          MkvEntry *other = g_hash_table_lookup (winners, key);

          if (other == NULL || mkv_entry_compare (entry, other) > 0)
            g_hash_table_insert (winners, key, entry);
          g_hash_table_add (keys, g_strdup (key));
        }
    }
  for (guint i = 0; i < entries->len; i++)
    g_hash_table_add (keys, g_strdup (mkv_entry_get_key (entries->pdata[i])));

  g_hash_table_iter_init (&iter, keys);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      g_autoptr (MkvEntry) held = get (storage, key);
      MkvEntry *expected = g_hash_table_lookup (winners, key);

      if (!is_expected (self, key, held, expected))
        {
          g_autofree char *what = mkv_sim_entry_to_string (held);
          g_autofree char *other = mkv_sim_entry_to_string (expected);

          g_string_append_printf (text, "%s is %s, and has to be %s\n", (const char *) key, what, other);
        }
    }
  return g_string_free (text, text->len == 0);
}

char *
mkv_sim_describe (MkvStorage *storage)
{
  g_autoptr (GPtrArray) entries = scan (storage);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < entries->len; i++)
    if (is_live (entries->pdata[i]))
      {
        g_autofree char *line = mkv_sim_entry_to_string (entries->pdata[i]);

        g_string_append_printf (text, "%s: %s\n", mkv_entry_get_key (entries->pdata[i]), line);
      }
  return g_string_free (text, FALSE);
}

gboolean
mkv_sim_is_held (MkvStorage *storage, MkvStorage **others, guint n_others)
{
  g_autoptr (GPtrArray) entries = scan (storage);

  for (guint i = 0; i < entries->len; i++)
    {
      gboolean held = FALSE;

      for (guint j = 0; j < n_others && !held; j++)
        if (others[j] != storage)
          {
            g_autoptr (MkvEntry) entry = get (others[j], mkv_entry_get_key (entries->pdata[i]));

            held = entry != NULL && mkv_entry_compare (entry, entries->pdata[i]) >= 0;
          }
      if (!held)
        return FALSE;
    }
  return TRUE;
}
