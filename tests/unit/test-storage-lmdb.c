/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What the LMDB storage does beside what every lasting one has to: the map that
 * grows, disks that are full or failing, readers that died, files of others.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-lmdb-world.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"

/* What LMDB calls, so that a disk can be made to fail: these stand before libc's. */

ssize_t write_at (int fd, const void *octets, size_t length, off_t offset) __asm__ ("pwrite")
    __attribute__ ((visibility ("default")));
int sync_data (int fd) __asm__ ("fdatasync") __attribute__ ((visibility ("default")));

static gint fail_meta, fail_sync; /* atomic: so many of them, with EIO */
static gint n_syncs, n_metas;     /* atomic */

ssize_t
write_at (int fd, const void *octets, size_t length, off_t offset)
{
  /* All that is shorter than a page is written into meta pages. */
  if (length < 512)
    {
      g_atomic_int_inc (&n_metas);
      if (g_atomic_int_get (&fail_meta) > 0 && g_atomic_int_add (&fail_meta, -1) > 0)
        {
          errno = EIO;
          return -1;
        }
    }
  return syscall (SYS_pwrite64, fd, octets, length, offset);
}

int
sync_data (int fd)
{
  g_atomic_int_inc (&n_syncs);
  if (g_atomic_int_get (&fail_sync) > 0 && g_atomic_int_add (&fail_sync, -1) > 0)
    {
      errno = EIO;
      return -1;
    }
  return (int) syscall (SYS_fdatasync, fd);
}

static void
put (MkvLmdbWorld *w, MkvDurability durability, guint first, guint n, gsize length, gint64 seq)
{
  g_autoptr (GError) error = NULL;

  mkv_lmdb_world_put (w, durability, first, n, length, seq, &error);
  g_assert_no_error (error);
}

typedef struct
{
  MkvLmdbWorld *world;
  gint stop; /* atomic */
  gint n_reads; /* atomic */
} Reading;

static gpointer
read_on (gpointer data)
{
  Reading *reading = data;

  while (!g_atomic_int_get (&reading->stop))
    {
      g_autoptr (GPtrArray) entries = mkv_storage_scan (reading->world->storage, "k", NULL, 3, NULL);

      g_assert_cmpint (mkv_lmdb_world_get (reading->world, 0), ==, 1);
      g_assert_nonnull (entries);
      g_atomic_int_inc (&reading->n_reads);
    }
  return NULL;
}

static void
test_grow (MkvLmdbWorld *w, gconstpointer data)
{
  Reading reading = { .world = w };
  g_autofree char *copy = g_strconcat (w->folder, "-copy", NULL);
  GThread *threads[3];

  g_test_summary ("The map grows under readers and a copy, batch for batch and within one, and is no limit");
  put (w, MKV_DURABILITY_NONE, 0, 1, 10, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("reader", read_on, &reading);
  for (guint i = 0; i < 40; i++)
    {
      put (w, MKV_DURABILITY_NONE, 1 + 10 * i, 10, 100000, 2 + i);
      if (i % 10 != 9)
        continue;
      g_assert_true (mkv_storage_backup (w->storage, copy, NULL, NULL));
      mkv_test_remove_folder (copy);
    }
  put (w, MKV_DURABILITY_NONE, 1000, 150, 200000, 100);
  g_atomic_int_set (&reading.stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (g_atomic_int_get (&reading.n_reads), >, 0);
  g_assert_cmpuint (mkv_lmdb_world_get_file_size (w), >, 60 * 1024 * 1024);
  mkv_lmdb_world_assert_clean (w);
  mkv_lmdb_world_close (w);
  mkv_lmdb_world_open (w);
  g_assert_cmpint (mkv_lmdb_world_get (w, 1149), ==, 100);
  g_assert_cmpint (mkv_lmdb_world_get (w, 400), ==, 41);
}

/* How much address space this process has, in octets. */
static rlim_t
get_address_space (void)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return (rlim_t) g_ascii_strtoull (text, NULL, 10) * (rlim_t) sysconf (_SC_PAGESIZE);
}

static void
test_no_room_to_map (MkvLmdbWorld *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct rlimit limit, tight;
  guint n = 0;

  g_test_summary ("Where the map can't grow writes fail, reads go on, and so do writes once it can");
#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
  g_test_skip ("sanitizers need all the address space there is");
  return;
#endif
  put (w, MKV_DURABILITY_NONE, 0, 1, 10, 1);
  getrlimit (RLIMIT_AS, &limit);
  tight = limit;
  tight.rlim_cur = get_address_space () + 10 * 1024 * 1024;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &tight), ==, 0);
  while (n < 1000 && mkv_lmdb_world_put (w, MKV_DURABILITY_NONE, 1 + n, 1, 100000, 2 + n, &error))
    n++;
  g_assert_cmpint (mkv_lmdb_world_get (w, 0), ==, 1);
  g_assert_cmpint (mkv_lmdb_world_get (w, n), ==, 1 + n);
  g_assert_false (mkv_lmdb_world_put (w, MKV_DURABILITY_NONE, 1 + n, 1, 100000, 2 + n, NULL));
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  g_assert_nonnull (error);
  g_assert_cmpuint (n, >, 50);
  put (w, MKV_DURABILITY_NONE, 1 + n, 100, 100000, 2 + n);
  mkv_lmdb_world_assert_clean (w);
}

static void
test_compact (MkvLmdbWorld *w, gconstpointer data)
{
  Reading reading = { .world = w };
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  g_test_summary ("Compacting gives space back while others read");
  put (w, MKV_DURABILITY_NONE, 0, 100, 10000, 1);
  for (guint i = 1; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%06u", i);

      mkv_storage_batch_remove (batch, key);
    }
  g_assert_true (mkv_storage_apply (w->storage, batch, NULL));
  g_assert_cmpuint (mkv_lmdb_world_get_file_size (w), >, 1000000);
  thread = g_thread_new ("reader", read_on, &reading);
  for (guint i = 0; i < 20; i++)
    {
      mkv_storage_compact (w->storage, &error);
      g_assert_no_error (error);
      put (w, MKV_DURABILITY_ORDERED, 1, 1, 100, 2 + i);
    }
  mkv_storage_compact (w->storage, &error);
  g_assert_no_error (error);
  g_atomic_int_set (&reading.stop, TRUE);
  g_thread_join (thread);
  g_assert_cmpuint (mkv_lmdb_world_get_file_size (w), <, 100000);
  g_assert_cmpint (mkv_lmdb_world_get (w, 1), ==, 21);
  mkv_lmdb_world_assert_clean (w);
}

static void
test_syncs (MkvLmdbWorld *w, gconstpointer data)
{
  g_test_summary ("Each durability syncs what it has to, and a durable batch what came before");
  for (guint i = 0; i < 3; i++)
    {
      static const MkvDurability kinds[] = { MKV_DURABILITY_NONE, MKV_DURABILITY_DURABLE, MKV_DURABILITY_ORDERED };

      g_atomic_int_set (&n_syncs, 0);
      g_atomic_int_set (&n_metas, 0);
      put (w, kinds[i], i, 1, 10, 1);
      /* The meta page of a durable batch is synced by how its file is opened. */
      g_assert_cmpint (g_atomic_int_get (&n_syncs), ==, 1);
      g_assert_cmpint (g_atomic_int_get (&n_metas), ==, 1);
    }
}

/* A write fails with UNAVAILABLE, reads go on, and once the cause has gone
 * writes do, too. */
static void
test_failing_sync (MkvLmdbWorld *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A sync that fails fails its batch alone");
  put (w, MKV_DURABILITY_DURABLE, 0, 10, 100, 1);
  g_atomic_int_set (&fail_sync, 1);
  g_assert_false (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, 10, 100, 2, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_cmpint (mkv_lmdb_world_get (w, 9), ==, 1);
  put (w, MKV_DURABILITY_DURABLE, 0, 10, 100, 3);
  g_assert_cmpint (mkv_lmdb_world_get (w, 9), ==, 3);
  mkv_lmdb_world_assert_clean (w);
}

static gpointer
read_until_closed (gpointer data)
{
  MkvLmdbWorld *w = data;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvEntry) entry = mkv_storage_get (w->storage, "k000000", &error);

      if (entry != NULL)
        continue;
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      return NULL;
    }
}

static void
test_closed (MkvLmdbWorld *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("Who reads while the storage is closed, or later, gets an error, until it is opened again");
  put (w, MKV_DURABILITY_ORDERED, 0, 1, 10, 1);
  for (guint i = 0; i < 10; i++)
    {
      GThread *threads[3];

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("reader", read_until_closed, w);
      g_thread_yield ();
      g_assert_true (mkv_storage_close (w->storage, NULL));
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);
      g_assert_false (mkv_lmdb_world_put (w, MKV_DURABILITY_ORDERED, 0, 1, 10, 2, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_clear_error (&error);
      g_assert_null (mkv_storage_verify (w->storage, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_clear_error (&error);
      mkv_storage_open (w->storage, w->folder, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (mkv_lmdb_world_get (w, 0), ==, 1);
    }
}

static void
test_failing_meta (MkvLmdbWorld *w, gconstpointer data)
{
  Reading reading = { .world = w };
  GThread *thread;

  g_test_summary ("A meta page that can't be written makes LMDB give up: the file is opened again, readers go on");
  put (w, MKV_DURABILITY_DURABLE, 0, 10, 100, 1);
  thread = g_thread_new ("reader", read_on, &reading);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;

      g_atomic_int_set (&fail_meta, 1);
      g_assert_false (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 1, 9, 100, 100, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_assert_cmpint (mkv_lmdb_world_get (w, 9), ==, 1 + i);
      put (w, i % 2 == 0 ? MKV_DURABILITY_DURABLE : MKV_DURABILITY_ORDERED, 1, 9, 100, 2 + i);
    }
  put (w, MKV_DURABILITY_DURABLE, 1, 9, 100, 50);
  g_atomic_int_set (&reading.stop, TRUE);
  g_thread_join (thread);
  mkv_lmdb_world_assert_clean (w);
  mkv_lmdb_world_close (w);
  mkv_lmdb_world_open (w);
  g_assert_cmpint (mkv_lmdb_world_get (w, 9), ==, 50);
}

static void
set_file_limit (rlim_t octets)
{
  struct rlimit limit;

  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = octets;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static void
test_file_limit (MkvLmdbWorld *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_test_summary ("A file that may not grow takes no more, says why, keeps what it has, and goes on when it may");
  signal (SIGXFSZ, SIG_IGN);
  set_file_limit (1024 * 1024);
  while (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 10 * n, 10, 5000, 1 + n, &error))
    n++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "ulimit -f"));
  g_assert_cmpuint (n, >, 5);
  g_clear_error (&error);
  g_assert_cmpint (mkv_lmdb_world_get (w, 10 * n - 1), ==, n);
  g_assert_cmpint (mkv_lmdb_world_get (w, 10 * n), ==, 0);
  g_assert_false (mkv_lmdb_world_put (w, MKV_DURABILITY_ORDERED, 10 * n, 10, 5000, 1, NULL));
  mkv_lmdb_world_assert_clean (w);
  set_file_limit (RLIM_INFINITY);
  put (w, MKV_DURABILITY_DURABLE, 10 * n, 10, 5000, 1 + n);
  g_assert_cmpint (mkv_lmdb_world_get (w, 10 * n), ==, 1 + n);
  mkv_lmdb_world_close (w);
  mkv_lmdb_world_open (w);
  for (guint i = 0; i <= n; i++)
    g_assert_cmpint (mkv_lmdb_world_get (w, 10 * i), ==, 1 + i);
  mkv_lmdb_world_assert_clean (w);
}

/* In a process that has its own file systems: 0, or the line that failed. */
#define EXPECT(condition)  \
  G_STMT_START             \
  {                        \
    if (!(condition))      \
      return __LINE__;     \
  }                        \
  G_STMT_END

static int
fill_disk (MkvLmdbWorld *w)
{
  g_autoptr (MkvStorage) other = mkv_storage_lmdb_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_steal_pointer (&w->folder);
  guint n = 0;

  EXPECT (mount ("none", folder, "tmpfs", 0, "size=2M") == 0);
  w->folder = g_build_filename (folder, "data", NULL);
  w->storage = mkv_storage_lmdb_new ();
  EXPECT (mkv_storage_open (w->storage, w->folder, NULL, NULL));
  while (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 10 * n, 10, 5000, 1 + n, &error))
    n++;
  EXPECT (g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE));
  EXPECT (strstr (error->message, "free some space") != NULL);
  EXPECT (n > 10);
  EXPECT (mkv_lmdb_world_get (w, 10 * n - 1) == n && mkv_lmdb_world_get (w, 10 * n) == 0);
  EXPECT (mount ("none", folder, NULL, MS_REMOUNT, "size=8M") == 0);
  EXPECT (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 10 * n, 10, 5000, 1 + n, NULL));
  EXPECT (mkv_lmdb_world_get (w, 10 * n) == 1 + n);
  mkv_lmdb_world_assert_clean (w);
  EXPECT (mkv_storage_close (w->storage, NULL));
  EXPECT (mount ("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
  g_clear_error (&error);
  EXPECT (!mkv_storage_open (other, w->folder, NULL, &error));
  EXPECT (g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE));
  EXPECT (strstr (error->message, "mount the file system for writing") != NULL);
  return 0;
}

static void
test_full_disk (MkvLmdbWorld *w, gconstpointer data)
{
  int status;
  pid_t child;

  g_test_summary ("A full disk fails a batch and leaves the rest; a read-only one can't be opened, and says why");
  mkv_lmdb_world_close (w);
  child = fork ();
  if (child == 0)
    {
      if (unshare (CLONE_NEWNS) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        _exit (77);
      status = fill_disk (w);
      if (status != 0)
        g_printerr ("line %d\n", status);
      _exit (status != 0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  if (WIFEXITED (status) && WEXITSTATUS (status) == 77)
    g_test_skip ("no right to mount file systems");
  else
    g_assert_cmpint (status, ==, 0);
}

static gpointer
read_for_ever (gpointer data)
{
  for (;;)
    g_ptr_array_unref (mkv_storage_scan (data, NULL, NULL, 1000, NULL));
  return NULL;
}

static void
test_dead_readers (MkvLmdbWorld *w, gconstpointer data)
{
  guint64 size;

  g_test_summary ("Readers that were killed while they read hold no pages back");
  put (w, MKV_DURABILITY_NONE, 0, 1000, 1000, 1);
  mkv_lmdb_world_close (w);
  for (guint i = 0; i < 5; i++)
    {
      int ends[2], status;
      pid_t child;
      char ready;

      g_assert_cmpint (pipe (ends), ==, 0);
      child = fork ();
      if (child == 0)
        {
          mkv_lmdb_world_open (w);
          for (guint j = 0; j < 4; j++)
            g_thread_new ("reader", read_for_ever, w->storage);
          for (guint j = 0;; j++)
            {
              put (w, MKV_DURABILITY_ORDERED, 0, 10, 1000, 2 + j);
              if (j == 3)
                g_assert_cmpint (write (ends[1], "r", 1), ==, 1);
            }
        }
      g_assert_cmpint (read (ends[0], &ready, 1), ==, 1);
      kill (child, SIGKILL);
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      close (ends[0]);
      close (ends[1]);
      mkv_lmdb_world_open (w);
      mkv_lmdb_world_assert_clean (w);
      mkv_lmdb_world_close (w);
    }
  mkv_lmdb_world_open (w);
  put (w, MKV_DURABILITY_NONE, 0, 1000, 1000, 10000);
  put (w, MKV_DURABILITY_NONE, 0, 1000, 1000, 10001);
  put (w, MKV_DURABILITY_NONE, 0, 1000, 1000, 10002);
  size = mkv_lmdb_world_get_file_size (w);
  for (guint i = 0; i < 20; i++)
    put (w, MKV_DURABILITY_NONE, 0, 1000, 1000, 20000 + i);
  g_assert_cmpuint (mkv_lmdb_world_get_file_size (w), <, size + size / 2);
}

/* Changes a record of the main database, where the storage's format is. */
static void
set_main (MkvLmdbWorld *w, const char *name, const char *text)
{
  MDB_val key = { strlen (name), (void *) name }, value = { strlen (text), (void *) text };
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi dbi;

  g_assert_cmpint (mdb_env_create (&env), ==, 0);
  g_assert_cmpint (mdb_env_set_maxdbs (env, 2), ==, 0);
  g_assert_cmpint (mdb_env_open (env, w->folder, 0, 0600), ==, 0);
  g_assert_cmpint (mdb_txn_begin (env, NULL, 0, &txn), ==, 0);
  g_assert_cmpint (mdb_dbi_open (txn, NULL, 0, &dbi), ==, 0);
  g_assert_cmpint (mdb_put (txn, dbi, &key, &value, 0), ==, 0);
  g_assert_cmpint (mdb_txn_commit (txn), ==, 0);
  mdb_env_close (env);
}

static void
test_foreign (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree char *newer = NULL, *damaged = NULL, *strange = NULL, *other = NULL, *snapshot = NULL;
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("What a newer version, another program or another backend has written is refused, and left alone");
  mkv_lmdb_world_close (w);
  set_main (w, "format", "merklekv-lmdb 2");
  newer = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (newer, "format 2"));
  g_assert_null (mkv_storage_repair (storage, w->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_clear_error (&error);

  g_unlink (w->file);
  set_main (w, "key", "value");
  strange = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (strange, "not a storage of MerkleKV"));
  g_assert_null (mkv_storage_repair (storage, w->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_clear_error (&error);

  g_file_set_contents (w->file, "", 0, NULL);
  damaged = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_CORRUPT);
  g_assert_nonnull (strstr (damaged, "merklekv repair"));

  g_unlink (w->file);
  snapshot = g_build_filename (w->folder, "snapshot.jsonl", NULL);
  g_file_set_contents (snapshot, "{}\n", -1, NULL);
  other = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (other, "“file”"));
  g_assert_nonnull (strstr (other, "“lmdb”"));
  g_assert_false (g_file_test (w->file, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 240);
#define ADD(name, func) g_test_add ("/storage-lmdb/" name, MkvLmdbWorld, NULL, mkv_lmdb_world_set_up, func, \
                                    mkv_lmdb_world_tear_down)
  ADD ("grow", test_grow);
  ADD ("no-room-to-map", test_no_room_to_map);
  ADD ("compact", test_compact);
  ADD ("syncs", test_syncs);
  ADD ("closed", test_closed);
  ADD ("failing-sync", test_failing_sync);
  ADD ("failing-meta", test_failing_meta);
  ADD ("file-limit", test_file_limit);
  ADD ("full-disk", test_full_disk);
  ADD ("dead-readers", test_dead_readers);
  ADD ("foreign", test_foreign);
#undef ADD
  return g_test_run ();
}
