/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "node/mkv-node-private.h"

#include <glib/gi18n-lib.h>

/* The old link is down: the next takes its place. */
static void
finish_swap (MkvNode *self)
{
  g_autoptr (MkvLink) link = g_steal_pointer (&self->next_link);
  g_autoptr (MkvConfig) config = g_steal_pointer (&self->next_config);
  g_autoptr (MkvConfig) old_config = g_steal_pointer (&self->link_config);
  g_autoptr (MkvLink) old_link = NULL;
  g_autoptr (GError) error = NULL;

  self->swapping = FALSE;
  if (self->stop_tasks->len > 0)
    {
      mkv_node_begin_stop (self);
      return;
    }
  if (mkv_node_start_link (self, link, config, &error))
    mkv_observer_clear_condition (self->observer, "settings");
  else
    {
      mkv_observer_set_condition (self->observer, "settings", MKV_HEALTH_DEGRADED,
                                  _("The new settings of the transport can't work, the old ones are in use: %s"),
                                  error->message);
      if (mkv_node_make_link (self, old_config, &old_link, NULL))
        mkv_node_start_link (self, old_link, old_config, NULL);
    }
  mkv_node_update_link_state (self);
  mkv_node_notify_peers (self);
  mkv_node_end_sleep (self);
}

static void
on_old_link_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvNode) self = user_data;

  mkv_link_stop_finish (MKV_LINK (source), result);
  g_clear_object (&self->link);
  finish_swap (self);
}

void
mkv_node_swap_link (MkvNode *self, MkvLink *link, MkvConfig *config, gboolean flush)
{
  g_set_object (&self->next_link, link);
  g_set_object (&self->next_config, config);
  if (self->swapping)
    return;
  self->swapping = TRUE;
  mkv_node_set_state (self, link != NULL ? MKV_NODE_CONNECTING : MKV_NODE_OFFLINE);
  if (self->link != NULL)
    mkv_link_stop_async (self->link, flush, on_old_link_stopped, g_object_ref (self));
  else
    finish_swap (self);
}

static gboolean
reload_link (MkvNode *self, MkvConfig *config, GError **error)
{
  MkvLink *link = self->swapping ? self->next_link : self->link;
  MkvConfig **link_config = self->swapping ? &self->next_config : &self->link_config;
  g_autoptr (MkvLink) new_link = NULL;

  if (mkv_link_must_change (*link_config, config))
    {
      if (!mkv_node_make_link (self, config, &new_link, error))
        return FALSE;
      /* What waits goes by the next link: the other nodes may have left this
       * broker already. */
      mkv_node_swap_link (self, new_link, config, FALSE);
      return TRUE;
    }
  if (link != NULL)
    mkv_link_set_config (link, config);
  g_set_object (link_config, config);
  return TRUE;
}

/**
 * mkv_node_reload:
 * @self: a node
 * @config: the settings from now on: not the object that is in use, changed
 * @need_restart: (out) (optional) (transfer full) (array zero-terminated=1):
 *   settings that differ from those of the start and take effect at the next
 * @error: return location for an error
 *
 * Puts other settings into effect. No write is lost. Where the connection has
 * to change, the node takes leave of the broker and connects anew, after this
 * has returned; calls that wait for an answer fail then.
 *
 * Returns: whether @config can work; if not, all is as before
 *
 * Since: 0.1
 */
gboolean
mkv_node_reload (MkvNode *self, MkvConfig *config, char ***need_restart, GError **error)
{
  g_auto (GStrv) differences = NULL;

  g_return_val_if_fail (MKV_IS_NODE (self), FALSE);
  g_return_val_if_fail (MKV_IS_CONFIG (config), FALSE);

  if (mkv_node_is_running (self) && !reload_link (self, config, error))
    return FALSE;
  mkv_node_set_config (self, config);
  if (self->started_config != NULL)
    differences = mkv_config_list_differences (self->started_config, config, TRUE);
  else
    differences = g_new0 (char *, 1);
  if (mkv_node_is_running (self))
    mkv_node_update_policy (self);
  if (need_restart != NULL)
    *need_restart = g_steal_pointer (&differences);
  return TRUE;
}
