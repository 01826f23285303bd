/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-fixture.h"
#include "mkv-codec-payload.h"
#include "mkv-test.h"

/* What every codec of events has to do. */

static MkvEntry *
new_entry (const char *key, gconstpointer value, gssize length, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = length >= 0 ? g_bytes_new (value, (gsize) length) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, &error);

  g_assert_no_error (error);
  return entry;
}

static void
assert_same (MkvEntry *a, MkvEntry *b)
{
  g_assert_cmpstr (mkv_entry_get_key (a), ==, mkv_entry_get_key (b));
  g_assert_cmpint (mkv_entry_is_text (a), ==, mkv_entry_is_text (b));
  g_assert_cmpmem (mkv_entry_peek_digest (a), MKV_DIGEST_BYTES, mkv_entry_peek_digest (b), MKV_DIGEST_BYTES);
}

static GPtrArray *
decode_events (MkvCodecFixture *fixture, GBytes *payload, guint n_refused)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  GPtrArray *entries = mkv_codec_decode_events (fixture->codec, payload, &refused, &error);

  g_assert_no_error (error);
  for (guint i = 0; refused != NULL && refused[i] != NULL; i++)
    g_test_message ("%s", refused[i]);
  g_assert_cmpuint (refused != NULL ? g_strv_length (refused) : 0, ==, n_refused);
  return entries;
}

static void
assert_events_malformed (MkvCodecFixture *fixture, GBytes *payload)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (mkv_codec_decode_events (fixture->codec, payload, &refused, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
}

static GPtrArray *
make_entries (void)
{
  g_autofree char *key = g_strnfill (MKV_MAX_KEY_BYTES, 'k');
  g_autofree char *node_id = g_strnfill (MKV_MAX_NAME_BYTES, 'n');
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  g_ptr_array_add (entries, new_entry ("k", "value", 5, 0, "n", 1));
  g_ptr_array_add (entries, new_entry ("k", "", 0, 1, "n", 2));
  g_ptr_array_add (entries, new_entry ("k", NULL, -1, 2, "n", 3));
  g_ptr_array_add (entries, new_entry ("k", "\xff\x00\xfe", 3, 3, "n", 4));
  g_ptr_array_add (entries, new_entry ("k", "a\0b", 3, 4, "n", 5));
  g_ptr_array_add (entries, new_entry ("ключ \"\\\n🔑", "\"\\/\b\f\n\r\t\x01\x7f ü 🔑 \xee\x80\x80", 22, 5, "n", 6));
  g_ptr_array_add (entries, new_entry (key, "b64:AP8", 7, MKV_MAX_TIMESTAMP, node_id, G_MAXINT64));
  return entries;
}

static void
test_events (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = make_entries ();
  g_autoptr (GBytes) all = NULL;
  g_autoptr (GPtrArray) decoded_all = NULL;
  guint n_encoded;

  g_test_summary ("Events come back as they were, alone as a map, together as an array in order");
  for (guint i = 0; i < entries->len; i++)
    {
      g_autoptr (GPtrArray) one = g_ptr_array_new ();
      g_autoptr (GBytes) payload = NULL;
      g_autoptr (GPtrArray) decoded = NULL;

      g_ptr_array_add (one, entries->pdata[i]);
      payload = mkv_codec_encode_events (fixture->codec, one, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
      g_assert_cmpuint (n_encoded, ==, 1);
      g_assert_cmpint (*(const guint8 *) g_bytes_get_data (payload, NULL) & 0xE0, ==, fixture->is_cbor ? 0xA0 : 0x60);
      decoded = decode_events (fixture, payload, 0);
      g_assert_cmpuint (decoded->len, ==, 1);
      assert_same (decoded->pdata[0], entries->pdata[i]);
    }
  all = mkv_codec_encode_events (fixture->codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  g_assert_cmpuint (n_encoded, ==, entries->len);
  g_assert_cmpint (*(const guint8 *) g_bytes_get_data (all, NULL) & 0xE0, ==, fixture->is_cbor ? 0x80 : 0x40);
  decoded_all = decode_events (fixture, all, 0);
  g_assert_cmpuint (decoded_all->len, ==, entries->len);
  for (guint i = 0; i < entries->len; i++)
    assert_same (decoded_all->pdata[i], entries->pdata[i]);
}

static void
test_events_many (MkvCodecFixture *fixture, gconstpointer data)
{
  static const gsize limits[] = { MKV_MAX_PAYLOAD_BYTES, MKV_MAX_EVENTS_BYTES, 1000, 190 };
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  g_test_summary ("As many events as fit go into a payload: by its limit, by 64 KiB and by 1,024");
  for (guint i = 0; i < 2500; i++)
    g_ptr_array_add (entries, new_entry ("k", "v", 1, i, "n", i + 1));
  for (guint j = 0; j < G_N_ELEMENTS (limits); j++)
    {
      g_autoptr (GPtrArray) rest = g_ptr_array_new ();
      guint n_payloads = 0, at = 0;

      g_ptr_array_extend (rest, entries, NULL, NULL);
      while (rest->len > 0)
        {
          guint n_encoded;
          g_autoptr (GBytes) payload =
              mkv_codec_encode_events (fixture->codec, rest, limits[j], &n_encoded, NULL);
          g_autoptr (GPtrArray) decoded = decode_events (fixture, payload, 0);
          gsize size = g_bytes_get_size (payload);

          g_assert_cmpuint (size, <=, MIN (limits[j], MKV_MAX_EVENTS_BYTES));
          g_assert_cmpuint (n_encoded, <=, MKV_MAX_EVENTS);
          /* Another event would not have fit. */
          if (n_encoded < rest->len)
            g_assert_cmpuint (size + size / n_encoded + 4, >, MIN (limits[j], MKV_MAX_EVENTS_BYTES));
          g_assert_cmpuint (decoded->len, ==, n_encoded);
          for (guint i = 0; i < n_encoded; i++)
            assert_same (decoded->pdata[i], entries->pdata[at++]);
          g_ptr_array_remove_range (rest, 0, n_encoded);
          n_payloads++;
        }
      g_assert_cmpuint (at, ==, entries->len);
      g_assert_cmpuint (n_payloads, >, 1);
    }
}

static void
test_events_limits (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autofree char *large = g_strnfill (MKV_MAX_VALUE_BYTES, 'v');
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GPtrArray) decoded = NULL;
  g_autoptr (GError) error = NULL;
  guint n_encoded;
  gsize length;

  g_test_summary ("A large event goes alone; one that does not fit is too large");
  g_ptr_array_add (entries, new_entry ("k", large, MKV_MAX_VALUE_BYTES, 1, "n", 1));
  g_ptr_array_add (entries, new_entry ("k", "v", 1, 2, "n", 2));
  payload = mkv_codec_encode_events (fixture->codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  g_assert_cmpuint (n_encoded, ==, 1);
  length = g_bytes_get_size (payload);
  decoded = decode_events (fixture, payload, 0);
  assert_same (decoded->pdata[0], entries->pdata[0]);

  g_bytes_unref (payload);
  payload = mkv_codec_encode_events (fixture->codec, entries, length, &n_encoded, NULL);
  g_assert_cmpuint (g_bytes_get_size (payload), ==, length);
  g_assert_null (mkv_codec_encode_events (fixture->codec, entries, length - 1, &n_encoded, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);

  if (fixture->is_cbor)
    return;
  /* As text it has twice as many octets, as base64 a third more. */
  for (guint i = 0; i < 2; i++)
    {
      memset (large, i == 0 ? '"' : '\xff', MKV_MAX_VALUE_BYTES);
      mkv_entry_unref (entries->pdata[0]);
      entries->pdata[0] = new_entry ("k", large, MKV_MAX_VALUE_BYTES, 1, "n", 1);
      g_assert_null (mkv_codec_encode_events (fixture->codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
      g_clear_error (&error);
    }
}

/* key k, value v, timestamp 5, node n, seq 6 */
static char *
get_checksum (const char *value)
{
  g_autoptr (MkvEntry) entry = new_entry ("k", value, value != NULL ? (gssize) strlen (value) : -1, 5, "n", 6);
  GString *hex = g_string_new (NULL);

  for (guint i = 0; i < MKV_CHECKSUM_BYTES; i++)
    g_string_append_printf (hex, "%02x", mkv_entry_peek_digest (entry)[i]);
  return g_string_free (hex, FALSE);
}

#define REST "\"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, \"checksum\": \"hex:%s\""
#define SET "{\"op\": \"SET\", \"value\": \"v\", " REST "}"
#define DELETE "{\"op\": \"DELETE\", " REST "}"

static void
test_events_alone (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {
    "1", "\"text\"", "null", "[]", "{}", "[{}]",
    /* The fields, one by one: wrong, missing, null. */
    "{\"op\": \"PUT\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": 1, \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": null, \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": [\"v\"], \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"DELETE\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"DELETE\", \"value\": null, \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": null, \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": -1, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5.5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 9007199254740992, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": \"5\", \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"a/b\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"global\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 0, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 9223372036854775808, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": true, %s}",
    "{\"op\": \"SET\", \"value\": \"w\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, \"checksum\": 5}",
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, \"checksum\": \"hex:00\"}",
  };
  g_autofree char *checksum = get_checksum ("v");
  g_autofree char *deleted_checksum = get_checksum (NULL);
  g_autofree char *good = g_strdup_printf (SET, checksum);
  g_autofree char *deleted = g_strdup_printf (DELETE, deleted_checksum);
  g_autofree char *field = g_strdup_printf ("\"checksum\": \"hex:%s\"", checksum);
  g_autoptr (GString) all = g_string_new ("[");

  g_test_summary ("Each event is good or bad alone, and every bad one has its reason");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (GStrv) parts = g_strsplit (bad[i], "%s", 2);
      g_autofree char *event = g_strjoinv (field, parts);
      g_autofree char *text = g_strdup_printf ("[%s,%s,%s]", good, event, deleted);
      g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);
      g_autoptr (GPtrArray) entries = decode_events (fixture, payload, 1);

      g_assert_cmpuint (entries->len, ==, 2);
      g_assert_false (mkv_entry_is_tombstone (entries->pdata[0]));
      g_assert_true (mkv_entry_is_tombstone (entries->pdata[1]));
      g_string_append_printf (all, "%s,", event);
    }
  g_string_append_printf (all, "%s]", good);
  {
    g_autoptr (GBytes) payload = mkv_codec_payload_new (all->str, fixture->is_cbor);
    g_autoptr (GPtrArray) entries = decode_events (fixture, payload, G_N_ELEMENTS (bad));

    g_assert_cmpuint (entries->len, ==, 1);
  }
}

static void
test_events_unusual (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
    "{\"op\": \"SET\", \"value\": \"v\", \"key\": \"k\", \"timestamp\": 5, \"node_id\": \"n\", \"seq\": 6, %s}",
    "{%s, \"seq\": 6, \"node_id\": \"n\", \"timestamp\": 5, \"key\": \"k\", \"value\": \"v\", \"op\": \"SET\"}",
    "{\"seq\": 6.0, \"value\": \"v\", \"op\": \"SET\", %s, \"timestamp\": 5e0, \"node_id\": \"n\", \"key\": \"k\"}",
    /* Unknown fields of every kind, before and between. */
    "{\"a\": null, \"b\": true, \"op\": \"SET\", \"value\": \"v\", \"c\": [], \"key\": \"k\", \"d\": {}, \"timestamp\": 5,"
    " \"e\": {\"op\": \"DELETE\", \"f\": [1, [2, {\"g\": -3}]]}, \"node_id\": \"n\", \"h\": 1.5, \"seq\": 6, %s,"
    " \"i\": \"hex:00ff\", \"j\": 123456789012345678, \"k\": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]], \"\": 0}",
  };
  g_autofree char *checksum = get_checksum ("v");
  g_autofree char *field = g_strdup_printf ("\"checksum\": \"hex:%s\"", checksum);

  g_test_summary ("Fields come in any order, integers as floats, and nobody minds what is unknown");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto (GStrv) parts = g_strsplit (texts[i], "%s", 2);
      g_autofree char *text = g_strjoinv (field, parts);
      g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);
      g_autoptr (GPtrArray) entries = decode_events (fixture, payload, 0);

      g_assert_cmpuint (entries->len, ==, 1);
    }
}

/* One array of an event whose unknown field @more is text of that length. */
static GBytes *
make_padded (MkvCodecFixture *fixture, gsize more)
{
  g_autofree char *checksum = get_checksum ("v");
  g_autofree char *padding = g_strnfill (more, 'x');
  g_autofree char *good = g_strdup_printf (SET, checksum);
  g_autofree char *text = g_strdup_printf ("[{\"more\": \"%s\", %s, %s]", padding, good + 1, good);

  return mkv_codec_payload_new (text, fixture->is_cbor);
}

static void
test_events_malformed (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
    "[]",
    /* A name twice: known, unknown, deep in an unknown field. */
    "{\"op\": \"SET\", \"op\": \"SET\"}",
    "[{\"a\": 1, \"b\": 2, \"a\": 3}]",
    "{\"a\": [{\"b\": 1, \"c\": {}, \"b\": 1}]}",
    "{\"a\": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
  };
  g_autoptr (GString) many = g_string_new ("[");
  g_autoptr (GPtrArray) entries = make_entries ();
  g_autoptr (GBytes) all = NULL;
  guint n_encoded;
  gsize length;
  const guint8 *octets;

  g_test_summary ("Malformed payloads are refused whole, cut ones wherever they are cut");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GBytes) payload = mkv_codec_payload_new (texts[i], fixture->is_cbor);

      assert_events_malformed (fixture, payload);
    }
  for (guint i = 0; i < MKV_MAX_EVENTS; i++)
    g_string_append (many, "0,");
  g_string_append (many, "0]");
  {
    g_autoptr (GBytes) payload = mkv_codec_payload_new (many->str, fixture->is_cbor);

    assert_events_malformed (fixture, payload);
  }
  all = mkv_codec_encode_events (fixture->codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  octets = g_bytes_get_data (all, &length);
  for (gsize i = 0; i < length; i++)
    {
      /* Copied, so that a sanitizer sees who reads too far. */
      g_autoptr (GBytes) cut = g_bytes_new (octets, i);

      assert_events_malformed (fixture, cut);
    }
}

static void
test_events_oversize (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) within = make_padded (fixture, MKV_MAX_EVENT_BYTES - 300);
  g_autoptr (GBytes) beyond = make_padded (fixture, MKV_MAX_EVENT_BYTES);
  g_autoptr (GPtrArray) both = decode_events (fixture, within, 0);
  g_autoptr (GPtrArray) one = decode_events (fixture, beyond, 1);

  g_test_summary ("An event of more than 300 KiB is refused, but not the others beside it");
  g_assert_cmpuint (both->len, ==, 2);
  g_assert_cmpuint (one->len, ==, 1);
}

static void
test_events_noise (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = make_entries ();
  guint32 seed = g_test_rand_int_range (1, G_MAXINT32);
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autoptr (GBytes) all = NULL;
  g_autofree guint8 *octets = NULL;
  guint n_encoded;
  gsize length;

  g_test_summary ("Octets that changed on the way never make another entry");
  g_test_message ("seed %u", seed);
  all = mkv_codec_encode_events (fixture->codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  octets = g_memdup2 (g_bytes_get_data (all, &length), g_bytes_get_size (all));
  for (guint i = 0; i < 3000; i++)
    {
      gsize at = (gsize) g_rand_int_range (random, 0, (gint32) length);
      guint8 before = octets[at];
      g_autoptr (GBytes) payload = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GPtrArray) decoded = NULL;

      octets[at] = (guint8) g_rand_int (random);
      payload = g_bytes_new (octets, length);
      octets[at] = before;
      decoded = mkv_codec_decode_events (fixture->codec, payload, &refused, NULL);
      for (guint j = 0, k = 0; decoded != NULL && j < decoded->len; j++, k++)
        {
          while (k < entries->len && mkv_entry_compare (decoded->pdata[j], entries->pdata[k]) != 0)
            k++;
          g_assert_cmpuint (k, <, entries->len);
        }
    }
}

int
main (int argc, char **argv)
{
  static const MkvCodecTest tests[] = {
    { "events", test_events },
    { "events/many", test_events_many },
    { "events/limits", test_events_limits },
    { "events/alone", test_events_alone },
    { "events/unusual", test_events_unusual },
    { "events/malformed", test_events_malformed },
    { "events/oversize", test_events_oversize },
    { "events/noise", test_events_noise },
  };

  mkv_test_init (&argc, &argv, 60);
  mkv_codec_add_tests (tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
