/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * merklekvd sleeps and wakes with its machine, as a logind of the test's own tells. */
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <unistd.h>

#include "mkv-daemon-world.h"
#include "mkv-mosquitto.h"
#include "mkv-test.h"

/* As much of logind as there is to sleeping. */
typedef struct
{
  GDBusConnection *connection;
  guint name, object;
  guint n_inhibitors; /* that were asked for */
  int end;            /* reads 0 octets when the inhibitor is dropped */
} Logind;

static void
on_logind_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer user_data)
{
  Logind *logind = user_data;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  const char *what, *who, *why, *mode;
  int ends[2];

  g_variant_get (arguments, "(&s&s&s&s)", &what, &who, &why, &mode);
  g_assert_cmpstr (what, ==, "sleep");
  g_assert_cmpstr (who, ==, "MerkleKV");
  g_assert_cmpstr (mode, ==, "delay");
  g_unix_open_pipe (ends, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  g_unix_fd_list_append (fds, ends[1], &error);
  g_assert_no_error (error);
  close (ends[1]);
  g_assert_cmpint (logind->end, ==, -1);
  logind->end = ends[0];
  logind->n_inhibitors++;
  g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(h)", 0), fds);
}

static void
logind_start (Logind *logind, MkvDaemonWorld *w)
{
  static const GDBusInterfaceVTable vtable = { on_logind_call, NULL, NULL };
  g_autoptr (GDBusNodeInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  info = g_dbus_node_info_new_for_xml ("<node><interface name='org.freedesktop.login1.Manager'><method name='Inhibit'>"
                                       "<arg type='s' direction='in'/><arg type='s' direction='in'/>"
                                       "<arg type='s' direction='in'/><arg type='s' direction='in'/>"
                                       "<arg type='h' direction='out'/></method></interface></node>", &error);
  g_assert_no_error (error);
  logind->end = -1;
  logind->connection = mkv_daemon_world_connect (w);
  logind->object = g_dbus_connection_register_object (logind->connection, "/org/freedesktop/login1",
                                                      info->interfaces[0], &vtable, logind, NULL, &error);
  g_assert_no_error (error);
  logind->name = g_bus_own_name_on_connection (logind->connection, "org.freedesktop.login1", 0, NULL, NULL, NULL, NULL);
}

static void
logind_stop (Logind *logind)
{
  g_bus_unown_name (logind->name);
  g_dbus_connection_unregister_object (logind->connection, logind->object);
  g_dbus_connection_close_sync (logind->connection, NULL, NULL);
  g_clear_object (&logind->connection);
}

static void
logind_say (Logind *logind, gboolean begins)
{
  g_autoptr (GError) error = NULL;

  g_dbus_connection_emit_signal (logind->connection, NULL, "/org/freedesktop/login1",
                                 "org.freedesktop.login1.Manager", "PrepareForSleep",
                                 g_variant_new ("(b)", begins), &error);
  g_assert_no_error (error);
}

static gboolean
is_inhibited (gpointer user_data)
{
  return ((Logind *) user_data)->end >= 0;
}

/* Waits until the inhibitor is dropped. */
static void
logind_wait (Logind *logind)
{
  GPollFD poll = { .fd = logind->end, .events = G_IO_IN };
  char octet;

  g_assert_cmpint (g_poll (&poll, 1, 10000), ==, 1);
  g_assert_cmpint (read (logind->end, &octet, 1), ==, 0);
  close (logind->end);
  logind->end = -1;
}

static void
test_sleep (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  g_autofree char *arguments = NULL;
  MkvDaemonProgram *daemon;
  Logind logind = { 0 };
  gint64 begin;

  g_test_summary ("A sleep waits until the daemon has left its broker; after it the daemon is there again at once");
  if (broker == NULL)
    return;
  logind_start (&logind, w);
  arguments = g_strconcat ("--set transport.broker=", mkv_mosquitto_get_uri (broker), NULL);
  daemon = mkv_daemon_world_start_with (w, "DBUS_SYSTEM_BUS_ADDRESS=BUS", arguments);
  mkv_test_run_until (is_inhibited, &logind);
  mkv_daemon_world_wait_for_state (w, "online");
  for (guint i = 0; i < 2; i++)
    {
      mkv_daemon_world_set (w, "colour", i == 0 ? "green" : "blue");
      begin = g_get_monotonic_time ();
      logind_say (&logind, TRUE);
      logind_wait (&logind);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
      mkv_daemon_world_wait_for_state (w, "offline");
      mkv_daemon_world_expect (w, "colour", i == 0 ? "green" : "blue");
      logind_say (&logind, FALSE);
      mkv_daemon_world_wait_for_state (w, "online");
      mkv_test_run_until (is_inhibited, &logind);
    }
  g_assert_cmpuint (logind.n_inhibitors, ==, 3);

  /* It goes while the machine sleeps, and comes back. */
  logind_say (&logind, TRUE);
  logind_wait (&logind);
  mkv_daemon_world_wait_for_state (w, "offline");
  logind_stop (&logind);
  mkv_daemon_world_wait_for_state (w, "online");
  logind_start (&logind, w);
  mkv_test_run_until (is_inhibited, &logind);
  mkv_daemon_program_free (daemon);
  logind_wait (&logind);
  logind_stop (&logind);
}

int
main (int argc, char **argv)
{
  g_autofree char *bus = g_find_program_in_path ("dbus-daemon");

  /* Before any thread looks at it. */
  g_test_dbus_unset ();
  mkv_test_init (&argc, &argv, 120);
  if (bus == NULL)
    {
      g_print ("1..0 # SKIP there is no dbus-daemon\n");
      return 0;
    }
  g_test_add_func ("/daemon-sleep/sleep", test_sleep);
  return g_test_run ();
}
