/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A storage that takes no more: because storage.max-size says so, or because it
 * fails. */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-storage-memory.h"
#include "mkv-store-world.h"
#include "mkv-test-storage.h"

#define SECOND G_USEC_PER_SEC

static MkvLocalStore *
open_store (StoreWorld *f, MkvStorage *storage, guint64 max_size)
{
  const MkvStorePolicy policy = { .durability = MKV_DURABILITY_DURABLE,
                                  .outbox = TRUE,
                                  .skew_max_future = SKEW,
                                  .max_size = max_size };
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store = mkv_local_store_new_full (storage, "m", MKV_CLOCK (f->clock), f->observer, &policy, &error);

  g_assert_no_error (error);
  return store;
}

static void
set_max_size (MkvLocalStore *store, guint64 max_size)
{
  const MkvStorePolicy policy = { .durability = MKV_DURABILITY_DURABLE,
                                  .outbox = TRUE,
                                  .skew_max_future = SKEW,
                                  .max_size = max_size };

  mkv_local_store_set_policy (store, &policy);
}

static guint64
get_n_bytes (MkvStorage *storage)
{
  guint64 n_entries, n_tombstones, n_bytes;

  g_assert_true (mkv_storage_stats (storage, &n_entries, &n_tombstones, &n_bytes, NULL));
  return n_bytes;
}

static GBytes *
make_value (gsize n)
{
  return g_bytes_new_take (g_malloc0 (n), n);
}

static gboolean
has_condition (StoreWorld *f, const char *name)
{
  g_auto (GStrv) conditions = mkv_observer_list_conditions (f->observer);

  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], name) && conditions[i][strlen (name)] == ':')
      return TRUE;
  return FALSE;
}

static void
test_max_size (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (MkvLocalStore) store = open_store (f, storage, 100 * 1024);
  g_autoptr (GBytes) value = make_value (1000);
  g_autoptr (GBytes) longer = make_value (9000);
  g_autoptr (GBytes) shorter = make_value (10);
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_test_summary ("A full store refuses what would make it larger, and takes what does not, and deletions");
  for (; n < 1000 && error == NULL; n++)
    {
      g_autofree char *key = g_strdup_printf ("k%03u", n);

      mkv_store_set (MKV_STORE (store), key, value, NULL, &error);
    }
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "max-size"));
  g_clear_error (&error);
  g_assert_cmpuint (n, >=, 60);
  g_assert_cmpuint (n, <=, 103);
  g_assert_cmpuint (get_n_bytes (storage), <=, 100 * 1024 + 4096);
  g_assert_cmpint (mkv_observer_get_health (f->observer), ==, MKV_HEALTH_DEGRADED);
  g_assert_true (has_condition (f, "storage-full"));

  g_assert_false (mkv_store_set (MKV_STORE (store), "k000", longer, NULL, NULL));
  g_assert_false (mkv_store_set (MKV_STORE (store), "another", value, NULL, NULL));
  mkv_store_set (MKV_STORE (store), "k000", value, NULL, &error);
  g_assert_no_error (error);
  mkv_store_set (MKV_STORE (store), "k000", shorter, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 1; i < 20; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%03u", i);

      mkv_store_delete (MKV_STORE (store), key, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_false (has_condition (f, "storage-full"));
  g_assert_cmpint (mkv_observer_get_health (f->observer), ==, MKV_HEALTH_OK);
  mkv_store_set (MKV_STORE (store), "another", value, NULL, &error);
  g_assert_no_error (error);
}

static void
test_many (StoreWorld *f, gconstpointer data)
{
  static const char *const keys[] = { "a", "b", "c", NULL };
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (MkvLocalStore) store = open_store (f, storage, 4096);
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GBytes) value = make_value (2000);
  g_autoptr (GError) error = NULL;

  g_test_summary ("What is written together has room together, or nothing of it is written; a reload gives room");
  for (guint i = 0; i < 3; i++)
    g_ptr_array_add (values, make_value (1500));
  g_assert_false (mkv_store_set_many (MKV_STORE (store), keys, values, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_null (mkv_store_get (MKV_STORE (store), "a", NULL, NULL));
  mkv_store_set (MKV_STORE (store), "small", value, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (mkv_store_set_many (MKV_STORE (store), keys, values, NULL, NULL));
  g_assert_true (has_condition (f, "storage-full"));

  set_max_size (store, 65536);
  g_assert_false (has_condition (f, "storage-full"));
  mkv_store_set_many (MKV_STORE (store), keys, values, NULL, &error);
  g_assert_no_error (error);
}

static void
test_peers (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (MkvLocalStore) store = open_store (f, storage, 2048);
  g_autofree char *text = g_strnfill (1500, 'x');
  guint n_written = 0;

  g_test_summary ("What comes from peers is refused as a whole error, so that it is not acknowledged; graves come in");
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);
      MkvWrite write = { .kind = MKV_WRITE_APPLY, .origin = MKV_ORIGIN_EVENT };

      write.entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
      g_ptr_array_add (write.entries, store_world_make (key, text, NOW, "z", i + 1));
      if (mkv_store_submit (MKV_STORE (store), &write, NULL))
        n_written++;
      else
        g_assert_error (write.error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_clear_error (&write.error);
      g_ptr_array_unref (write.entries);
    }
  g_assert_cmpuint (n_written, ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      MkvWrite write = { .kind = MKV_WRITE_APPLY, .origin = MKV_ORIGIN_EVENT };

      write.entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
      g_ptr_array_add (write.entries, store_world_make (i == 0 ? "k0" : "other", NULL, NOW + 1, "z", i + 10));
      g_assert_true (mkv_store_submit (MKV_STORE (store), &write, NULL));
      g_ptr_array_unref (write.entries);
    }
  g_assert_null (mkv_store_get (MKV_STORE (store), "k0", NULL, NULL));
}

static void
test_read_only (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvTestStorage) storage = mkv_test_storage_new ();
  g_autoptr (MkvLocalStore) store = open_store (f, MKV_STORAGE (storage), 0);
  g_autoptr (GBytes) value = make_value (10);
  g_autoptr (GBytes) read = NULL;
  g_autoptr (GError) error = NULL;
  guint n_failed;

  g_test_summary ("A store whose storage fails is read-only, and finds out by itself when it works again");
  mkv_store_set (MKV_STORE (store), "k", value, NULL, &error);
  g_assert_no_error (error);
  mkv_test_storage_fail (storage, TRUE);
  g_assert_false (mkv_store_set (MKV_STORE (store), "k", value, NULL, NULL));
  g_assert_true (has_condition (f, "storage"));
  g_assert_cmpint (mkv_observer_get_health (f->observer), ==, MKV_HEALTH_DEGRADED);
  read = mkv_store_get (MKV_STORE (store), "k", NULL, &error);
  g_assert_no_error (error);

  /* After 1, 2, 4, 8, 16 and 32 s, and then every 32 s. */
  n_failed = mkv_test_storage_get_n_failed (storage);
  for (guint i = 0; i < 200; i++)
    {
      mkv_test_advance (f->clock, SECOND);
      mkv_test_run_for (1);
    }
  g_assert_cmpuint (mkv_test_storage_get_n_failed (storage) - n_failed, >=, 8);
  g_assert_cmpuint (mkv_test_storage_get_n_failed (storage) - n_failed, <=, 12);
  g_assert_true (has_condition (f, "storage"));

  mkv_test_storage_fail (storage, FALSE);
  for (guint i = 0; i < 1000 && has_condition (f, "storage"); i++)
    {
      mkv_test_advance (f->clock, SECOND);
      mkv_test_run_for (1);
    }
  g_assert_false (has_condition (f, "storage"));
  g_assert_cmpint (mkv_observer_get_health (f->observer), ==, MKV_HEALTH_OK);
  mkv_store_set (MKV_STORE (store), "k", value, NULL, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
#define ADD(name, func) g_test_add ("/store-full/" name, StoreWorld, NULL, store_world_set_up, func, store_world_tear_down)
  ADD ("max-size", test_max_size);
  ADD ("many", test_many);
  ADD ("peers", test_peers);
  ADD ("read-only", test_read_only);
#undef ADD
  return g_test_run ();
}
