/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The service is asked to watch when the store is made, before any other call of
 * the application, and again whenever its name has another owner. Whatever else
 * fails is tried again later. Everything happens in the context; what mutex
 * guards is for mkv_bus_watch_free(), which may be called in any thread.
 * Callbacks hold a reference to the watch, and none to the store.
 */
#include "config.h"

#include "bus/mkv-bus-watch-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-clock.h"
#include "bus/mkv-bus-catch-up-private.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-names-private.h"

#define MAX_DELAY_S 64

struct _MkvBusWatch
{
  GDBusConnection *connection;
  char *name;
  char *prefix;
  GMainContext *context;
  MkvClock *clock;
  MkvBusMemory *memory;
  GWeakRef store;
  GCancellable *cancellable; /* of all calls: the store is gone */
  guint name_id;
  guint signal_id;

  char *owner;          /* of the name; NULL if nobody has it */
  gboolean gap;         /* what happened since a while ago nobody has told */
  gboolean catching_up; /* what did is being read */
  guint n_failures;     /* in a row */

  GMutex mutex;
  char *asked;   /* who is to watch, and has not answered; the name at first */
  char *watched; /* who does */
  GSource *timer;
};

static void
watch_clear (gpointer data)
{
  MkvBusWatch *self = data;

  g_object_unref (self->connection);
  g_free (self->name);
  g_free (self->prefix);
  g_main_context_unref (self->context);
  g_object_unref (self->clock);
  mkv_bus_memory_free (self->memory);
  g_weak_ref_clear (&self->store);
  g_object_unref (self->cancellable);
  g_free (self->owner);
  g_mutex_clear (&self->mutex);
  g_free (self->asked);
  g_free (self->watched);
}

static void
watch_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, watch_clear);
}

static MkvBusWatch *
watch_ref (MkvBusWatch *self)
{
  return g_atomic_rc_box_acquire (self);
}

static GDBusMessage *
make_call (MkvBusWatch *self, const char *destination, const char *method)
{
  GDBusMessage *message = g_dbus_message_new_method_call (destination, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", method);

  g_dbus_message_set_body (message, g_variant_new ("(sa{sv})", self->prefix, NULL));
  return message;
}

static void update (MkvBusWatch *self);

static gboolean
on_timer (gpointer user_data)
{
  MkvBusWatch *self = user_data;

  g_mutex_lock (&self->mutex);
  g_clear_pointer (&self->timer, g_source_unref);
  g_mutex_unlock (&self->mutex);
  update (self);
  return G_SOURCE_REMOVE;
}

static void
stop_timer (MkvBusWatch *self)
{
  g_autoptr (GSource) timer = NULL;

  g_mutex_lock (&self->mutex);
  timer = g_steal_pointer (&self->timer);
  g_mutex_unlock (&self->mutex);
  if (timer != NULL)
    g_source_destroy (timer);
}

static void
try_later (MkvBusWatch *self, const GError *error)
{
  gint64 delay = MIN (1 << MIN (self->n_failures, 6), MAX_DELAY_S) * G_USEC_PER_SEC;

  if (self->n_failures++ == 0)
    g_message (_("%s does not tell of changes now, which is tried again: %s"), self->name, error->message);
  stop_timer (self);
  g_mutex_lock (&self->mutex);
  if (!g_cancellable_is_cancelled (self->cancellable))
    {
      self->timer = mkv_clock_timeout_source_new (self->clock, delay);
      g_source_set_callback (self->timer, on_timer, watch_ref (self), watch_unref);
      g_source_attach (self->timer, self->context);
    }
  g_mutex_unlock (&self->mutex);
}

static void
tell (MkvBusWatch *self, MkvEntry *entry, MkvOrigin origin)
{
  g_autoptr (MkvStore) store = g_weak_ref_get (&self->store);

  if (store == NULL)
    return;
  mkv_bus_memory_add (self->memory, entry);
  mkv_store_emit_changed (store, entry, origin);
}

static void
on_difference (MkvEntry *entry, gpointer user_data)
{
  tell (user_data, entry, MKV_ORIGIN_SYNC);
}

static void
on_caught_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvBusWatch *self = user_data;
  g_autoptr (GError) error = NULL;

  self->catching_up = FALSE;
  if (mkv_bus_catch_up_finish (result, &error))
    {
      self->n_failures = 0;
      update (self);
    }
  else
    {
      self->gap = TRUE;
      if (self->owner != NULL)
        try_later (self, error);
    }
  watch_unref (self);
}

static void
catch_up (MkvBusWatch *self)
{
  g_autoptr (MkvStore) store = g_weak_ref_get (&self->store);

  if (store == NULL)
    return;
  self->gap = FALSE;
  /* Where nobody listens, nobody is to be told: who begins to, reads first. */
  if (!mkv_store_has_changed_handlers (store))
    {
      mkv_bus_memory_clear (self->memory);
      return;
    }
  self->catching_up = TRUE;
  mkv_bus_catch_up_async (self->connection, self->owner, self->prefix, self->memory, on_difference,
                          self->cancellable, on_caught_up, watch_ref (self));
}

static void
on_asked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvBusWatch *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusMessage) reply = g_dbus_connection_send_message_with_reply_finish (self->connection, result, &error);

  if (reply != NULL)
    g_dbus_message_to_gerror (reply, &error);
  g_mutex_lock (&self->mutex);
  g_clear_pointer (&self->asked, g_free);
  g_clear_pointer (&self->watched, g_free);
  if (error == NULL)
    self->watched = g_strdup (g_dbus_message_get_sender (reply));
  g_mutex_unlock (&self->mutex);
  if (error == NULL)
    {
      self->n_failures = 0;
      update (self);
    }
  else
    {
      self->gap = TRUE;
      g_dbus_error_strip_remote_error (error);
      if (self->owner != NULL)
        try_later (self, error);
    }
  watch_unref (self);
}

static void
ask (MkvBusWatch *self, const char *destination)
{
  g_autoptr (GDBusMessage) message = make_call (self, destination, "Watch");

  g_mutex_lock (&self->mutex);
  self->asked = g_strdup (destination);
  g_mutex_unlock (&self->mutex);
  g_dbus_connection_send_message_with_reply (self->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, -1, NULL,
                                             self->cancellable, on_asked, watch_ref (self));
}

/* Does what is to be done next, if nothing is under way. */
static void
update (MkvBusWatch *self)
{
  if (self->owner == NULL || self->asked != NULL || self->timer != NULL || self->catching_up)
    return;
  if (g_strcmp0 (self->owner, self->watched) != 0)
    ask (self, self->owner);
  else if (self->gap)
    catch_up (self);
}

static void
set_owner (MkvBusWatch *self, const char *owner)
{
  if (g_strcmp0 (self->owner, owner) == 0)
    return;
  g_free (self->owner);
  self->owner = g_strdup (owner);
  self->n_failures = 0;
  stop_timer (self);
  g_mutex_lock (&self->mutex);
  /* From whom nothing more comes. */
  if (self->watched != NULL && g_strcmp0 (self->watched, owner) != 0)
    {
      g_clear_pointer (&self->watched, g_free);
      self->gap = TRUE;
    }
  g_mutex_unlock (&self->mutex);
  update (self);
}

static void
on_appeared (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  set_owner (user_data, owner);
}

static void
on_vanished (GDBusConnection *connection, const char *name, gpointer user_data)
{
  set_owner (user_data, NULL);
}

/* All stores that share a connection get the changes that any of them watches. */
static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
            const char *signal_name, GVariant *parameters, gpointer user_data)
{
  MkvBusWatch *self = user_data;
  g_autoptr (MkvStore) store = g_weak_ref_get (&self->store);
  g_autoptr (GVariant) entries = NULL;

  if (store == NULL || g_strcmp0 (sender, self->owner) != 0)
    return;
  if (g_str_equal (signal_name, "Missed"))
    {
      self->gap = TRUE;
      update (self);
      return;
    }
  if (!g_str_equal (signal_name, "Changed") ||
      !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(a" MKV_BUS_CHANGE_TYPE ")")))
    return;
  watch_ref (self);
  entries = g_variant_get_child_value (parameters, 0);
  for (gsize i = 0; i < g_variant_n_children (entries); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (entries, i);
      MkvOrigin origin;
      g_autoptr (MkvEntry) entry = mkv_bus_change_from_variant (child, &origin, NULL);

      if (entry != NULL && g_str_has_prefix (mkv_entry_get_key (entry), self->prefix))
        tell (self, entry, origin);
    }
  watch_unref (self);
}

MkvBusWatch *
mkv_bus_watch_new (MkvStore *store, GDBusConnection *connection, const char *name, const char *prefix)
{
  MkvBusWatch *self = g_atomic_rc_box_new0 (MkvBusWatch);

  self->connection = g_object_ref (connection);
  self->name = g_strdup (name);
  self->prefix = g_strdup (prefix);
  self->context = g_main_context_ref_thread_default ();
  self->clock = mkv_clock_new ();
  self->memory = mkv_bus_memory_new (prefix);
  g_weak_ref_init (&self->store, store);
  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->mutex);
  /* It is sent to this connection alone, so the bus needs no rule for it; who
   * sends it is checked. */
  self->signal_id = g_dbus_connection_signal_subscribe (connection, NULL, DBUS_NAME ".Store", NULL,
                                                        MKV_BUS_STORE_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE,
                                                        on_signal, watch_ref (self), watch_unref);
  self->name_id = g_bus_watch_name_on_connection (connection, name, G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared,
                                                  on_vanished, watch_ref (self), watch_unref);
  ask (self, name);
  return self;
}

/* What comes too late ends at the weak reference, or as cancelled. */
void
mkv_bus_watch_free (MkvBusWatch *self)
{
  g_autofree char *watcher = NULL;

  g_cancellable_cancel (self->cancellable);
  g_dbus_connection_signal_unsubscribe (self->connection, self->signal_id);
  g_bus_unwatch_name (self->name_id);
  stop_timer (self);
  g_mutex_lock (&self->mutex);
  watcher = g_strdup (self->asked != NULL ? self->asked : self->watched);
  g_mutex_unlock (&self->mutex);
  if (watcher != NULL && !g_dbus_connection_is_closed (self->connection))
    {
      g_autoptr (GDBusMessage) message = make_call (self, watcher, "Unwatch");

      g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED | G_DBUS_MESSAGE_FLAGS_NO_AUTO_START);
      g_dbus_connection_send_message (self->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
    }
  watch_unref (self);
}

void
mkv_bus_watch_remember (MkvBusWatch *self, MkvEntry *entry)
{
  mkv_bus_memory_add (self->memory, entry);
}

void
mkv_bus_watch_remember_keys (MkvBusWatch *self, const char *const *keys)
{
  mkv_bus_memory_add_keys (self->memory, keys);
}
