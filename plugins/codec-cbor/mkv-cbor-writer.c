/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-writer.h"

#include <cbor.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "model/mkv-names.h"

static void
need (MkvCborWriter *self, gsize n)
{
  if (self->size - self->length < n)
    self->octets = g_realloc (self->octets, self->size = 2 * self->size + n);
}

void
mkv_cbor_writer_map (MkvCborWriter *self, gsize n_pairs)
{
  need (self, MKV_CBOR_HEAD_BYTES);
  self->length += cbor_encode_map_start (n_pairs, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
}

void
mkv_cbor_writer_array (MkvCborWriter *self, gsize n_items)
{
  need (self, MKV_CBOR_HEAD_BYTES);
  self->length += cbor_encode_array_start (n_items, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
}

void
mkv_cbor_writer_int (MkvCborWriter *self, gint64 number)
{
  need (self, MKV_CBOR_HEAD_BYTES);
  if (number >= 0)
    self->length += cbor_encode_uint ((guint64) number, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
  else
    self->length += cbor_encode_negint ((guint64) (-1 - number), self->octets + self->length, MKV_CBOR_HEAD_BYTES);
}

void
mkv_cbor_writer_boolean (MkvCborWriter *self, gboolean value)
{
  need (self, MKV_CBOR_HEAD_BYTES);
  self->length += cbor_encode_bool (value, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
}

static void
put (MkvCborWriter *self, gconstpointer octets, gsize length)
{
  if (length > 0)
    memcpy (self->octets + self->length, octets, length);
  self->length += length;
}

void
mkv_cbor_writer_text (MkvCborWriter *self, const char *text, gsize length)
{
  need (self, MKV_CBOR_HEAD_BYTES + length);
  self->length += cbor_encode_string_start (length, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
  put (self, text, length);
}

void
mkv_cbor_writer_bytes (MkvCborWriter *self, gconstpointer octets, gsize length)
{
  need (self, MKV_CBOR_HEAD_BYTES + length);
  self->length += cbor_encode_bytestring_start (length, self->octets + self->length, MKV_CBOR_HEAD_BYTES);
  put (self, octets, length);
}

void
mkv_cbor_writer_octets (MkvCborWriter *self, GBytes *octets)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (octets, &length);

  mkv_cbor_writer_bytes (self, data, length);
}

void
mkv_cbor_writer_raw (MkvCborWriter *self, gconstpointer octets, gsize length)
{
  need (self, length);
  put (self, octets, length);
}

guint8 *
mkv_cbor_writer_reserve (MkvCborWriter *self, gsize length)
{
  need (self, length);
  return self->octets + self->length;
}

void
mkv_cbor_writer_string (MkvCborWriter *self, const char *text)
{
  mkv_cbor_writer_text (self, text, strlen (text));
}

void
mkv_cbor_writer_value (MkvCborWriter *self, GBytes *value)
{
  gsize length;
  const char *octets = g_bytes_get_data (value, &length);

  if (mkv_text_is_valid (octets, length))
    mkv_cbor_writer_text (self, octets, length);
  else
    mkv_cbor_writer_bytes (self, octets, length);
}

void
mkv_cbor_writer_begin_fields (MkvCborWriter *self)
{
  mkv_cbor_writer_map (self, 0);
}

void
mkv_cbor_writer_field (MkvCborWriter *self, const char *name)
{
  self->n_fields++;
  mkv_cbor_writer_string (self, name);
}

void
mkv_cbor_writer_field_string (MkvCborWriter *self, const char *name, const char *text)
{
  if (text == NULL)
    return;
  mkv_cbor_writer_field (self, name);
  mkv_cbor_writer_string (self, text);
}

void
mkv_cbor_writer_field_value (MkvCborWriter *self, const char *name, GBytes *value)
{
  if (value == NULL)
    return;
  mkv_cbor_writer_field (self, name);
  mkv_cbor_writer_value (self, value);
}

void
mkv_cbor_writer_field_octets (MkvCborWriter *self, const char *name, GBytes *octets)
{
  if (octets == NULL)
    return;
  mkv_cbor_writer_field (self, name);
  mkv_cbor_writer_octets (self, octets);
}

void
mkv_cbor_writer_field_int (MkvCborWriter *self, const char *name, gint64 number)
{
  mkv_cbor_writer_field (self, name);
  mkv_cbor_writer_int (self, number);
}

void
mkv_cbor_writer_field_boolean (MkvCborWriter *self, const char *name, gboolean value)
{
  mkv_cbor_writer_field (self, name);
  mkv_cbor_writer_boolean (self, value);
}

GBytes *
mkv_cbor_writer_end_fields (MkvCborWriter *self, gsize max_bytes, GError **error)
{
  if (self->length > max_bytes)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The message takes %zu octets in CBOR, at most %zu are allowed"), self->length, max_bytes);
      return NULL;
    }
  self->octets[0] |= (guint8) self->n_fields;
  return mkv_cbor_writer_end (self);
}

void
mkv_cbor_writer_clear (MkvCborWriter *self)
{
  g_clear_pointer (&self->octets, g_free);
}

gint
mkv_cbor_compare_keys (const char *a, const char *b)
{
  gsize x = strlen (a), y = strlen (b);

  /* The head of a longer text is greater. */
  return x != y ? (x < y ? -1 : 1) : memcmp (a, b, x);
}

GBytes *
mkv_cbor_writer_end (MkvCborWriter *self)
{
  return g_bytes_new_take (g_steal_pointer (&self->octets), self->length);
}
