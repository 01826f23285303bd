/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-stores-world.h"

#include <string.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-store.h"
#include "mkv-storage-memory.h"
#include "store/mkv-local-store.h"

MkvStore *
stores_world_open_local (StoresWorld *self)
{
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  GError *error = NULL;

  self->inner = MKV_STORE (mkv_local_store_new (storage, "here", &error));
  g_assert_no_error (error);
  return g_object_ref (self->inner);
}

MkvStore *
stores_world_open_bus (StoresWorld *self)
{
  GError *error = NULL;
  MkvStore *store;

  if (!mkv_bus_world_is_possible ())
    return NULL;
  self->bus = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  self->inner = g_object_ref (MKV_STORE (mkv_node_get_store (self->bus->node)));
  store = MKV_STORE (mkv_bus_store_new (self->bus->client, NULL, "", &error));
  g_assert_no_error (error);
  return store;
}

void
stores_world_set_up (StoresWorld *self, gconstpointer data)
{
  self->store = ((StoresOpenFunc) data) (self);
  if (self->store == NULL)
    g_test_skip ("no dbus-daemon");
}

static gboolean
is_gone (gpointer user_data)
{
  return *(MkvStore **) user_data == NULL;
}

void
stores_world_tear_down (StoresWorld *self, gconstpointer data)
{
  if (self->store == NULL)
    return;
  if (self->bus != NULL)
    g_clear_object (&self->inner);
  g_object_add_weak_pointer (G_OBJECT (self->store), (gpointer *) &self->store);
  g_clear_object (&self->inner);
  g_object_unref (self->store);
  /* A thread that read may have a task left that ends here. */
  mkv_test_run_until (is_gone, &self->store);
  g_clear_pointer (&self->bus, mkv_bus_world_free);
}

void
stores_world_set (StoresWorld *self, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GError) error = NULL;

  mkv_store_set (self->store, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

void
stores_world_assert_value (StoresWorld *self, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) found = mkv_store_get (self->store, key, NULL, &error);
  g_autofree char *text = NULL;

  if (value == NULL)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      g_assert_cmpstr (error->message, ==, "There is no such key");
      return;
    }
  g_assert_no_error (error);
  text = g_malloc0 (g_bytes_get_size (found) + 1);
  if (g_bytes_get_size (found) > 0)
    memcpy (text, g_bytes_get_data (found, NULL), g_bytes_get_size (found));
  g_assert_cmpstr (text, ==, value);
}

void
stores_world_apply (StoresWorld *self, const char *key, const char *value, MkvOrigin origin)
{
  static gint64 seq;
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  MkvWrite write = { .kind = MKV_WRITE_APPLY, .entries = entries, .origin = origin };

  /* A little ahead of the clock: behind everything that is here. */
  g_ptr_array_add (entries, mkv_entry_new (key, bytes, g_get_real_time () / 1000 + 1000, "there", ++seq, NULL));
  mkv_store_submit (self->inner, &write, NULL);
  g_assert_no_error (write.error);
  g_assert_cmpuint (write.n_applied, ==, 1);
}

void
stores_world_add (const char *name, StoresTestFunc func)
{
  g_autofree char *local = g_strconcat ("/stores/local/", name, NULL);
  g_autofree char *bus = g_strconcat ("/stores/bus/", name, NULL);

  g_test_add (local, StoresWorld, stores_world_open_local, stores_world_set_up, func, stores_world_tear_down);
  g_test_add (bus, StoresWorld, stores_world_open_bus, stores_world_set_up, func, stores_world_tear_down);
}
