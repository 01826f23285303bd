/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-clients-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

#define MEBIBYTE (1024 * 1024)
#define MAX_CALLS 1024
#define MAX_CALL_BYTES (16 * MEBIBYTE)
#define MAX_TRANSFERS 2 /* of one client */
/* Of all: GLib's pool has ten threads, and reads need some. */
#define MAX_ALL_TRANSFERS 4
#define PING_BYTES MEBIBYTE
/* What a reply takes besides what it brings. */
#define REPLY_BYTES 128
/* Signals wait from here on, and calls are refused from there on. */
#define BEHIND_BYTES (4 * MEBIBYTE)
#define MAX_SENT_BYTES (64 * MEBIBYTE)
/* Clients that have nothing under way, but were sent something since they were
 * last asked. */
#define MAX_IDLE 256

typedef struct
{
  MkvClients *clients; /* NULL once they are gone */
  char *name;
  guint n_calls;
  gsize n_call_bytes;
  guint n_transfers;
  GCancellable *cancellable; /* of the transfers */
  guint n_watches;
  guint bus_watch; /* while there are transfers or watches */
  gsize n_sent;    /* octets that it may not have taken yet */
  gsize n_asked;   /* of those, sent before it was asked; 0 while it is not */
} Client;

struct _MkvClients
{
  GDBusConnection *connection;
  MkvObserver *observer;
  MkvClientsFunc left;
  MkvClientsFunc caught_up;
  gpointer user_data;
  GHashTable *by_name; /* of Client */
  guint n_transfers;
};

#define PEER_NAME "peer"

const char *
mkv_clients_get_name (GDBusMethodInvocation *invocation)
{
  const char *sender = g_dbus_method_invocation_get_sender (invocation);

  return sender != NULL ? sender : PEER_NAME;
}

const char *
mkv_clients_get_destination (const char *name)
{
  return g_str_equal (name, PEER_NAME) ? NULL : name;
}

static void
client_free (gpointer data)
{
  Client *client = data;

  g_clear_handle_id (&client->bus_watch, g_bus_unwatch_name);
  if (client->cancellable != NULL)
    g_cancellable_cancel (client->cancellable);
  g_clear_object (&client->cancellable);
  /* Its answer frees it. */
  if (client->n_asked > 0)
    {
      client->clients = NULL;
      return;
    }
  g_free (client->name);
  g_free (client);
}

MkvClients *
mkv_clients_new (GDBusConnection *connection, MkvObserver *observer, MkvClientsFunc left, MkvClientsFunc caught_up,
                 gpointer user_data)
{
  MkvClients *self = g_new0 (MkvClients, 1);

  self->connection = g_object_ref (connection);
  self->observer = g_object_ref (observer);
  self->left = left;
  self->caught_up = caught_up;
  self->user_data = user_data;
  self->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, client_free);
  return self;
}

void
mkv_clients_free (MkvClients *self)
{
  g_hash_table_unref (self->by_name);
  g_object_unref (self->observer);
  g_object_unref (self->connection);
  g_free (self);
}

void
mkv_clients_refuse (MkvClients *self, GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  mkv_observer_drop (self->observer, MKV_COUNTER_BUS_CALLS_LIMITED, "%s", text);
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED, text);
}

static Client *
get_client (MkvClients *self, const char *name)
{
  Client *client = g_hash_table_lookup (self->by_name, name);

  if (client == NULL)
    {
      client = g_new0 (Client, 1);
      client->clients = self;
      client->name = g_strdup (name);
      g_hash_table_insert (self->by_name, client->name, client);
    }
  return client;
}

static gboolean
is_idle (Client *client)
{
  return client->n_calls == 0 && client->n_transfers == 0 && client->n_watches == 0 && client->n_asked == 0;
}

static gboolean
is_removable (gpointer key, gpointer value, gpointer user_data)
{
  return is_idle (value);
}

/* Forgets a client that there is nothing to know of. */
static void
settle (MkvClients *self, Client *client)
{
  if (!is_idle (client))
    return;
  g_clear_handle_id (&client->bus_watch, g_bus_unwatch_name);
  if (client->n_sent == 0)
    g_hash_table_remove (self->by_name, client->name);
  else if (g_hash_table_size (self->by_name) > MAX_IDLE)
    g_hash_table_foreach_remove (self->by_name, is_removable, NULL);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Client *client = user_data;
  MkvClients *self = client->clients;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  gboolean was_behind = client->n_sent >= BEHIND_BYTES;

  /* An error is an answer too: it does not know the method, or has left. */
  client->n_sent -= client->n_asked;
  client->n_asked = 0;
  if (self == NULL)
    {
      client_free (client);
      return;
    }
  if (was_behind && client->n_sent < BEHIND_BYTES && client->n_watches > 0)
    self->caught_up (client->name, self->user_data);
  if (client->n_sent >= PING_BYTES)
    mkv_clients_add_sent (self, client->name, 0);
  else
    settle (self, client);
}

static void
add_sent (MkvClients *self, Client *client, gsize n_bytes)
{
  client->n_sent += n_bytes;
  if (client->n_sent < PING_BYTES || client->n_asked > 0)
    return;
  client->n_asked = client->n_sent;
  g_dbus_connection_call (self->connection, mkv_clients_get_destination (client->name), "/", "org.freedesktop.DBus.Peer", "Ping", NULL, NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT, NULL, on_answered, client);
}

gboolean
mkv_clients_begin_call (MkvClients *self, const char *name, gsize n_bytes, GError **error)
{
  Client *client = get_client (self, name);

  /* One call is let through, however long. */
  if (client->n_calls >= MAX_CALLS || (client->n_calls > 0 && client->n_call_bytes + n_bytes > MAX_CALL_BYTES))
    mkv_clients_refuse (self, error, _("More than %d calls, or %d MiB of them, are under way: wait for answers"),
                        MAX_CALLS, MAX_CALL_BYTES / MEBIBYTE);
  else if (client->n_sent > MAX_SENT_BYTES)
    mkv_clients_refuse (self, error, _("More than %d MiB of answers and signals were not read yet: read them"),
                        MAX_SENT_BYTES / MEBIBYTE);
  else
    {
      client->n_calls++;
      client->n_call_bytes += n_bytes;
      return TRUE;
    }
  return FALSE;
}

void
mkv_clients_end_call (MkvClients *self, const char *name, gsize n_bytes, gsize n_sent)
{
  Client *client = g_hash_table_lookup (self->by_name, name);

  /* It may have left meanwhile. */
  if (client == NULL || client->n_calls == 0)
    return;
  client->n_calls--;
  client->n_call_bytes -= MIN (n_bytes, client->n_call_bytes);
  add_sent (self, client, n_sent + REPLY_BYTES);
  settle (self, client);
}

static void
on_vanished (GDBusConnection *connection, const char *name, gpointer user_data)
{
  MkvClients *self = user_data;
  g_autofree char *gone = g_strdup (name);
  Client *client = g_hash_table_lookup (self->by_name, gone);

  if (client == NULL)
    return;
  g_hash_table_remove (self->by_name, gone);
  self->left (gone, self->user_data);
}

/* The bus is asked too, so that one who has left already is noticed. */
static void
watch_bus (MkvClients *self, Client *client)
{
  if (client->bus_watch == 0 && mkv_clients_get_destination (client->name) != NULL)
    client->bus_watch = g_bus_watch_name_on_connection (self->connection, client->name,
                                                        G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, on_vanished, self, NULL);
}

GCancellable *
mkv_clients_begin_transfer (MkvClients *self, const char *name, GError **error)
{
  Client *client = get_client (self, name);

  if (client->n_transfers >= MAX_TRANSFERS || self->n_transfers >= MAX_ALL_TRANSFERS)
    {
      mkv_clients_refuse (self, error, _("Too many calls that take long, such as dumps and backups, are under way: wait until one is done"));
      settle (self, client);
      return NULL;
    }
  client->n_transfers++;
  self->n_transfers++;
  if (client->cancellable == NULL)
    client->cancellable = g_cancellable_new ();
  watch_bus (self, client);
  return g_object_ref (client->cancellable);
}

void
mkv_clients_end_transfer (MkvClients *self, const char *name)
{
  Client *client = g_hash_table_lookup (self->by_name, name);

  /* Until now it had its thread, also where the client has left. */
  self->n_transfers--;
  if (client == NULL)
    return;
  client->n_transfers--;
  settle (self, client);
}

void
mkv_clients_cancel_transfers (MkvClients *self)
{
  GHashTableIter iter;
  gpointer client;

  g_hash_table_iter_init (&iter, self->by_name);
  while (g_hash_table_iter_next (&iter, NULL, &client))
    if (((Client *) client)->cancellable != NULL)
      g_cancellable_cancel (((Client *) client)->cancellable);
}

void
mkv_clients_watch (MkvClients *self, const char *name)
{
  Client *client = get_client (self, name);

  client->n_watches++;
  watch_bus (self, client);
}

void
mkv_clients_unwatch (MkvClients *self, const char *name)
{
  Client *client = g_hash_table_lookup (self->by_name, name);

  g_return_if_fail (client != NULL && client->n_watches > 0);

  client->n_watches--;
  settle (self, client);
}

void
mkv_clients_add_sent (MkvClients *self, const char *name, gsize n_bytes)
{
  add_sent (self, get_client (self, name), n_bytes);
}

gboolean
mkv_clients_is_behind (MkvClients *self, const char *name)
{
  Client *client = g_hash_table_lookup (self->by_name, name);

  return client != NULL && client->n_sent >= BEHIND_BYTES;
}
