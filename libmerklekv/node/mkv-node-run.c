/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "node/mkv-node-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-plugin-error.h"
#include "security/mkv-sealed-storage.h"
#include "security/mkv-secret-file.h"

/* What a thread opens or closes, for a node that waits for it. It is no source
 * object of the task, nor owned by it: a thread may be the last to hold a task,
 * and would then be where the node ends. */
typedef struct
{
  MkvNode *node;
  MkvStorage *storage;
  GError *start_error; /* why it is closed before it ran; NULL otherwise */
  char *path;
  char *key_file; /* NULL where the storage is not encrypted */
  GVariant *options;
  MkvStorePolicy policy;
} Work;

static Work *
work_new (MkvNode *node, MkvStorage *storage)
{
  Work *work = g_new0 (Work, 1);

  work->node = g_object_ref (node);
  work->storage = g_object_ref (storage);
  return work;
}

static void
work_free (Work *work)
{
  g_object_unref (work->storage);
  g_free (work->path);
  g_free (work->key_file);
  g_clear_pointer (&work->options, g_variant_unref);
  g_object_unref (work->node);
  g_free (work);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Work, work_free)

static void
run_in_thread (Work *work, GTaskThreadFunc func, GAsyncReadyCallback callback)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, work);

  g_task_set_source_tag (task, run_in_thread);
  g_task_set_task_data (task, work, NULL);
  g_task_run_in_thread (task, func);
}

/* Puts the encryption before the storage, if there is to be one. */
static gboolean
seal_storage (Work *work, GError **error)
{
  g_autoptr (GBytes) key = NULL;
  MkvSealedStorage *sealed;

  if (work->key_file == NULL)
    return TRUE;
  key = mkv_secret_file_read (work->key_file, "storage.encryption-key-file", error);
  if (key == NULL)
    return FALSE;
  sealed = mkv_sealed_storage_new (work->storage, key);
  g_object_unref (work->storage);
  work->storage = MKV_STORAGE (sealed);
  return TRUE;
}

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  MkvNode *self = work->node;
  GError *error = NULL;
  MkvLocalStore *store;

  if (!seal_storage (work, &error) || !mkv_storage_open (work->storage, work->path, work->options, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  store = mkv_local_store_new_in_context (self->context, work->storage, self->node_id, self->clock, self->observer,
                                          &work->policy, &error);
  if (store == NULL)
    {
      mkv_storage_close (work->storage, NULL);
      g_task_return_error (task, error);
      return;
    }
  g_task_return_pointer (task, store, g_object_unref);
}

static void
close_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;

  mkv_local_store_shut_down (work->node->store);
  if (mkv_storage_close (work->storage, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* What everyone has is better than nothing, where nobody has asked for more. */
static MkvStorage *
create_storage (MkvNode *self, GError **error)
{
  const char *backend = mkv_config_get_string (self->config, "storage.backend");
  GError *local_error = NULL;
  GObject *storage;

  mkv_observer_clear_condition (self->observer, "storage-memory");
  storage = mkv_plugin_registry_create (self->registry, MKV_PLUGIN_STORAGE, backend, &local_error);
  if (storage == NULL && !mkv_config_is_set (self->config, "storage.backend") &&
      g_error_matches (local_error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND))
    {
      g_clear_error (&local_error);
      storage = mkv_plugin_registry_create (self->registry, MKV_PLUGIN_STORAGE, "memory", &local_error);
      if (storage != NULL)
        mkv_observer_set_condition (self->observer, "storage-memory", MKV_HEALTH_DEGRADED,
                                    _("Data is kept in memory only, and gone when this process ends: there is no "
                                      "storage plugin “%s”; if that is meant, set storage.backend to memory"),
                                    backend);
    }
  if (storage == NULL)
    g_propagate_error (error, local_error);
  return (MkvStorage *) storage;
}

/* The end of a run, and of an attempt at one. */
static void
finish_run (MkvNode *self, GError *start_error, GError *stop_error)
{
  g_autoptr (GTask) start_task = g_steal_pointer (&self->start_task);
  g_autoptr (GPtrArray) stop_tasks = g_steal_pointer (&self->stop_tasks);

  self->stop_tasks = g_ptr_array_new_with_free_func (g_object_unref);
  g_clear_object (&self->storage);
  g_clear_object (&self->link_config);
  g_clear_object (&self->started_config);
  mkv_node_set_state (self, MKV_NODE_STOPPED);
  if (start_task != NULL)
    g_task_return_error (start_task, start_error);
  for (guint i = 0; i < stop_tasks->len; i++)
    if (stop_error != NULL)
      g_task_return_error (stop_tasks->pdata[i], g_error_copy (stop_error));
    else
      g_task_return_boolean (stop_tasks->pdata[i], TRUE);
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Work) work = user_data;
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  finish_run (work->node, work->start_error, error);
}

/* @start_error, which is taken, is why there is no run, or NULL. */
static void
close_store (MkvNode *self, GError *start_error)
{
  Work *work = work_new (self, self->storage);

  work->start_error = start_error;
  run_in_thread (work, close_in_thread, on_closed);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Work) work = user_data;
  MkvNode *self = work->node;
  GError *error = NULL;
  g_autoptr (MkvLocalStore) store = g_task_propagate_pointer (G_TASK (result), &error);
  g_autoptr (MkvLink) link = NULL;

  if (store == NULL)
    {
      finish_run (self, error, NULL);
      return;
    }
  self->storage = g_object_ref (work->storage);
  g_set_object (&self->store, store);
  mkv_node_notify_store (self);
  /* The configuration may have been reloaded meanwhile. */
  mkv_node_update_policy (self);
  if (self->stop_tasks->len > 0)
    g_set_error_literal (&error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node was stopped while it started"));
  else if (!g_cancellable_set_error_if_cancelled (g_task_get_cancellable (self->start_task), &error) &&
           mkv_node_make_link (self, self->config, &link, &error))
    mkv_node_start_link (self, link, self->config, &error);
  if (error != NULL)
    {
      close_store (self, error);
      return;
    }
  mkv_node_update_link_state (self);
  g_task_return_boolean (self->start_task, TRUE);
  g_clear_object (&self->start_task);
}

/**
 * mkv_node_start_async:
 * @self: a stopped node
 * @cancellable: (nullable): to give up
 * @callback: called when the store is open
 * @user_data: for @callback
 *
 * Opens the store, and begins to connect. It does not wait for the connection:
 * a node works offline, and [property@Node:state] tells.
 *
 * Since: 0.1
 */
void
mkv_node_start_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (MkvStorage) storage = NULL;
  GError *error = NULL;
  Work *work;

  g_return_if_fail (MKV_IS_NODE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_node_start_async);
  if (self->state != MKV_NODE_STOPPED)
    {
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node runs already, or is stopping"));
      return;
    }
  storage = create_storage (self, &error);
  if (storage == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  self->start_task = g_steal_pointer (&task);
  g_set_object (&self->started_config, self->config);
  mkv_node_read_names (self);
  mkv_node_set_state (self, MKV_NODE_STARTING);

  work = work_new (self, storage);
  work->path = g_strdup (mkv_config_get_string (self->config, "storage.path"));
  work->key_file = g_strdup (mkv_config_get_string (self->config, "storage.encryption-key-file"));
  work->options = mkv_config_get_group (self->config, "storage");
  mkv_node_make_policy (self, &work->policy);
  run_in_thread (work, open_in_thread, on_opened);
}

/**
 * mkv_node_start_finish:
 * @self: a node
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Node.start_async].
 *
 * Returns: whether the store is open and the node runs; %FALSE with what the
 *   storage says, with a [error@PluginError] if a plugin can't be used, with
 *   %MKV_ERROR_CONFIGURATION if the settings can't work or the storage belongs
 *   to another node, with %MKV_ERROR_UNAVAILABLE if the node runs already
 *
 * Since: 0.1
 */
gboolean
mkv_node_start_finish (MkvNode *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_link_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvNode) self = user_data;

  mkv_link_stop_finish (MKV_LINK (source), result);
  g_clear_object (&self->link);
  mkv_node_notify_peers (self);
  close_store (self, NULL);
}

void
mkv_node_begin_stop (MkvNode *self)
{
  mkv_node_set_state (self, MKV_NODE_STOPPING);
  if (self->link != NULL)
    mkv_link_stop_async (self->link, TRUE, on_link_stopped, g_object_ref (self));
  else
    close_store (self, NULL);
  mkv_node_end_sleep (self);
}

/**
 * mkv_node_stop_async:
 * @self: a node
 * @cancellable: (nullable): to stop waiting; the node stops all the same
 * @callback: called when it has stopped
 * @user_data: for @callback
 *
 * Takes leave: what waits to be replicated goes out if it can in a short time,
 * and in the next run otherwise, where the storage lasts. Then the storage is
 * closed. A node that has stopped can be started again.
 *
 * Since: 0.1
 */
void
mkv_node_stop_async (MkvNode *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_NODE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_node_stop_async);
  if (self->state == MKV_NODE_STOPPED)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  g_ptr_array_add (self->stop_tasks, g_steal_pointer (&task));
  /* A start or a swap of links that is under way comes to its end first, and
   * then looks here. */
  if (mkv_node_is_running (self) && !self->swapping)
    mkv_node_begin_stop (self);
}

/**
 * mkv_node_stop_finish:
 * @self: a node
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Node.stop_async].
 *
 * Returns: whether all was written; the node is stopped in any case
 *
 * Since: 0.1
 */
gboolean
mkv_node_stop_finish (MkvNode *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
