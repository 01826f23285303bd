/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "observe/mkv-observer-private.h"

G_BEGIN_DECLS

/* Who has something under way at a service, so that none can fill its memory:
 * how many calls and transfers each has, and how much it was sent that it has
 * not taken from the bus yet. The bus keeps what is sent to one who does not
 * read, on the sender's account, so after each mebibyte a client is asked for
 * org.freedesktop.DBus.Peer.Ping, which answers in its turn. */
typedef struct _MkvClients MkvClients;

/* The unique name of who made a call. The only other end of a connection that is
 * not to a bus has none, and gets another. */
const char *mkv_clients_get_name (GDBusMethodInvocation *invocation);

/* What messages to it are addressed with; NULL if it has no name. */
const char *mkv_clients_get_destination (const char *name);

typedef void (*MkvClientsFunc) (const char *name, gpointer user_data);

/* @left: one that was watched has left the bus. @caught_up: one that was behind
 * takes what it is sent. */
MkvClients *mkv_clients_new (GDBusConnection *connection, MkvObserver *observer, MkvClientsFunc left,
                             MkvClientsFunc caught_up, gpointer user_data);
void mkv_clients_free (MkvClients *self);

/* A call that brought @n_bytes; FALSE with MKV_ERROR_RATE_LIMITED if the client
 * has too much under way. At its end, how much it was answered. */
gboolean mkv_clients_begin_call (MkvClients *self, const char *name, gsize n_bytes, GError **error);
void mkv_clients_end_call (MkvClients *self, const char *name, gsize n_bytes, gsize n_sent);

/* A dump or a load, which has a thread and may take long; it is cancelled when
 * the client leaves the bus. NULL with MKV_ERROR_RATE_LIMITED if there are too
 * many. */
GCancellable *mkv_clients_begin_transfer (MkvClients *self, const char *name, GError **error);
void mkv_clients_end_transfer (MkvClients *self, const char *name);
void mkv_clients_cancel_transfers (MkvClients *self);

/* A client that watches is remembered until it is no more watched for. */
void mkv_clients_watch (MkvClients *self, const char *name);
void mkv_clients_unwatch (MkvClients *self, const char *name);

/* A signal of @n_bytes was sent to a client. */
void mkv_clients_add_sent (MkvClients *self, const char *name, gsize n_bytes);
gboolean mkv_clients_is_behind (MkvClients *self, const char *name);

/* Refuses what is too much, and counts it. */
void mkv_clients_refuse (MkvClients *self, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
