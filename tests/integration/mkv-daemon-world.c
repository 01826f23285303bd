/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-world.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "bus/mkv-bus-names-private.h"
#include "mkv-test.h"
#include "storage/mkv-storage-folder.h"

#define CALL_TIMEOUT_MS 30000
#define LIMIT (30 * G_USEC_PER_SEC)


GDBusConnection *
mkv_daemon_world_connect (MkvDaemonWorld *w)
{
  g_autoptr (GError) error = NULL;
  GDBusConnection *client;

  client = g_dbus_connection_new_for_address_sync (g_test_dbus_get_bus_address (w->bus),
                                                   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                       G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                   NULL, NULL, &error);
  g_assert_no_error (error);
  return client;
}

MkvDaemonWorld *
mkv_daemon_world_new (const char *arguments)
{
  MkvDaemonWorld *w = g_new0 (MkvDaemonWorld, 1);
  g_autofree char *text = NULL, *program = g_build_filename (g_getenv ("MKV_TOOLS"), "daemon", "merklekvd", NULL);
  g_autoptr (GError) error = NULL;

  w->folder = g_dir_make_tmp ("mkv-bus-XXXXXX", &error);
  g_assert_no_error (error);
  w->data = g_build_filename (w->folder, "data", NULL);
  w->service = g_build_filename (w->folder, DBUS_NAME ".service", NULL);
  if (arguments != NULL)
    {
      /* What it says on stdout would be taken for the test's. */
      text = g_strdup_printf ("[D-BUS Service]\nName=%s\nExec=/bin/sh -c \"MKV_CONFIG=/dev/null LC_ALL=C.UTF-8 exec %s "
                              "--session --set node.client-id=box --set storage.path=%s %s > /dev/null\"\n",
                              DBUS_NAME, program, w->data, arguments);
      g_file_set_contents (w->service, text, -1, &error);
      g_assert_no_error (error);
    }
  w->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_add_service_dir (w->bus, w->folder);
  g_test_dbus_up (w->bus);
  w->client = mkv_daemon_world_connect (w);
  return w;
}

static GVariant *
call_bus (MkvDaemonWorld *w, const char *method, GVariant *arguments, const char *type)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply;

  reply = g_dbus_connection_call_sync (w->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", method, arguments, G_VARIANT_TYPE (type),
                                       G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL, &error);
  if (error != NULL && !g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
    g_error ("%s: %s", method, error->message);
  return reply;
}

GPid
mkv_daemon_world_get_pid (MkvDaemonWorld *w)
{
  g_autoptr (GVariant) reply = call_bus (w, "GetConnectionUnixProcessID", g_variant_new ("(s)", DBUS_NAME), "(u)");
  guint32 pid = 0;

  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);
  return (GPid) pid;
}

void
mkv_daemon_world_wait_for_none (MkvDaemonWorld *w)
{
  gint64 end = g_get_monotonic_time () + LIMIT;

  while (mkv_daemon_world_get_pid (w) != 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (5000);
    }
}

/* What a daemon that the bus has started leaves behind is gone when its storage is free. */
void
mkv_daemon_world_wait_for_lock (MkvDaemonWorld *w)
{
  g_autofree char *lock = g_build_filename (w->data, "lock", NULL);
  gint64 end = g_get_monotonic_time () + LIMIT;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      int fd = g_file_test (w->data, G_FILE_TEST_EXISTS) ? mkv_storage_lock_folder (w->data, &error) : -1;

      if (fd >= 0)
        g_close (fd, NULL);
      if (error == NULL)
        return;
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (5000);
    }
}

void
mkv_daemon_world_free (MkvDaemonWorld *w)
{
  GPid pid = mkv_daemon_world_get_pid (w);

  if (pid != 0)
    {
      kill (pid, SIGTERM);
      mkv_daemon_world_wait_for_none (w);
    }
  mkv_daemon_world_wait_for_lock (w);
  g_dbus_connection_close_sync (w->client, NULL, NULL);
  g_object_unref (w->client);
  g_test_dbus_down (w->bus);
  g_object_unref (w->bus);
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  g_free (w->service);
  g_free (w->data);
  g_free (w);
}

GVariant *
mkv_daemon_world_call (MkvDaemonWorld *w, const char *object, const char *method, GVariant *arguments, const char *type, GError **error)
{
  g_autofree char *path = g_strconcat (DBUS_PATH "/", object, NULL);
  g_autofree char *interface = g_strconcat (DBUS_NAME ".", object, NULL);

  return g_dbus_connection_call_sync (w->client, DBUS_NAME, path, interface, method, arguments, G_VARIANT_TYPE (type),
                                      G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL, error);
}

GVariant *
mkv_daemon_world_make_set (const char *key, const char *text)
{
  return g_variant_new ("(s@aya{sv})", key,
                        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1), NULL);
}

void
mkv_daemon_world_set (MkvDaemonWorld *w, const char *key, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = mkv_daemon_world_call (w, "Store", "Set", mkv_daemon_world_make_set (key, text), "()", &error);

  g_assert_no_error (error);
}

void
mkv_daemon_world_expect (MkvDaemonWorld *w, const char *key, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) octets = NULL, reply = NULL;
  g_autofree char *found = NULL;
  gsize length;
  const char *data;

  reply = mkv_daemon_world_call (w, "Store", "Get", g_variant_new ("(sa{sv})", key, NULL), "(ay)", &error);
  g_assert_no_error (error);
  octets = g_variant_get_child_value (reply, 0);
  data = g_variant_get_fixed_array (octets, &length, 1);
  found = g_strndup (data, length);
  g_assert_cmpstr (found, ==, text);
}

static char *
get_state (MkvDaemonWorld *w)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL, value = NULL;

  reply = g_dbus_connection_call_sync (w->client, DBUS_NAME, MKV_BUS_MANAGER_PATH, "org.freedesktop.DBus.Properties",
                                       "Get", g_variant_new ("(ss)", DBUS_NAME ".Manager", "State"),
                                       G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(v)", &value);
  return g_variant_dup_string (value, NULL);
}

void
mkv_daemon_world_wait_for_state (MkvDaemonWorld *w, const char *state)
{
  gint64 end = g_get_monotonic_time () + LIMIT;

  for (;;)
    {
      g_autofree char *found = get_state (w);

      if (g_str_equal (found, state))
        return;
      while (g_main_context_iteration (NULL, FALSE))
        ;
      if (g_get_monotonic_time () > end)
        g_error ("the node is %s, not %s", found, state);
      g_usleep (5000);
    }
}

MkvDaemonProgram *
mkv_daemon_world_start_with (MkvDaemonWorld *w, const char *environment, const char *arguments)
{
  g_autofree char *address = g_strconcat ("=", g_test_dbus_get_bus_address (w->bus), NULL);
  g_autoptr (GString) all = g_string_new (environment);

  g_string_append (all, *environment != 0 ? " DBUS_SESSION_BUS_ADDRESS=BUS" : "DBUS_SESSION_BUS_ADDRESS=BUS");
  g_string_replace (all, "=BUS", address, 0);
  return mkv_daemon_program_new_on_bus (all->str, "--set node.client-id=box --set storage.path=%s%s%s", w->data,
                                        *arguments != 0 ? " " : "", arguments);
}

MkvDaemonProgram *
mkv_daemon_world_start (MkvDaemonWorld *w, const char *arguments)
{
  return mkv_daemon_world_start_with (w, "", arguments);
}
