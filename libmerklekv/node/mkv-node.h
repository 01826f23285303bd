/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-clock.h"
#include "config/mkv-config.h"
#include "model/mkv-command.h"
#include "model/mkv-response.h"
#include "observe/mkv-health.h"
#include "plugin/mkv-plugin-registry.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/**
 * MkvNodeState:
 * @MKV_NODE_STOPPED: not started, or stopped
 * @MKV_NODE_STARTING: the storage is being opened
 * @MKV_NODE_OFFLINE: the store works; there is no broker
 * @MKV_NODE_CONNECTING: the store works; a connection is being made
 * @MKV_NODE_ONLINE: the store works and changes flow
 * @MKV_NODE_STOPPING: taking leave
 *
 * What a node is doing.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_NODE_STOPPED,
  MKV_NODE_STARTING,
  MKV_NODE_OFFLINE,
  MKV_NODE_CONNECTING,
  MKV_NODE_ONLINE,
  MKV_NODE_STOPPING,
} MkvNodeState;

#define MKV_TYPE_NODE (mkv_node_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvNode, mkv_node, MKV, NODE, GObject)

MKV_API
MkvNode *mkv_node_new (MkvConfig *config);

MKV_API
MkvNode *mkv_node_new_full (MkvConfig *config, MkvPluginRegistry *registry, MkvClock *clock);

MKV_API
void mkv_node_start_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);

MKV_API
gboolean mkv_node_start_finish (MkvNode *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_node_stop_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);

MKV_API
gboolean mkv_node_stop_finish (MkvNode *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_node_call_async (MkvNode *self, const char *client_id, MkvCommand *command, guint timeout_ms,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
MkvResponse *mkv_node_call_finish (MkvNode *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_node_sync_async (MkvNode *self, const char *peer, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);

MKV_API
gint64 mkv_node_sync_finish (MkvNode *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_node_sleep_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);

MKV_API
gboolean mkv_node_sleep_finish (MkvNode *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_node_wake (MkvNode *self);

MKV_API
gboolean mkv_node_is_in_sync (MkvNode *self);

MKV_API
GVariant *mkv_node_list_peers (MkvNode *self);

MKV_API
gboolean mkv_node_reload (MkvNode *self, MkvConfig *config, char ***need_restart, GError **error);

MKV_API
MkvStore *mkv_node_get_store (MkvNode *self);

MKV_API
MkvPluginRegistry *mkv_node_get_registry (MkvNode *self);

MKV_API
const char *mkv_node_get_client_id (MkvNode *self);

MKV_API
const char *mkv_node_get_node_id (MkvNode *self);

MKV_API
MkvNodeState mkv_node_get_state (MkvNode *self);

MKV_API
MkvHealth mkv_node_get_health (MkvNode *self);

MKV_API
char **mkv_node_list_conditions (MkvNode *self);

MKV_API
GVariant *mkv_node_list_counters (MkvNode *self);

G_END_DECLS
