/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-json-check.h"

#include <string.h>

#include "mkv-json-token.h"

/* A character of nobody's: its code and its UTF-8. */
#define STAND_IN (0xE000)
#define STAND_IN_UTF8 "\xEE\x80\x80"

static void
normalize_string (const char **at, const char *end, GString *out)
{
  g_string_append_c (out, '"');
  while (**at != '"')
    {
      const char *start = *at;
      gunichar c = mkv_json_next_char (at, end);

      if (c == 0)
        g_string_append (out, STAND_IN_UTF8 "0");
      else if (c == STAND_IN)
        g_string_append (out, STAND_IN_UTF8 "1");
      else
        g_string_append_len (out, start, *at - start);
    }
  ++*at;
  g_string_append_c (out, '"');
}

char *
mkv_json_normalize (GBytes *payload, gsize *length)
{
  const char *at = g_bytes_get_data (payload, length);
  const char *end = at + *length;
  GString *out = g_string_sized_new (*length + 64);

  while (at < end)
    if (*at == '"')
      {
        at++;
        normalize_string (&at, end, out);
      }
    else if (*at == '-' || g_ascii_isdigit (*at))
      {
        gboolean is_integer;
        gint64 integer;

        mkv_json_read_number (&at, end, &is_integer, &integer);
        if (is_integer)
          g_string_append_printf (out, "%" G_GINT64_FORMAT, integer);
        else
          g_string_append (out, "0.5");
      }
    else
      g_string_append_c (out, *at++);
  *length = out->len;
  return g_string_free (out, FALSE);
}

char *
mkv_json_denormalize (const char *text, gsize *length)
{
  GString *out = g_string_new (NULL);
  const char *stand_in;

  while ((stand_in = strstr (text, STAND_IN_UTF8)) != NULL)
    {
      g_string_append_len (out, text, stand_in - text);
      text = stand_in + strlen (STAND_IN_UTF8);
      if (*text++ == '0')
        g_string_append_c (out, 0);
      else
        g_string_append (out, STAND_IN_UTF8);
    }
  g_string_append (out, text);
  *length = out->len;
  return g_string_free (out, FALSE);
}
