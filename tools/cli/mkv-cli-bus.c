/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-bus.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "mkv-cli-execute.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define STORE_PATH DBUS_PATH "/Store"

struct _MkvCliBus
{
  GDBusConnection *connection;
  MkvStore *store;
  MkvPluginRegistry *registry;
  guint timeout_ms; /* 0 for what is usual */
  gboolean interactive;
};

/* A command at work in a thread, so that time runs meanwhile. */
typedef struct
{
  MkvCliBus *bus;
  MkvCommand *command;
  gboolean late;
} Call;

MkvCliBus *
mkv_cli_bus_new (const MkvCliOptions *options, const char *prefix, GError **error)
{
  g_autoptr (MkvCliBus) self = g_new0 (MkvCliBus, 1);
  GError *why = NULL;

  /* So that GDBus knows the daemon's errors when the first comes. */
  mkv_error_quark ();
  self->timeout_ms = options->timeout_ms;
  self->registry = mkv_plugin_registry_new ();
  self->connection = g_bus_get_sync (options->system ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION, NULL, &why);
  if (self->connection == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                   _("the bus can't be reached: %s; what works without: --node ID --broker URI, or --store PATH"),
                   why->message);
      g_error_free (why);
      return NULL;
    }
  /* What goes wrong then is for the user to read. */
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  self->store = (MkvStore *) mkv_bus_store_new (self->connection, NULL, prefix, error);
  if (self->store == NULL)
    return NULL;
  /* Whoever sits there can be asked for a password. */
  self->interactive = options->system && isatty (STDIN_FILENO);
  mkv_bus_store_set_interactive (MKV_BUS_STORE (self->store), self->interactive);
  return g_steal_pointer (&self);
}

GDBusConnection *
mkv_cli_bus_get_connection (MkvCliBus *self)
{
  return self->connection;
}

MkvStore *
mkv_cli_bus_get_store (MkvCliBus *self)
{
  return self->store;
}

MkvPluginRegistry *
mkv_cli_bus_get_registry (MkvCliBus *self)
{
  return self->registry;
}

void
mkv_cli_bus_judge (MkvCliBus *self, GError *error)
{
  g_autoptr (GVariant) reply = NULL;
  gboolean there = FALSE;

  if (!g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE))
    return;
  reply = g_dbus_connection_call_sync (self->connection, BUS_NAME, BUS_PATH, BUS_NAME, "NameHasOwner",
                                       g_variant_new ("(s)", DBUS_NAME), G_VARIANT_TYPE ("(b)"),
                                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
  if (reply != NULL)
    g_variant_get (reply, "(b)", &there);
  if (!there)
    error->code = MKV_ERROR_NOT_CONNECTED;
}

static void
set_late (MkvCliBus *self, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_TIMEOUT, _("the daemon did not answer in time; see its log, or give it more "
                                                      "with --timeout"));
}

/* Takes @why. */
static void
set_error (MkvCliBus *self, GError *why, GError **error)
{
  g_dbus_error_strip_remote_error (why);
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    set_late (self, error);
  else if (why->domain == MKV_ERROR || g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, why);
      return;
    }
  else
    {
      GError *judged = g_error_new (MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                                    _("%s; start merklekvd, or use --node ID --broker URI or --store PATH"),
                                    why->message);

      mkv_cli_bus_judge (self, judged);
      g_propagate_error (error, judged);
    }
  g_error_free (why);
}

static GVariant *
call (MkvCliBus *self, const char *path, const char *interface, const char *method, GVariant *args,
      const char *reply_type, GCancellable *cancellable, GError **error)
{
  GDBusCallFlags flags = self->interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                           : G_DBUS_CALL_FLAGS_NONE;
  int usual_ms = self->interactive ? G_MAXINT : -1;
  GError *why = NULL;
  GVariant *reply = g_dbus_connection_call_sync (self->connection, DBUS_NAME, path, interface, method, args,
                                                 G_VARIANT_TYPE (reply_type), flags,
                                                 self->timeout_ms > 0 ? (int) self->timeout_ms : usual_ms,
                                                 cancellable, &why);

  if (reply == NULL)
    set_error (self, why, error);
  return reply;
}

GVariant *
mkv_cli_bus_call_object (MkvCliBus *self, const char *object, const char *method, GVariant *args,
                         const char *reply_type, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_strdup_printf (DBUS_PATH "/%s", object);
  g_autofree char *interface = g_strdup_printf (DBUS_NAME ".%s", object);

  return call (self, path, interface, method, args, reply_type, cancellable, error);
}

typedef struct
{
  MkvProgressFunc func;
  gpointer data;
} Progress;

static void
on_progress (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
             const char *name, GVariant *parameters, gpointer user_data)
{
  Progress *self = user_data;
  guint64 done, total;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(tt)")))
    return;
  g_variant_get (parameters, "(tt)", &done, &total);
  self->func (done, total, self->data);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

GVariant *
mkv_cli_bus_call_long (MkvCliBus *self, const char *method, GVariant *args, const char *reply_type,
                       MkvProgressFunc progress, gpointer progress_data, GCancellable *cancellable, GError **error)
{
  Progress told = { progress, progress_data };
  GDBusCallFlags flags = self->interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                           : G_DBUS_CALL_FLAGS_NONE;
  guint subscription = g_dbus_connection_signal_subscribe (self->connection, DBUS_NAME, DBUS_NAME ".Store", "Progress",
                                                           STORE_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                           on_progress, &told, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  GError *why = NULL;
  GVariant *reply;

  g_dbus_connection_call (self->connection, DBUS_NAME, STORE_PATH, DBUS_NAME ".Store", method, args,
                          G_VARIANT_TYPE (reply_type), flags,
                          self->timeout_ms > 0 ? (int) self->timeout_ms : G_MAXINT, cancellable, store_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_dbus_connection_signal_unsubscribe (self->connection, subscription);
  reply = g_dbus_connection_call_finish (self->connection, result, &why);
  if (reply == NULL)
    set_error (self, why, error);
  return reply;
}

GVariant *
mkv_cli_bus_get_properties (MkvCliBus *self, const char *object, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_strdup_printf (DBUS_PATH "/%s", object);
  g_autofree char *interface = g_strdup_printf (DBUS_NAME ".%s", object);
  g_autoptr (GVariant) reply = call (self, path, "org.freedesktop.DBus.Properties", "GetAll",
                                     g_variant_new ("(s)", interface), "(a{sv})", cancellable, error);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GVariant *
mkv_cli_bus_list_objects (MkvCliBus *self, const char *interface, GError **error)
{
  g_autofree char *full = g_strdup_printf (DBUS_NAME ".%s", interface);
  g_autoptr (GVariant) reply = call (self, DBUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                                     "(a{oa{sa{sv}}})", NULL, error);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  g_autoptr (GVariant) objects = NULL;
  GVariantIter iter;
  const char *path;

  if (reply == NULL)
    return NULL;
  objects = g_variant_get_child_value (reply, 0);
  g_variant_iter_init (&iter, objects);
  while (g_variant_iter_next (&iter, "{&o@a{sa{sv}}}", &path, NULL))
    g_ptr_array_add (paths, (gpointer) path);
  g_ptr_array_sort (paths, compare_texts);
  for (guint i = 0; i < paths->len; i++)
    {
      g_autoptr (GVariant) interfaces = g_variant_lookup_value (objects, paths->pdata[i], NULL);
      g_autoptr (GVariant) properties = g_variant_lookup_value (interfaces, full, G_VARIANT_TYPE_VARDICT);

      if (properties != NULL)
        g_variant_builder_add_value (&builder, properties);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static MkvResponse *
describe (MkvCliBus *self, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  static const char *const texts[][2] = {
    { "NodeId", "node_id" }, { "ClientId", "client_id" }, { "Version", "version" },
    { "State", "state" },    { "Health", "health" },
  };
  g_autoptr (GVariant) manager = mkv_cli_bus_get_properties (self, "Manager", cancellable, error);
  g_autoptr (GVariant) store = NULL, made = NULL;
  g_auto (GVariantDict) info = G_VARIANT_DICT_INIT (NULL);
  MkvResponse *response;
  const char *text;
  guint64 entries;

  if (manager == NULL)
    return NULL;
  store = mkv_cli_bus_get_properties (self, "Store", cancellable, error);
  if (store == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_variant_lookup (manager, texts[i][0], "&s", &text))
      g_variant_dict_insert (&info, texts[i][1], "s", text);
  if (g_variant_lookup (store, "Entries", "t", &entries))
    g_variant_dict_insert (&info, "entries", "x", (gint64) entries);
  if (g_variant_lookup (store, "Root", "&s", &text))
    g_variant_dict_insert (&info, "root", "s", text);
  made = g_variant_ref_sink (g_variant_dict_end (&info));
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  mkv_response_set_info (response, made);
  return response;
}

static MkvResponse *
sync_peers (MkvCliBus *self, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  const char *peer = mkv_command_get_peer (command);
  g_autoptr (GVariant) reply = mkv_cli_bus_call_object (self, "Store", "Sync",
                                                        g_variant_new ("(sa{sv})", peer != NULL ? peer : "", NULL),
                                                        "(x)", cancellable, error);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) value = NULL;
  MkvResponse *response;
  gint64 changed;

  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(x)", &changed);
  text = g_strdup_printf ("%" PRId64, changed);
  value = g_bytes_new (text, strlen (text));
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  mkv_response_set_value (response, value);
  return response;
}

static MkvResponse *
execute (MkvCliBus *self, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) manager = NULL;

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_PING:
      manager = mkv_cli_bus_get_properties (self, "Manager", cancellable, error);
      return manager != NULL ? mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK) : NULL;
    case MKV_OPERATION_INFO:
      return describe (self, command, cancellable, error);
    case MKV_OPERATION_SYNC:
      return sync_peers (self, command, cancellable, error);
    default:
      return mkv_cli_execute (self->store, command, cancellable, error);
    }
}

static void
execute_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Call *data = task_data;
  GError *error = NULL;
  MkvResponse *response = execute (data->bus, data->command, cancellable, &error);

  if (response != NULL)
    g_task_return_pointer (task, response, (GDestroyNotify) mkv_response_unref);
  else
    g_task_return_error (task, error);
}

static gboolean
on_late (gpointer user_data)
{
  GTask *task = user_data;

  ((Call *) g_task_get_task_data (task))->late = TRUE;
  g_cancellable_cancel (g_task_get_cancellable (task));
  return G_SOURCE_CONTINUE;
}

MkvResponse *
mkv_cli_bus_call (MkvCliBus *self, MkvCommand *command, GError **error)
{
  Call data = { self, command, FALSE };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, store_result, &result);
  g_autoptr (GError) why = NULL;
  MkvResponse *response;
  guint timer = self->timeout_ms > 0 ? g_timeout_add (self->timeout_ms, on_late, task) : 0;

  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, &data, NULL);
  g_task_run_in_thread (task, execute_in_thread);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  if (timer != 0)
    g_source_remove (timer);
  response = g_task_propagate_pointer (task, &why);
  if (response == NULL)
    {
      if (data.late)
        {
          set_late (self, error);
          return NULL;
        }
      mkv_cli_bus_judge (self, why);
      if (g_error_matches (why, MKV_ERROR, MKV_ERROR_NOT_CONNECTED))
        {
          g_propagate_error (error, g_steal_pointer (&why));
          return NULL;
        }
      response = mkv_response_new_error (mkv_command_get_id (command), why);
    }
  mkv_response_set_timestamp (response, g_get_real_time () / 1000);
  return response;
}

void
mkv_cli_bus_free (MkvCliBus *self)
{
  g_clear_object (&self->store);
  g_clear_object (&self->registry);
  g_clear_object (&self->connection);
  g_free (self);
}
