/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * merklekv and merklekvd as scripts see them: arguments, exit codes, stdout.
 */
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mkv-mosquitto.h"
#include "mkv-program.h"
#include "mkv-test.h"

/* A daemon `box` that every test of verbs asks, and how to reach it. */
typedef struct
{
  MkvMosquitto *broker;
  MkvDaemonProgram *daemon;
  char *environment;
} Box;

static void
box_set_up (Box *box, gconstpointer data)
{
  const char *more = data != NULL ? data : "";

  box->broker = mkv_mosquitto_new (NULL);
  if (box->broker == NULL)
    return;
  box->environment = g_strdup_printf ("MKV_NODE=box MKV_BROKER=%s", mkv_mosquitto_get_uri (box->broker));
  box->daemon = mkv_daemon_program_new (NULL, "--set node.client-id=box --set storage.backend=memory "
                                              "--set transport.broker=%s%s",
                                        mkv_mosquitto_get_uri (box->broker), more);
  /* Ready says that the store is; being heard takes the broker as well. */
  for (guint i = 0;; i++)
    {
      g_autoptr (MkvProgramResult) result = mkv_program_run (box->environment, NULL, "merklekv --timeout 1 ping");

      if (result->status == 0 || result->status == 6)
        break;
      g_assert_cmpuint (i, <, 10);
    }
}

static void
box_tear_down (Box *box, gconstpointer data)
{
  g_clear_pointer (&box->daemon, mkv_daemon_program_free);
  g_clear_pointer (&box->broker, mkv_mosquitto_free);
  g_clear_pointer (&box->environment, g_free);
}

static void
check (const char *environment, const char *line, int status, const char *out, const char *err)
{
  g_autoptr (MkvProgramResult) result = mkv_program_run (environment, NULL, "%s", line);

  if (result->status != status || (out != NULL && !g_str_equal (result->out, out)) ||
      (err != NULL ? strstr (result->err, err) == NULL : *result->err != 0))
    g_error ("%s: exit status %d, not %d\nstdout: %s\nnot: %s\nstderr: %s\nwithout: %s", line, result->status,
             status, result->out, out != NULL ? out : "checked", result->err, err != NULL ? err : "being empty");
}

static void
test_usage (void)
{
  g_test_summary ("Wrong usage exits with 2 and says why; what is missing says what works today");
  check (NULL, "merklekv", 2, "", "merklekv: a verb is missing");
  check (NULL, "merklekv fly", 2, "", "merklekv: unknown verb “fly”");
  check (NULL, "merklekv --fast get k", 2, "", "merklekv: unknown option --fast");
  check (NULL, "merklekv get", 2, "", "usage: merklekv get KEY");
  check (NULL, "merklekv get a b", 2, "", "usage: merklekv get KEY");
  check (NULL, "merklekv --node", 2, "", "--node needs a value");
  check (NULL, "merklekv --timeout soon ping", 2, "", "--timeout soon");
  check (NULL, "merklekv keys --limit 0", 2, "", "--limit");
  check (NULL, "merklekv get k --limit 5", 2, "", "--limit goes with keys only");
  check (NULL, "merklekv incr k many", 2, "", "not a number");
  check (NULL, "merklekv set k --hex xyz", 2, "", "not hexadecimal");
  check (NULL, "merklekv set k --base64 A", 2, "", "not base64");
  check (NULL, "merklekv mset k", 2, "", "not of the form KEY=VALUE");
  check (NULL, "merklekv get k", 5, "", "--node ID --broker URI");
  check (NULL, "merklekv --bus get k", 5, "", "--node ID --broker URI");
  check (NULL, "merklekv --node box get k", 2, "", "--node goes with --broker URI");
  check ("MKV_NODE=box", "merklekv get k", 2, "", "MKV_NODE goes with --broker URI");
  check (NULL, "merklekv --broker mqtt://127.0.0.1 get k", 2, "", "--broker goes with --node ID");
  check (NULL, "merklekv --bus --store /nonexistent get k", 2, "", "one target");
  check (NULL, "merklekv --system --node box get k", 2, "", "one target");
  check (NULL, "merklekv --store /nonexistent get k", 1, "", "There is no storage at /nonexistent");
  check (NULL, "merklekv --store /nonexistent ping", 2, "", "takes a node");
  check (NULL, "merklekv repair", 2, "", "--store PATH");
  check (NULL, "merklekv backup /nonexistent", 5, "", "--store PATH");
  check ("MKV_NODE=box", "merklekv dump", 2, "", "leave out --node");
  check (NULL, "merklekv --store /nonexistent watch", 2, "", "only the daemon");
  check (NULL, "merklekv outbox", 2, "", "what works today");
  check (NULL, "merklekv --version", 0, NULL, NULL);
  check (NULL, "merklekv --help", 0, NULL, NULL);
  check (NULL, "merklekvd --no-bus --replace", 2, "", "--replace needs a bus");
  check (NULL, "merklekvd --no-bus --exit-idle 60", 2, "", "--exit-idle needs a bus");
  check (NULL, "merklekvd --no-bus --system", 2, "", "exclude each other");
  check (NULL, "merklekvd --session --system", 2, "", "exclude each other");
  check (NULL, "merklekvd --exit-idle -1", 2, "", "--exit-idle -1");
  check ("DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "merklekvd", 1, "", "to do without one: --no-bus");
  check ("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", "merklekvd --system", 1, "", "--system: the bus can't be reached");
  check (NULL, "merklekvd --no-bus now", 2, "", "unexpected argument");
  check (NULL, "merklekvd --fast", 2, "", "--fast");
  check (NULL, "merklekvd --version", 0, NULL, NULL);
}

static void
test_verbs (Box *box, gconstpointer data)
{
  const char *e = box->environment;

  g_test_summary ("Each verb does what it says, silently where there is nothing to say");
  if (box->broker == NULL)
    return;
  g_assert_cmpstr (mkv_daemon_program_get_greeting (box->daemon), ==, "ready client-id=box node-id=box");
  check (e, "merklekv set colour green", 0, "", NULL);
  check (e, "merklekv get colour", 0, "green", NULL);
  check (e, "merklekv append colour ish", 0, "", NULL);
  check (e, "merklekv prepend colour light", 0, "", NULL);
  check (e, "merklekv get colour", 0, "lightgreenish", NULL);
  check (e, "merklekv incr n", 0, "1\n", NULL);
  check (e, "merklekv incr n 41", 0, "42\n", NULL);
  check (e, "merklekv decr n 2", 0, "40\n", NULL);
  check (e, "merklekv incr n -50", 0, "-10\n", NULL);
  check (e, "merklekv set empty ", 0, "", NULL);
  check (e, "merklekv get empty", 0, "", NULL);
  check (e, "merklekv mset a=1 b=x=y c=", 0, "", NULL);
  check (e, "merklekv mget a b c", 0, "a\t1\nb\tx=y\nc\t\n", NULL);
  check (e, "merklekv mget a nothing b", 3, "a\t1\nb\tx=y\n", "mget nothing: ");
  check (e, "merklekv keys", 0, "a\nb\nc\ncolour\nempty\nn\n", NULL);
  check (e, "merklekv keys c", 0, "c\ncolour\n", NULL);
  check (e, "merklekv keys --limit 2 --after b", 0, "c\ncolour\n", NULL);
  check (e, "merklekv del a b nothing", 0, "", NULL);
  check (e, "merklekv keys", 0, "c\ncolour\nempty\nn\n", NULL);
  check (e, "merklekv root", 0, NULL, NULL);
  check (e, "merklekv sync", 0, "0\n", NULL);
  check (e, "merklekv sync --peer nobody", 7, "", "nobody");
  check (e, "merklekv peers", 2, "", "leave out --node");
}

static void
test_paging (Box *box, gconstpointer data)
{
  g_autoptr (GString) line = NULL;
  g_autoptr (MkvProgramResult) result = NULL, part = NULL;
  g_auto (GStrv) keys = NULL, part_keys = NULL;

  g_test_summary ("keys lists more keys than one answer holds");
  if (box->broker == NULL)
    return;
  for (guint i = 0; i < 2100; i++)
    {
      if (i % 210 == 0)
        line = g_string_new ("merklekv mset");
      g_string_append_printf (line, " key-%04u=%u", i, i);
      if (i % 210 == 209)
        {
          check (box->environment, line->str, 0, "", NULL);
          g_string_free (g_steal_pointer (&line), TRUE);
        }
    }
  result = mkv_program_run (box->environment, NULL, "merklekv keys");
  keys = g_strsplit (result->out, "\n", -1);
  g_assert_cmpuint (g_strv_length (keys), ==, 2101);
  g_assert_cmpstr (keys[2099], ==, "key-2099");
  part = mkv_program_run (box->environment, NULL, "merklekv keys --limit 1234 key-");
  part_keys = g_strsplit (part->out, "\n", -1);
  g_assert_cmpuint (g_strv_length (part_keys), ==, 1235);
  g_assert_cmpstr (part_keys[1233], ==, "key-1233");
}

static void
test_values (Box *box, gconstpointer data)
{
  static const guint8 octets[] = { 0, 1, 2, 0xff, '\n' };
  g_autoptr (GBytes) binary = g_bytes_new_static (octets, sizeof octets);
  g_autoptr (MkvProgramResult) written = NULL, piped = NULL;
  g_autofree char *path = NULL, *line = NULL;
  g_autoptr (GError) error = NULL;
  int fd;
  static const char *const lines[] = { "merklekv set bin --base64 AAEC/wo=", "merklekv set bin --hex 000102ff0A" };

  g_test_summary ("A value comes from stdin, a file, base64 or hexadecimal, octet by octet");
  if (box->broker == NULL)
    return;
  written = mkv_program_run (box->environment, binary, "merklekv set bin -");
  g_assert_cmpint (written->status, ==, 0);
  piped = mkv_program_run (box->environment, NULL, "merklekv get bin");
  g_assert_true (g_bytes_equal (piped->octets, binary));

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (MkvProgramResult) result = NULL;

      check (box->environment, "merklekv del bin", 0, "", NULL);
      check (box->environment, lines[i], 0, "", NULL);
      result = mkv_program_run (box->environment, NULL, "merklekv get bin");
      g_assert_true (g_bytes_equal (result->octets, binary));
    }

  fd = g_file_open_tmp ("mkv-value-XXXXXX", &path, &error);
  g_assert_no_error (error);
  close (fd);
  g_file_set_contents (path, "from a file", -1, &error);
  g_assert_no_error (error);
  line = g_strdup_printf ("merklekv set file @%s", path);
  check (box->environment, line, 0, "", NULL);
  check (box->environment, "merklekv get file", 0, "from a file", NULL);
  g_unlink (path);
  check (box->environment, line, 1, "", "can't be opened");
}

static void
test_json (Box *box, gconstpointer data)
{
  g_autoptr (MkvProgramResult) got = NULL, missing = NULL;

  g_test_summary ("--json prints one object a line, with the names of the protocol");
  if (box->broker == NULL)
    return;
  check (box->environment, "merklekv set colour green", 0, "", NULL);
  got = mkv_program_run (box->environment, NULL, "merklekv --json get colour");
  g_assert_cmpint (got->status, ==, 0);
  g_assert_true (g_str_has_prefix (got->out, "{"));
  g_assert_true (g_str_has_suffix (got->out, "}\n"));
  g_assert_nonnull (strstr (got->out, "\"status\":\"OK\""));
  g_assert_nonnull (strstr (got->out, "\"value\":\"green\""));
  missing = mkv_program_run (box->environment, NULL, "merklekv get nothing --json");
  g_assert_cmpint (missing->status, ==, 3);
  g_assert_nonnull (strstr (missing->out, "\"status\":\"NOT_FOUND\""));
  g_assert_nonnull (strstr (missing->out, "\"errorCode\":106"));
}

static void
test_failures (Box *box, gconstpointer data)
{
  const char *e = box->environment;
  g_autofree char *key = g_strnfill (257, 'k');
  g_autofree char *long_key = g_strdup_printf ("merklekv get %s", key);
  g_autofree char *big = g_malloc0 (262145);
  g_autoptr (GBytes) big_bytes = g_bytes_new_take (g_steal_pointer (&big), 262145);
  g_autoptr (MkvProgramResult) too_large = NULL;
  g_autofree char *nowhere = g_strdup_printf ("MKV_NODE=box MKV_BROKER=mqtt://127.0.0.1:%u",
                                              mkv_mosquitto_find_port ());
  gint64 begin;

  g_test_summary ("Every kind of failure has its exit status");
  if (box->broker == NULL)
    return;
  check (e, "merklekv get nothing", 3, "", "merklekv: get nothing: ");
  check (e, "merklekv set word one", 0, "", NULL);
  check (e, "merklekv incr word", 1, "", "merklekv: incr word: ");
  check (e, long_key, 2, "", "merklekv: get: ");
  too_large = mkv_program_run (e, big_bytes, "merklekv set big -");
  g_assert_cmpint (too_large->status, ==, 8);
  check (e, "merklekv --timeout 0.3 --node nobody ping", 7, "", "nobody");
  check (e, "merklekv --node no/body ping", 2, "", "--node");
  check (e, "merklekv --broker http://x ping", 2, "", "merklekv: --broker: ");
  check (e, "merklekv --prefix a/# ping", 2, "", "merklekv: --prefix: ");
  check ("MKV_NODE=box MKV_BROKER=http://x", "merklekv ping", 2, "", "merklekv: MKV_BROKER: ");
  check (e, "merklekv --password-file /nonexistent ping", 78, "", "--password-file is set, but --username is not");
  begin = g_get_monotonic_time ();
  check (nowhere, "merklekv ping", 5, "", "127.0.0.1");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
}

static void
test_denied (Box *box, gconstpointer data)
{
  g_test_summary ("A node that takes no commands says so: 6");
  if (box->broker == NULL)
    return;
  check (box->environment, "merklekv get colour", 6, "", "merklekv: get colour: ");
}

static void
test_mistakes (void)
{
  g_autofree char *path = NULL, *line = NULL, *first = NULL, *second = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("mkv-config-XXXXXX", &path, &error);

  g_test_summary ("Every mistake of a configuration is named with its place; exit 78");
  g_assert_no_error (error);
  close (fd);
  g_file_set_contents (path, "[node]\nclient-id=a b\n[transport]\nkeep-alive=soon\nbroker=mqtt://x\n", -1, &error);
  g_assert_no_error (error);
  line = g_strdup_printf ("merklekvd --no-bus --config %s --set node.colour=green", path);
  first = g_strdup_printf ("%s:2: node.client-id: ", path);
  second = g_strdup_printf ("%s:4: transport.keep-alive: ", path);
  check (NULL, line, 78, "", first);
  check (NULL, line, 78, "", second);
  check (NULL, line, 78, "", "node.colour: ");
  check (NULL, "merklekvd --no-bus --set storage.backend=nonsense", 78, "", "nonsense");
  check (NULL, "merklekvd --no-bus --config /nonexistent/file", 78, "", "/nonexistent/file");
  g_unlink (path);
}

static void
test_reload (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvDaemonProgram) daemon = NULL;
  g_autofree char *path = NULL, *text = NULL, *environment = NULL, *wrong = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_test_summary ("SIGHUP reads the configuration again: what can change does, mistakes leave it as it was");
  if (broker == NULL)
    return;
  fd = g_file_open_tmp ("mkv-config-XXXXXX", &path, &error);
  g_assert_no_error (error);
  close (fd);
  text = g_strdup_printf ("[node]\nclient-id=box\n[storage]\nbackend=memory\n[transport]\nbroker=%s\n[commands]\n",
                          mkv_mosquitto_get_uri (broker));
  environment = g_strdup_printf ("MKV_NODE=box MKV_BROKER=%s", mkv_mosquitto_get_uri (broker));
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  daemon = mkv_daemon_program_new (NULL, "--config %s", path);
  check (environment, "merklekv set colour green", 0, "", NULL);

  wrong = g_strconcat (text, "access=maybe\n", NULL);
  g_file_set_contents (path, wrong, -1, &error);
  mkv_daemon_program_signal (daemon, SIGHUP);
  mkv_daemon_program_wait_for (daemon, ":8: commands.access: ");
  mkv_daemon_program_wait_for (daemon, "stays as it was");
  check (environment, "merklekv get colour", 0, "green", NULL);

  g_clear_pointer (&wrong, g_free);
  wrong = g_strconcat (text, "access=deny\n[node]\nnode-id=other\n", NULL);
  g_file_set_contents (path, wrong, -1, &error);
  mkv_daemon_program_signal (daemon, SIGHUP);
  mkv_daemon_program_wait_for (daemon, "node.node-id takes effect after a restart");
  check (environment, "merklekv get colour", 6, "", "get colour");
  g_unlink (path);
}

static void
test_alone (void)
{
  g_autoptr (MkvDaemonProgram) daemon = mkv_daemon_program_new (NULL, "--set node.client-id=box "
                                                                      "--set storage.backend=memory");
  g_autofree char *errors = NULL;

  g_test_summary ("Without a broker the daemon serves all the same, and says nothing");
  g_assert_cmpstr (mkv_daemon_program_get_greeting (daemon), ==, "ready client-id=box node-id=box");
  errors = mkv_daemon_program_read_errors (daemon);
  g_assert_cmpstr (errors, ==, "");
}

static void
test_lasting (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autofree char *folder = NULL, *place = NULL, *target = NULL;

  g_test_summary ("What was set is there after the daemon was killed, where nobody chose a storage");
  if (broker == NULL)
    return;
  folder = g_dir_make_tmp ("mkv-data-XXXXXX", NULL);
  place = g_strconcat ("XDG_DATA_HOME=", folder, NULL);
  target = g_strdup_printf ("MKV_NODE=box MKV_BROKER=%s", mkv_mosquitto_get_uri (broker));
  for (guint i = 0; i < 3; i++)
    {
      MkvDaemonProgram *daemon = mkv_daemon_program_new (place, "--set node.client-id=box --set transport.broker=%s",
                                                         mkv_mosquitto_get_uri (broker));

      if (i > 0)
        check (target, "merklekv get colour", 0, "green", NULL);
      check (target, i > 0 ? "merklekv set shape round" : "merklekv set colour green", 0, "", NULL);
      if (i < 2)
        mkv_daemon_program_kill (daemon);
      else
        mkv_daemon_program_free (daemon);
    }
  mkv_test_remove_folder (folder);
}

static void
test_log (void)
{
  g_autoptr (MkvDaemonProgram) text = NULL, json = NULL, quiet = NULL;
  g_autofree char *errors = NULL;

  g_test_summary ("The log is text or JSON, of the level that was asked for");
  text = mkv_daemon_program_new (NULL, "--set storage.backend=memory --set transport.broker=mqtt://127.0.0.1:%u",
                                 mkv_mosquitto_find_port ());
  mkv_daemon_program_wait_for (text, "merklekvd: warning: ");
  json = mkv_daemon_program_new (NULL, "--set storage.backend=memory --set transport.broker=mqtt://127.0.0.1:%u "
                                       "--set observe.log-format=json", mkv_mosquitto_find_port ());
  mkv_daemon_program_wait_for (json, "\"level\":\"warning\",\"domain\":\"MerkleKV\",\"message\":\"");
  quiet = mkv_daemon_program_new (NULL, "--set storage.backend=memory --set transport.broker=mqtt://127.0.0.1:%u "
                                        "--set observe.log-level=error", mkv_mosquitto_find_port ());
  errors = mkv_daemon_program_read_errors (quiet);
  g_assert_cmpstr (errors, ==, "");
}

static void
expect_notification (GSocket *socket, const char *text)
{
  char buffer[256];
  g_autoptr (GError) error = NULL;
  gssize length = g_socket_receive (socket, buffer, sizeof buffer - 1, NULL, &error);

  g_assert_no_error (error);
  buffer[length] = 0;
  if (!g_str_has_prefix (buffer, text))
    g_error ("the service manager was not told “%s” but “%s”", text, buffer);
}

static void
test_notify (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-notify-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autofree char *environment = g_strconcat ("NOTIFY_SOCKET=", path, NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT,
                                             &error);
  MkvDaemonProgram *daemon;

  g_test_summary ("The service manager is told when the daemon is ready, reads its configuration, and stops");
  g_assert_no_error (error);
  g_socket_set_timeout (socket, 10);
  g_socket_bind (socket, address, FALSE, &error);
  g_assert_no_error (error);
  daemon = mkv_daemon_program_new (environment, "--set storage.backend=memory");
  expect_notification (socket, "READY=1");
  mkv_daemon_program_signal (daemon, SIGHUP);
  expect_notification (socket, "RELOADING=1\nMONOTONIC_USEC=");
  expect_notification (socket, "READY=1");
  mkv_daemon_program_free (daemon);
  expect_notification (socket, "STOPPING=1");
  g_unlink (path);
  g_rmdir (folder);
}

static void
test_demo (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvProgramResult) here = NULL, apart = NULL;

  g_test_summary ("The demo ends well, with mosquitto and two processes and without");
  here = mkv_program_run ("MKV_MOSQUITTO=/nonexistent", NULL, "merklekv demo");
  g_assert_cmpint (here->status, ==, 0);
  g_assert_nonnull (strstr (here->out, "loopback://demo"));
  g_assert_nonnull (strstr (here->out, "Equal on both sides"));
  if (broker == NULL)
    return;
  apart = mkv_program_run (NULL, NULL, "merklekv demo");
  g_assert_cmpint (apart->status, ==, 0);
  g_assert_nonnull (strstr (apart->out, "mosquitto :"));
  g_assert_nonnull (strstr (apart->out, "Equal on both sides"));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 240);
#define ADD_BOX(name, more, func) g_test_add ("/programs/" name, Box, more, box_set_up, func, box_tear_down)
  g_test_add_func ("/programs/usage", test_usage);
  ADD_BOX ("verbs", NULL, test_verbs);
  ADD_BOX ("paging", NULL, test_paging);
  ADD_BOX ("values", NULL, test_values);
  ADD_BOX ("json", NULL, test_json);
  ADD_BOX ("failures", NULL, test_failures);
  ADD_BOX ("denied", " --set commands.access=deny", test_denied);
  g_test_add_func ("/programs/mistakes", test_mistakes);
  g_test_add_func ("/programs/reload", test_reload);
  g_test_add_func ("/programs/alone", test_alone);
  g_test_add_func ("/programs/lasting", test_lasting);
  g_test_add_func ("/programs/log", test_log);
  g_test_add_func ("/programs/notify", test_notify);
  g_test_add_func ("/programs/demo", test_demo);
#undef ADD_BOX
  return g_test_run ();
}
