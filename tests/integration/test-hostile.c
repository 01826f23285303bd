/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A stranger with libmosquitto and bad intentions against a running node: each
 * payload is answered or dropped, counted, and survived, in bounded time and
 * memory, and the data is not touched.
 */
#include <json-glib/json-glib.h>
#include <merklekv.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <string.h>

#include "mkv-mosquitto.h"
#include "mkv-test.h"

#define PREFIX "hostile"
#define COMMANDS PREFIX "/victim/cmd"
#define EVENTS PREFIX "/replication/events"
#define ANSWERS PREFIX "/stranger/res"
/* Of the whole process, the attacker and what it prepares included. */
#define MAX_GROWTH_KIB (48 * 1024)
/* From a payload to the answer of the PING behind it. */
#define MAX_SECONDS 5

typedef struct
{
  MkvMosquitto *broker;
  MkvNode *node;
  struct mosquitto *mosq;
  guint n_acknowledged;
  guint n_answers;
  guint n_pongs;
  char *last_answer;
} Fixture;

static void
check (int rc)
{
  if (rc != MOSQ_ERR_SUCCESS)
    g_error ("libmosquitto: %s", mosquitto_strerror (rc));
}

static void
on_published (struct mosquitto *mosq, void *user_data, int mid, int reason, const mosquitto_property *properties)
{
  ((Fixture *) user_data)->n_acknowledged++;
}

static void
on_message (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message,
            const mosquitto_property *properties)
{
  Fixture *f = user_data;

  f->n_answers++;
  g_free (f->last_answer);
  f->last_answer = g_strndup (message->payload, (gsize) message->payloadlen);
  if (strstr (f->last_answer, "\"pong") != NULL)
    f->n_pongs++;
}

/* Both sides get their turns. */
static void
iterate (Fixture *f)
{
  check (mosquitto_loop (f->mosq, 1, 1));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
publish (Fixture *f, const char *topic, gconstpointer payload, gsize length, const char *response_topic)
{
  mosquitto_property *properties = NULL;
  guint expected = f->n_acknowledged + 1;

  if (response_topic != NULL)
    check (mosquitto_property_add_string (&properties, MQTT_PROP_RESPONSE_TOPIC, response_topic));
  check (mosquitto_publish_v5 (f->mosq, NULL, topic, (int) length, payload, 1, false, properties));
  mosquitto_property_free_all (&properties);
  while (f->n_acknowledged < expected)
    iterate (f);
}

/* The node has seen all that was published before when it answers this. */
static void
ping (Fixture *f)
{
  static guint n;
  g_autofree char *request = g_strdup_printf ("{\"id\":\"pong%u\",\"op\":\"PING\"}", ++n);
  gint64 end = g_get_monotonic_time () + MAX_SECONDS * G_USEC_PER_SEC;
  guint expected = f->n_pongs + 1;

  publish (f, COMMANDS, request, strlen (request), ANSWERS);
  while (f->n_pongs < expected)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      iterate (f);
    }
}

/* All counters of what was dropped or refused. */
static guint64
count_refusals (Fixture *f)
{
  g_autoptr (GVariant) counters = mkv_node_list_counters (f->node);
  GVariantIter iter;
  const char *name;
  guint64 count, sum = 0;

  g_variant_iter_init (&iter, counters);
  while (g_variant_iter_next (&iter, "{&st}", &name, &count))
    if (g_str_has_prefix (name, "dropped-") || g_str_has_prefix (name, "events-refused") ||
        g_str_has_prefix (name, "events-future") || g_str_has_prefix (name, "commands-invalid") ||
        g_str_has_prefix (name, "commands-refused"))
      sum += count;
  return sum;
}

static guint64
resident_kib (void)
{
  g_autofree char *text = NULL;
  const char *found;

  g_assert_true (g_file_get_contents ("/proc/self/status", &text, NULL, NULL));
  found = strstr (text, "VmRSS:");
  return g_ascii_strtoull (found + strlen ("VmRSS:"), NULL, 10);
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  mkv_node_start_finish (MKV_NODE (source), result, &error);
  g_assert_no_error (error);
}

static gboolean
is_online (gpointer user_data)
{
  return mkv_node_get_state (((Fixture *) user_data)->node) == MKV_NODE_ONLINE;
}

static void
set (MkvConfig *config, const char *setting, const char *value)
{
  g_autoptr (GError) error = NULL;

  mkv_config_set (config, setting, value, &error);
  g_assert_no_error (error);
}

static gboolean
set_up (Fixture *f)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GBytes) value = mkv_test_bytes ("precious");
  g_autoptr (GError) error = NULL;

  f->broker = mkv_mosquitto_new (NULL);
  if (f->broker == NULL)
    return FALSE;
  set (config, "node.client-id", "victim");
  set (config, "node.topic-prefix", PREFIX);
  set (config, "storage.backend", "memory");
  set (config, "transport.broker", mkv_mosquitto_get_uri (f->broker));
  f->node = mkv_node_new (config);
  mkv_node_start_async (f->node, NULL, on_started, NULL);
  mkv_test_run_until (is_online, f);
  mkv_store_set (mkv_node_get_store (f->node), "treasure", value, NULL, &error);
  g_assert_no_error (error);

  f->mosq = mosquitto_new ("stranger", true, f);
  check (mosquitto_int_option (f->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5));
  check (mosquitto_int_option (f->mosq, MOSQ_OPT_TCP_NODELAY, 1));
  mosquitto_publish_v5_callback_set (f->mosq, on_published);
  mosquitto_message_v5_callback_set (f->mosq, on_message);
  check (mosquitto_connect (f->mosq, "127.0.0.1", mkv_mosquitto_get_port (f->broker), 60));
  check (mosquitto_subscribe (f->mosq, NULL, ANSWERS, 1));
  ping (f);
  return TRUE;
}

static void
tear_down (Fixture *f)
{
  g_auto (GStrv) keys = NULL;
  g_autoptr (GBytes) value = NULL;
  gboolean more;

  if (f->broker == NULL)
    return;
  ping (f);
  keys = mkv_store_list_keys (mkv_node_get_store (f->node), NULL, NULL, 1000, &more, NULL, NULL);
  g_assert_cmpuint (g_strv_length (keys), ==, 1);
  value = mkv_store_get (mkv_node_get_store (f->node), "treasure", NULL, NULL);
  g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "precious", 8);
  mosquitto_destroy (f->mosq);
  g_object_unref (f->node);
  mkv_mosquitto_free (f->broker);
  g_free (f->last_answer);
}

/* Sends @payload as an event and as a command, and holds that both were
 * refused and counted. */
static void
attack (Fixture *f, gconstpointer payload, gsize length)
{
  guint64 before = count_refusals (f);

  publish (f, EVENTS, payload, length, NULL);
  publish (f, COMMANDS, payload, length, ANSWERS);
  ping (f);
  g_assert_cmpuint (count_refusals (f), >=, before + 2);
}

static GBytes *
deflate (GBytes *octets, gsize repeat)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (memory, compressor);

  for (gsize i = 0; i < repeat; i++)
    g_assert_true (g_output_stream_write_all (stream, g_bytes_get_data (octets, NULL), g_bytes_get_size (octets),
                                              NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

static void
test_bombs (void)
{
  g_autofree char *brackets = g_strnfill (500000, '['), *zeros = g_malloc0 (1024 * 1024);
  g_autoptr (GBytes) mebibyte = g_bytes_new (zeros, 1024 * 1024);
  g_autoptr (GBytes) gibibyte = deflate (mebibyte, 1024), nested = deflate (gibibyte, 1),
                     half = deflate (mebibyte, 400);
  Fixture f = { 0 };
  guint64 before;

  g_test_summary ("Deep nesting, promised lengths and zlib bombs cost neither time nor memory");
  if (!set_up (&f))
    return;
  /* 1 GiB deflates to 1 MiB, which no payload may have, and that to 5 KB. */
  g_assert_cmpuint (g_bytes_get_size (nested), <, 8192);
  before = resident_kib ();
  attack (&f, brackets, 500000);
  attack (&f, "\x9a\x40\x00\x00\x00", 5);
  attack (&f, "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", 9);
  attack (&f, "\x5a\x7f\xff\xff\xff", 5);
  attack (&f, g_bytes_get_data (nested, NULL), g_bytes_get_size (nested));
  attack (&f, g_bytes_get_data (half, NULL), g_bytes_get_size (half));
  g_assert_cmpuint (resident_kib (), <, before + MAX_GROWTH_KIB);
  tear_down (&f);
}

static void
test_texts (void)
{
  static const char *const texts[] = {
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"\xff\xfe\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"a\",\"key\":\"b\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"a\",\"\\u006bey\":\"b\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"INCR\",\"key\":\"treasure\",\"amount\":123456789012345678901234567890}",
    "{\"id\":\"1\",\"op\":\"INCR\",\"key\":\"treasure\",\"amount\":1e400}",
    "{\"id\":\"1\",\"op\":\"INCR\",\"key\":\"treasure\",\"amount\":0.5}",
    "{\"id\":\"1\",\"op\":\"KEYS\",\"limit\":-1}",
    "{\"id\":\"1\",\"op\":\"KEYS\",\"limit\":4294967297}",
    "{\"id\":1,\"op\":\"SET\",\"key\":\"treasure\",\"value\":\"x\"}",
    "{\"id\":\"\",\"op\":\"SET\",\"key\":\"treasure\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"set\",\"key\":\"treasure\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"treasure\",\"value\":null}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"\",\"value\":\"x\"}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"treasure\",\"value\":\"!!\",\"encoding\":\"base64\"}",
    "{\"id\":\"1\",\"op\":\"MSET\",\"keyValues\":{}}",
    "{\"id\":\"1\",\"op\":\"MGET\",\"keys\":\"treasure\"}",
    "[]",
    "{}",
    "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"treasure\",\"value\":\"x\"} {}",
    "\xef\xbb\xbf{}",
    " {}",
    "null",
  };
  Fixture f = { 0 };

  g_test_summary ("Invalid UTF-8, duplicate names, huge numbers and wrong types are refused");
  if (!set_up (&f))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    attack (&f, texts[i], strlen (texts[i]));
  tear_down (&f);
}

static void
test_truncated (void)
{
  static const char text[] = "{\"id\":\"1\",\"op\":\"SET\",\"key\":\"treasure\",\"value\":\"x\",\"timestamp\":5}";
  g_autoptr (GBytes) cbor = mkv_test_unhex ("a4626964613162"
                                            "6f7063534554636b6579687472656173757265"
                                            "6576616c75656178");
  Fixture f = { 0 };

  g_test_summary ("Every beginning of a message is refused, in JSON, CBOR and zlib");
  if (!set_up (&f))
    return;
  for (gsize i = 0; i < strlen (text); i++)
    attack (&f, text, i);
  for (gsize i = 0; i < g_bytes_get_size (cbor); i++)
    attack (&f, g_bytes_get_data (cbor, NULL), i);
  {
    g_autoptr (GBytes) deflated = deflate (cbor, 1);

    for (gsize i = 0; i < g_bytes_get_size (deflated); i++)
      attack (&f, g_bytes_get_data (deflated, NULL), i);
  }
  tear_down (&f);
}

static void
test_random (void)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  Fixture f = { 0 };

  g_test_summary ("Random octets behind every first octet are refused");
  g_test_message ("seed %u", seed);
  if (!set_up (&f))
    return;
  for (guint i = 0; i < 512; i++)
    {
      guint8 octets[64];
      gsize length = (gsize) g_rand_int_range (rand, 1, sizeof octets);

      for (gsize j = 0; j < length; j++)
        octets[j] = (guint8) g_rand_int (rand);
      octets[0] = (guint8) i;
      attack (&f, octets, length);
    }
  tear_down (&f);
}

static void
test_response_topics (void)
{
  static const char *const topics[] = { "elsewhere/stranger/res",        PREFIX "/stranger/cmd",
                                        PREFIX "/replication/events",    PREFIX "/a/b/res",
                                        PREFIX "/stranger/res/",         PREFIX "//res",
                                        PREFIX "/replication/res",       PREFIX "x/stranger/res",
                                        "$SYS/broker/clients/connected", PREFIX "/st ranger/res" };
  static const char request[] = "{\"id\":\"1\",\"op\":\"GET\",\"key\":\"treasure\"}";
  Fixture f = { 0 };

  g_test_summary ("A response topic outside of {prefix}/{client_id}/res is not used, and counted");
  if (!set_up (&f))
    return;
  check (mosquitto_subscribe (f.mosq, NULL, "elsewhere/#", 1));
  check (mosquitto_subscribe (f.mosq, NULL, PREFIX "/+/cmd", 1));
  check (mosquitto_subscribe (f.mosq, NULL, PREFIX "/a/#", 1));
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    {
      g_autoptr (GVariant) counters = NULL;
      guint64 n_refused;

      publish (&f, COMMANDS, request, strlen (request), topics[i]);
      ping (&f);
      g_assert_null (strstr (f.last_answer, "precious"));
      counters = mkv_node_list_counters (f.node);
      g_assert_true (g_variant_lookup (counters, "response-topic-refused", "t", &n_refused));
      g_assert_cmpuint (n_refused, ==, i + 1);
    }
  tear_down (&f);
}

/* A unit so many times, then a tail, all in hexadecimal. */
static GBytes *
repeat (JsonObject *object)
{
  g_autoptr (GString) hex = g_string_new (NULL);

  for (gint64 i = 0; i < json_object_get_int_member (object, "times"); i++)
    g_string_append (hex, json_object_get_string_member (object, "unit"));
  g_string_append (hex, json_object_get_string_member (object, "tail"));
  return mkv_test_unhex (hex->str);
}

static void
test_vectors (void)
{
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "vectors", "malformed.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) error = NULL;
  JsonArray *vectors;
  Fixture f = { 0 };

  g_test_summary ("What the vectors call malformed is refused by the node as a whole");
  if (!set_up (&f))
    return;
  json_parser_load_from_file (parser, file, &error);
  g_assert_no_error (error);
  vectors = json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "vectors");
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      g_autoptr (GBytes) payload = NULL;
      guint64 before = count_refusals (&f);

      g_test_message ("%s", json_object_get_string_member (vector, "what"));
      if (json_object_has_member (vector, "repeat"))
        payload = repeat (json_object_get_object_member (vector, "repeat"));
      else
        payload = mkv_test_unhex (json_object_get_string_member (vector, "payload"));
      publish (&f, EVENTS, g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), NULL);
      ping (&f);
      g_assert_cmpuint (count_refusals (&f), >, before);
    }
  tear_down (&f);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 200);
  mosquitto_lib_init ();
  g_test_add_func ("/hostile/bombs", test_bombs);
  g_test_add_func ("/hostile/texts", test_texts);
  g_test_add_func ("/hostile/truncated", test_truncated);
  g_test_add_func ("/hostile/random", test_random);
  g_test_add_func ("/hostile/response-topics", test_response_topics);
  g_test_add_func ("/hostile/vectors", test_vectors);
  return g_test_run ();
}
