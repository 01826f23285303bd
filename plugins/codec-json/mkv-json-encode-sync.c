/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-messages.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "../codec-cbor/mkv-sync-items.h"
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-sync.h"
#include "mkv-json-writer.h"

/* ,"more":true */
#define MORE_BYTES (12)

/* What has no items is an object like any other. Items, of which there may be
 * thousands, are text at once: they are numbers and digits, and events. */
typedef struct
{
  gboolean ascii;
  JsonObject *fixed;
  gsize fixed_length;
  GString *items[MKV_SYNC_N_FIELDS]; /* NULL where there are none */
  guint n[MKV_SYNC_N_FIELDS];
  gsize length_before; /* of the items of that field, without the last */
} Payload;

/* How long a field of items is, with a comma, two pairs of quotation marks, or one
 * and brackets, and a colon. */
static gsize
measure (const Payload *payload, MkvSyncField field)
{
  return payload->n[field] > 0 ? strlen (mkv_sync_field_names[field]) + 6 + payload->items[field]->len : 0;
}

static void
put_hex (GString *text, const guint8 *octets, gsize length)
{
  gsize at = text->len;

  g_string_set_size (text, at + 2 * length);
  mkv_json_to_hex (octets, length, text->str + at);
}

static void
put_hex_string (GString *text, GBytes *octets)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (octets, &length);

  g_string_append_c (text, '"');
  put_hex (text, data, length);
  g_string_append_c (text, '"');
}

static void
put_prefix (GString *text, const MkvSyncPrefix *prefix)
{
  g_autoptr (GBytes) bits = mkv_sync_prefix_to_wire (prefix);

  g_string_append_c (text, '[');
  put_hex_string (text, bits);
  if (prefix->depth > 0)
    g_string_append_printf (text, ",%u", prefix->depth);
  g_string_append_c (text, ',');
  put_hex_string (text, prefix->octets);
  g_string_append_c (text, ']');
}

static gboolean
put_event (GString *text, const MkvEntry *entry, gboolean ascii)
{
  gsize length;
  g_autofree char *event = mkv_json_encode_event (entry, ascii, &length);

  g_string_append_len (text, event, (gssize) length);
  return length <= MKV_MAX_EVENT_BYTES;
}

static gsize
add (gpointer data, MkvSyncField field, gconstpointer item)
{
  Payload *payload = data;
  const MkvSyncNode *node;
  GString *text = payload->items[field];
  gsize size = mkv_sync_field_get_item_size (field);
  gsize length = payload->fixed_length + MORE_BYTES;

  if (text == NULL)
    text = payload->items[field] = g_string_new (NULL);
  payload->length_before = text->len;
  if (payload->n[field]++ > 0 && size == 0)
    g_string_append_c (text, ',');
  switch (field)
    {
    case MKV_SYNC_FIELD_WANT:
    case MKV_SYNC_FIELD_OFFER:
      put_hex (text, item, size);
      break;
    case MKV_SYNC_FIELD_CELLS:
    case MKV_SYNC_FIELD_LISTS:
      put_prefix (text, item);
      break;
    case MKV_SYNC_FIELD_EVENTS:
      if (!put_event (text, item, payload->ascii))
        return G_MAXSIZE;
      break;
    case MKV_SYNC_FIELD_GET:
      g_string_append_printf (text, "\"%s\"", (const char *) item);
      break;
    case MKV_SYNC_FIELD_NODES:
      node = item;
      g_string_append_printf (text, "[\"%s\",%d,", node->digits, node->kind);
      put_hex_string (text, node->octets);
      g_string_append_c (text, ']');
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

  g_string_truncate (payload->items[field], payload->length_before);
  payload->n[field]--;
}

static const MkvSyncPayloadClass payload_class = { add, take_back };

static void
write_text (gpointer data, MkvSyncField field, const char *text)
{
  Payload *payload = data;

  mkv_json_set_string (payload->fixed, mkv_sync_field_names[field], text);
}

static void
write_octets (gpointer data, MkvSyncField field, GBytes *octets)
{
  g_autofree char *hex = NULL;
  const guint8 *data_octets;
  gsize length;

  if (octets == NULL)
    return;
  data_octets = g_bytes_get_data (octets, &length);
  hex = g_malloc (2 * length + 1);
  mkv_json_to_hex (data_octets, length, hex);
  write_text (data, field, hex);
}

static void
write_integer (gpointer data, MkvSyncField field, gint64 integer)
{
  Payload *payload = data;

  json_object_set_int_member (payload->fixed, mkv_sync_field_names[field], integer);
}

static void
write_flag (gpointer data, MkvSyncField field)
{
  Payload *payload = data;

  json_object_set_boolean_member (payload->fixed, mkv_sync_field_names[field], TRUE);
}

/* They come behind the object. */
static void
write_items (gpointer data, MkvSyncField field)
{
}

static const MkvSyncWriterClass writer_class = {
  write_text, write_octets, write_integer, write_flag, write_items,
};

/* The text of the object, still open at its end. */
static GString *
write_fixed (Payload *payload, const MkvSyncMessage *message)
{
  g_autofree char *text = NULL;
  GString *all;

  payload->fixed = json_object_new ();
  mkv_sync_message_write (message, FALSE, &writer_class, payload);
  text = mkv_json_to_text (payload->fixed, payload->ascii, &payload->fixed_length);
  json_object_unref (payload->fixed);
  all = g_string_new_len (text, (gssize) payload->fixed_length);
  return g_string_truncate (all, all->len - 1);
}

static void
append_items (GString *all, const Payload *payload)
{
  for (MkvSyncField field = 0; field < MKV_SYNC_N_FIELDS; field++)
    if (payload->n[field] > 0)
      {
        gboolean is_array = mkv_sync_field_get_item_size (field) == 0;

        g_string_append_printf (all, ",\"%s\":%c", mkv_sync_field_names[field], is_array ? '[' : '"');
        g_string_append_len (all, payload->items[field]->str, (gssize) payload->items[field]->len);
        g_string_append_c (all, is_array ? ']' : '"');
      }
}

static gboolean
check_length (const GString *all, gsize max_bytes, GError **error)
{
  if (all->len <= max_bytes)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("The message takes %zu octets in JSON, at most %zu are allowed"), all->len, max_bytes);
  return FALSE;
}

GBytes *
mkv_json_encode_sync (MkvSyncMessage *message, gboolean ascii, guint first, gsize max_bytes, guint *n_encoded,
                      GError **error)
{
  Payload payload = { .ascii = ascii };
  GString *all = write_fixed (&payload, message);
  gboolean done = mkv_sync_items_add (message, first, max_bytes, &payload_class, &payload, n_encoded, error);

  if (done)
    {
      append_items (all, &payload);
      if (mkv_sync_items_go_on (message, first + *n_encoded))
        g_string_append (all, ",\"more\":true");
      g_string_append_c (all, '}');
      /* With items it was seen to that it is not longer than it may be. */
      done = check_length (all, *n_encoded > 0 ? max_bytes : MIN (max_bytes, MKV_MAX_SYNC_BYTES), error);
    }
  for (MkvSyncField field = 0; field < MKV_SYNC_N_FIELDS; field++)
    if (payload.items[field] != NULL)
      g_string_free (payload.items[field], TRUE);
  if (done)
    return g_string_free_to_bytes (all);
  g_string_free (all, TRUE);
  return NULL;
}
