/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-idle.h"

struct _MkvDaemonIdle
{
  MkvClock *clock;
  gint64 limit;
  MkvNode *node;
  MkvDaemonBus *bus;
  void (*func) (gpointer user_data);
  gpointer user_data;

  GCancellable *cancellable;
  GSource *timer; /* NULL while the bus is asked */
  guint n_calls;  /* when it was looked at last */
};

static void arm (MkvDaemonIdle *self);

static gboolean
has_broker (MkvDaemonIdle *self)
{
  g_autoptr (MkvConfig) config = NULL;
  const char *broker;

  g_object_get (self->node, "config", &config, NULL);
  broker = mkv_config_get_string (config, "transport.broker");
  return broker != NULL && *broker != 0 &&
         !g_str_equal (mkv_config_get_string (config, "transport.backend"), "none");
}

/* Whether the data is gone with the process: by choice, or because there is no
 * other storage. */
static gboolean
is_in_memory (MkvDaemonIdle *self)
{
  g_auto (GStrv) conditions = mkv_node_list_conditions (self->node);
  g_autoptr (MkvConfig) config = NULL;

  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], "storage-memory:"))
      return TRUE;
  g_object_get (self->node, "config", &config, NULL);
  return g_str_equal (mkv_config_get_string (config, "storage.backend"), "memory");
}

static gboolean
is_idle (MkvDaemonIdle *self)
{
  guint n_calls, n_open;
  gboolean was_quiet;

  mkv_daemon_bus_get_calls (self->bus, &n_calls, &n_open);
  was_quiet = n_calls == self->n_calls;
  self->n_calls = n_calls;
  return was_quiet && n_open == 0 && !mkv_bus_service_is_watched (mkv_daemon_bus_get_service (self->bus)) &&
         !has_broker (self) && !is_in_memory (self);
}

static void
on_activatable (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autofree const char **names = NULL;
  MkvDaemonIdle *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply != NULL)
    g_variant_get (reply, "(^a&s)", &names);
  /* Somebody may have called meanwhile. */
  if (names != NULL && g_strv_contains (names, DBUS_NAME) && is_idle (self))
    self->func (self->user_data);
  else
    arm (self);
}

static gboolean
on_timer (gpointer user_data)
{
  MkvDaemonIdle *self = user_data;

  g_clear_pointer (&self->timer, g_source_unref);
  if (is_idle (self))
    g_dbus_connection_call (mkv_daemon_bus_get_connection (self->bus), "org.freedesktop.DBus",
                            "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListActivatableNames", NULL,
                            G_VARIANT_TYPE ("(as)"), G_DBUS_CALL_FLAGS_NONE, -1, self->cancellable, on_activatable,
                            self);
  else
    arm (self);
  return G_SOURCE_REMOVE;
}

static void
arm (MkvDaemonIdle *self)
{
  self->timer = mkv_clock_add_timeout (self->clock, self->limit, NULL, on_timer, self);
}

MkvDaemonIdle *
mkv_daemon_idle_new (MkvClock *clock, gint64 limit, MkvNode *node, MkvDaemonBus *bus,
                     void (*func) (gpointer user_data), gpointer user_data)
{
  MkvDaemonIdle *self = g_new0 (MkvDaemonIdle, 1);
  guint n_open;

  self->clock = g_object_ref (clock);
  self->limit = limit;
  self->node = g_object_ref (node);
  self->bus = bus;
  self->func = func;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  mkv_daemon_bus_get_calls (bus, &self->n_calls, &n_open);
  arm (self);
  return self;
}

void
mkv_daemon_idle_free (MkvDaemonIdle *self)
{
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  g_object_unref (self->node);
  g_object_unref (self->clock);
  g_free (self);
}
