/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-test.h"
#include "security/mkv-secret-file.h"

static char *
write_file (const char *folder, const char *name, const char *text, gsize length, int mode)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents_full (path, text, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
  return path;
}

static void
test_read (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-secret-XXXXXX", NULL);
  g_autofree char *path = write_file (folder, "a", "a\0b\n", 4, 0400), *empty = write_file (folder, "b", "", 0, 0600);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) secret = mkv_secret_file_read (path, "x.y", &error), nothing = NULL;

  g_test_summary ("A secret is what its file holds, all of it");
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (secret, NULL), g_bytes_get_size (secret), "a\0b\n", 4);
  nothing = mkv_secret_file_read (empty, "x.y", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
  mkv_test_remove_folder (folder);
}

static void
assert_refused (const char *path, const char *why)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mkv_secret_file_read (path, "x.y", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "x.y"));
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, why));
  g_assert_null (strstr (error->message, "hidden"));
}

static void
test_refused (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-secret-XXXXXX", NULL);
  g_autofree char *large_text = g_strnfill (70000, 'x');
  g_autofree char *group = write_file (folder, "group", "hidden", 6, 0640);
  g_autofree char *others = write_file (folder, "others", "hidden", 6, 0604);
  g_autofree char *large = write_file (folder, "large", large_text, 70000, 0600);

  g_test_summary ("A file that others may touch, that is missing, too large or none, is refused and named");
  assert_refused (group, "0640");
  assert_refused (others, "chmod 0600");
  assert_refused (large, "at most");
  assert_refused (folder, "has to be a file");
  assert_refused ("/nonexistent/secret", "can't be read");
  mkv_test_remove_folder (folder);
}

static void
test_credential (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-secret-XXXXXX", NULL);
  g_autofree char *path = write_file (folder, "key", "hidden", 6, 0440);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) secret = NULL;

  g_test_summary ("What the service manager supplies is for it to protect");
  assert_refused (path, "0440");
  g_setenv ("CREDENTIALS_DIRECTORY", folder, TRUE);
  secret = mkv_secret_file_read (path, "x.y", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (secret), ==, 6);
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  mkv_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/secret-file/read", test_read);
  g_test_add_func ("/secret-file/refused", test_refused);
  g_test_add_func ("/secret-file/credential", test_credential);
  return g_test_run ();
}
