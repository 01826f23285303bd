/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-disk-world.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mkv-error.h"

#define NOW G_GINT64_CONSTANT (1700000000000)
#define SKEW 300000

static int (*fault_set) (int number, int only_sync, int halves, int n_spared);

/* Starts this program again, with the shim. */
static void
restart (char **argv)
{
  g_autofree char *shim = g_test_build_filename (G_TEST_BUILT, "crash", "fault-shim.so", NULL);
  g_autofree char *folder = NULL;

  if (g_getenv ("MKV_FAULT_FOLDER") != NULL)
    g_error ("%s can't be loaded", shim);
  folder = g_dir_make_tmp ("mkv-disk-XXXXXX", NULL);
  g_setenv ("MKV_FAULT_FOLDER", folder, TRUE);
  g_setenv ("LD_PRELOAD", shim, TRUE);
  execv ("/proc/self/exe", argv);
  g_error ("can't start again: %s", g_strerror (errno));
}

void
disk_world_begin_tests (int *argc, char ***argv, guint seconds)
{
  g_auto (GStrv) again = g_strdupv (*argv);

  mkv_test_init (argc, argv, seconds);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  fault_set = dlsym (RTLD_DEFAULT, "mkv_fault_set");
  if (fault_set == NULL)
    restart (again);
}

int
disk_world_run_tests (void)
{
  int result = g_test_run ();

  mkv_test_remove_folder (g_getenv ("MKV_FAULT_FOLDER"));
  return result;
}

int
disk_world_spare_fault (int number, gboolean only_sync, gboolean halves, int n_spared)
{
  return fault_set (number, only_sync, halves, n_spared);
}

void
disk_world_set_fault (int number, gboolean only_sync, gboolean halves)
{
  fault_set (number, only_sync, halves, 0);
}

void
disk_world_init (DiskWorld *self)
{
  self->clock = mkv_manual_clock_new (NOW);
  self->observer = mkv_observer_new (MKV_CLOCK (self->clock));
}

void
disk_world_clear (DiskWorld *self)
{
  g_clear_object (&self->observer);
  g_clear_object (&self->clock);
  g_clear_pointer (&self->path, g_free);
}

void
disk_world_open (DiskWorld *self, const char *backend)
{
  const MkvStorePolicy policy = { .durability = MKV_DURABILITY_DURABLE, .outbox = TRUE, .skew_max_future = SKEW };
  g_autoptr (GError) error = NULL;

  self->storage = crash_open_storage (backend, self->path, &error);
  g_assert_no_error (error);
  self->store = mkv_local_store_new_full (self->storage, "disk", MKV_CLOCK (self->clock), self->observer, &policy,
                                          &error);
  g_assert_no_error (error);
}

void
disk_world_close (DiskWorld *self)
{
  g_autoptr (GError) error = NULL;

  mkv_local_store_shut_down (self->store);
  g_clear_object (&self->store);
  mkv_storage_close (self->storage, &error);
  g_assert_no_error (error);
  g_clear_object (&self->storage);
}

gboolean
disk_world_set (DiskWorld *self, guint number, gsize length, GError **error)
{
  g_autofree char *key = g_strdup_printf ("key/%04u", number);
  g_autofree char *text = g_strnfill (length, (char) ('a' + number % 26));
  g_autoptr (GBytes) value = g_bytes_new (text, length);

  return mkv_store_set (MKV_STORE (self->store), key, value, NULL, error);
}

void
disk_world_assert_has (DiskWorld *self, guint number, gsize length)
{
  g_autofree char *key = g_strdup_printf ("key/%04u", number);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) value = mkv_store_get (MKV_STORE (self->store), key, NULL, &error);

  if (length == 0)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (value), ==, length);
  g_assert_cmpint (*(const char *) g_bytes_get_data (value, NULL), ==, 'a' + number % 26);
}
