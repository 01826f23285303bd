/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "node/mkv-node-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

enum
{
  SIGNAL_SYNC_STARTED,
  SIGNAL_SYNC_PROGRESS,
  SIGNAL_SYNC_ENDED,
  SIGNAL_PEERS_CHANGED,
  SIGNAL_BECAME_IN_SYNC,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

void
mkv_node_add_sync_signals (MkvNodeClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  /**
   * MkvNode::sync-started:
   * @self: the node
   * @client_id: the other node
   * @starter: whether this node has started it
   *
   * Two nodes compare what they hold.
   *
   * Since: 0.1
   */
  signals[SIGNAL_SYNC_STARTED] = g_signal_new ("sync-started", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                               G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
  /**
   * MkvNode::sync-progress:
   * @self: the node
   * @client_id: the other node
   * @n_changed: how many entries have changed here
   *
   * They have got on.
   *
   * Since: 0.1
   */
  signals[SIGNAL_SYNC_PROGRESS] = g_signal_new ("sync-progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_UINT64);
  /**
   * MkvNode::sync-ended:
   * @self: the node
   * @client_id: the other node
   * @n_changed: how many entries have changed here
   * @equal: whether both hold the same; [method@Node.list_peers] says why not
   *
   * They have done with it.
   *
   * Since: 0.1
   */
  signals[SIGNAL_SYNC_ENDED] = g_signal_new ("sync-ended", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                             G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_UINT64, G_TYPE_BOOLEAN);
  /**
   * MkvNode::peers-changed:
   * @self: the node
   *
   * [method@Node.list_peers] has other peers, or tells something else of whether
   * one holds the same and why not. Of the rest of what it tells there is no
   * signal: that changes with every message.
   *
   * Since: 0.1
   */
  signals[SIGNAL_PEERS_CHANGED] = g_signal_new ("peers-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                G_TYPE_NONE, 0);
  /**
   * MkvNode::became-in-sync:
   * @self: the node
   *
   * Another node was found to hold the same: [method@Node.is_in_sync] says so
   * until something changes here, or [property@Node:state] does.
   *
   * Since: 0.1
   */
  signals[SIGNAL_BECAME_IN_SYNC] = g_signal_new ("became-in-sync", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                 G_TYPE_NONE, 0);
}

void
mkv_node_notify_peers (MkvNode *self)
{
  g_signal_emit (self, signals[SIGNAL_PEERS_CHANGED], 0);
}

static void
on_state_changed (MkvSyncer *syncer, MkvNode *self)
{
  g_signal_emit (self, signals[SIGNAL_BECAME_IN_SYNC], 0);
}

static void
on_peers_changed (MkvSyncer *syncer, MkvNode *self)
{
  mkv_node_notify_peers (self);
}

static void
on_started (MkvSyncer *syncer, const char *client_id, gboolean starter, MkvNode *self)
{
  g_signal_emit (self, signals[SIGNAL_SYNC_STARTED], 0, client_id, starter);
}

static void
on_progress (MkvSyncer *syncer, const char *client_id, guint64 n_changed, MkvNode *self)
{
  g_signal_emit (self, signals[SIGNAL_SYNC_PROGRESS], 0, client_id, n_changed);
}

static void
on_ended (MkvSyncer *syncer, const char *client_id, guint64 n_changed, gboolean equal, MkvNode *self)
{
  g_signal_emit (self, signals[SIGNAL_SYNC_ENDED], 0, client_id, n_changed, equal);
}

void
mkv_node_watch_link (MkvNode *self, MkvLink *link)
{
  MkvSyncer *syncer = mkv_link_get_syncer (link);

  if (syncer == NULL)
    return;
  g_signal_connect_object (syncer, "session-started", G_CALLBACK (on_started), self, 0);
  g_signal_connect_object (syncer, "session-progress", G_CALLBACK (on_progress), self, 0);
  g_signal_connect_object (syncer, "session-ended", G_CALLBACK (on_ended), self, 0);
  g_signal_connect_object (syncer, "state-changed", G_CALLBACK (on_state_changed), self, 0);
  g_signal_connect_object (syncer, "peers-changed", G_CALLBACK (on_peers_changed), self, 0);
}

static void
on_synced (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  gint64 n_changed = mkv_syncer_sync_finish (MKV_SYNCER (source), result, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, (gssize) n_changed);
}

/**
 * mkv_node_sync_async:
 * @self: a running node
 * @peer: (nullable): the client id of another node; %NULL for all that differ
 * @cancellable: (nullable): to stop waiting; what has begun goes on
 * @callback: called when it is done
 * @user_data: for @callback
 *
 * Compares what this node holds with what others hold, now instead of in a
 * while, and lets both have what they lack.
 *
 * Since: 0.1
 */
void
mkv_node_sync_async (MkvNode *self, const char *peer, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  MkvSyncer *syncer;

  g_return_if_fail (MKV_IS_NODE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_node_sync_async);
  syncer = self->link != NULL ? mkv_link_get_syncer (self->link) : NULL;
  if (!mkv_node_is_running (self) || self->swapping)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node is not running"));
  else if (self->link == NULL)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                             _("There is no broker: set transport.broker to one"));
  else if (syncer == NULL)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                             _("Anti-entropy is off: set antientropy.enabled and replication.enabled to true"));
  else
    mkv_syncer_sync_async (syncer, peer, cancellable, on_synced, g_steal_pointer (&task));
}

/**
 * mkv_node_sync_finish:
 * @self: a node
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Node.sync_async].
 *
 * Returns: how many entries have changed here; -1 with
 *   %MKV_ERROR_NOT_CONNECTED without a connection, %MKV_ERROR_TIMEOUT if the
 *   other node does not answer, %MKV_ERROR_RATE_LIMITED if too many sessions
 *   were begun, %MKV_ERROR_NOT_SUPPORTED if anti-entropy is off,
 *   %MKV_ERROR_UNAVAILABLE if the node is not running
 *
 * Since: 0.1
 */
gint64
mkv_node_sync_finish (MkvNode *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), -1);

  return g_task_propagate_int (G_TASK (result), error);
}

/**
 * mkv_node_is_in_sync:
 * @self: a node
 *
 * Tells whether another node held exactly what this one holds, at some time
 * since anything changed here last, and there is a connection still.
 *
 * Returns: whether it did
 *
 * Since: 0.1
 */
gboolean
mkv_node_is_in_sync (MkvNode *self)
{
  MkvSyncer *syncer;

  g_return_val_if_fail (MKV_IS_NODE (self), FALSE);

  syncer = self->link != NULL ? mkv_link_get_syncer (self->link) : NULL;
  return self->state == MKV_NODE_ONLINE && syncer != NULL && mkv_syncer_is_in_sync (syncer);
}

/**
 * mkv_node_list_peers:
 * @self: a node
 *
 * Lists the other nodes that were heard of since the connection to the broker
 * was set up. Each is a dictionary: `client_id` s; `last_seen` x, in ms since
 * 1970; `equal` b, whether it held what this node holds; `reason` s, where it
 * did not: why; `entries` x, how many it says it has; and of the last time both
 * compared what they hold: `differed` t, entries that went either way, `octets`
 * t and `messages` u.
 *
 * Returns: (transfer full): an `aa{sv}`
 *
 * Since: 0.1
 */
GVariant *
mkv_node_list_peers (MkvNode *self)
{
  MkvSyncer *syncer;

  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  syncer = self->link != NULL ? mkv_link_get_syncer (self->link) : NULL;
  if (syncer == NULL)
    return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARDICT, NULL, 0));
  return g_variant_ref_sink (mkv_syncer_list_peers (syncer));
}
