/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * File storage on a disk that is full or broken: the system calls below take the
 * place of the C library's.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-storage-file-world.h"

typedef MkvStorageFileWorld World;

static guint n_syncs, n_writes;
static int sync_errno;       /* 0 if syncs work */
static int write_errno;      /* 0 if writes work */
static guint n_good_writes;  /* that still work before write_errno counts */
static gsize max_write;      /* octets that one call writes; 0 for any */

int
fdatasync (int fd)
{
  n_syncs++;
  if (sync_errno == 0)
    return 0;
  errno = sync_errno;
  return -1;
}

ssize_t
pwrite (int fd, const void *octets, size_t length, off_t offset)
{
  n_writes++;
  if (write_errno != 0 && n_good_writes == 0)
    {
      errno = write_errno;
      return -1;
    }
  if (n_good_writes > 0)
    n_good_writes--;
  if (max_write > 0 && length > max_write)
    length = max_write;
  return syscall (SYS_pwrite64, fd, octets, length, offset);
}

static void
set_up (World *w, gconstpointer data)
{
  n_syncs = n_writes = n_good_writes = 0;
  sync_errno = write_errno = 0;
  max_write = 0;
  mkv_storage_file_world_set_up (w, data);
  mkv_storage_file_world_open (w, 0);
}

static void
put (World *w, MkvDurability durability, const char *value, gint64 seq)
{
  g_autoptr (GError) error = NULL;

  mkv_storage_file_world_put (w, durability, "k", value, seq, &error);
  g_assert_no_error (error);
}

static void
put_badly (World *w, MkvDurability durability, gint64 seq)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mkv_storage_file_world_put (w, durability, "k", "lost", seq, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, w->folder));
  g_test_message ("%s", error->message);
}

/* What another process would find if this one were killed now. */
static void
assert_on_disk (World *w, const char *expected)
{
  static const char *const names[] = { MKV_SNAPSHOT, MKV_JOURNAL };
  World copy = { 0 };

  mkv_storage_file_world_set_up (&copy, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GBytes) file = mkv_storage_file_world_read (w, names[i]);

      if (file != NULL)
        mkv_storage_file_world_write (&copy, names[i], g_bytes_get_data (file, NULL), g_bytes_get_size (file));
    }
  mkv_storage_file_world_open (&copy, 0);
  mkv_storage_file_world_assert_dump (&copy, expected);
  mkv_storage_file_world_tear_down (&copy, NULL);
}

static void
test_calls (World *w, gconstpointer data)
{
  g_test_summary ("A batch is one write, and one sync if it is to be durable");
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  n_syncs = n_writes = 0;
  put (w, MKV_DURABILITY_DURABLE, "2", 2);
  g_assert_cmpuint (n_writes, ==, 1);
  g_assert_cmpuint (n_syncs, ==, 1);
  put (w, MKV_DURABILITY_ORDERED, "3", 3);
  put (w, MKV_DURABILITY_NONE, "4", 4);
  g_assert_cmpuint (n_writes, ==, 3);
  g_assert_cmpuint (n_syncs, ==, 1);
  assert_on_disk (w, "k=4:4 k~4");
}

static void
test_short_writes (World *w, gconstpointer data)
{
  g_test_summary ("Writes that take only a part are gone on with");
  max_write = 7;
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  put (w, MKV_DURABILITY_ORDERED, "2", 2);
  assert_on_disk (w, "k=2:2 k~2");
}

static void
test_full (World *w, gconstpointer data)
{
  static const MkvDurability durabilities[] = { MKV_DURABILITY_ORDERED, MKV_DURABILITY_DURABLE };

  g_test_summary ("A batch that finds no room is not there, nor half of it, and when there is room writing goes on");
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  for (guint i = 0; i < G_N_ELEMENTS (durabilities); i++)
    {
      /* Some octets, and then no more. */
      max_write = 100;
      n_good_writes = 1;
      write_errno = ENOSPC;
      put_badly (w, durabilities[i], 2);
      mkv_storage_file_world_assert_dump (w, "k=1:1 k~1");
      put_badly (w, durabilities[i], 2);
      max_write = 0;
      write_errno = 0;
      assert_on_disk (w, "k=1:1 k~1");
      put (w, durabilities[i], "1", 1);
      assert_on_disk (w, "k=1:1 k~1");
      g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 0);
    }
}

static void
test_no_room_for_padding (World *w, gconstpointer data)
{
  struct rlimit limit, old;
  g_autoptr (GBytes) journal = NULL;
  GError *error = NULL;
  gint64 seq = 0;

  g_test_summary ("Where files may not grow, every batch is written for which there is room, and the next says why not");
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  limit = old;
  limit.rlim_cur = 10000;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  while (mkv_storage_file_world_put (w, MKV_DURABILITY_DURABLE, "k", "x", seq + 1, &error))
    seq++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_cmpint (seq, >, 10);
  journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  g_assert_cmpuint (g_bytes_get_size (journal), >, 9000);
  /* There is room for what replaces it. */
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  put (w, MKV_DURABILITY_DURABLE, "x", ++seq);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  put (w, MKV_DURABILITY_DURABLE, "y", ++seq);
  {
    g_autofree char *dump = mkv_storage_file_world_dump (w);

    assert_on_disk (w, dump);
  }
}

static void
test_failed_sync (World *w, gconstpointer data)
{
  g_autoptr (GBytes) before = NULL, after = NULL;
  g_autofree char *problems = NULL, *none = NULL;

  g_test_summary ("After a sync that failed the files are not trusted: the next batch waits for new ones");
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  put (w, MKV_DURABILITY_ORDERED, "2", 2);
  sync_errno = EIO;
  put_badly (w, MKV_DURABILITY_DURABLE, 3);
  mkv_storage_file_world_assert_dump (w, "k=2:2 k~2");
  problems = mkv_storage_file_world_verify (w);
  g_assert_cmpstr (problems, !=, "");
  /* Not even what needs no sync. */
  put_badly (w, MKV_DURABILITY_NONE, 3);
  sync_errno = 0;
  before = mkv_storage_file_world_read (w, MKV_JOURNAL);
  put (w, MKV_DURABILITY_ORDERED, "4", 3);
  after = mkv_storage_file_world_read (w, MKV_JOURNAL);
  g_assert_false (g_bytes_equal (before, after));
  assert_on_disk (w, "k=4:3 k~3");
  none = mkv_storage_file_world_verify (w);
  g_assert_cmpstr (none, ==, "");
}

static void
test_failed_compaction (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = g_strconcat (w->folder, "-copy", NULL);

  g_test_summary ("A compaction or a copy that fails leaves what was there, and no more");
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  for (guint i = 0; i < 2; i++)
    {
      n_good_writes = i;
      write_errno = ENOSPC;
      g_assert_false (mkv_storage_compact (w->storage, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_clear_error (&error);
      n_good_writes = i;
      g_assert_false (mkv_storage_backup (w->storage, other, NULL, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
      g_clear_error (&error);
      g_assert_false (g_file_test (other, G_FILE_TEST_EXISTS));
      write_errno = 0;
      g_assert_false (mkv_storage_file_world_has (w, MKV_SNAPSHOT ".new"));
      g_assert_false (mkv_storage_file_world_has (w, MKV_JOURNAL ".new"));
      assert_on_disk (w, "k=1:1 k~1");
    }
  put (w, MKV_DURABILITY_DURABLE, "2", 2);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  put (w, MKV_DURABILITY_DURABLE, "3", 3);
  assert_on_disk (w, "k=3:3 k~3");
}

static void
test_read_only (World *w, gconstpointer data)
{
  g_autoptr (GBytes) journal = NULL;

  g_test_summary ("Where a torn end can't be cut off for lack of room, what is there is read all the same");
  put (w, MKV_DURABILITY_DURABLE, "1", 1);
  journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  mkv_storage_file_world_close (w);
  {
    g_autofree char *octets = g_malloc (g_bytes_get_size (journal) + 5);
    gsize length = g_bytes_get_size (journal);

    memcpy (octets, g_bytes_get_data (journal, NULL), length);
    memcpy (octets + length, "{\"key", 5);
    mkv_storage_file_world_write (w, MKV_JOURNAL, octets, length + 5);
  }
  write_errno = ENOSPC;
  mkv_storage_file_world_open (w, 0);
  mkv_storage_file_world_assert_dump (w, "k=1:1 k~1");
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 2);
  put_badly (w, MKV_DURABILITY_ORDERED, 2);
  write_errno = 0;
  put (w, MKV_DURABILITY_ORDERED, "2", 2);
  g_assert_true (mkv_storage_file_world_has (w, MKV_CORRUPT));
  assert_on_disk (w, "k=2:2 k~2");
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (World *w, gconstpointer data);
  } tests[] = {
    { "calls", test_calls },
    { "short-writes", test_short_writes },
    { "full", test_full },
    { "no-room-for-padding", test_no_room_for_padding },
    { "failed-sync", test_failed_sync },
    { "failed-compaction", test_failed_compaction },
    { "read-only", test_read_only },
  };

  mkv_test_init (&argc, &argv, 60);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/storage-file-failing/%s", tests[i].path);

      g_test_add (path, World, NULL, set_up, tests[i].func, mkv_storage_file_world_tear_down);
    }
  return g_test_run ();
}
