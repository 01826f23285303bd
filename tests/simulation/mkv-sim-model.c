/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-sim-model.h"

#include "base/mkv-error.h"

struct _MkvSimModel
{
  GHashTable *keys; /* to GArray of Written */
};

typedef struct
{
  MkvEntry *entry;
  gboolean doubtful; /* its writer may have taken it back */
} Written;

static void
written_clear (gpointer data)
{
  mkv_entry_unref (((Written *) data)->entry);
}

MkvSimModel *
mkv_sim_model_new (void)
{
  MkvSimModel *self = g_new0 (MkvSimModel, 1);

  self->keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
  return self;
}

void
mkv_sim_model_free (MkvSimModel *self)
{
  g_hash_table_unref (self->keys);
  g_free (self);
}

/* Where an entry of @node_id is taken back, those that it had superseded may be
 * gone before anybody saw them. */
static void
doubt_key (GArray *all, const char *node_id, gint64 latest)
{
  gboolean doubtful = FALSE;

  for (guint i = all->len; i > 0; i--)
    {
      Written *written = &g_array_index (all, Written, i - 1);
      const MkvStamp *stamp = mkv_entry_get_stamp (written->entry);

      if (!g_str_equal (stamp->node_id, node_id))
        continue;
      doubtful = doubtful || stamp->timestamp > latest;
      written->doubtful = written->doubtful || doubtful;
    }
}

void
mkv_sim_model_add (MkvSimModel *self, MkvEntry *entry, gint64 latest)
{
  Written written = { entry, FALSE };
  GArray *all = g_hash_table_lookup (self->keys, mkv_entry_get_key (entry));

  if (all == NULL)
    {
      all = g_array_new (FALSE, FALSE, sizeof (Written));
      g_array_set_clear_func (all, written_clear);
      g_hash_table_insert (self->keys, g_strdup (mkv_entry_get_key (entry)), all);
    }
  for (guint i = 0; i < all->len; i++)
    if (mkv_entry_compare (g_array_index (all, Written, i).entry, entry) == 0)
      return;
  mkv_entry_ref (entry);
  g_array_append_val (all, written);
  doubt_key (all, mkv_entry_get_stamp (entry)->node_id, latest);
}

void
mkv_sim_model_doubt (MkvSimModel *self, const char *node_id, gint64 latest)
{
  GHashTableIter iter;
  gpointer all;

  g_hash_table_iter_init (&iter, self->keys);
  while (g_hash_table_iter_next (&iter, NULL, &all))
    doubt_key (all, node_id, latest);
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

/* What wins of all that is not in doubt. */
static MkvEntry *
find_winner (GArray *all)
{
  MkvEntry *winner = NULL;

  for (guint i = 0; all != NULL && i < all->len; i++)
    {
      const Written *written = &g_array_index (all, Written, i);

      if (!written->doubtful && (winner == NULL || mkv_entry_compare (written->entry, winner) > 0))
        winner = written->entry;
    }
  return winner;
}

static gboolean
is_same (MkvEntry *a, MkvEntry *b)
{
  if (!is_live (a) && !is_live (b))
    return TRUE;
  return a != NULL && b != NULL && mkv_entry_compare (a, b) == 0;
}

/* What is in doubt counts like any other where somebody had it before it was
 * taken back. */
static gboolean
is_expected (MkvEntry *entry, MkvEntry *winner, GArray *all)
{
  if (is_same (entry, winner))
    return TRUE;
  for (guint i = 0; all != NULL && i < all->len; i++)
    {
      const Written *written = &g_array_index (all, Written, i);

      if (written->doubtful && (winner == NULL || mkv_entry_compare (written->entry, winner) > 0) &&
          is_same (entry, written->entry))
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

static void
check_key (const char *key, MkvStorage *storage, GArray *all, GString *text)
{
  g_autoptr (MkvEntry) held = get (storage, key);
  MkvEntry *winner = find_winner (all);
  g_autofree char *what = NULL, *other = NULL;

  if (is_expected (held, winner, all))
    return;
  what = mkv_sim_entry_to_string (held);
  other = mkv_sim_entry_to_string (winner);
  g_string_append_printf (text, "%s is %s, and has to be %s\n", key, what, other);
}

char *
mkv_sim_model_check (MkvSimModel *self, MkvStorage *storage)
{
  g_autoptr (GPtrArray) entries = scan (storage);
  GString *text = g_string_new (NULL);
  GHashTableIter iter;
  gpointer key, all;

  g_hash_table_iter_init (&iter, self->keys);
  while (g_hash_table_iter_next (&iter, &key, &all))
    check_key (key, storage, all, text);
  for (guint i = 0; i < entries->len; i++)
    if (!g_hash_table_contains (self->keys, mkv_entry_get_key (entries->pdata[i])))
      check_key (mkv_entry_get_key (entries->pdata[i]), storage, NULL, text);
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
