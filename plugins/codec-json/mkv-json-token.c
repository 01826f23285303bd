/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-token.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define NO_CHAR ((gunichar) -1)
#define IS_HIGH_SURROGATE(unit) (((unit) &0xFC00) == 0xD800)
#define IS_LOW_SURROGATE(unit) (((unit) &0xFC00) == 0xDC00)

/* Four hexadecimal digits; -1 if there are none. */
static gint
read_hex4 (const char *at, const char *end)
{
  gint number = 0;

  if (end - at < 4)
    return -1;
  for (guint i = 0; i < 4; i++)
    {
      gint digit = g_ascii_xdigit_value (at[i]);

      if (digit < 0)
        return -1;
      number = number << 4 | digit;
    }
  return number;
}

/* What follows a backslash; NO_CHAR if it is no escape. */
static gunichar
read_escape (const char **at, const char *end)
{
  static const char names[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
  gint unit, low;

  if (*at == end)
    return NO_CHAR;
  if (**at != 'u')
    {
      const char *name = memchr (names, **at, sizeof names - 1);

      ++*at;
      return name != NULL ? (gunichar) characters[name - names] : NO_CHAR;
    }
  unit = read_hex4 (*at + 1, end);
  if (unit < 0 || IS_LOW_SURROGATE (unit))
    return NO_CHAR;
  *at += 5;
  if (!IS_HIGH_SURROGATE (unit))
    return (gunichar) unit;
  if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
    return NO_CHAR;
  low = read_hex4 (*at + 2, end);
  if (low < 0 || !IS_LOW_SURROGATE (low))
    return NO_CHAR;
  *at += 6;
  return 0x10000 + (((gunichar) unit & 0x3FF) << 10) + ((gunichar) low & 0x3FF);
}

const char *
mkv_json_read_string (const char **at, const char *end, gboolean *escaped)
{
  const char *start = *at;
  guchar all = 0; /* octets, or'ed: where none is above 0x7F, there is no need to validate */

  for (;;)
    {
      if (*at == end)
        return _(_("it ends within a string"));
      if (**at == '"')
        break;
      if ((guchar) **at < 0x20)
        return _(_("a control character in a string is not escaped"));
      if (**at == '\\')
        {
          ++*at;
          if (read_escape (at, end) == NO_CHAR)
            return _(_("an escape is none, or half of a surrogate pair"));
          *escaped = TRUE;
        }
      else
        {
          all |= (guchar) **at;
          ++*at;
        }
    }
  if (all >= 0x80 && !g_utf8_validate_len (start, (gsize) (*at - start), NULL))
    return _(_("a string is not UTF-8"));
  ++*at;
  return NULL;
}

char *
mkv_json_unescape (const char *octets, gsize octets_length, gsize *length)
{
  const char *at = octets, *end = octets + octets_length;
  char *text = g_malloc (octets_length + 1); /* no escape is shorter than its character */
  char *out = text;

  while (at < end)
    {
      const char *backslash = memchr (at, '\\', (gsize) (end - at));
      gsize n = (gsize) ((backslash != NULL ? backslash : end) - at);

      memcpy (out, at, n);
      out += n;
      at += n;
      if (backslash != NULL)
        {
          at++;
          out += g_unichar_to_utf8 (read_escape (&at, end), out);
        }
    }
  *out = 0;
  *length = (gsize) (out - text);
  return text;
}

static gboolean
skip_digits (const char **at, const char *end)
{
  const char *start = *at;

  while (*at < end && g_ascii_isdigit (**at))
    ++*at;
  return *at > start;
}

/* @digits, some of which may be a point, times 10 to the power of @exponent. */
static gboolean
to_integer (gboolean negative, const char *digits, const char *end, gint64 exponent, gint64 *integer)
{
  guint64 limit = negative ? (guint64) G_MAXINT64 + 1 : G_MAXINT64;
  guint64 number = 0;

  while (end > digits && (end[-1] == '0' || end[-1] == '.'))
    exponent += *--end == '0';
  for (; digits < end; digits++)
    if (*digits != '.')
      {
        guint digit = (guint) (*digits - '0');

        if (number > (limit - digit) / 10)
          return FALSE;
        number = 10 * number + digit;
      }
  if (number == 0)
    exponent = 0;
  if (exponent < 0)
    return FALSE;
  for (; exponent > 0; exponent--)
    {
      if (number > limit / 10)
        return FALSE;
      number *= 10;
    }
  *integer = negative ? (gint64) (0 - number) : (gint64) number;
  return TRUE;
}

const char *
mkv_json_read_number (const char **at, const char *end, gboolean *is_integer, gint64 *integer)
{
  gboolean negative = FALSE, negative_exponent = FALSE;
  gint64 exponent = 0, fraction = 0;
  const char *digits, *digits_end;

  if (*at < end && **at == '-')
    {
      negative = TRUE;
      ++*at;
    }
  digits = *at;
  if (!skip_digits (at, end))
    return _(_("a number has no digits"));
  if (*digits == '0' && *at - digits > 1)
    return _(_("a number begins with 0"));
  if (*at < end && **at == '.')
    {
      const char *point = (*at)++;

      if (!skip_digits (at, end))
        return _(_("a fraction has no digits"));
      fraction = *at - point - 1;
    }
  digits_end = *at;
  if (*at < end && (**at == 'e' || **at == 'E'))
    {
      const char *start;

      ++*at;
      if (*at < end && (**at == '+' || **at == '-'))
        negative_exponent = *(*at)++ == '-';
      start = *at;
      if (!skip_digits (at, end))
        return _(_("an exponent has no digits"));
      /* More than any payload has digits to make up for is all the same. */
      for (const char *p = start; p < *at; p++)
        exponent = MIN (10 * exponent + (*p - '0'), G_MAXINT32);
    }
  *is_integer = to_integer (negative, digits, digits_end, (negative_exponent ? -exponent : exponent) - fraction,
                            integer);
  return NULL;
}

void
mkv_json_skip_space (const char **at, const char *end)
{
  while (*at < end && (**at == ' ' || **at == '\n' || **at == '\r' || **at == '\t'))
    ++*at;
}

const char *
mkv_json_get_end (const char *value)
{
  const char *at = value;
  guint depth = 0;

  do
    switch (*at++)
      {
      case '"':
        while (*at != '"')
          at += *at == '\\' ? 2 : 1;
        at++;
        break;
      case '[':
      case '{':
        depth++;
        break;
      case ']':
      case '}':
        depth--;
        break;
      default:
        break;
      }
  while (depth > 0);
  /* The rest of a number or a word. */
  while (g_ascii_isalnum (*at) || *at == '.' || *at == '+' || *at == '-')
    at++;
  return at;
}
