/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-execution-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

static const MkvWriteKind write_kinds[] = {
  [MKV_OPERATION_SET] = MKV_WRITE_SET,
  [MKV_OPERATION_DELETE] = MKV_WRITE_DELETE,
  [MKV_OPERATION_INCREMENT] = MKV_WRITE_INCREMENT,
  [MKV_OPERATION_DECREMENT] = MKV_WRITE_DECREMENT,
  [MKV_OPERATION_APPEND] = MKV_WRITE_APPEND,
  [MKV_OPERATION_PREPEND] = MKV_WRITE_PREPEND,
  [MKV_OPERATION_SET_MANY] = MKV_WRITE_SET_MANY,
};

static void
set_too_large (gsize max_bytes, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("The answer takes more than %zu octets, which can't be sent: ask for less at once"), max_bytes);
}

static const char **
list_keys (const MkvCommand *command)
{
  GPtrArray *keys = mkv_command_get_keys (command);
  const char **list = g_new0 (const char *, keys->len + 1);

  for (guint i = 0; i < keys->len; i++)
    list[i] = keys->pdata[i];
  return list;
}

static MkvResponse *
read_one (MkvLocalStore *store, const MkvCommand *command, GError **error)
{
  g_autoptr (GBytes) value = mkv_store_get (MKV_STORE (store), mkv_command_get_key (command), NULL, error);
  MkvResponse *response;

  if (value == NULL)
    return NULL;
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  mkv_response_set_value (response, value);
  return response;
}

static MkvResponse *
read_many (MkvLocalStore *store, const MkvCommand *command, gsize max_bytes, GError **error)
{
  g_autofree const char **keys = list_keys (command);
  g_autoptr (GPtrArray) entries = mkv_store_get_many (MKV_STORE (store), keys, NULL, error);
  g_autoptr (MkvResponse) response = NULL;
  gsize n_bytes = 0;
  guint n = 0;

  if (entries == NULL)
    return NULL;
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  for (guint i = 0; keys[i] != NULL; i++)
    {
      MkvEntry *entry = n < entries->len ? entries->pdata[n] : NULL;

      n_bytes += strlen (keys[i]);
      /* What was found comes in the order asked. */
      if (entry != NULL && g_str_equal (mkv_entry_get_key (entry), keys[i]))
        {
          GBytes *value = mkv_entry_get_value (entry);

          mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_OK, value));
          n_bytes += g_bytes_get_size (value);
          n++;
        }
      else
        mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_NOT_FOUND, NULL));
      if (n_bytes > max_bytes)
        return set_too_large (max_bytes, error), NULL;
    }
  return g_steal_pointer (&response);
}

static MkvResponse *
read_keys (MkvLocalStore *store, const MkvCommand *command, GError **error)
{
  g_auto (GStrv) keys = NULL;
  MkvResponse *response;
  gboolean more;

  keys = mkv_store_list_keys (MKV_STORE (store), mkv_command_get_prefix (command), mkv_command_get_after (command),
                              mkv_command_get_limit (command), &more, NULL, error);
  if (keys == NULL)
    return NULL;
  response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
  mkv_response_set_keys (response, (const char *const *) keys, more);
  return response;
}

MkvResponse *
mkv_execution_read (MkvLocalStore *store, const MkvCommand *command, gsize max_bytes, GError **error)
{
  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_GET:
      return read_one (store, command, error);
    case MKV_OPERATION_GET_MANY:
      return read_many (store, command, max_bytes, error);
    case MKV_OPERATION_LIST_KEYS:
      return read_keys (store, command, error);
    default:
      g_return_val_if_reached (NULL);
    }
}

MkvWrite *
mkv_execution_write_new (const MkvCommand *command)
{
  MkvOperation operation = mkv_command_get_operation (command);
  MkvWrite *write = mkv_write_new (write_kinds[operation], mkv_command_get_key (command),
                                   mkv_command_get_value (command));

  write->amount = mkv_command_get_amount (command);
  if (operation == MKV_OPERATION_SET_MANY)
    {
      g_autofree const char **keys = list_keys (command);

      write->keys = (const char *const *) g_strdupv ((char **) keys);
      write->values = g_ptr_array_ref (mkv_command_get_values (command));
    }
  return write;
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_sorted_results (MkvResponse *response, const MkvCommand *command)
{
  g_autofree const char **keys = list_keys (command);
  guint n = mkv_command_get_keys (command)->len;

  qsort (keys, n, sizeof *keys, compare_strings);
  for (guint i = 0; i < n; i++)
    mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_OK, NULL));
}

MkvResponse *
mkv_execution_answer_new (const MkvCommand *command, const MkvWrite *write, gint64 timestamp)
{
  MkvResponse *response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);

  mkv_response_set_timestamp (response, timestamp);
  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
    case MKV_OPERATION_APPEND:
    case MKV_OPERATION_PREPEND:
      if (write != NULL)
        mkv_response_set_value (response, mkv_entry_get_value (write->entry));
      break;
    case MKV_OPERATION_SET_MANY:
      add_sorted_results (response, command);
      break;
    default:
      break;
    }
  return response;
}
