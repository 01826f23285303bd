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

/* INFO tells about ten things; what tells a hundred times as many is not read
 * to its end. */
#define MAX_INFO (1000)

typedef enum
{
  FIELD_ID,
  FIELD_INFO,
  FIELD_KEYS,
  FIELD_MORE,
  FIELD_ERROR,
  FIELD_VALUE,
  FIELD_STATUS,
  FIELD_RESULTS,
  FIELD_REPLAYED,
  FIELD_ERROR_CODE,
  FIELD_TIMESTAMP,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_ID] = "id",
  [FIELD_INFO] = "info",
  [FIELD_KEYS] = "keys",
  [FIELD_MORE] = "more",
  [FIELD_ERROR] = "error",
  [FIELD_VALUE] = "value",
  [FIELD_STATUS] = "status",
  [FIELD_RESULTS] = "results",
  [FIELD_REPLAYED] = "replayed",
  [FIELD_ERROR_CODE] = "errorCode",
  [FIELD_TIMESTAMP] = "timestamp",
};

G_STATIC_ASSERT (N_FIELDS <= MKV_CBOR_MAX_FIELDS);

typedef enum
{
  RESULT_KEY,
  RESULT_VALUE,
  RESULT_STATUS,
  N_RESULT_FIELDS
} ResultField;

static const char *const result_names[N_RESULT_FIELDS + 1] = {
  [RESULT_KEY] = "key",
  [RESULT_VALUE] = "value",
  [RESULT_STATUS] = "status",
};

static int
compare_names (const void *a, const void *b)
{
  return mkv_cbor_compare_keys (*(const char *const *) a, *(const char *const *) b);
}

static void
write_info (MkvCborWriter *writer, GVariant *info)
{
  gsize n = g_variant_n_children (info);
  g_autofree const char **names = g_new0 (const char *, n + 1);
  guint n_names = 0;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) pair = g_variant_get_child_value (info, i);
      g_autoptr (GVariant) value = NULL;
      const char *name; /* in info's own octets */

      g_variant_get (pair, "{&sv}", &name, &value);
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) || g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
        names[n_names++] = name;
    }
  qsort (names, n_names, sizeof *names, compare_names);
  mkv_cbor_writer_map (writer, n_names);
  for (guint i = 0; i < n_names; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (info, names[i], NULL);

      mkv_cbor_writer_string (writer, names[i]);
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        mkv_cbor_writer_string (writer, g_variant_get_string (value, NULL));
      else
        mkv_cbor_writer_int (writer, g_variant_get_int64 (value));
    }
}

static void
write_results (MkvCborWriter *writer, GPtrArray *results)
{
  mkv_cbor_writer_array (writer, results->len);
  for (guint i = 0; i < results->len; i++)
    {
      MkvResult *result = results->pdata[i];
      GBytes *value = mkv_result_get_value (result);

      mkv_cbor_writer_map (writer, value != NULL ? 3 : 2);
      mkv_cbor_writer_string (writer, "key");
      mkv_cbor_writer_string (writer, mkv_result_get_key (result));
      if (value != NULL)
        {
          mkv_cbor_writer_string (writer, "value");
          mkv_cbor_writer_value (writer, value);
        }
      mkv_cbor_writer_string (writer, "status");
      mkv_cbor_writer_string (writer, mkv_status_to_wire (mkv_result_get_status (result)));
    }
}

/* The fields in the order that the deterministic encoding wants. */
GBytes *
mkv_cbor_encode_response (MkvResponse *response, GError **error)
{
  g_auto (MkvCborWriter) writer = { NULL };
  const char *const *keys = mkv_response_get_keys (response);
  MkvErrorCode code = mkv_response_get_error_code (response);

  mkv_cbor_writer_begin_fields (&writer);
  mkv_cbor_writer_field_string (&writer, "id", mkv_response_get_id (response));
  if (mkv_response_get_info (response) != NULL)
    {
      mkv_cbor_writer_field (&writer, "info");
      write_info (&writer, mkv_response_get_info (response));
    }
  if (keys != NULL)
    {
      guint n = g_strv_length ((char **) keys);

      mkv_cbor_writer_field (&writer, "keys");
      mkv_cbor_writer_array (&writer, n);
      for (guint i = 0; i < n; i++)
        mkv_cbor_writer_string (&writer, keys[i]);
      mkv_cbor_writer_field_boolean (&writer, "more", mkv_response_get_more (response));
    }
  mkv_cbor_writer_field_string (&writer, "error", mkv_response_get_error_text (response));
  mkv_cbor_writer_field_value (&writer, "value", mkv_response_get_value (response));
  mkv_cbor_writer_field_string (&writer, "status", mkv_status_to_wire (mkv_response_get_status (response)));
  if (mkv_response_get_results (response) != NULL)
    {
      mkv_cbor_writer_field (&writer, "results");
      write_results (&writer, mkv_response_get_results (response));
    }
  if (mkv_response_get_replayed (response))
    mkv_cbor_writer_field_boolean (&writer, "replayed", TRUE);
  if (code != MKV_ERROR_CODE_NONE)
    mkv_cbor_writer_field_int (&writer, "errorCode", (gint64) code);
  mkv_cbor_writer_field_int (&writer, "timestamp", mkv_response_get_timestamp (response));
  return mkv_cbor_writer_end_fields (&writer, MKV_MAX_PAYLOAD_BYTES, error);
}

static void
read_info (MkvCborFields *fields, MkvResponse *response)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  MkvCborContainer map;
  guint n = 0;

  if (!mkv_cbor_fields_enter (fields, FIELD_INFO, MKV_CBOR_MAP, &map))
    return;
  while (n < MAX_INFO && mkv_cbor_reader_more (fields->reader, &map))
    {
      g_autofree char *name = NULL;
      MkvCborItem key, item;
      gint64 number;

      if (!mkv_cbor_reader_key (fields->reader, &key) || !mkv_cbor_reader_take_any (fields->reader, &item) ||
          !mkv_cbor_reader_leave_behind (fields->reader, &item))
        break;
      name = mkv_cbor_item_dup_text (&key);
      if (name != NULL && mkv_cbor_item_get_int (&item, G_MININT64, G_MAXINT64, &number))
        {
          g_variant_builder_add (&builder, "{sv}", name, g_variant_new_int64 (number));
          n++;
        }
      else if (name != NULL && item.type == MKV_CBOR_TEXT)
        {
          g_autofree char *text = mkv_cbor_item_dup_text (&item);

          if (text != NULL)
            g_variant_builder_add (&builder, "{sv}", name, g_variant_new_string (text));
          n += text != NULL;
        }
    }
  mkv_response_set_info (response, g_variant_builder_end (&builder));
}

static void
read_keys (MkvCborFields *fields, MkvResponse *response)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  MkvCborContainer array;

  if (!mkv_cbor_fields_enter (fields, FIELD_KEYS, MKV_CBOR_ARRAY, &array))
    return;
  while (mkv_cbor_reader_more (fields->reader, &array))
    {
      MkvCborItem item;
      char *key;

      if (keys->len == MKV_MAX_LIST_KEYS || !mkv_cbor_reader_take (fields->reader, &item) ||
          (key = mkv_cbor_item_dup_text (&item)) == NULL)
        {
          mkv_cbor_fields_set_wrong (fields, FIELD_KEYS);
          return;
        }
      g_ptr_array_add (keys, key);
    }
  g_ptr_array_add (keys, NULL);
  mkv_response_set_keys (response, (const char *const *) keys->pdata,
                         mkv_cbor_fields_get_boolean (fields, FIELD_MORE));
}

static MkvResult *
read_result (MkvCborReader *reader)
{
  MkvCborFields fields;
  g_autofree char *key = NULL;
  g_autofree char *status_name = NULL;
  g_autoptr (GBytes) value = NULL;
  const guint8 *end;
  MkvStatus status;

  if (!mkv_cbor_fields_read (&fields, reader, result_names))
    return NULL;
  end = reader->at;
  key = mkv_cbor_fields_dup_text (&fields, RESULT_KEY);
  status_name = mkv_cbor_fields_dup_text (&fields, RESULT_STATUS);
  value = mkv_cbor_fields_dup_value (&fields, RESULT_VALUE);
  reader->at = end;
  if (fields.wrong != NULL || key == NULL || status_name == NULL || !mkv_status_from_wire (status_name, &status))
    return NULL;
  return mkv_result_new (key, status, value);
}

static void
read_results (MkvCborFields *fields, MkvResponse *response)
{
  MkvCborContainer array;
  guint n = 0;

  if (!mkv_cbor_fields_enter (fields, FIELD_RESULTS, MKV_CBOR_ARRAY, &array))
    return;
  while (mkv_cbor_reader_more (fields->reader, &array))
    {
      MkvResult *result = n++ < MKV_MAX_BULK_KEYS ? read_result (fields->reader) : NULL;

      if (result == NULL)
        {
          mkv_cbor_fields_set_wrong (fields, FIELD_RESULTS);
          return;
        }
      mkv_response_add_result (response, result);
    }
}

static MkvResponse *
read_response (MkvCborFields *fields, GError **error)
{
  g_autofree char *id = mkv_cbor_fields_dup_text (fields, FIELD_ID);
  g_autofree char *status_name = mkv_cbor_fields_dup_text (fields, FIELD_STATUS);
  g_autofree char *error_text = mkv_cbor_fields_dup_text (fields, FIELD_ERROR);
  g_autoptr (GBytes) value = mkv_cbor_fields_dup_value (fields, FIELD_VALUE);
  gint64 code = mkv_cbor_fields_get_int (fields, FIELD_ERROR_CODE, 0, G_MAXINT32, MKV_ERROR_CODE_NONE);
  g_autoptr (MkvResponse) response = NULL;
  MkvStatus status;

  if (id == NULL || status_name == NULL || !mkv_status_from_wire (status_name, &status))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           _("The response has no “id”, or no “status” that is known"));
      return NULL;
    }
  response = mkv_response_new (id, status);
  mkv_response_set_value (response, value);
  if (code != MKV_ERROR_CODE_NONE || error_text != NULL)
    mkv_response_set_error (response, (MkvErrorCode) code, error_text);
  mkv_response_set_replayed (response, mkv_cbor_fields_get_boolean (fields, FIELD_REPLAYED));
  mkv_response_set_timestamp (response,
                              mkv_cbor_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, 0));
  read_info (fields, response);
  read_keys (fields, response);
  read_results (fields, response);
  if (!mkv_cbor_fields_check (fields, error))
    return NULL;
  return g_steal_pointer (&response);
}

MkvResponse *
mkv_cbor_decode_response (GBytes *payload, GError **error)
{
  MkvCborReader reader;
  MkvCborFields fields;
  MkvResponse *response = NULL;

  if (mkv_cbor_fields_read_payload (&fields, &reader, payload, field_names, error))
    response = read_response (&fields, error);
  mkv_cbor_reader_clear (&reader);
  return response;
}
