/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-line.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* A key or an id as it stands in a line takes at most this, with a NUL. */
#define MAX_KEY_TEXT (6 * MKV_MAX_KEY_BYTES + 1)
#define MAX_NAME_TEXT (6 * MKV_MAX_NAME_BYTES + 1)

/* What is left to read, and what has been found wrong. */
typedef struct
{
  const char *at;
  const char *end;
  gboolean failed;
} Cursor;

/* A string as it stands in the line. */
typedef struct
{
  const char *start;
  gsize length;
  gboolean escaped;
} Text;

gnutls_hash_hd_t
mkv_line_hash_new (void)
{
  gnutls_hash_hd_t hash;

  if (gnutls_hash_init (&hash, GNUTLS_DIG_SHA256) != 0)
    g_error ("GnuTLS has no SHA-256");
  return hash;
}

void
mkv_line_clear (MkvLine *self)
{
  g_clear_pointer (&self->entry, mkv_entry_unref);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->reason, g_free);
  g_clear_pointer (&self->value, g_bytes_unref);
}

static gboolean
starts_with (const Cursor *cursor, const char *literal, gsize length)
{
  return (gsize) (cursor->end - cursor->at) >= length && memcmp (cursor->at, literal, length) == 0;
}

static gboolean
try_literal (Cursor *cursor, const char *literal, gsize length)
{
  if (cursor->failed || !starts_with (cursor, literal, length))
    return FALSE;
  cursor->at += length;
  return TRUE;
}

#define TRY(cursor, literal) try_literal (cursor, literal, sizeof literal - 1)
#define TAKE(cursor, literal) ((cursor)->failed |= !TRY (cursor, literal))

/* A number from 0 to @max, without a sign or needless zeros. */
static guint64
take_number (Cursor *cursor, guint64 max)
{
  const char *start = cursor->at;
  guint64 number = 0;

  while (cursor->at < cursor->end && g_ascii_isdigit (*cursor->at))
    {
      guint digit = (guint) (*cursor->at - '0');

      if (number > (max - digit) / 10)
        break;
      number = 10 * number + digit;
      cursor->at++;
    }
  if (cursor->at == start || (*start == '0' && cursor->at - start > 1) ||
      (cursor->at < cursor->end && g_ascii_isdigit (*cursor->at)))
    cursor->failed = TRUE;
  return number;
}

/* One more than what each octet is as a hexadecimal digit; 0 where it is none that
 * is written. */
static const gint8 hex_digits[256] = {
  ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9,
  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* -1 where it is none. */
static inline gint
get_hex_digit (char c)
{
  return hex_digits[(guchar) c] - 1;
}

static void
take_hex (Cursor *cursor, guint8 *octets, gsize length)
{
  gint all = 0; /* digits, or'ed: below 0 if one is none */

  if (cursor->failed || (gsize) (cursor->end - cursor->at) < 2 * length)
    {
      cursor->failed = TRUE;
      return;
    }
  for (gsize i = 0; i < length; i++)
    {
      gint high = get_hex_digit (cursor->at[2 * i]), low = get_hex_digit (cursor->at[2 * i + 1]);

      all |= high | low;
      octets[i] = (guint8) ((guint) high << 4 | ((guint) low & 15));
    }
  cursor->failed = all < 0;
  cursor->at += 2 * length;
}

/* A string, from its first quotation mark to behind its last. */
static Text
take_text (Cursor *cursor)
{
  Text text = { NULL, 0, FALSE };
  const char *at;

  TAKE (cursor, "\"");
  if (cursor->failed)
    return text;
  text.start = at = cursor->at;
  for (; at < cursor->end && *at != '"'; at++)
    {
      if (G_UNLIKELY ((guchar) *at < 0x20))
        break;
      if (G_UNLIKELY (*at == '\\'))
        {
          text.escaped = TRUE;
          at++;
        }
    }
  if (at >= cursor->end || *at != '"')
    {
      cursor->failed = TRUE;
      return text;
    }
  text.length = (gsize) (at - text.start);
  cursor->at = at + 1;
  return text;
}

/* The one way in which an MkvLineWriter escapes a character; 0 if this is another. */
static char
get_escaped (const char *escape, gsize length, gsize *taken)
{
  static const char names[] = "\"\\nrt", characters[] = "\"\\\n\r\t";
  const char *name = length >= 2 ? memchr (names, escape[1], sizeof names - 1) : NULL;
  gint high, low;

  *taken = 2;
  if (name != NULL)
    return characters[name - names];
  if (length < 6 || memcmp (escape, "\\u00", 4) != 0)
    return 0;
  *taken = 6;
  high = get_hex_digit (escape[4]);
  low = get_hex_digit (escape[5]);
  if (high < 0 || high > 1 || low < 0 || (high == 0 && (low == '\n' || low == '\r' || low == '\t')))
    return 0;
  return (char) (high << 4 | low);
}

/* What the text says; @out has room for what stands in the line, and a NUL. */
static gboolean
unescape (const Text *text, char *out, gsize *length)
{
  char *p = out;

  for (gsize i = 0, n; i < text->length; i += n)
    {
      n = 1;
      *p = text->start[i];
      if (*p == '\\')
        *p = get_escaped (text->start + i, text->length - i, &n);
      if (*p++ == 0)
        return FALSE;
    }
  *p = 0;
  *length = (gsize) (p - out);
  return mkv_text_is_valid (out, *length);
}

static char *
take_name (Cursor *cursor)
{
  Text text = take_text (cursor);
  char *out;
  gsize length;

  if (cursor->failed)
    return NULL;
  out = g_malloc (text.length + 1);
  cursor->failed = !unescape (&text, out, &length);
  return out;
}

static gint
get_base64_digit (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Canonical base64 alone: padded, no bits behind the last octet, nothing in between. */
static gboolean
decode_base64 (const char *text, gsize length, guint8 *out, gsize *out_length)
{
  guint8 *p = out;

  if (length % 4 != 0)
    return FALSE;
  for (gsize i = 0; i < length; i += 4)
    {
      guint n_pads = i + 4 < length ? 0 : (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=');
      gint a = get_base64_digit (text[i]), b = get_base64_digit (text[i + 1]);
      gint c = n_pads == 2 ? 0 : get_base64_digit (text[i + 2]), d = n_pads > 0 ? 0 : get_base64_digit (text[i + 3]);

      if (a < 0 || b < 0 || c < 0 || d < 0 || (n_pads == 2 && (b & 15) != 0) || (n_pads == 1 && (c & 3) != 0))
        return FALSE;
      *p++ = (guint8) (a << 2 | b >> 4);
      if (n_pads < 2)
        *p++ = (guint8) (b << 4 | c >> 2);
      if (n_pads < 1)
        *p++ = (guint8) (c << 6 | d);
    }
  *out_length = (gsize) (p - out);
  return TRUE;
}

/* What a value says: NULL for null. Octets that had to be decoded are in @scratch,
 * to be freed; the others stand in the line. */
static const guint8 *
take_value (Cursor *cursor, gsize *length, char **scratch)
{
  Text text;

  *length = 0;
  if (TRY (cursor, "null"))
    return NULL;
  text = take_text (cursor);
  if (cursor->failed)
    return NULL;
  if (TRY (cursor, ",\"encoding\":\"base64\""))
    {
      *scratch = g_malloc (text.length + 1);
      /* A text is never written like that. */
      cursor->failed = !decode_base64 (text.start, text.length, (guint8 *) *scratch, length) ||
                       mkv_text_is_valid (*scratch, *length);
      return (const guint8 *) *scratch;
    }
  if (text.escaped)
    {
      *scratch = g_malloc (text.length + 1);
      cursor->failed = !unescape (&text, *scratch, length);
      return (const guint8 *) *scratch;
    }
  *length = text.length;
  cursor->failed = !mkv_text_is_valid (text.start, text.length);
  return (const guint8 *) text.start;
}

static GBytes *
take_bytes (Cursor *cursor)
{
  g_autofree char *scratch = NULL;
  gsize length;
  const guint8 *octets = take_value (cursor, &length, &scratch);

  return octets != NULL ? g_bytes_new (octets, length) : NULL;
}

/* A key or an id, without a copy where there is nothing to decode. */
static const char *
take_short_text (Cursor *cursor, char *scratch, gsize size, gsize *length)
{
  Text text = take_text (cursor);

  *length = text.length;
  if (cursor->failed || !text.escaped)
    return text.start;
  if (text.length >= size || !unescape (&text, scratch, length))
    cursor->failed = TRUE;
  return scratch;
}

static void
take_entry (Cursor *cursor, MkvLine *line)
{
  char key_scratch[MAX_KEY_TEXT], node_id_scratch[MAX_NAME_TEXT];
  g_autofree char *value_scratch = NULL;
  const char *key, *node_id;
  const guint8 *value;
  gsize key_length, node_id_length, value_length;
  guint8 digest[MKV_DIGEST_BYTES];
  gint64 timestamp, seq;

  key = take_short_text (cursor, key_scratch, sizeof key_scratch, &key_length);
  TAKE (cursor, ",\"value\":");
  value = take_value (cursor, &value_length, &value_scratch);
  TAKE (cursor, ",\"timestamp\":");
  timestamp = (gint64) take_number (cursor, MKV_MAX_TIMESTAMP);
  TAKE (cursor, ",\"node_id\":");
  node_id = take_short_text (cursor, node_id_scratch, sizeof node_id_scratch, &node_id_length);
  TAKE (cursor, ",\"seq\":");
  seq = (gint64) take_number (cursor, G_MAXINT64);
  TAKE (cursor, ",\"digest\":\"");
  take_hex (cursor, digest, sizeof digest);
  TAKE (cursor, "\"");
  if (cursor->failed)
    return;
  /* Their rules are the entry's to check. */
  line->entry = mkv_entry_new_from_octets_with_digest (key, key_length, value, value_length, timestamp, node_id,
                                                       node_id_length, seq, digest, NULL);
  cursor->failed = line->entry == NULL;
}

/* What stands before the checksum. */
static void
take_line (Cursor *cursor, MkvLine *line)
{
  if (TRY (cursor, "{\"key\":"))
    {
      line->kind = MKV_LINE_ENTRY;
      take_entry (cursor, line);
    }
  else if (TRY (cursor, "{\"meta\":"))
    {
      line->kind = MKV_LINE_META;
      line->name = take_name (cursor);
      TAKE (cursor, ",\"value\":");
      line->value = take_bytes (cursor);
    }
  else if (TRY (cursor, "{\"commit\":"))
    {
      line->kind = MKV_LINE_COMMIT;
      line->commit = take_number (cursor, G_MAXINT64);
      TAKE (cursor, ",\"lines\":");
      line->n_lines = take_number (cursor, G_MAXINT64);
      TAKE (cursor, ",\"synced\":");
      line->synced = take_number (cursor, G_MAXINT64);
    }
  else if (TRY (cursor, "{\"remove\":"))
    {
      line->kind = MKV_LINE_REMOVE;
      line->name = take_name (cursor);
    }
  else if (TRY (cursor, "{\"total\":"))
    {
      line->kind = MKV_LINE_TOTAL;
      line->n_lines = take_number (cursor, G_MAXINT64);
    }
  else if (TRY (cursor, "{\"aside\":"))
    {
      line->kind = MKV_LINE_ASIDE;
      line->name = take_name (cursor);
      TAKE (cursor, ",\"offset\":");
      line->commit = take_number (cursor, G_MAXINT64);
      TAKE (cursor, ",\"reason\":");
      line->reason = take_name (cursor);
      TAKE (cursor, ",\"value\":");
      line->value = take_bytes (cursor);
      cursor->failed |= line->value == NULL;
    }
  else
    {
      line->kind = MKV_LINE_HEADER;
      TAKE (cursor, "{\"format\":\"" MKV_LINE_FORMAT "\",\"version\":");
      cursor->failed |= take_number (cursor, G_MAXINT64) != MKV_LINE_VERSION;
      TAKE (cursor, ",\"file\":");
      line->name = take_name (cursor);
      TAKE (cursor, ",\"after\":");
      line->commit = take_number (cursor, G_MAXINT64);
    }
}

/* Leaves the cursor with what the checksum is of. */
static gboolean
check_sum (Cursor *cursor, gnutls_hash_hd_t hash)
{
  const gsize n_behind = strlen (MKV_LINE_CHECKSUM) + MKV_LINE_CHECKSUM_DIGITS + strlen (MKV_LINE_END);
  guint8 claimed[MKV_LINE_CHECKSUM_DIGITS / 2], digest[32];
  Cursor behind = *cursor;

  if ((gsize) (cursor->end - cursor->at) < n_behind)
    return FALSE;
  cursor->end -= n_behind;
  behind.at = cursor->end;
  TAKE (&behind, MKV_LINE_CHECKSUM);
  take_hex (&behind, claimed, sizeof claimed);
  TAKE (&behind, MKV_LINE_END);
  if (behind.failed)
    return FALSE;
  gnutls_hash (hash, cursor->at, (gsize) (cursor->end - cursor->at));
  gnutls_hash_output (hash, digest);
  return memcmp (digest, claimed, sizeof claimed) == 0;
}

gboolean
mkv_line_parse (MkvLine *self, const char *octets, gsize length, gnutls_hash_hd_t hash, const char **problem)
{
  Cursor cursor = { octets, octets + length, FALSE };

  *self = (MkvLine){ 0 };
  if (!check_sum (&cursor, hash))
    {
      *problem = _("its checksum is missing or wrong");
      return FALSE;
    }
  take_line (&cursor, self);
  if (!cursor.failed && cursor.at == cursor.end)
    return TRUE;
  *problem = _("it is no line of this format");
  mkv_line_clear (self);
  return FALSE;
}

guint64
mkv_line_peek_version (const char *octets, gsize length)
{
  Cursor cursor = { octets, octets + length, FALSE };
  guint64 version;

  TAKE (&cursor, "{\"format\":\"" MKV_LINE_FORMAT "\",\"version\":");
  if (cursor.failed)
    return 0;
  version = take_number (&cursor, G_MAXINT64);
  return cursor.failed ? 0 : version;
}
