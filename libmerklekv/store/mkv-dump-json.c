/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A line is a flat object, so a few hundred octets are read and written here in
 * less time than JSON-GLib takes to make its objects for them. The tests hold
 * both halves against the JSON codec.
 */
#include "config.h"

#include "store/mkv-dump-json-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

enum
{
  FIELD_OP,
  FIELD_KEY,
  FIELD_VALUE,
  FIELD_ENCODING,
  FIELD_TIMESTAMP,
  FIELD_NODE_ID,
  FIELD_SEQ,
  FIELD_CHECKSUM,
  N_FIELDS
};

#define STAMP_FIELDS (1u << FIELD_TIMESTAMP | 1u << FIELD_NODE_ID | 1u << FIELD_SEQ)

static const char *const names[N_FIELDS] = {
  [FIELD_OP] = "op",
  [FIELD_KEY] = "key",
  [FIELD_VALUE] = "value",
  [FIELD_ENCODING] = "encoding",
  [FIELD_TIMESTAMP] = "timestamp",
  [FIELD_NODE_ID] = "node_id",
  [FIELD_SEQ] = "seq",
  [FIELD_CHECKSUM] = "checksum",
};

/* g_string_append() looks for the end of what it is given first. */
#define ADD(text, literal) g_string_append_len (text, literal, sizeof literal - 1)

static void
add_escaped (GString *text, guchar octet)
{
  static const char shorts[] = "btn\0fr"; /* from 8 on */

  g_string_append_c (text, '\\');
  if (octet == '"' || octet == '\\')
    g_string_append_c (text, (char) octet);
  else if (octet >= 8 && octet <= 13 && shorts[octet - 8] != 0)
    g_string_append_c (text, shorts[octet - 8]);
  else
    g_string_append_printf (text, "u%04x", octet);
}

static void
add_string (GString *text, const char *octets, gsize length)
{
  gsize start = 0;

  g_string_append_c (text, '"');
  for (gsize i = 0; i < length; i++)
    {
      guchar octet = (guchar) octets[i];

      if (G_LIKELY (octet >= 0x20 && octet != '"' && octet != '\\' && octet != 0x7F))
        continue;
      g_string_append_len (text, octets + start, (gssize) (i - start));
      add_escaped (text, octet);
      start = i + 1;
    }
  g_string_append_len (text, octets + start, (gssize) (length - start));
  g_string_append_c (text, '"');
}

static void
add_base64 (GString *text, const guint8 *octets, gsize length)
{
  gint state = 0, save = 0;
  gsize start = text->len, n;

  /* What GLib asks for, and 4 for the end. */
  g_string_set_size (text, start + (length / 3 + 1) * 4 + 4);
  n = g_base64_encode_step (octets, length, FALSE, text->str + start, &state, &save);
  n += g_base64_encode_close (FALSE, text->str + start + n, &state, &save);
  g_string_truncate (text, start + n);
}

static void
add_number (GString *text, gint64 number)
{
  char digits[20];
  guint i = sizeof digits;

  do
    digits[--i] = (char) ('0' + number % 10);
  while ((number /= 10) > 0);
  g_string_append_len (text, digits + i, sizeof digits - i);
}

static void
add_hex (GString *text, const guint8 *octets, gsize length)
{
  static const char digits[] = "0123456789abcdef";
  char hex[2 * MKV_CHECKSUM_BYTES];

  for (gsize i = 0; i < length; i++)
    {
      hex[2 * i] = digits[octets[i] >> 4];
      hex[2 * i + 1] = digits[octets[i] & 0xF];
    }
  g_string_append_len (text, hex, (gssize) (2 * length));
}

void
mkv_dump_json_add (GString *text, const MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize key_length, value_length, node_id_length;
  const char *key = mkv_entry_peek_key (entry, &key_length);
  const char *node_id = mkv_entry_peek_node_id (entry, &node_id_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);

  if (value != NULL)
    ADD (text, "{\"op\":\"SET\",\"key\":");
  else
    ADD (text, "{\"op\":\"DELETE\",\"key\":");
  add_string (text, key, key_length);
  if (value != NULL && mkv_entry_is_text (entry))
    {
      ADD (text, ",\"value\":");
      add_string (text, (const char *) value, value_length);
    }
  else if (value != NULL)
    {
      ADD (text, ",\"value\":\"");
      add_base64 (text, value, value_length);
      ADD (text, "\",\"encoding\":\"base64\"");
    }
  ADD (text, ",\"timestamp\":");
  add_number (text, stamp->timestamp);
  ADD (text, ",\"node_id\":");
  add_string (text, node_id, node_id_length);
  ADD (text, ",\"seq\":");
  add_number (text, stamp->seq);
  ADD (text, ",\"checksum\":\"");
  add_hex (text, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
  ADD (text, "\"}\n");
}

typedef struct
{
  const char *octets;
  gsize length;
  char *owned; /* where it had escapes */
} Text;

typedef struct
{
  const char *at, *end;
  guint seen; /* a bit for each field */
  Text texts[N_FIELDS];
  gint64 timestamp, seq;
} Line;

static void
line_clear (Line *self)
{
  for (guint i = 0; i < N_FIELDS; i++)
    g_free (self->texts[i].owned);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Line, line_clear)

static gboolean
malform (GError **error, const char *why)
{
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, why);
  return FALSE;
}

static void
skip_blanks (Line *self)
{
  while (self->at < self->end && (*self->at == ' ' || *self->at == '\t' || *self->at == '\r'))
    self->at++;
}

/* The next character but blanks; 0 at the end. */
static char
peek (Line *self)
{
  skip_blanks (self);
  return self->at < self->end ? *self->at : 0;
}

static gboolean
take (Line *self, char c)
{
  if (peek (self) != c)
    return FALSE;
  self->at++;
  return TRUE;
}

/* Four hexadecimal digits behind \u; -1 if there are none. */
static gint
take_unit (Line *self)
{
  gint unit = 0;

  if (self->end - self->at < 4)
    return -1;
  for (guint i = 0; i < 4; i++, self->at++)
    {
      if (!g_ascii_isxdigit (*self->at))
        return -1;
      unit = unit << 4 | g_ascii_xdigit_value (*self->at);
    }
  return unit;
}

static gboolean
unescape (Line *self, GString *text)
{
  static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char *found;
  gint unit, low;

  if (self->at == self->end)
    return FALSE;
  if (*self->at != 'u')
    {
      found = *self->at != 0 ? strchr (escapes, *self->at) : NULL;
      if (found == NULL)
        return FALSE;
      g_string_append_c (text, meanings[found - escapes]);
      self->at++;
      return TRUE;
    }
  self->at++;
  unit = take_unit (self);
  /* No text has a NUL, and the second half of a pair comes behind a first. */
  if (unit <= 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
    return FALSE;
  if (unit >= 0xD800 && unit <= 0xDBFF)
    {
      if (self->end - self->at < 2 || self->at[0] != '\\' || self->at[1] != 'u')
        return FALSE;
      self->at += 2;
      low = take_unit (self);
      if (low < 0xDC00 || low > 0xDFFF)
        return FALSE;
      unit = 0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF);
    }
  g_string_append_unichar (text, (gunichar) unit);
  return TRUE;
}

/* Takes a string, the opening quote of which is next. */
static gboolean
take_text (Line *self, Text *text)
{
  g_autoptr (GString) unescaped = NULL;
  const char *start;

  if (!take (self, '"'))
    return FALSE;
  for (start = self->at; self->at < self->end; self->at++)
    {
      guchar c = (guchar) *self->at;

      if (G_LIKELY (c != '"' && c != '\\' && c >= 0x20))
        continue;
      if (c < 0x20)
        return FALSE;
      if (c == '"')
        break;
      if (unescaped == NULL)
        unescaped = g_string_new (NULL);
      g_string_append_len (unescaped, start, self->at - start);
      self->at++;
      if (!unescape (self, unescaped))
        return FALSE;
      start = self->at--;
    }
  if (self->at == self->end)
    return FALSE;
  if (unescaped != NULL)
    g_string_append_len (unescaped, start, self->at - start);
  text->length = unescaped != NULL ? unescaped->len : (gsize) (self->at - start);
  text->owned = unescaped != NULL ? g_string_free (g_steal_pointer (&unescaped), FALSE) : NULL;
  text->octets = text->owned != NULL ? text->owned : start;
  self->at++;
  return TRUE;
}

/* An integer, not below 0. */
static gboolean
take_number (Line *self, gint64 *number)
{
  const char *start;

  skip_blanks (self);
  start = self->at;
  for (*number = 0; self->at < self->end && g_ascii_isdigit (*self->at); self->at++)
    if (__builtin_mul_overflow (*number, 10, number) || __builtin_add_overflow (*number, *self->at - '0', number))
      return FALSE;
  return self->at > start && (*start != '0' || self->at == start + 1);
}

/* What stands where a field is not known: a string, or what has no quotes and no
 * parts. */
static gboolean
skip_value (Line *self)
{
  char first = peek (self);

  if (first == '"')
    {
      Text ignored = { 0 };
      gboolean taken = take_text (self, &ignored);

      g_free (ignored.owned);
      return taken;
    }
  if (first != '-' && !g_ascii_isalnum (first))
    return FALSE;
  while (self->at < self->end && (g_ascii_isalnum (*self->at) || strchr ("+-.", *self->at) != NULL))
    self->at++;
  return TRUE;
}

static guint
find_field (const Text *name)
{
  guint i = 0;

  while (i < N_FIELDS && (strlen (names[i]) != name->length || memcmp (names[i], name->octets, name->length) != 0))
    i++;
  return i;
}

static gboolean
take_field (Line *self, GError **error)
{
  Text name = { 0 };
  guint field;
  gboolean taken;

  if (!take_text (self, &name) || !take (self, ':'))
    {
      g_free (name.owned);
      return malform (error, _("it is not a JSON object"));
    }
  field = find_field (&name);
  g_free (name.owned);
  if (field < N_FIELDS && (self->seen & 1u << field) != 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it has “%s” twice"), names[field]);
      return FALSE;
    }
  if (field == N_FIELDS)
    taken = skip_value (self);
  else if (field == FIELD_TIMESTAMP)
    taken = take_number (self, &self->timestamp);
  else if (field == FIELD_SEQ)
    taken = take_number (self, &self->seq);
  else
    taken = take_text (self, &self->texts[field]);
  if (field < N_FIELDS)
    self->seen |= 1u << field;
  if (taken)
    return TRUE;
  if (field == N_FIELDS)
    return malform (error, _("it has a field that is neither text nor a number"));
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its “%s” is not what it has to be"), names[field]);
  return FALSE;
}

static gboolean
take_object (Line *self, GError **error)
{
  if (!take (self, '{'))
    return malform (error, _("it is not a JSON object"));
  if (!take (self, '}'))
    {
      do
        if (!take_field (self, error))
          return FALSE;
      while (take (self, ','));
      if (!take (self, '}'))
        return malform (error, _("it is not a JSON object"));
    }
  if (peek (self) != 0 || self->at < self->end)
    return malform (error, _("something follows its object"));
  return TRUE;
}

static gboolean
text_is (const Text *text, const char *expected)
{
  return text->length == strlen (expected) && memcmp (text->octets, expected, text->length) == 0;
}

/* Only the right form comes back the same; GLib passes over what is none. */
static gboolean
decode_base64 (Text *value)
{
  g_autofree char *text = g_strndup (value->octets, value->length);
  gsize length;
  g_autofree guchar *octets = g_base64_decode (text, &length);
  g_autofree char *again = g_base64_encode (octets, length);

  if (value->length % 4 != 0 || !g_str_equal (text, again))
    return FALSE;
  g_free (value->owned);
  value->owned = (char *) g_steal_pointer (&octets);
  value->octets = value->owned != NULL ? value->owned : "";
  value->length = length;
  return TRUE;
}

static gboolean
checksum_is_right (const Text *checksum, const MkvEntry *entry)
{
  g_autoptr (GString) expected = g_string_sized_new (2 * MKV_CHECKSUM_BYTES + 1);

  add_hex (expected, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
  return text_is (checksum, expected->str);
}

static gboolean
make_stamped (const Line *line, MkvDumpItem *item, GError **error)
{
  const Text *key = &line->texts[FIELD_KEY], *value = &line->texts[FIELD_VALUE];
  const Text *node_id = &line->texts[FIELD_NODE_ID];
  gboolean has_value = (line->seen & 1u << FIELD_VALUE) != 0;

  item->entry = mkv_entry_new_from_octets (key->octets, key->length,
                                           has_value ? (const guint8 *) value->octets : NULL, value->length,
                                           line->timestamp, node_id->octets, node_id->length, line->seq, error);
  if (item->entry == NULL)
    return FALSE;
  if ((line->seen & 1u << FIELD_CHECKSUM) == 0 || checksum_is_right (&line->texts[FIELD_CHECKSUM], item->entry))
    return TRUE;
  g_clear_pointer (&item->entry, mkv_entry_unref);
  return malform (error, _("its checksum is not that of its content; to write it as it is, leave out timestamp, node_id, "
                           "seq and checksum"));
}

static gboolean
make_item (Line *line, MkvDumpItem *item, GError **error)
{
  const guint seen = line->seen;
  gboolean has_value = (seen & 1u << FIELD_VALUE) != 0, deleted;

  if ((seen & 1u << FIELD_KEY) == 0)
    return malform (error, _("it has no “key”"));
  if ((seen & 1u << FIELD_OP) != 0 && !text_is (&line->texts[FIELD_OP], "SET") &&
      !text_is (&line->texts[FIELD_OP], "DELETE"))
    return malform (error, _("its “op” is neither SET nor DELETE"));
  deleted = (seen & 1u << FIELD_OP) != 0 && text_is (&line->texts[FIELD_OP], "DELETE");
  if (deleted && has_value)
    return malform (error, _("it is a DELETE with a value"));
  if (!deleted && !has_value)
    return malform (error, _("it has no “value”"));
  if ((seen & 1u << FIELD_ENCODING) != 0 &&
      (!text_is (&line->texts[FIELD_ENCODING], "base64") || !has_value || !decode_base64 (&line->texts[FIELD_VALUE])))
    return malform (error, _("its value is not base64"));

  if ((seen & STAMP_FIELDS) == STAMP_FIELDS)
    return make_stamped (line, item, error);
  if ((seen & STAMP_FIELDS) != 0 || deleted)
    return malform (error, _("it lacks a part of its stamp: timestamp, node_id and seq, all or, to write it now, none"));
  item->key = g_strndup (line->texts[FIELD_KEY].octets, line->texts[FIELD_KEY].length);
  item->value = g_bytes_new (line->texts[FIELD_VALUE].octets, line->texts[FIELD_VALUE].length);
  if (mkv_key_check (item->key, error))
    return TRUE;
  mkv_dump_item_clear (item);
  return FALSE;
}

gboolean
mkv_dump_json_parse (const char *line, gsize length, MkvDumpItem *item, GError **error)
{
  g_auto (Line) parts = { .at = line, .end = line + length };

  *item = (MkvDumpItem){ 0 };
  if (!mkv_text_is_valid (line, length))
    return malform (error, _("it is not UTF-8"));
  return take_object (&parts, error) && make_item (&parts, item, error);
}
