/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A writer with several threads is killed at any moment, again and again on the
 * same folder. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mkv-crash-work.h"
#include "mkv-test.h"

static guint n_kills = 20;

static pid_t
start_writer (const char *backend, const char *path, const char *durability, const char *log_name)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "crash", "crash-writer", NULL);
  char *argv[] = { program, (char *) backend, (char *) path, (char *) durability, (char *) log_name, NULL };
  g_autoptr (GError) error = NULL;
  int output;
  char line[6];
  GPid pid;

  g_spawn_async_with_pipes (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &output, NULL,
                            &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (output, line, sizeof line), ==, sizeof line);
  close (output);
  return pid;
}

static void
test_kill (gconstpointer data)
{
  const char *const *parts = data;
  const char *backend = parts[0], *durability = parts[1];
  g_autofree char *path = g_dir_make_tmp ("mkv-crash-XXXXXX", NULL);
  g_autofree char *store_path = g_build_filename (path, "store", NULL);
  g_autofree char *log_name = g_build_filename (path, "log", NULL);
  int fd = open (log_name, O_RDWR | O_CREAT, 0600);
  CrashModel model = { 0 };
  CrashLog *log;
  guint n_done = 0;

  g_test_summary ("Killed at any moment: nothing acknowledged is lost, all threads are at one moment");
  g_assert_cmpint (ftruncate (fd, sizeof (CrashLog)), ==, 0);
  log = mmap (NULL, sizeof (CrashLog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (log != MAP_FAILED);
  for (guint i = 0; i < n_kills; i++)
    {
      pid_t pid;
      int status;

      for (guint t = 0; t < CRASH_THREADS; t++)
        {
          log->first[t] = model.done[t] + 1;
          log->started[t] = log->acked[t] = 0;
        }
      pid = start_writer (backend, store_path, durability, log_name);
      g_usleep ((gulong) g_test_rand_int_range (0, 40000));
      g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      if (!WIFSIGNALED (status) || WTERMSIG (status) != SIGKILL)
        g_error ("the writer ended by itself: status %d", status);
      crash_check (backend, store_path, log, !g_str_equal (durability, "none"), &model);
    }
  for (guint t = 0; t < CRASH_THREADS; t++)
    n_done += model.done[t];
  g_test_message ("%u writes were interrupted %u times", n_done, n_kills);
  g_assert_cmpuint (n_done, >, n_kills);
  munmap (log, sizeof (CrashLog));
  close (fd);
  mkv_test_remove_folder (path);
}

int
main (int argc, char **argv)
{
  static const char *const backends[] = { "file", "lmdb" };
  static const char *const durabilities[] = { "none", "ordered", "durable" };

  mkv_test_init (&argc, &argv, 3600);
  /* A storage tells of what a crash left half written. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  if (argc > 2 && g_str_equal (argv[1], "--kills"))
    n_kills = (guint) atoi (argv[2]);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (durabilities); j++)
      {
        const char **parts = g_new (const char *, 2);
        g_autofree char *name = g_strdup_printf ("/crash/%s/%s", backends[i], durabilities[j]);

        parts[0] = backends[i];
        parts[1] = durabilities[j];
        g_test_add_data_func_full (name, parts, test_kill, g_free);
      }
  return g_test_run ();
}
