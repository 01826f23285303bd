/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A disk that is full, read-only or broken (fault-shim.c): what can't be written is
 * an error that says why, reads go on, nothing is lost or half there, and the
 * store goes on by itself when the disk works again. */
#include <errno.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-disk-world.h"

#define N_KEYS 200

typedef struct
{
  const char *backend;
  const char *name;
  int number;
  gboolean only_sync;
  gboolean halves; /* as on a disk that runs full */
} Case;

static gboolean
is_ok (gpointer user_data)
{
  DiskWorld *w = user_data;

  return mkv_observer_get_health (w->observer) == MKV_HEALTH_OK;
}

static void
write_from_thread (gpointer data, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (disk_world_set (user_data, GPOINTER_TO_UINT (data), 300, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
}

static void
write_from_threads (DiskWorld *w)
{
  GThreadPool *pool = g_thread_pool_new (write_from_thread, w, 8, TRUE, NULL);

  for (guint i = 0; i < 40; i++)
    g_thread_pool_push (pool, GUINT_TO_POINTER (1000 + i), NULL);
  g_thread_pool_free (pool, FALSE, TRUE);
}

static void
assert_contents (DiskWorld *w)
{
  for (guint i = 0; i < N_KEYS; i++)
    disk_world_assert_has (w, i, 100 + i);
  for (guint i = 0; i < 40; i++)
    disk_world_assert_has (w, 1000 + i, 0);
  disk_world_assert_has (w, 2000, 0);
}

static void
test_disk (gconstpointer data)
{
  const Case *c = data;
  g_autofree char *top = g_strdup (g_getenv ("MKV_FAULT_FOLDER"));
  DiskWorld w = { .path = g_build_filename (top, c->backend, c->name, NULL) };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) conditions = NULL;
  g_auto (GStrv) problems = NULL;

  g_test_summary ("What the disk refuses is refused, and nothing else: reads go on, and writes when it works again");
  disk_world_init (&w);
  disk_world_open (&w, c->backend);
  for (guint i = 0; i < N_KEYS; i++)
    g_assert_true (disk_world_set (&w, i, 100 + i, NULL));

  disk_world_set_fault (c->number, c->only_sync, c->halves);
  g_assert_false (disk_world_set (&w, 2000, 5000, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, g_strerror (c->number)));
  g_clear_error (&error);
  g_assert_false (disk_world_set (&w, 3, 4000, NULL));
  write_from_threads (&w);
  assert_contents (&w);
  conditions = mkv_observer_list_conditions (w.observer);
  g_assert_cmpstr (conditions[0], !=, NULL);
  g_assert_nonnull (strstr (conditions[0], "read-only"));
  g_assert_cmpint (mkv_observer_get_health (w.observer), ==, MKV_HEALTH_DEGRADED);
  for (guint i = 0; i < 20; i++)
    {
      mkv_test_advance (w.clock, G_USEC_PER_SEC);
      mkv_test_run_for (1);
    }
  g_assert_false (is_ok (&w));

  disk_world_set_fault (0, FALSE, FALSE);
  for (guint i = 0; i < 100 && !is_ok (&w); i++)
    {
      mkv_test_advance (w.clock, G_USEC_PER_SEC);
      mkv_test_run_for (5);
    }
  g_assert_true (is_ok (&w));
  assert_contents (&w);
  g_assert_true (disk_world_set (&w, 500, 700, &error));
  g_assert_no_error (error);

  disk_world_close (&w);
  disk_world_open (&w, c->backend);
  assert_contents (&w);
  disk_world_assert_has (&w, 500, 700);
  problems = mkv_storage_verify (w.storage, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
  disk_world_close (&w);
  disk_world_clear (&w);
}

static void
test_open (gconstpointer data)
{
  const Case *c = data;
  g_autofree char *top = g_strdup (g_getenv ("MKV_FAULT_FOLDER"));
  g_autofree char *path = g_build_filename (top, c->backend, "open", c->name, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A folder that can't be written is an error at open that names it and says why");
  disk_world_set_fault (c->number, FALSE, c->halves);
  g_assert_null (crash_open_storage (c->backend, path, &error));
  disk_world_set_fault (0, FALSE, FALSE);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, g_strerror (c->number)));
}

static void
test_damaged (void)
{
  g_autofree char *top = g_strdup (g_getenv ("MKV_FAULT_FOLDER"));
  DiskWorld w = { .path = g_build_filename (top, "damaged", NULL) };
  g_autofree char *name = g_build_filename (w.path, "journal.jsonl", NULL);
  g_autofree char *octets = NULL;
  g_auto (GStrv) conditions = NULL;
  gsize length;

  g_test_summary ("A damaged line in the middle is told by health, and the rest is served");
  disk_world_init (&w);
  disk_world_open (&w, "file");
  for (guint i = 0; i < N_KEYS; i++)
    g_assert_true (disk_world_set (&w, i, 100 + i, NULL));
  disk_world_close (&w);
  g_assert_true (g_file_get_contents (name, &octets, &length, NULL));
  *(strstr (octets, "key/0050") + 5) ^= 1;
  g_assert_true (g_file_set_contents (name, octets, (gssize) length, NULL));

  disk_world_open (&w, "file");
  g_assert_cmpint (mkv_observer_get_health (w.observer), ==, MKV_HEALTH_DEGRADED);
  conditions = mkv_observer_list_conditions (w.observer);
  g_assert_nonnull (strstr (conditions[0], "1 line"));
  for (guint i = 0; i < N_KEYS; i++)
    disk_world_assert_has (&w, i, i == 50 ? 0 : 100 + i);
  disk_world_close (&w);
  disk_world_clear (&w);
}

int
main (int argc, char **argv)
{
  static const Case cases[] = {
    { "file", "full", ENOSPC, FALSE }, { "file", "runs-full", ENOSPC, FALSE, TRUE }, { "file", "full-at-sync", ENOSPC, TRUE },
    { "file", "read-only", EROFS, FALSE }, { "file", "broken", EIO, FALSE },
    { "file", "broken-at-sync", EIO, TRUE }, { "file", "denied", EACCES, FALSE },
    { "lmdb", "full", ENOSPC, FALSE }, { "lmdb", "runs-full", ENOSPC, FALSE, TRUE }, { "lmdb", "full-at-sync", ENOSPC, TRUE },
    { "lmdb", "read-only", EROFS, FALSE }, { "lmdb", "broken", EIO, FALSE },
    { "lmdb", "broken-at-sync", EIO, TRUE }, { "lmdb", "denied", EACCES, FALSE },
  };

  disk_world_begin_tests (&argc, &argv, 300);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strdup_printf ("/disk/%s/%s", cases[i].backend, cases[i].name);
      g_autofree char *open_name = g_strdup_printf ("/disk/%s/open-%s", cases[i].backend, cases[i].name);

      g_test_add_data_func (name, &cases[i], test_disk);
      if (!cases[i].only_sync)
        g_test_add_data_func (open_name, &cases[i], test_open);
    }
  g_test_add_func ("/disk/file/damaged", test_damaged);
  return disk_world_run_tests ();
}
