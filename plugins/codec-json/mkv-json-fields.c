/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-json-fields.h"

#include <string.h>

#include "base/mkv-error.h"

JsonParser *
mkv_json_parse (GBytes *payload, const MkvJsonCheck *check, GError **error)
{
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) parse_error = NULL;
  g_autofree char *normalized = NULL;
  gsize length;
  const char *text = g_bytes_get_data (payload, &length);

  if (check->odd)
    text = normalized = mkv_json_normalize (payload, &length);
  parser = json_parser_new_immutable ();
  if (json_parser_load_from_data (parser, text, (gssize) length, &parse_error))
    return g_steal_pointer (&parser);
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "The JSON is malformed: %s", parse_error->message);
  return NULL;
}

void
mkv_json_fields_set_wrong (MkvJsonFields *self, const char *name)
{
  if (self->wrong == NULL)
    self->wrong = name;
}

gboolean
mkv_json_fields_check (MkvJsonFields *self, GError **error)
{
  if (self->wrong != NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "The field “%s” is not what it has to be", self->wrong);
  return self->wrong == NULL;
}

static gboolean
is_of_type (JsonNode *node, GType type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

GBytes *
mkv_json_node_dup_octets (JsonNode *node, gboolean normalized)
{
  const char *text;
  gsize length;

  if (!is_of_type (node, G_TYPE_STRING))
    return NULL;
  text = json_node_get_string (node);
  if (!normalized)
    return g_bytes_new (text, strlen (text));
  text = mkv_json_denormalize (text, &length);
  return g_bytes_new_take ((gpointer) text, length);
}

char *
mkv_json_dup_name (const char *name, gboolean normalized)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!normalized)
    return g_strdup (name);
  text = mkv_json_denormalize (name, &length);
  return strlen (text) == length ? g_steal_pointer (&text) : NULL;
}

char *
mkv_json_node_dup_text (JsonNode *node, gboolean normalized)
{
  if (!is_of_type (node, G_TYPE_STRING))
    return NULL;
  return mkv_json_dup_name (json_node_get_string (node), normalized);
}

char *
mkv_json_fields_dup_text (MkvJsonFields *self, const char *name)
{
  JsonNode *node = json_object_get_member (self->object, name);
  char *text;

  if (node == NULL)
    return NULL;
  text = mkv_json_node_dup_text (node, self->normalized);
  if (text == NULL)
    mkv_json_fields_set_wrong (self, name);
  return text;
}

gint64
mkv_json_fields_get_int (MkvJsonFields *self, const char *name, gint64 min, gint64 max, gint64 default_number)
{
  JsonNode *node = json_object_get_member (self->object, name);

  if (node == NULL)
    return default_number;
  if (is_of_type (node, G_TYPE_INT64) && json_node_get_int (node) >= min && json_node_get_int (node) <= max)
    return json_node_get_int (node);
  mkv_json_fields_set_wrong (self, name);
  return default_number;
}

gboolean
mkv_json_fields_get_boolean (MkvJsonFields *self, const char *name)
{
  JsonNode *node = json_object_get_member (self->object, name);

  if (node == NULL)
    return FALSE;
  if (is_of_type (node, G_TYPE_BOOLEAN))
    return json_node_get_boolean (node);
  mkv_json_fields_set_wrong (self, name);
  return FALSE;
}

JsonArray *
mkv_json_fields_get_array (MkvJsonFields *self, const char *name)
{
  JsonNode *node = json_object_get_member (self->object, name);

  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node))
    return json_node_get_array (node);
  mkv_json_fields_set_wrong (self, name);
  return NULL;
}

JsonObject *
mkv_json_fields_get_object (MkvJsonFields *self, const char *name)
{
  JsonNode *node = json_object_get_member (self->object, name);

  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);
  mkv_json_fields_set_wrong (self, name);
  return NULL;
}

/* What padded base64 (RFC 4648, section 4) stands for; NULL if it is not exactly
 * what an encoder writes. */
static GBytes *
decode_base64 (const char *base64)
{
  gsize length;
  guint8 *octets = g_base64_decode (base64, &length);
  g_autoptr (GBytes) bytes = g_bytes_new_take (octets, length);
  g_autofree char *canonical = g_base64_encode (octets, length);

  /* GLib passes over what is no base64: what was passed over does not come back. */
  return g_str_equal (canonical, base64) ? g_steal_pointer (&bytes) : NULL;
}

GBytes *
mkv_json_fields_dup_value (MkvJsonFields *self)
{
  JsonNode *node = json_object_get_member (self->object, "value");
  g_autofree char *encoding = mkv_json_fields_dup_text (self, "encoding");
  g_autofree char *base64 = NULL;
  GBytes *value;

  if (encoding != NULL && !g_str_equal (encoding, "base64"))
    mkv_json_fields_set_wrong (self, "encoding");
  if (node == NULL)
    return NULL;
  if (encoding == NULL)
    value = mkv_json_node_dup_octets (node, self->normalized);
  else
    {
      base64 = mkv_json_node_dup_text (node, self->normalized);
      value = base64 != NULL ? decode_base64 (base64) : NULL;
    }
  if (value == NULL)
    mkv_json_fields_set_wrong (self, "value");
  return value;
}
