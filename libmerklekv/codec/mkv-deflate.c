/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "codec/mkv-deflate-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

MkvPayloadFormat
mkv_payload_sniff (GBytes *payload)
{
  gsize length;
  const guint8 *octets = g_bytes_get_data (payload, &length);

  if (length == 0)
    return MKV_PAYLOAD_UNKNOWN;
  if (octets[0] == '{' || octets[0] == '[')
    return MKV_PAYLOAD_JSON;
  if (octets[0] >= 0x80 && octets[0] <= 0xBF)
    return MKV_PAYLOAD_CBOR;
  if (octets[0] == 0x78 && length >= 2 && (octets[0] << 8 | octets[1]) % 31 == 0)
    return MKV_PAYLOAD_ZLIB;
  if (octets[0] == 'p')
    return MKV_PAYLOAD_LOCKED_SPEC;
  return MKV_PAYLOAD_UNKNOWN;
}

GBytes *
mkv_payload_deflate (GBytes *payload)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, -1));
  gsize length;
  const guint8 *octets = g_bytes_get_data (payload, &length);
  gsize size = length / 2 + 64;
  guint8 *out = g_malloc (size);
  gsize n_read = 0, n_written = 0;
  GConverterResult result;

  do
    {
      g_autoptr (GError) error = NULL;
      gsize n_in = 0, n_out = 0;

      if (n_written == size)
        out = g_realloc (out, size *= 2);
      result = g_converter_convert (compressor, length > 0 ? octets + n_read : (const guint8 *) "",
                                    length - n_read, out + n_written, size - n_written,
                                    G_CONVERTER_INPUT_AT_END, &n_in, &n_out, &error);
      /* There is input or its end, and there is room: nothing to refuse. */
      if (result == G_CONVERTER_ERROR)
        g_error ("Can't deflate: %s", error->message);
      n_read += n_in;
      n_written += n_out;
    }
  while (result != G_CONVERTER_FINISHED);
  return g_bytes_new_take (g_realloc (out, n_written), n_written);
}

GBytes *
mkv_payload_inflate (GBytes *payload, gsize max_bytes, GError **error)
{
  g_autoptr (GConverter) decompressor = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB));
  g_autofree guint8 *out = NULL;
  gsize length;
  const guint8 *octets = g_bytes_get_data (payload, &length);
  gsize size = 0, n_read = 0, n_written = 0;
  GConverterResult result;

  do
    {
      g_autoptr (GError) local_error = NULL;
      guint8 beyond;
      gsize n_in = 0, n_out = 0;

      /* What repeats itself a little grows fourfold. */
      if (n_written == size && size < max_bytes)
        {
          size = MIN (max_bytes, size == 0 ? 4 * length + 256 : 2 * size);
          out = g_realloc (out, size);
        }
      /* A stream of exactly max_bytes still has to say that it is at its end:
       * where it puts another octet instead, it is too large. */
      result = g_converter_convert (decompressor, length > 0 ? octets + n_read : (const guint8 *) "",
                                    length - n_read, n_written < size ? out + n_written : &beyond,
                                    n_written < size ? size - n_written : 1, G_CONVERTER_INPUT_AT_END, &n_in,
                                    &n_out, &local_error);
      if (result == G_CONVERTER_ERROR)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The payload does not inflate: %s"),
                       local_error->message);
          return NULL;
        }
      if (n_written == size && n_out > 0)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                       _("The payload inflates to more than %zu octets"), max_bytes);
          return NULL;
        }
      n_read += n_in;
      n_written += n_out;
    }
  while (result != G_CONVERTER_FINISHED);
  if (n_read != length)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   g_dngettext (GETTEXT_PACKAGE, "The payload has %zu octet behind its zlib stream",
                                "The payload has %zu octets behind its zlib stream", length - n_read),
                   length - n_read);
      return NULL;
    }
  return g_bytes_new_take (g_realloc (g_steal_pointer (&out), n_written), n_written);
}
