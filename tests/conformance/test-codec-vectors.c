/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-sync-compare.h"
#include "mkv-test.h"

/* The vectors of tests/vectors, or of MKV_TEST_VECTORS, which another
 * implementation made. */

static MkvCodec *json, *cbor, *locked_spec;

static JsonArray *
load_vectors (const char *name, JsonParser **parser)
{
  const char *folder = g_getenv ("MKV_TEST_VECTORS");
  g_autofree char *file = folder != NULL ? g_build_filename (folder, name, NULL)
                                         : g_test_build_filename (G_TEST_DIST, "vectors", name, NULL);
  g_autoptr (GError) error = NULL;

  *parser = json_parser_new_immutable ();
  json_parser_load_from_file (*parser, file, &error);
  g_assert_no_error (error);
  return json_object_get_array_member (json_node_get_object (json_parser_get_root (*parser)), "vectors");
}

/* What a receiver does with a payload of events. */
static GPtrArray *
receive (GBytes *payload, char ***refused, GError **error)
{
  g_autoptr (GBytes) plain = g_bytes_ref (payload);
  MkvPayloadFormat format = mkv_payload_sniff (payload);

  *refused = NULL;
  if (format == MKV_PAYLOAD_ZLIB)
    {
      g_bytes_unref (plain);
      plain = mkv_payload_inflate (payload, MKV_MAX_PAYLOAD_BYTES, error);
      if (plain == NULL)
        return NULL;
      format = mkv_payload_sniff (plain);
    }
  switch (format)
    {
    case MKV_PAYLOAD_JSON:
      return mkv_codec_decode_events (json, plain, refused, error);
    case MKV_PAYLOAD_CBOR:
      return mkv_codec_decode_events (cbor, plain, refused, error);
    case MKV_PAYLOAD_LOCKED_SPEC:
      return mkv_codec_decode_events (locked_spec, plain, refused, error);
    case MKV_PAYLOAD_ZLIB:
    case MKV_PAYLOAD_UNKNOWN:
    default:
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "No codec reads that");
      return NULL;
    }
}

static GBytes *
get_payload (JsonObject *vector)
{
  JsonObject *repeat;
  GByteArray *octets;
  g_autoptr (GBytes) unit = NULL;
  g_autoptr (GBytes) tail = NULL;

  if (!json_object_has_member (vector, "repeat"))
    return mkv_test_unhex (json_object_get_string_member (vector, "payload"));
  repeat = json_object_get_object_member (vector, "repeat");
  unit = mkv_test_unhex (json_object_get_string_member (repeat, "unit"));
  tail = mkv_test_unhex (json_object_get_string_member (repeat, "tail"));
  octets = g_byte_array_new ();
  for (gint64 i = 0; i < json_object_get_int_member (repeat, "times"); i++)
    g_byte_array_append (octets, g_bytes_get_data (unit, NULL), (guint) g_bytes_get_size (unit));
  g_byte_array_append (octets, g_bytes_get_data (tail, NULL), (guint) g_bytes_get_size (tail));
  return g_byte_array_free_to_bytes (octets);
}

static MkvEntry *
get_entry (JsonObject *vector)
{
  g_autoptr (GBytes) value = NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry;

  if (!json_object_get_null_member (vector, "value_base64"))
    {
      gsize length;
      guint8 *octets = g_base64_decode (json_object_get_string_member (vector, "value_base64"), &length);

      value = g_bytes_new_take (octets, length);
    }
  entry = mkv_entry_new (json_object_get_string_member (vector, "key"), value,
                         json_object_get_int_member (vector, "timestamp"),
                         json_object_get_string_member (vector, "node_id"), json_object_get_int_member (vector, "seq"),
                         &error);
  g_assert_no_error (error);
  return entry;
}

static char *
to_hex (gconstpointer octets, gsize length)
{
  const guint8 *p = octets;
  GString *hex = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", p[i]);
  return g_string_free (hex, FALSE);
}

static void
assert_same_entry (MkvEntry *a, MkvEntry *b)
{
  g_assert_cmpstr (mkv_entry_get_key (a), ==, mkv_entry_get_key (b));
  g_assert_cmpmem (mkv_entry_peek_digest (a), MKV_DIGEST_BYTES, mkv_entry_peek_digest (b), MKV_DIGEST_BYTES);
}

static void
assert_decodes_to (GBytes *payload, MkvEntry *entry)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = receive (payload, &refused, &error);

  g_assert_no_error (error);
  g_assert_null (refused);
  g_assert_cmpuint (entries->len, ==, 1);
  assert_same_entry (entries->pdata[0], entry);
}

static GBytes *
encode (MkvCodec *codec, MkvEntry *entry)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  guint n_encoded;
  GBytes *payload;

  g_ptr_array_add (entries, entry);
  payload = mkv_codec_encode_events (codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_encoded, ==, 1);
  return payload;
}

static void
test_entries (void)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *vectors = load_vectors ("entries.json", &parser);

  g_test_summary ("Digest and event of each entry, in each codec, are what they have to be");
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      g_autoptr (MkvEntry) entry = get_entry (vector);
      g_autofree char *digest = to_hex (mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES);
      JsonNode *expected_json = json_object_get_member (vector, "event_json");
      const char *expected_locked_spec = json_object_get_string_member (vector, "locked_spec");
      g_autofree char *json_text = json_to_string (expected_json, FALSE);
      g_autoptr (GBytes) from_json = mkv_test_bytes (json_text);
      g_autoptr (GBytes) in_cbor = encode (cbor, entry);
      g_autoptr (GBytes) in_json = encode (json, entry);
      g_autoptr (GBytes) in_locked_spec = encode (locked_spec, entry);
      g_autoptr (GBytes) deflated = mkv_payload_deflate (in_json);
      g_autoptr (JsonNode) node = NULL;
      g_autofree char *hex = NULL;
      gsize length;
      const char *octets;

      g_test_message ("%s", json_object_get_string_member (vector, "key"));
      g_assert_cmpstr (digest, ==, json_object_get_string_member (vector, "digest"));

      octets = g_bytes_get_data (in_cbor, &length);
      hex = to_hex (octets, length);
      g_assert_cmpstr (hex, ==, json_object_get_string_member (vector, "event_cbor"));
      assert_decodes_to (in_cbor, entry);

      octets = g_bytes_get_data (in_json, &length);
      {
        g_autofree char *text = g_strndup (octets, length);

        node = json_from_string (text, NULL);
      }
      g_assert_true (json_node_equal (node, expected_json));
      assert_decodes_to (in_json, entry);
      assert_decodes_to (from_json, entry);
      assert_decodes_to (deflated, entry);

      octets = g_bytes_get_data (in_locked_spec, &length);
      g_assert_cmpmem (octets, length, expected_locked_spec, strlen (expected_locked_spec));
      assert_decodes_to (in_locked_spec, entry);
    }
}

static void
test_malformed (void)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *vectors = load_vectors ("malformed.json", &parser);

  g_test_summary ("Nothing of a malformed payload is taken, and it is refused in milliseconds");
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      g_autoptr (GBytes) payload = get_payload (vector);
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;
      gint64 start = g_get_monotonic_time ();
      g_autoptr (GPtrArray) entries = receive (payload, &refused, &error);

      g_assert_cmpint (g_get_monotonic_time () - start, <, G_USEC_PER_SEC / 2);
      g_test_message ("%s: %s", json_object_get_string_member (vector, "what"),
                      error != NULL ? error->message : refused[0]);
      if (entries == NULL)
        {
          g_assert_nonnull (error);
          g_assert_true (error->domain == MKV_ERROR);
        }
      else
        {
          g_assert_no_error (error);
          g_assert_cmpuint (entries->len, ==, 0);
          g_assert_nonnull (refused);
          g_assert_nonnull (refused[0]);
        }
    }
}

static void
test_accepted (void)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *vectors = load_vectors ("accepted.json", &parser);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autoptr (MkvEntry) entry = mkv_entry_new ("good", value, G_GINT64_CONSTANT (1700000000000), "node-x", 9, NULL);

  g_test_summary ("Payloads are accepted however unusual they are");
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      g_autoptr (GBytes) payload = get_payload (vector);

      g_test_message ("%s", json_object_get_string_member (vector, "what"));
      assert_decodes_to (payload, entry);
    }
}

static MkvSyncMessage *
decode_sync (MkvCodec *codec, GBytes *payload)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  MkvSyncMessage *message = mkv_codec_decode_sync (codec, payload, &refused, &error);

  g_assert_no_error (error);
  g_assert_null (refused);
  return message;
}

static GBytes *
encode_sync (MkvCodec *codec, MkvSyncMessage *message)
{
  g_autoptr (GError) error = NULL;
  guint n_encoded;
  GBytes *payload = mkv_codec_encode_sync (codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (n_encoded, ==, mkv_sync_message_get_n_items (message));
  return payload;
}

/* @in_json: the same message; NULL if the vector has none. */
static void
assert_sync (const char *hex, JsonNode *in_json)
{
  g_autoptr (GBytes) in_cbor = mkv_test_unhex (hex);
  g_autoptr (MkvSyncMessage) message = decode_sync (cbor, in_cbor);
  g_autoptr (GBytes) again_in_cbor = encode_sync (cbor, message);
  g_autoptr (GBytes) again_in_json = encode_sync (json, message);
  g_autoptr (MkvSyncMessage) from_json = decode_sync (json, again_in_json);
  g_autofree char *again_hex = to_hex (g_bytes_get_data (again_in_cbor, NULL), g_bytes_get_size (again_in_cbor));

  g_assert_cmpstr (again_hex, ==, hex);
  mkv_test_assert_same_sync (from_json, message);
  if (in_json != NULL)
    {
      g_autofree char *text = json_to_string (in_json, FALSE);
      g_autoptr (GBytes) payload = mkv_test_bytes (text);
      g_autoptr (MkvSyncMessage) other = decode_sync (json, payload);
      g_autoptr (JsonNode) node = json_from_string (g_bytes_get_data (again_in_json, NULL), NULL);

      mkv_test_assert_same_sync (other, message);
      g_assert_true (json_node_equal (node, in_json));
    }
}

static void
test_sessions (void)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *vectors = load_vectors ("sessions.json", &parser);
  guint n_in_json = 0;

  g_test_summary ("Messages of anti-entropy are read and written, octet by octet in CBOR, the same in JSON");
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      JsonArray *messages = json_object_get_array_member (vector, "messages");
      JsonArray *in_json = json_object_has_member (vector, "messages_json")
                               ? json_object_get_array_member (vector, "messages_json") : NULL;

      assert_sync (json_object_get_string_member (vector, "announcement"), NULL);
      for (guint j = 0; j < json_array_get_length (messages); j++)
        assert_sync (json_array_get_string_element (messages, j),
                     in_json != NULL ? json_array_get_element (in_json, j) : NULL);
      n_in_json += in_json != NULL ? json_array_get_length (in_json) : 0;
    }
  g_assert_cmpuint (n_in_json, >, 0);
}

/* None of them is a message of anti-entropy either. */
static void
assert_no_sync (const char *name)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *vectors = load_vectors (name, &parser);

  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      MkvCodec *codecs[] = { cbor, json };

      for (guint j = 0; j < G_N_ELEMENTS (codecs); j++)
        {
          g_autoptr (GBytes) payload = get_payload (vector);
          g_auto (GStrv) refused = NULL;
          g_autoptr (GError) error = NULL;
          gint64 start = g_get_monotonic_time ();

          g_assert_null (mkv_codec_decode_sync (codecs[j], payload, &refused, &error));
          g_assert_cmpint (g_get_monotonic_time () - start, <, G_USEC_PER_SEC / 2);
          g_test_message ("%s: %s", json_object_get_string_member (vector, "what"), error->message);
          g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
          g_assert_null (refused);
        }
    }
}

static void
test_no_sync (void)
{
  g_test_summary ("What is malformed, or a message of events, is no message of anti-entropy");
  assert_no_sync ("malformed.json");
  assert_no_sync ("accepted.json");
}

int
main (int argc, char **argv)
{
  gint status;

  mkv_test_init (&argc, &argv, 60);
  json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  locked_spec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_test_add_func ("/codec-vectors/entries", test_entries);
  g_test_add_func ("/codec-vectors/malformed", test_malformed);
  g_test_add_func ("/codec-vectors/accepted", test_accepted);
  g_test_add_func ("/codec-vectors/sessions", test_sessions);
  g_test_add_func ("/codec-vectors/no-sync", test_no_sync);
  status = g_test_run ();
  g_object_unref (json);
  g_object_unref (cbor);
  g_object_unref (locked_spec);
  return status;
}
