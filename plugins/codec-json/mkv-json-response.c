/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-json-messages.h"

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-fields.h"
#include "mkv-json-writer.h"

/* INFO tells about ten things; what tells a hundred times as many is not read
 * to its end. */
#define MAX_INFO (1000)

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
  JsonObject *object = mkv_json_fields_get_object (fields, "info");
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  JsonObjectIter iter;
  const char *member;
  JsonNode *node;
  guint n = 0;

  if (object == NULL)
    return;
  json_object_iter_init_ordered (&iter, object);
  while (n < MAX_INFO && json_object_iter_next_ordered (&iter, &member, &node))
    {
      g_autofree char *name = mkv_json_dup_name (member, fields->normalized);
      g_autofree char *text = mkv_json_node_dup_text (node, fields->normalized);

      if (name == NULL)
        continue;
      if (text != NULL)
        g_variant_builder_add (&builder, "{sv}", name, g_variant_new_string (text));
      else if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64)
        g_variant_builder_add (&builder, "{sv}", name, g_variant_new_int64 (json_node_get_int (node)));
      else
        continue;
      n++;
    }
  mkv_response_set_info (response, g_variant_builder_end (&builder));
}

static void
read_keys (MkvJsonFields *fields, MkvResponse *response)
{
  JsonArray *array = mkv_json_fields_get_array (fields, "keys");
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  guint n;

  if (array == NULL)
    return;
  n = json_array_get_length (array);
  if (n > MKV_MAX_LIST_KEYS)
    mkv_json_fields_set_wrong (fields, "keys");
  for (guint i = 0; i < n && fields->wrong == NULL; i++)
    {
      char *key = mkv_json_node_dup_text (json_array_get_element (array, i), fields->normalized);

      if (key != NULL)
        g_ptr_array_add (keys, key);
      else
        mkv_json_fields_set_wrong (fields, "keys");
    }
  g_ptr_array_add (keys, NULL);
  mkv_response_set_keys (response, (const char *const *) keys->pdata, mkv_json_fields_get_boolean (fields, "more"));
}

static MkvResult *
read_result (JsonNode *node, gboolean normalized)
{
  MkvJsonFields fields = { NULL, normalized, NULL };
  g_autofree char *key = NULL;
  g_autofree char *status_name = NULL;
  g_autoptr (GBytes) value = NULL;
  MkvStatus status;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  fields.object = json_node_get_object (node);
  key = mkv_json_fields_dup_text (&fields, "key");
  status_name = mkv_json_fields_dup_text (&fields, "status");
  value = mkv_json_fields_dup_value (&fields);
  if (fields.wrong != NULL || key == NULL || status_name == NULL || !mkv_status_from_wire (status_name, &status))
    return NULL;
  return mkv_result_new (key, status, value);
}

static void
read_results (MkvJsonFields *fields, MkvResponse *response)
{
  JsonArray *array = mkv_json_fields_get_array (fields, "results");
  guint n = array != NULL ? json_array_get_length (array) : 0;

  if (n > MKV_MAX_BULK_KEYS)
    mkv_json_fields_set_wrong (fields, "results");
  for (guint i = 0; i < n && fields->wrong == NULL; i++)
    {
      MkvResult *result = read_result (json_array_get_element (array, i), fields->normalized);

      if (result != NULL)
        mkv_response_add_result (response, result);
      else
        mkv_json_fields_set_wrong (fields, "results");
    }
}

static MkvResponse *
read_response (MkvJsonFields *fields, GError **error)
{
  g_autofree char *id = mkv_json_fields_dup_text (fields, "id");
  g_autofree char *status_name = mkv_json_fields_dup_text (fields, "status");
  g_autofree char *error_text = mkv_json_fields_dup_text (fields, "error");
  g_autoptr (GBytes) value = mkv_json_fields_dup_value (fields);
  gint64 code = mkv_json_fields_get_int (fields, "errorCode", 0, G_MAXINT32, MKV_ERROR_CODE_NONE);
  g_autoptr (MkvResponse) response = NULL;
  MkvStatus status;

  if (id == NULL || status_name == NULL || !mkv_status_from_wire (status_name, &status))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           "The response has no “id”, or no “status” that is known");
      return NULL;
    }
  response = mkv_response_new (id, status);
  mkv_response_set_value (response, value);
  if (code != MKV_ERROR_CODE_NONE || error_text != NULL)
    mkv_response_set_error (response, (MkvErrorCode) code, error_text);
  mkv_response_set_replayed (response, mkv_json_fields_get_boolean (fields, "replayed"));
  mkv_response_set_timestamp (response, mkv_json_fields_get_int (fields, "timestamp", 0, MKV_MAX_TIMESTAMP, 0));
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
  g_autoptr (JsonParser) parser = NULL;
  MkvJsonCheck check;
  MkvJsonFields fields = { NULL };

  if (!mkv_json_check (payload, &check, error))
    return NULL;
  if (check.is_array)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, "A response is an object, not an array");
      return NULL;
    }
  parser = mkv_json_parse (payload, &check, error);
  if (parser == NULL)
    return NULL;
  fields.object = json_node_get_object (json_parser_get_root (parser));
  fields.normalized = check.odd;
  return read_response (&fields, error);
}
