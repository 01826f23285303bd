/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * merklekvd as a citizen of a bus: started by a call, alone under its name,
 * replaced, killed, idle, and gone with the bus. */
#include "config.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "mkv-daemon-world.h"
#include "mkv-mosquitto.h"
#include "mkv-test.h"

#define CALL_TIMEOUT_MS 30000

static void
test_activation (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  GPid first, second;

  g_test_summary ("A call starts the daemon and waits for its storage; a killed one is started again, and has kept all");
  g_assert_cmpint (mkv_daemon_world_get_pid (w), ==, 0);
  mkv_daemon_world_set (w, "colour", "green");
  first = mkv_daemon_world_get_pid (w);
  g_assert_cmpint (first, !=, 0);
  mkv_daemon_world_expect (w, "colour", "green");
  kill (first, SIGKILL);
  mkv_daemon_world_wait_for_none (w);
  mkv_daemon_world_expect (w, "colour", "green");
  second = mkv_daemon_world_get_pid (w);
  g_assert_cmpint (second, !=, first);
  kill (second, SIGTERM);
  mkv_daemon_world_wait_for_none (w);
  mkv_daemon_world_expect (w, "colour", "green");
}

static void
test_one (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  g_autoptr (MkvProgramResult) second = NULL;
  g_autofree char *pid = NULL, *environment = NULL;
  MkvDaemonProgram *first = mkv_daemon_world_start (w, "");

  g_test_summary ("A second daemon says that one is there, which, and what to do");
  pid = g_strdup_printf ("process %d is the daemon", (int) mkv_daemon_program_get_pid (first));
  environment = g_strconcat ("DBUS_SESSION_BUS_ADDRESS=", g_test_dbus_get_bus_address (w->bus), NULL);
  second = mkv_program_run (environment, NULL, "merklekvd --session --set storage.path=%s/other", w->folder);
  g_assert_cmpint (second->status, ==, 69);
  g_assert_cmpstr (second->out, ==, "");
  g_assert_nonnull (strstr (second->err, pid));
  g_assert_nonnull (strstr (second->err, "--replace"));
  mkv_daemon_world_expect (w, (mkv_daemon_world_set (w, "colour", "green"), "colour"), "green");
  mkv_daemon_program_free (first);
}

/* Writes keys one after the other, many at once, for as long as it is told. */
typedef struct
{
  MkvDaemonWorld *world;
  GDBusConnection *client;
  guint n_started, n_open, n_done, n_failed;
  guint n_wanted; /* at a time; 0 to end */
  GPtrArray *acknowledged; /* keys */
} Load;

static void load_more (Load *load);

typedef struct
{
  Load *load;
  char *key;
} LoadCall;

static void
on_load_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LoadCall *one = user_data;
  Load *load = one->load;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  load->n_open--;
  if (reply != NULL)
    {
      load->n_done++;
      g_ptr_array_add (load->acknowledged, g_steal_pointer (&one->key));
    }
  else
    {
      g_test_message ("%s: %s", one->key, error->message);
      load->n_failed++;
    }
  g_free (one->key);
  g_free (one);
  load_more (load);
}

static void
load_more (Load *load)
{
  while (load->n_open < load->n_wanted)
    {
      LoadCall *one = g_new0 (LoadCall, 1);

      one->load = load;
      one->key = g_strdup_printf ("key-%06u", load->n_started++);
      load->n_open++;
      g_dbus_connection_call (load->client, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Set",
                              mkv_daemon_world_make_set (one->key, one->key), NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL,
                              on_load_set, one);
    }
}

static void
load_start (Load *load, MkvDaemonWorld *w, guint n_wanted)
{
  load->world = w;
  load->client = mkv_daemon_world_connect (w);
  load->acknowledged = g_ptr_array_new_with_free_func (g_free);
  load->n_wanted = n_wanted;
  load_more (load);
}

/* Until so many more have been done. */
static void
load_run (Load *load, guint n)
{
  guint until = load->n_done + n;

  while (load->n_done < until)
    g_main_context_iteration (NULL, TRUE);
}

static void
load_end (Load *load)
{
  load->n_wanted = 0;
  while (load->n_open > 0)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < load->acknowledged->len; i++)
    mkv_daemon_world_expect (load->world, load->acknowledged->pdata[i], load->acknowledged->pdata[i]);
  g_dbus_connection_close_sync (load->client, NULL, NULL);
  g_object_unref (load->client);
  g_ptr_array_unref (load->acknowledged);
}

static void
test_replace (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  g_autofree char *errors = NULL;
  MkvDaemonProgram *first = mkv_daemon_world_start (w, ""), *second;
  Load load = { 0 };
  GPid pid;

  g_test_summary ("--replace takes a daemon's place under load: it leaves, no call fails, nothing is lost");
  load_start (&load, w, 20);
  load_run (&load, 100);
  second = mkv_daemon_world_start (w, "--replace");
  pid = mkv_daemon_program_get_pid (second);
  g_assert_cmpint (mkv_daemon_program_join (first, &errors), ==, 0);
  g_assert_nonnull (strstr (errors, "has taken the place"));
  g_assert_cmpint (mkv_daemon_world_get_pid (w), ==, pid);
  load_run (&load, 100);
  load_end (&load);
  g_assert_cmpuint (load.n_failed, ==, 0);

  /* Nobody is there to be replaced. */
  mkv_daemon_program_free (second);
  second = mkv_daemon_world_start (w, "--replace");
  mkv_daemon_program_free (second);
}

static void
test_killed (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  Load load = { 0 };

  g_test_summary ("A daemon is killed under load: no call hangs, the next starts another, what was answered is kept");
  load_start (&load, w, 20);
  for (guint i = 0; i < 3; i++)
    {
      load_run (&load, 100);
      kill (mkv_daemon_world_get_pid (w), SIGKILL);
    }
  load_run (&load, 100);
  load_end (&load);
  g_assert_cmpuint (load.n_failed, <=, 3 * 20);
}

static void
test_end (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  Load load = { 0 };

  g_test_summary ("A daemon that is ended under load answers what has reached it; the rest starts another");
  load_start (&load, w, 20);
  for (guint i = 0; i < 3; i++)
    {
      load_run (&load, 100);
      kill (mkv_daemon_world_get_pid (w), SIGTERM);
    }
  load_run (&load, 100);
  load_end (&load);
  g_assert_cmpuint (load.n_failed, ==, 0);
}

static void
test_idle (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("--exit-idle=1");
  g_autoptr (MkvDaemonWorld) memory = mkv_daemon_world_new (""), broker = mkv_daemon_world_new (""), alone = mkv_daemon_world_new (NULL);
  g_autoptr (MkvDaemonWorld) watched = mkv_daemon_world_new ("");
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  MkvDaemonProgram *plain, *stay[4];
  MkvDaemonWorld *worlds[] = { memory, broker, alone, watched };
  const char *arguments[] = { "--exit-idle=1 --set storage.backend=memory",
                              "--exit-idle=1 --set transport.broker=mqtt://127.0.0.1:1", "--exit-idle=1",
                              "--exit-idle=1" };
  GPid pid;

  g_test_summary ("Who is not needed ends, and comes back with a call; not without a service file, with a broker, "
                  "with data that would be lost, or while somebody watches");
  for (guint i = 0; i < G_N_ELEMENTS (stay); i++)
    stay[i] = mkv_daemon_world_start (worlds[i], arguments[i]);
  reply = mkv_daemon_world_call (watched, "Store", "Watch", g_variant_new ("(sa{sv})", "a/", NULL), "()", &error);
  g_assert_no_error (error);
  plain = mkv_daemon_world_start (w, "--exit-idle=1");
  mkv_daemon_world_set (w, "colour", "green");
  g_assert_cmpint (mkv_daemon_program_join (plain, NULL), ==, 0);
  g_assert_cmpint (mkv_daemon_world_get_pid (w), ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      mkv_daemon_world_expect (w, "colour", "green");
      pid = mkv_daemon_world_get_pid (w);
      g_assert_cmpint (pid, !=, 0);
      /* The next call comes while that one is closing its storage. */
      mkv_daemon_world_wait_for_none (w);
    }
  for (guint i = 0; i < G_N_ELEMENTS (stay); i++)
    {
      g_assert_false (mkv_daemon_program_has_ended (stay[i]));
      if (worlds[i] != watched)
        mkv_daemon_program_free (stay[i]);
    }
  /* Whoever leaves the bus watches no more. */
  g_dbus_connection_close_sync (watched->client, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (watched->client);
  watched->client = mkv_daemon_world_connect (watched);
  g_assert_cmpint (mkv_daemon_program_join (stay[3], NULL), ==, 0);
}

static void
test_bus_gone (void)
{
  MkvDaemonWorld *w = mkv_daemon_world_new ("");
  MkvDaemonProgram *daemon = mkv_daemon_world_start (w, "");
  g_autofree char *errors = NULL;

  g_test_summary ("When the bus ends the daemon does, so that whoever looks after it starts it again");
  mkv_daemon_world_set (w, "colour", "green");
  g_dbus_connection_close_sync (w->client, NULL, NULL);
  g_clear_object (&w->client);
  g_test_dbus_stop (w->bus);
  g_assert_cmpint (mkv_daemon_program_join (daemon, &errors), ==, 1);
  g_assert_nonnull (strstr (errors, "the bus has ended"));
  mkv_daemon_world_wait_for_lock (w);
  g_test_dbus_down (w->bus);
  g_object_unref (w->bus);
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  g_free (w->service);
  g_free (w->data);
  g_free (w);
}

static void
test_reload (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  g_autofree char *path = g_build_filename (w->folder, "merklekv.conf", NULL), *line = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree const char **names = NULL;
  MkvDaemonProgram *daemon;

  g_test_summary ("Reload reads the configuration again, says what needs a restart, or what is wrong with it");
  g_file_set_contents (path, "[commands]\naccess=allow\n", -1, NULL);
  line = g_strconcat ("--config ", path, NULL);
  daemon = mkv_daemon_world_start (w, line);
  g_file_set_contents (path, "[node]\nnode-id=other\n", -1, NULL);
  reply = mkv_daemon_world_call (w, "Manager", "Reload", g_variant_new ("(a{sv})", NULL), "(as)", &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(^a&s)", &names);
  g_assert_cmpstr (names[0], ==, "node.node-id");
  g_assert_null (names[1]);
  g_file_set_contents (path, "[commands]\naccess=maybe\n", -1, NULL);
  g_assert_null (mkv_daemon_world_call (w, "Manager", "Reload", g_variant_new ("(a{sv})", NULL), "(as)", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "commands.access"));
  mkv_daemon_program_free (daemon);
}

/* A property, or NULL where there is no such object. */
static GVariant *
get_property (MkvDaemonWorld *w, const char *path, const char *interface, const char *name)
{
  g_autoptr (GVariant) reply = NULL, value = NULL;

  reply = g_dbus_connection_call_sync (w->client, DBUS_NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                       g_variant_new ("(ss)", interface, name), G_VARIANT_TYPE ("(v)"),
                                       G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL, NULL);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(v)", &value);
  return g_steal_pointer (&value);
}

static gboolean
property_is (MkvDaemonWorld *w, const char *path, const char *interface, const char *name, const char *text)
{
  g_autoptr (GVariant) value = get_property (w, path, interface, name);
  g_autofree char *found = value != NULL ? g_variant_print (value, FALSE) : NULL;

  return g_strcmp0 (found, text) == 0;
}

static void
wait_for_property (MkvDaemonWorld *w, const char *path, const char *interface, const char *name, const char *text)
{
  gint64 end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;

  while (!property_is (w, path, interface, name, text))
    {
      if (g_get_monotonic_time () > end)
        g_error ("%s of %s does not become %s", name, path, text);
      g_usleep (5000);
    }
}

/* Who hears what it holds itself may say nothing for minutes; who is asked to
 * compare says so. */
static void
sync_until (MkvDaemonWorld *asked, MkvDaemonWorld *told, const char *path, const char *name, const char *text)
{
  gint64 end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;

  do
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply =
          mkv_daemon_world_call (asked, "Store", "Sync", g_variant_new ("(sa{sv})", "", NULL), "(x)", &error);

      g_assert_no_error (error);
      if (g_get_monotonic_time () > end)
        g_error ("%s of %s does not become %s", name, path, text);
    }
  while (!property_is (told, path, DBUS_NAME ".Peer", name, text));
}

static void
count_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
              const char *name, GVariant *parameters, gpointer user_data)
{
  g_autofree char *text = g_variant_print (parameters, FALSE);

  if (strstr (text, DBUS_NAME ".Peer") != NULL)
    g_string_append_printf (user_data, "%s ", name);
}

static void
test_objects (void)
{
  static const char peer_path[] = MKV_BUS_PEERS_PATH "/other_2ename";
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new (NULL), elsewhere = mkv_daemon_world_new (NULL);
  g_autofree char *path = g_build_filename (w->folder, "merklekv.conf", NULL);
  g_autofree char *line = NULL, *more = NULL, *environment = NULL;
  g_autoptr (MkvProgramResult) peers = NULL, peers_json = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) seen = NULL, seen_later = NULL, reply = NULL;
  g_autoptr (GString) signals = g_string_new (NULL);
  MkvDaemonProgram *daemon, *other;
  guint subscription;

  g_test_summary ("Peers and plugins are objects that come, change and go, and signals tell of it");
  if (broker == NULL)
    return;
  line = g_strdup_printf ("[transport]\nbroker=%s\n", mkv_mosquitto_get_uri (broker));
  g_file_set_contents (path, line, -1, NULL);
  g_free (line);
  line = g_strconcat ("--config ", path, NULL);
  subscription = g_dbus_connection_signal_subscribe (w->client, DBUS_NAME, NULL, NULL, NULL, NULL,
                                                     G_DBUS_SIGNAL_FLAGS_NONE, count_signal, signals, NULL);
  daemon = mkv_daemon_world_start (w, line);
  wait_for_property (w, MKV_BUS_PLUGINS_PATH "/storage_2dlmdb", DBUS_NAME ".Plugin", "State", "'loaded'");
  wait_for_property (w, MKV_BUS_PLUGINS_PATH "/storage_2dlmdb", DBUS_NAME ".Plugin", "Name", "'lmdb'");
  wait_for_property (w, MKV_BUS_PLUGINS_PATH "/storage_2dfile", DBUS_NAME ".Plugin", "State", "'not-loaded'");
  wait_for_property (w, MKV_BUS_PLUGINS_PATH "/storage_2dfile", DBUS_NAME ".Plugin", "Version", "''");
  g_assert_null (get_property (w, peer_path, DBUS_NAME ".Peer", "ClientId"));

  more = g_strdup_printf ("--set node.client-id=other.name --set transport.broker=%s", mkv_mosquitto_get_uri (broker));
  other = mkv_daemon_world_start (elsewhere, more);
  mkv_daemon_world_wait_for_state (w, "online");
  mkv_daemon_world_wait_for_state (elsewhere, "online");
  sync_until (elsewhere, w, peer_path, "ClientId", "'other.name'");
  sync_until (elsewhere, w, peer_path, "Equal", "true");
  seen = get_property (w, peer_path, DBUS_NAME ".Peer", "LastSeen");
  mkv_daemon_world_set (elsewhere, "colour", "green");
  sync_until (elsewhere, w, peer_path, "Entries", "1");
  sync_until (elsewhere, w, peer_path, "Equal", "true");
  environment = g_strconcat ("DBUS_SESSION_BUS_ADDRESS=", g_test_dbus_get_bus_address (w->bus), NULL);
  peers = mkv_program_run (environment, NULL, "merklekv peers");
  g_assert_cmpstr (peers->out, ==, "other.name\tholds the same\n");
  g_assert_cmpint (peers->status, ==, 0);
  peers_json = mkv_program_run (environment, NULL, "merklekv --json peers");
  g_assert_nonnull (strstr (peers_json->out, "{\"client_id\":\"other.name\",\"last_seen\":"));
  g_assert_nonnull (strstr (peers_json->out, "\"equal\":true,\"reason\":\"\",\"entries\":1,"));
  seen_later = get_property (w, peer_path, DBUS_NAME ".Peer", "LastSeen");
  g_assert_cmpint (g_variant_get_int64 (seen), <, g_variant_get_int64 (seen_later));

  g_file_set_contents (path, "", 0, NULL);
  reply = mkv_daemon_world_call (w, "Manager", "Reload", g_variant_new ("(a{sv})", NULL), "(as)", &error);
  g_assert_no_error (error);
  wait_for_property (w, peer_path, DBUS_NAME ".Peer", "ClientId", NULL);
  mkv_test_iterate ();
  g_assert_true (g_str_has_prefix (signals->str, "InterfacesAdded "));
  g_assert_true (g_str_has_suffix (signals->str, "InterfacesRemoved "));
  g_assert_nonnull (strstr (signals->str, "PropertiesChanged "));
  g_dbus_connection_signal_unsubscribe (w->client, subscription);
  mkv_daemon_program_free (other);
  mkv_daemon_program_free (daemon);
}

static void
wait_for_notification (GSocket *socket, const char *text)
{
  for (;;)
    {
      char buffer[256];
      g_autoptr (GError) error = NULL;
      gssize length = g_socket_receive (socket, buffer, sizeof buffer - 1, NULL, &error);

      g_assert_no_error (error);
      buffer[length] = 0;
      if (g_str_equal (buffer, text))
        return;
      g_assert_cmpstr (buffer, ==, "WATCHDOG=1");
    }
}

static void
test_watchdog (void)
{
  g_autoptr (MkvDaemonWorld) w = mkv_daemon_world_new ("");
  g_autofree char *path = g_build_filename (w->folder, "socket", NULL);
  g_autofree char *environment = g_strdup_printf ("NOTIFY_SOCKET=%s WATCHDOG_USEC=40000", path);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;
  MkvDaemonProgram *daemon;

  g_test_summary ("The service manager is told that the daemon is ready, all the time that it lives, and that it stops");
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_assert_no_error (error);
  g_socket_set_timeout (socket, 10);
  g_socket_bind (socket, address, FALSE, &error);
  g_assert_no_error (error);
  daemon = mkv_daemon_world_start_with (w, environment, "");
  wait_for_notification (socket, "READY=1");
  for (guint i = 0; i < 5; i++)
    wait_for_notification (socket, "WATCHDOG=1");
  mkv_daemon_program_free (daemon);
  wait_for_notification (socket, "STOPPING=1");

  g_free (environment);
  environment = g_strdup_printf ("NOTIFY_SOCKET=%s WATCHDOG_USEC=40000 WATCHDOG_PID=1", path);
  daemon = mkv_daemon_world_start_with (w, environment, "");
  mkv_daemon_program_free (daemon);
  for (guint i = 0; i < 2; i++)
    {
      char buffer[256];
      gssize length = g_socket_receive (socket, buffer, sizeof buffer - 1, NULL, &error);

      g_assert_no_error (error);
      buffer[length] = 0;
      g_assert_cmpstr (buffer, ==, i == 0 ? "READY=1" : "STOPPING=1");
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *bus = g_find_program_in_path ("dbus-daemon");

  /* Before any thread looks at it. */
  g_test_dbus_unset ();
  mkv_test_init (&argc, &argv, 240);
  /* Registers what errors are called on the bus. */
  mkv_error_quark ();
  if (bus == NULL)
    {
      g_print ("1..0 # SKIP there is no dbus-daemon\n");
      return 0;
    }
  g_test_add_func ("/daemon-bus/activation", test_activation);
  g_test_add_func ("/daemon-bus/one", test_one);
  g_test_add_func ("/daemon-bus/replace", test_replace);
  g_test_add_func ("/daemon-bus/killed", test_killed);
  g_test_add_func ("/daemon-bus/end", test_end);
  g_test_add_func ("/daemon-bus/idle", test_idle);
  g_test_add_func ("/daemon-bus/bus-gone", test_bus_gone);
  g_test_add_func ("/daemon-bus/reload", test_reload);
  g_test_add_func ("/daemon-bus/objects", test_objects);
  g_test_add_func ("/daemon-bus/watchdog", test_watchdog);
  return g_test_run ();
}
