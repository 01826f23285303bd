/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-messages.h"

#include <glib/gi18n-lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-cbor-fields.h"
#include "mkv-cbor-writer.h"
#include "model/mkv-names.h"

typedef enum
{
  FIELD_ID,
  FIELD_OP,
  FIELD_KEY,
  FIELD_KEYS,
  FIELD_PEER,
  FIELD_AFTER,
  FIELD_LIMIT,
  FIELD_TOKEN,
  FIELD_VALUE,
  FIELD_AMOUNT,
  FIELD_PREFIX,
  FIELD_KEY_VALUES,
  FIELD_TIMESTAMP,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_ID] = "id",
  [FIELD_OP] = "op",
  [FIELD_KEY] = "key",
  [FIELD_KEYS] = "keys",
  [FIELD_PEER] = "peer",
  [FIELD_AFTER] = "after",
  [FIELD_LIMIT] = "limit",
  [FIELD_TOKEN] = "token",
  [FIELD_VALUE] = "value",
  [FIELD_AMOUNT] = "amount",
  [FIELD_PREFIX] = "prefix",
  [FIELD_KEY_VALUES] = "keyValues",
  [FIELD_TIMESTAMP] = "timestamp",
};

G_STATIC_ASSERT (N_FIELDS <= MKV_CBOR_MAX_FIELDS);

typedef struct
{
  const char *key;
  GBytes *value;
} Pair;

static int
compare_pairs (const void *a, const void *b)
{
  const Pair *x = a, *y = b;

  return mkv_cbor_compare_keys (x->key, y->key);
}

static gboolean
write_pairs (MkvCborWriter *writer, GPtrArray *keys, GPtrArray *values, GError **error)
{
  g_autofree Pair *pairs = g_new (Pair, keys->len);

  for (guint i = 0; i < keys->len; i++)
    pairs[i] = (Pair){ keys->pdata[i], values->pdata[i] };
  qsort (pairs, keys->len, sizeof *pairs, compare_pairs);
  mkv_cbor_writer_map (writer, keys->len);
  for (guint i = 0; i < keys->len; i++)
    {
      if (i > 0 && g_str_equal (pairs[i - 1].key, pairs[i].key))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("MSET has the key “%s” twice"),
                       pairs[i].key);
          return FALSE;
        }
      mkv_cbor_writer_text (writer, pairs[i].key, strlen (pairs[i].key));
      mkv_cbor_writer_value (writer, pairs[i].value);
    }
  return TRUE;
}

/* The fields in the order that the deterministic encoding wants. */
GBytes *
mkv_cbor_encode_command (MkvCommand *command, GError **error)
{
  g_auto (MkvCborWriter) writer = { NULL };
  MkvOperation operation = mkv_command_get_operation (command);
  GPtrArray *keys = mkv_command_get_keys (command);
  GPtrArray *values = mkv_command_get_values (command);

  mkv_cbor_writer_begin_fields (&writer);
  mkv_cbor_writer_field_string (&writer, "id", mkv_command_get_id (command));
  mkv_cbor_writer_field_string (&writer, "op", mkv_operation_to_wire (operation));
  mkv_cbor_writer_field_string (&writer, "key", mkv_command_get_key (command));
  if (keys != NULL && values == NULL)
    {
      mkv_cbor_writer_field (&writer, "keys");
      mkv_cbor_writer_array (&writer, keys->len);
      for (guint i = 0; i < keys->len; i++)
        mkv_cbor_writer_string (&writer, keys->pdata[i]);
    }
  mkv_cbor_writer_field_string (&writer, "peer", mkv_command_get_peer (command));
  mkv_cbor_writer_field_string (&writer, "after", mkv_command_get_after (command));
  if (operation == MKV_OPERATION_LIST_KEYS)
    mkv_cbor_writer_field_int (&writer, "limit", mkv_command_get_limit (command));
  mkv_cbor_writer_field_string (&writer, "token", mkv_command_get_token (command));
  mkv_cbor_writer_field_value (&writer, "value", mkv_command_get_value (command));
  if (operation == MKV_OPERATION_INCREMENT || operation == MKV_OPERATION_DECREMENT)
    mkv_cbor_writer_field_int (&writer, "amount", mkv_command_get_amount (command));
  mkv_cbor_writer_field_string (&writer, "prefix", mkv_command_get_prefix (command));
  if (values != NULL)
    {
      mkv_cbor_writer_field (&writer, "keyValues");
      if (!write_pairs (&writer, keys, values, error))
        return NULL;
    }
  if (mkv_command_get_timestamp (command) >= 0)
    mkv_cbor_writer_field_int (&writer, "timestamp", mkv_command_get_timestamp (command));
  return mkv_cbor_writer_end_fields (&writer, MKV_MAX_PAYLOAD_BYTES, error);
}

static void
read_keys (MkvCborFields *fields, MkvCommand *command)
{
  MkvCborContainer array;
  guint n = 0;

  if (!mkv_cbor_fields_enter (fields, FIELD_KEYS, MKV_CBOR_ARRAY, &array))
    return;
  while (mkv_cbor_reader_more (fields->reader, &array))
    {
      g_autofree char *key = NULL;
      MkvCborItem item;

      if (++n > MKV_MAX_BULK_KEYS || !mkv_cbor_reader_take (fields->reader, &item) ||
          (key = mkv_cbor_item_dup_text (&item)) == NULL)
        {
          mkv_cbor_fields_set_wrong (fields, FIELD_KEYS);
          return;
        }
      mkv_command_add_key (command, key);
    }
}

static void
read_pairs (MkvCborFields *fields, MkvCommand *command)
{
  MkvCborContainer map;
  guint n = 0;

  if (!mkv_cbor_fields_enter (fields, FIELD_KEY_VALUES, MKV_CBOR_MAP, &map))
    return;
  while (mkv_cbor_reader_more (fields->reader, &map))
    {
      g_autofree char *key = NULL;
      g_autoptr (GBytes) value = NULL;
      MkvCborItem item;

      if (++n > MKV_MAX_BULK_KEYS || !mkv_cbor_reader_key (fields->reader, &item) ||
          (key = mkv_cbor_item_dup_text (&item)) == NULL || !mkv_cbor_reader_take (fields->reader, &item) ||
          (value = mkv_cbor_item_dup_value (&item)) == NULL)
        {
          mkv_cbor_fields_set_wrong (fields, FIELD_KEY_VALUES);
          return;
        }
      mkv_command_add_pair (command, key, value);
    }
}

/* What another operation's field holds is nobody's business, as with an unknown
 * one. */
static void
read_arguments (MkvCborFields *fields, MkvCommand *command)
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
      value = mkv_cbor_fields_dup_value (fields, FIELD_VALUE);
      mkv_command_set_value (command, value);
      G_GNUC_FALLTHROUGH;
    case MKV_OPERATION_GET:
    case MKV_OPERATION_DELETE:
      key = mkv_cbor_fields_dup_text (fields, FIELD_KEY);
      mkv_command_set_key (command, key);
      break;

    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
      key = mkv_cbor_fields_dup_text (fields, FIELD_KEY);
      mkv_command_set_key (command, key);
      mkv_command_set_amount (command,
                              mkv_cbor_fields_get_int (fields, FIELD_AMOUNT, G_MININT64, G_MAXINT64, 1));
      break;

    case MKV_OPERATION_GET_MANY:
      read_keys (fields, command);
      break;

    case MKV_OPERATION_SET_MANY:
      read_pairs (fields, command);
      break;

    case MKV_OPERATION_LIST_KEYS:
      prefix = mkv_cbor_fields_dup_text (fields, FIELD_PREFIX);
      mkv_command_set_prefix (command, prefix);
      after = mkv_cbor_fields_dup_text (fields, FIELD_AFTER);
      mkv_command_set_after (command, after);
      mkv_command_set_limit (command, (guint) mkv_cbor_fields_get_int (fields, FIELD_LIMIT, 1, MKV_MAX_LIST_KEYS,
                                                                       MKV_DEFAULT_LIST_KEYS));
      break;

    case MKV_OPERATION_SYNC:
      peer = mkv_cbor_fields_dup_text (fields, FIELD_PEER);
      mkv_command_set_peer (command, peer);
      break;

    case MKV_OPERATION_PING:
    case MKV_OPERATION_INFO:
    default:
      break;
    }
}

static MkvCommand *
read_command (MkvCborFields *fields, const char *id, GError **error)
{
  g_autofree char *op = mkv_cbor_fields_dup_text (fields, FIELD_OP);
  g_autofree char *token = mkv_cbor_fields_dup_text (fields, FIELD_TOKEN);
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
  mkv_command_set_timestamp (command,
                             mkv_cbor_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, -1));
  read_arguments (fields, command);
  if (!mkv_cbor_fields_check (fields, error))
    return NULL;
  return g_steal_pointer (&command);
}

MkvCommand *
mkv_cbor_decode_command (GBytes *payload, char **id, GError **error)
{
  MkvCborReader reader;
  MkvCborFields fields;
  MkvCommand *command = NULL;
  gboolean is_map = mkv_cbor_fields_read_payload (&fields, &reader, payload, field_names, error);

  /* What was found before an error is there all the same. A stranger's id is
   * repeated in the answer, so it has to be one. */
  *id = mkv_cbor_fields_dup_text (&fields, FIELD_ID);
  if (*id != NULL && g_utf8_strlen (*id, -1) > MKV_MAX_ID_CHARS)
    g_clear_pointer (id, g_free);
  if (is_map)
    command = read_command (&fields, *id, error);
  mkv_cbor_reader_clear (&reader);
  return command;
}
