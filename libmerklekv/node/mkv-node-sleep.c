/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "node/mkv-node-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

/* How long comparing may keep a machine from its sleep, in us. What waits to be
 * replicated and closing the connection have their own limits. */
#define COMPARE_TIMEOUT G_USEC_PER_SEC

static void
end_comparing (MkvNode *self)
{
  if (self->sleep_timer != NULL)
    g_source_destroy (self->sleep_timer);
  g_clear_pointer (&self->sleep_timer, g_source_unref);
  g_clear_signal_handler (&self->sleep_handler, self->sleep_syncer);
  g_clear_object (&self->sleep_syncer);
}

void
mkv_node_end_sleep (MkvNode *self)
{
  g_autoptr (GPtrArray) tasks = g_steal_pointer (&self->sleep_tasks);

  end_comparing (self);
  self->sleep_tasks = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < tasks->len; i++)
    g_task_return_boolean (tasks->pdata[i], TRUE);
}

static void
leave_broker (MkvNode *self)
{
  end_comparing (self);
  mkv_node_swap_link (self, NULL, self->config, TRUE);
}

static gboolean
on_compare_timeout (gpointer user_data)
{
  leave_broker (user_data);
  return G_SOURCE_REMOVE;
}

static void
on_compared (MkvSyncer *syncer, MkvNode *self)
{
  if (mkv_syncer_is_in_sync (syncer))
    leave_broker (self);
}

/* Who was heard last, and is asked by name: then there is no waiting for others
 * that may be comparing with it. NULL if there is nothing to compare. */
static char *
find_peer (MkvNode *self)
{
  g_autoptr (GVariant) peers = NULL;
  g_autoptr (GVariant) peer = NULL;
  GVariantIter iter;
  char *found = NULL;
  gint64 heard = G_MININT64;

  if (self->state != MKV_NODE_ONLINE || self->swapping || mkv_link_get_syncer (self->link) == NULL ||
      mkv_node_is_in_sync (self))
    return NULL;
  peers = mkv_node_list_peers (self);
  g_variant_iter_init (&iter, peers);
  while ((peer = g_variant_iter_next_value (&iter)) != NULL)
    {
      gint64 last_seen = 0;

      g_variant_lookup (peer, "last_seen", "x", &last_seen);
      if (last_seen > heard)
        {
          heard = last_seen;
          g_free (found);
          g_variant_lookup (peer, "client_id", "s", &found);
        }
      g_clear_pointer (&peer, g_variant_unref);
    }
  return found;
}

/**
 * mkv_node_sleep_async:
 * @self: a node
 * @cancellable: (nullable): to stop waiting
 * @callback: called when the node has left the broker
 * @user_data: for @callback
 *
 * Gets ready for a time without a network, such as a machine's sleep. As far as
 * that is quick, a few seconds at most, what this node holds is compared with
 * what others hold, and what waits to be replicated goes out. Then the node
 * takes leave of the broker, which keeps what comes for it. The store stays open.
 *
 * Since: 0.1
 */
void
mkv_node_sleep_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autofree char *peer = NULL;

  g_return_if_fail (MKV_IS_NODE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_node_sleep_async);
  if (!mkv_node_is_running (self))
    {
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node is not running"));
      return;
    }
  g_ptr_array_add (self->sleep_tasks, g_steal_pointer (&task));
  if (self->sleep_timer != NULL)
    return;
  peer = find_peer (self);
  if (peer == NULL)
    {
      leave_broker (self);
      return;
    }
  self->sleep_timer = mkv_clock_add_timeout (self->clock, COMPARE_TIMEOUT, self->context, on_compare_timeout, self);
  self->sleep_syncer = g_object_ref (mkv_link_get_syncer (self->link));
  self->sleep_handler = g_signal_connect (self->sleep_syncer, "state-changed", G_CALLBACK (on_compared), self);
  mkv_syncer_sync_async (self->sleep_syncer, peer, NULL, NULL, NULL);
}

/**
 * mkv_node_sleep_finish:
 * @self: a node
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Node.sleep_async].
 *
 * Returns: whether the node has left the broker; %FALSE with
 *   %MKV_ERROR_UNAVAILABLE if it is not running
 *
 * Since: 0.1
 */
gboolean
mkv_node_sleep_finish (MkvNode *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mkv_node_wake:
 * @self: a node
 *
 * Connects anew, now: after [method@Node.sleep_async], or when there is reason
 * to believe that the connection is dead, as after a sleep of the machine. Once
 * there is a connection, what this node holds is compared with what others hold.
 * A node that does not run, or has no broker, is left as it is.
 *
 * Since: 0.1
 */
void
mkv_node_wake (MkvNode *self)
{
  g_autoptr (MkvLink) link = NULL;
  g_autoptr (GError) error = NULL;

  g_return_if_fail (MKV_IS_NODE (self));

  if (!mkv_node_is_running (self))
    return;
  end_comparing (self);
  if (!mkv_node_make_link (self, self->config, &link, &error))
    {
      mkv_observer_set_condition (self->observer, "settings", MKV_HEALTH_FAILED,
                                  _("No connection could be made after a sleep: %s"), error->message);
      return;
    }
  self->compare_when_connected = link != NULL;
  mkv_node_swap_link (self, link, self->config, FALSE);
}
