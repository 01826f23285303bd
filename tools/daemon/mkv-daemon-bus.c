/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-bus.h"

#include <glib/gi18n.h>

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* Flags of RequestName, and the answer that says that another has the name. */
#define ALLOW_REPLACEMENT 0x1
#define REPLACE_EXISTING 0x2
#define DO_NOT_QUEUE 0x4
#define EXISTS 3

/* Counted in GDBus's thread, maybe still when nobody listens any more. */
typedef struct
{
  gint n_calls;
  gint n_answers;
} Counts;

struct _MkvDaemonBus
{
  GBusType type;
  gboolean replace;
  MkvNode *node;
  MkvDaemonBusFuncs funcs;
  MkvReloadFunc reload;
  gpointer user_data;

  GCancellable *cancellable;
  GDBusConnection *connection;
  MkvBusService *service;
  guint name_lost;
  guint filter;
  gboolean is_owned;
  gboolean has_ended;

  Counts *counts;

  void (*done) (gpointer user_data); /* of a release or a leave that is under way */
};

static void end (MkvDaemonBus *self, MkvDaemonBusEnd why, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Nothing may touch @self after it: whoever hears of it may free it. */
static void
end (MkvDaemonBus *self, MkvDaemonBusEnd why, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (self->has_ended)
    return;
  self->has_ended = TRUE;
  self->is_owned = FALSE;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  self->funcs.ended (why, text, self->user_data);
}

/* As people ask for that bus. */
static const char *
get_option (MkvDaemonBus *self)
{
  return self->type == G_BUS_TYPE_SYSTEM ? "--system" : "--session";
}

static void
end_unreached (MkvDaemonBus *self, const GError *error)
{
  end (self, MKV_DAEMON_BUS_NOT_REACHED, _("%s: the bus can't be reached: %s; to do without one: %s"),
       get_option (self), error->message, "--no-bus");
}

/* Signals are no sign of life: the bus itself sends them. */
static GDBusMessage *
count_message (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  Counts *counts = user_data;
  GDBusMessageType type = g_dbus_message_get_message_type (message);

  if (incoming && type == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    {
      g_atomic_int_inc (&counts->n_calls);
      if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) != 0)
        g_atomic_int_inc (&counts->n_answers);
    }
  else if (!incoming && (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR))
    g_atomic_int_inc (&counts->n_answers);
  return message;
}

static void
on_name_lost (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
              const char *signal_name, GVariant *parameters, gpointer user_data)
{
  MkvDaemonBus *self = user_data;

  if (self->is_owned)
    end (self, MKV_DAEMON_BUS_REPLACED, _("another daemon has taken the place of this one"));
}

static void
on_closed (GDBusConnection *connection, gboolean remote_peer_vanished, GError *error, gpointer user_data)
{
  MkvDaemonBus *self = user_data;

  if (remote_peer_vanished)
    end (self, MKV_DAEMON_BUS_GONE, _("%s: the bus has ended"), get_option (self));
}

static void
call_bus (MkvDaemonBus *self, const char *method, GVariant *parameters, const char *type,
          GAsyncReadyCallback callback)
{
  g_dbus_connection_call (self->connection, BUS_NAME, BUS_PATH, BUS_NAME, method, parameters,
                          G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NONE, -1, self->cancellable, callback, self);
}

static void
on_owner_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDaemonBus *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  guint32 pid = 0;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);
  if (self->replace)
    end (self, MKV_DAEMON_BUS_TAKEN,
         _("%s: process %d is the daemon already, and does not give its place away: end it first"), get_option (self),
         (int) pid);
  else
    end (self, MKV_DAEMON_BUS_TAKEN,
         _("%s: process %d is the daemon already: use that one, or take its place with %s"), get_option (self),
         (int) pid, "--replace");
}

static void
on_name_requested (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDaemonBus *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  guint32 answer;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (error);
      end (self, MKV_DAEMON_BUS_REFUSED, _("%s: the bus does not let this process be %s: %s"), get_option (self),
           DBUS_NAME, error->message);
      return;
    }
  g_variant_get (reply, "(u)", &answer);
  if (answer == EXISTS)
    call_bus (self, "GetConnectionUnixProcessID", g_variant_new ("(s)", DBUS_NAME), "(u)", on_owner_known);
  else
    {
      self->is_owned = TRUE;
      self->funcs.owned (self->user_data);
    }
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDaemonBus *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_for_address_finish (result, &error);
  guint32 flags = ALLOW_REPLACEMENT | DO_NOT_QUEUE;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (connection == NULL)
    {
      end_unreached (self, error);
      return;
    }
  self->connection = g_steal_pointer (&connection);
  g_signal_connect (self->connection, "closed", G_CALLBACK (on_closed), self);
  self->filter = g_dbus_connection_add_filter (self->connection, count_message, g_atomic_rc_box_acquire (self->counts),
                                               g_atomic_rc_box_release);
  self->service = mkv_bus_service_new (self->node, self->connection, self->type == G_BUS_TYPE_SYSTEM, &error);
  if (self->service == NULL)
    {
      end (self, MKV_DAEMON_BUS_REFUSED, "%s", error->message);
      return;
    }
  mkv_bus_service_set_held (self->service, TRUE);
  mkv_bus_service_set_reload_func (self->service, self->reload, self->user_data, NULL);
  self->name_lost = g_dbus_connection_signal_subscribe (self->connection, BUS_NAME, BUS_NAME, "NameLost", BUS_PATH,
                                                        DBUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_name_lost, self, NULL);
  if (self->replace)
    flags |= REPLACE_EXISTING;
  call_bus (self, "RequestName", g_variant_new ("(su)", DBUS_NAME, flags), "(u)", on_name_requested);
}

void
mkv_daemon_bus_start (MkvDaemonBus *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *address = g_dbus_address_get_for_bus_sync (self->type, NULL, &error);

  if (address == NULL)
    end_unreached (self, error);
  else
    g_dbus_connection_new_for_address (address,
                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                       NULL, self->cancellable, on_connected, self);
}

void
mkv_daemon_bus_open (MkvDaemonBus *self)
{
  if (self->service != NULL)
    mkv_bus_service_set_held (self->service, FALSE);
}

static void
finish (MkvDaemonBus *self)
{
  void (*done) (gpointer user_data) = self->done;

  self->done = NULL;
  done (self->user_data);
}

static void
on_released (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  /* What was sent to the name came before this answer, and was dispatched. */
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    finish (user_data);
}

void
mkv_daemon_bus_release (MkvDaemonBus *self, void (*func) (gpointer user_data))
{
  self->done = func;
  if (!self->is_owned)
    {
      finish (self);
      return;
    }
  self->is_owned = FALSE;
  call_bus (self, "ReleaseName", g_variant_new ("(s)", DBUS_NAME), "(u)", on_released);
}

static void
on_left (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  g_dbus_connection_close_finish (G_DBUS_CONNECTION (source), result, &error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    finish (user_data);
}

static void
on_flushed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  MkvDaemonBus *self = user_data;

  g_dbus_connection_flush_finish (G_DBUS_CONNECTION (source), result, &error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_dbus_connection_close (self->connection, self->cancellable, on_left, self);
}

void
mkv_daemon_bus_leave (MkvDaemonBus *self, void (*func) (gpointer user_data))
{
  self->done = func;
  self->has_ended = TRUE;
  mkv_daemon_bus_open (self);
  if (self->connection == NULL || g_dbus_connection_is_closed (self->connection))
    finish (self);
  else
    /* Closing alone drops what is not written yet. */
    g_dbus_connection_flush (self->connection, self->cancellable, on_flushed, self);
}

GDBusConnection *
mkv_daemon_bus_get_connection (MkvDaemonBus *self)
{
  return self->connection;
}

MkvBusService *
mkv_daemon_bus_get_service (MkvDaemonBus *self)
{
  return self->service;
}

void
mkv_daemon_bus_get_calls (MkvDaemonBus *self, guint *n_calls, guint *n_open)
{
  guint n_answers = (guint) g_atomic_int_get (&self->counts->n_answers);

  /* Read last, so that no answer is counted whose call is not. */
  *n_calls = (guint) g_atomic_int_get (&self->counts->n_calls);
  *n_open = *n_calls - n_answers;
}

MkvDaemonBus *
mkv_daemon_bus_new (GBusType type, gboolean replace, MkvNode *node, const MkvDaemonBusFuncs *funcs,
                    MkvReloadFunc reload, gpointer user_data)
{
  MkvDaemonBus *self = g_new0 (MkvDaemonBus, 1);

  self->type = type;
  self->replace = replace;
  self->node = g_object_ref (node);
  self->funcs = *funcs;
  self->reload = reload;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  self->counts = g_atomic_rc_box_new0 (Counts);
  return self;
}

void
mkv_daemon_bus_free (MkvDaemonBus *self)
{
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_clear_object (&self->service);
  if (self->connection != NULL)
    {
      g_dbus_connection_signal_unsubscribe (self->connection, self->name_lost);
      g_dbus_connection_remove_filter (self->connection, self->filter);
      g_signal_handlers_disconnect_by_data (self->connection, self);
    }
  g_clear_object (&self->connection);
  g_object_unref (self->node);
  g_atomic_rc_box_release (self->counts);
  g_free (self);
}
