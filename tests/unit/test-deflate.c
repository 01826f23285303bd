/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "mkv-test.h"

static void
assert_refused (GBytes *payload, gsize max_bytes, gint code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mkv_payload_inflate (payload, max_bytes, &error));
  g_assert_error (error, MKV_ERROR, code);
}

static void
test_sniff (void)
{
  static const struct
  {
    const char *hex;
    MkvPayloadFormat format;
  } cases[] = {
    { "", MKV_PAYLOAD_UNKNOWN },       { "7b", MKV_PAYLOAD_JSON },      { "5b5d", MKV_PAYLOAD_JSON },
    { "80", MKV_PAYLOAD_CBOR },        { "bf", MKV_PAYLOAD_CBOR },      { "7f", MKV_PAYLOAD_UNKNOWN },
    { "c0", MKV_PAYLOAD_UNKNOWN },     { "78", MKV_PAYLOAD_UNKNOWN },   { "789c", MKV_PAYLOAD_ZLIB },
    { "7801", MKV_PAYLOAD_ZLIB },      { "789d", MKV_PAYLOAD_UNKNOWN }, { "70", MKV_PAYLOAD_LOCKED_SPEC },
    { "207b7d", MKV_PAYLOAD_UNKNOWN }, { "05", MKV_PAYLOAD_UNKNOWN },   { "efbbbf7b7d", MKV_PAYLOAD_UNKNOWN },
  };

  g_test_summary ("The first octets tell the format, and nothing else does");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) payload = mkv_test_unhex (cases[i].hex);

      g_assert_cmpint (mkv_payload_sniff (payload), ==, cases[i].format);
    }
}

static void
test_round_trip (void)
{
  static const gsize lengths[] = { 0, 1, 100, 65536, MKV_MAX_PAYLOAD_BYTES };
  guint32 seed = g_test_rand_int_range (1, G_MAXINT32);

  g_test_summary ("What was deflated inflates to the same, at the limit too, also where it can't be compressed");
  g_test_message ("seed %u", seed);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    for (guint noise = 0; noise < 2; noise++)
      {
        g_autoptr (GRand) random = g_rand_new_with_seed (seed);
        guint8 *octets = g_malloc0 (lengths[i]);
        g_autoptr (GBytes) payload = g_bytes_new_take (octets, lengths[i]);
        g_autoptr (GBytes) deflated = NULL;
        g_autoptr (GBytes) inflated = NULL;
        g_autoptr (GError) error = NULL;

        for (gsize j = 0; noise && j < lengths[i]; j++)
          octets[j] = (guint8) g_rand_int (random);
        deflated = mkv_payload_deflate (payload);
        g_assert_cmpint (mkv_payload_sniff (deflated), ==, MKV_PAYLOAD_ZLIB);
        inflated = mkv_payload_inflate (deflated, lengths[i], &error);
        g_assert_no_error (error);
        g_assert_true (g_bytes_equal (inflated, payload));
        if (lengths[i] > 0)
          assert_refused (deflated, lengths[i] - 1, MKV_ERROR_TOO_LARGE);
      }
}

static void
test_malformed (void)
{
  /* zlib with a preset dictionary (FDICT), made with zlib.compressobj (zdict=b'hello') */
  g_autoptr (GBytes) dictionary = mkv_test_unhex ("78bb062c0215cb00110a60120019910449");
  g_autoptr (GBytes) text = mkv_test_bytes ("hello hello hello hello");
  g_autoptr (GBytes) deflated = mkv_payload_deflate (text);
  gsize length;
  const guint8 *octets = g_bytes_get_data (deflated, &length);
  g_autofree guint8 *copy = g_malloc (length + 1);

  g_test_summary ("Cut short, with octets behind it, with a wrong checksum or a dictionary: malformed");
  assert_refused (dictionary, 1000, MKV_ERROR_MALFORMED);
  for (gsize i = 0; i < length; i++)
    {
      g_autoptr (GBytes) cut = g_bytes_new (octets, i);

      assert_refused (cut, 1000, MKV_ERROR_MALFORMED);
    }
  memcpy (copy, octets, length);
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GBytes) broken = NULL;

      copy[length - 1 - i] ^= 1;
      broken = g_bytes_new (copy, length);
      copy[length - 1 - i] ^= 1;
      assert_refused (broken, 1000, MKV_ERROR_MALFORMED);
    }
  copy[length] = 0;
  {
    g_autoptr (GBytes) longer = g_bytes_new (copy, length + 1);

    assert_refused (longer, 1000, MKV_ERROR_MALFORMED);
  }
}

static void
test_bomb (void)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9));
  g_autofree guint8 *zeros = g_malloc0 (1024 * 1024);
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  g_autoptr (GBytes) small = NULL;
  g_autoptr (GBytes) large = NULL;
  g_autoptr (GError) error = NULL;
  guint8 block[4096];
  gsize n_read, n_written;
  gint64 start;

  g_test_summary ("1 KB that inflates to 1 MiB, and 1 MB that inflates to 1 GiB, are refused at the limit, at once");
  /* Flushed, so that what follows the header's two octets can be repeated. */
  g_converter_convert (compressor, zeros, 1024 * 1024, block, sizeof block, G_CONVERTER_FLUSH, &n_read, &n_written,
                       &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_read, ==, 1024 * 1024);
  g_assert_cmpuint (n_written, <, 1100);
  small = g_bytes_new (block, n_written);
  g_byte_array_append (stream, block, 2);
  for (guint i = 0; i < 1024; i++)
    g_byte_array_append (stream, block + 2, (guint) n_written - 2);
  large = g_byte_array_free_to_bytes (g_steal_pointer (&stream));
  start = g_get_monotonic_time ();
  assert_refused (small, MKV_MAX_PAYLOAD_BYTES, MKV_ERROR_TOO_LARGE);
  assert_refused (large, MKV_MAX_PAYLOAD_BYTES, MKV_ERROR_TOO_LARGE);
  g_assert_cmpint (g_get_monotonic_time () - start, <, G_USEC_PER_SEC / 2);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/deflate/sniff", test_sniff);
  g_test_add_func ("/deflate/round-trip", test_round_trip);
  g_test_add_func ("/deflate/malformed", test_malformed);
  g_test_add_func ("/deflate/bomb", test_bomb);
  return g_test_run ();
}
