/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cbor-messages.h"

#include <string.h>

#include "base/mkv-limits.h"
#include "mkv-cbor-sync.h"
#include "mkv-sync-items.h"

/* "more": true */
#define MORE_BYTES (6)

typedef struct
{
  MkvCborWriter all;
  gsize fixed_length; /* of everything but items */
  MkvCborWriter items[MKV_SYNC_N_FIELDS];
  guint n[MKV_SYNC_N_FIELDS];
  gsize length_before; /* of the items of that field, without the last */
} Payload;

/* How long a field of items is; 0 if it is left out. */
static gsize
measure (const Payload *payload, MkvSyncField field)
{
  gsize length = payload->items[field].length;

  if (payload->n[field] == 0)
    return 0;
  return 1 + strlen (mkv_sync_field_names[field]) +
         mkv_cbor_head_length (mkv_sync_field_get_item_size (field) > 0 ? length : payload->n[field]) + length;
}

static void
write_prefix (MkvCborWriter *writer, const MkvSyncPrefix *prefix)
{
  g_autoptr (GBytes) bits = mkv_sync_prefix_to_wire (prefix);

  mkv_cbor_writer_array (writer, prefix->depth > 0 ? 3 : 2);
  mkv_cbor_writer_octets (writer, bits);
  if (prefix->depth > 0)
    mkv_cbor_writer_int (writer, prefix->depth);
  mkv_cbor_writer_octets (writer, prefix->octets);
}

static void
write_node (MkvCborWriter *writer, const MkvSyncNode *node)
{
  mkv_cbor_writer_array (writer, 3);
  mkv_cbor_writer_string (writer, node->digits);
  mkv_cbor_writer_int (writer, node->kind);
  mkv_cbor_writer_octets (writer, node->octets);
}

static gsize
add (gpointer data, MkvSyncField field, gconstpointer item)
{
  Payload *payload = data;
  MkvCborWriter *writer = &payload->items[field];
  gsize length = payload->fixed_length;

  payload->length_before = writer->length;
  payload->n[field]++;
  switch (field)
    {
    case MKV_SYNC_FIELD_WANT:
    case MKV_SYNC_FIELD_OFFER:
      mkv_cbor_writer_raw (writer, item, mkv_sync_field_get_item_size (field));
      break;
    case MKV_SYNC_FIELD_CELLS:
    case MKV_SYNC_FIELD_LISTS:
      write_prefix (writer, item);
      break;
    case MKV_SYNC_FIELD_EVENTS:
      if (!mkv_cbor_write_event (writer, item))
        return G_MAXSIZE;
      break;
    case MKV_SYNC_FIELD_GET:
      mkv_cbor_writer_string (writer, item);
      break;
    case MKV_SYNC_FIELD_NODES:
      write_node (writer, item);
      break;
    default:
      g_assert_not_reached ();
    }
  for (MkvSyncField i = 0; i < MKV_SYNC_N_FIELDS; i++)
    length += measure (payload, i);
  return length;
}

static void
take_back (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  payload->items[field].length = payload->length_before;
  payload->n[field]--;
}

static const MkvSyncPayloadClass payload_class = { add, take_back };

static void
write_text (gpointer data, MkvSyncField field, const char *text)
{
  Payload *payload = data;

  mkv_cbor_writer_field_string (&payload->all, mkv_sync_field_names[field], text);
}

static void
write_octets (gpointer data, MkvSyncField field, GBytes *octets)
{
  Payload *payload = data;

  mkv_cbor_writer_field_octets (&payload->all, mkv_sync_field_names[field], octets);
}

static void
write_integer (gpointer data, MkvSyncField field, gint64 integer)
{
  Payload *payload = data;

  mkv_cbor_writer_field_int (&payload->all, mkv_sync_field_names[field], integer);
}

static void
write_flag (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  mkv_cbor_writer_field_boolean (&payload->all, mkv_sync_field_names[field], TRUE);
}

static void
write_items (gpointer data, MkvSyncField field)
{
  Payload *payload = data;
  const MkvCborWriter *items = &payload->items[field];

  if (payload->n[field] == 0)
    return;
  mkv_cbor_writer_field (&payload->all, mkv_sync_field_names[field]);
  if (mkv_sync_field_get_item_size (field) > 0)
    {
      mkv_cbor_writer_bytes (&payload->all, items->octets, items->length);
      return;
    }
  mkv_cbor_writer_array (&payload->all, payload->n[field]);
  mkv_cbor_writer_raw (&payload->all, items->octets, items->length);
}

static const MkvSyncWriterClass writer_class = {
  write_text, write_octets, write_integer, write_flag, write_items,
};

static void
write_all (Payload *payload, const MkvSyncMessage *message, gboolean more)
{
  payload->all.length = payload->all.n_fields = 0;
  mkv_cbor_writer_begin_fields (&payload->all);
  mkv_sync_message_write (message, more, &writer_class, payload);
}

GBytes *
mkv_cbor_encode_sync (MkvSyncMessage *message, guint first, gsize max_bytes, guint *n_encoded, GError **error)
{
  Payload payload = { { 0 } };
  GBytes *bytes = NULL;

  write_all (&payload, message, FALSE);
  payload.fixed_length = payload.all.length + MORE_BYTES;
  if (mkv_sync_items_add (message, first, max_bytes, &payload_class, &payload, n_encoded, error))
    {
      write_all (&payload, message, mkv_sync_items_go_on (message, first + *n_encoded));
      /* With items it was seen to that it is not longer than it may be. */
      bytes = mkv_cbor_writer_end_fields (&payload.all,
                                          *n_encoded > 0 ? max_bytes : MIN (max_bytes, MKV_MAX_SYNC_BYTES), error);
    }
  mkv_cbor_writer_clear (&payload.all);
  for (MkvSyncField field = 0; field < MKV_SYNC_N_FIELDS; field++)
    mkv_cbor_writer_clear (&payload.items[field]);
  return bytes;
}
