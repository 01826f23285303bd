/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-store.h"

#include <glib/gi18n.h>
#include <string.h>

#include "mkv-cli-error.h"
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

static MkvResponse *
make_value (MkvCommand *command, GBytes *value)
{
  MkvResponse *response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);

  if (value != NULL)
    mkv_response_set_value (response, value);
  return response;
}

static MkvResponse *
count (MkvStore *store, MkvCommand *command, GError **error)
{
  gboolean up = mkv_command_get_operation (command) == MKV_OPERATION_INCREMENT;
  const char *key = mkv_command_get_key (command);
  gint64 number = 0, amount = mkv_command_get_amount (command);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) value = NULL;

  if (!(up ? mkv_store_increment (store, key, amount, &number, NULL, error)
           : mkv_store_decrement (store, key, amount, &number, NULL, error)))
    return NULL;
  text = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  value = g_bytes_new (text, strlen (text));
  return make_value (command, value);
}

static MkvResponse *
get_many (MkvStore *store, MkvCommand *command, GError **error)
{
  GPtrArray *keys = mkv_command_get_keys (command);
  g_autoptr (MkvResponse) response = make_value (command, NULL);

  for (guint i = 0; i < keys->len; i++)
    {
      GError *local_error = NULL;
      g_autoptr (GBytes) value = mkv_store_get (store, keys->pdata[i], NULL, &local_error);

      if (value == NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, local_error);
          return NULL;
        }
      g_clear_error (&local_error);
      mkv_response_add_result (response, mkv_result_new (keys->pdata[i], value != NULL ? MKV_STATUS_OK
                                                                                        : MKV_STATUS_NOT_FOUND, value));
    }
  return g_steal_pointer (&response);
}

static MkvResponse *
set_many (MkvStore *store, MkvCommand *command, GError **error)
{
  GPtrArray *keys = mkv_command_get_keys (command);
  g_autoptr (GPtrArray) terminated = g_ptr_array_new ();

  for (guint i = 0; i < keys->len; i++)
    g_ptr_array_add (terminated, keys->pdata[i]);
  g_ptr_array_add (terminated, NULL);
  if (!mkv_store_set_many (store, (const char *const *) terminated->pdata, mkv_command_get_values (command), NULL, error))
    return NULL;
  return make_value (command, NULL);
}

static MkvResponse *
list_keys (MkvStore *store, MkvCommand *command, GError **error)
{
  gboolean more = FALSE;
  g_auto (GStrv) keys = mkv_store_list_keys (store, mkv_command_get_prefix (command), mkv_command_get_after (command),
                                             mkv_command_get_limit (command), &more, NULL, error);
  MkvResponse *response;

  if (keys == NULL)
    return NULL;
  response = make_value (command, NULL);
  mkv_response_set_keys (response, (const char *const *) keys, more);
  return response;
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
  response = make_value (command, NULL);
  mkv_response_set_info (response, stats);
  return response;
}

static MkvResponse *
execute (MkvCliStore *self, MkvCommand *command, GError **error)
{
  MkvStore *store = MKV_STORE (self->store);
  const char *key = mkv_command_get_key (command);
  GBytes *argument = mkv_command_get_value (command);
  g_autoptr (GBytes) value = NULL;
  gboolean done = FALSE;

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_GET:
      value = mkv_store_get (store, key, NULL, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_SET:
      done = mkv_store_set (store, key, argument, NULL, error);
      break;
    case MKV_OPERATION_DELETE:
      done = mkv_store_delete (store, key, NULL, error);
      break;
    case MKV_OPERATION_APPEND:
      value = mkv_store_append (store, key, argument, NULL, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_PREPEND:
      value = mkv_store_prepend (store, key, argument, NULL, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
      return count (store, command, error);
    case MKV_OPERATION_GET_MANY:
      return get_many (store, command, error);
    case MKV_OPERATION_SET_MANY:
      return set_many (store, command, error);
    case MKV_OPERATION_LIST_KEYS:
      return list_keys (store, command, error);
    case MKV_OPERATION_INFO:
      return describe (self->store, command, error);
    default:
      g_assert_not_reached ();
    }
  return done ? make_value (command, value) : NULL;
}

MkvResponse *
mkv_cli_store_call (MkvCliStore *self, MkvCommand *command)
{
  g_autoptr (GError) error = NULL;
  MkvResponse *response = execute (self, command, &error);

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
