/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cbor-messages.h"

#include "mkv-cbor-fields.h"
#include "mkv-cbor-sync.h"
#include "mkv-sync-fields.h"

G_STATIC_ASSERT (MKV_SYNC_N_FIELDS <= MKV_CBOR_MAX_FIELDS);

typedef struct
{
  MkvCborFields fields;
  GPtrArray *refused; /* NULL if no event was */
} Payload;

static char *
dup_text (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_cbor_fields_dup_text (&payload->fields, field);
}

static GBytes *
dup_octets (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_cbor_fields_dup_octets (&payload->fields, field);
}

static gint64
get_integer (gpointer data, MkvSyncField field, gint64 max, gint64 default_integer)
{
  Payload *payload = data;

  return mkv_cbor_fields_get_int (&payload->fields, field, 0, max, default_integer);
}

static gboolean
get_flag (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  return mkv_cbor_fields_get_boolean (&payload->fields, field);
}

static gboolean
take_text (MkvCborReader *reader, char **text)
{
  MkvCborItem item;

  return mkv_cbor_reader_take (reader, &item) && (*text = mkv_cbor_item_dup_text (&item)) != NULL;
}

static gboolean
take_octets (MkvCborReader *reader, GBytes **octets)
{
  MkvCborItem item;

  return mkv_cbor_reader_take (reader, &item) && (*octets = mkv_cbor_item_dup_octets (&item)) != NULL;
}

static gboolean
take_number (MkvCborReader *reader, gint64 *number)
{
  MkvCborItem item;

  return mkv_cbor_reader_take (reader, &item) && mkv_cbor_item_get_int (&item, 0, G_MAXINT32, number);
}

/* FALSE if it is not of the types that it has to be; then nothing more is taken. */
static gboolean
take_item (MkvCborReader *reader, MkvSyncField field, MkvSyncParts *parts)
{
  MkvCborContainer array;
  MkvCborItem head;

  if (field == MKV_SYNC_FIELD_GET)
    return take_text (reader, &parts->digits);
  if (!mkv_cbor_reader_take (reader, &head) || head.type != MKV_CBOR_ARRAY ||
      !mkv_cbor_reader_enter (reader, &head, &array) || !mkv_cbor_reader_more (reader, &array))
    return FALSE;
  if (mkv_sync_field_has_digits (field) ? !take_text (reader, &parts->digits)
                                        : !take_octets (reader, &parts->prefix))
    return FALSE;
  if (mkv_sync_field_has_number (field) &&
      (!mkv_cbor_reader_more (reader, &array) || !take_number (reader, &parts->number)))
    return FALSE;
  return mkv_cbor_reader_more (reader, &array) && take_octets (reader, &parts->octets) &&
         !mkv_cbor_reader_more (reader, &array) && reader->error == NULL;
}

static gboolean
read_items (gpointer data, MkvSyncField field, MkvSyncMessage *message, GError **error)
{
  Payload *payload = data;
  MkvCborContainer array;

  if (!mkv_cbor_fields_enter (&payload->fields, field, MKV_CBOR_ARRAY, &array))
    return TRUE;
  while (mkv_cbor_reader_more (payload->fields.reader, &array))
    {
      g_auto (MkvSyncParts) parts = { NULL };

      if (!take_item (payload->fields.reader, field, &parts))
        {
          mkv_cbor_fields_set_wrong (&payload->fields, field);
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
  MkvCborReader *reader = payload->fields.reader;
  g_autoptr (GPtrArray) entries = NULL;
  const guint8 *start;

  if (!mkv_cbor_fields_seek (&payload->fields, MKV_SYNC_FIELD_EVENTS))
    return TRUE;
  if (!mkv_cbor_reader_is_array (reader))
    {
      mkv_cbor_fields_set_wrong (&payload->fields, MKV_SYNC_FIELD_EVENTS);
      return TRUE;
    }
  start = reader->at;
  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  if (!mkv_cbor_take_events (reader, entries, &payload->refused))
    {
      mkv_cbor_reader_set_error (reader, error);
      return FALSE;
    }
  for (guint i = 0; i < entries->len; i++)
    mkv_sync_message_add_event (message, entries->pdata[i]);
  *n = entries->len + (payload->refused != NULL ? payload->refused->len : 0);
  *length = (gsize) (reader->at - start);
  return TRUE;
}

static gboolean
check (gpointer data, GError **error)
{
  Payload *payload = data;

  return mkv_cbor_fields_check (&payload->fields, error);
}

static const MkvSyncReaderClass reader_class = {
  dup_text, dup_octets, get_integer, get_flag, read_items, read_events, check,
};

MkvSyncMessage *
mkv_cbor_decode_sync (GBytes *payload, char ***refused, GError **error)
{
  MkvSyncMessage *message = NULL;
  Payload decoded = { .refused = NULL };
  g_autoptr (GPtrArray) reasons = NULL;
  MkvCborReader reader;

  if (mkv_cbor_fields_read_payload (&decoded.fields, &reader, payload, mkv_sync_field_names, error))
    message = mkv_sync_message_read (&reader_class, &decoded, g_bytes_get_size (payload), error);
  mkv_cbor_reader_clear (&reader);
  reasons = decoded.refused;
  if (message != NULL)
    *refused = mkv_cbor_refused_to_strv (g_steal_pointer (&reasons));
  return message;
}
