/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-store.h"

#include <glib/gi18n.h>

#include "mkv-cli-error.h"
#include "mkv-cli-execute.h"
#include "mkv-cli-storage.h"

struct _MkvCliStore
{
  MkvConfig *config;
  MkvPluginRegistry *registry;
  MkvStorage *storage;
  MkvLocalStore *store; /* NULL until it is open */
};

/* The storage, behind its encryption if it has one. */
static gboolean
make_storage (MkvCliStore *self, const MkvCliOptions *options, GError **error)
{
  g_autoptr (MkvStorage) storage = mkv_cli_storage_new (options, error);
  g_autoptr (GBytes) key = NULL;
  GError *local_error = NULL;

  if (storage == NULL)
    return FALSE;
  key = mkv_cli_storage_read_key (options->encryption_key_file, "--encryption-key-file", &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  if (key != NULL)
    self->storage = MKV_STORAGE (mkv_sealed_storage_new (storage, key));
  else
    self->storage = g_steal_pointer (&storage);
  return TRUE;
}

MkvCliStore *
mkv_cli_store_new (const MkvCliOptions *options, gboolean create, int *status)
{
  g_autoptr (MkvCliStore) self = g_new0 (MkvCliStore, 1);
  g_autoptr (GError) error = NULL;

  if (!create && !g_file_test (options->store, G_FILE_TEST_IS_DIR))
    {
      *status = mkv_cli_fail (MKV_CLI_FAILURE, _("There is no storage at %s: check --store"), options->store);
      return NULL;
    }
  self->registry = mkv_plugin_registry_new ();
  self->config = mkv_config_new ();
  if ((options->backend != NULL && !mkv_config_set (self->config, "storage.backend", options->backend, &error)) ||
      !mkv_config_set (self->config, "storage.path", options->store, &error) || !make_storage (self, options, &error))
    {
      *status = mkv_cli_storage_fail_with ("--store", error);
      return NULL;
    }
  return g_steal_pointer (&self);
}

gboolean
mkv_cli_store_open (MkvCliStore *self, GError **error)
{
  g_autoptr (GVariant) options = mkv_cli_store_get_options (self);
  g_autoptr (MkvLocalStore) made = NULL;
  GError *local_error = NULL;

  if (!mkv_storage_open (self->storage, mkv_config_get_string (self->config, "storage.path"), options, error))
    return FALSE;
  self->store = mkv_local_store_new (self->storage, NULL, &local_error);
  if (self->store == NULL && g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      /* A new one: it is that of the node that would run here. */
      g_clear_error (&local_error);
      made = mkv_local_store_new (self->storage, mkv_config_get_string (self->config, "node.client-id"), &local_error);
      g_clear_object (&made);
      if (local_error == NULL)
        self->store = mkv_local_store_new (self->storage, NULL, &local_error);
    }
  if (self->store != NULL)
    return TRUE;
  g_propagate_error (error, local_error);
  mkv_storage_close (self->storage, NULL);
  return FALSE;
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static MkvResponse *
describe (MkvLocalStore *store, MkvCommand *command, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) stats = NULL;
  MkvResponse *response;

  mkv_local_store_get_stats_async (store, NULL, store_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  stats = mkv_local_store_get_stats_finish (store, result, error);
  if (stats == NULL)
    return NULL;
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  mkv_response_set_info (response, stats);
  return response;
}

MkvResponse *
mkv_cli_store_call (MkvCliStore *self, MkvCommand *command)
{
  g_autoptr (GError) error = NULL;
  MkvResponse *response;

  if (mkv_command_get_operation (command) == MKV_OPERATION_INFO)
    response = describe (self->store, command, &error);
  else
    response = mkv_cli_execute (MKV_STORE (self->store), command, NULL, &error);
  if (response == NULL)
    response = mkv_response_new_error (mkv_command_get_id (command), error);
  mkv_response_set_timestamp (response, g_get_real_time () / 1000);
  return response;
}

MkvPluginRegistry *
mkv_cli_store_get_registry (MkvCliStore *self)
{
  return self->registry;
}

MkvStorage *
mkv_cli_store_get_storage (MkvCliStore *self)
{
  return self->storage;
}

GVariant *
mkv_cli_store_get_options (MkvCliStore *self)
{
  return mkv_config_get_group (self->config, "storage");
}

const char *
mkv_cli_store_get_backend (MkvCliStore *self)
{
  return mkv_config_get_string (self->config, "storage.backend");
}

MkvLocalStore *
mkv_cli_store_get_store (MkvCliStore *self)
{
  return self->store;
}

gboolean
mkv_cli_store_close (MkvCliStore *self, GError **error)
{
  if (self->store == NULL)
    return TRUE;
  g_clear_object (&self->store);
  return mkv_storage_close (self->storage, error);
}

void
mkv_cli_store_free (MkvCliStore *self)
{
  mkv_cli_store_close (self, NULL);
  g_clear_object (&self->storage);
  g_clear_object (&self->registry);
  g_clear_object (&self->config);
  g_free (self);
}
