/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Nothing here changes after the store was made, so its functions take no lock;
 * what changes is the watch's, which has its own.
 */
#include "config.h"

#include "bus/mkv-bus-store-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "bus/mkv-bus-calls-private.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-error-private.h"
#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-bus-watch-private.h"

/* A service takes 16 MiB of one client at a time, and a bus throws off who sends
 * it more than 32 MiB at once. */
#define MAX_CALL_BYTES (15 * 1024 * 1024)
#define MAX_CALL_KEYS 1000

#define MANY_TYPE G_VARIANT_TYPE ("(a" MKV_BUS_ENTRY_TYPE "as)")
#define LIST_TYPE G_VARIANT_TYPE ("(asb)")

struct _MkvBusStore
{
  MkvStore parent_instance;

  GDBusConnection *connection;
  char *name;
  MkvBusCalls *calls;
  MkvBusWatch *watch; /* NULL if nothing is watched */
  int interactive; /* atomic: calls come from any thread */
};

struct _MkvBusStoreClass
{
  MkvStoreClass parent_class;
};

G_DEFINE_FINAL_TYPE (MkvBusStore, mkv_bus_store, MKV_TYPE_STORE)

enum
{
  PROP_0,
  PROP_INTERACTIVE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

GDBusConnection *
mkv_bus_store_get_connection (MkvBusStore *self)
{
  return self->connection;
}

const char *
mkv_bus_store_get_name (MkvBusStore *self)
{
  return self->name;
}

GDBusCallFlags
mkv_bus_store_get_call_flags (MkvBusStore *self)
{
  return mkv_bus_store_get_interactive (self) ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                              : G_DBUS_CALL_FLAGS_NONE;
}

/* A person takes their time. */
static int
get_time_limit (MkvBusStore *self)
{
  return mkv_bus_store_get_interactive (self) ? MKV_BUS_NO_TIME_LIMIT : -1;
}

/* Takes @args, if floating. */
static GVariant *
call_sync (MkvBusStore *self, const char *method, GVariant *args, const GVariantType *reply_type,
           GCancellable *cancellable, GError **error)
{
  GError *why = NULL;
  GVariant *reply = g_dbus_connection_call_sync (self->connection, self->name, MKV_BUS_STORE_PATH,
                                                 MKV_BUS_STORE_INTERFACE, method, args, reply_type,
                                                 mkv_bus_store_get_call_flags (self), get_time_limit (self),
                                                 cancellable, &why);

  if (reply == NULL)
    g_propagate_error (error, mkv_bus_error_convert (why, self->name));
  return reply;
}

/* Reads of several entries, in as many calls as it takes. */
typedef struct
{
  const char *const *keys; /* those that are still to be asked for */
  guint n_asked;           /* of these */
  GPtrArray *entries;
} Many;

static GVariant *
ask_many (Many *many)
{
  many->n_asked = 0;
  while (many->n_asked < MAX_CALL_KEYS && many->keys[many->n_asked] != NULL)
    many->n_asked++;
  return g_variant_new ("(@asa{sv})", g_variant_new_strv (many->keys, many->n_asked), NULL);
}

static gboolean
take_many (MkvBusStore *self, Many *many, GVariant *reply, GError **error)
{
  g_autoptr (GVariant) entries = g_variant_get_child_value (reply, 0);
  g_autoptr (GVariant) left = g_variant_get_child_value (reply, 1);
  gsize n = g_variant_n_children (entries), n_left = g_variant_n_children (left);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (entries, i);
      MkvEntry *entry = mkv_bus_entry_from_variant (child, error);

      if (entry == NULL)
        return FALSE;
      g_ptr_array_add (many->entries, entry);
      if (self->watch != NULL)
        mkv_bus_watch_remember (self->watch, entry);
    }
  /* The rest of those that were asked for; a service that leaves all would be
   * asked for ever. */
  if (n_left >= many->n_asked)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("%s gives back all the keys that it was asked for"),
                   self->name);
      return FALSE;
    }
  many->keys += many->n_asked - n_left;
  return TRUE;
}

static void
set_not_found (GError **error)
{
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is no such key"));
}

static GPtrArray *
mkv_bus_store_get_many (MkvStore *store, const char *const *keys, GCancellable *cancellable, GError **error)
{
  MkvBusStore *self = (MkvBusStore *) store;
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  Many many = { .keys = keys, .entries = entries };

  while (*many.keys != NULL)
    {
      g_autoptr (GVariant) reply = call_sync (self, "GetMany", ask_many (&many), MANY_TYPE, cancellable, error);

      if (reply == NULL || !take_many (self, &many, reply, error))
        return NULL;
    }
  return g_steal_pointer (&entries);
}

static MkvEntry *
mkv_bus_store_get_entry (MkvStore *store, const char *key, GCancellable *cancellable, GError **error)
{
  const char *const keys[] = { key, NULL };
  g_autoptr (GPtrArray) entries = mkv_bus_store_get_many (store, keys, cancellable, error);

  if (entries != NULL && entries->len == 0)
    set_not_found (error);
  return entries != NULL && entries->len > 0 ? mkv_entry_ref (entries->pdata[0]) : NULL;
}

static GVariant *
ask_list (const char *prefix, const char *after, guint limit)
{
  return g_variant_new ("(ssua{sv})", prefix != NULL ? prefix : "", after != NULL ? after : "", limit, NULL);
}

static char **
take_list (MkvBusStore *self, GVariant *reply, gboolean *more)
{
  char **keys;

  g_variant_get (reply, "(^asb)", &keys, more);
  if (self->watch != NULL)
    mkv_bus_watch_remember_keys (self->watch, (const char *const *) keys);
  return keys;
}

static char **
mkv_bus_store_list_keys (MkvStore *store, const char *prefix, const char *after, guint limit, gboolean *more,
                         GCancellable *cancellable, GError **error)
{
  MkvBusStore *self = (MkvBusStore *) store;
  g_autoptr (GVariant) reply = call_sync (self, "Keys", ask_list (prefix, after, limit), LIST_TYPE, cancellable, error);

  return reply != NULL ? take_list (self, reply, more) : NULL;
}

typedef struct
{
  GTask *task;
  const char *pair[2]; /* the key of one entry, and the end */
  Many many;
} ManyTask;

static void
many_task_free (ManyTask *data)
{
  g_object_unref (data->task);
  g_ptr_array_unref (data->many.entries);
  g_free (data);
}

static void
end_many (ManyTask *data)
{
  if (((MkvRead *) g_task_get_task_data (data->task))->key == NULL)
    g_task_return_pointer (data->task, g_ptr_array_ref (data->many.entries), (GDestroyNotify) g_ptr_array_unref);
  else if (data->many.entries->len > 0)
    g_task_return_pointer (data->task, mkv_entry_ref (data->many.entries->pdata[0]), (GDestroyNotify) mkv_entry_unref);
  else
    {
      GError *error = NULL;

      set_not_found (&error);
      g_task_return_error (data->task, error);
    }
  many_task_free (data);
}

static void go_on (ManyTask *data);

static void
on_many (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ManyTask *data = user_data;
  MkvBusStore *self = g_task_get_source_object (data->task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = mkv_bus_calls_finish (self->calls, result, &error);

  if (reply != NULL && take_many (self, &data->many, reply, &error))
    {
      go_on (data);
      return;
    }
  g_task_return_error (data->task, error);
  many_task_free (data);
}

static void
go_on (ManyTask *data)
{
  if (*data->many.keys == NULL)
    end_many (data);
  else
    mkv_bus_calls_start (((MkvBusStore *) g_task_get_source_object (data->task))->calls, "GetMany",
                         ask_many (&data->many), MANY_TYPE, g_task_get_cancellable (data->task), on_many, data);
}

static void
on_list (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkvBusStore *self = g_task_get_source_object (task);
  MkvRead *read = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = mkv_bus_calls_finish (self->calls, result, &error);

  if (reply != NULL)
    g_task_return_pointer (task, take_list (self, reply, &read->more), (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

static void
mkv_bus_store_read_async (MkvStore *store, MkvRead *read, GTask *task)
{
  ManyTask *data;

  if (read->key == NULL && read->keys == NULL)
    {
      mkv_bus_calls_start (((MkvBusStore *) store)->calls, "Keys", ask_list (read->prefix, read->after, read->limit),
                           LIST_TYPE, g_task_get_cancellable (task), on_list, g_object_ref (task));
      return;
    }
  data = g_new0 (ManyTask, 1);
  data->task = g_object_ref (task);
  data->pair[0] = read->key;
  data->many.keys = read->key != NULL ? data->pair : (const char *const *) read->keys;
  data->many.entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  go_on (data);
}

/* What is called for one kind of write: key, then what it takes. */
static const struct
{
  const char *method;
  const char *reply_type;
} methods[] = {
  [MKV_WRITE_SET] = { "Set", "()" },
  [MKV_WRITE_DELETE] = { "Delete", "()" },
  [MKV_WRITE_INCREMENT] = { "Increment", "(x)" },
  [MKV_WRITE_DECREMENT] = { "Decrement", "(x)" },
  [MKV_WRITE_APPEND] = { "Append", "(ay)" },
  [MKV_WRITE_PREPEND] = { "Prepend", "(ay)" },
  [MKV_WRITE_SET_MANY] = { "SetMany", "()" },
};

static GVariant *
make_pairs (const MkvWrite *write, GError **error)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(say)"));
  gsize n_bytes = 0;

  for (guint i = 0; i < write->values->len; i++)
    n_bytes += strlen (write->keys[i]) + g_bytes_get_size (write->values->pdata[i]);
  if (n_bytes > MAX_CALL_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The keys and values have %zu octets, at most %d go over the bus at once"), n_bytes,
                   MAX_CALL_BYTES);
      return NULL;
    }
  for (guint i = 0; i < write->values->len; i++)
    g_variant_builder_add (&builder, "(s@ay)", write->keys[i], mkv_bus_value_to_variant (write->values->pdata[i]));
  return g_variant_new ("(a(say)a{sv})", &builder, NULL);
}

/* NULL if it is more than goes over the bus. */
static GVariant *
make_arguments (const MkvWrite *write, GError **error)
{
  switch (write->kind)
    {
    case MKV_WRITE_SET:
    case MKV_WRITE_APPEND:
    case MKV_WRITE_PREPEND:
      return g_variant_new ("(s@aya{sv})", write->key, mkv_bus_value_to_variant (write->value), NULL);
    case MKV_WRITE_DELETE:
      return g_variant_new ("(sa{sv})", write->key, NULL);
    case MKV_WRITE_INCREMENT:
    case MKV_WRITE_DECREMENT:
      return g_variant_new ("(sxa{sv})", write->key, write->amount, NULL);
    case MKV_WRITE_SET_MANY:
      return make_pairs (write, error);
    default:
      g_assert_not_reached (); /* the others are a local store's own */
    }
}

static void
take_result (MkvWrite *write, GVariant *reply)
{
  g_autoptr (GVariant) octets = NULL;

  if (write->kind == MKV_WRITE_INCREMENT || write->kind == MKV_WRITE_DECREMENT)
    g_variant_get (reply, "(x)", &write->number);
  else if (write->kind == MKV_WRITE_APPEND || write->kind == MKV_WRITE_PREPEND)
    {
      octets = g_variant_get_child_value (reply, 0);
      write->result = mkv_bus_value_from_variant (octets);
    }
}

static gboolean
mkv_bus_store_write (MkvStore *store, MkvWrite *write, GCancellable *cancellable)
{
  GVariant *args = make_arguments (write, &write->error);
  g_autoptr (GVariant) reply = NULL;

  if (args == NULL)
    return FALSE;
  reply = call_sync ((MkvBusStore *) store, methods[write->kind].method, args,
                     G_VARIANT_TYPE (methods[write->kind].reply_type), cancellable, &write->error);
  if (reply == NULL)
    return FALSE;
  take_result (write, reply);
  return TRUE;
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkvBusStore *self = g_task_get_source_object (task);
  MkvWrite *write = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = mkv_bus_calls_finish (self->calls, result, &write->error);

  if (reply != NULL)
    take_result (write, reply);
  g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
}

static void
mkv_bus_store_write_async (MkvStore *store, MkvWrite *write, GTask *task)
{
  GVariant *args = make_arguments (write, &write->error);

  if (args == NULL)
    {
      g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
      return;
    }
  g_task_set_task_data (task, write, NULL);
  mkv_bus_calls_start (((MkvBusStore *) store)->calls, methods[write->kind].method, args,
                       G_VARIANT_TYPE (methods[write->kind].reply_type), g_task_get_cancellable (task), on_written,
                       g_object_ref (task));
}

static void
mkv_bus_store_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_INTERACTIVE)
    g_value_set_boolean (value, mkv_bus_store_get_interactive ((MkvBusStore *) object));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
mkv_bus_store_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_INTERACTIVE)
    mkv_bus_store_set_interactive ((MkvBusStore *) object, g_value_get_boolean (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
mkv_bus_store_dispose (GObject *object)
{
  MkvBusStore *self = (MkvBusStore *) object;

  g_clear_pointer (&self->watch, mkv_bus_watch_free);
  G_OBJECT_CLASS (mkv_bus_store_parent_class)->dispose (object);
}

static void
mkv_bus_store_finalize (GObject *object)
{
  MkvBusStore *self = (MkvBusStore *) object;

  g_clear_pointer (&self->calls, mkv_bus_calls_free);
  g_clear_object (&self->connection);
  g_free (self->name);
  G_OBJECT_CLASS (mkv_bus_store_parent_class)->finalize (object);
}

static void
mkv_bus_store_class_init (MkvBusStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkvStoreClass *store_class = (MkvStoreClass *) klass;

  object_class->get_property = mkv_bus_store_get_property;
  object_class->set_property = mkv_bus_store_set_property;
  /* Registers the domain: before the first error comes over the bus. */
  mkv_error_quark ();
  object_class->dispose = mkv_bus_store_dispose;
  object_class->finalize = mkv_bus_store_finalize;
  store_class->get_entry = mkv_bus_store_get_entry;
  store_class->get_many = mkv_bus_store_get_many;
  store_class->list_keys = mkv_bus_store_list_keys;
  store_class->read_async = mkv_bus_store_read_async;
  store_class->write = mkv_bus_store_write;
  store_class->write_async = mkv_bus_store_write_async;
  store_class->dump = mkv_bus_store_dump;
  store_class->load = mkv_bus_store_load;

  /**
   * MkvBusStore:interactive: (getter get_interactive) (setter set_interactive)
   *
   * Whether a person may be asked for a password where a call needs a permission,
   * as on the system bus. All calls then wait without a time limit, but watching
   * asks nobody. It is for programs that somebody is using just now.
   *
   * Since: 0.1
   */
  properties[PROP_INTERACTIVE] = g_param_spec_boolean ("interactive", NULL, NULL, FALSE,
                                                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                           G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mkv_bus_store_init (MkvBusStore *self)
{
}

/**
 * MkvBusStore:
 *
 * The daemon's store, or another service's, over D-Bus: an application that has
 * one does with it what it would do with an [class@LocalStore].
 *
 * A call starts the service if it does not run. If it ends meanwhile, or does
 * not answer in 25 seconds, the call fails with %MKV_ERROR_UNAVAILABLE or
 * %MKV_ERROR_TIMEOUT; a write that failed so, or that was cancelled, may have
 * been done. At most 15 MiB of keys and values are written at once.
 *
 * [signal@Store::changed] tells of the keys that begin with the prefix that the
 * store was made with. It goes on when the service was away and somebody has
 * started it again, or could not tell all, and then tells of every key that is not what it was when
 * this store told of it or read it last, or that it had not heard of before:
 * what handlers show is right again. Such a change has the origin
 * %MKV_ORIGIN_SYNC, and a deletion the stamp of the entry that is gone. For that
 * the store keeps in mind the stamps of the keys below its prefix that it has
 * read or told of.
 *
 * Since: 0.1
 */

/**
 * mkv_bus_store_new:
 * @connection: to the bus
 * @name: (nullable): the service's name on it; %NULL for the daemon's
 * @prefix: (nullable): the keys whose changes [signal@Store::changed] tells of
 *   begin with it; empty for all, %NULL for none
 * @error: return location for an error
 *
 * Makes a store of what a service holds. It does not wait for the service, but
 * with a prefix it has it started. Its signals come in the context that is
 * thread-default now.
 *
 * Returns: (transfer full): the store; %NULL with %MKV_ERROR_INVALID_ARGUMENT if
 *   @name or @prefix is none
 *
 * Since: 0.1
 */
MkvBusStore *
mkv_bus_store_new (GDBusConnection *connection, const char *name, const char *prefix, GError **error)
{
  MkvBusStore *self;

  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);

  if (name != NULL && !g_dbus_is_name (name))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("“%s” is not a name on a bus"), name);
      return NULL;
    }
  if (!mkv_store_prefix_check (prefix, error))
    return NULL;
  self = g_object_new (MKV_TYPE_BUS_STORE, NULL);
  self->connection = g_object_ref (connection);
  self->name = g_strdup (name != NULL ? name : DBUS_NAME);
  self->calls = mkv_bus_calls_new (connection, self->name);
  if (prefix != NULL)
    self->watch = mkv_bus_watch_new (MKV_STORE (self), connection, self->name, prefix);
  return self;
}

/**
 * mkv_bus_store_new_for_bus:
 * @bus: the bus that the daemon is on
 * @prefix: (nullable): as for [ctor@BusStore.new]
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Makes a store of what the daemon holds; see [ctor@BusStore.new].
 *
 * Returns: (transfer full): the store; %NULL with %MKV_ERROR_UNAVAILABLE if the
 *   bus can't be reached
 *
 * Since: 0.1
 */
MkvBusStore *
mkv_bus_store_new_for_bus (GBusType bus, const char *prefix, GCancellable *cancellable, GError **error)
{
  GError *why = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_sync (bus, cancellable, &why);

  if (connection != NULL)
    return mkv_bus_store_new (connection, NULL, prefix, error);
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, why);
      return NULL;
    }
  g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The bus can't be reached: %s"), why->message);
  g_error_free (why);
  return NULL;
}

/**
 * mkv_bus_store_set_interactive:
 * @self: a store
 * @interactive: whether a person may be asked
 *
 * Sets [property@BusStore:interactive].
 *
 * Since: 0.1
 */
void
mkv_bus_store_set_interactive (MkvBusStore *self, gboolean interactive)
{
  g_return_if_fail (MKV_IS_BUS_STORE (self));

  if (g_atomic_int_compare_and_exchange (&self->interactive, !interactive, !!interactive))
    {
      mkv_bus_calls_set_interactive (self->calls, interactive);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INTERACTIVE]);
    }
}

/**
 * mkv_bus_store_get_interactive:
 * @self: a store
 *
 * Says whether a person may be asked for a password where a call needs a
 * permission.
 *
 * Returns: whether that is so
 *
 * Since: 0.1
 */
gboolean
mkv_bus_store_get_interactive (MkvBusStore *self)
{
  g_return_val_if_fail (MKV_IS_BUS_STORE (self), FALSE);

  return g_atomic_int_get (&self->interactive);
}
