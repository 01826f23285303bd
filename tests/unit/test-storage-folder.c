/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-test.h"
#include "storage/mkv-storage-folder.h"

static void
test_lock (void)
{
  g_autofree char *top = g_dir_make_tmp ("mkv-folder-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (top, "a", "b", NULL);
  g_autofree char *name = g_build_filename (path, "lock", NULL);
  g_autoptr (GError) error = NULL;
  GStatBuf info;
  int first;
  int second;

  g_test_summary ("A folder is made for its owner alone, has one holder, and is free when that closes it");
  first = mkv_storage_lock_folder (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (first, >=, 0);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0700);

  g_assert_cmpint (mkv_storage_lock_folder (path, &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, "this process"));
  g_clear_error (&error);

  close (first);
  second = mkv_storage_lock_folder (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (second, >=, 0);
  close (second);
  mkv_test_remove_folder (top);
}

static void
test_other_process (void)
{
  g_autofree char *path = g_dir_make_tmp ("mkv-folder-XXXXXX", NULL);
  g_autofree char *pid_text = NULL;
  g_autoptr (GError) error = NULL;
  int ready[2];
  char octet = 0;
  pid_t child;
  int status;
  int fd;

  g_test_summary ("Who comes second is told the first one's pid; a process that is killed gives the folder free");
  g_assert_cmpint (pipe (ready), ==, 0);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      if (mkv_storage_lock_folder (path, NULL) < 0 || write (ready[1], "x", 1) != 1)
        _exit (1);
      for (;;)
        pause ();
    }
  close (ready[1]);
  g_assert_cmpint (read (ready[0], &octet, 1), ==, 1);
  close (ready[0]);

  g_assert_cmpint (mkv_storage_lock_folder (path, &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  pid_text = g_strdup_printf ("process %d ", (int) child);
  g_assert_nonnull (strstr (error->message, pid_text));
  g_clear_error (&error);

  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  fd = mkv_storage_lock_folder (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  mkv_test_remove_folder (path);
}

static void
test_errors (void)
{
  static const struct
  {
    int number;
    int code;
  } cases[] = {
    { ENOSPC, MKV_ERROR_UNAVAILABLE }, { EDQUOT, MKV_ERROR_UNAVAILABLE }, { EFBIG, MKV_ERROR_UNAVAILABLE },
    { EROFS, MKV_ERROR_UNAVAILABLE },  { EACCES, MKV_ERROR_UNAVAILABLE }, { EPERM, MKV_ERROR_UNAVAILABLE },
    { EIO, MKV_ERROR_UNAVAILABLE },    { ENOTDIR, MKV_ERROR_FAILED },
  };

  g_test_summary ("What may pass is UNAVAILABLE, and each error names what failed and why");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (mkv_storage_set_error_from_errno (&error, cases[i].number, "can't write /x/y"));
      g_assert_error (error, MKV_ERROR, cases[i].code);
      g_assert_true (g_str_has_prefix (error->message, "can't write /x/y: "));
      g_assert_nonnull (strstr (error->message, g_strerror (cases[i].number)));
    }
}

static void
test_no_folder (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A folder that can't be made is an error that names it");
  g_assert_cmpint (mkv_storage_lock_folder ("/dev/null/x", &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/dev/null/x"));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/storage-folder/lock", test_lock);
  g_test_add_func ("/storage-folder/other-process", test_other_process);
  g_test_add_func ("/storage-folder/errors", test_errors);
  g_test_add_func ("/storage-folder/no-folder", test_no_folder);
  return g_test_run ();
}
