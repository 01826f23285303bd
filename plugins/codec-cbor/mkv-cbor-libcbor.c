/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-reader.h"

#include <cbor.h>
#include <glib/gi18n-lib.h>

static MkvCborItem *
set_type (void *data, MkvCborType type)
{
  MkvCborItem *item = data;

  item->type = type;
  return item;
}

static void
on_uint8 (void *data, uint8_t number)
{
  set_type (data, MKV_CBOR_UINT)->number = number;
}

static void
on_uint16 (void *data, uint16_t number)
{
  set_type (data, MKV_CBOR_UINT)->number = number;
}

static void
on_uint32 (void *data, uint32_t number)
{
  set_type (data, MKV_CBOR_UINT)->number = number;
}

static void
on_uint64 (void *data, uint64_t number)
{
  set_type (data, MKV_CBOR_UINT)->number = number;
}

static void
on_negint8 (void *data, uint8_t number)
{
  set_type (data, MKV_CBOR_NEGINT)->number = number;
}

static void
on_negint16 (void *data, uint16_t number)
{
  set_type (data, MKV_CBOR_NEGINT)->number = number;
}

static void
on_negint32 (void *data, uint32_t number)
{
  set_type (data, MKV_CBOR_NEGINT)->number = number;
}

static void
on_negint64 (void *data, uint64_t number)
{
  set_type (data, MKV_CBOR_NEGINT)->number = number;
}

static void
set_string (void *data, MkvCborType type, cbor_data octets, size_t length)
{
  MkvCborItem *item = set_type (data, type);

  item->octets = octets;
  item->length = length;
}

static void
on_bytes (void *data, cbor_data octets, size_t length)
{
  set_string (data, MKV_CBOR_BYTES, octets, length);
}

static void
on_text (void *data, cbor_data octets, size_t length)
{
  set_string (data, MKV_CBOR_TEXT, octets, length);
}

static void
on_array (void *data, size_t number)
{
  set_type (data, MKV_CBOR_ARRAY)->number = number;
}

static void
on_map (void *data, size_t number)
{
  set_type (data, MKV_CBOR_MAP)->number = number;
}

static void
on_bytes_start (void *data)
{
  set_type (data, MKV_CBOR_BYTES_START);
}

static void
on_text_start (void *data)
{
  set_type (data, MKV_CBOR_TEXT_START);
}

static void
on_array_start (void *data)
{
  set_type (data, MKV_CBOR_ARRAY)->indefinite = TRUE;
}

static void
on_map_start (void *data)
{
  set_type (data, MKV_CBOR_MAP)->indefinite = TRUE;
}

static void
on_tag (void *data, uint64_t number)
{
  set_type (data, MKV_CBOR_TAG);
}

static void
on_float (void *data, float real)
{
  set_type (data, MKV_CBOR_FLOAT)->real = (double) real;
}

static void
on_double (void *data, double real)
{
  set_type (data, MKV_CBOR_FLOAT)->real = real;
}

static void
on_boolean (void *data, bool value)
{
  set_type (data, MKV_CBOR_BOOLEAN)->number = value;
}

static void
on_simple (void *data)
{
  set_type (data, MKV_CBOR_SIMPLE);
}

static void
on_break (void *data)
{
  set_type (data, MKV_CBOR_BREAK);
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
    return mkv_cbor_reader_fail (self, _("it ends before an item"));
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
    return mkv_cbor_reader_fail (self, _("it ends within an item"));
  if (result.status != CBOR_DECODER_FINISHED)
    return mkv_cbor_reader_fail (self, _("no item begins like that"));
  self->at += result.read;
  return TRUE;
}
