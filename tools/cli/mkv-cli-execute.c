/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cli-execute.h"

#include <string.h>

static MkvResponse *
make_value (MkvCommand *command, GBytes *value)
{
  MkvResponse *response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);

  if (value != NULL)
    mkv_response_set_value (response, value);
  return response;
}

static MkvResponse *
count (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  gboolean up = mkv_command_get_operation (command) == MKV_OPERATION_INCREMENT;
  const char *key = mkv_command_get_key (command);
  gint64 number = 0, amount = mkv_command_get_amount (command);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) value = NULL;

  if (!(up ? mkv_store_increment (store, key, amount, &number, cancellable, error)
           : mkv_store_decrement (store, key, amount, &number, cancellable, error)))
    return NULL;
  text = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  value = g_bytes_new (text, strlen (text));
  return make_value (command, value);
}

/* The keys of @command as a list with an end; they stay its. */
static const char **
get_keys (MkvCommand *command)
{
  GPtrArray *keys = mkv_command_get_keys (command);
  const char **list = g_new0 (const char *, keys->len + 1);

  for (guint i = 0; i < keys->len; i++)
    list[i] = keys->pdata[i];
  return list;
}

static MkvResponse *
get_many (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  g_autofree const char **keys = get_keys (command);
  g_autoptr (GPtrArray) entries = mkv_store_get_many (store, keys, cancellable, error);
  g_autoptr (MkvResponse) response = make_value (command, NULL);
  guint n = 0;

  if (entries == NULL)
    return NULL;
  /* The entries are in the order of the keys, without those that are not there. */
  for (guint i = 0; keys[i] != NULL; i++)
    if (n < entries->len && g_str_equal (mkv_entry_get_key (entries->pdata[n]), keys[i]))
      mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_OK,
                                                         mkv_entry_get_value (entries->pdata[n++])));
    else
      mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_NOT_FOUND, NULL));
  return g_steal_pointer (&response);
}

static MkvResponse *
set_many (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  g_autofree const char **keys = get_keys (command);

  if (!mkv_store_set_many (store, keys, mkv_command_get_values (command), cancellable,
                           error))
    return NULL;
  return make_value (command, NULL);
}

static MkvResponse *
list_keys (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  gboolean more = FALSE;
  g_auto (GStrv) keys = mkv_store_list_keys (store, mkv_command_get_prefix (command), mkv_command_get_after (command),
                                             mkv_command_get_limit (command), &more, cancellable, error);
  MkvResponse *response;

  if (keys == NULL)
    return NULL;
  response = make_value (command, NULL);
  mkv_response_set_keys (response, (const char *const *) keys, more);
  return response;
}

MkvResponse *
mkv_cli_execute (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error)
{
  const char *key = mkv_command_get_key (command);
  GBytes *argument = mkv_command_get_value (command);
  g_autoptr (GBytes) value = NULL;
  gboolean done = FALSE;

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_GET:
      value = mkv_store_get (store, key, cancellable, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_SET:
      done = mkv_store_set (store, key, argument, cancellable, error);
      break;
    case MKV_OPERATION_DELETE:
      done = mkv_store_delete (store, key, cancellable, error);
      break;
    case MKV_OPERATION_APPEND:
      value = mkv_store_append (store, key, argument, cancellable, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_PREPEND:
      value = mkv_store_prepend (store, key, argument, cancellable, error);
      done = value != NULL;
      break;
    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
      return count (store, command, cancellable, error);
    case MKV_OPERATION_GET_MANY:
      return get_many (store, command, cancellable, error);
    case MKV_OPERATION_SET_MANY:
      return set_many (store, command, cancellable, error);
    case MKV_OPERATION_LIST_KEYS:
      return list_keys (store, command, cancellable, error);
    default:
      g_assert_not_reached ();
    }
  return done ? make_value (command, value) : NULL;
}
