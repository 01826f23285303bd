/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Two streams say which keys there are: pages of the listing, and `changed`.
 * `changed` is right about a key, in order; a page may be older than what was
 * told while it was on its way. So the handler stands before the first page is
 * asked for, and of a page everything counts but the keys that were told of
 * since it was asked for. Nothing can be missed: what is written before the
 * handler stands is there when the listing begins.
 *
 * One source does the work, in steps, below the priority of drawing. It alone
 * changes the keys, and it does not run inside itself, so each ::items-changed
 * is exact even where a handler runs a loop of its own.
 */
#include "desktop/mkv-list-model-private.h"

#include <string.h>

#include "base/mkv-limits.h"
#include "desktop/mkv-list-item-private.h"
#include "desktop/mkv-wake-source-private.h"

/* So many keys are looked at in one step, a page at least: about a millisecond. */
#define KEYS_PER_STEP 1024

/* A run of neighbours that changed and was not told yet. */
typedef struct
{
  guint position, removed, added;
} Run;

static gboolean
on_gathered (gpointer user_data)
{
  MkvListModel *self = user_data;

  g_clear_pointer (&self->timer, g_source_unref);
  mkv_wake_source_wake (self->source);
  return G_SOURCE_REMOVE;
}

static void
tell_run (MkvListModel *self, Run *run)
{
  Run told = *run;

  *run = (Run) { 0 };
  if (told.removed == 0 && told.added == 0)
    return;
  g_list_model_items_changed (G_LIST_MODEL (self), told.position, told.removed, told.added);
  if (told.removed != told.added)
    mkv_list_model_notify_n_items (self);
}

/* Puts @key in or takes it out, where it has to go or is. @run is told first if
 * it does not reach there: its handlers have to see the keys as it left them. */
static void
change_key (MkvListModel *self, const char *key, guint position, gboolean there, Run *run)
{
  if (position != run->position + run->added)
    tell_run (self, run);
  if (run->removed == 0 && run->added == 0)
    run->position = position;
  if (there)
    {
      mkv_key_set_add (self->keys, key);
      run->added++;
    }
  else
    {
      mkv_key_set_remove (self->keys, key);
      mkv_item_pool_forget (self->items, key);
      run->removed++;
    }
}

/* Goes through the changes in order of their keys, from where it was: so
 * neighbours come together, and none waits for ever. */
static void
apply_changes (MkvListModel *self)
{
  Run run = { 0 };

  if (self->timer != NULL)
    return;
  for (guint n = 0; n < KEYS_PER_STEP; n++)
    {
      GTreeNode *node = self->last_changed != NULL ? g_tree_upper_bound (self->pending, self->last_changed)
                                                   : g_tree_node_first (self->pending);
      gboolean there;
      guint position;
      char *key;

      if (node == NULL)
        {
          g_clear_pointer (&self->last_changed, g_free);
          break;
        }
      key = g_tree_node_key (node);
      there = GPOINTER_TO_INT (g_tree_node_value (node));
      g_tree_steal (self->pending, key);
      g_free (self->last_changed);
      self->last_changed = key;
      if (self->loading)
        g_hash_table_add (self->touched, g_strdup (key));
      if (mkv_key_set_find (self->keys, key, &position) != there)
        change_key (self, key, position, there, &run);
    }
  tell_run (self, &run);
  if (g_tree_nnodes (self->pending) > 0)
    mkv_wake_source_wake (self->source);
}

static void
on_changed (MkvListModel *self, MkvEntry *entry, MkvOrigin origin, MkvStore *store)
{
  const char *key = mkv_entry_get_key (entry);
  gboolean there = !mkv_entry_is_tombstone (entry);
  g_autoptr (MkvListItem) item = NULL;
  guint position;

  if (strncmp (key, self->prefix, self->prefix_length) != 0)
    return;
  key += self->prefix_length;
  item = mkv_item_pool_lookup (self->items, key);
  if (!g_tree_lookup_extended (self->pending, key, NULL, NULL) &&
      mkv_key_set_find (self->keys, key, &position) == there)
    {
      /* Most changes are of this kind: nothing but a value. */
      if (self->loading && !g_hash_table_contains (self->touched, key))
        g_hash_table_add (self->touched, g_strdup (key));
    }
  else
    {
      g_tree_insert (self->pending, g_strdup (key), GINT_TO_POINTER (there));
      if (self->timer == NULL && !mkv_wake_source_is_awake (self->source))
        self->timer = mkv_clock_add_timeout (self->clock, MKV_LIST_MODEL_GATHERING, self->context, on_gathered,
                                             self);
    }
  if (item != NULL && there)
    mkv_list_item_take (item, entry);
}

/* Listing */

static void
on_page (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvListModel *self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;
  g_auto (GStrv) page = mkv_store_list_keys_finish (MKV_STORE (source), result, &more, &error);

  /* Then the model has ended. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  self->listing = FALSE;
  if (page == NULL && !self->reload)
    {
      g_object_ref (self);
      g_hash_table_remove_all (self->touched);
      mkv_list_model_set_error (self, error);
      mkv_list_model_set_loading (self, FALSE);
      g_object_unref (self);
      return;
    }
  self->page = g_steal_pointer (&page);
  self->page_next = 0;
  self->page_more = more && self->page != NULL && self->page[0] != NULL;
  mkv_wake_source_wake (self->source);
}

static void
list_page (MkvListModel *self)
{
  g_autofree char *after = self->listed != NULL ? g_strconcat (self->prefix, self->listed, NULL) : NULL;

  self->listing = TRUE;
  mkv_store_list_keys_async (self->store, self->prefix, after, MKV_MAX_LIST_KEYS, self->cancellable, on_page,
                             self);
}

/* Begins the listing, from the first key. */
static void
begin (MkvListModel *self)
{
  self->reload = FALSE;
  g_clear_pointer (&self->page, g_strfreev);
  g_clear_pointer (&self->listed, g_free);
  g_hash_table_remove_all (self->touched);
  list_page (self);
}

/* Whether `changed` has told of @key since the page was asked for. */
static gboolean
is_told (MkvListModel *self, const char *key)
{
  return g_hash_table_contains (self->touched, key) || g_tree_lookup_extended (self->pending, key, NULL, NULL);
}

/* Makes `keys` as the page says, from the last listed key to the page's last;
 * behind the last page, to the end. */
static void
apply_page (MkvListModel *self)
{
  Run run = { 0 };
  guint position = 0, n;

  if (self->page == NULL)
    return;
  if (self->listed != NULL && mkv_key_set_find (self->keys, self->listed, &position))
    position++;
  for (n = 0; n < KEYS_PER_STEP; n++)
    {
      const char *key = self->page[self->page_next];
      const char *ours = position < mkv_key_set_get_length (self->keys) ? mkv_key_set_get (self->keys, position)
                                                                        : NULL;
      gint order;

      if (key == NULL && (self->page_more || ours == NULL))
        break;
      if (key != NULL)
        key += self->prefix_length;
      order = key == NULL ? 1 : ours == NULL ? -1 : strcmp (key, ours);
      g_free (self->listed);
      self->listed = g_strdup (order <= 0 ? key : ours);
      if (order <= 0)
        self->page_next++;
      if (order != 0 && is_told (self, self->listed))
        position += order > 0;
      else
        {
          if (order != 0)
            change_key (self, self->listed, position, order < 0, &run);
          position += order <= 0;
        }
    }
  tell_run (self, &run);
  if (self->page == NULL)
    return;
  if (n == KEYS_PER_STEP)
    {
      mkv_wake_source_wake (self->source);
      return;
    }
  g_clear_pointer (&self->page, g_strfreev);
  g_hash_table_remove_all (self->touched);
  if (self->reload)
    mkv_wake_source_wake (self->source);
  else if (self->page_more)
    list_page (self);
  else
    mkv_list_model_set_loading (self, FALSE);
}

/* One step. Its handlers may drop the last reference but this. */
static gboolean
work (gpointer user_data)
{
  g_autoptr (MkvListModel) self = g_object_ref (user_data);

  if (self->reload && !self->listing)
    begin (self);
  apply_page (self);
  apply_changes (self);
  return G_SOURCE_CONTINUE;
}

void
mkv_list_model_start (MkvListModel *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->source = mkv_wake_source_new (G_PRIORITY_DEFAULT_IDLE, work, self);
  self->changed_id = g_signal_connect_swapped (self->store, "changed", G_CALLBACK (on_changed), self);
  self->loading = TRUE;
  begin (self);
}

void
mkv_list_model_stop (MkvListModel *self)
{
  g_cancellable_cancel (self->cancellable);
  g_signal_handler_disconnect (self->store, self->changed_id);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  g_main_context_unref (self->context);
}

void
mkv_list_model_list_again (MkvListModel *self)
{
  self->reload = TRUE;
  mkv_wake_source_wake (self->source);
}
