/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Compacting, copying, putting back and repairing on a disk that fails at the
 * first change of a file, at the second, and so on up to the last: each time the
 * storage is as it was, and what was half done is gone. */
#include <errno.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-disk-world.h"

#define N_KEYS 120
#define MAX_STEPS 500

typedef struct
{
  const char *backend;
  const char *name;
  int number;
  gboolean only_sync;
  gboolean halves;
} Case;

typedef struct
{
  const Case *c;
  DiskWorld disk;
  char *top, *copy;
  int step;
} World;

static void
fill (World *w, guint n_keys)
{
  for (guint i = 0; i < n_keys; i++)
    g_assert_true (disk_world_set (&w->disk, i, 100 + i, NULL));
}

static void
check_contents (World *w, guint n_keys)
{
  for (guint i = 0; i < N_KEYS; i++)
    disk_world_assert_has (&w->disk, i, i < n_keys ? 100 + i : 0);
}

static void
check_well (World *w, guint n_keys)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = mkv_storage_verify (w->disk.storage, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
  check_contents (w, n_keys);
}

static void
world_init (World *w, const Case *c, const char *what)
{
  *w = (World){ .c = c, .top = g_build_filename (g_getenv ("MKV_FAULT_FOLDER"), c->backend, c->name, what, NULL) };
  w->disk.path = g_build_filename (w->top, "store", NULL);
  w->copy = g_build_filename (w->top, "copy", NULL);
  disk_world_init (&w->disk);
  disk_world_open (&w->disk, c->backend);
  fill (w, N_KEYS);
}

static void
world_clear (World *w)
{
  disk_world_clear (&w->disk);
  g_free (w->top);
  g_free (w->copy);
}

/* The disk of the next try, which fails one change later. */
static void
begin_step (World *w)
{
  g_assert_cmpint (w->step, <, MAX_STEPS);
  disk_world_spare_fault (w->c->number, w->c->only_sync, w->c->halves, w->step++);
}

/* The disk works again. Whether it did not fail at all. */
static gboolean
end_step (const World *w, gboolean done, const GError *error)
{
  int left = disk_world_spare_fault (0, FALSE, FALSE, 0);

  if (done)
    return left > 0;
  g_assert_nonnull (error);
  if (!g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE))
    g_error ("step %d: %s", w->step, error->message);
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* What is in a folder, one name behind the other. */
static char *
list (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
test_compact (gconstpointer data)
{
  gboolean through = FALSE;
  World w;

  g_test_summary ("A compaction that the disk ends leaves the storage as it was, and open for reading and writing");
  world_init (&w, data, "compact");
  while (!through)
    {
      g_autoptr (GError) error = NULL;
      gboolean done;

      begin_step (&w);
      done = mkv_storage_compact (w.disk.storage, &error);
      check_contents (&w, N_KEYS);
      through = end_step (&w, done, error);
      g_clear_error (&error);
      /* Where the disk did not take a sync, the next write puts the files in order. */
      disk_world_set (&w.disk, 7, 107, &error);
      g_assert_no_error (error);
      check_well (&w, N_KEYS);
      if (w.step % 4 == 0)
        {
          disk_world_close (&w.disk);
          disk_world_open (&w.disk, w.c->backend);
          check_well (&w, N_KEYS);
        }
    }
  g_test_message ("%d steps", w.step);
  disk_world_close (&w.disk);
  world_clear (&w);
}

static void
test_backup (gconstpointer data)
{
  gboolean through = FALSE;
  World w;

  g_test_summary ("A copy that the disk ends leaves nothing, and the storage as it was");
  world_init (&w, data, "backup");
  while (!through)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *there = NULL;
      gboolean done;

      begin_step (&w);
      done = mkv_storage_backup (w.disk.storage, w.copy, NULL, &error);
      check_contents (&w, N_KEYS);
      through = end_step (&w, done, error);
      check_well (&w, N_KEYS);
      if (done)
        break;
      there = list (w.copy);
      g_assert_cmpstr (there, ==, "");
    }
  g_test_message ("%d steps", w.step);
  disk_world_close (&w.disk);
  g_free (w.disk.path);
  w.disk.path = g_strdup (w.copy);
  disk_world_open (&w.disk, w.c->backend);
  check_well (&w, N_KEYS);
  disk_world_close (&w.disk);
  world_clear (&w);
}

static gboolean
restore (World *w, MkvProgressFunc progress, GCancellable *cancellable, GError **error)
{
  g_autofree char *plugin = g_strconcat (w->top, "/closed", NULL);
  g_autoptr (MkvStorage) storage = crash_open_storage (w->c->backend, plugin, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_auto (GStrv) done = NULL;

  g_assert_true (mkv_storage_close (storage, NULL));
  mkv_test_remove_folder (plugin);
  if (cancellable == NULL)
    begin_step (w);
  mkv_local_store_restore_async (storage, w->disk.path, NULL, w->copy, NULL, TRUE, progress, cancellable, NULL,
                                 cancellable, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  done = mkv_local_store_restore_finish (result, error);
  return done != NULL;
}

/* Makes the storage another than its copy, of N_KEYS / 2 keys; or none at all. */
static void
make_restorable (World *w, const Case *c, const char *what, gboolean empty)
{
  world_init (w, c, what);
  g_assert_true (mkv_storage_backup (w->disk.storage, w->copy, NULL, NULL));
  disk_world_close (&w->disk);
  mkv_test_remove_folder (w->disk.path);
  if (empty)
    return;
  disk_world_open (&w->disk, c->backend);
  fill (w, N_KEYS / 2);
  disk_world_close (&w->disk);
}

static void
check_as_it_was (World *w, gboolean empty)
{
  g_autofree char *there = list (w->top), *inside = list (w->disk.path);

  if (empty)
    {
      g_assert_true (g_str_equal (there, "copy") || g_str_equal (there, "copy store"));
      g_assert_true (g_str_equal (inside, "") || g_str_equal (inside, "lock"));
      return;
    }
  g_assert_cmpstr (there, ==, "copy store");
  disk_world_open (&w->disk, w->c->backend);
  check_well (w, N_KEYS / 2);
  disk_world_close (&w->disk);
}

static void
run_restore (const Case *c, gboolean empty)
{
  gboolean through = FALSE;
  World w;

  make_restorable (&w, c, empty ? "restore-empty" : "restore", empty);
  while (!through)
    {
      g_autoptr (GError) error = NULL;
      gboolean done = restore (&w, NULL, NULL, &error);

      through = end_step (&w, done, error);
      /* The last step, where the disk takes no step back either: both are there. */
      if (done || strstr (error->message, "holds the backup now") != NULL)
        break;
      check_as_it_was (&w, empty);
    }
  g_test_message ("%d steps", w.step);
  disk_world_open (&w.disk, c->backend);
  check_well (&w, N_KEYS);
  disk_world_close (&w.disk);
  world_clear (&w);
}

static void
test_restore (gconstpointer data)
{
  g_test_summary ("A copy that the disk does not let be put back leaves the folder as it was");
  run_restore (data, FALSE);
  run_restore (data, TRUE);
}

static void
cancel (guint64 done, guint64 total, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static void
test_cancelled (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GCancellable) too_early = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gboolean done;
  World w;

  g_test_summary ("Putting back that is cancelled leaves the folder as it was, or all is there");
  make_restorable (&w, c, "cancelled", FALSE);
  g_cancellable_cancel (too_early);
  g_assert_false (restore (&w, NULL, too_early, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  check_as_it_was (&w, FALSE);
  done = restore (&w, cancel, cancellable, &error);
  if (done)
    {
      disk_world_open (&w.disk, c->backend);
      check_well (&w, N_KEYS);
      disk_world_close (&w.disk);
    }
  else
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      check_as_it_was (&w, FALSE);
    }
  world_clear (&w);
}

/* Makes all that the files have of a key's record another. */
static void
damage (World *w)
{
  static const char key[] = "key/0050";
  g_autofree char *path = g_build_filename (w->disk.path, g_str_equal (w->c->backend, "file") ? "journal.jsonl"
                                                                                               : "data.mdb", NULL);
  g_autofree char *octets = NULL;
  gsize length;
  char *at;

  g_assert_true (g_file_get_contents (path, &octets, &length, NULL));
  for (at = octets; (at = memmem (at, length - (gsize) (at - octets), key, strlen (key))) != NULL; at++)
    at[strlen (key) + 4] ^= 1;
  g_assert_true (g_file_set_contents (path, octets, (gssize) length, NULL));
}

static void
test_repair (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (MkvStorage) storage = NULL;
  g_autofree char *closed = NULL;
  gboolean through = FALSE;
  World w;

  g_test_summary ("A repair that the disk ends can be done again, and nothing more is lost");
  world_init (&w, c, "repair");
  closed = g_strconcat (w.top, "/closed", NULL);
  storage = crash_open_storage (c->backend, closed, NULL);
  g_assert_true (mkv_storage_close (storage, NULL));
  disk_world_close (&w.disk);
  damage (&w);
  while (!through)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) done = NULL;

      begin_step (&w);
      done = mkv_storage_repair (storage, w.disk.path, NULL, &error);
      through = end_step (&w, done != NULL, error);
      if (done == NULL)
        continue;
      /* Whether by this time or the one before. */
      break;
    }
  g_test_message ("%d steps", w.step);
  disk_world_open (&w.disk, c->backend);
  for (guint i = 0; i < N_KEYS; i++)
    if (i != 50)
      disk_world_assert_has (&w.disk, i, 100 + i);
  disk_world_close (&w.disk);
  world_clear (&w);
}

int
main (int argc, char **argv)
{
  static const Case cases[] = {
    { "file", "runs-full", ENOSPC, FALSE, TRUE }, { "file", "broken-at-sync", EIO, TRUE, FALSE },
    { "lmdb", "runs-full", ENOSPC, FALSE, TRUE }, { "lmdb", "broken-at-sync", EIO, TRUE, FALSE },
  };
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } tests[] = {
    { "compact", test_compact }, { "backup", test_backup }, { "restore", test_restore },
    { "cancelled", test_cancelled }, { "repair", test_repair },
  };

  disk_world_begin_tests (&argc, &argv, 250);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *name = g_strdup_printf ("/disk-upkeep/%s/%s/%s", cases[i].backend, cases[i].name,
                                                 tests[j].name);

        g_test_add_data_func (name, &cases[i], tests[j].func);
      }
  return disk_world_run_tests ();
}
