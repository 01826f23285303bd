/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The daemon as others see it who start it by their first call: merklekv, and a
 * store of this process. A private bus, and a folder that the daemon keeps its
 * data in. */
#include "config.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-store.h"
#include "mkv-bus-world.h"
#include "mkv-program.h"
#include "mkv-test.h"

typedef struct
{
  GTestDBus *bus; /* NULL where there is none: the test is skipped */
  GDBusConnection *connection;
  char *folder;
  char *environment; /* for merklekv */
} World;

static void
set_up (World *w, gconstpointer data)
{
  gboolean startable = data == NULL;
  g_autofree char *services = NULL, *service = NULL, *text = NULL;
  g_autoptr (GError) error = NULL;

  if (!mkv_bus_world_is_possible ())
    {
      g_test_skip ("no dbus-daemon");
      return;
    }
  w->folder = g_dir_make_tmp ("mkv-bus-XXXXXX", &error);
  g_assert_no_error (error);
  services = g_build_filename (w->folder, "services", NULL);
  service = g_build_filename (services, "merklekv.service", NULL);
  /* What it prints when it is ready is not for who reads the test's output. */
  text = g_strdup_printf ("[D-BUS Service]\nName=" DBUS_NAME "\nExec=/bin/sh -c \"exec %s/daemon/merklekvd --session --config /dev/null "
                          "--set node.client-id=here --set storage.backend=file --set storage.path=%s/data "
                          "--set transport.backend=none > /dev/null\"\n",
                          g_getenv ("MKV_TOOLS"), w->folder);
  g_assert_cmpint (g_mkdir (services, 0700), ==, 0);
  g_file_set_contents (service, text, -1, &error);
  g_assert_no_error (error);
  w->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  if (startable)
    g_test_dbus_add_service_dir (w->bus, services);
  g_test_dbus_up (w->bus);
  w->connection = g_dbus_connection_new_for_address_sync (g_test_dbus_get_bus_address (w->bus),
                                                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                          NULL, NULL, &error);
  g_assert_no_error (error);
  w->environment = g_strdup_printf ("DBUS_SESSION_BUS_ADDRESS=%s", g_test_dbus_get_bus_address (w->bus));
}

/* The daemon's process; 0 if it does not run. */
static GPid
get_daemon (World *w)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (w->connection, "org.freedesktop.DBus",
                                                            "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                            "GetConnectionUnixProcessID",
                                                            g_variant_new ("(s)", DBUS_NAME), G_VARIANT_TYPE ("(u)"),
                                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
  guint pid = 0;

  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);
  return (GPid) pid;
}

static void
end_daemon (World *w, int signum)
{
  GPid pid = get_daemon (w);

  if (pid == 0)
    return;
  g_assert_cmpint (kill (pid, signum), ==, 0);
  while (get_daemon (w) != 0)
    g_usleep (5000);
  /* Until it has let go of its data. */
  while (kill (pid, 0) == 0)
    g_usleep (5000);
}

static void
tear_down (World *w, gconstpointer data)
{
  if (w->bus == NULL)
    return;
  end_daemon (w, SIGTERM);
  g_dbus_connection_close_sync (w->connection, NULL, NULL);
  g_object_unref (w->connection);
  g_test_dbus_down (w->bus);
  g_object_unref (w->bus);
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  g_free (w->environment);
}

/* @out NULL: it is not looked at; @err NULL: there is to be none. */
static void
check (World *w, const char *line, int status, const char *out, const char *err)
{
  g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "%s", line);

  if (result->status != status || (out != NULL && !g_str_equal (result->out, out)) ||
      (err != NULL ? strstr (result->err, err) == NULL : *result->err != 0))
    g_error ("%s: exit status %d, not %d\nstdout: %s\nstderr: %s", line, result->status, status, result->out,
             result->err);
}

static void
check_has (World *w, const char *line, const char *part)
{
  g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "%s", line);

  if (result->status != 0 || strstr (result->out, part) == NULL)
    g_error ("%s: exit status %d, no “%s”\nstdout: %s\nstderr: %s", line, result->status, part, result->out,
             result->err);
}

static void
test_verbs (World *w, gconstpointer data)
{
  g_test_summary ("merklekv without a target asks the daemon, which the first call starts");
  if (w->bus == NULL)
    return;
  check (w, "merklekv set colour green", 0, "", NULL);
  check (w, "merklekv get colour", 0, "green", NULL);
  check (w, "merklekv --bus append colour ish", 0, "", NULL);
  check (w, "merklekv prepend colour light", 0, "", NULL);
  check (w, "merklekv get colour", 0, "lightgreenish", NULL);
  check (w, "merklekv incr n 42", 0, "42\n", NULL);
  check (w, "merklekv decr n", 0, "41\n", NULL);
  check (w, "merklekv mset a=1 b=2", 0, "", NULL);
  check (w, "merklekv mget a none b", 3, "a\t1\nb\t2\n", "mget none: ");
  check (w, "merklekv keys", 0, "a\nb\ncolour\nn\n", NULL);
  check (w, "merklekv keys --limit 1 --after a", 0, "b\n", NULL);
  check (w, "merklekv del a", 0, "", NULL);
  check (w, "merklekv get a", 3, "", "merklekv: get a: There is no such key");
  check (w, "merklekv incr colour", 1, "", "merklekv: incr colour: ");
  check (w, "merklekv sync", 5, "", "merklekv: sync: There is no broker: set transport.broker to one\n");
  check (w, "merklekv peers", 0, "", NULL);
  check (w, "merklekv reload", 0, "", NULL);
  check (w, "merklekv health", 0, "ok\n", NULL);
  check_has (w, "merklekv ping", "answered in ");
  check_has (w, "merklekv info", "client_id: here\n");
  check_has (w, "merklekv status", "entries: 3\n");
  check_has (w, "merklekv --json status", "\"entries\":3,");
  check_has (w, "merklekv --json get n", "\"value\":\"41\"");
  check_has (w, "merklekv root", "\n");
}

static void
test_upkeep (World *w, gconstpointer data)
{
  g_autofree char *backup = NULL, *get = NULL;

  g_test_summary ("backup, verify, compact and stats, while the daemon has the store open; the copy is whole");
  if (w->bus == NULL)
    return;
  backup = g_strdup_printf ("merklekv backup %s/copy", w->folder);
  get = g_strdup_printf ("merklekv --store %s/copy --backend file get colour", w->folder);
  check (w, "merklekv set colour green", 0, "", NULL);
  check (w, "merklekv verify", 0, "", NULL);
  check (w, "merklekv compact", 0, "", NULL);
  check_has (w, "merklekv stats", "node_id: here\n");
  check_has (w, "merklekv --json stats", "\"entries\":1,");
  check (w, backup, 0, "", NULL);
  check (w, backup, 1, "", "choose an empty folder");
  check (w, get, 0, "green", NULL);
  check (w, "merklekv get colour", 0, "green", NULL);
  check (w, "merklekv repair", 2, "", "--store PATH");
}

static void
test_transfers (World *w, gconstpointer data)
{
  static const char *const formats[] = { "jsonl", "cbor", "dconf" };

  g_test_summary ("dump and load go through the daemon, in each format");
  if (w->bus == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autoptr (MkvProgramResult) dumped = NULL, loaded = NULL, again = NULL;

      check (w, "merklekv mset x/a='1' x/b='2' y='3'", 0, "", NULL);
      dumped = mkv_program_run (w->environment, NULL, "merklekv dump x/ --format %s", formats[i]);
      g_assert_cmpint (dumped->status, ==, 0);
      g_assert_cmpuint (g_bytes_get_size (dumped->octets), >, 0);
      loaded = mkv_program_run (w->environment, dumped->octets, "merklekv --json load --format %s", formats[i]);
      g_assert_cmpstr (loaded->err, ==, "");
      g_assert_cmpint (loaded->status, ==, 0);
      g_assert_nonnull (strstr (loaded->out, "\"refused\":0}"));
      again = mkv_program_run (w->environment, NULL, "merklekv mget x/a x/b");
      g_assert_cmpstr (again->out, ==, "x/a\t'1'\nx/b\t'2'\n");
    }
}

static void
test_nobody (World *w, gconstpointer data)
{
  static const char *const lines[] = { "merklekv get k", "merklekv set k v", "merklekv info", "merklekv status",
                                       "merklekv dump", "merklekv watch", "merklekv ping" };
  g_autoptr (MkvStore) store = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where there is no daemon and none to be started, that is said at once");
  if (w->bus == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    check (w, lines[i], 5, "", "start merklekvd");
  store = MKV_STORE (mkv_bus_store_new (w->connection, NULL, "", &error));
  g_assert_no_error (error);
  g_assert_null (mkv_store_get (store, "k", NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  mkv_store_get_async (store, "k", NULL, mkv_test_store_result, &result);
  g_assert_null (mkv_store_get_finish (store, mkv_test_wait_result (&result), &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_null (mkv_bus_store_new (w->connection, "no name", NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
}

typedef struct
{
  guint n_ended;
  guint n_failed;
} Load;

static void
on_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Load *load = user_data;
  g_autoptr (GError) error = NULL;

  load->n_ended++;
  if (mkv_store_increment_finish (MKV_STORE (source), result, NULL, &error))
    return;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  load->n_failed++;
}

static gboolean
have_ended (gpointer user_data)
{
  return ((Load *) user_data)->n_ended == 500;
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  g_autofree char *text = mkv_entry_dup_text (entry);

  g_string_append_printf (user_data, "%s=%s\n", mkv_entry_get_key (entry), text != NULL ? text : "-");
}

static gboolean
has_last (gpointer user_data)
{
  return strstr (((GString *) user_data)->str, "w/last=1\n") != NULL;
}

static gboolean
is_gone (gpointer user_data)
{
  return get_daemon (user_data) == 0;
}

static void
test_killed (World *w, gconstpointer data)
{
  const char *const keys[] = { "w/deleted", "w/same", "w/other", NULL };
  g_autoptr (GString) told = g_string_new (NULL);
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (MkvStore) store = NULL, other = NULL;
  g_autoptr (GBytes) value = NULL;
  g_autoptr (GError) error = NULL;
  Load load = { 0 };

  g_test_summary ("A daemon that is killed fails what was under way; it is back at once, and what changed is told");
  if (w->bus == NULL)
    return;
  check (w, "merklekv mset w/deleted=1 w/same=1 w/other=1 elsewhere=1", 0, "", NULL);
  store = MKV_STORE (mkv_bus_store_new (w->connection, NULL, "w/", &error));
  g_assert_no_error (error);
  g_signal_connect (store, "changed", G_CALLBACK (on_changed), told);
  g_signal_connect (store, "changed::w/other", G_CALLBACK (on_changed), told);
  entries = mkv_store_get_many (store, keys, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (entries->len, ==, 3);
  for (guint i = 0; i < 500; i++)
    mkv_store_increment_async (store, "count", 1, NULL, on_ended, &load);
  while (load.n_ended < 10)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (kill (get_daemon (w), SIGKILL), ==, 0);
  /* What waited for room starts it again. */
  mkv_test_run_until (have_ended, &load);
  g_assert_cmpuint (load.n_failed, <, 500);
  g_assert_cmpstr (told->str, ==, "");

  value = mkv_store_get (store, "w/same", NULL, &error);
  g_assert_no_error (error);
  end_daemon (w, SIGKILL);
  g_assert_true (is_gone (w));
  /* The store's context does not run: it is not told of any of these. */
  other = MKV_STORE (mkv_bus_store_new (w->connection, NULL, NULL, NULL));
  g_assert_true (mkv_store_delete (other, "w/deleted", NULL, NULL));
  g_assert_true (mkv_store_increment (other, "w/other", 1, NULL, NULL, NULL));
  g_assert_true (mkv_store_increment (other, "w/new", 1, NULL, NULL, NULL));
  g_assert_true (mkv_store_increment (other, "elsewhere", 1, NULL, NULL, NULL));
  g_assert_true (mkv_store_increment (other, "w/last", 1, NULL, NULL, NULL));
  mkv_test_run_until (has_last, told);
  mkv_test_run_for (300);
  g_assert_cmpstr (told->str, ==, "w/last=1\nw/new=1\nw/other=2\nw/other=2\nw/deleted=-\n");
  g_string_truncate (told, 0);
  check (w, "merklekv set w/last 1", 0, "", NULL);
  mkv_test_run_until (has_last, told);
  g_assert_cmpstr (told->str, ==, "w/last=1\n");
  g_signal_handlers_disconnect_by_data (store, told);
}

static void
test_watch (World *w, gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *program = NULL, *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;

  g_test_summary ("watch prints what is there, then what changes, also after the daemon was away");
  if (w->bus == NULL)
    return;
  check (w, "merklekv mset w/a=1 w/b=2 x=3", 0, "", NULL);
  program = g_build_filename (g_getenv ("MKV_TOOLS"), "cli", "merklekv", NULL);
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_setenv (launcher, "DBUS_SESSION_BUS_ADDRESS", g_test_dbus_get_bus_address (w->bus), TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, program, "watch", "w/", NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  first = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (first, ==, "w/a\t1");
  second = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (second, ==, "w/b\t2");
  check (w, "merklekv del w/a x", 0, "", NULL);
  third = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (third, ==, "w/a\t");
  end_daemon (w, SIGKILL);
  check (w, "merklekv set w/b 3", 0, "", NULL);
  fourth = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (fourth, ==, "w/b\t3");
  g_subprocess_send_signal (process, SIGTERM);
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
}

static void
test_exec (World *w, gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *program = NULL, *first = NULL, *second = NULL;

  g_test_summary ("watch --exec runs a command for each entry, one behind the other");
  if (w->bus == NULL)
    return;
  check (w, "merklekv mset w/a=1 w/b=2", 0, "", NULL);
  program = g_build_filename (g_getenv ("MKV_TOOLS"), "cli", "merklekv", NULL);
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_setenv (launcher, "DBUS_SESSION_BUS_ADDRESS", g_test_dbus_get_bus_address (w->bus), TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, program, "watch", "w/", "--exec",
                                         "echo \"$MKV_KEY is $(cat)\"", NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  first = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (first, ==, "w/a is 1");
  second = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  g_assert_cmpstr (second, ==, "w/b is 2");
  g_subprocess_send_signal (process, SIGTERM);
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
}

#define ADD(name, data, func) g_test_add ("/bus-store/" name, World, data, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 110);
  ADD ("verbs", NULL, test_verbs);
  ADD ("upkeep", NULL, test_upkeep);
  ADD ("transfers", NULL, test_transfers);
  ADD ("nobody", "alone", test_nobody);
  ADD ("killed", NULL, test_killed);
  ADD ("watch", NULL, test_watch);
  ADD ("exec", NULL, test_exec);
  return g_test_run ();
}
