/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-calls-private.h"

#include "bus/mkv-bus-error-private.h"
#include "bus/mkv-bus-names-private.h"

/* With the largest values these are half of what a service takes of a client. */
#define MAX_CALLS 32

typedef struct
{
  MkvBusCalls *calls;
  GMainContext *context;
  const char *method;
  GVariant *args;
  const GVariantType *reply_type;
  GCancellable *cancellable;
  GAsyncReadyCallback callback;
  gpointer user_data;
} Call;

struct _MkvBusCalls
{
  GDBusConnection *connection;
  char *name;
  int interactive; /* atomic */

  GMutex mutex;
  guint n_started;
  GQueue waiting; /* of Call */
};

MkvBusCalls *
mkv_bus_calls_new (GDBusConnection *connection, const char *name)
{
  MkvBusCalls *self = g_new0 (MkvBusCalls, 1);

  self->connection = g_object_ref (connection);
  self->name = g_strdup (name);
  g_mutex_init (&self->mutex);
  g_queue_init (&self->waiting);
  return self;
}

void
mkv_bus_calls_free (MkvBusCalls *self)
{
  g_object_unref (self->connection);
  g_free (self->name);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

void
mkv_bus_calls_set_interactive (MkvBusCalls *self, gboolean interactive)
{
  g_atomic_int_set (&self->interactive, interactive);
}

/* In the call's own context. */
static gboolean
start (gpointer user_data)
{
  Call *call = user_data;
  gboolean interactive = g_atomic_int_get (&call->calls->interactive);
  GDBusCallFlags flags = interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION : G_DBUS_CALL_FLAGS_NONE;

  g_dbus_connection_call (call->calls->connection, call->calls->name, MKV_BUS_STORE_PATH, DBUS_NAME ".Store",
                          call->method, call->args, call->reply_type, flags, interactive ? G_MAXINT : -1,
                          call->cancellable, call->callback, call->user_data);
  g_main_context_unref (call->context);
  g_variant_unref (call->args);
  g_clear_object (&call->cancellable);
  g_free (call);
  return G_SOURCE_REMOVE;
}

void
mkv_bus_calls_start (MkvBusCalls *self, const char *method, GVariant *args, const GVariantType *reply_type,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Call *call = g_new0 (Call, 1);
  gboolean now;

  call->calls = self;
  call->context = g_main_context_ref_thread_default ();
  call->method = method;
  call->args = g_variant_ref_sink (args);
  call->reply_type = reply_type;
  call->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  call->callback = callback;
  call->user_data = user_data;
  g_mutex_lock (&self->mutex);
  now = self->n_started < MAX_CALLS;
  if (now)
    self->n_started++;
  else
    g_queue_push_tail (&self->waiting, call);
  g_mutex_unlock (&self->mutex);
  if (now)
    start (call);
}

/* What has ended leaves its place to the next. */
static void
start_next (MkvBusCalls *self)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr (GSource) source = NULL;
  Call *next;

  g_mutex_lock (&self->mutex);
  next = g_queue_pop_head (&self->waiting);
  if (next == NULL)
    self->n_started--;
  g_mutex_unlock (&self->mutex);
  if (next == NULL)
    return;
  /* At once, or one that is asked for only now would overtake it. */
  if (next->context == context)
    {
      start (next);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, start, next, NULL);
  g_source_attach (source, next->context);
}

GVariant *
mkv_bus_calls_finish (MkvBusCalls *self, GAsyncResult *result, GError **error)
{
  GError *why = NULL;
  GVariant *reply = g_dbus_connection_call_finish (self->connection, result, &why);

  start_next (self);
  if (reply == NULL)
    g_propagate_error (error, mkv_bus_error_convert (why, self->name));
  return reply;
}
