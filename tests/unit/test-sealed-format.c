/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * tests/format/sealed-1 was written by the first version of this format, over
 * file storage, with a key of 32 times the letter k, and is to be opened by every
 * later one. It is what `test-sealed-format --write FOLDER` writes.
 */
#include <string.h>

#include "mkv-sealed-world.h"
#include "mkv-storage-file.h"
#include "mkv-test.h"

#define N 20

static MkvStorage *
open_folder (const char *folder)
{
  g_autoptr (MkvStorage) inner = mkv_storage_file_new ();
  g_autoptr (GBytes) key = mkv_sealed_world_key ('k');
  g_autoptr (GError) error = NULL;
  MkvStorage *storage = MKV_STORAGE (mkv_sealed_storage_new (inner, key));

  mkv_storage_open (storage, folder, NULL, &error);
  g_assert_no_error (error);
  return storage;
}

static void
copy_file (const char *name, const char *folder)
{
  g_autofree char *from = g_test_build_filename (G_TEST_DIST, "format", "sealed-1", name, NULL);
  g_autofree char *to = g_build_filename (folder, name, NULL), *octets = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (from, &octets, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, octets, (gssize) length, &error);
  g_assert_no_error (error);
}

static void
test_sample (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-sealed-XXXXXX", NULL);
  g_autoptr (MkvStorage) storage = NULL;
  g_auto (GStrv) problems = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What the first version has sealed is opened, and reads as it was");
  copy_file ("snapshot.jsonl", folder);
  copy_file ("journal.jsonl", folder);
  storage = open_folder (folder);
  mkv_sealed_world_assert_filled (storage, N, 0);
  problems = mkv_storage_verify (storage, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
  g_assert_true (mkv_storage_close (storage, NULL));
  mkv_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--write"))
    {
      g_autoptr (MkvStorage) storage = open_folder (argv[2]);

      mkv_sealed_world_fill (storage, N, 0);
      return !mkv_storage_compact (storage, NULL) || !mkv_storage_close (storage, NULL);
    }
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/sealed-format/sample", test_sample);
  return g_test_run ();
}
