/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-line-writer.h"

#include <string.h>

/* An octet takes at most this many in a string: \u0001. */
#define MAX_ESCAPE 6
/* More than the names, numbers and digests of any line take. */
#define ROOM 512
/* What is kept of the memory that a big batch took. */
#define MAX_KEPT (4 * 1024 * 1024)

static const char hex_digits[] = "0123456789abcdef";

void
mkv_line_writer_init (MkvLineWriter *self)
{
  *self = (MkvLineWriter){ 0 };
  self->hash = mkv_line_hash_new ();
}

void
mkv_line_writer_clear (MkvLineWriter *self)
{
  g_free (self->octets);
  if (self->hash != NULL)
    gnutls_hash_deinit (self->hash, NULL);
  *self = (MkvLineWriter){ 0 };
}

void
mkv_line_writer_reset (MkvLineWriter *self)
{
  self->length = 0;
  if (self->allocated > MAX_KEPT)
    {
      g_clear_pointer (&self->octets, g_free);
      self->allocated = 0;
    }
}

static char *
reserve (MkvLineWriter *self, gsize n)
{
  if (self->allocated - self->length < n)
    {
      self->allocated = MAX (2 * self->allocated, self->length + n);
      self->octets = g_realloc (self->octets, self->allocated);
    }
  return self->octets + self->length;
}

/* Where the next line begins, with room for @n octets in strings. */
static char *
begin (MkvLineWriter *self, gsize n)
{
  return reserve (self, MAX_ESCAPE * n + ROOM);
}

#define PUT_LITERAL(p, literal) ((char *) memcpy (p, literal, sizeof literal - 1) + sizeof literal - 1)

static char *
put_number (char *p, guint64 number)
{
  char digits[20];
  guint n = 0;

  do
    digits[n++] = (char) ('0' + number % 10);
  while ((number /= 10) != 0);
  while (n > 0)
    *p++ = digits[--n];
  return p;
}

static char *
put_hex (char *p, const guint8 *octets, gsize length)
{
  for (gsize i = 0; i < length; i++)
    {
      *p++ = hex_digits[octets[i] >> 4];
      *p++ = hex_digits[octets[i] & 15];
    }
  return p;
}

static char *
put_escape (char *p, guchar c)
{
  *p++ = '\\';
  switch (c)
    {
    case '"':
    case '\\':
      *p++ = (char) c;
      return p;
    case '\n':
      *p++ = 'n';
      return p;
    case '\r':
      *p++ = 'r';
      return p;
    case '\t':
      *p++ = 't';
      return p;
    default:
      p = PUT_LITERAL (p, "u00");
      return put_hex (p, &c, 1);
    }
}

/* A text, in quotation marks. */
static char *
put_text (char *p, const char *text, gsize length)
{
  *p++ = '"';
  for (gsize i = 0; i < length; i++)
    {
      guchar c = (guchar) text[i];

      if (G_LIKELY (c >= 0x20 && c != '"' && c != '\\'))
        *p++ = (char) c;
      else
        p = put_escape (p, c);
    }
  *p++ = '"';
  return p;
}

/* Any octets. */
static char *
put_value (char *p, const guint8 *octets, gsize length)
{
  gint state = 0, save = 0;

  if (mkv_text_is_valid ((const char *) octets, length))
    return put_text (p, (const char *) octets, length);
  *p++ = '"';
  p += g_base64_encode_step (octets, length, FALSE, p, &state, &save);
  p += g_base64_encode_close (FALSE, p, &state, &save);
  return PUT_LITERAL (p, "\",\"encoding\":\"base64\"");
}

static char *
put_bytes (char *p, GBytes *value)
{
  gsize length;
  const guint8 *octets;

  if (value == NULL)
    return PUT_LITERAL (p, "null");
  octets = g_bytes_get_data (value, &length);
  return put_value (p, octets != NULL ? octets : (const guint8 *) "", length);
}

/* The line ends at @p: its checksum, and a line feed. */
static void
end (MkvLineWriter *self, char *p)
{
  const char *line = self->octets + self->length;
  guint8 digest[32];

  gnutls_hash (self->hash, line, (gsize) (p - line));
  gnutls_hash_output (self->hash, digest);
  p = PUT_LITERAL (p, MKV_LINE_CHECKSUM);
  p = put_hex (p, digest, MKV_LINE_CHECKSUM_DIGITS / 2);
  p = PUT_LITERAL (p, MKV_LINE_END "\n");
  self->length = (gsize) (p - self->octets);
}

void
mkv_line_writer_add_header (MkvLineWriter *self, const char *file, guint64 commit)
{
  char *p = begin (self, strlen (file));

  p = PUT_LITERAL (p, "{\"format\":\"" MKV_LINE_FORMAT "\",\"version\":");
  p = put_number (p, MKV_LINE_VERSION);
  p = PUT_LITERAL (p, ",\"file\":");
  p = put_text (p, file, strlen (file));
  p = PUT_LITERAL (p, ",\"after\":");
  end (self, put_number (p, commit));
}

void
mkv_line_writer_add_entry (MkvLineWriter *self, const MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize key_length, node_id_length, value_length;
  const char *key = mkv_entry_peek_key (entry, &key_length);
  const char *node_id = mkv_entry_peek_node_id (entry, &node_id_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  char *p = begin (self, key_length + node_id_length + value_length);

  p = PUT_LITERAL (p, "{\"key\":");
  p = put_text (p, key, key_length);
  p = PUT_LITERAL (p, ",\"value\":");
  if (value == NULL)
    p = PUT_LITERAL (p, "null");
  else
    p = put_value (p, value, value_length);
  p = PUT_LITERAL (p, ",\"timestamp\":");
  p = put_number (p, (guint64) stamp->timestamp);
  p = PUT_LITERAL (p, ",\"node_id\":");
  p = put_text (p, node_id, node_id_length);
  p = PUT_LITERAL (p, ",\"seq\":");
  p = put_number (p, (guint64) stamp->seq);
  p = PUT_LITERAL (p, ",\"digest\":\"");
  p = put_hex (p, mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES);
  *p++ = '"';
  end (self, p);
}

void
mkv_line_writer_add_remove (MkvLineWriter *self, const char *key)
{
  gsize length = strlen (key);
  char *p = begin (self, length);

  p = PUT_LITERAL (p, "{\"remove\":");
  end (self, put_text (p, key, length));
}

void
mkv_line_writer_add_meta (MkvLineWriter *self, const char *name, GBytes *value)
{
  gsize length = strlen (name);
  char *p = begin (self, length + (value != NULL ? g_bytes_get_size (value) : 0));

  p = PUT_LITERAL (p, "{\"meta\":");
  p = put_text (p, name, length);
  p = PUT_LITERAL (p, ",\"value\":");
  end (self, put_bytes (p, value));
}

void
mkv_line_writer_add_commit (MkvLineWriter *self, guint64 commit, guint64 n_lines, guint64 synced)
{
  char *p = begin (self, 0);

  p = PUT_LITERAL (p, "{\"commit\":");
  p = put_number (p, commit);
  p = PUT_LITERAL (p, ",\"lines\":");
  p = put_number (p, n_lines);
  p = PUT_LITERAL (p, ",\"synced\":");
  end (self, put_number (p, synced));
}

void
mkv_line_writer_add_total (MkvLineWriter *self, guint64 n_lines)
{
  char *p = begin (self, 0);

  p = PUT_LITERAL (p, "{\"total\":");
  end (self, put_number (p, n_lines));
}

void
mkv_line_writer_add_aside (MkvLineWriter *self, const char *file, guint64 offset, const char *reason,
                           GBytes *octets)
{
  char *p = begin (self, strlen (file) + strlen (reason) + g_bytes_get_size (octets));

  p = PUT_LITERAL (p, "{\"aside\":");
  p = put_text (p, file, strlen (file));
  p = PUT_LITERAL (p, ",\"offset\":");
  p = put_number (p, offset);
  p = PUT_LITERAL (p, ",\"reason\":");
  p = put_text (p, reason, strlen (reason));
  p = PUT_LITERAL (p, ",\"value\":");
  end (self, put_bytes (p, octets));
}

void
mkv_line_writer_add (MkvLineWriter *self, const MkvLine *line)
{
  switch (line->kind)
    {
    case MKV_LINE_HEADER:
      mkv_line_writer_add_header (self, line->name, line->commit);
      break;
    case MKV_LINE_ENTRY:
      mkv_line_writer_add_entry (self, line->entry);
      break;
    case MKV_LINE_REMOVE:
      mkv_line_writer_add_remove (self, line->name);
      break;
    case MKV_LINE_META:
      mkv_line_writer_add_meta (self, line->name, line->value);
      break;
    case MKV_LINE_COMMIT:
      mkv_line_writer_add_commit (self, line->commit, line->n_lines, line->synced);
      break;
    case MKV_LINE_TOTAL:
      mkv_line_writer_add_total (self, line->n_lines);
      break;
    case MKV_LINE_ASIDE:
      mkv_line_writer_add_aside (self, line->name, line->commit, line->reason, line->value);
      break;
    default:
      g_assert_not_reached ();
    }
}

void
mkv_line_writer_pad (MkvLineWriter *self, gsize length)
{
  if (length <= self->length)
    return;
  memset (reserve (self, length - self->length), '\n', length - self->length);
  self->length = length;
}
