/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-messages.h"

#include <glib/gi18n-lib.h>

#include "../codec-cbor/mkv-sync-fields.h"
#include "base/mkv-error.h"
#include "mkv-json-check.h"
#include "mkv-json-sync.h"
#include "mkv-json-token.h"

G_STATIC_ASSERT (MKV_SYNC_N_FIELDS <= MKV_JSON_MAX_FIELDS);

typedef struct
{
  MkvJsonFields fields;
  GPtrArray *refused;
} Payload;

static char *
dup_text (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_json_fields_dup_text (&payload->fields, field);
}

static GBytes *
dup_octets (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_json_fields_dup_hex (&payload->fields, field);
}

static gint64
get_integer (gpointer data, MkvSyncField field, gint64 max, gint64 default_integer)
{
  Payload *payload = data;

  return mkv_json_fields_get_int (&payload->fields, field, 0, max, default_integer);
}

static gboolean
get_flag (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_json_fields_get_boolean (&payload->fields, field);
}

/* FALSE if it is not of the types that it has to be. */
static gboolean
take_item (const char *item, MkvSyncField field, MkvSyncParts *parts)
{
  MkvJsonIter iter;
  const char *value;

  if (field == MKV_SYNC_FIELD_GET)
    return (parts->digits = mkv_json_value_dup_text (item)) != NULL;
  if (*item != '[')
    return FALSE;
  mkv_json_iter_init (&iter, item);
  if (!mkv_json_iter_next (&iter, NULL, &value))
    return FALSE;
  if (mkv_sync_field_has_digits (field) ? (parts->digits = mkv_json_value_dup_text (value)) == NULL
                                        : (parts->prefix = mkv_json_value_dup_hex (value)) == NULL)
    return FALSE;
  if (mkv_sync_field_has_number (field) &&
      (!mkv_json_iter_next (&iter, NULL, &value) ||
       !mkv_json_value_get_int (value, 0, G_MAXINT32, &parts->number)))
    return FALSE;
  return mkv_json_iter_next (&iter, NULL, &value) && (parts->octets = mkv_json_value_dup_hex (value)) != NULL &&
         !mkv_json_iter_next (&iter, NULL, &value);
}

static gboolean
read_items (gpointer data, MkvSyncField field, MkvSyncMessage *message, GError **error)
{
  Payload *payload = data;
  MkvJsonIter iter;
  const char *item;

  if (!mkv_json_fields_enter (&payload->fields, field, '[', &iter))
    return TRUE;
  while (mkv_json_iter_next (&iter, NULL, &item))
    {
      g_auto (MkvSyncParts) parts = { NULL };

      if (!take_item (item, field, &parts))
        {
          mkv_json_fields_set_wrong (&payload->fields, field);
          return TRUE;
        }
      if (!mkv_sync_parts_add (&parts, field, message, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_events (gpointer data, MkvSyncMessage *message, guint *n, gsize *length, GError **error)
{
  Payload *payload = data;
  g_autoptr (GPtrArray) entries = NULL;
  const char *array = payload->fields.at[MKV_SYNC_FIELD_EVENTS];
  MkvJsonIter iter;

  if (!mkv_json_fields_enter (&payload->fields, MKV_SYNC_FIELD_EVENTS, '[', &iter))
    return TRUE;
  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  if (!mkv_json_take_events (array, entries, payload->refused, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++)
    mkv_sync_message_add_event (message, entries->pdata[i]);
  *n = entries->len + payload->refused->len;
  *length = (gsize) (mkv_json_get_end (array) - array);
  return TRUE;
}

static gboolean
check (gpointer data, GError **error)
{
  Payload *payload = data;

  return mkv_json_fields_check (&payload->fields, error);
}

static const MkvSyncReaderClass reader_class = {
  dup_text, dup_octets, get_integer, get_flag, read_items, read_events, check,
};

MkvSyncMessage *
mkv_json_decode_sync (GBytes *payload, char ***refused, GError **error)
{
  g_autoptr (GPtrArray) reasons = NULL;
  MkvSyncMessage *message;
  MkvJsonCheck result;
  Payload decoded;

  if (!mkv_json_check (payload, &result, error))
    return NULL;
  if (result.is_array)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           _("A message of anti-entropy is an object, not an array"));
      return NULL;
    }
  reasons = decoded.refused = g_ptr_array_new_with_free_func (g_free);
  mkv_json_fields_init (&decoded.fields, g_bytes_get_data (payload, NULL), mkv_sync_field_names);
  message = mkv_sync_message_read (&reader_class, &decoded, g_bytes_get_size (payload), error);
  if (message != NULL)
    *refused = mkv_json_refused_to_strv (g_steal_pointer (&reasons));
  return message;
}
