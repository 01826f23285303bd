/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What a daemon costs that has nothing to do: connected, with a thousand entries
 * written before.
 */
#include <string.h>

#include "mkv-bench.h"
#include "mkv-mosquitto.h"
#include "mkv-program.h"

#define N_BATCHES 10
#define BATCH 100
#define SETTLE (5 * G_USEC_PER_SEC)
#define WATCH_SECONDS 20
#define MAX_PRIVATE_KIB 3072
#define MAX_WAKEUPS 2.0

/* The sum of what the lines that begin with @field say, of one file. */
static guint64
sum_field (const char *path, const char *field)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint64 sum = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], field))
      sum += g_ascii_strtoull (g_strchug (lines[i] + strlen (field)), NULL, 10);
  return sum;
}

/* How often each thread, by its name in /proc, has been woken: each time it had
 * gone to sleep before. */
static GHashTable *
count_wakeups (GPid pid)
{
  GHashTable *counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *folder = g_strdup_printf ("/proc/%d/task", (int) pid);
  g_autoptr (GDir) tasks = g_dir_open (folder, 0, NULL);
  const char *name;

  while (tasks != NULL && (name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, "status", NULL);

      g_hash_table_insert (counts, g_strdup (name), GSIZE_TO_POINTER (sum_field (path, "voluntary_ctxt_switches:")));
    }
  return counts;
}

/* Threads come, and a thread of GLib's pool goes when it had nothing to do for
 * long: for that it woke once. */
static guint64
compare_wakeups (GHashTable *before, GHashTable *after)
{
  GHashTableIter iter;
  gpointer name, count;
  guint64 n = 0;

  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &name, &count))
    n += GPOINTER_TO_SIZE (count) - GPOINTER_TO_SIZE (g_hash_table_lookup (before, name));
  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    n += !g_hash_table_contains (after, name);
  return n;
}

static void
fill (const char *environment)
{
  g_autofree char *value = g_strnfill (100, 'v');

  for (guint i = 0; i < N_BATCHES; i++)
    {
      g_autoptr (GString) line = g_string_new ("merklekv mset");
      g_autoptr (MkvProgramResult) result = NULL;

      for (guint j = 0; j < BATCH; j++)
        g_string_append_printf (line, " key-%u=%s", i * BATCH + j, value);
      result = mkv_program_run (environment, NULL, "%s", line->str);
      g_assert_cmpint (result->status, ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (MkvMosquitto) broker = NULL;
  g_autoptr (MkvDaemonProgram) daemon = NULL;
  g_autofree char *environment = NULL, *smaps = NULL;
  g_autoptr (GHashTable) before = NULL, after = NULL;
  gboolean good;

  g_test_init (&argc, &argv, NULL);
  broker = mkv_mosquitto_new (NULL);
  if (broker == NULL)
    return 77;
  environment = g_strdup_printf ("MKV_NODE=idle MKV_BROKER=%s", mkv_mosquitto_get_uri (broker));
  daemon = mkv_daemon_program_new (NULL, "--set node.client-id=idle --set storage.backend=memory "
                                         "--set transport.broker=%s", mkv_mosquitto_get_uri (broker));
  fill (environment);
  g_usleep (SETTLE);
  before = count_wakeups (mkv_daemon_program_get_pid (daemon));
  g_usleep (WATCH_SECONDS * G_USEC_PER_SEC);
  after = count_wakeups (mkv_daemon_program_get_pid (daemon));
  smaps = g_strdup_printf ("/proc/%d/smaps_rollup", (int) mkv_daemon_program_get_pid (daemon));

  good = mkv_bench_report ("idle-wakeups", "1/s", (double) compare_wakeups (before, after) / WATCH_SECONDS, 0, "at-most",
                           MAX_WAKEUPS);
  good &= mkv_bench_report ("idle-private-dirty", "KiB", (double) sum_field (smaps, "Private_Dirty:"), 0, "at-most",
                            MAX_PRIVATE_KIB);
  return good ? 0 : 1;
}
