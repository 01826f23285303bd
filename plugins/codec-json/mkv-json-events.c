/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-messages.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-check.h"
#include "mkv-json-sync.h"
#include "mkv-json-writer.h"

typedef enum
{
  FIELD_OP,
  FIELD_KEY,
  FIELD_VALUE,
  FIELD_ENCODING,
  FIELD_TIMESTAMP,
  FIELD_NODE_ID,
  FIELD_SEQ,
  FIELD_CHECKSUM,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_OP] = "op",
  [FIELD_KEY] = "key",
  [FIELD_VALUE] = "value",
  [FIELD_ENCODING] = "encoding",
  [FIELD_TIMESTAMP] = "timestamp",
  [FIELD_NODE_ID] = "node_id",
  [FIELD_SEQ] = "seq",
  [FIELD_CHECKSUM] = "checksum",
};

G_STATIC_ASSERT (N_FIELDS <= MKV_JSON_MAX_FIELDS);

char *
mkv_json_encode_event (const MkvEntry *entry, gboolean ascii, gsize *length)
{
  g_autoptr (JsonObject) object = json_object_new ();
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize value_length;
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  char checksum[2 * MKV_CHECKSUM_BYTES + 1];

  mkv_json_to_hex (mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES, checksum);
  mkv_json_set_string (object, "op", value != NULL ? "SET" : "DELETE");
  mkv_json_set_string (object, "key", mkv_entry_get_key (entry));
  if (value != NULL)
    mkv_json_set_value (object, value, value_length);
  json_object_set_int_member (object, "timestamp", stamp->timestamp);
  mkv_json_set_string (object, "node_id", stamp->node_id);
  json_object_set_int_member (object, "seq", stamp->seq);
  mkv_json_set_string (object, "checksum", checksum);
  return mkv_json_to_text (object, ascii, length);
}

GBytes *
mkv_json_encode_events (GPtrArray *entries, gboolean ascii, gsize max_bytes, guint *n_encoded, GError **error)
{
  gsize max_several = MIN (max_bytes, MKV_MAX_EVENTS_BYTES);
  g_autofree char *first = NULL;
  GString *array = NULL;
  gsize length;
  guint n = 1;

  first = mkv_json_encode_event (entries->pdata[0], ascii, &length);
  if (length > MIN (max_bytes, MKV_MAX_EVENT_BYTES))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The event takes %zu octets in JSON, at most %zu are allowed"), length,
                   MIN (max_bytes, MKV_MAX_EVENT_BYTES));
      return NULL;
    }
  for (; n < MIN (entries->len, MKV_MAX_EVENTS); n++)
    {
      gsize next_length;
      g_autofree char *next = NULL;

      /* A bracket on each side, and a comma between. */
      if ((array != NULL ? array->len : length + 1) + 2 > max_several)
        break;
      next = mkv_json_encode_event (entries->pdata[n], ascii, &next_length);
      if ((array != NULL ? array->len : length + 1) + 1 + next_length + 1 > max_several)
        break;
      if (array == NULL)
        {
          array = g_string_new ("[");
          g_string_append_len (array, first, (gssize) length);
        }
      g_string_append_c (array, ',');
      g_string_append_len (array, next, (gssize) next_length);
    }
  *n_encoded = n;
  if (array == NULL)
    return g_bytes_new_take (g_steal_pointer (&first), length);
  g_string_append_c (array, ']');
  return g_string_free_to_bytes (array);
}

static MkvEntry *
read_event (MkvJsonFields *fields, GError **error)
{
  g_autofree char *op = mkv_json_fields_dup_text (fields, FIELD_OP);
  g_autofree char *key = mkv_json_fields_dup_text (fields, FIELD_KEY);
  g_autofree char *node_id = mkv_json_fields_dup_text (fields, FIELD_NODE_ID);
  g_autofree char *checksum = mkv_json_fields_dup_text (fields, FIELD_CHECKSUM);
  gint64 timestamp = mkv_json_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, -1);
  gint64 seq = mkv_json_fields_get_int (fields, FIELD_SEQ, 1, G_MAXINT64, 0);
  g_autoptr (GBytes) value = mkv_json_fields_dup_value (fields, FIELD_VALUE, FIELD_ENCODING);
  g_autoptr (MkvEntry) entry = NULL;
  char expected[2 * MKV_CHECKSUM_BYTES + 1];
  gboolean deleted;

  if (!mkv_json_fields_check (fields, error))
    return NULL;
  if (op == NULL || key == NULL || node_id == NULL || checksum == NULL || timestamp < 0 || seq == 0)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it lacks a field"));
      return NULL;
    }
  deleted = g_str_equal (op, "DELETE");
  if (!deleted && !g_str_equal (op, "SET"))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its “op” is neither SET nor DELETE"));
      return NULL;
    }
  if (deleted != (value == NULL))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           deleted ? _(_("it is a DELETE with a value")) : _(_("it is a SET without a value")));
      return NULL;
    }
  entry = mkv_entry_new (key, value, timestamp, node_id, seq, error);
  if (entry == NULL)
    return NULL;
  mkv_json_to_hex (mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES, expected);
  if (!g_str_equal (checksum, expected))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its checksum is not that of its content"));
      return NULL;
    }
  return g_steal_pointer (&entry);
}

/* What is at @event goes to @entries, or why it does not, to @refused. */
static void
take_event (const char *event, gsize length, GPtrArray *entries, GPtrArray *refused)
{
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = NULL;
  MkvJsonFields fields;

  if (length > MKV_MAX_EVENT_BYTES)
    g_set_error (&error, MKV_ERROR, MKV_ERROR_TOO_LARGE, _("it takes more than %d octets"), MKV_MAX_EVENT_BYTES);
  else if (*event != '{')
    g_set_error_literal (&error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it is not an object"));
  else
    {
      mkv_json_fields_init (&fields, event, field_names);
      entry = read_event (&fields, &error);
    }
  if (entry != NULL)
    g_ptr_array_add (entries, entry);
  else
    g_ptr_array_add (refused, g_strdup_printf (_("Event %u: %s"), entries->len + refused->len + 1,
                                               error->message));
}

gboolean
mkv_json_take_events (const char *array, GPtrArray *entries, GPtrArray *refused, GError **error)
{
  MkvJsonIter iter;
  const char *event;
  guint n = 0;

  mkv_json_iter_init (&iter, array);
  for (; n <= MKV_MAX_EVENTS && mkv_json_iter_next (&iter, NULL, &event); n++)
    if (n < MKV_MAX_EVENTS)
      take_event (event, (gsize) (iter.at - event), entries, refused);
  if (n >= 1 && n <= MKV_MAX_EVENTS)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
               n == 0 ? _("An array of events has 1 to %d, not none")
                      : _("An array of events has 1 to %d, not more"),
               MKV_MAX_EVENTS);
  return FALSE;
}

char **
mkv_json_refused_to_strv (GPtrArray *refused)
{
  if (refused->len == 0)
    {
      g_ptr_array_unref (refused);
      return NULL;
    }
  g_ptr_array_add (refused, NULL);
  return (char **) g_ptr_array_free (refused, FALSE);
}

GPtrArray *
mkv_json_decode_events (GBytes *payload, char ***refused, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GPtrArray) reasons = NULL;
  const char *text = g_bytes_get_data (payload, NULL);
  MkvJsonCheck check;

  if (!mkv_json_check (payload, &check, error))
    return NULL;
  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  reasons = g_ptr_array_new_with_free_func (g_free);
  if (!check.is_array)
    take_event (text, check.length, entries, reasons);
  else if (!mkv_json_take_events (text, entries, reasons, error))
    return NULL;
  *refused = mkv_json_refused_to_strv (g_steal_pointer (&reasons));
  return g_steal_pointer (&entries);
}
