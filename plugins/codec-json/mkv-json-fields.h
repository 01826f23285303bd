/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <json-glib/json-glib.h>

#include "mkv-json-check.h"

G_BEGIN_DECLS

/* The fields of an object. What a getter does not find is the default; where it
 * finds something of another type, it remembers the first such field as wrong. */
typedef struct
{
  JsonObject *object;
  gboolean normalized; /* strings have to be denormalized */
  const char *wrong;
} MkvJsonFields;

/* Has JSON-GLib read a payload that was checked. NULL with MKV_ERROR_MALFORMED if
 * it finds fault with it all the same. */
JsonParser *mkv_json_parse (GBytes *payload, const MkvJsonCheck *check, GError **error);

char *mkv_json_fields_dup_text (MkvJsonFields *self, const char *name);
gint64 mkv_json_fields_get_int (MkvJsonFields *self, const char *name, gint64 min, gint64 max,
                                gint64 default_number);
gboolean mkv_json_fields_get_boolean (MkvJsonFields *self, const char *name);
JsonArray *mkv_json_fields_get_array (MkvJsonFields *self, const char *name);
JsonObject *mkv_json_fields_get_object (MkvJsonFields *self, const char *name);

/* The value "value", with "encoding". */
GBytes *mkv_json_fields_dup_value (MkvJsonFields *self);

/* Says that a field is wrong. */
void mkv_json_fields_set_wrong (MkvJsonFields *self, const char *name);

/* Whether nothing was wrong; if not, MKV_ERROR_MALFORMED. */
gboolean mkv_json_fields_check (MkvJsonFields *self, GError **error);

/* A member's name, or a string node, as a string if no NUL is in it, or as octets;
 * NULL if it is none. */
char *mkv_json_dup_name (const char *name, gboolean normalized);
char *mkv_json_node_dup_text (JsonNode *node, gboolean normalized);
GBytes *mkv_json_node_dup_octets (JsonNode *node, gboolean normalized);

G_END_DECLS
