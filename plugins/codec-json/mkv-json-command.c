/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-json-messages.h"

#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-fields.h"
#include "mkv-json-token.h"
#include "mkv-json-writer.h"
#include "model/mkv-names.h"

/* MSET's values are strings, without "encoding": they have to be text. */
static gboolean
set_pairs (JsonObject *object, GPtrArray *keys, GPtrArray *values, GError **error)
{
  JsonObject *pairs = json_object_new ();

  json_object_set_object_member (object, "keyValues", pairs);
  for (guint i = 0; i < keys->len; i++)
    {
      g_autofree char *value = NULL;
      gsize length;
      const char *octets = g_bytes_get_data (values->pdata[i], &length);

      if (json_object_has_member (pairs, keys->pdata[i]))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "MSET has the key “%s” twice",
                       (const char *) keys->pdata[i]);
          return FALSE;
        }
      if (!mkv_text_is_valid (octets, length))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                       "The value of “%s” is binary, which MSET can send in CBOR only",
                       (const char *) keys->pdata[i]);
          return FALSE;
        }
      /* Of no octets at all there is no address either. */
      value = length > 0 ? g_strndup (octets, length) : g_strdup ("");
      json_object_set_string_member (pairs, keys->pdata[i], value);
    }
  return TRUE;
}

static void
set_keys (JsonObject *object, GPtrArray *keys)
{
  JsonArray *array = json_array_sized_new (keys->len);

  for (guint i = 0; i < keys->len; i++)
    json_array_add_string_element (array, keys->pdata[i]);
  json_object_set_array_member (object, "keys", array);
}

GBytes *
mkv_json_encode_command (MkvCommand *command, gboolean ascii, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  MkvOperation operation = mkv_command_get_operation (command);
  GPtrArray *keys = mkv_command_get_keys (command);
  GPtrArray *values = mkv_command_get_values (command);

  mkv_json_set_string (object, "id", mkv_command_get_id (command));
  mkv_json_set_string (object, "op", mkv_operation_to_wire (operation));
  mkv_json_set_string (object, "key", mkv_command_get_key (command));
  mkv_json_set_bytes (object, mkv_command_get_value (command));
  if (operation == MKV_OPERATION_INCREMENT || operation == MKV_OPERATION_DECREMENT)
    json_object_set_int_member (object, "amount", mkv_command_get_amount (command));
  if (values != NULL)
    {
      if (!set_pairs (object, keys, values, error))
        return NULL;
    }
  else if (keys != NULL)
    set_keys (object, keys);
  mkv_json_set_string (object, "prefix", mkv_command_get_prefix (command));
  mkv_json_set_string (object, "after", mkv_command_get_after (command));
  if (operation == MKV_OPERATION_LIST_KEYS)
    json_object_set_int_member (object, "limit", mkv_command_get_limit (command));
  mkv_json_set_string (object, "peer", mkv_command_get_peer (command));
  mkv_json_set_string (object, "token", mkv_command_get_token (command));
  if (mkv_command_get_timestamp (command) >= 0)
    json_object_set_int_member (object, "timestamp", mkv_command_get_timestamp (command));
  return mkv_json_to_payload (object, ascii, error);
}

static void
read_keys (MkvJsonFields *fields, MkvCommand *command)
{
  JsonArray *array = mkv_json_fields_get_array (fields, "keys");
  guint n = array != NULL ? json_array_get_length (array) : 0;

  if (n > MKV_MAX_BULK_KEYS)
    mkv_json_fields_set_wrong (fields, "keys");
  for (guint i = 0; i < n && fields->wrong == NULL; i++)
    {
      g_autofree char *key = mkv_json_node_dup_text (json_array_get_element (array, i), fields->normalized);

      if (key != NULL)
        mkv_command_add_key (command, key);
      else
        mkv_json_fields_set_wrong (fields, "keys");
    }
}

static void
read_pairs (MkvJsonFields *fields, MkvCommand *command)
{
  JsonObject *object = mkv_json_fields_get_object (fields, "keyValues");
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (object == NULL)
    return;
  if (json_object_get_size (object) > MKV_MAX_BULK_KEYS)
    {
      mkv_json_fields_set_wrong (fields, "keyValues");
      return;
    }
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      g_autoptr (GBytes) value = mkv_json_node_dup_octets (node, fields->normalized);
      g_autofree char *key = mkv_json_dup_name (name, fields->normalized);

      if (key != NULL && value != NULL)
        mkv_command_add_pair (command, key, value);
      else
        mkv_json_fields_set_wrong (fields, "keyValues");
    }
}

/* What another operation's field holds is nobody's business, as with an unknown
 * one. */
static void
read_arguments (MkvJsonFields *fields, MkvCommand *command)
{
  g_autofree char *key = NULL;
  g_autofree char *prefix = NULL;
  g_autofree char *after = NULL;
  g_autofree char *peer = NULL;
  g_autoptr (GBytes) value = NULL;

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_SET:
    case MKV_OPERATION_APPEND:
    case MKV_OPERATION_PREPEND:
      value = mkv_json_fields_dup_value (fields);
      mkv_command_set_value (command, value);
      G_GNUC_FALLTHROUGH;
    case MKV_OPERATION_GET:
    case MKV_OPERATION_DELETE:
      key = mkv_json_fields_dup_text (fields, "key");
      mkv_command_set_key (command, key);
      break;

    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
      key = mkv_json_fields_dup_text (fields, "key");
      mkv_command_set_key (command, key);
      mkv_command_set_amount (command, mkv_json_fields_get_int (fields, "amount", G_MININT64, G_MAXINT64, 1));
      break;

    case MKV_OPERATION_GET_MANY:
      read_keys (fields, command);
      break;

    case MKV_OPERATION_SET_MANY:
      read_pairs (fields, command);
      break;

    case MKV_OPERATION_LIST_KEYS:
      prefix = mkv_json_fields_dup_text (fields, "prefix");
      mkv_command_set_prefix (command, prefix);
      after = mkv_json_fields_dup_text (fields, "after");
      mkv_command_set_after (command, after);
      mkv_command_set_limit (command, (guint) mkv_json_fields_get_int (fields, "limit", 1, MKV_MAX_LIST_KEYS,
                                                                       MKV_DEFAULT_LIST_KEYS));
      break;

    case MKV_OPERATION_SYNC:
      peer = mkv_json_fields_dup_text (fields, "peer");
      mkv_command_set_peer (command, peer);
      break;

    case MKV_OPERATION_PING:
    case MKV_OPERATION_INFO:
    default:
      break;
    }
}

static MkvCommand *
read_command (MkvJsonFields *fields, const char *id, GError **error)
{
  g_autofree char *op = mkv_json_fields_dup_text (fields, "op");
  g_autofree char *token = mkv_json_fields_dup_text (fields, "token");
  g_autoptr (MkvCommand) command = NULL;
  MkvOperation operation;

  if (id == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "The request has no “id” of at most %d characters",
                   MKV_MAX_ID_CHARS);
      return NULL;
    }
  if (op == NULL || !mkv_operation_from_wire (op, &operation))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, "The request has no “op” that is known");
      return NULL;
    }
  command = mkv_command_new (operation);
  mkv_command_set_id (command, id);
  mkv_command_set_token (command, token);
  mkv_command_set_timestamp (command, mkv_json_fields_get_int (fields, "timestamp", 0, MKV_MAX_TIMESTAMP, -1));
  read_arguments (fields, command);
  if (!mkv_json_fields_check (fields, error))
    return NULL;
  return g_steal_pointer (&command);
}

/* A stranger's id is repeated in the answer, so it has to be one. */
static char *
dup_id (const MkvJsonCheck *check)
{
  g_autofree char *id = NULL;
  gsize length;

  if (check->id == NULL)
    return NULL;
  id = mkv_json_unescape (check->id, check->id_length, &length);
  if (strlen (id) != length || g_utf8_strlen (id, -1) > MKV_MAX_ID_CHARS)
    return NULL;
  return g_steal_pointer (&id);
}

MkvCommand *
mkv_json_decode_command (GBytes *payload, char **id, GError **error)
{
  g_autoptr (JsonParser) parser = NULL;
  MkvJsonCheck check;
  MkvJsonFields fields = { NULL };
  gboolean is_json = mkv_json_check (payload, &check, error);

  /* The strict pass remembers it, also if what is wrong comes behind it. */
  *id = dup_id (&check);
  if (!is_json)
    return NULL;
  if (check.is_array)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, "A request is an object, not an array");
      return NULL;
    }
  parser = mkv_json_parse (payload, &check, error);
  if (parser == NULL)
    return NULL;
  fields.object = json_node_get_object (json_parser_get_root (parser));
  fields.normalized = check.odd;
  return read_command (&fields, *id, error);
}
