/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A process that changes the key of a storage is killed, again and again, and
 * each time another one goes on with it. Run as `test-rekey-crash --rekey BACKEND
 * FOLDER FROM TO` it is that process.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/mkv-sealed-world.h"
#include "base/mkv-error.h"
#include "mkv-storage-file.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"

#define N 3000
#define KILLS 20

static const char *program;

static MkvStorage *
make_inner (const char *backend)
{
  return g_str_equal (backend, "file") ? mkv_storage_file_new () : mkv_storage_lmdb_new ();
}

/* 0 is no key, on the command line a hyphen. */
static MkvStorage *
open_folder (const char *backend, const char *folder, char letter, char other, GError **error)
{
  g_autoptr (MkvStorage) inner = make_inner (backend);
  g_autoptr (GBytes) key = letter != 0 ? mkv_sealed_world_key (letter) : NULL;
  g_autoptr (GBytes) other_key = other != 0 ? mkv_sealed_world_key (other) : NULL;
  g_autoptr (MkvSealedStorage) storage = mkv_sealed_storage_new (inner, key);

  if (other_key != NULL)
    mkv_sealed_storage_add_key (storage, other_key);
  if (!mkv_storage_open (MKV_STORAGE (storage), folder, NULL, error))
    return NULL;
  return MKV_STORAGE (g_steal_pointer (&storage));
}

static MkvStorage *
open_well (const char *backend, const char *folder, char letter)
{
  g_autoptr (GError) error = NULL;
  MkvStorage *storage = open_folder (backend, folder, letter, 0, &error);

  g_assert_no_error (error);
  return storage;
}

static int
run_rekey (char **arguments)
{
  char from = arguments[2][0] == '-' ? 0 : arguments[2][0], to = arguments[3][0] == '-' ? 0 : arguments[3][0];
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvStorage) storage = NULL;

  storage = open_folder (arguments[0], arguments[1], from, to, &error);
  /* The last one may have been killed behind its end. */
  if (storage == NULL)
    {
      g_clear_error (&error);
      storage = open_folder (arguments[0], arguments[1], to, 0, &error);
    }
  if (storage == NULL || !mkv_sealed_world_rekey (storage, to, NULL, &error) ||
      !mkv_storage_close (storage, &error))
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  return 0;
}

/* Starts a process that changes the key, kills it after @kill_after us unless
 * that is 0, and says how long it ran; -1 if it was killed. */
static gint64
rekey_in_process (const char *backend, const char *folder, char from, char to, gint64 kill_after)
{
  char from_word[] = { from != 0 ? from : '-', 0 }, to_word[] = { to != 0 ? to : '-', 0 };
  char *argv[] = { (char *) program, (char *) "--rekey", (char *) backend, (char *) folder, from_word, to_word, NULL };
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  int status;
  GPid pid;

  g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  if (kill_after > 0)
    {
      g_usleep ((gulong) kill_after);
      kill (pid, SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (WIFSIGNALED (status))
    {
      g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
      return -1;
    }
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return g_get_monotonic_time () - begin;
}

/* Whether any file in @folder holds @text. */
static gboolean
is_on_disk (const char *folder, const char *text)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gboolean found = FALSE;
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *octets = NULL;
      gsize length;

      if (g_file_get_contents (path, &octets, &length, NULL) && memmem (octets, length, text, strlen (text)) != NULL)
        found = TRUE;
    }
  return found;
}

static gboolean
can_compact (const char *backend, const char *folder, char letter)
{
  g_autoptr (MkvStorage) storage = open_well (backend, folder, letter);
  gboolean can = mkv_storage_compact (storage, NULL);

  g_assert_true (mkv_storage_close (storage, NULL));
  return can;
}

static void
check (const char *backend, const char *folder, char letter)
{
  g_autoptr (MkvStorage) storage = open_well (backend, folder, letter);

  mkv_sealed_world_assert_filled (storage, N, 0);
  g_assert_true (mkv_storage_close (storage, NULL));
}

static void
test_killed (gconstpointer data)
{
  static const char letters[] = { 0, 'a', 'b', 'b', 0 };
  const char *backend = data;
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autofree char *folder = g_dir_make_tmp ("mkv-rekey-XXXXXX", NULL);
  MkvStorage *storage = open_well (backend, folder, 0);
  gint64 duration;
  guint n_killed = 0;

  g_test_summary ("A change of the key that is killed at any moment is gone on with, and nothing is lost");
  g_test_message ("seed %u", seed);
  mkv_sealed_world_fill (storage, N, 0);
  g_assert_true (mkv_storage_close (storage, NULL));
  g_object_unref (storage);
  g_assert_true (is_on_disk (folder, "secret value"));
  /* How long it takes here; then back. */
  duration = rekey_in_process (backend, folder, 0, 'a', 0);
  g_assert_cmpint (rekey_in_process (backend, folder, 'a', 0, 0), >=, 0);
  for (guint i = 1; i < G_N_ELEMENTS (letters); i++)
    {
      guint n = 0;

      while (n < KILLS / 4 &&
             rekey_in_process (backend, folder, letters[i - 1], letters[i],
                               g_rand_int_range (rand, 1, (gint32) duration)) < 0)
        n++;
      n_killed += n;
      if (n == KILLS / 4)
        g_assert_cmpint (rekey_in_process (backend, folder, letters[i - 1], letters[i], 0), >=, 0);
      check (backend, folder, letters[i]);
      if (letters[i] != 0 && can_compact (backend, folder, letters[i]))
        g_assert_false (is_on_disk (folder, "secret value"));
    }
  g_test_message ("killed %u times", n_killed);
  g_assert_cmpuint (n_killed, >, 0);
  mkv_test_remove_folder (folder);
}

static void
test_on_disk (gconstpointer data)
{
  const char *backend = data;
  g_autofree char *folder = g_dir_make_tmp ("mkv-rekey-XXXXXX", NULL);
  MkvStorage *storage = open_well (backend, folder, 'a');

  g_test_summary ("Of a sealed storage the disk holds keys and names, and neither values nor ids of nodes");
  for (guint round = 0; round < 3; round++)
    mkv_sealed_world_fill (storage, 500, round);
  g_assert_true (mkv_storage_close (storage, NULL));
  g_object_unref (storage);
  g_assert_true (is_on_disk (folder, "key/00001"));
  g_assert_true (is_on_disk (folder, "meta/00001"));
  g_assert_false (is_on_disk (folder, "secret"));
  g_assert_false (is_on_disk (folder, "c2VjcmV0")); /* the same in base64 */
  g_assert_false (is_on_disk (folder, "bbbbbbbbbb"));
  g_assert_false (is_on_disk (folder, "17000000"));
  mkv_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  static const char *const backends[] = { "file", "lmdb" };

  program = argv[0];
  if (argc == 6 && g_str_equal (argv[1], "--rekey"))
    return run_rekey (argv + 2);
  mkv_test_init (&argc, &argv, 100);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autofree char *killed = g_strdup_printf ("/rekey-crash/%s/killed", backends[i]);
      g_autofree char *on_disk = g_strdup_printf ("/rekey-crash/%s/on-disk", backends[i]);

      g_test_add_data_func (killed, backends[i], test_killed);
      g_test_add_data_func (on_disk, backends[i], test_on_disk);
    }
  return g_test_run ();
}
