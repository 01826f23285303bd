/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What every storage has to do that keeps its data on a disk, run over each of
 * `backends`.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-storage-file.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"
#include "security/mkv-sealed-storage.h"
#include "storage/mkv-storage-job-private.h"

typedef struct
{
  const char *name;
  MkvStorage *(*make) (void);
} Backend;

/* Takes @inner. */
static MkvStorage *
seal (MkvStorage *inner)
{
  g_autoptr (GBytes) key = mkv_test_bytes ("0123456789abcdef0123456789ABCDEF");
  MkvSealedStorage *sealed = mkv_sealed_storage_new (inner, key);

  g_object_unref (inner);
  return MKV_STORAGE (sealed);
}

static MkvStorage *
make_sealed_file (void)
{
  return seal (mkv_storage_file_new ());
}

static MkvStorage *
make_sealed_lmdb (void)
{
  return seal (mkv_storage_lmdb_new ());
}

static const Backend backends[] = {
  { "file", mkv_storage_file_new },
  { "lmdb", mkv_storage_lmdb_new },
  { "sealed-file", make_sealed_file },
  { "sealed-lmdb", make_sealed_lmdb },
};

typedef struct
{
  const Backend *backend;
  MkvStorage *storage;
  char *folder;
  char *other; /* a folder that is not there */
} Fixture;

static MkvStorage *
open_folder (Fixture *f, const char *folder)
{
  MkvStorage *storage = f->backend->make ();
  g_autoptr (GError) error = NULL;

  mkv_storage_open (storage, folder, NULL, &error);
  g_assert_no_error (error);
  return storage;
}

static void
close_storage (MkvStorage *storage)
{
  g_autoptr (GError) error = NULL;

  mkv_storage_close (storage, &error);
  g_assert_no_error (error);
  g_object_unref (storage);
}

static void
reopen (Fixture *f)
{
  close_storage (f->storage);
  f->storage = open_folder (f, f->folder);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->backend = data;
  f->folder = g_dir_make_tmp ("mkv-storage-XXXXXX", &error);
  g_assert_no_error (error);
  f->other = g_strconcat (f->folder, "-copy", NULL);
  f->storage = open_folder (f, f->folder);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  close_storage (f->storage);
  mkv_test_remove_folder (f->folder);
  if (g_file_test (f->other, G_FILE_TEST_EXISTS))
    mkv_test_remove_folder (f->other);
  g_free (f->folder);
  g_free (f->other);
}

/* Whether the storage holds the entry of @key with that value, NULL for a
 * tombstone, and its digest. */
static void
assert_value (MkvStorage *storage, const char *key, const char *value, gint64 seq)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (storage, key, &error);
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (MkvEntry) expected = mkv_entry_new (key, bytes, 1700000000000, "n", seq, NULL);

  g_assert_no_error (error);
  g_assert_cmpstr (mkv_entry_get_key (entry), ==, key);
  g_assert_cmpint (mkv_entry_compare (entry, expected), ==, 0);
  g_assert_cmpint (mkv_entry_is_tombstone (entry), ==, value == NULL);
  if (value != NULL)
    g_assert_cmpmem (g_bytes_get_data (mkv_entry_get_value (entry), NULL),
                     g_bytes_get_size (mkv_entry_get_value (entry)), value, strlen (value));
}

static void
put (MkvStorage *storage, MkvDurability durability, const char *key, const char *value, gint64 seq)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (durability);
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, bytes, 1700000000000, "n", seq, NULL);
  g_autoptr (GError) error = NULL;

  mkv_storage_batch_put (batch, entry);
  mkv_storage_batch_set_meta (batch, key, bytes);
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
}

static void
assert_absent (MkvStorage *storage, const char *key)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mkv_storage_get (storage, key, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
}

static void
assert_clean (MkvStorage *storage)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = mkv_storage_verify (storage, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
}

static void
test_reopen (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorageBatch) removal = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GBytes) octets = g_bytes_new_static ("\0\xff\n\"\\", 5), empty = g_bytes_new_static ("", 0), kept = NULL,
                     nothing = NULL;
  g_autoptr (GPtrArray) entries = NULL, names = NULL;
  guint64 n_entries, n_tombstones, n_bytes;

  g_test_summary ("What was applied is there when the storage is opened again, and what was removed is not");
  put (f->storage, MKV_DURABILITY_NONE, "none \"\\\n\t\1", "", 1);
  put (f->storage, MKV_DURABILITY_ORDERED, "ordered", "ä\n\r\t\"\\/\1\x1f\x7f", 2);
  put (f->storage, MKV_DURABILITY_DURABLE, "durable", "1", 3);
  put (f->storage, MKV_DURABILITY_DURABLE, "durable", "2", 4);
  put (f->storage, MKV_DURABILITY_ORDERED, "tombstone", NULL, 5);
  put (f->storage, MKV_DURABILITY_ORDERED, "removed", "x", 6);
  mkv_storage_batch_remove (removal, "removed");
  mkv_storage_batch_set_meta (removal, "removed", NULL);
  mkv_storage_batch_set_meta (removal, "octets", octets);
  mkv_storage_batch_set_meta (removal, "empty", empty);
  g_assert_true (mkv_storage_apply (f->storage, removal, NULL));
  for (guint i = 0; i < 3; i++)
    {
      g_clear_pointer (&kept, g_bytes_unref);
      g_clear_pointer (&nothing, g_bytes_unref);
      g_clear_pointer (&entries, g_ptr_array_unref);
      g_clear_pointer (&names, g_ptr_array_unref);
      reopen (f);
      assert_value (f->storage, "none \"\\\n\t\1", "", 1);
      assert_value (f->storage, "ordered", "ä\n\r\t\"\\/\1\x1f\x7f", 2);
      assert_value (f->storage, "durable", "2", 4);
      assert_value (f->storage, "tombstone", NULL, 5);
      assert_absent (f->storage, "removed");
      kept = mkv_storage_get_meta (f->storage, "octets", NULL);
      g_assert_true (g_bytes_equal (kept, octets));
      nothing = mkv_storage_get_meta (f->storage, "empty", NULL);
      g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
      entries = mkv_storage_scan (f->storage, NULL, NULL, 100, NULL);
      g_assert_cmpuint (entries->len, ==, 4);
      names = mkv_storage_scan_meta (f->storage, NULL, NULL, 100, NULL);
      g_assert_cmpuint (names->len, ==, 5);
      g_assert_true (mkv_storage_stats (f->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
      g_assert_cmpuint (n_entries, ==, 3);
      g_assert_cmpuint (n_tombstones, ==, 1);
      g_assert_cmpuint (n_bytes, >, 0);
      assert_clean (f->storage);
      /* The last time out of what compaction leaves. */
      if (i == 1)
        g_assert_true (mkv_storage_compact (f->storage, NULL));
    }
}

static void
test_locked (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorage) second = f->backend->make ();
  g_autoptr (GError) error = NULL;
  g_autofree char *pid = g_strdup_printf ("process %d", (int) getpid ());
  int status;
  pid_t child;

  g_test_summary ("One storage has a folder at a time, in this process or another, until it is closed");
  g_assert_false (mkv_storage_open (second, f->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, f->folder));
  g_clear_error (&error);
  g_assert_null (mkv_storage_repair (second, f->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  child = fork ();
  if (child == 0)
    _exit (!mkv_storage_open (second, f->folder, NULL, &error) &&
                   g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE) && strstr (error->message, pid) != NULL
               ? 0
               : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  reopen (f);
  g_assert_false (mkv_storage_open (second, f->folder, NULL, NULL));
}

static void
test_killed (Fixture *f, gconstpointer data)
{
  int status;
  pid_t child;

  g_test_summary ("What was applied survives a process that ends without closing");
  close_storage (f->storage);
  child = fork ();
  if (child == 0)
    {
      f->storage = open_folder (f, f->folder);
      put (f->storage, MKV_DURABILITY_DURABLE, "durable", "1", 1);
      put (f->storage, MKV_DURABILITY_ORDERED, "ordered", "2", 2);
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status));
  f->storage = open_folder (f, f->folder);
  assert_clean (f->storage);
  assert_value (f->storage, "durable", "1", 1);
  assert_value (f->storage, "ordered", "2", 2);
  put (f->storage, MKV_DURABILITY_DURABLE, "durable", "3", 3);
  reopen (f);
  assert_value (f->storage, "durable", "3", 3);
  assert_value (f->storage, "ordered", "2", 2);
}

static gpointer
write_pairs (gpointer data)
{
  MkvStorage *storage = data;

  for (gint64 seq = 2; seq < 500; seq++)
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
      g_autoptr (GBytes) value = mkv_test_bytes ("x");
      g_autoptr (MkvEntry) a = mkv_entry_new ("pair/a", value, 1700000000000, "n", seq, NULL);
      g_autoptr (MkvEntry) b = mkv_entry_new ("pair/b", value, 1700000000000, "n", seq, NULL);

      mkv_storage_batch_put (batch, a);
      mkv_storage_batch_put (batch, b);
      g_assert_true (mkv_storage_apply (storage, batch, NULL));
    }
  return NULL;
}

static void
test_backup (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *writer;

  g_test_summary ("A copy made while batches are applied is that of one moment, and opens like any other");
  put (f->storage, MKV_DURABILITY_DURABLE, "pair/a", "x", 1);
  put (f->storage, MKV_DURABILITY_DURABLE, "pair/b", "x", 1);
  g_cancellable_cancel (cancelled);
  g_assert_false (mkv_storage_backup (f->storage, f->other, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (g_file_test (f->other, G_FILE_TEST_EXISTS));
  g_assert_false (mkv_storage_backup (f->storage, f->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  writer = g_thread_new ("writer", write_pairs, f->storage);
  for (guint i = 0; i < 5; i++)
    {
      MkvStorage *copy;

      mkv_storage_backup (f->storage, f->other, NULL, &error);
      g_assert_no_error (error);
      copy = open_folder (f, f->other);
      assert_clean (copy);
      {
        g_autoptr (MkvEntry) a = mkv_storage_get (copy, "pair/a", NULL), b = mkv_storage_get (copy, "pair/b", NULL);

        g_assert_cmpint (mkv_entry_get_stamp (a)->seq, ==, mkv_entry_get_stamp (b)->seq);
      }
      put (copy, MKV_DURABILITY_DURABLE, "new", "x", 1);
      close_storage (copy);
      mkv_test_remove_folder (f->other);
    }
  g_thread_join (writer);
  assert_absent (f->storage, "new");
  assert_clean (f->storage);
}

static void
test_repair_clean (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL;

  g_test_summary ("Where nothing is wrong repair does nothing");
  put (f->storage, MKV_DURABILITY_DURABLE, "k", "1", 1);
  close_storage (f->storage);
  f->storage = f->backend->make ();
  done = mkv_storage_repair (f->storage, f->folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (done[0], ==, NULL);
  g_assert_true (mkv_storage_open (f->storage, f->folder, NULL, NULL));
  assert_value (f->storage, "k", "1", 1);
}

typedef enum
{
  COMPACT,
  BACKUP,
  VERIFY,
  REPAIR,
  N_JOBS
} Job;

static gboolean
do_job (Fixture *f, Job job, GError **error)
{
  g_auto (GStrv) lines = NULL;

  switch (job)
    {
    case COMPACT:
      return mkv_storage_compact (f->storage, error);
    case BACKUP:
      return mkv_storage_backup (f->storage, f->other, NULL, error);
    case VERIFY:
      lines = mkv_storage_verify (f->storage, error);
      return lines != NULL;
    case REPAIR:
    default:
      {
        g_autoptr (MkvStorage) storage = f->backend->make ();

        lines = mkv_storage_repair (storage, f->folder, NULL, error);
        return lines != NULL;
      }
    }
}

typedef struct
{
  GCancellable *cancellable;
  guint stop_at;
  guint n_told;
} Telling;

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  Telling *telling = user_data;

  if (total > 0)
    g_assert_cmpuint (done, <=, total + total / 8);
  if (telling->n_told++ == telling->stop_at)
    g_cancellable_cancel (telling->cancellable);
}

/* Returns how often it told how far it was. */
static guint
do_job_until (Fixture *f, Job job, guint stop_at, GError **error)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Telling telling = { cancellable, stop_at, 0 };
  MkvProgress *progress = mkv_progress_new_direct (on_progress, &telling);
  const MkvStorageJob storage_job = { progress, cancellable };
  gboolean done;

  mkv_storage_set_job (&storage_job);
  done = do_job (f, job, error);
  mkv_storage_set_job (NULL);
  mkv_progress_end (progress);
  g_assert_cmpint (done, ==, !g_cancellable_is_cancelled (cancellable));
  return telling.n_told;
}

/* In a folder in which nothing stands open. */
static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_stopped (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (GError) error = NULL;
  guint n_files, n_told;

  g_test_summary ("What takes long tells how far it is, and can be stopped anywhere: then all is as it was");
  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%04u", i);
      g_autoptr (GBytes) value = mkv_test_bytes ("value");
      g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, 1700000000000, "n", 1 + i, NULL);

      mkv_storage_batch_put (batch, entry);
    }
  g_assert_true (mkv_storage_apply (f->storage, batch, &error));
  reopen (f);
  assert_value (f->storage, "key-2999", "value", 3000);
  for (Job job = COMPACT; job < N_JOBS; job++)
    {
      if (job == REPAIR)
        g_assert_true (mkv_storage_close (f->storage, NULL));
      n_told = do_job_until (f, job, G_MAXUINT, &error);
      n_files = count_files (f->folder);
      g_assert_no_error (error);
      g_assert_cmpuint (n_told, >, 1);
      if (job == BACKUP)
        mkv_test_remove_folder (f->other);
      for (guint i = 0; i < n_told; i++)
        {
          do_job_until (f, job, i, &error);
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          g_clear_error (&error);
          g_assert_cmpuint (count_files (f->folder), ==, n_files);
          g_assert_false (g_file_test (f->other, G_FILE_TEST_EXISTS));
        }
    }
  g_assert_true (mkv_storage_open (f->storage, f->folder, NULL, NULL));
  assert_value (f->storage, "key-0000", "value", 1);
  assert_value (f->storage, "key-2999", "value", 3000);
  assert_clean (f->storage);
}

static const struct
{
  const char *name;
  void (*func) (Fixture *f, gconstpointer data);
} tests[] = {
  { "reopen", test_reopen }, { "locked", test_locked },  { "killed", test_killed },
  { "backup", test_backup }, { "repair-clean", test_repair_clean }, { "stopped", test_stopped },
};

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *path = g_strdup_printf ("/storage-lasting/%s/%s", backends[i].name, tests[j].name);

        g_test_add (path, Fixture, &backends[i], set_up, tests[j].func, tear_down);
      }
  return g_test_run ();
}
