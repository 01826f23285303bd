/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-authority-private.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define ALLOW_USER_INTERACTION (1)

struct _MkvAuthority
{
  GDBusConnection *connection;
  MkvAuthorityFunc changed;
  gpointer user_data;
  guint changed_id;
  guint owner_id;
  guint n_asked;
};

static void
on_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
            const char *signal_name, GVariant *parameters, gpointer user_data)
{
  MkvAuthority *self = user_data;

  self->changed (self->user_data);
}

MkvAuthority *
mkv_authority_new (GDBusConnection *connection, MkvAuthorityFunc changed, gpointer user_data)
{
  MkvAuthority *self = g_new0 (MkvAuthority, 1);

  self->connection = g_object_ref (connection);
  self->changed = changed;
  self->user_data = user_data;
  /* Rules, sessions or temporary authorisations; and another polkit. */
  self->changed_id = g_dbus_connection_signal_subscribe (connection, POLKIT_NAME, POLKIT_INTERFACE, "Changed",
                                                         POLKIT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_changed,
                                                         self, NULL);
  self->owner_id = g_dbus_connection_signal_subscribe (connection, "org.freedesktop.DBus", "org.freedesktop.DBus",
                                                       "NameOwnerChanged", "/org/freedesktop/DBus", POLKIT_NAME,
                                                       G_DBUS_SIGNAL_FLAGS_NONE, on_changed, self, NULL);
  return self;
}

void
mkv_authority_free (MkvAuthority *self)
{
  g_dbus_connection_signal_unsubscribe (self->connection, self->changed_id);
  g_dbus_connection_signal_unsubscribe (self->connection, self->owner_id);
  g_object_unref (self->connection);
  g_free (self);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;
  gboolean is_authorized;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    /* polkit forgets nothing by itself. */
    g_dbus_connection_call (G_DBUS_CONNECTION (source), POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                            "CancelCheckAuthorization", g_variant_new ("(s)", g_task_get_task_data (task)), NULL,
                            G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_get (reply, "((bba{ss}))", &is_authorized, NULL, NULL);
  g_task_return_boolean (task, is_authorized);
}

void
mkv_authority_check (MkvAuthority *self, const char *name, const char *action, gboolean interactive,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  GVariantBuilder subject, details;
  char *id = g_strdup_printf ("merklekv-%u", ++self->n_asked);

  g_task_set_source_tag (task, mkv_authority_check);
  g_task_set_task_data (task, id, g_free);
  g_variant_builder_init (&subject, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&subject, "{sv}", "name", g_variant_new_string (name));
  g_variant_builder_init (&details, G_VARIANT_TYPE ("a{ss}"));
  g_dbus_connection_call (self->connection, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization",
                          g_variant_new ("((sa{sv})sa{ss}us)", "system-bus-name", &subject, action, &details,
                                         interactive ? ALLOW_USER_INTERACTION : 0, id),
                          G_VARIANT_TYPE ("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, interactive ? G_MAXINT : -1,
                          cancellable, on_answer, g_steal_pointer (&task));
}

gboolean
mkv_authority_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
