/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-cbor.h"
#include "mkv-test.h"

/* A PING behind another field, which is given in hexadecimal. */
static MkvCommand *
decode_with (const char *field, GError **error)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autofree char *hex = g_strdup_printf ("bf%s6269646137626f706450494e47ff", field);
  g_autoptr (GBytes) payload = mkv_test_unhex (hex);
  g_autofree char *id = NULL;

  return mkv_codec_decode_command (codec, payload, &id, error);
}

static void
test_well_formed (void)
{
  /* RFC 8949, Appendix A, and what it leaves out. */
  static const char *const values[] = {
    "00", "01", "0a", "17", "1818", "1819", "1864", "1903e8", "1a000f4240", "1b000000e8d4a51000",
    "1bffffffffffffffff", "c249010000000000000000", "3bffffffffffffffff", "c349010000000000000000", "20", "29",
    "3863", "3903e7", "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000",
    "fa7f7fffff", "fb7e37e43c8800759c", "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00",
    "f9fc00", "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000",
    "fbfff0000000000000", "f4", "f5", "f6", "f7", "f0", "e0", "f3", "f820", "f8ff",
    "c074323031332d30332d32315432303a30343a30305a", "c11a514b67b0", "c1fb41d452d9e5c00000", "d74401020304",
    "d818456449455446", "d82076687474703a2f2f7777772e6578616d706c652e636f6d", "40", "4401020304", "60", "6161",
    "6449455446", "62225c", "62c3bc", "63e6b0b4", "64f0908591", "80", "83010203", "8301820203820405",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819", "a0", "a26161016162820203", "826161a161626163",
    "a56161614161626142616361436164614461656145", "5f42010243030405ff", "5fff", "7f657374726561646d696e67ff", "7fff",
    "7f60ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff", "83018202039f0405ff", "83019f0203ff820405",
    "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", "bf61610161629f0203ffff", "826161bf61626163ff",
    "bf6346756ef563416d7421ff",
    /* Not the shortest form, a NUL, tags on tags, names that are alike, long lengths. */
    "1800", "1b0000000000000001", "190001", "7803616263", "590001ff", "99000101",
    "6100", "63610062", "c1c1c1c100", "d9d9f7d9d9f780", "a26161006162a0", "a261610062616100", "a2610000616100",
    "9b0000000000000000", "bb0000000000000000", "bf7f6161ff00ff", "bf7fff00ff",
    /* 16 deep: the payload is 1. */
    "81818181818181818181818181818100", "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9fffffffffffffffffffffffffffffff",
  };

  g_test_summary ("An unknown field may hold anything that is well-formed");
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autofree char *field = g_strconcat ("617a", values[i], NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvCommand) command = NULL;

      g_test_message ("%s", values[i]);
      command = decode_with (field, &error);
      g_assert_no_error (error);
      g_assert_cmpint (mkv_command_get_operation (command), ==, MKV_OPERATION_PING);
    }
}

static void
test_not_well_formed (void)
{
  /* RFC 8949, Appendix F, and what this protocol adds to it. */
  static const char *const fields[] = {
    /* reserved */
    "617a1c", "617a1d", "617a1e", "617a3c", "617a3d", "617a3e", "617a5c", "617a5d", "617a5e", "617a7c", "617a7d",
    "617a7e", "617a9c", "617a9d", "617a9e", "617abc", "617abd", "617abe", "617adc", "617add", "617ade", "617afc",
    "617afd", "617afe", "617a1f", "617a3f", "617adf",
    /* simple values below 32 in two octets */
    "617af800", "617af801", "617af818", "617af81f",
    /* chunks of another type, chunks in chunks */
    "617a5f00ff", "617a5f21ff", "617a5f6100ff", "617a5f80ff", "617a5fa0ff", "617a5fc000ff", "617a5fe0ff",
    "617a7f4100ff", "617a5f5f4100ffff", "617a7f7f6100ffff", "617a7f00ff", "617a7fc06161ff",
    /* a break where none is */
    "617aff", "617a81ff", "617a8200ff", "617aa1ff", "617aa16161ff", "617aa161ff", "617abf6161ff", "617ac0ff",
    "617abf616100" "6162ffff", "617a9f81ff",
    /* keys that are not text, or tagged, or come twice, however they are written */
    "0000", "f600", "4161" "00", "8000", "617aa10000", "617aa1414100", "617aa1c0616100", "c0616100", "617abf0000ff",
    "616100616100", "617aa2616100616100", "617a81a2616100616100", "616100" "78016100", "61610" "07f6161ff00",
    "7fff00" "6000", "617abf61610061620" "0616100ff",
    "626964613800",
    /* no UTF-8 */
    "617a61ff", "617a62c328", "617a63eda080", "617a62c080", "617a7f61c3ff", "617a7f61c361bcff", "61ff00",
    "617aa161ff00", "617a6300ff00", "617a8161ff",
    /* lengths and counts beyond the payload */
    "617a5b7fffffffffffffff", "617a5bffffffffffffffff", "617a7bffffffffffffffff", "617a9bffffffffffffffff",
    "617abbffffffffffffffff", "617a9a40000000", "617abaffffffff", "617a5a7fffffff", "617a9b8000000000000000",
    "617abb8000000000000001", "617a59ffff", "617a7900ff", "617aba0000000c",
    /* 17 deep */
    "617a8181818181818181818181818181818100", "617a9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f",
    "617aa16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a16161a1616100",
    /* tags before what is known */
    "656c696d6974" "c105" "c1626f7060",
  };

  g_test_summary ("What is not well-formed is refused wherever it stands");
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", fields[i]);
      g_assert_null (decode_with (fields[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    }
}

static void
test_tags (void)
{
  static const char *const texts[] = {
    "a2626964c06137626f706450494e47", /* the id */
    "a26269646137626f70c06450494e47", /* the op */
    "c0a26269646137626f706450494e47", /* the map */
    "a36269646137626f7063474554636b6579c0616b",
    "a36269646137626f70644d474554646b65797381c0616b",
    "a36269646137626f70644d534554696b657956616c756573a1616bc06176",
    "a36269646137626f70644d534554696b657956616c756573a1c0616b6176",
  };
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);

  g_test_summary ("A tag is malformed wherever the protocol knows what stands there");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GBytes) payload = mkv_test_unhex (texts[i]);
      g_autofree char *id = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", texts[i]);
      g_assert_null (mkv_codec_decode_command (codec, payload, &id, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    }
}

static void
test_chunks (void)
{
  /* {"i" "d": "" "7", "op": "S" "ET", "key": "k" "", "value": h'ff' h'00'}, all in chunks */
  g_autoptr (GBytes) payload =
      mkv_test_unhex ("bf7f61696164ff7f606137ff626f707f6153624554ff636b65797f616b60ff6576616c75655f41ff4100ffff");
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  g_autoptr (MkvCommand) command = mkv_codec_decode_command (codec, payload, &id, &error);

  g_test_summary ("Strings in chunks are as good as others");
  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, "7");
  g_assert_cmpstr (mkv_command_get_key (command), ==, "k");
  g_assert_cmpmem (g_bytes_get_data (mkv_command_get_value (command), NULL),
                   g_bytes_get_size (mkv_command_get_value (command)), "\xff\0", 2);
}

static void
test_event_texts (void)
{
  /* The fields of a SET in the usual order; %s is where the text can be spoiled. */
  static const char format[] = "82a7626f70%s636b6579%s63736571066576616c7565%s676e6f64655f6964%s68636865636b73756d50"
                               "000102030405060708090a0b0c0d0e0f6974696d657374616d700500";
  static const char *const good[] = { "63534554", "616b", "6176", "616e" };
  static const char *const bad[] = { "635345ff", "61ff", "61ff", "61ff" };
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);

  g_test_summary ("A text that is not UTF-8 condemns the payload, in whichever field of an event it is");
  for (guint i = 0; i <= G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *hex = g_strdup_printf (format, i == 0 ? bad[0] : good[0], i == 1 ? bad[1] : good[1],
                                              i == 2 ? bad[2] : good[2], i == 3 ? bad[3] : good[3]);
      g_autoptr (GBytes) payload = mkv_test_unhex (hex);
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) entries = mkv_codec_decode_events (codec, payload, &refused, &error);

      if (i < G_N_ELEMENTS (bad))
        {
          g_assert_null (entries);
          g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
          continue;
        }
      /* Nothing is wrong but the checksum, and that the other is no map. */
      g_assert_no_error (error);
      g_assert_cmpuint (entries->len, ==, 0);
      g_assert_cmpuint (g_strv_length (refused), ==, 2);
    }
}

static char *
to_hex (GBytes *payload)
{
  gsize length;
  const guint8 *octets = g_bytes_get_data (payload, &length);
  GString *hex = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", octets[i]);
  return g_string_free (hex, FALSE);
}

static void
test_deterministic (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvCommand) command = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (MkvResponse) response = mkv_response_new ("7", MKV_STATUS_OK);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autoptr (GBytes) command_payload = NULL;
  g_autoptr (GBytes) response_payload = NULL;
  g_autofree char *command_hex = NULL;
  g_autofree char *response_hex = NULL;
  GVariantBuilder info;

  g_test_summary ("Keys are written in the order of their encoded form, integers as short as they can be");
  mkv_command_set_id (command, "7");
  mkv_command_set_timestamp (command, 256);
  mkv_command_add_pair (command, "bb", value);
  mkv_command_add_pair (command, "b", value);
  mkv_command_add_pair (command, "a", value);
  mkv_command_add_pair (command, "aaa", value);
  command_payload = mkv_codec_encode_command (codec, command, NULL);
  command_hex = to_hex (command_payload);
  g_assert_cmpstr (command_hex, ==,
                   "a4" "6269646137" "626f70644d534554"
                   "696b657956616c756573" "a4" "61616176" "61626176" "6262626176" "636161616176"
                   "6974696d657374616d70" "190100");

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&info, "{sv}", "bb", g_variant_new_int64 (-25));
  g_variant_builder_add (&info, "{sv}", "c", g_variant_new_string ("v"));
  g_variant_builder_add (&info, "{sv}", "ba", g_variant_new_int64 (23));
  mkv_response_set_info (response, g_variant_builder_end (&info));
  mkv_response_set_timestamp (response, 24);
  mkv_response_set_replayed (response, TRUE);
  mkv_response_set_error (response, MKV_ERROR_CODE_IDEMPOTENT_REPLAY, "e");
  mkv_response_set_value (response, value);
  response_payload = mkv_codec_encode_response (codec, response, NULL);
  response_hex = to_hex (response_payload);
  g_assert_cmpstr (response_hex, ==,
                   "a8" "6269646137" "64696e666f" "a3" "61636176" "626261" "17" "626262" "3818"
                   "656572726f726165" "6576616c75656176" "66737461747573624f4b" "687265706c61796564f5"
                   "696572726f72436f64651866" "6974696d657374616d701818");
}

static void
test_hostile (void)
{
  static const struct
  {
    const char *head;
    const char *unit;
    guint times;
    const char *tail;
  } cases[] = {
    { "", "81", 500000, "" },
    { "", "9f", 500000, "" },
    { "", "a16161", 100000, "" },
    { "", "c1", 500000, "" },
    { "9a40000000", "", 0, "" },
    { "bf617a9a0007a120", "00", 500000, "ff" },
    { "bf617a9f", "80", 500000, "ffff" },
    { "bf617a9f", "c1", 500000, "00ffff" },
    { "bf617a9f", "7fff", 250000, "ffff" },
    { "bf617a9f", "5f4100ff", 125000, "ffff" },
    { "bf617a5f", "40", 500000, "ffff" },
    { "bf617abf", "6000", 250000, "ffff" },
    { "bf", "7f6161ff00", 100000, "ff" },
    { "bf617a7a0007a120", "00", 500000, "ff" },
    { "9f", "a0", 500000, "ff" },
  };
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);

  g_test_summary ("The longest payloads of the worst kinds take milliseconds");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) hex = g_string_new (cases[i].head);
      g_autoptr (GBytes) payload = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GPtrArray) entries = NULL;
      g_autoptr (MkvResponse) response = NULL;
      gint64 start;

      for (guint j = 0; j < cases[i].times; j++)
        g_string_append (hex, cases[i].unit);
      g_string_append (hex, cases[i].tail);
      payload = mkv_test_unhex (hex->str);
      g_assert_cmpuint (g_bytes_get_size (payload), <=, MKV_MAX_PAYLOAD_BYTES);
      start = g_get_monotonic_time ();
      entries = mkv_codec_decode_events (codec, payload, &refused, NULL);
      response = mkv_codec_decode_response (codec, payload, NULL);
      start = g_get_monotonic_time () - start;
      g_test_message ("%s%s...: %" G_GINT64_FORMAT " us", cases[i].head, cases[i].unit, start);
      g_assert_true (entries == NULL || entries->len == 0);
      g_assert_null (response);
      /* Leaves room for sanitizers on a busy machine; what is quadratic takes minutes. */
      g_assert_cmpint (start, <, 5 * G_USEC_PER_SEC);
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/codec-cbor/well-formed", test_well_formed);
  g_test_add_func ("/codec-cbor/not-well-formed", test_not_well_formed);
  g_test_add_func ("/codec-cbor/tags", test_tags);
  g_test_add_func ("/codec-cbor/chunks", test_chunks);
  g_test_add_func ("/codec-cbor/event-texts", test_event_texts);
  g_test_add_func ("/codec-cbor/deterministic", test_deterministic);
  g_test_add_func ("/codec-cbor/hostile", test_hostile);
  return g_test_run ();
}
