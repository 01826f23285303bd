/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-sleep.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <unistd.h>

#define LOGIN_NAME "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_MANAGER "org.freedesktop.login1.Manager"

struct _MkvDaemonSleep
{
  MkvNode *node;
  GCancellable *cancellable;
  GDBusConnection *connection; /* NULL while there is none */
  guint watch;                 /* of logind, */
  guint subscription;          /* and of what it tells */
  int inhibitor;               /* a sleep waits until it is closed; -1 if there is none */
  gboolean is_asleep;          /* so logind has said */
};

static void
drop_inhibitor (MkvDaemonSleep *self)
{
  if (self->inhibitor >= 0)
    close (self->inhibitor);
  self->inhibitor = -1;
}

static void
on_inhibited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  MkvDaemonSleep *self = user_data;
  gint32 index;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply == NULL)
    {
      g_debug ("logind does not let sleep wait: %s", error->message);
      return;
    }
  drop_inhibitor (self);
  g_variant_get (reply, "(h)", &index);
  if (fds != NULL && index < g_unix_fd_list_get_length (fds))
    self->inhibitor = g_unix_fd_list_get (fds, index, NULL);
  /* It came too late for this sleep. */
  if (self->is_asleep)
    drop_inhibitor (self);
}

static void
take_inhibitor (MkvDaemonSleep *self)
{
  g_dbus_connection_call_with_unix_fd_list (
      self->connection, LOGIN_NAME, LOGIN_PATH, LOGIN_MANAGER, "Inhibit",
      g_variant_new ("(ssss)", "sleep", "MerkleKV", _("Changes are sent to other devices"), "delay"),
      G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, self->cancellable, on_inhibited, self);
}

static void
on_ready_for_sleep (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  mkv_node_sleep_finish (MKV_NODE (source), result, &error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      MkvDaemonSleep *self = user_data;

      if (self->is_asleep)
        drop_inhibitor (self);
    }
}

static void
fall_asleep (MkvDaemonSleep *self)
{
  if (self->is_asleep)
    return;
  self->is_asleep = TRUE;
  mkv_node_sleep_async (self->node, self->cancellable, on_ready_for_sleep, self);
}

static void
wake_up (MkvDaemonSleep *self)
{
  if (!self->is_asleep)
    return;
  self->is_asleep = FALSE;
  mkv_node_wake (self->node);
}

static void
on_prepare_for_sleep (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
                      const char *signal_name, GVariant *parameters, gpointer user_data)
{
  MkvDaemonSleep *self = user_data;
  gboolean begins;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(b)")))
    return;
  g_variant_get (parameters, "(b)", &begins);
  if (begins)
    {
      fall_asleep (self);
      return;
    }
  wake_up (self);
  /* Each is good for one sleep. */
  if (self->inhibitor < 0)
    take_inhibitor (self);
}

static void
on_logind_here (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  take_inhibitor (user_data);
}

static void
on_logind_gone (GDBusConnection *connection, const char *name, gpointer user_data)
{
  MkvDaemonSleep *self = user_data;

  drop_inhibitor (self);
  /* It would not tell of the morning. */
  wake_up (self);
}

static void
set_connection (MkvDaemonSleep *self, GDBusConnection *connection)
{
  self->connection = g_object_ref (connection);
  self->subscription = g_dbus_connection_signal_subscribe (connection, LOGIN_NAME, LOGIN_MANAGER, "PrepareForSleep",
                                                           LOGIN_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                           on_prepare_for_sleep, self, NULL);
  self->watch = g_bus_watch_name_on_connection (connection, LOGIN_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE, on_logind_here,
                                                on_logind_gone, self, NULL);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (connection == NULL)
    {
      g_debug ("no system bus to hear of sleep from: %s", error->message);
      return;
    }
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  set_connection (user_data, connection);
}

MkvDaemonSleep *
mkv_daemon_sleep_new (MkvNode *node, GDBusConnection *connection)
{
  MkvDaemonSleep *self = g_new0 (MkvDaemonSleep, 1);

  self->node = g_object_ref (node);
  self->cancellable = g_cancellable_new ();
  self->inhibitor = -1;
  if (connection != NULL)
    set_connection (self, connection);
  else
    g_bus_get (G_BUS_TYPE_SYSTEM, self->cancellable, on_connected, self);
  return self;
}

void
mkv_daemon_sleep_free (MkvDaemonSleep *self)
{
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  if (self->connection != NULL)
    {
      g_bus_unwatch_name (self->watch);
      g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
    }
  g_clear_object (&self->connection);
  drop_inhibitor (self);
  g_object_unref (self->node);
  g_free (self);
}
