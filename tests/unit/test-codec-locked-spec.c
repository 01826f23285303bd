/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-test.h"

static MkvCodec *codec;

/* The one good event of a payload, which is the base64 of what @hex says. */
static MkvEntry *
decode (const char *hex, gboolean *refused_alone)
{
  g_autoptr (GBytes) cbor = mkv_test_unhex (hex);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (cbor, NULL), g_bytes_get_size (cbor));
  g_autoptr (GBytes) payload = mkv_test_bytes (base64);
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_codec_decode_events (codec, payload, &refused, &error);

  *refused_alone = refused != NULL;
  if (entries == NULL)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
      return NULL;
    }
  g_assert_cmpuint (entries->len + (refused != NULL ? g_strv_length (refused) : 0), ==, 1);
  return entries->len > 0 ? mkv_entry_ref (entries->pdata[0]) : NULL;
}

static GBytes *
encode (gconstpointer octets, gsize length, GError **error)
{
  g_autoptr (GBytes) value = g_bytes_new (octets, length);
  g_autoptr (MkvEntry) entry = mkv_entry_new ("k", value, 5, "n", 6, NULL);
  g_autoptr (MkvEntry) other = mkv_entry_new ("l", value, 5, "n", 7, NULL);
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  GBytes *payload;
  guint n_encoded;

  g_ptr_array_add (entries, entry);
  g_ptr_array_add (entries, other);
  payload = mkv_codec_encode_events (codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, error);
  if (payload != NULL)
    g_assert_cmpuint (n_encoded, ==, 1);
  return payload;
}

static void
test_values (void)
{
  static const struct
  {
    const char *octets;
    gsize length;
  } cases[] = {
    { "", 0 },       { "v", 1 },          { "ü", 2 },        { "b64", 3 },      { "b64:", 4 }, { "b64:AP8", 7 },
    { "b64:*", 5 },  { "\0", 1 },         { "\xff", 1 },     { "\xfb\xff", 2 }, { "\xff\xef\xbf", 3 },
    { " b64:A", 6 }, { "b64:\xff\0", 6 },
  };

  g_test_summary ("Every value comes back as it was, alone in its payload, which begins with p");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) payload = encode (cases[i].octets, cases[i].length, &error);
      g_auto (GStrv) refused = NULL;
      g_autoptr (GPtrArray) entries = NULL;
      const guint8 *octets;
      gsize length;

      g_assert_no_error (error);
      g_assert_cmpint (*(const char *) g_bytes_get_data (payload, NULL), ==, 'p');
      entries = mkv_codec_decode_events (codec, payload, &refused, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (entries->len, ==, 1);
      octets = mkv_entry_peek_value (entries->pdata[0], &length);
      g_assert_cmpmem (octets, length, cases[i].octets, cases[i].length);
    }
}

#define KEY "636b6579616b"
#define NODE_ID "676e6f64655f6964616e"
#define SEQ "6373657106"
#define TIMESTAMP "6c74696d657374616d705f6d7305"
#define LIVE "69746f6d6273746f6e65f4"
#define DEAD "69746f6d6273746f6e65f5"
#define VALUE "6576616c7565"

static void
test_reading (void)
{
  static const struct
  {
    const char *hex;
    const char *value;
  } good[] = {
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "6176", "v" },
    { "a6" VALUE "6176" LIVE TIMESTAMP SEQ NODE_ID KEY, "v" },
    { "a6" VALUE "4176" LIVE TIMESTAMP SEQ NODE_ID KEY, "v" },
    { "a5" KEY NODE_ID SEQ TIMESTAMP DEAD, NULL },
    { "a6" KEY NODE_ID SEQ TIMESTAMP DEAD "617a80", NULL },
    { "a6" KEY NODE_ID "63736571f94600" TIMESTAMP LIVE VALUE "6176", "v" },
    /* b64:dg is "v"; the others are not what an encoder writes, so they are text. */
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "666236343a6467", "v" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "646236343a", "" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "666236343a6468", "b64:dh" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "686236343a64673d3d", "b64:dg==" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "686236343a41502f2b", "b64:AP/+" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "676236343a642067", "b64:d g" },
    { "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "656236343a64", "b64:d" },
  };
  static const char *const bad_events[] = {
    "a5" KEY NODE_ID SEQ TIMESTAMP LIVE,
    "a6" KEY NODE_ID SEQ TIMESTAMP DEAD VALUE "6176",
    "a5" KEY NODE_ID SEQ TIMESTAMP VALUE "6176",
    "a5" KEY NODE_ID SEQ LIVE VALUE "6176",
    "a5" KEY NODE_ID TIMESTAMP LIVE VALUE "6176",
    "a5" KEY SEQ TIMESTAMP LIVE VALUE "6176",
    "a5" NODE_ID SEQ TIMESTAMP LIVE VALUE "6176",
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "f6",
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "c06176",
    "a6" KEY NODE_ID SEQ TIMESTAMP "69746f6d6273746f6e6500" VALUE "6176",
    "a6" KEY NODE_ID "6373657100" TIMESTAMP LIVE VALUE "6176",
    "a6" "636b657960" NODE_ID SEQ TIMESTAMP LIVE VALUE "6176",
  };
  static const char *const malformed[] = {
    "a4" KEY NODE_ID SEQ TIMESTAMP,
    "a7" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "6176" "617a00",
    "bf" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "6176" "ff",
    "81a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "6176",
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "6176" "00",
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE,
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE LIVE,
    "a6" KEY NODE_ID SEQ TIMESTAMP LIVE VALUE "61ff",
    "",
  };
  gboolean refused_alone;

  g_test_summary ("Fields come in any order; what is no such map, or lacks something, is refused");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (MkvEntry) entry = decode (good[i].hex, &refused_alone);
      g_autofree char *text = NULL;

      g_test_message ("%s", good[i].hex);
      g_assert_nonnull (entry);
      text = mkv_entry_dup_text (entry);
      g_assert_cmpstr (text, ==, good[i].value);
      g_assert_cmpint (mkv_entry_get_stamp (entry)->seq, ==, 6);
      g_assert_cmpint (mkv_entry_get_stamp (entry)->timestamp, ==, 5);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad_events); i++)
    {
      g_test_message ("%s", bad_events[i]);
      g_assert_null (decode (bad_events[i], &refused_alone));
      g_assert_true (refused_alone);
    }
  for (guint i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      g_test_message ("%s", malformed[i]);
      g_assert_null (decode (malformed[i], &refused_alone));
      g_assert_false (refused_alone);
    }
}

static void
test_limits (void)
{
  g_autofree char *text = g_strnfill (MKV_MAX_VALUE_BYTES, 'v');
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) large_text = encode (text, MKV_MAX_VALUE_BYTES, &error);
  g_autoptr (GBytes) binary = NULL;

  g_test_summary ("The longest text fits; the longest binary value, which grows by a third, does not");
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (large_text), <, MKV_MAX_PAYLOAD_BYTES);
  text[0] = '\xff';
  binary = encode (text, 224 * 1024, &error);
  g_assert_no_error (error);
  g_assert_null (encode (text, MKV_MAX_VALUE_BYTES, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
}

int
main (int argc, char **argv)
{
  gint status;

  mkv_test_init (&argc, &argv, 30);
  codec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_test_add_func ("/codec-locked-spec/values", test_values);
  g_test_add_func ("/codec-locked-spec/reading", test_reading);
  g_test_add_func ("/codec-locked-spec/limits", test_limits);
  status = g_test_run ();
  g_object_unref (codec);
  return status;
}
