/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-writer.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

void
mkv_json_set_string (JsonObject *object, const char *name, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, name, text);
}

void
mkv_json_set_value (JsonObject *object, const guint8 *octets, gsize length)
{
  g_autofree char *text = NULL;

  if (mkv_text_is_valid ((const char *) octets, length))
    {
      text = g_strndup ((const char *) octets, length);
      json_object_set_string_member (object, "value", text);
      return;
    }
  text = g_base64_encode (octets, length);
  json_object_set_string_member (object, "value", text);
  json_object_set_string_member (object, "encoding", "base64");
}

void
mkv_json_set_bytes (JsonObject *object, GBytes *value)
{
  gsize length;
  const guint8 *octets;

  if (value == NULL)
    return;
  octets = g_bytes_get_data (value, &length);
  mkv_json_set_value (object, length > 0 ? octets : (const guint8 *) "", length);
}

void
mkv_json_to_hex (const guint8 *octets, gsize length, char *hex)
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < length; i++)
    {
      hex[2 * i] = digits[octets[i] >> 4];
      hex[2 * i + 1] = digits[octets[i] & 0xF];
    }
  hex[2 * length] = 0;
}

/* JSON-GLib 1.6.6 writes this one control character as it is, which no reader
 * may take. It is in strings alone. */
static char *
escape_unit_separator (const char *text)
{
  GString *out = g_string_new (text);

  g_string_replace (out, "\x1f", "\\u001f", 0);
  return g_string_free (out, FALSE);
}

/* Outside of strings JSON is ASCII anyway. */
static char *
to_ascii (const char *text)
{
  GString *out = g_string_new (NULL);

  while (*text != 0)
    {
      gunichar c = g_utf8_get_char (text);

      if (c < 0x80)
        g_string_append_c (out, (char) c);
      else if (c < 0x10000)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_printf (out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
      text = g_utf8_next_char (text);
    }
  return g_string_free (out, FALSE);
}

char *
mkv_json_to_text (JsonObject *object, gboolean ascii, gsize *length)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autofree char *text = NULL;

  json_generator_set_root (generator, node);
  text = json_generator_to_data (generator, length);
  if (strchr (text, 0x1F) != NULL)
    {
      g_autofree char *raw = g_steal_pointer (&text);

      text = escape_unit_separator (raw);
      *length = strlen (text);
    }
  if (ascii && !g_str_is_ascii (text))
    {
      g_autofree char *utf8 = g_steal_pointer (&text);

      text = to_ascii (utf8);
      *length = strlen (text);
    }
  return g_steal_pointer (&text);
}

GBytes *
mkv_json_to_payload (JsonObject *object, gboolean ascii, GError **error)
{
  gsize length;
  g_autofree char *text = mkv_json_to_text (object, ascii, &length);

  if (length <= MKV_MAX_PAYLOAD_BYTES)
    return g_bytes_new_take (g_steal_pointer (&text), length);
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("The message takes %zu octets in JSON, a payload may have %d"), length, MKV_MAX_PAYLOAD_BYTES);
  return NULL;
}
