/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-version.h"
#include "command/mkv-command-mirror-private.h"
#include "mkv-command-world.h"

/* Every test runs in either codec. */
static World *
setup (gconstpointer data, guint max_payload)
{
  World *world = world_new (max_payload);

  world->codec = g_str_equal (data, "json") ? world->json : world->cbor;
  return world;
}

static MkvResponse *
ask (World *world, MkvOperation operation, const char *key, const char *value)
{
  g_autoptr (MkvCommand) command = mkv_test_command (operation, NULL, key, value);
  static guint n;
  g_autofree char *id = g_strdup_printf ("ask %u", n++);

  mkv_command_set_id (command, id);
  return world_ask (world, command);
}

static void
assert_answer (World *world, MkvOperation operation, const char *key, const char *value, const char *expected)
{
  g_autoptr (MkvResponse) response = ask (world, operation, key, value);

  assert_ok (response, mkv_response_get_id (response), expected);
}

static void
assert_refusal (World *world, MkvOperation operation, const char *key, const char *value, MkvErrorCode code)
{
  g_autoptr (MkvResponse) response = ask (world, operation, key, value);

  assert_error (response, mkv_response_get_id (response), code);
}

static void
test_single (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);

  g_test_summary ("GET, SET, DELETE, APPEND and PREPEND");
  assert_refusal (world, MKV_OPERATION_GET, "a", NULL, MKV_ERROR_CODE_NOT_FOUND);
  assert_answer (world, MKV_OPERATION_SET, "a", "ä1", NULL);
  assert_answer (world, MKV_OPERATION_GET, "a", NULL, "ä1");
  assert_answer (world, MKV_OPERATION_SET, "a", "", NULL);
  assert_answer (world, MKV_OPERATION_GET, "a", NULL, "");
  assert_answer (world, MKV_OPERATION_DELETE, "a", NULL, NULL);
  assert_answer (world, MKV_OPERATION_DELETE, "a", NULL, NULL);
  assert_refusal (world, MKV_OPERATION_GET, "a", NULL, MKV_ERROR_CODE_NOT_FOUND);
  assert_answer (world, MKV_OPERATION_APPEND, "a", "b", "b");
  assert_answer (world, MKV_OPERATION_APPEND, "a", "c", "bc");
  assert_answer (world, MKV_OPERATION_PREPEND, "a", "a", "abc");
  assert_answer (world, MKV_OPERATION_GET, "a", NULL, "abc");
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS), ==, 12);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_INVALID), ==, 0);
}

static void
test_binary (gconstpointer data)
{
  static const guint8 octets[] = { 0x00, 0xFF, 0x7B, 0x80 };
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (GBytes) value = g_bytes_new (octets, sizeof octets);
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, "set", "k", NULL);
  g_autoptr (MkvResponse) done = NULL, read = NULL;

  g_test_summary ("A binary value goes there and back");
  mkv_command_set_value (set, value);
  done = world_ask (world, set);
  assert_ok (done, "set", NULL);
  read = ask (world, MKV_OPERATION_GET, "k", NULL);
  g_assert_true (g_bytes_equal (mkv_response_get_value (read), value));
}

static void
assert_count (World *world, MkvOperation operation, const char *key, gint64 amount, const char *expected,
              MkvErrorCode code)
{
  static guint n;
  g_autofree char *id = g_strdup_printf ("count %u", n++);
  g_autoptr (MkvCommand) command = mkv_test_command (operation, id, key, NULL);
  g_autoptr (MkvResponse) response = NULL;

  mkv_command_set_amount (command, amount);
  response = world_ask (world, command);
  if (code == MKV_ERROR_CODE_NONE)
    assert_ok (response, id, expected);
  else
    assert_error (response, id, code);
}

static void
test_count (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);

  g_test_summary ("INCR and DECR, to the ends of 64 bits");
  assert_answer (world, MKV_OPERATION_INCREMENT, "n", NULL, "1");
  assert_answer (world, MKV_OPERATION_DECREMENT, "n", NULL, "0");
  assert_count (world, MKV_OPERATION_DECREMENT, "n", 5, "-5", 0);
  assert_count (world, MKV_OPERATION_INCREMENT, "n", -7, "-12", 0);
  assert_count (world, MKV_OPERATION_DECREMENT, "zero", G_MININT64, NULL, MKV_ERROR_CODE_RANGE_OVERFLOW);
  assert_refusal (world, MKV_OPERATION_GET, "zero", NULL, MKV_ERROR_CODE_NOT_FOUND);
  assert_answer (world, MKV_OPERATION_SET, "one", "-1", NULL);
  assert_count (world, MKV_OPERATION_DECREMENT, "one", G_MININT64, "9223372036854775807", 0);
  assert_answer (world, MKV_OPERATION_DECREMENT, "one", NULL, "9223372036854775806");
  assert_count (world, MKV_OPERATION_INCREMENT, "one", 2, NULL, MKV_ERROR_CODE_RANGE_OVERFLOW);
  assert_answer (world, MKV_OPERATION_GET, "one", NULL, "9223372036854775806");
  assert_count (world, MKV_OPERATION_INCREMENT, "low", G_MININT64, "-9223372036854775808", 0);
  assert_refusal (world, MKV_OPERATION_DECREMENT, "low", NULL, MKV_ERROR_CODE_RANGE_OVERFLOW);
  assert_answer (world, MKV_OPERATION_SET, "text", "12a", NULL);
  assert_refusal (world, MKV_OPERATION_INCREMENT, "text", NULL, MKV_ERROR_CODE_INVALID_TYPE);
  assert_answer (world, MKV_OPERATION_SET, "text", "-0", NULL);
  assert_refusal (world, MKV_OPERATION_DECREMENT, "text", NULL, MKV_ERROR_CODE_INVALID_TYPE);
}

static MkvCommand *
set_many_new (const char *id, const char *first_key, ...)
{
  MkvCommand *command = mkv_test_command (MKV_OPERATION_SET_MANY, id, NULL, NULL);
  va_list args;

  va_start (args, first_key);
  for (const char *key = first_key; key != NULL; key = va_arg (args, const char *))
    {
      g_autoptr (GBytes) value = mkv_test_bytes (key);

      mkv_command_add_pair (command, key, value);
    }
  va_end (args);
  return command;
}

static void
test_many (gconstpointer data)
{
  static const char *const expected[] = { "B", "a", "b", "z", "ä" };
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) set = set_many_new ("set", "b", "ä", "z", "B", "a", NULL);
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET_MANY, "get", NULL, NULL);
  g_autoptr (MkvResponse) done = NULL, read = NULL;
  GPtrArray *results;

  g_test_summary ("MSET answers in order of the keys, MGET as it was asked");
  done = world_ask (world, set);
  assert_ok (done, "set", NULL);
  results = mkv_response_get_results (done);
  g_assert_cmpuint (results->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < results->len; i++)
    {
      g_assert_cmpstr (mkv_result_get_key (results->pdata[i]), ==, expected[i]);
      g_assert_cmpint (mkv_result_get_status (results->pdata[i]), ==, MKV_STATUS_OK);
      g_assert_null (mkv_result_get_value (results->pdata[i]));
    }

  mkv_command_add_key (get, "z");
  mkv_command_add_key (get, "missing");
  mkv_command_add_key (get, "B");
  mkv_command_add_key (get, "z");
  read = world_ask (world, get);
  assert_ok (read, "get", NULL);
  results = mkv_response_get_results (read);
  g_assert_cmpuint (results->len, ==, 4);
  for (guint i = 0; i < 4; i++)
    {
      const char *key = mkv_command_get_keys (get)->pdata[i];
      GBytes *value = mkv_result_get_value (results->pdata[i]);

      g_assert_cmpstr (mkv_result_get_key (results->pdata[i]), ==, key);
      g_assert_cmpint (mkv_result_get_status (results->pdata[i]), ==, i == 1 ? MKV_STATUS_NOT_FOUND : MKV_STATUS_OK);
      if (i == 1)
        g_assert_null (value);
      else
        g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), key, strlen (key));
    }
}

static void
assert_keys (World *world, const char *prefix, const char *after, guint limit, const char *expected, gboolean more)
{
  g_autoptr (MkvCommand) command = mkv_test_command (MKV_OPERATION_LIST_KEYS, "keys", NULL, NULL);
  g_autoptr (MkvResponse) response = NULL;
  g_autofree char *keys = NULL;

  mkv_command_set_prefix (command, prefix);
  mkv_command_set_after (command, after);
  mkv_command_set_limit (command, limit);
  response = world_ask (world, command);
  assert_ok (response, "keys", NULL);
  keys = g_strjoinv (" ", (char **) mkv_response_get_keys (response));
  g_assert_cmpstr (keys, ==, expected);
  g_assert_cmpint (mkv_response_get_more (response), ==, more);
}

static void
test_keys (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) set = set_many_new ("set", "a", "ab", "abc", "b", "ba", NULL);
  g_autoptr (MkvResponse) done = world_ask (world, set);

  g_test_summary ("KEYS lists live keys by prefix, in pages");
  assert_ok (done, "set", NULL);
  assert_answer (world, MKV_OPERATION_DELETE, "ab", NULL, NULL);
  assert_keys (world, NULL, NULL, 100, "a abc b ba", FALSE);
  assert_keys (world, "a", NULL, 100, "a abc", FALSE);
  assert_keys (world, NULL, NULL, 2, "a abc", TRUE);
  assert_keys (world, NULL, "abc", 2, "b ba", FALSE);
  assert_keys (world, "x", NULL, 2, "", FALSE);
}

static void
test_node (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autofree char *root = NULL;
  g_autoptr (MkvResponse) info = NULL, sync = NULL;
  const char *text;
  gint64 number;

  g_test_summary ("PING, INFO, and SYNC where anti-entropy is off");
  assert_answer (world, MKV_OPERATION_PING, NULL, NULL, NULL);
  assert_answer (world, MKV_OPERATION_SET, "a", "1", NULL);
  assert_answer (world, MKV_OPERATION_SET, "b", "1", NULL);
  assert_answer (world, MKV_OPERATION_DELETE, "c", NULL, NULL);
  mkv_manual_clock_advance (world->clock, 1500 * 1000);
  info = ask (world, MKV_OPERATION_INFO, NULL, NULL);
  g_assert_cmpint (mkv_response_get_status (info), ==, MKV_STATUS_OK);
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "node_id", "&s", &text));
  g_assert_cmpstr (text, ==, "node");
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "client_id", "&s", &text));
  g_assert_cmpstr (text, ==, "node");
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "version", "&s", &text));
  g_assert_cmpstr (text, ==, MKV_VERSION_S);
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "state", "&s", &text));
  g_assert_cmpstr (text, ==, "online");
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "health", "&s", &text));
  g_assert_cmpstr (text, ==, "ok");
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "entries", "x", &number));
  g_assert_cmpint (number, ==, 2);
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "tombstones", "x", &number));
  g_assert_cmpint (number, ==, 1);
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "uptime_ms", "x", &number));
  g_assert_cmpint (number, >=, 1500);
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "graves", "x", &number));
  g_assert_cmpint (number, ==, 0);
  root = mkv_contents_dup_root (mkv_local_store_get_contents (world->store));
  g_assert_true (g_variant_lookup (mkv_response_get_info (info), "root", "&s", &text));
  g_assert_cmpstr (text, ==, root);
  g_assert_cmpuint (strlen (text), ==, 64);
  sync = ask (world, MKV_OPERATION_SYNC, NULL, NULL);
  assert_error (sync, mkv_response_get_id (sync), MKV_ERROR_CODE_UNAVAILABLE);
  g_assert_nonnull (strstr (mkv_response_get_error_text (sync), "antientropy.enabled"));
}

static void
test_invalid (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) no_uuid =
      mkv_test_command (MKV_OPERATION_PING, "00000000-0000-1000-8000-000000000000", NULL, NULL);
  g_autofree char *long_key = g_strnfill (257, 'k');
  g_autoptr (MkvResponse) response = NULL;

  g_test_summary ("A request that breaks a rule is answered with INVALID_REQUEST and its id");
  assert_refusal (world, MKV_OPERATION_GET, NULL, NULL, MKV_ERROR_CODE_INVALID_REQUEST);
  assert_refusal (world, MKV_OPERATION_GET, "", NULL, MKV_ERROR_CODE_INVALID_REQUEST);
  assert_refusal (world, MKV_OPERATION_SET, "k", NULL, MKV_ERROR_CODE_INVALID_REQUEST);
  assert_refusal (world, MKV_OPERATION_GET, long_key, NULL, MKV_ERROR_CODE_INVALID_REQUEST);
  assert_refusal (world, MKV_OPERATION_GET_MANY, NULL, NULL, MKV_ERROR_CODE_INVALID_REQUEST);
  response = world_ask (world, no_uuid);
  assert_error (response, "00000000-0000-1000-8000-000000000000", MKV_ERROR_CODE_INVALID_REQUEST);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_INVALID), ==, 6);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS), ==, 0);
}

static void
assert_octets (World *world, const char *text, gssize length, const char *id, MkvErrorCode code)
{
  g_autoptr (GBytes) payload = g_bytes_new (text, length >= 0 ? (gsize) length : strlen (text));
  g_autoptr (MkvMessage) message = NULL;
  g_autoptr (MkvResponse) response = NULL;

  world_send_octets (world, payload, "");
  message = world_next_message (world);
  g_assert_cmpstr (mkv_message_get_topic (message), ==, WORLD_PREFIX "/caller/res");
  response = world_decode (world, message);
  assert_error (response, id, code);
}

static void
test_garbage (void)
{
  g_autoptr (World) world = world_new (0);
  g_autofree char *deep = g_strnfill (100000, '[');

  g_test_summary ("What can't be read is answered too, with the id if there is one, in JSON if in doubt");
  assert_octets (world, "", 0, "", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "hello", -1, "", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "{\"id\":\"a\",\"op\":\"GET\"", -1, "a", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "{\"id\":\"a\",\"op\":\"NOP\"}", -1, "a", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "{\"id\":\"a\",\"op\":\"INCR\",\"key\":\"k\",\"amount\":9223372036854775808}", -1, "a",
                 MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "{\"id\":\"a\",\"op\":\"MSET\",\"keyValues\":{\"k\":\"1\",\"\\u006b\":\"2\"}}", -1, "a",
                 MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "\x9a\x40\x00\x00\x00", 5, "", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, "pgQ==", -1, "", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_octets (world, deep, -1, "", MKV_ERROR_CODE_INVALID_REQUEST);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_INVALID), ==, 9);
}

static void
test_too_large (void)
{
  g_autoptr (World) world = world_new (0);
  g_autofree char *octets = g_strnfill (MKV_MAX_PAYLOAD_BYTES + 1, '{');
  g_autofree char *value = g_strnfill (MKV_MAX_VALUE_BYTES + 1, 'v');
  g_autoptr (GBytes) payload = g_bytes_new (octets, strlen (octets));
  g_autoptr (MkvMessage) message = mkv_message_new (WORLD_PREFIX "/node/cmd", payload);
  g_autoptr (MkvResponse) response = NULL;

  g_test_summary ("Payloads and values over their limits are answered with PAYLOAD_TOO_LARGE");
  world->codec = world->cbor;
  mkv_message_set_response_topic (message, WORLD_PREFIX "/caller/res");
  mkv_loopback_broker_inject (world->broker, message);
  response = world_next (world);
  assert_error (response, "", MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
  assert_refusal (world, MKV_OPERATION_SET, "k", value, MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
  value[MKV_MAX_VALUE_BYTES] = 0;
  assert_answer (world, MKV_OPERATION_SET, "k", value, NULL);
  assert_refusal (world, MKV_OPERATION_APPEND, "k", "1", MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
  assert_answer (world, MKV_OPERATION_GET, "k", NULL, value);
}

static void
test_return (gconstpointer data)
{
  static const char *const hostile[] = {
    WORLD_PREFIX "/caller/cmd",
    WORLD_PREFIX "/replication/events",
    WORLD_PREFIX "/antientropy/global",
    WORLD_PREFIX "/replication/res",
    WORLD_PREFIX "/caller/x/res",
    WORLD_PREFIX "/+/res",
    WORLD_PREFIX "/#",
    WORLD_PREFIX "//res",
    "other/caller/res",
    "res",
    "$SYS/x/res",
    "/",
  };
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) command = mkv_test_command (MKV_OPERATION_INCREMENT, NULL, "k", NULL);
  g_autofree char *last = g_strdup_printf ("%u", (guint) G_N_ELEMENTS (hostile) + 1);
  const char *content_type = mkv_codec_get_content_type (world->codec);

  g_test_summary ("Answers go to a client's response topic, or the own one; the command is executed all the same");
  for (guint i = 0; i <= G_N_ELEMENTS (hostile); i++)
    {
      const char *topic = i == G_N_ELEMENTS (hostile) ? NULL : hostile[i];
      g_autofree char *id = g_strdup_printf ("%u", i);
      g_autoptr (MkvMessage) message = NULL;
      g_autoptr (MkvResponse) response = NULL;
      g_autofree char *value = g_strdup_printf ("%u", i + 1);
      GBytes *correlation;

      mkv_command_set_id (command, id);
      world_send (world, command, topic);
      message = world_next_message (world);
      response = world_decode (world, message);
      assert_ok (response, id, value);
      g_assert_cmpstr (mkv_message_get_topic (message), ==, WORLD_PREFIX "/node/res");
      g_assert_cmpstr (mkv_message_get_content_type (message), ==, content_type);
      g_assert_false (mkv_message_get_retain (message));
      correlation = mkv_message_get_correlation_data (message);
      g_assert_nonnull (correlation);
      g_assert_cmpmem (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation), "correlation", 11);
    }
  g_assert_cmpuint (world_count (world, MKV_COUNTER_RESPONSE_TOPIC_REFUSED), ==, G_N_ELEMENTS (hostile));
  assert_answer (world, MKV_OPERATION_GET, "k", NULL, last);
}

static void
test_fallback (void)
{
  g_autoptr (World) world = world_new (4096);
  g_autofree char *quotes = g_strnfill (3000, '"');
  g_autofree char *many = g_strnfill (4090, 'x');
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "get", "quotes", NULL);
  g_autoptr (MkvMessage) message = NULL;
  g_autoptr (MkvResponse) response = NULL;
  g_autoptr (GBytes) quotes_value = mkv_test_bytes (quotes);
  g_autoptr (GBytes) many_value = mkv_test_bytes (many);

  g_test_summary ("An answer too long in JSON comes in CBOR, one that is too long in CBOR as PAYLOAD_TOO_LARGE");
  mkv_store_set (MKV_STORE (world->store), "quotes", quotes_value, NULL, NULL);
  mkv_store_set (MKV_STORE (world->store), "many", many_value, NULL, NULL);
  world_send (world, get, "");
  message = world_next_message (world);
  g_assert_cmpstr (mkv_message_get_content_type (message), ==, "application/cbor");
  response = world_decode (world, message);
  assert_ok (response, "get", quotes);
  assert_refusal (world, MKV_OPERATION_GET, "many", NULL, MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
}

static void
test_oversized (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET_MANY, "get", NULL, NULL);
  g_autofree char *octets = g_strnfill (200 * 1024, 'x');
  g_autoptr (GBytes) value = mkv_test_bytes (octets);
  g_autoptr (MkvResponse) two = NULL, three = NULL;

  g_test_summary ("An MGET of more than fits into one payload is PAYLOAD_TOO_LARGE");
  mkv_store_set (MKV_STORE (world->store), "k", value, NULL, NULL);
  mkv_command_add_key (get, "k");
  mkv_command_add_key (get, "k");
  two = world_ask (world, get);
  assert_ok (two, "get", NULL);
  mkv_command_add_key (get, "k");
  three = world_ask (world, get);
  assert_error (three, "get", MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
}

/* With the greatest length whose answer can be sent, and one more. */
static void
test_oversized_write (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 4096);
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET_MANY, "set", NULL, NULL);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autofree char *octets = g_strnfill (3900, 'x');
  g_autoptr (GBytes) start = mkv_test_bytes (octets);
  g_autoptr (MkvResponse) refused = NULL;
  guint n_done = 0;

  g_test_summary ("A write whose answer could not be sent changes nothing");
  mkv_store_set (MKV_STORE (world->store), "k", start, NULL, NULL);
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (MkvResponse) response = ask (world, i % 2 == 0 ? MKV_OPERATION_APPEND : MKV_OPERATION_PREPEND, "k", "y");
      g_autoptr (GBytes) now = mkv_store_get (MKV_STORE (world->store), "k", NULL, NULL);

      if (mkv_response_get_status (response) == MKV_STATUS_OK)
        n_done++;
      else
        assert_error (response, mkv_response_get_id (response), MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
      g_assert_cmpuint (g_bytes_get_size (now), ==, 3900 + n_done);
    }
  g_assert_cmpuint (n_done, >, 100);
  g_assert_cmpuint (n_done, <, 190);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_RESPONSES_NOT_SENT), ==, 0);

  for (guint i = 0; i < 256; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      mkv_command_add_pair (set, key, value);
    }
  refused = world_ask (world, set);
  assert_error (refused, "set", MKV_ERROR_CODE_PAYLOAD_TOO_LARGE);
  assert_refusal (world, MKV_OPERATION_GET, "0", NULL, MKV_ERROR_CODE_NOT_FOUND);
}

static void
test_access (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);

  g_test_summary ("With access=deny every command is FORBIDDEN, whatever it is");
  assert_answer (world, MKV_OPERATION_SET, "k", "v", NULL);
  mkv_command_processor_set_access (world->processor, MKV_COMMAND_ACCESS_DENY);
  assert_refusal (world, MKV_OPERATION_SET, "k", "w", MKV_ERROR_CODE_FORBIDDEN);
  assert_refusal (world, MKV_OPERATION_GET, "k", NULL, MKV_ERROR_CODE_FORBIDDEN);
  assert_refusal (world, MKV_OPERATION_GET, NULL, NULL, MKV_ERROR_CODE_FORBIDDEN);
  assert_refusal (world, MKV_OPERATION_PING, NULL, NULL, MKV_ERROR_CODE_FORBIDDEN);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_REFUSED), ==, 4);
  mkv_command_processor_set_access (world->processor, MKV_COMMAND_ACCESS_ALLOW);
  assert_answer (world, MKV_OPERATION_GET, "k", NULL, "v");
}

static void
test_flood (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (GBytes) garbage = mkv_test_bytes ("{]");
  guint n = 0;

  g_test_summary ("Garbage is answered a limited number of times, and does not get in the way of others");
  for (guint i = 0; i < 500; i++)
    {
      world_send_octets (world, garbage, "");
      mkv_test_iterate ();
    }
  n = world->messages->len;
  g_assert_cmpuint (n, >=, 50);
  g_assert_cmpuint (n, <, 200);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_DROPPED_RATE_LIMITED), ==, 500 - n);
  g_ptr_array_set_size (world->messages, 0);
  assert_answer (world, MKV_OPERATION_PING, NULL, NULL, NULL);
}

static void
test_mirrored_ids (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, "mirror:1", "k", "v");
  g_autoptr (GBytes) broken = mkv_test_bytes ("{\"id\":\"mirror:2\",\"op\":\"NOP\"}");

  g_test_summary ("Commands with the id of a mirrored one are dropped without an answer");
  world_send (world, set, "");
  world_send_octets (world, broken, "");
  world_assert_silence (world);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_DROPPED_MIRROR), ==, 2);
  assert_refusal (world, MKV_OPERATION_GET, "k", NULL, MKV_ERROR_CODE_NOT_FOUND);
}

static gboolean
has_pair (gpointer user_data)
{
  World *world = user_data;

  return world->messages->len >= 2;
}

static void
assert_mirrored (World *world, MkvOperation operation, const char *key, const char *value)
{
  g_autoptr (MkvMessage) request = NULL;
  g_autoptr (MkvMessage) answer = NULL;
  g_autoptr (MkvCommand) command = NULL;
  g_autoptr (MkvResponse) response = NULL;
  g_autofree char *id = NULL;
  GBytes *bytes;

  mkv_test_run_until (has_pair, world);
  request = world_next_message (world);
  answer = world_next_message (world);
  g_assert_cmpstr (mkv_message_get_topic (request), ==, WORLD_PREFIX "/node/cmd");
  g_assert_cmpstr (mkv_message_get_topic (answer), ==, WORLD_PREFIX "/node/res");
  command = mkv_codec_decode_command (world->codec, mkv_message_get_payload (request), &id, NULL);
  g_assert_nonnull (command);
  g_assert_true (g_str_has_prefix (id, "mirror:"));
  g_assert_true (mkv_command_id_check (id, NULL));
  g_assert_cmpint (mkv_command_get_operation (command), ==, operation);
  g_assert_cmpstr (mkv_command_get_key (command), ==, key);
  bytes = mkv_command_get_value (command);
  if (value == NULL)
    g_assert_null (bytes);
  else
    g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), value, strlen (value));
  response = world_decode (world, answer);
  assert_ok (response, id, NULL);
}

static void
test_mirror (gconstpointer data)
{
  g_autoptr (World) world = setup (data, 0);
  g_autoptr (MkvCommandMirror) mirror = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("7");
  g_autoptr (GError) error = NULL;
  gint64 number;

  g_test_summary ("Local writes are mirrored as commands to the node itself, and answers");
  mkv_transport_subscribe (world->caller, WORLD_PREFIX "/node/cmd", FALSE, &error);
  g_assert_no_error (error);
  mkv_test_iterate ();
  mirror = mkv_command_mirror_new (world->router, world->store, world->codec, world->cbor, world->observer);
  g_assert_true (mkv_store_set (MKV_STORE (world->store), "k", value, NULL, NULL));
  assert_mirrored (world, MKV_OPERATION_SET, "k", "7");
  g_assert_true (mkv_store_increment (MKV_STORE (world->store), "k", 1, &number, NULL, NULL));
  assert_mirrored (world, MKV_OPERATION_SET, "k", "8");
  g_assert_true (mkv_store_delete (MKV_STORE (world->store), "k", NULL, NULL));
  assert_mirrored (world, MKV_OPERATION_DELETE, "k", NULL);

  mkv_loopback_broker_cut (world->broker, "node");
  mkv_test_iterate ();
  g_assert_true (mkv_store_set (MKV_STORE (world->store), "k", value, NULL, NULL));
  mkv_test_iterate ();
  g_assert_cmpuint (world_count (world, MKV_COUNTER_MIRRORED_NOT_SENT), ==, 1);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_DROPPED_MIRROR), ==, 0);
  g_clear_object (&mirror);
  g_assert_true (mkv_store_set (MKV_STORE (world->store), "k", value, NULL, NULL));
  mkv_test_iterate ();
  g_assert_cmpuint (world_count (world, MKV_COUNTER_MIRRORED_NOT_SENT), ==, 1);
}

static void
add_both (const char *path, GTestDataFunc func)
{
  g_autofree char *json = g_strdup_printf ("/command/json/%s", path);
  g_autofree char *cbor = g_strdup_printf ("/command/cbor/%s", path);

  g_test_add_data_func (json, "json", func);
  g_test_add_data_func (cbor, "cbor", func);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  add_both ("single", test_single);
  add_both ("binary", test_binary);
  add_both ("count", test_count);
  add_both ("many", test_many);
  add_both ("keys", test_keys);
  add_both ("node", test_node);
  add_both ("invalid", test_invalid);
  add_both ("return", test_return);
  add_both ("oversized", test_oversized);
  add_both ("oversized-write", test_oversized_write);
  add_both ("access", test_access);
  add_both ("mirrored-ids", test_mirrored_ids);
  add_both ("mirror", test_mirror);
  g_test_add_func ("/command/garbage", test_garbage);
  g_test_add_func ("/command/too-large", test_too_large);
  g_test_add_func ("/command/fallback", test_fallback);
  g_test_add_func ("/command/flood", test_flood);
  return g_test_run ();
}
