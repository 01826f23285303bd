/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-messages.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-check.h"
#include "mkv-json-fields.h"
#include "mkv-json-token.h"
#include "mkv-json-writer.h"
#include "model/mkv-names.h"

typedef enum
{
  FIELD_OP,
  FIELD_KEY,
  FIELD_VALUE,
  FIELD_ENCODING,
  FIELD_AMOUNT,
  FIELD_KEYS,
  FIELD_KEY_VALUES,
  FIELD_PREFIX,
  FIELD_AFTER,
  FIELD_LIMIT,
  FIELD_PEER,
  FIELD_TOKEN,
  FIELD_TIMESTAMP,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_OP] = "op",
  [FIELD_KEY] = "key",
  [FIELD_VALUE] = "value",
  [FIELD_ENCODING] = "encoding",
  [FIELD_AMOUNT] = "amount",
  [FIELD_KEYS] = "keys",
  [FIELD_KEY_VALUES] = "keyValues",
  [FIELD_PREFIX] = "prefix",
  [FIELD_AFTER] = "after",
  [FIELD_LIMIT] = "limit",
  [FIELD_PEER] = "peer",
  [FIELD_TOKEN] = "token",
  [FIELD_TIMESTAMP] = "timestamp",
};

G_STATIC_ASSERT (N_FIELDS <= MKV_JSON_MAX_FIELDS);

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
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("MSET has the key “%s” twice"),
                       (const char *) keys->pdata[i]);
          return FALSE;
        }
      if (!mkv_text_is_valid (octets, length))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                       _("The value of “%s” is binary, which MSET can send in CBOR only"),
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
  MkvJsonIter iter;
  const char *value;

  if (!mkv_json_fields_enter (fields, FIELD_KEYS, '[', &iter))
    return;
  for (guint i = 0; mkv_json_iter_next (&iter, NULL, &value); i++)
    {
      g_autofree char *key = i < MKV_MAX_BULK_KEYS ? mkv_json_value_dup_text (value) : NULL;

      if (key == NULL)
        {
          mkv_json_fields_set_wrong (fields, FIELD_KEYS);
          return;
        }
      mkv_command_add_key (command, key);
    }
}

static void
read_pairs (MkvJsonFields *fields, MkvCommand *command)
{
  MkvJsonIter iter;
  const char *name, *value;

  if (!mkv_json_fields_enter (fields, FIELD_KEY_VALUES, '{', &iter))
    return;
  for (guint i = 0; mkv_json_iter_next (&iter, &name, &value); i++)
    {
      g_autofree char *key = i < MKV_MAX_BULK_KEYS ? mkv_json_value_dup_text (name) : NULL;
      g_autoptr (GBytes) octets = mkv_json_value_dup_octets (value);

      if (key == NULL || octets == NULL)
        {
          mkv_json_fields_set_wrong (fields, FIELD_KEY_VALUES);
          return;
        }
      mkv_command_add_pair (command, key, octets);
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
      value = mkv_json_fields_dup_value (fields, FIELD_VALUE, FIELD_ENCODING);
      mkv_command_set_value (command, value);
      G_GNUC_FALLTHROUGH;
    case MKV_OPERATION_GET:
    case MKV_OPERATION_DELETE:
      key = mkv_json_fields_dup_text (fields, FIELD_KEY);
      mkv_command_set_key (command, key);
      break;

    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
      key = mkv_json_fields_dup_text (fields, FIELD_KEY);
      mkv_command_set_key (command, key);
      mkv_command_set_amount (command, mkv_json_fields_get_int (fields, FIELD_AMOUNT, G_MININT64, G_MAXINT64, 1));
      break;

    case MKV_OPERATION_GET_MANY:
      read_keys (fields, command);
      break;

    case MKV_OPERATION_SET_MANY:
      read_pairs (fields, command);
      break;

    case MKV_OPERATION_LIST_KEYS:
      prefix = mkv_json_fields_dup_text (fields, FIELD_PREFIX);
      mkv_command_set_prefix (command, prefix);
      after = mkv_json_fields_dup_text (fields, FIELD_AFTER);
      mkv_command_set_after (command, after);
      mkv_command_set_limit (command, (guint) mkv_json_fields_get_int (fields, FIELD_LIMIT, 1, MKV_MAX_LIST_KEYS,
                                                                       MKV_DEFAULT_LIST_KEYS));
      break;

    case MKV_OPERATION_SYNC:
      peer = mkv_json_fields_dup_text (fields, FIELD_PEER);
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
  g_autofree char *op = mkv_json_fields_dup_text (fields, FIELD_OP);
  g_autofree char *token = mkv_json_fields_dup_text (fields, FIELD_TOKEN);
  g_autoptr (MkvCommand) command = NULL;
  MkvOperation operation;

  if (id == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The request has no “id” of at most %d characters"),
                   MKV_MAX_ID_CHARS);
      return NULL;
    }
  if (op == NULL || !mkv_operation_from_wire (op, &operation))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The request has no “op” that is known"));
      return NULL;
    }
  command = mkv_command_new (operation);
  mkv_command_set_id (command, id);
  mkv_command_set_token (command, token);
  mkv_command_set_timestamp (command, mkv_json_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, -1));
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
  MkvJsonCheck check;
  MkvJsonFields fields;
  gboolean is_json = mkv_json_check (payload, &check, error);

  /* The strict pass remembers it, also if what is wrong comes behind it. */
  *id = dup_id (&check);
  if (!is_json)
    return NULL;
  if (check.is_array)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("A request is an object, not an array"));
      return NULL;
    }
  mkv_json_fields_init (&fields, g_bytes_get_data (payload, NULL), field_names);
  return read_command (&fields, *id, error);
}
