/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-fixture.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-codec-payload.h"
#include "mkv-test.h"

/* What every codec of commands and responses has to do. */

static const char binary[] = "\xff\x00\xfe";
#define ODD_TEXT "\"\\/\b\f\n\r\t\x01 ü 🔑 \xee\x80\x80"

static MkvCommand *
try_command (MkvCodecFixture *fixture, const char *text, char **id, GError **error)
{
  g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);

  return mkv_codec_decode_command (fixture->codec, payload, id, error);
}

static MkvCommand *
read_command (MkvCodecFixture *fixture, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  MkvCommand *command = try_command (fixture, text, &id, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, mkv_command_get_id (command));
  return command;
}

static void
assert_command_refused (MkvCodecFixture *fixture, const char *text, const char *expected_id)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;

  g_test_message ("%s", text);
  g_assert_null (try_command (fixture, text, &id, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
  g_assert_cmpstr (id, ==, expected_id);
}

static void
assert_same_bytes (GBytes *a, GBytes *b)
{
  g_assert_cmpint (a != NULL, ==, b != NULL);
  if (a != NULL)
    g_assert_true (g_bytes_equal (a, b));
}

static void
assert_same_command (MkvCommand *a, MkvCommand *b)
{
  GPtrArray *keys = mkv_command_get_keys (a), *other_keys = mkv_command_get_keys (b);
  GPtrArray *values = mkv_command_get_values (a), *other_values = mkv_command_get_values (b);

  g_assert_cmpint (mkv_command_get_operation (a), ==, mkv_command_get_operation (b));
  g_assert_cmpstr (mkv_command_get_id (a), ==, mkv_command_get_id (b));
  g_assert_cmpstr (mkv_command_get_key (a), ==, mkv_command_get_key (b));
  assert_same_bytes (mkv_command_get_value (a), mkv_command_get_value (b));
  g_assert_cmpint (mkv_command_get_amount (a), ==, mkv_command_get_amount (b));
  g_assert_cmpstr (mkv_command_get_prefix (a), ==, mkv_command_get_prefix (b));
  g_assert_cmpstr (mkv_command_get_after (a), ==, mkv_command_get_after (b));
  g_assert_cmpuint (mkv_command_get_limit (a), ==, mkv_command_get_limit (b));
  g_assert_cmpint (mkv_command_get_timestamp (a), ==, mkv_command_get_timestamp (b));
  g_assert_cmpstr (mkv_command_get_token (a), ==, mkv_command_get_token (b));
  g_assert_cmpstr (mkv_command_get_peer (a), ==, mkv_command_get_peer (b));
  g_assert_cmpint (keys != NULL, ==, other_keys != NULL);
  g_assert_cmpint (values != NULL, ==, other_values != NULL);
  if (keys == NULL)
    return;
  g_assert_cmpuint (keys->len, ==, other_keys->len);
  for (guint i = 0; i < keys->len; i++)
    {
      g_assert_cmpstr (keys->pdata[i], ==, other_keys->pdata[i]);
      if (values != NULL)
        assert_same_bytes (values->pdata[i], other_values->pdata[i]);
    }
}

static void
assert_command_returns (MkvCodecFixture *fixture, MkvCommand *command)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  g_autoptr (GBytes) payload = mkv_codec_encode_command (fixture->codec, command, &error);
  g_autoptr (MkvCommand) decoded = NULL;

  g_assert_no_error (error);
  decoded = mkv_codec_decode_command (fixture->codec, payload, &id, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, mkv_command_get_id (command));
  assert_same_command (command, decoded);
}

static void
test_commands (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) text = mkv_test_bytes (ODD_TEXT);
  g_autoptr (GBytes) octets = g_bytes_new (binary, 3);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  GBytes *values[] = { text, octets, empty };

  g_test_summary ("Every command comes back as it was");
  for (MkvOperation operation = MKV_OPERATION_GET; operation <= MKV_OPERATION_INFO; operation++)
    for (guint i = 0; i < G_N_ELEMENTS (values); i++)
      {
        g_autoptr (MkvCommand) command = mkv_command_new (operation);

        mkv_command_set_id (command, "an id " ODD_TEXT);
        if (i > 0)
          mkv_command_set_token (command, "token");
        if (i != 1)
          mkv_command_set_timestamp (command, i == 0 ? 0 : MKV_MAX_TIMESTAMP);
        switch (operation)
          {
          case MKV_OPERATION_SET:
          case MKV_OPERATION_APPEND:
          case MKV_OPERATION_PREPEND:
            mkv_command_set_value (command, values[i]);
            G_GNUC_FALLTHROUGH;
          case MKV_OPERATION_GET:
          case MKV_OPERATION_DELETE:
            mkv_command_set_key (command, ODD_TEXT);
            break;
          case MKV_OPERATION_INCREMENT:
          case MKV_OPERATION_DECREMENT:
            mkv_command_set_key (command, "k");
            mkv_command_set_amount (command, i == 0 ? G_MAXINT64 : i == 1 ? G_MININT64 : -1);
            break;
          case MKV_OPERATION_GET_MANY:
            for (guint j = 0; j < MKV_MAX_BULK_KEYS; j++)
              mkv_command_add_key (command, "the same");
            break;
          case MKV_OPERATION_SET_MANY:
            mkv_command_add_pair (command, "a", text);
            mkv_command_add_pair (command, "b", empty);
            mkv_command_add_pair (command, "aa", fixture->is_cbor ? octets : text);
            break;
          case MKV_OPERATION_LIST_KEYS:
            mkv_command_set_prefix (command, i == 0 ? "" : i == 1 ? "pre" : NULL);
            mkv_command_set_after (command, i == 0 ? "behind" : NULL);
            mkv_command_set_limit (command, i == 0 ? 1 : MKV_MAX_LIST_KEYS);
            break;
          case MKV_OPERATION_SYNC:
            mkv_command_set_peer (command, i == 0 ? "other" : NULL);
            break;
          case MKV_OPERATION_PING:
          case MKV_OPERATION_INFO:
          default:
            break;
          }
        assert_command_returns (fixture, command);
      }
}

static void
test_commands_refused (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const with_id[] = {
    "{\"id\": \"7\", \"op\": \"NOPE\"}",
    "{\"id\": \"7\"}",
    "{\"id\": \"7\", \"op\": null}",
    "{\"op\": 5, \"id\": \"7\"}",
    "{\"op\": \"SET\", \"key\": null, \"value\": \"v\", \"id\": \"7\"}",
    "{\"op\": \"SET\", \"key\": [\"k\"], \"value\": \"v\", \"id\": \"7\"}",
    "{\"op\": \"SET\", \"key\": \"k\", \"value\": null, \"id\": \"7\"}",
    "{\"op\": \"SET\", \"key\": \"k\", \"value\": 5, \"id\": \"7\"}",
    "{\"op\": \"GET\", \"key\": \"k\", \"token\": 5, \"id\": \"7\"}",
    "{\"op\": \"GET\", \"key\": \"k\", \"timestamp\": -1, \"id\": \"7\"}",
    "{\"op\": \"GET\", \"key\": \"k\", \"timestamp\": null, \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": 9223372036854775808, \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": -9223372036854775809, \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": 0.5, \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": 1e19, \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": \"1\", \"id\": \"7\"}",
    "{\"op\": \"INCR\", \"key\": \"k\", \"amount\": null, \"id\": \"7\"}",
    "{\"op\": \"MGET\", \"keys\": \"k\", \"id\": \"7\"}",
    "{\"op\": \"MGET\", \"keys\": [\"k\", 5], \"id\": \"7\"}",
    "{\"op\": \"MGET\", \"keys\": [null], \"id\": \"7\"}",
    "{\"op\": \"MSET\", \"keyValues\": [\"k\"], \"id\": \"7\"}",
    "{\"op\": \"MSET\", \"keyValues\": {\"k\": 5}, \"id\": \"7\"}",
    "{\"op\": \"MSET\", \"keyValues\": {\"k\": null}, \"id\": \"7\"}",
    "{\"op\": \"KEYS\", \"limit\": 0, \"id\": \"7\"}",
    "{\"op\": \"KEYS\", \"limit\": 1001, \"id\": \"7\"}",
    "{\"op\": \"KEYS\", \"limit\": 4294967297, \"id\": \"7\"}",
    "{\"op\": \"KEYS\", \"prefix\": 5, \"id\": \"7\"}",
    "{\"op\": \"KEYS\", \"after\": null, \"id\": \"7\"}",
    "{\"op\": \"SYNC\", \"peer\": 5, \"id\": \"7\"}",
    /* Malformed behind the id. */
    "{\"id\": \"7\", \"op\": \"GET\", \"op\": \"GET\"}",
    "{\"id\": \"7\", \"id\": \"8\", \"op\": \"PING\"}",
    "{\"id\": \"7\", \"op\": \"MSET\", \"keyValues\": {\"k\": \"v\", \"k\": \"w\"}}",
    "{\"id\": \"7\", \"op\": \"PING\", \"more\": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
  };
  static const char *const without_id[] = {
    "[]",
    "[{\"id\": \"7\", \"op\": \"PING\"}]",
    "{}",
    "{\"op\": \"PING\"}",
    "{\"op\": \"PING\", \"id\": 7}",
    "{\"op\": \"PING\", \"id\": null}",
    "{\"op\": \"PING\", \"id\": [\"7\"]}",
    "{\"op\": \"PING\", \"more\": {\"id\": \"7\"}}",
    "{\"op\": \"PING\", \"id\": \"12345678901234567890123456789012345678901234567890123456789012345\"}",
  };
  g_autoptr (GString) many = g_string_new ("{\"id\": \"7\", \"op\": \"MGET\", \"keys\": [\"k\"");
  g_autoptr (GString) many_pairs = g_string_new ("{\"id\": \"7\", \"op\": \"MSET\", \"keyValues\": {\"k\": \"\"");

  g_test_summary ("A command that can't be read is refused, with the id if that can be read");
  for (guint i = 0; i < G_N_ELEMENTS (with_id); i++)
    assert_command_refused (fixture, with_id[i], "7");
  for (guint i = 0; i < G_N_ELEMENTS (without_id); i++)
    assert_command_refused (fixture, without_id[i], NULL);
  for (guint i = 0; i < MKV_MAX_BULK_KEYS; i++)
    {
      g_string_append_printf (many, ",\"%u\"", i);
      g_string_append_printf (many_pairs, ",\"%u\": \"\"", i);
    }
  g_string_append (many, "]}");
  g_string_append (many_pairs, "}}");
  assert_command_refused (fixture, many->str, "7");
  assert_command_refused (fixture, many_pairs->str, "7");
}

static void
test_commands_cut (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char text[] = "{\"op\": \"SET\", \"id\": \"7\", \"key\": \"k\", \"value\": \"v\", \"timestamp\": 5}";
  g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);
  const guint8 *octets;
  gsize length;
  guint n_ids = 0;

  g_test_summary ("A command that is cut is refused wherever it is cut, and the id is given once it is there");
  octets = g_bytes_get_data (payload, &length);
  for (gsize i = 0; i < length; i++)
    {
      g_autoptr (GBytes) cut = g_bytes_new (octets, i);
      g_autofree char *id = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_codec_decode_command (fixture->codec, cut, &id, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
      if (id != NULL)
        g_assert_cmpstr (id, ==, "7");
      else
        g_assert_cmpuint (n_ids, ==, 0);
      n_ids += id != NULL;
    }
  g_assert_cmpuint (n_ids, >, 10);
}

static void
test_commands_unusual (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (MkvCommand) set = read_command (
      fixture, "{\"zzz\": {\"op\": [null, -1.5]}, \"timestamp\": 5.0, \"value\": \"v\", \"keyValues\": 5, \"limit\": null,"
               " \"key\": \"k\", \"op\": \"SET\", \"\": [], \"id\": \"7\"}");
  g_autoptr (MkvCommand) get = read_command (
      fixture, "{\"id\": \"7\", \"op\": \"GET\", \"key\": \"k\", \"value\": null, \"amount\": \"x\", \"keys\": {}}");
  g_autoptr (MkvCommand) deleted = read_command (fixture, "{\"id\": \"7\", \"op\": \"DEL\", \"key\": \"k\"}");
  g_autoptr (MkvCommand) increment = read_command (fixture, "{\"id\": \"7\", \"op\": \"INCR\", \"key\": \"k\"}");
  g_autoptr (MkvCommand) decrement =
      read_command (fixture, "{\"id\": \"7\", \"op\": \"DECR\", \"key\": \"k\", \"amount\": 4.611686018427387904e18}");
  g_autoptr (MkvCommand) keys = read_command (fixture, "{\"id\": \"7\", \"op\": \"KEYS\", \"limit\": 1e2}");
  g_autoptr (MkvCommand) no_key = read_command (fixture, "{\"id\": \"7\", \"op\": \"SET\"}");
  g_autoptr (MkvCommand) no_keys = read_command (fixture, "{\"id\": \"7\", \"op\": \"MGET\", \"keys\": []}");
  g_autoptr (MkvCommand) no_id = read_command (fixture, "{\"id\": \"\", \"op\": \"PING\"}");

  g_test_summary ("Order and unknown fields do not matter, another operation's fields neither; defaults are filled in");
  g_assert_cmpstr (mkv_command_get_key (set), ==, "k");
  g_assert_cmpint (mkv_command_get_timestamp (set), ==, 5);
  g_assert_cmpuint (g_bytes_get_size (mkv_command_get_value (set)), ==, 1);
  g_assert_null (mkv_command_get_values (set));
  g_assert_null (mkv_command_get_value (get));
  g_assert_null (mkv_command_get_keys (get));
  g_assert_cmpint (mkv_command_get_timestamp (get), ==, -1);
  g_assert_cmpint (mkv_command_get_operation (deleted), ==, MKV_OPERATION_DELETE);
  g_assert_cmpint (mkv_command_get_amount (increment), ==, 1);
  g_assert_cmpint (mkv_command_get_amount (decrement), ==, G_GINT64_CONSTANT (4611686018427387904));
  g_assert_cmpuint (mkv_command_get_limit (keys), ==, 100);
  g_assert_null (mkv_command_get_prefix (keys));
  g_assert_null (mkv_command_get_key (no_key));
  g_assert_false (mkv_command_validate (no_keys, NULL));
  g_assert_cmpstr (mkv_command_get_id (no_id), ==, "");
}

static void
test_commands_unsent (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (MkvCommand) twice = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (MkvCommand) large = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (MkvCommand) mixed = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autoptr (GBytes) octets = g_bytes_new (binary, 3);
  g_autoptr (GBytes) large_value = g_bytes_new_take (g_strnfill (MKV_MAX_VALUE_BYTES, 'v'), MKV_MAX_VALUE_BYTES);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A command that no payload can hold is not encoded, and the error says why");
  mkv_command_add_pair (twice, "a", value);
  mkv_command_add_pair (twice, "b", value);
  mkv_command_add_pair (twice, "a", value);
  g_assert_null (mkv_codec_encode_command (fixture->codec, twice, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  mkv_command_add_pair (large, "a", large_value);
  mkv_command_add_pair (large, "b", large_value);
  g_assert_null (mkv_codec_encode_command (fixture->codec, large, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);

  if (fixture->is_cbor)
    return;
  mkv_command_add_pair (mixed, "a", octets);
  g_assert_null (mkv_codec_encode_command (fixture->codec, mixed, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
}

static MkvResponse *
try_response (MkvCodecFixture *fixture, const char *text, GError **error)
{
  g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);

  return mkv_codec_decode_response (fixture->codec, payload, error);
}

static void
assert_response_returns (MkvCodecFixture *fixture, MkvResponse *response)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = mkv_codec_encode_response (fixture->codec, response, &error);
  g_autoptr (MkvResponse) decoded = NULL;
  GPtrArray *results = mkv_response_get_results (response), *other_results;
  const char *const *keys = mkv_response_get_keys (response), *const *other_keys;

  g_assert_no_error (error);
  decoded = mkv_codec_decode_response (fixture->codec, payload, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_response_get_id (decoded), ==, mkv_response_get_id (response));
  g_assert_cmpint (mkv_response_get_status (decoded), ==, mkv_response_get_status (response));
  g_assert_cmpint (mkv_response_get_timestamp (decoded), ==, mkv_response_get_timestamp (response));
  assert_same_bytes (mkv_response_get_value (decoded), mkv_response_get_value (response));
  g_assert_cmpint (mkv_response_get_error_code (decoded), ==, mkv_response_get_error_code (response));
  g_assert_cmpstr (mkv_response_get_error_text (decoded), ==, mkv_response_get_error_text (response));
  g_assert_cmpint (mkv_response_get_replayed (decoded), ==, mkv_response_get_replayed (response));
  g_assert_cmpint (mkv_response_get_more (decoded), ==, mkv_response_get_more (response));

  other_results = mkv_response_get_results (decoded);
  g_assert_cmpint (results != NULL, ==, other_results != NULL);
  for (guint i = 0; results != NULL && i < results->len; i++)
    {
      g_assert_cmpstr (mkv_result_get_key (other_results->pdata[i]), ==, mkv_result_get_key (results->pdata[i]));
      g_assert_cmpint (mkv_result_get_status (other_results->pdata[i]), ==, mkv_result_get_status (results->pdata[i]));
      assert_same_bytes (mkv_result_get_value (other_results->pdata[i]), mkv_result_get_value (results->pdata[i]));
    }
  other_keys = mkv_response_get_keys (decoded);
  g_assert_cmpint (keys != NULL, ==, other_keys != NULL);
  if (keys != NULL)
    g_assert_cmpstrv (keys, other_keys);
  g_assert_cmpint (mkv_response_get_info (response) != NULL, ==, mkv_response_get_info (decoded) != NULL);
  if (mkv_response_get_info (response) != NULL)
    {
      g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (mkv_response_get_info (decoded));
      GVariantIter iter;
      const char *name;
      GVariant *value;
      gsize n = 0;

      g_variant_iter_init (&iter, mkv_response_get_info (response));
      for (; g_variant_iter_loop (&iter, "{&sv}", &name, &value); n++)
        {
          g_autoptr (GVariant) other = g_variant_dict_lookup_value (&dict, name, NULL);

          g_assert_cmpvariant (other, value);
        }
      g_assert_cmpuint (g_variant_n_children (mkv_response_get_info (decoded)), ==, n);
    }
}

static void
test_responses (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const some_keys[] = { "a", ODD_TEXT, NULL }, *const no_keys[] = { NULL };
  g_autoptr (GBytes) text = mkv_test_bytes (ODD_TEXT);
  g_autoptr (GBytes) octets = g_bytes_new (binary, 3);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  g_autoptr (GBytes) large = g_bytes_new_take (g_strnfill (MKV_MAX_VALUE_BYTES, 'v'), MKV_MAX_VALUE_BYTES);
  GBytes *values[] = { NULL, text, octets, empty, large };
  g_autoptr (MkvResponse) response = NULL;
  GVariantBuilder info;

  g_test_summary ("Every response comes back as it was");
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (MkvResponse) ok = mkv_response_new (i == 0 ? "" : "id", MKV_STATUS_OK);

      mkv_response_set_timestamp (ok, i == 0 ? 0 : MKV_MAX_TIMESTAMP);
      mkv_response_set_value (ok, values[i]);
      mkv_response_set_replayed (ok, i == 1);
      if (i == 1)
        mkv_response_set_error (ok, MKV_ERROR_CODE_IDEMPOTENT_REPLAY, NULL);
      assert_response_returns (fixture, ok);
    }
  response = mkv_response_new ("id", MKV_STATUS_NOT_FOUND);
  assert_response_returns (fixture, response);
  mkv_response_unref (response);

  response = mkv_response_new ("id", MKV_STATUS_ERROR);
  mkv_response_set_error (response, 12345, "what " ODD_TEXT);
  assert_response_returns (fixture, response);
  mkv_response_unref (response);

  response = mkv_response_new ("id", MKV_STATUS_OK);
  for (guint i = 0; i < MKV_MAX_BULK_KEYS; i++)
    mkv_response_add_result (response, mkv_result_new ("k", (MkvStatus) (i % 3), values[i % 4]));
  assert_response_returns (fixture, response);
  mkv_response_unref (response);

  response = mkv_response_new ("id", MKV_STATUS_OK);
  mkv_response_set_keys (response, some_keys, TRUE);
  assert_response_returns (fixture, response);
  mkv_response_set_keys (response, no_keys, FALSE);
  assert_response_returns (fixture, response);
  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&info, "{sv}", "version", g_variant_new_string ("0.1"));
  g_variant_builder_add (&info, "{sv}", "a longer name than the others", g_variant_new_string (""));
  g_variant_builder_add (&info, "{sv}", "entries", g_variant_new_int64 (G_MAXINT64));
  g_variant_builder_add (&info, "{sv}", "least", g_variant_new_int64 (G_MININT64));
  mkv_response_set_info (response, g_variant_builder_end (&info));
  assert_response_returns (fixture, response);
}

static void
test_responses_read (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const refused[] = {
    "[]",
    "{}",
    "{\"status\": \"OK\"}",
    "{\"id\": \"7\"}",
    "{\"id\": \"7\", \"status\": \"online\"}",
    "{\"id\": null, \"status\": \"OK\"}",
    "{\"id\": \"7\", \"status\": \"OK\", \"timestamp\": \"5\"}",
    "{\"id\": \"7\", \"status\": \"OK\", \"value\": 5}",
    "{\"id\": \"7\", \"status\": \"OK\", \"value\": null}",
    "{\"id\": \"7\", \"status\": \"OK\", \"errorCode\": \"100\"}",
    "{\"id\": \"7\", \"status\": \"OK\", \"errorCode\": -1}",
    "{\"id\": \"7\", \"status\": \"OK\", \"error\": 5}",
    "{\"id\": \"7\", \"status\": \"OK\", \"replayed\": 1}",
    "{\"id\": \"7\", \"status\": \"OK\", \"keys\": [5]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"keys\": [], \"more\": null}",
    "{\"id\": \"7\", \"status\": \"OK\", \"results\": [5]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"results\": [{\"key\": \"k\"}]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"results\": [{\"status\": \"OK\"}]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"results\": [{\"key\": \"k\", \"status\": \"?\"}]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"results\": [{\"key\": \"k\", \"status\": \"OK\", \"value\": 5}]}",
    "{\"id\": \"7\", \"status\": \"OK\", \"info\": []}",
    "{\"id\": \"7\", \"status\": \"OK\", \"info\": {\"a\": 1, \"a\": 2}}",
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvResponse) response =
      try_response (fixture,
                    "{\"results\": [{\"more\": 0, \"status\": \"OK\", \"value\": \"v\", \"key\": \"k\"},"
                    " {\"key\": \"l\", \"status\": \"NOT_FOUND\"}], \"info\": {\"s\": \"text\", \"x\": 5.0, \"y\": 1.5,"
                    " \"n\": null, \"m\": {\"x\": 6}, \"b\": true}, \"unknown\": [null], \"status\": \"OK\", \"id\": \"7\"}",
                    &error);
  GPtrArray *results;
  GVariant *info;
  const char *text;
  gint64 number;

  g_test_summary ("Responses are read whatever the order, and refused where a type is wrong");
  g_assert_no_error (error);
  results = mkv_response_get_results (response);
  g_assert_cmpuint (results->len, ==, 2);
  g_assert_cmpstr (mkv_result_get_key (results->pdata[1]), ==, "l");
  g_assert_cmpint (mkv_result_get_status (results->pdata[1]), ==, MKV_STATUS_NOT_FOUND);
  info = mkv_response_get_info (response);
  g_assert_cmpuint (g_variant_n_children (info), ==, 2);
  g_assert_true (g_variant_lookup (info, "s", "&s", &text));
  g_assert_cmpstr (text, ==, "text");
  g_assert_true (g_variant_lookup (info, "x", "x", &number));
  g_assert_cmpint (number, ==, 5);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (MkvResponse) bad = NULL;

      g_test_message ("%s", refused[i]);
      bad = try_response (fixture, refused[i], &error);
      g_assert_null (bad);
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
      g_clear_error (&error);
    }
}

static void
test_responses_large (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (MkvResponse) response = mkv_response_new ("id", MKV_STATUS_OK);
  g_autoptr (GBytes) large = g_bytes_new_take (g_strnfill (MKV_MAX_VALUE_BYTES, 'v'), MKV_MAX_VALUE_BYTES);
  g_autoptr (GString) keys = g_string_new ("{\"id\": \"7\", \"status\": \"OK\", \"keys\": [\"\"");
  g_autoptr (GError) error = NULL;

  g_test_summary ("A response that no payload can hold is too large, whichever way it is");
  for (guint i = 0; i < MKV_MAX_BULK_KEYS; i++)
    mkv_response_add_result (response, mkv_result_new ("k", MKV_STATUS_OK, large));
  g_assert_null (mkv_codec_encode_response (fixture->codec, response, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  for (guint i = 0; i < MKV_MAX_LIST_KEYS; i++)
    g_string_append (keys, ",\"\"");
  g_string_append (keys, "]}");
  g_assert_null (try_response (fixture, keys->str, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
}

static void
test_locked_spec (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_autoptr (MkvCommand) command = mkv_command_new (MKV_OPERATION_PING);
  g_autoptr (MkvResponse) response = mkv_response_new ("id", MKV_STATUS_OK);
  g_autoptr (GBytes) payload = mkv_test_bytes ("pg==");
  g_autofree char *id = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A codec of events alone says that it does not know commands");
  g_assert_false (mkv_codec_has_commands (codec));
  g_assert_null (mkv_codec_encode_command (codec, command, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mkv_codec_decode_command (codec, payload, &id, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mkv_codec_encode_response (codec, response, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mkv_codec_decode_response (codec, payload, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
}

int
main (int argc, char **argv)
{
  static const MkvCodecTest tests[] = {
    { "commands", test_commands },
    { "commands/refused", test_commands_refused },
    { "commands/cut", test_commands_cut },
    { "commands/unusual", test_commands_unusual },
    { "commands/unsent", test_commands_unsent },
    { "responses", test_responses },
    { "responses/read", test_responses_read },
    { "responses/large", test_responses_large },
  };

  mkv_test_init (&argc, &argv, 60);
  mkv_codec_add_tests (tests, G_N_ELEMENTS (tests));
  g_test_add_func ("/codec/locked-spec/commands", test_locked_spec);
  return g_test_run ();
}
