/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Sets what is not NULL. A value that is no text becomes base64, which
 * "encoding" in the same object says. */
void mkv_json_set_string (JsonObject *object, const char *name, const char *text);
void mkv_json_set_value (JsonObject *object, const guint8 *octets, gsize length);
void mkv_json_set_bytes (JsonObject *object, GBytes *value);

/* Octets as lower-case hexadecimal digits, two each, and a NUL behind. */
void mkv_json_to_hex (const guint8 *octets, gsize length, char *hex);

/* The text of an object. @ascii: what is above U+007F is written as \uXXXX. */
char *mkv_json_to_text (JsonObject *object, gboolean ascii, gsize *length);

/* The same as a payload; MKV_ERROR_TOO_LARGE if it has more octets than one may. */
GBytes *mkv_json_to_payload (JsonObject *object, gboolean ascii, GError **error);

G_END_DECLS
