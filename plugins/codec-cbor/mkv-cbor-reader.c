/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cbor-reader.h"

#include <cbor.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

void
mkv_cbor_reader_init (MkvCborReader *self, GBytes *payload)
{
  gsize length;

  self->at = self->start = g_bytes_get_data (payload, &length);
  self->end = self->start + length;
  self->depth = 0;
  self->error = NULL;
  self->keys = (MkvKeyStack){ NULL };
  self->joined = NULL;
}

void
mkv_cbor_reader_clear (MkvCborReader *self)
{
  mkv_key_stack_clear (&self->keys);
  g_clear_pointer (&self->joined, g_ptr_array_unref);
}

gboolean
mkv_cbor_reader_fail (MkvCborReader *self, const char *error)
{
  if (self->error == NULL)
    self->error = error;
  return FALSE;
}

void
mkv_cbor_reader_set_error (MkvCborReader *self, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "The CBOR is malformed at octet %" G_GSIZE_FORMAT ": %s",
               (gsize) (self->at - self->start), self->error);
}

static void
on_uint8 (void *data, uint8_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_UINT;
  item->number = number;
}

static void
on_uint16 (void *data, uint16_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_UINT;
  item->number = number;
}

static void
on_uint32 (void *data, uint32_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_UINT;
  item->number = number;
}

static void
on_uint64 (void *data, uint64_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_UINT;
  item->number = number;
}

static void
on_negint8 (void *data, uint8_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_NEGINT;
  item->number = number;
}

static void
on_negint16 (void *data, uint16_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_NEGINT;
  item->number = number;
}

static void
on_negint32 (void *data, uint32_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_NEGINT;
  item->number = number;
}

static void
on_negint64 (void *data, uint64_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_NEGINT;
  item->number = number;
}

static void
on_bytes (void *data, cbor_data octets, size_t length)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_BYTES;
  item->octets = octets;
  item->length = length;
}

static void
on_text (void *data, cbor_data octets, size_t length)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_TEXT;
  item->octets = octets;
  item->length = length;
}

static void
on_array (void *data, size_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_ARRAY;
  item->number = number;
}

static void
on_map (void *data, size_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_MAP;
  item->number = number;
}

static void
on_bytes_start (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_BYTES_START;
}

static void
on_text_start (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_TEXT_START;
}

static void
on_array_start (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_ARRAY;
  item->indefinite = TRUE;
}

static void
on_map_start (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_MAP;
  item->indefinite = TRUE;
}

static void
on_tag (void *data, uint64_t number)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_TAG;
}

static void
on_float (void *data, float real)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_FLOAT;
  item->real = (double) real;
}

static void
on_double (void *data, double real)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_FLOAT;
  item->real = real;
}

static void
on_boolean (void *data, bool value)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_BOOLEAN;
  item->number = value;
}

static void
on_simple (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_SIMPLE;
}

static void
on_break (void *data)
{
  MkvCborItem *item = data;

  item->type = MKV_CBOR_BREAK;
}

static const struct cbor_callbacks callbacks = {
  .uint8 = on_uint8,
  .uint16 = on_uint16,
  .uint32 = on_uint32,
  .uint64 = on_uint64,
  .negint8 = on_negint8,
  .negint16 = on_negint16,
  .negint32 = on_negint32,
  .negint64 = on_negint64,
  .byte_string = on_bytes,
  .string = on_text,
  .array_start = on_array,
  .map_start = on_map,
  .byte_string_start = on_bytes_start,
  .string_start = on_text_start,
  .indef_array_start = on_array_start,
  .indef_map_start = on_map_start,
  .tag = on_tag,
  .float2 = on_float,
  .float4 = on_float,
  .float8 = on_double,
  .undefined = on_simple,
  .null = on_simple,
  .boolean = on_boolean,
  .indef_break = on_break,
};

gboolean
mkv_cbor_reader_next_by_libcbor (MkvCborReader *self, MkvCborItem *item)
{
  struct cbor_decoder_result result;

  if (self->at == self->end)
    return mkv_cbor_reader_fail (self, "it ends before an item");
  /* libcbor knows no simple values but those that have a name. */
  if (*self->at >= 0xE0 && *self->at <= 0xF3)
    {
      self->at++;
      item->type = MKV_CBOR_SIMPLE;
      return TRUE;
    }
  if (*self->at == 0xF8 && self->end - self->at >= 2 && self->at[1] >= 32)
    {
      self->at += 2;
      item->type = MKV_CBOR_SIMPLE;
      return TRUE;
    }
  result = cbor_stream_decode (self->at, (size_t) (self->end - self->at), &callbacks, item);
  if (result.status == CBOR_DECODER_NEDATA)
    return mkv_cbor_reader_fail (self, "it ends within an item");
  if (result.status != CBOR_DECODER_FINISHED)
    return mkv_cbor_reader_fail (self, "no item begins like that");
  self->at += result.read;
  return TRUE;
}

/* NUL is a character of UTF-8 like any other, but not for GLib. */
gboolean
mkv_cbor_reader_check_text (MkvCborReader *self, const MkvCborItem *item)
{
  const char *at = (const char *) item->octets;
  gsize left = item->length;

  while (G_UNLIKELY (!mkv_text_is_valid (at, left)))
    {
      const char *nul = memchr (at, 0, left);

      if (nul == NULL || !mkv_text_is_valid (at, (gsize) (nul - at)))
        return mkv_cbor_reader_fail (self, "a text is not UTF-8");
      left -= (gsize) (nul + 1 - at);
      at = nul + 1;
    }
  return TRUE;
}

/* Takes the chunks of a string. Each chunk of a text is a text of its own. */
static gboolean
take_chunks (MkvCborReader *self, MkvCborItem *item)
{
  MkvCborType type = item->type == MKV_CBOR_TEXT_START ? MKV_CBOR_TEXT : MKV_CBOR_BYTES;
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  MkvCborItem chunk;

  while (mkv_cbor_reader_next (self, &chunk) && chunk.type == type && (type == MKV_CBOR_BYTES || mkv_cbor_reader_check_text (self, &chunk)))
    g_byte_array_append (whole, chunk.octets, (guint) chunk.length);
  if (self->error != NULL)
    return FALSE;
  if (chunk.type != MKV_CBOR_BREAK)
    return mkv_cbor_reader_fail (self, "a string in chunks holds something else");
  item->type = type;
  item->length = whole->len;
  item->octets = (const guint8 *) "";
  if (whole->len == 0)
    return TRUE;
  item->octets = g_byte_array_free (g_steal_pointer (&whole), FALSE);
  if (self->joined == NULL)
    self->joined = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->joined, (gpointer) item->octets);
  return TRUE;
}

/* What a head alone does not say. */
gboolean
mkv_cbor_reader_complete (MkvCborReader *self, MkvCborItem *item)
{
  switch (item->type)
    {
    case MKV_CBOR_TEXT:
      return mkv_cbor_reader_check_text (self, item);
    case MKV_CBOR_TEXT_START:
    case MKV_CBOR_BYTES_START:
      return take_chunks (self, item);
    case MKV_CBOR_TAG:
      return mkv_cbor_reader_fail (self, "a tag stands where none is skipped");
    case MKV_CBOR_BREAK:
      return mkv_cbor_reader_fail (self, "a break stands where an item should");
    default:
      return TRUE;
    }
}

gboolean
mkv_cbor_reader_take (MkvCborReader *self, MkvCborItem *item)
{
  return mkv_cbor_reader_next (self, item) && mkv_cbor_reader_complete (self, item);
}

gboolean
mkv_cbor_reader_take_any (MkvCborReader *self, MkvCborItem *item)
{
  do
    {
      if (!mkv_cbor_reader_next (self, item))
        return FALSE;
    }
  while (item->type == MKV_CBOR_TAG);
  return mkv_cbor_reader_complete (self, item);
}

gboolean
mkv_cbor_reader_enter (MkvCborReader *self, const MkvCborItem *item, MkvCborContainer *container)
{
  guint64 room = (guint64) (self->end - self->at);

  if (++self->depth > MKV_MAX_NESTING)
    return mkv_cbor_reader_fail (self, "it is nested too deep");
  container->is_map = item->type == MKV_CBOR_MAP;
  container->indefinite = item->indefinite;
  container->left = item->indefinite ? 0 : item->number;
  container->first_key = mkv_key_stack_get_length (&self->keys);
  /* Each item takes an octet at least. */
  if (container->left > (container->is_map ? room / 2 : room))
    return mkv_cbor_reader_fail (self, "a container has more items than there are octets");
  return TRUE;
}

gboolean
mkv_cbor_reader_more_or_leave (MkvCborReader *self, MkvCborContainer *container)
{
  if (self->error != NULL)
    return FALSE;
  if (container->indefinite)
    {
      if (self->at == self->end)
        return mkv_cbor_reader_fail (self, "it ends within a container");
      if (*self->at != 0xFF)
        return TRUE;
      self->at++;
    }
  self->depth--;
  if (!mkv_key_stack_pop (&self->keys, container->first_key))
    mkv_cbor_reader_duplicate (self);
  return FALSE;
}

gboolean
mkv_cbor_reader_key (MkvCborReader *self, MkvCborItem *key)
{
  if (!mkv_cbor_reader_next (self, key))
    return FALSE;
  if (key->type == MKV_CBOR_TEXT_START)
    return take_chunks (self, key);
  return key->type == MKV_CBOR_TEXT || mkv_cbor_reader_fail (self, "the key of a map is not a text");
}

gboolean
mkv_cbor_reader_keep_key (MkvCborReader *self, const MkvCborItem *item)
{
  if (!mkv_cbor_reader_check_text (self, item))
    return FALSE;
  mkv_key_stack_push (&self->keys, item->octets, item->length);
  return TRUE;
}

gboolean
mkv_cbor_reader_duplicate (MkvCborReader *self)
{
  return mkv_cbor_reader_fail (self, "a map has a key twice");
}

gboolean
mkv_cbor_reader_leave_behind (MkvCborReader *self, const MkvCborItem *head)
{
  MkvCborContainer open[MKV_MAX_NESTING];
  MkvCborItem item = *head;
  guint n = 0;

  do
    {
      if (item.type == MKV_CBOR_ARRAY || item.type == MKV_CBOR_MAP)
        {
          if (!mkv_cbor_reader_enter (self, &item, &open[n]))
            return FALSE;
          n++;
        }
      while (n > 0 && !mkv_cbor_reader_more (self, &open[n - 1]))
        {
          if (self->error != NULL)
            return FALSE;
          n--;
        }
      if (n == 0)
        return TRUE;
      if (open[n - 1].is_map && (!mkv_cbor_reader_key (self, &item) || !mkv_cbor_reader_keep_key (self, &item)))
        return FALSE;
    }
  while (mkv_cbor_reader_take_any (self, &item));
  return FALSE;
}

gboolean
mkv_cbor_reader_skip (MkvCborReader *self)
{
  MkvCborItem item;

  return mkv_cbor_reader_take_any (self, &item) && mkv_cbor_reader_leave_behind (self, &item);
}

gboolean
mkv_cbor_reader_finish (MkvCborReader *self)
{
  if (self->error == NULL && self->at != self->end)
    mkv_cbor_reader_fail (self, "there is more behind its end");
  return self->error == NULL;
}

gboolean
mkv_cbor_item_get_int (const MkvCborItem *item, gint64 min, gint64 max, gint64 *number)
{
  gint64 value;

  switch (item->type)
    {
    case MKV_CBOR_UINT:
      if (item->number > G_MAXINT64)
        return FALSE;
      value = (gint64) item->number;
      break;
    case MKV_CBOR_NEGINT:
      if (item->number > G_MAXINT64)
        return FALSE;
      value = -1 - (gint64) item->number;
      break;
    case MKV_CBOR_FLOAT:
      /* 2^63; written so that NaN is outside, too. */
      if (!(item->real >= -0x1p63 && item->real < 0x1p63))
        return FALSE;
      value = (gint64) item->real;
      if ((double) value != item->real)
        return FALSE;
      break;
    default:
      return FALSE;
    }
  *number = value;
  return value >= min && value <= max;
}

gboolean
mkv_cbor_item_get_text (const MkvCborItem *item, char *text, gsize size)
{
  if (item->type != MKV_CBOR_TEXT || item->length >= size || memchr (item->octets, 0, item->length) != NULL)
    return FALSE;
  memcpy (text, item->octets, item->length);
  text[item->length] = 0;
  return TRUE;
}
