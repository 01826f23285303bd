/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "bus/mkv-clients-private.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* Who is told of which changes: clients and the prefixes they watch. What
 * changes is gathered for each client and sent to it alone, once in a turn of the
 * loop; for one that is behind it waits, of each key the newest, up to a limit,
 * and beyond that the client is told that it missed something. As long as nobody
 * watches, the store is asked for nothing. */
typedef struct _MkvWatcher MkvWatcher;

/* @clients has to live longer. */
MkvWatcher *mkv_watcher_new (GDBusConnection *connection, MkvClients *clients, MkvObserver *observer);
void mkv_watcher_free (MkvWatcher *self);

/* @store may be NULL. What changed while there was none was missed. */
void mkv_watcher_set_store (MkvWatcher *self, MkvStore *store);

/* @name is the client's unique name. */
gboolean mkv_watcher_add (MkvWatcher *self, const char *name, const char *prefix, GError **error);
gboolean mkv_watcher_remove (MkvWatcher *self, const char *name, const char *prefix, GError **error);

/* Whether anybody watches anything. */
gboolean mkv_watcher_is_used (MkvWatcher *self);

/* A client has left, or takes signals again. */
void mkv_watcher_forget (MkvWatcher *self, const char *name);
void mkv_watcher_send (MkvWatcher *self, const char *name);

G_END_DECLS
