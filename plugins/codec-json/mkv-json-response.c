/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-messages.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-check.h"
#include "mkv-json-fields.h"
#include "mkv-json-writer.h"

/* INFO tells about ten things; what tells a hundred times as many is not read
 * to its end. */
#define MAX_INFO (1000)

typedef enum
{
  FIELD_ID,
  FIELD_STATUS,
  FIELD_TIMESTAMP,
  FIELD_VALUE,
  FIELD_ENCODING,
  FIELD_RESULTS,
  FIELD_KEYS,
  FIELD_MORE,
  FIELD_INFO,
  FIELD_ERROR,
  FIELD_ERROR_CODE,
  FIELD_REPLAYED,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_ID] = "id",
  [FIELD_STATUS] = "status",
  [FIELD_TIMESTAMP] = "timestamp",
  [FIELD_VALUE] = "value",
  [FIELD_ENCODING] = "encoding",
  [FIELD_RESULTS] = "results",
  [FIELD_KEYS] = "keys",
  [FIELD_MORE] = "more",
  [FIELD_INFO] = "info",
  [FIELD_ERROR] = "error",
  [FIELD_ERROR_CODE] = "errorCode",
  [FIELD_REPLAYED] = "replayed",
};

G_STATIC_ASSERT (N_FIELDS <= MKV_JSON_MAX_FIELDS);

typedef enum
{
  RESULT_KEY,
  RESULT_STATUS,
  RESULT_VALUE,
  RESULT_ENCODING,
  N_RESULT_FIELDS
} ResultField;

static const char *const result_names[N_RESULT_FIELDS + 1] = {
  [RESULT_KEY] = "key",
  [RESULT_STATUS] = "status",
  [RESULT_VALUE] = "value",
  [RESULT_ENCODING] = "encoding",
};

static void
set_info (JsonObject *object, GVariant *info)
{
  JsonObject *map = json_object_new ();
  gsize n = g_variant_n_children (info);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) pair = g_variant_get_child_value (info, i);
      g_autoptr (GVariant) value = NULL;
      const char *name;

      g_variant_get (pair, "{&sv}", &name, &value);
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        json_object_set_string_member (map, name, g_variant_get_string (value, NULL));
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
        json_object_set_int_member (map, name, g_variant_get_int64 (value));
    }
  json_object_set_object_member (object, "info", map);
}

static void
set_results (JsonObject *object, GPtrArray *results)
{
  JsonArray *array = json_array_sized_new (results->len);

  for (guint i = 0; i < results->len; i++)
    {
      MkvResult *result = results->pdata[i];
      JsonObject *element = json_object_new ();

      mkv_json_set_string (element, "key", mkv_result_get_key (result));
      mkv_json_set_string (element, "status", mkv_status_to_wire (mkv_result_get_status (result)));
      mkv_json_set_bytes (element, mkv_result_get_value (result));
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "results", array);
}

static void
set_keys (JsonObject *object, const char *const *keys, gboolean more)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; keys[i] != NULL; i++)
    json_array_add_string_element (array, keys[i]);
  json_object_set_array_member (object, "keys", array);
  json_object_set_boolean_member (object, "more", more);
}

GBytes *
mkv_json_encode_response (MkvResponse *response, gboolean ascii, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();

  mkv_json_set_string (object, "id", mkv_response_get_id (response));
  mkv_json_set_string (object, "status", mkv_status_to_wire (mkv_response_get_status (response)));
  json_object_set_int_member (object, "timestamp", mkv_response_get_timestamp (response));
  mkv_json_set_bytes (object, mkv_response_get_value (response));
  if (mkv_response_get_results (response) != NULL)
    set_results (object, mkv_response_get_results (response));
  if (mkv_response_get_keys (response) != NULL)
    set_keys (object, mkv_response_get_keys (response), mkv_response_get_more (response));
  if (mkv_response_get_info (response) != NULL)
    set_info (object, mkv_response_get_info (response));
  mkv_json_set_string (object, "error", mkv_response_get_error_text (response));
  if (mkv_response_get_error_code (response) != MKV_ERROR_CODE_NONE)
    json_object_set_int_member (object, "errorCode", (gint64) mkv_response_get_error_code (response));
  if (mkv_response_get_replayed (response))
    json_object_set_boolean_member (object, "replayed", TRUE);
  return mkv_json_to_payload (object, ascii, error);
}

static void
read_info (MkvJsonFields *fields, MkvResponse *response)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  MkvJsonIter iter;
  const char *member, *value;
  guint n = 0;

  if (!mkv_json_fields_enter (fields, FIELD_INFO, '{', &iter))
    return;
  while (n < MAX_INFO && mkv_json_iter_next (&iter, &member, &value))
    {
      g_autofree char *name = mkv_json_value_dup_text (member);
      g_autofree char *text = mkv_json_value_dup_text (value);
      gint64 number;

      if (name == NULL)
        continue;
      if (text != NULL)
        g_variant_builder_add (&builder, "{sv}", name, g_variant_new_string (text));
      else if (mkv_json_value_get_int (value, G_MININT64, G_MAXINT64, &number))
        g_variant_builder_add (&builder, "{sv}", name, g_variant_new_int64 (number));
      else
        continue;
      n++;
    }
  mkv_response_set_info (response, g_variant_builder_end (&builder));
}

static void
read_keys (MkvJsonFields *fields, MkvResponse *response)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  MkvJsonIter iter;
  const char *value;

  if (!mkv_json_fields_enter (fields, FIELD_KEYS, '[', &iter))
    return;
  while (mkv_json_iter_next (&iter, NULL, &value))
    {
      char *key = keys->len < MKV_MAX_LIST_KEYS ? mkv_json_value_dup_text (value) : NULL;

      if (key == NULL)
        {
          mkv_json_fields_set_wrong (fields, FIELD_KEYS);
          return;
        }
      g_ptr_array_add (keys, key);
    }
  g_ptr_array_add (keys, NULL);
  mkv_response_set_keys (response, (const char *const *) keys->pdata,
                         mkv_json_fields_get_boolean (fields, FIELD_MORE));
}

static MkvResult *
read_result (const char *element)
{
  MkvJsonFields fields;
  g_autofree char *key = NULL;
  g_autofree char *status_name = NULL;
  g_autoptr (GBytes) value = NULL;
  MkvStatus status;

  if (*element != '{')
    return NULL;
  mkv_json_fields_init (&fields, element, result_names);
  key = mkv_json_fields_dup_text (&fields, RESULT_KEY);
  status_name = mkv_json_fields_dup_text (&fields, RESULT_STATUS);
  value = mkv_json_fields_dup_value (&fields, RESULT_VALUE, RESULT_ENCODING);
  if (fields.wrong != NULL || key == NULL || status_name == NULL || !mkv_status_from_wire (status_name, &status))
    return NULL;
  return mkv_result_new (key, status, value);
}

static void
read_results (MkvJsonFields *fields, MkvResponse *response)
{
  MkvJsonIter iter;
  const char *value;

  if (!mkv_json_fields_enter (fields, FIELD_RESULTS, '[', &iter))
    return;
  for (guint i = 0; mkv_json_iter_next (&iter, NULL, &value); i++)
    {
      MkvResult *result = i < MKV_MAX_BULK_KEYS ? read_result (value) : NULL;

      if (result == NULL)
        {
          mkv_json_fields_set_wrong (fields, FIELD_RESULTS);
          return;
        }
      mkv_response_add_result (response, result);
    }
}

static MkvResponse *
read_response (MkvJsonFields *fields, GError **error)
{
  g_autofree char *id = mkv_json_fields_dup_text (fields, FIELD_ID);
  g_autofree char *status_name = mkv_json_fields_dup_text (fields, FIELD_STATUS);
  g_autofree char *error_text = mkv_json_fields_dup_text (fields, FIELD_ERROR);
  g_autoptr (GBytes) value = mkv_json_fields_dup_value (fields, FIELD_VALUE, FIELD_ENCODING);
  gint64 code = mkv_json_fields_get_int (fields, FIELD_ERROR_CODE, 0, G_MAXINT32, MKV_ERROR_CODE_NONE);
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
  mkv_response_set_replayed (response, mkv_json_fields_get_boolean (fields, FIELD_REPLAYED));
  mkv_response_set_timestamp (response, mkv_json_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, 0));
  read_info (fields, response);
  read_keys (fields, response);
  read_results (fields, response);
  if (!mkv_json_fields_check (fields, error))
    return NULL;
  return g_steal_pointer (&response);
}

MkvResponse *
mkv_json_decode_response (GBytes *payload, GError **error)
{
  MkvJsonCheck check;
  MkvJsonFields fields;

  if (!mkv_json_check (payload, &check, error))
    return NULL;
  if (check.is_array)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("A response is an object, not an array"));
      return NULL;
    }
  mkv_json_fields_init (&fields, g_bytes_get_data (payload, NULL), field_names);
  return read_response (&fields, error);
}
