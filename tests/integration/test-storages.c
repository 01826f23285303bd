/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * merklekv --store: a storage without a node, as scripts see it. */
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <unistd.h>

#include "mkv-program.h"
#include "mkv-storages-world.h"
#include "mkv-test.h"

static void
test_verbs (MkvStoragesWorld *w, gconstpointer data)
{
  g_test_summary ("The verbs of keys do on a storage what they do at a node");
  mkv_storages_world_check (w, "get a", 1, "", "There is no storage at");
  mkv_storages_world_check (w, "set a 1", 0, "", NULL);
  mkv_storages_world_check (w, "get a", 0, "1", NULL);
  mkv_storages_world_check (w, "get b", 3, "", "get b: ");
  mkv_storages_world_check (w, "append a 2", 0, "", NULL);
  mkv_storages_world_check (w, "prepend a 0", 0, "", NULL);
  mkv_storages_world_check (w, "get a", 0, "012", NULL);
  mkv_storages_world_check (w, "incr n 5", 0, "5\n", NULL);
  mkv_storages_world_check (w, "decr n", 0, "4\n", NULL);
  mkv_storages_world_check (w, "incr a x", 2, "", "not a number");
  mkv_storages_world_check (w, "mset b=2 c=3", 0, "", NULL);
  mkv_storages_world_check (w, "mget a none b", 3, "a\t012\nb\t2\n", "mget none: ");
  mkv_storages_world_check (w, "keys", 0, "a\nb\nc\nn\n", NULL);
  mkv_storages_world_check (w, "keys --limit 1 --after a", 0, "b\n", NULL);
  mkv_storages_world_check (w, "del a none", 0, "", NULL);
  mkv_storages_world_check (w, "keys", 0, "b\nc\nn\n", NULL);
  mkv_storages_world_check (w, "info", 0, NULL, NULL);
  mkv_storages_world_check (w, "root", 0, NULL, NULL);
  mkv_storages_world_check (w, "--json get b", 0, NULL, NULL);
  mkv_storages_world_check (w, "ping", 2, "", "takes a node");
  mkv_storages_world_check (w, "sync", 2, "", "takes a node");
}

static void
test_doctor (MkvStoragesWorld *w, gconstpointer data)
{
  g_autofree char *path = g_build_filename (w->folder, "s", NULL);
  g_autoptr (MkvProgramResult) well = NULL;
  g_autoptr (MkvProgramResult) open_to_all = NULL;

  g_test_summary ("The doctor says what can be read without a key, and what is wrong");
  mkv_storages_world_check (w, "doctor", 1, "", "There is no storage at");
  mkv_storages_world_check (w, "set a 1", 0, "", NULL);
  well = mkv_storages_world_run (w, "s", NULL, "doctor");
  g_assert_cmpint (well->status, ==, 0);
  g_assert_nonnull (strstr (well->out, "it holds 1 key"));
  g_assert_nonnull (strstr (well->out, "not encrypted"));
  g_assert_null (strstr (well->out, "problem"));

  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  open_to_all = mkv_storages_world_run (w, "s", NULL, "doctor");
  g_assert_cmpint (open_to_all->status, ==, 1);
  g_assert_nonnull (strstr (open_to_all->out, "problem: other users"));
}

static void
test_dump (MkvStoragesWorld *w, gconstpointer data)
{
  static const char *const formats[] = { "jsonl", "cbor", "dconf" };
  g_autoptr (GBytes) bad = mkv_test_bytes ("no\n{\"key\":\"x\",\"value\":\"1\"}\nnor this\n");

  g_test_summary ("What is dumped can be loaded; a line that can't be taken is named, and fails");
  mkv_storages_world_check (w, "mset a=1 b/c=2 d=3", 0, "", NULL);
  mkv_storages_world_check (w, "del d", 0, "", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *dump = g_strdup_printf ("dump --format %s", formats[i]);
      g_autofree char *load = g_strdup_printf ("load --format %s", formats[i]);
      g_autoptr (MkvProgramResult) result = mkv_storages_world_run (w, "s", NULL, dump);

      g_assert_cmpint (result->status, ==, 0);
      mkv_storages_world_check_with (w, formats[i], result->octets, load, 0, "", NULL);
      mkv_storages_world_check_with (w, formats[i], NULL, "mget a b/c", 0, "a\t1\nb/c\t2\n", NULL);
      mkv_storages_world_check_with (w, formats[i], NULL, "verify", 0, "", NULL);
    }
  mkv_storages_world_check (w, "dump b/ --format dconf", 0, "[b]\nc='2'\n", NULL);
  mkv_storages_world_check_with (w, "s", bad, "load", 1, "", "merklekv: load: Line 1: ");
  mkv_storages_world_check_with (w, "s", bad, "--json load", 1, "{\"loaded\":1,\"unchanged\":0,\"refused\":2}\n",
                                 "load: Line 3: ");
  mkv_storages_world_check (w, "get x", 0, "1", NULL);
  mkv_storages_world_check (w, "load /nonexistent", 1, "", "/nonexistent");
  mkv_storages_world_check (w, "dump --format xml", 2, "", "jsonl, cbor, dconf");
  mkv_storages_world_check (w, "get a --format cbor", 2, "", "--format goes with dump, load only");
}

static void
test_upkeep (MkvStoragesWorld *w, gconstpointer data)
{
  g_autofree char *backup = g_strdup_printf ("backup %s/copy", w->folder);
  g_autofree char *restore = g_strdup_printf ("restore %s/copy", w->folder);
  g_autofree char *force = g_strdup_printf ("restore %s/copy --force", w->folder);
  g_autofree char *clone = g_strdup_printf ("restore %s/copy --node-id other", w->folder);
  g_autoptr (MkvProgramResult) stats = NULL, json = NULL, forced = NULL, cloned = NULL;

  g_test_summary ("A storage is counted, checked, compacted, copied and put back");
  mkv_storages_world_check (w, "verify", 1, "", "There is no storage at");
  mkv_storages_world_check (w, "mset a=1 b=2", 0, "", NULL);
  mkv_storages_world_check (w, "verify", 0, "", NULL);
  mkv_storages_world_check (w, "compact", 0, "", NULL);
  mkv_storages_world_check (w, "repair", 0, "", NULL);
  mkv_storages_world_check (w, backup, 0, "", NULL);
  mkv_storages_world_check (w, backup, 1, NULL, "backup: ");
  mkv_storages_world_check (w, "set a 9", 0, "", NULL);
  mkv_storages_world_check (w, restore, 8, "", "is not empty");
  forced = mkv_storages_world_run (w, "s", NULL, force);
  g_assert_cmpint (forced->status, ==, 0);
  g_assert_nonnull (strstr (forced->out, "What was there before is in "));
  mkv_storages_world_check (w, "get a", 0, "1", NULL);
  cloned = mkv_storages_world_run (w, "t", NULL, clone);
  g_assert_cmpint (cloned->status, ==, 0);
  g_assert_nonnull (strstr (cloned->out, "is now node “other”"));
  stats = mkv_storages_world_run (w, "t", NULL, "stats");
  g_assert_cmpint (stats->status, ==, 0);
  g_assert_nonnull (strstr (stats->out, "node_id: other\nentries: 2\ntombstones: 0\ngraves: 0\n"));
  json = mkv_storages_world_run (w, "t", NULL, "--json stats");
  g_assert_true (g_str_has_prefix (json->out, "{\"backend\":\""));
  g_assert_nonnull (strstr (json->out, "\"outbox\":0,"));
}

static void
test_daemon (MkvStoragesWorld *w, gconstpointer data)
{
  MkvDaemonProgram *daemon = mkv_daemon_program_new (NULL, "--set node.client-id=box --set storage.backend=%s "
                                                           "--set storage.path=%s/s --set transport.backend=none",
                                                     w->backend, w->folder);
  g_autofree char *pid = g_strdup_printf ("process %d", (int) mkv_daemon_program_get_pid (daemon));

  g_test_summary ("A storage that a daemon has open is refused, with the daemon's pid");
  mkv_storages_world_check (w, "get a", 8, "", pid);
  mkv_storages_world_check (w, "repair", 8, "", pid);
  mkv_daemon_program_free (daemon);
  mkv_storages_world_check (w, "set a 1", 0, "", NULL);
}

static void
test_progress (MkvStoragesWorld *w, gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_autofree char *program = g_build_filename (g_getenv ("MKV_TOOLS"), "cli", "merklekv", NULL);
  g_autofree char *path = g_build_filename (w->folder, "s", NULL);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  char shown[4096] = "";
  int controller, terminal;
  GPollFD shows;
  gssize n;

  g_test_summary ("On a terminal, what takes over a second says how far it is, in one line that goes");
  g_assert_cmpint (openpty (&controller, &terminal, NULL, NULL, NULL), ==, 0);
  shows = (GPollFD){ .fd = controller, .events = G_IO_IN };
  g_subprocess_launcher_take_stderr_fd (launcher, terminal);
  process = g_subprocess_launcher_spawn (launcher, &error, program, "--store", path, "--backend", w->backend, "load", NULL);
  g_assert_no_error (error);
  /* A line every tenth of a second, until it says something. */
  for (guint i = 0; g_poll (&shows, 1, 100) == 0; i++)
    {
      g_autofree char *line = g_strdup_printf ("{\"key\":\"%u\",\"value\":\"1\"}\n", i);

      g_assert_cmpuint (i, <, 300);
      g_assert_true (g_output_stream_write_all (g_subprocess_get_stdin_pipe (process), line, strlen (line), NULL, NULL,
                                                NULL));
    }
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, NULL));
  g_assert_true (g_subprocess_wait_check (process, NULL, &error));
  g_object_unref (g_steal_pointer (&launcher));
  n = read (controller, shown, sizeof shown - 1);
  g_assert_cmpint (n, >, 0);
  close (controller);
  g_assert_true (g_str_has_prefix (shown, "\r\033[Kload: "));
  g_assert_true (g_str_has_suffix (shown, "\r\033[K"));
  g_assert_null (strchr (shown, '\n'));
}

int
main (int argc, char **argv)
{
  static const char *const backends[] = { "file", "lmdb" };
  static const struct
  {
    const char *name;
    void (*func) (MkvStoragesWorld *w, gconstpointer data);
  } tests[] = {
    { "verbs", test_verbs },
    { "doctor", test_doctor },
    { "dump", test_dump },
    { "upkeep", test_upkeep },
    { "daemon", test_daemon },
    { "progress", test_progress },
  };

  mkv_test_init (&argc, &argv, 110);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *path = g_strdup_printf ("/storages/%s/%s", backends[i], tests[j].name);

        g_test_add (path, MkvStoragesWorld, backends[i], mkv_storages_world_set_up, tests[j].func,
                    mkv_storages_world_tear_down);
      }
  return g_test_run ();
}
