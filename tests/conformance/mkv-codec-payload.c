/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-codec-payload.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

#include "mkv-test.h"

/* Just as much of a JSON reader as well-behaved tests need; JSON-GLib would
 * drop duplicates. */
static const char *
skip_space (const char *at)
{
  while (*at == ' ' || *at == '\n')
    at++;
  return at;
}

static void
put_head (GByteArray *out, size_t (*encode) (size_t, unsigned char *, size_t), gsize length)
{
  guint8 head[9];

  g_byte_array_append (out, head, (guint) encode (length, head, sizeof head));
}

static const char *
put_string (const char *at, GByteArray *out)
{
  const char *end = strchr (++at, '"');
  g_autofree char *text = g_strndup (at, (gsize) (end - at));
  g_autofree char *plain = g_strcompress (text);

  if (g_str_has_prefix (plain, "hex:"))
    {
      g_autoptr (GBytes) octets = mkv_test_unhex (plain + 4);

      put_head (out, cbor_encode_bytestring_start, g_bytes_get_size (octets));
      g_byte_array_append (out, g_bytes_get_data (octets, NULL), (guint) g_bytes_get_size (octets));
    }
  else
    {
      put_head (out, cbor_encode_string_start, strlen (plain));
      g_byte_array_append (out, (const guint8 *) plain, (guint) strlen (plain));
    }
  return end + 1;
}

static const char *
put_scalar (const char *at, GByteArray *out)
{
  gsize length = strcspn (at, ",]} \n");
  g_autofree char *text = g_strndup (at, length);
  guint8 item[9];
  gsize n;

  if (g_str_equal (text, "null"))
    n = cbor_encode_null (item, sizeof item);
  else if (g_str_equal (text, "true") || g_str_equal (text, "false"))
    n = cbor_encode_bool (*text == 't', item, sizeof item);
  else if (strpbrk (text, ".eE") != NULL)
    n = cbor_encode_double (g_ascii_strtod (text, NULL), item, sizeof item);
  else if (*text == '-')
    n = cbor_encode_negint (g_ascii_strtoull (text + 1, NULL, 10) - 1, item, sizeof item);
  else
    n = cbor_encode_uint (g_ascii_strtoull (text, NULL, 10), item, sizeof item);
  g_byte_array_append (out, item, (guint) n);
  return at + length;
}

static const char *
put_value (const char *at, GByteArray *out)
{
  g_autoptr (GByteArray) content = NULL;
  gboolean is_object = *at == '{';
  gsize n = 0;

  if (*at == '"')
    return put_string (at, out);
  if (*at != '{' && *at != '[')
    return put_scalar (at, out);
  content = g_byte_array_new ();
  at = skip_space (at + 1);
  while (*at != '}' && *at != ']')
    {
      if (is_object)
        at = skip_space (skip_space (put_string (at, content)) + 1);
      at = skip_space (put_value (at, content));
      if (*at == ',')
        at = skip_space (at + 1);
      n++;
    }
  put_head (out, is_object ? cbor_encode_map_start : cbor_encode_array_start, n);
  g_byte_array_append (out, content->data, content->len);
  return at + 1;
}

GBytes *
mkv_codec_payload_new (const char *text, gboolean cbor)
{
  g_autofree char *json = NULL;
  g_auto (GStrv) parts = NULL;

  if (cbor)
    {
      GByteArray *out = g_byte_array_new ();

      put_value (text, out);
      return g_byte_array_free_to_bytes (out);
    }
  parts = g_strsplit (text, "\"hex:", -1);
  json = g_strjoinv ("\"", parts);
  return g_bytes_new (json, strlen (json));
}
