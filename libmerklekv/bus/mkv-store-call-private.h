/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "bus/mkv-clients-private.h"
#include "bus/mkv-watcher-private.h"
#include "node/mkv-node.h"

G_BEGIN_DECLS

/* One call of the Store interface, by who may make it, until it is answered. */
typedef struct
{
  GObject *service; /* what `clients` and `watcher` belong to */
  MkvClients *clients;
  MkvWatcher *watcher;
  MkvNode *node;
  MkvStore *store;
  GDBusMethodInvocation *invocation;
  const char *sender;   /* of the invocation, as the rest */
  GVariant *parameters;
  gsize n_bytes; /* how long it is */
} MkvStoreCall;

/* Each ends the call. @value is a tuple, floating, or NULL for an empty one;
 * @n_bytes is about how long it is. The error is taken. */
void mkv_store_call_return (MkvStoreCall *call, GVariant *value, gsize n_bytes);
void mkv_store_call_fail (MkvStoreCall *call, GError *error);
/* @value or @error was returned already, from a thread. */
void mkv_store_call_end (MkvStoreCall *call, gsize n_bytes);

/* What answers: mkv-store-reads.c, mkv-store-writes.c, mkv-store-transfers.c,
 * mkv-store-upkeep.c. */
typedef void (*MkvStoreCallFunc) (MkvStoreCall *call);

void mkv_store_call_get (MkvStoreCall *call);
void mkv_store_call_get_many (MkvStoreCall *call);
void mkv_store_call_keys (MkvStoreCall *call);
void mkv_store_call_set (MkvStoreCall *call);
void mkv_store_call_set_many (MkvStoreCall *call);
void mkv_store_call_delete (MkvStoreCall *call);
void mkv_store_call_increment (MkvStoreCall *call);
void mkv_store_call_decrement (MkvStoreCall *call);
void mkv_store_call_append (MkvStoreCall *call);
void mkv_store_call_prepend (MkvStoreCall *call);
void mkv_store_call_watch (MkvStoreCall *call);
void mkv_store_call_unwatch (MkvStoreCall *call);
void mkv_store_call_sync (MkvStoreCall *call);
void mkv_store_call_dump (MkvStoreCall *call);
void mkv_store_call_load (MkvStoreCall *call);
void mkv_store_call_backup (MkvStoreCall *call);
void mkv_store_call_compact (MkvStoreCall *call);
void mkv_store_call_verify (MkvStoreCall *call);
void mkv_store_call_get_stats (MkvStoreCall *call);

G_END_DECLS
