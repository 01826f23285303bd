/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "desktop/mkv-item-pool-private.h"

#include <string.h>

#include "desktop/mkv-list-item-private.h"
#include "desktop/mkv-wake-source-private.h"

/* So many values are read at once: at most 16 MiB. */
#define VALUES_PER_READ 64

/* Below this there is no point in looking for items that have gone. */
#define MIN_ITEMS 256

struct _MkvItemPool
{
  MkvStore *store;
  char *prefix;
  MkvItemPoolErrorFunc func;
  gpointer user_data;

  GHashTable *items; /* key to GWeakRef of its item */
  guint max_items;   /* at so many, those that have gone are looked for */
  GPtrArray *wanted; /* keys whose items are to be read */
  gboolean reading;
  GSource *source; /* gathers what is asked for in one turn of the loop */
  GCancellable *cancellable;
};

static void
weak_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

MkvListItem *
mkv_item_pool_lookup (MkvItemPool *self, const char *key)
{
  GWeakRef *weak = g_hash_table_lookup (self->items, key);
  MkvListItem *item = weak != NULL ? g_weak_ref_get (weak) : NULL;

  if (weak != NULL && item == NULL)
    g_hash_table_remove (self->items, key);
  return item;
}

void
mkv_item_pool_forget (MkvItemPool *self, const char *key)
{
  g_hash_table_remove (self->items, key);
}

static gboolean
has_gone (gpointer key, gpointer value, gpointer user_data)
{
  g_autoptr (MkvListItem) item = g_weak_ref_get (value);

  return item == NULL;
}

/* An item may end in another thread, so it does not tell: those that have gone
 * are cleared when they may be as many as those that are left. */
static void
keep (MkvItemPool *self, const char *key, MkvListItem *item)
{
  GWeakRef *weak;

  if (g_hash_table_size (self->items) >= self->max_items)
    {
      g_hash_table_foreach_remove (self->items, has_gone, NULL);
      self->max_items = MAX (MIN_ITEMS, 2 * g_hash_table_size (self->items));
    }
  weak = g_new (GWeakRef, 1);
  g_weak_ref_init (weak, item);
  g_hash_table_insert (self->items, g_strdup (key), weak);
}

static void
want (MkvItemPool *self, const char *key)
{
  g_ptr_array_add (self->wanted, g_strdup (key));
  if (!self->reading)
    mkv_wake_source_wake (self->source);
}

MkvListItem *
mkv_item_pool_get (MkvItemPool *self, const char *key)
{
  MkvListItem *item = mkv_item_pool_lookup (self, key);

  if (item == NULL)
    {
      g_autofree char *whole = g_strconcat (self->prefix, key, NULL);

      item = mkv_list_item_new (whole);
      keep (self, key, item);
      want (self, key);
    }
  else if (mkv_list_item_is_stale (item) && !self->reading && self->wanted->len == 0)
    want (self, key); /* it could not be read */
  return item;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvItemPool *self = user_data;
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_store_get_many_finish (MKV_STORE (source), result, &error);
  gsize prefix_length;

  /* Then the pool has ended. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  self->reading = FALSE;
  if (self->wanted->len > 0)
    mkv_wake_source_wake (self->source);
  if (entries == NULL)
    {
      self->func (error, self->user_data);
      return;
    }
  cancellable = g_object_ref (self->cancellable);
  prefix_length = strlen (self->prefix);
  /* Whoever hears of a value may end the list, and the pool with it. */
  for (guint i = 0; i < entries->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      MkvEntry *entry = entries->pdata[i];
      g_autoptr (MkvListItem) item = mkv_item_pool_lookup (self, mkv_entry_get_key (entry) + prefix_length);

      if (item != NULL && mkv_list_item_is_stale (item))
        mkv_list_item_take (item, entry);
    }
}

/* The last that were asked for come first: they are what is looked at. */
static gboolean
read_some (gpointer user_data)
{
  MkvItemPool *self = user_data;
  g_autoptr (GPtrArray) keys = NULL;

  if (self->reading)
    return G_SOURCE_CONTINUE;
  keys = g_ptr_array_new_with_free_func (g_free);
  while (self->wanted->len > 0 && keys->len < VALUES_PER_READ)
    {
      g_autofree char *key = g_ptr_array_steal_index (self->wanted, self->wanted->len - 1);
      g_autoptr (MkvListItem) item = mkv_item_pool_lookup (self, key);

      if (item != NULL && mkv_list_item_is_stale (item))
        g_ptr_array_add (keys, g_strdup (mkv_list_item_get_key (item)));
    }
  if (keys->len > 0)
    {
      g_ptr_array_add (keys, NULL);
      self->reading = TRUE;
      mkv_store_get_many_async (self->store, (const char *const *) keys->pdata, self->cancellable, on_read, self);
    }
  return G_SOURCE_CONTINUE;
}

void
mkv_item_pool_reload (MkvItemPool *self)
{
  GHashTableIter iter;
  gpointer key, weak;

  g_hash_table_iter_init (&iter, self->items);
  while (g_hash_table_iter_next (&iter, &key, &weak))
    {
      g_autoptr (MkvListItem) item = g_weak_ref_get (weak);

      if (item == NULL)
        continue;
      mkv_list_item_make_stale (item);
      want (self, key);
    }
}

MkvItemPool *
mkv_item_pool_new (MkvStore *store, const char *prefix, MkvItemPoolErrorFunc func, gpointer user_data)
{
  MkvItemPool *self = g_new0 (MkvItemPool, 1);

  self->store = g_object_ref (store);
  self->prefix = g_strdup (prefix);
  self->func = func;
  self->user_data = user_data;
  self->items = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, weak_free);
  self->max_items = MIN_ITEMS;
  self->wanted = g_ptr_array_new_with_free_func (g_free);
  self->source = mkv_wake_source_new (G_PRIORITY_DEFAULT_IDLE, read_some, self);
  self->cancellable = g_cancellable_new ();
  return self;
}

void
mkv_item_pool_free (MkvItemPool *self)
{
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_ptr_array_unref (self->wanted);
  g_hash_table_unref (self->items);
  g_free (self->prefix);
  g_object_unref (self->store);
  g_free (self);
}
