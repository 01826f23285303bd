/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Of the router: what comes in, and what goes out. */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "mkv-router-world.h"

static void
test_formats (RouterWorld *fixture, gconstpointer data)
{
  static const char json[] = "{\"op\":\"GET\"}";
  g_autoptr (GBytes) plain = g_bytes_new_static (json, sizeof json - 1);
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (MKV_MAX_PAYLOAD_BYTES + 1), MKV_MAX_PAYLOAD_BYTES + 1);
  g_autoptr (GBytes) limit = g_bytes_new_from_bytes (zeros, 0, MKV_MAX_PAYLOAD_BYTES);
  g_autoptr (GBytes) once = mkv_payload_deflate (plain);
  g_autoptr (GBytes) twice = mkv_payload_deflate (once);
  g_autoptr (GBytes) bomb = mkv_payload_deflate (zeros);
  g_autoptr (GBytes) padded = mkv_payload_deflate (limit);
  g_autoptr (GBytes) truncated = g_bytes_new_from_bytes (once, 0, g_bytes_get_size (once) - 3);
  static const char *const topics[] = { "fleet/a/me/cmd", "fleet/a/me/res", "fleet/a/replication/events" };

  g_test_summary ("Payloads are told apart by their first octets on every topic; bad ones come with an error");
  router_world_join (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    {
      router_world_inject_text (fixture, topics[i], "[]");
      router_world_inject (fixture, topics[i], "\xa0", 1);
      router_world_inject (fixture, topics[i], "\x80", 1);
      router_world_inject_bytes (fixture, topics[i], once);
    }
  router_world_assert_handled (fixture, "cmd:json:2 cmd:cbor:1 cmd:cbor:1 cmd:json:12 "
                           "res:json:2 res:cbor:1 res:cbor:1 res:json:12 "
                           "events:json:2 events:cbor:1 events:cbor:1 events:json:12 ");
  router_world_inject_text (fixture, topics[2], "pGNrZXk=");
  router_world_assert_handled (fixture, "events:locked-spec:8 ");
  router_world_inject_text (fixture, topics[0], "pGNrZXk=");
  router_world_inject_text (fixture, topics[1], "pGNrZXk=");
  router_world_assert_handled (fixture, "cmd:none:malformed res:none:malformed ");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_MALFORMED, 2);

  router_world_inject_text (fixture, topics[2], "");
  router_world_inject_text (fixture, topics[2], " {}");
  router_world_inject_text (fixture, topics[2], "\xef\xbb\xbf{}");
  router_world_inject (fixture, topics[2], "\x05", 1);
  router_world_inject (fixture, topics[2], "\xff", 1);
  router_world_inject_text (fixture, topics[2], "xyz");
  router_world_inject_bytes (fixture, topics[2], twice);
  router_world_inject_bytes (fixture, topics[2], truncated);
  router_world_assert_handled (fixture, "events:none:malformed events:none:malformed events:none:malformed "
                           "events:none:malformed events:none:malformed events:none:malformed "
                           "events:none:malformed events:none:malformed ");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_MALFORMED, 10);

  router_world_inject_bytes (fixture, topics[0], bomb);
  router_world_inject_bytes (fixture, topics[0], zeros);
  router_world_assert_handled (fixture, "cmd:none:too-large cmd:none:too-large ");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOO_LARGE, 2);
  /* Right at the limit it is only nonsense. */
  router_world_inject_bytes (fixture, topics[0], padded);
  router_world_inject_bytes (fixture, topics[0], limit);
  router_world_assert_handled (fixture, "cmd:none:malformed cmd:none:malformed ");
}

static void
test_dropped (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GBytes) payload = mkv_test_bytes ("{}");
  g_autoptr (MkvMessage) retained = mkv_message_new ("fleet/a/replication/events", payload);
  static const char *const topics[] = {
    "fleet/a/me/cm",      "fleet/a/me/cmd/",    "fleet/a/me/cmdx",         "fleet/a/me",
    "fleet/me/cmd",       "/fleet/a/me/cmd",    "fleet/a/you/cmd",         "fleet/a/replication/event",
    "fleet/a/replication", "x",                 "fleet/a/replication/events/x", "fleet/a//cmd",
    "\xff\xfe",           "fleet/a/ME/cmd",
  };
  guint n = G_N_ELEMENTS (topics);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Retained messages, strange topics and foreign presence go nowhere, and are counted");
  router_world_join (fixture);
  mkv_transport_subscribe (fixture->transport, "#", FALSE, &error);
  g_assert_no_error (error);
  router_world_advance (fixture, 10);
  mkv_message_set_retain (retained, TRUE);
  mkv_loopback_broker_inject (fixture->broker, retained);
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_RETAINED, 1);

  for (guint i = 0; i < n; i++)
    router_world_inject_text (fixture, topics[i], "{}");
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, n);

  router_world_inject_text (fixture, "fleet/a/me/res",
                            "{\"status\":\"online\",\"timestamp_ms\":1,\"node_id\":\"me-node\"}");
  router_world_inject_text (fixture, "fleet/a/me/res",
                            "{\"status\":\"offline\",\"timestamp_ms\":1}");
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 2);
  router_world_inject_text (fixture, "fleet/a/me/res",
                            "{\"status\":\"OK\",\"id\":\"1\"}");
  router_world_assert_handled (fixture, "res:json:24 ");
  /* Presence is for the response topic alone. */
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{\"status\":\"offline\",\"timestamp_ms\":1}");
  router_world_assert_handled (fixture, "cmd:json:37 ");

  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, NULL, NULL);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, n + 1);
}

static void
test_claims (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("A message that a handler claims is acknowledged when it is handled, or comes again");
  router_world_join (fixture);
  fixture->claims = TRUE;
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "[]");
  router_world_assert_handled (fixture, "events:json:2 events:json:2 ");
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 2);
  mkv_message_handled (fixture->claimed->pdata[0]);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 1);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected WAITING CONNECTING CONNECTED connected:present ");
  router_world_assert_handled (fixture, "events:json:2 ");
  mkv_message_handled (fixture->claimed->pdata[2]);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 0);
  fixture->claims = FALSE;
}

static void
test_send (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("What became of a message is told once: taken, refused or lost");
  g_assert_false (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  router_world_join (fixture);
  mkv_router_get_limits (fixture->router, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, ==, 100);
  g_assert_cmpuint (max_payload, ==, MKV_MAX_PAYLOAD_BYTES);
  g_assert_false (router_world_send (fixture, "fleet/a/you/cmd", max_payload + 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  router_world_assert_reasons (fixture, 0, 0);

  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_PUBLISH, "me", "fleet/a/denied/#", 0x87);
  g_assert_true (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  router_world_assert_reasons (fixture, 0, 0);
  router_world_advance (fixture, 10);
  router_world_assert_reasons (fixture, 1, 0);
  g_assert_true (router_world_send (fixture, "fleet/a/denied/cmd", 1, TRUE, &error));
  router_world_advance (fixture, 10);
  router_world_assert_reasons (fixture, 1, 0x87);
  g_assert_true (router_world_send (fixture, "fleet/a/denied/cmd", 1, FALSE, &error));
  router_world_advance (fixture, 10);
  router_world_assert_count (fixture, MKV_COUNTER_MESSAGES_NOT_SENT, 1);

  for (guint i = 0; i < 50; i++)
    g_assert_true (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_true (router_world_send (fixture, "fleet/a/you/cmd", 1, FALSE, &error));
  mkv_loopback_broker_cut (fixture->broker, "me");
  router_world_advance (fixture, 10);
  router_world_assert_reasons (fixture, 50, MKV_TRANSPORT_REASON_LOST);
  router_world_assert_count (fixture, MKV_COUNTER_MESSAGES_NOT_SENT, 2);
  g_assert_false (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_assert_nonnull (strstr (error->message, URI));
  g_clear_error (&error);

  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  for (guint i = 0; i < 5; i++)
    g_assert_true (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  mkv_router_stop (fixture->router);
  router_world_assert_reasons (fixture, 5, MKV_TRANSPORT_REASON_LOST);
}

static void
test_rate_limit (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_test_summary ("Of messages that nobody waits for so many are under way, others are not held up");
  router_world_join (fixture);
  while (router_world_send (fixture, "fleet/a/you/res", 1, FALSE, &error))
    n++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&error);
  g_assert_cmpuint (n, ==, 1024);
  g_assert_true (router_world_send (fixture, "fleet/a/you/res", 1, TRUE, &error));
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_RATE_LIMITED, 1);
  router_world_advance (fixture, 10);
  router_world_assert_reasons (fixture, 1, 0);
  n = 0;
  while (router_world_send (fixture, "fleet/a/you/res", 500000, FALSE, &error))
    n++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&error);
  g_assert_cmpuint (n, ==, 16 * 1024 * 1024 / 500000);
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_RATE_LIMITED, 2);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  g_assert_true (router_world_send (fixture, "fleet/a/you/res", 500000, FALSE, &error));
}

static void
test_compression (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  guint8 *noise = g_malloc (4096);
  g_autoptr (GBytes) random = NULL;
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (4096), 4096);
  g_autoptr (GBytes) short_zeros = g_bytes_new_from_bytes (zeros, 0, 1023);
  g_autoptr (GBytes) mixed = NULL;
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  guint8 *part = g_malloc0 (4096);
  const struct
  {
    GBytes *payload;
    MkvCompression compression;
    gboolean compressed;
  } cases[] = {
    { zeros, MKV_COMPRESSION_OFF, FALSE },      { zeros, MKV_COMPRESSION_AUTO, TRUE },
    { zeros, MKV_COMPRESSION_ON, TRUE },        { short_zeros, MKV_COMPRESSION_AUTO, FALSE },
    { short_zeros, MKV_COMPRESSION_ON, TRUE },  { nothing, MKV_COMPRESSION_AUTO, FALSE },
    { nothing, MKV_COMPRESSION_ON, FALSE },
  };

  g_test_summary ("Compressed where it is wanted and pays, and said so");
  for (guint i = 0; i < 4096; i++)
    noise[i] = (guint8) g_rand_int (rand);
  random = g_bytes_new_take (noise, 4096);
  /* Gains about 5 %: worth it only if told to. */
  memcpy (part, noise, 3890);
  mixed = g_bytes_new_take (part, 4096);
  for (guint i = 0; i < G_N_ELEMENTS (cases) + 4; i++)
    {
      guint more = i - G_N_ELEMENTS (cases);
      GBytes *payload = i < G_N_ELEMENTS (cases) ? cases[i].payload : more < 2 ? random : mixed;
      MkvCompression compression = i < G_N_ELEMENTS (cases) ? cases[i].compression
                                   : more % 2 == 0          ? MKV_COMPRESSION_AUTO
                                                            : MKV_COMPRESSION_ON;
      gboolean compressed = i < G_N_ELEMENTS (cases) ? cases[i].compressed : more == 3;
      g_autoptr (MkvMessage) message =
          mkv_router_message_new (fixture->router, "t", fixture->cbor, payload, compression);
      GBytes *sent = mkv_message_get_payload (message);

      g_test_message ("case %u", i);
      g_assert_cmpstr (mkv_message_get_content_type (message), ==, "application/cbor");
      g_assert_cmpstr (mkv_message_get_user_property (message, "encoding"), ==, compressed ? "zlib" : NULL);
      if (compressed)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GBytes) inflated = mkv_payload_inflate (sent, MKV_MAX_PAYLOAD_BYTES, &error);

          g_assert_no_error (error);
          g_assert_true (g_bytes_equal (inflated, payload));
          g_assert_cmpuint (g_bytes_get_size (sent), <, g_bytes_get_size (payload));
        }
      else
        g_assert_true (sent == payload);
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
#define ADD(name, func) \
  g_test_add ("/router/" name, RouterWorld, NULL, router_world_set_up, func, router_world_tear_down)
  ADD ("formats", test_formats);
  ADD ("dropped", test_dropped);
  ADD ("claims", test_claims);
  ADD ("send", test_send);
  ADD ("rate-limit", test_rate_limit);
  ADD ("compression", test_compression);
  return g_test_run ();
}
