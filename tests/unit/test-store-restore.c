/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Copying, restoring, repairing and compacting stores on disk, with each storage
 * that lasts. */
#include <glib/gstdio.h>
#include <merklekv.h>
#include <string.h>

#include "mkv-test.h"

typedef struct
{
  const char *backend;
  MkvPluginRegistry *registry;
  char *folder; /* for all that a test makes */
  char *path, *copy;
  MkvStorage *storage;
  MkvStore *store;
} Fixture;

static MkvStorage *
make_storage (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  GObject *storage = mkv_plugin_registry_create (f->registry, MKV_PLUGIN_STORAGE, f->backend, &error);

  g_assert_no_error (error);
  return MKV_STORAGE (storage);
}

static void
open_store (Fixture *f, const char *path, const char *node_id)
{
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store;

  f->storage = make_storage (f);
  mkv_storage_open (f->storage, path, NULL, &error);
  g_assert_no_error (error);
  store = mkv_local_store_new (f->storage, node_id, &error);
  g_assert_no_error (error);
  f->store = MKV_STORE (store);
}

static void
close_store (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  /* A thread may hold its task, and with it the store, a moment longer. */
  while (g_atomic_int_get (&G_OBJECT (f->store)->ref_count) > 1)
    g_main_context_iteration (NULL, TRUE);
  g_clear_object (&f->store);
  mkv_storage_close (f->storage, &error);
  g_assert_no_error (error);
  g_clear_object (&f->storage);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->backend = data;
  f->registry = mkv_plugin_registry_new ();
  f->folder = g_dir_make_tmp ("merklekv-test-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "store", NULL);
  f->copy = g_build_filename (f->folder, "copy", NULL);
  open_store (f, f->path, "m");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->store != NULL)
    close_store (f);
  mkv_test_remove_folder (f->folder);
  g_free (f->folder);
  g_free (f->path);
  g_free (f->copy);
  g_object_unref (f->registry);
}

static void
set (Fixture *f, const char *key, const char *text)
{
  g_autoptr (GBytes) value = mkv_test_bytes (text);
  g_autoptr (GError) error = NULL;

  mkv_store_set (f->store, key, value, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_value (Fixture *f, const char *key, const char *text)
{
  g_autoptr (GBytes) value = mkv_store_get (f->store, key, NULL, NULL);

  g_assert_cmpint (value != NULL, ==, text != NULL);
  if (value != NULL)
    g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), text, strlen (text));
}

static gint64
get_seq (Fixture *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  g_assert_nonnull (entry);
  return mkv_entry_get_stamp (entry)->seq;
}

static void
check_verify (Fixture *f)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  g_autofree char *found = NULL;

  mkv_local_store_verify_async (MKV_LOCAL_STORE (f->store), NULL, NULL, NULL, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  problems = mkv_local_store_verify_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
  found = g_strjoinv ("|", problems);
  g_assert_cmpstr (found, ==, "");
}

static void
backup (Fixture *f)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mkv_local_store_backup_async (MKV_LOCAL_STORE (f->store), f->copy, NULL, NULL, NULL, NULL, mkv_test_store_result,
                                &result);
  mkv_test_wait_result (&result);
  mkv_local_store_backup_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
}

static char **
restore (Fixture *f, const char *path, const char *node_id, gboolean set_aside, GCancellable *cancellable,
         GError **error)
{
  g_autoptr (MkvStorage) storage = make_storage (f);
  g_autoptr (GAsyncResult) result = NULL;

  mkv_local_store_restore_async (storage, path, NULL, f->copy, node_id, set_aside, NULL, NULL, NULL, cancellable,
                                 mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  return mkv_local_store_restore_finish (result, error);
}

static gpointer
write_many (gpointer data)
{
  Fixture *f = data;

  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *key = g_strdup_printf ("many/%03u", i);

      set (f, key, "x");
    }
  return NULL;
}

static void
test_backup (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL;
  g_auto (GStrv) keys = NULL;
  GThread *thread;
  guint n;

  g_test_summary ("A copy made while the store is written has what there was at one moment, and can be restored");
  set (f, "a", "1");
  g_assert_true (mkv_store_delete (f->store, "gone", NULL, NULL));
  thread = g_thread_new ("writer", write_many, f);
  backup (f);
  g_thread_join (thread);
  close_store (f);
  done = restore (f, f->path, NULL, TRUE, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (done[0]);
  open_store (f, f->path, NULL);
  assert_value (f, "a", "1");
  keys = mkv_store_list_keys (f->store, "many/", NULL, 1000, NULL, NULL, NULL);
  n = g_strv_length (keys);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("many/%03u", i);

      g_assert_cmpstr (keys[i], ==, key);
    }
  check_verify (f);
}

static void
test_restore (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL, refused = NULL, cancelled = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *other = g_build_filename (f->folder, "other", NULL);
  g_autofree char *empty = NULL;
  gint64 seq;
  guint n_folders = 0;
  g_autoptr (GDir) folder = NULL;
  const char *name;

  g_test_summary ("Restoring sets aside what was there, keeps the node and raises its seq");
  set (f, "a", "old");
  backup (f);
  set (f, "a", "new");
  set (f, "b", "new");
  seq = get_seq (f, "b");

  g_assert_null (restore (f, f->path, NULL, TRUE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  close_store (f);
  g_assert_null (restore (f, f->path, NULL, FALSE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_null (restore (f, f->path, NULL, TRUE, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  open_store (f, f->path, "m");
  assert_value (f, "a", "new");
  close_store (f);

  done = restore (f, f->path, NULL, TRUE, NULL, &error);
  g_assert_no_error (error);
  open_store (f, f->path, "m");
  assert_value (f, "a", "old");
  assert_value (f, "b", NULL);
  set (f, "c", "1");
  g_assert_cmpint (get_seq (f, "c"), >, seq);
  check_verify (f);
  close_store (f);

  /* The backup, the store, and the one before it: nothing else is left. */
  folder = g_dir_open (f->folder, 0, NULL);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      n_folders++;
      g_assert_true (g_str_equal (name, "copy") || g_str_equal (name, "store") ||
                     g_str_has_prefix (name, "store.before-"));
    }
  g_assert_cmpuint (n_folders, ==, 3);
}

static void
test_clone (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL;
  g_autofree char *other = g_build_filename (f->folder, "other", NULL);
  g_autofree char *half = NULL;

  g_test_summary ("A copy under another name is another node, with an empty outbox");
  close_store (f);
  /* Opened as its own node it marks what is written. */
  open_store (f, f->path, NULL);
  set (f, "a", "1");
  backup (f);
  close_store (f);
  g_assert_null (restore (f, other, "not a name", FALSE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  done = restore (f, other, "n", FALSE, NULL, &error);
  g_assert_no_error (error);
  half = g_strjoinv ("|", done);
  g_assert_nonnull (strstr (half, "The copy of node “m” is now node “n”"));
  open_store (f, other, NULL);
  g_assert_cmpstr (mkv_local_store_get_node_id (MKV_LOCAL_STORE (f->store)), ==, "n");
  assert_value (f, "a", "1");
  check_verify (f);
  {
    g_autoptr (GAsyncResult) result = NULL;
    g_autoptr (GVariant) stats = NULL;
    gint64 n_outbox = -1;

    mkv_local_store_get_stats_async (MKV_LOCAL_STORE (f->store), NULL, mkv_test_store_result, &result);
    mkv_test_wait_result (&result);
    stats = mkv_local_store_get_stats_finish (MKV_LOCAL_STORE (f->store), result, &error);
    g_assert_no_error (error);
    g_assert_true (g_variant_lookup (stats, "outbox", "x", &n_outbox));
    g_assert_cmpint (n_outbox, ==, 0);
  }
}

static void
test_no_backup (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = g_build_filename (f->folder, "other", NULL);

  g_test_summary ("What is no backup is not restored, and leaves nothing behind");
  g_assert_null (restore (f, other, NULL, FALSE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_cmpint (g_mkdir (f->copy, 0700), ==, 0);
  g_assert_null (restore (f, other, NULL, FALSE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_free (f->copy);
  f->copy = g_strdup (f->path);
  g_assert_null (restore (f, other, NULL, FALSE, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
}

static void
test_repair (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorage) storage = make_storage (f);
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0), value = mkv_test_bytes ("1"), soon = mkv_test_bytes ("soon");
  g_autoptr (MkvEntry) own = mkv_entry_new ("own", value, 5, "m", G_GINT64_CONSTANT (1) << 55, NULL);
  g_autoptr (GAsyncResult) result = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL, nothing = NULL;
  g_autofree char *text = NULL;

  g_test_summary ("What the store has recorded is made to fit its entries");
  set (f, "a", "1");
  close_store (f);
  g_assert_true (mkv_storage_open (storage, f->path, NULL, NULL));
  mkv_storage_batch_put (batch, own);
  mkv_storage_batch_set_meta (batch, "outbox/0000000000000005/b", empty);
  mkv_storage_batch_set_meta (batch, "clock", soon);
  g_assert_true (mkv_storage_apply (storage, batch, NULL));
  g_assert_true (mkv_storage_close (storage, NULL));

  mkv_local_store_repair_async (storage, f->path, NULL, NULL, NULL, NULL, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  done = mkv_local_store_repair_finish (result, &error);
  g_assert_no_error (error);
  text = g_strjoinv ("|", done);
  g_assert_cmpstr (text, ==, "Removed 1 marks from the outbox whose entries are not there|"
                             "Recorded 36028797018963968 as the last seq of this node's");
  mkv_local_store_repair_async (storage, f->path, NULL, NULL, NULL, NULL, NULL, mkv_test_store_result, &again);
  mkv_test_wait_result (&again);
  nothing = mkv_local_store_repair_finish (again, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (nothing[0], ==, NULL);
  open_store (f, f->path, "m");
  check_verify (f);
  set (f, "b", "1");
  g_assert_cmpint (get_seq (f, "b"), ==, (G_GINT64_CONSTANT (1) << 55) + 1);
}

static void
test_compact (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) large = g_string_new (NULL);

  g_test_summary ("A store is compacted while it is open, and all is there");
  for (guint i = 0; i < 20000; i++)
    g_string_append_c (large, 'x');
  for (guint i = 0; i < 30; i++)
    set (f, "large", large->str);
  set (f, "large", "small");
  mkv_local_store_compact_async (MKV_LOCAL_STORE (f->store), NULL, NULL, NULL, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_local_store_compact_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
  assert_value (f, "large", "small");
  set (f, "after", "1");
  check_verify (f);
  g_clear_object (&result);
  close_store (f);
  open_store (f, f->path, "m");
  assert_value (f, "after", "1");
}

int
main (int argc, char **argv)
{
  static const char *const backends[] = { "file", "lmdb" };
  static const struct
  {
    const char *name;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "backup", test_backup },       { "restore", test_restore }, { "clone", test_clone },
    { "no-backup", test_no_backup }, { "repair", test_repair },   { "compact", test_compact },
  };

  mkv_test_init (&argc, &argv, 50);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *path = g_strdup_printf ("/store/restore/%s/%s", backends[i], tests[j].name);

        g_test_add (path, Fixture, backends[i], set_up, tests[j].func, tear_down);
      }
  return g_test_run ();
}
