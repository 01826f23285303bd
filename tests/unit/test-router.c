/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "delivery/mkv-router-private.h"
#include "mkv-loopback-broker.h"
#include "mkv-test.h"
#include "mkv-transport-loopback.h"

#define URI "loopback://router"
#define PREFIX "fleet/a"

/* The router asks a codec for nothing but its content type. */
#define TEST_TYPE_CODEC (test_codec_get_type ())
G_DECLARE_FINAL_TYPE (TestCodec, test_codec, TEST, CODEC, GObject)

struct _TestCodec
{
  GObject parent_instance;
  const char *content_type;
};

static const char *
test_codec_get_content_type (MkvCodec *codec)
{
  return TEST_CODEC (codec)->content_type;
}

static void
test_codec_iface_init (MkvCodecInterface *iface)
{
  iface->get_content_type = test_codec_get_content_type;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestCodec, test_codec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, test_codec_iface_init))

static void
test_codec_class_init (TestCodecClass *klass)
{
}

static void
test_codec_init (TestCodec *self)
{
}

static MkvCodec *
test_codec_new (const char *content_type)
{
  TestCodec *self = g_object_new (TEST_TYPE_CODEC, NULL);

  self->content_type = content_type;
  return MKV_CODEC (self);
}

/* A router "me" over the loopback broker, and a client "other" that sees
 * everything. */
typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvObserver *observer;
  MkvCodec *json, *cbor, *locked_spec;
  MkvTransport *transport;
  MkvRouter *router;
  MkvTransport *other;
  GPtrArray *seen;  /* MkvMessage, by "other" */
  GString *signals; /* what the router emitted */
  GString *handled; /* what its handlers got */
  GPtrArray *claimed;
  gboolean claims;
  GArray *reasons; /* gint, what became of what was sent */
} Fixture;

static void
on_seen (MkvTransport *transport, MkvMessage *message, Fixture *fixture)
{
  g_ptr_array_add (fixture->seen, mkv_message_ref (message));
}

static void
start (MkvTransport *transport, const char *client_id, MkvClock *clock)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", URI);
  g_variant_dict_insert (&dict, "client-id", "s", client_id);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  mkv_transport_start (transport, options, NULL, clock, &error);
  g_assert_no_error (error);
}

static void
on_connected (MkvRouter *router, gboolean session_present, Fixture *fixture)
{
  g_assert_true (mkv_router_is_connected (router));
  g_string_append (fixture->signals, session_present ? "connected:present " : "connected ");
}

static void
on_disconnected (MkvRouter *router, Fixture *fixture)
{
  g_assert_false (mkv_router_is_connected (router));
  g_string_append (fixture->signals, "disconnected ");
}

static void
on_state_changed (MkvRouter *router, Fixture *fixture)
{
  static const char *const names[] = { "STOPPED", "CONNECTING", "CONNECTED", "WAITING", "FAILED" };

  g_string_append_printf (fixture->signals, "%s ", names[mkv_router_get_state (router)]);
}

static void
on_stopped (MkvRouter *router, Fixture *fixture)
{
  g_string_append (fixture->signals, "stopped ");
}

static void
on_routed (Fixture *fixture, const char *route, MkvMessage *message, MkvCodec *codec, GBytes *payload,
           const GError *error)
{
  const char *name = codec == NULL                   ? "none"
                     : codec == fixture->json        ? "json"
                     : codec == fixture->cbor        ? "cbor"
                     : codec == fixture->locked_spec ? "locked-spec"
                                                     : "?";

  g_assert_cmpint (codec == NULL, ==, error != NULL);
  g_assert_cmpint (codec == NULL, ==, payload == NULL);
  g_string_append_printf (fixture->handled, "%s:%s", route, name);
  if (error != NULL)
    {
      g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (MKV_ERROR));
      g_string_append (fixture->handled, error->code == MKV_ERROR_MALFORMED   ? ":malformed"
                                         : error->code == MKV_ERROR_TOO_LARGE ? ":too-large"
                                                                              : ":?");
    }
  else
    g_string_append_printf (fixture->handled, ":%" G_GSIZE_FORMAT, g_bytes_get_size (payload));
  g_string_append_c (fixture->handled, ' ');
  if (fixture->claims)
    {
      mkv_message_claim (message);
      g_ptr_array_add (fixture->claimed, mkv_message_ref (message));
    }
}

static void
on_command (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  on_routed (user_data, "cmd", message, codec, payload, error);
}

static void
on_response (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  on_routed (user_data, "res", message, codec, payload, error);
}

static void
on_events (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  on_routed (user_data, "events", message, codec, payload, error);
}

static void
make_router (Fixture *fixture)
{
  fixture->transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  fixture->router = mkv_router_new (fixture->transport, fixture->json, fixture->cbor, fixture->locked_spec, PREFIX,
                                    "me", "me-node", MKV_CLOCK (fixture->clock), fixture->observer);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, on_command, fixture);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_RESPONSES, on_response, fixture);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_EVENTS, on_events, fixture);
  g_signal_connect (fixture->router, "connected", G_CALLBACK (on_connected), fixture);
  g_signal_connect (fixture->router, "disconnected", G_CALLBACK (on_disconnected), fixture);
  g_signal_connect (fixture->router, "state-changed", G_CALLBACK (on_state_changed), fixture);
  g_signal_connect (fixture->router, "stopped", G_CALLBACK (on_stopped), fixture);
}

static void
advance (Fixture *fixture, gint64 ms)
{
  mkv_test_advance (fixture->clock, ms * 1000);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->clock = mkv_manual_clock_new (1700000000000);
  fixture->broker = mkv_loopback_broker_get (URI);
  mkv_loopback_broker_set_delay (fixture->broker, 1000, 1000);
  fixture->observer = mkv_observer_new (MKV_CLOCK (fixture->clock));
  fixture->json = test_codec_new ("application/json");
  fixture->cbor = test_codec_new ("application/cbor");
  fixture->locked_spec = test_codec_new (NULL);
  fixture->seen = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  fixture->claimed = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  fixture->signals = g_string_new (NULL);
  fixture->handled = g_string_new (NULL);
  fixture->reasons = g_array_new (FALSE, FALSE, sizeof (gint));
  make_router (fixture);

  fixture->other = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  g_signal_connect (fixture->other, "message", G_CALLBACK (on_seen), fixture);
  start (fixture->other, "other", MKV_CLOCK (fixture->clock));
  advance (fixture, 10);
  mkv_transport_subscribe (fixture->other, "#", FALSE, &error);
  g_assert_no_error (error);
  advance (fixture, 10);
}

static void
drop_router (Fixture *fixture)
{
  g_ptr_array_set_size (fixture->claimed, 0);
  g_assert_finalize_object (g_steal_pointer (&fixture->router));
  g_assert_finalize_object (g_steal_pointer (&fixture->transport));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  if (fixture->router != NULL)
    drop_router (fixture);
  mkv_transport_stop (fixture->other);
  g_ptr_array_unref (fixture->seen);
  g_ptr_array_unref (fixture->claimed);
  g_assert_finalize_object (fixture->other);
  mkv_test_iterate ();
  g_assert_finalize_object (fixture->observer);
  g_assert_finalize_object (fixture->json);
  g_assert_finalize_object (fixture->cbor);
  g_assert_finalize_object (fixture->locked_spec);
  g_assert_finalize_object (fixture->broker);
  g_assert_finalize_object (fixture->clock);
  g_string_free (fixture->signals, TRUE);
  g_string_free (fixture->handled, TRUE);
  g_array_unref (fixture->reasons);
}

static void
start_router (Fixture *fixture)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'broker': <%s>}", URI));
  g_autoptr (GError) error = NULL;

  mkv_router_start (fixture->router, options, &error);
  g_assert_no_error (error);
}

/* Starts the router and forgets what that was like. */
static void
join (Fixture *fixture)
{
  start_router (fixture);
  advance (fixture, 100);
  g_assert_true (mkv_router_is_connected (fixture->router));
  g_string_truncate (fixture->signals, 0);
  g_ptr_array_set_size (fixture->seen, 0);
}

static char *
get_text (MkvMessage *message)
{
  gsize length;
  const char *octets = g_bytes_get_data (mkv_message_get_payload (message), &length);

  return g_strndup (octets, length);
}

static void
assert_seen (Fixture *fixture, guint i, const char *topic, const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_cmpuint (i, <, fixture->seen->len);
  text = get_text (fixture->seen->pdata[i]);
  g_assert_cmpstr (mkv_message_get_topic (fixture->seen->pdata[i]), ==, topic);
  g_assert_cmpstr (text, ==, expected);
}

static void
inject_bytes (Fixture *fixture, const char *topic, GBytes *payload)
{
  g_autoptr (MkvMessage) message = mkv_message_new (topic, payload);

  mkv_loopback_broker_inject (fixture->broker, message);
}

static void
inject (Fixture *fixture, const char *topic, const char *octets, gsize length)
{
  g_autoptr (GBytes) payload = g_bytes_new (octets, length);

  inject_bytes (fixture, topic, payload);
}

static void
inject_text (Fixture *fixture, const char *topic, const char *text)
{
  inject (fixture, topic, text, strlen (text));
}

/* What the handlers got since the last look. */
static void
assert_handled (Fixture *fixture, const char *expected)
{
  advance (fixture, 10);
  g_assert_cmpstr (fixture->handled->str, ==, expected);
  g_string_truncate (fixture->handled, 0);
}

static void
assert_count (Fixture *fixture, MkvCounter counter, guint64 expected)
{
  g_test_message ("%s", mkv_counter_get_name (counter));
  g_assert_cmpuint (mkv_observer_get_count (fixture->observer, counter), ==, expected);
}

/* The conditions there are: their names, with the first letter of their level. */
static char *
get_condition (Fixture *fixture, const char *name)
{
  g_auto (GStrv) conditions = mkv_observer_list_conditions (fixture->observer);
  g_autofree char *start_text = g_strconcat (name, ": ", NULL);

  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], start_text))
      return g_strdup (conditions[i] + strlen (start_text));
  return NULL;
}

static void
assert_no_condition (Fixture *fixture)
{
  g_auto (GStrv) conditions = mkv_observer_list_conditions (fixture->observer);

  g_assert_cmpstr (conditions[0], ==, NULL);
}

static void
assert_condition (Fixture *fixture, const char *name, const char *part)
{
  g_autofree char *text = get_condition (fixture, name);

  g_assert_cmpstr (text, !=, NULL);
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in “%s”", part, text);
}

static void
on_sent (gint reason, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_array_append_val (fixture->reasons, reason);
}

static gboolean
send (Fixture *fixture, const char *topic, gsize n_bytes, gboolean watched, GError **error)
{
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (n_bytes), n_bytes);
  g_autoptr (MkvMessage) message = mkv_router_message_new (fixture->router, topic, fixture->cbor, payload,
                                                           MKV_COMPRESSION_OFF);

  return mkv_router_send (fixture->router, message, watched ? on_sent : NULL, fixture, error);
}

static void
assert_reasons (Fixture *fixture, guint n, gint expected)
{
  g_assert_cmpuint (fixture->reasons->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (g_array_index (fixture->reasons, gint, i), ==, expected);
  g_array_set_size (fixture->reasons, 0);
}

static void
test_connect (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("At a connect the router subscribes, says that it is there, and hears that once");
  g_assert_cmpint (mkv_router_get_state (fixture->router), ==, MKV_TRANSPORT_STOPPED);
  start_router (fixture);
  advance (fixture, 100);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING CONNECTED connected ");
  assert_seen (fixture, 0, "fleet/a/me/res",
               "{\"status\":\"online\",\"timestamp_ms\":1700000000022,\"node_id\":\"me-node\"}");
  g_assert_cmpuint (fixture->seen->len, ==, 1);
  g_assert_cmpstr (mkv_message_get_content_type (fixture->seen->pdata[0]), ==, "application/json");
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 0);
  assert_no_condition (fixture);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  inject_text (fixture, "fleet/a/me/res", "{}");
  inject_text (fixture, "fleet/a/replication/events", "{}");
  inject_text (fixture, "fleet/a/you/cmd", "{}");
  inject_text (fixture, "fleet/a/you/res", "{}");
  inject_text (fixture, "fleet/a/antientropy/global", "{}");
  assert_handled (fixture, "cmd:json:2 res:json:2 events:json:2 ");
  /* Nothing of its own any more, after it was heard. */
  g_assert_true (send (fixture, "fleet/a/me/res", 3, TRUE, NULL));
  g_assert_true (send (fixture, "fleet/a/replication/events", 3, TRUE, NULL));
  assert_handled (fixture, "");
  assert_reasons (fixture, 2, 0);
  advance (fixture, 200 * 1000);
  assert_no_condition (fixture);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (fixture->clock), ==, -1);
  assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 0);
}

static void
test_will (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("The broker says it when the connection breaks, not when the router stops");
  join (fixture);
  mkv_router_stop (fixture->router);
  advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected STOPPED stopped ");
  g_assert_cmpuint (fixture->seen->len, ==, 0);
  join (fixture);
  mkv_loopback_broker_cut (fixture->broker, "me");
  advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected WAITING ");
  assert_seen (fixture, 0, "fleet/a/me/res", "{\"status\":\"offline\",\"timestamp_ms\":1700000000130}");
}

static void
test_formats (Fixture *fixture, gconstpointer data)
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
  join (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    {
      inject_text (fixture, topics[i], "[]");
      inject (fixture, topics[i], "\xa0", 1);
      inject (fixture, topics[i], "\x80", 1);
      inject_bytes (fixture, topics[i], once);
    }
  assert_handled (fixture, "cmd:json:2 cmd:cbor:1 cmd:cbor:1 cmd:json:12 "
                           "res:json:2 res:cbor:1 res:cbor:1 res:json:12 "
                           "events:json:2 events:cbor:1 events:cbor:1 events:json:12 ");
  inject_text (fixture, topics[2], "pGNrZXk=");
  assert_handled (fixture, "events:locked-spec:8 ");
  inject_text (fixture, topics[0], "pGNrZXk=");
  inject_text (fixture, topics[1], "pGNrZXk=");
  assert_handled (fixture, "cmd:none:malformed res:none:malformed ");
  assert_count (fixture, MKV_COUNTER_DROPPED_MALFORMED, 2);

  inject_text (fixture, topics[2], "");
  inject_text (fixture, topics[2], " {}");
  inject_text (fixture, topics[2], "\xef\xbb\xbf{}");
  inject (fixture, topics[2], "\x05", 1);
  inject (fixture, topics[2], "\xff", 1);
  inject_text (fixture, topics[2], "xyz");
  inject_bytes (fixture, topics[2], twice);
  inject_bytes (fixture, topics[2], truncated);
  assert_handled (fixture, "events:none:malformed events:none:malformed events:none:malformed "
                           "events:none:malformed events:none:malformed events:none:malformed "
                           "events:none:malformed events:none:malformed ");
  assert_count (fixture, MKV_COUNTER_DROPPED_MALFORMED, 10);

  inject_bytes (fixture, topics[0], bomb);
  inject_bytes (fixture, topics[0], zeros);
  assert_handled (fixture, "cmd:none:too-large cmd:none:too-large ");
  assert_count (fixture, MKV_COUNTER_DROPPED_TOO_LARGE, 2);
  /* Right at the limit it is only nonsense. */
  inject_bytes (fixture, topics[0], padded);
  inject_bytes (fixture, topics[0], limit);
  assert_handled (fixture, "cmd:none:malformed cmd:none:malformed ");
}

static void
test_dropped (Fixture *fixture, gconstpointer data)
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
  join (fixture);
  mkv_transport_subscribe (fixture->transport, "#", FALSE, &error);
  g_assert_no_error (error);
  advance (fixture, 10);
  mkv_message_set_retain (retained, TRUE);
  mkv_loopback_broker_inject (fixture->broker, retained);
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_RETAINED, 1);

  for (guint i = 0; i < n; i++)
    inject_text (fixture, topics[i], "{}");
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, n);

  inject_text (fixture, "fleet/a/me/res", "{\"status\":\"online\",\"timestamp_ms\":1,\"node_id\":\"me-node\"}");
  inject_text (fixture, "fleet/a/me/res", "{\"status\":\"offline\",\"timestamp_ms\":1}");
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 2);
  inject_text (fixture, "fleet/a/me/res", "{\"status\":\"OK\",\"id\":\"1\"}");
  assert_handled (fixture, "res:json:24 ");
  /* Presence is for the response topic alone. */
  inject_text (fixture, "fleet/a/me/cmd", "{\"status\":\"offline\",\"timestamp_ms\":1}");
  assert_handled (fixture, "cmd:json:37 ");

  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, NULL, NULL);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, n + 1);
}

static void
test_handlers (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("Where nobody listens the router does not either");
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, NULL, NULL);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_RESPONSES, NULL, NULL);
  join (fixture);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  inject_text (fixture, "fleet/a/replication/events", "{}");
  assert_handled (fixture, "events:json:2 ");
  assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 0);
  inject_text (fixture, "fleet/a/me/res", "{}");
  assert_handled (fixture, "");
  assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 1);
  advance (fixture, 20 * 1000);
  assert_no_condition (fixture);

  mkv_router_stop (fixture->router);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, on_command, fixture);
  join (fixture);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  assert_handled (fixture, "cmd:json:2 ");
}

static void
test_topics (Fixture *fixture, gconstpointer data)
{
  g_autofree char *longest = g_strnfill (128, 'x');
  g_autofree char *good = g_strconcat ("fleet/a/", longest, "/res", NULL);
  g_autofree char *bad = g_strconcat ("fleet/a/x", longest, "/res", NULL);
  g_autofree char *huge_id = g_strnfill (100000, 'x');
  g_autofree char *huge = g_strconcat ("fleet/a/", huge_id, "/res", NULL);
  g_autofree char *command = mkv_router_get_command_topic (fixture->router, "you");
  g_autofree char *response = mkv_router_get_response_topic (fixture->router, "you");
  static const char *const bad_topics[] = {
    "",
    "/",
    "fleet/a",
    "fleet/a/",
    "fleet/a//res",
    "fleet/a/res",
    "fleet/a/you",
    "fleet/a/you/",
    "fleet/a/you/cmd",
    "fleet/a/you/res/",
    "fleet/a/you/res/x",
    "fleet/a/you/RES",
    "fleet/a/you/resx",
    "/fleet/a/you/res",
    "fleet/b/you/res",
    "fleet/you/res",
    "fleet/ayou/res",
    "Fleet/a/you/res",
    "fleet/a/x/you/res",
    "fleet/a/+/res",
    "fleet/a/#/res",
    "fleet/a/#",
    "fleet/a/you res/res",
    "fleet/a/y\xc3\xb6u/res",
    "fleet/a/\xff/res",
    "fleet/a/you\n/res",
    "fleet/a/replication/res",
    "fleet/a/antientropy/res",
    "fleet/a/global/res",
    "fleet/a/replication/events",
    "$SYS/broker",
    "$share/group/fleet/a/you/res",
  };

  g_test_summary ("A response topic is PREFIX/ID/res of a possible id, nothing else");
  g_assert_cmpstr (command, ==, "fleet/a/you/cmd");
  g_assert_cmpstr (response, ==, "fleet/a/you/res");
  g_assert_cmpstr (mkv_router_get_events_topic (fixture->router), ==, "fleet/a/replication/events");
  g_assert_cmpstr (mkv_router_get_client_id (fixture->router), ==, "me");
  g_assert_true (mkv_router_is_response_topic (fixture->router, response));
  g_assert_true (mkv_router_is_response_topic (fixture->router, "fleet/a/me/res"));
  g_assert_true (mkv_router_is_response_topic (fixture->router, "fleet/a/A-z_0.9:x/res"));
  g_assert_true (mkv_router_is_response_topic (fixture->router, "fleet/a/res/res"));
  g_assert_true (mkv_router_is_response_topic (fixture->router, good));
  g_assert_false (mkv_router_is_response_topic (fixture->router, bad));
  g_assert_false (mkv_router_is_response_topic (fixture->router, huge));
  for (guint i = 0; i < G_N_ELEMENTS (bad_topics); i++)
    if (mkv_router_is_response_topic (fixture->router, bad_topics[i]))
      g_error ("“%s” is taken for a response topic", bad_topics[i]);
}

static void
test_claims (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("A message that a handler claims is acknowledged when it is handled, or comes again");
  join (fixture);
  fixture->claims = TRUE;
  inject_text (fixture, "fleet/a/replication/events", "{}");
  inject_text (fixture, "fleet/a/replication/events", "[]");
  assert_handled (fixture, "events:json:2 events:json:2 ");
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 2);
  mkv_message_handled (fixture->claimed->pdata[0]);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 1);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected WAITING CONNECTING CONNECTED connected:present ");
  assert_handled (fixture, "events:json:2 ");
  mkv_message_handled (fixture->claimed->pdata[2]);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "me"), ==, 0);
  fixture->claims = FALSE;
}

static void
test_send (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("What became of a message is told once: taken, refused or lost");
  g_assert_false (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  join (fixture);
  mkv_router_get_limits (fixture->router, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, ==, 100);
  g_assert_cmpuint (max_payload, ==, MKV_MAX_PAYLOAD_BYTES);
  g_assert_false (send (fixture, "fleet/a/you/cmd", max_payload + 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  assert_reasons (fixture, 0, 0);

  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_PUBLISH, "me", "fleet/a/denied/#", 0x87);
  g_assert_true (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  assert_reasons (fixture, 0, 0);
  advance (fixture, 10);
  assert_reasons (fixture, 1, 0);
  g_assert_true (send (fixture, "fleet/a/denied/cmd", 1, TRUE, &error));
  advance (fixture, 10);
  assert_reasons (fixture, 1, 0x87);
  g_assert_true (send (fixture, "fleet/a/denied/cmd", 1, FALSE, &error));
  advance (fixture, 10);
  assert_count (fixture, MKV_COUNTER_MESSAGES_NOT_SENT, 1);

  for (guint i = 0; i < 50; i++)
    g_assert_true (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_true (send (fixture, "fleet/a/you/cmd", 1, FALSE, &error));
  mkv_loopback_broker_cut (fixture->broker, "me");
  advance (fixture, 10);
  assert_reasons (fixture, 50, MKV_TRANSPORT_REASON_LOST);
  assert_count (fixture, MKV_COUNTER_MESSAGES_NOT_SENT, 2);
  g_assert_false (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_assert_nonnull (strstr (error->message, URI));
  g_clear_error (&error);

  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);
  for (guint i = 0; i < 5; i++)
    g_assert_true (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  mkv_router_stop (fixture->router);
  assert_reasons (fixture, 5, MKV_TRANSPORT_REASON_LOST);
}

static void
test_rate_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_test_summary ("Of messages that nobody waits for so many are under way, others are not held up");
  join (fixture);
  while (send (fixture, "fleet/a/you/res", 1, FALSE, &error))
    n++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&error);
  g_assert_cmpuint (n, ==, 1024);
  g_assert_true (send (fixture, "fleet/a/you/res", 1, TRUE, &error));
  assert_count (fixture, MKV_COUNTER_DROPPED_RATE_LIMITED, 1);
  advance (fixture, 10);
  assert_reasons (fixture, 1, 0);
  n = 0;
  while (send (fixture, "fleet/a/you/res", 500000, FALSE, &error))
    n++;
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&error);
  g_assert_cmpuint (n, ==, 16 * 1024 * 1024 / 500000);
  assert_count (fixture, MKV_COUNTER_DROPPED_RATE_LIMITED, 2);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);
  g_assert_true (send (fixture, "fleet/a/you/res", 500000, FALSE, &error));
}

static void
test_compression (Fixture *fixture, gconstpointer data)
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

static void
test_missed_events (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("A session that the broker did not keep means that events may have been missed");
  join (fixture);
  assert_no_condition (fixture);
  mkv_loopback_broker_cut (fixture->broker, "me");
  advance (fixture, 10);
  assert_condition (fixture, "transport", URI);
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);
  assert_no_condition (fixture);
  /* What waited meanwhile: own will, and presence that No Local keeps away. */
  assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 0);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  advance (fixture, 2000);
  g_assert_true (mkv_router_is_connected (fixture->router));
  assert_condition (fixture, "missed-events", "anti-entropy");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  inject_text (fixture, "fleet/a/replication/events", "{}");
  assert_handled (fixture, "cmd:json:2 events:json:2 ");
  mkv_router_clear_missed_events (fixture->router);
  assert_no_condition (fixture);

  /* In another run it has to be told. */
  drop_router (fixture);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  make_router (fixture);
  join (fixture);
  assert_no_condition (fixture);
  drop_router (fixture);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  make_router (fixture);
  mkv_router_set_had_session (fixture->router, TRUE);
  join (fixture);
  assert_condition (fixture, "missed-events", "anti-entropy");
}

static void
test_subscriptions (Fixture *fixture, gconstpointer data)
{
  MkvLoopbackCounts before, after;

  g_test_summary ("Subscriptions that are refused, or granted with less, make the health until they are mended");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", "fleet/a/me/cmd", 0x87);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", "fleet/a/replication/events", 0);
  join (fixture);
  assert_condition (fixture, "subscription", "fleet/a/me/cmd: ");
  assert_condition (fixture, "subscription", "0x87");
  assert_condition (fixture, "subscription", "fleet/a/replication/events: ");
  assert_condition (fixture, "subscription", "QoS 0");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  inject_text (fixture, "fleet/a/replication/events", "{}");
  assert_handled (fixture, "events:json:2 ");
  advance (fixture, 20 * 1000);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  advance (fixture, 60 * 1000);
  assert_no_condition (fixture);
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  assert_handled (fixture, "cmd:json:2 ");
  g_assert_cmpuint (fixture->seen->len, ==, 3);

  /* A session that is still there is not asked for anything. */
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", NULL, 0x87);
  mkv_loopback_broker_get_counts (fixture->broker, &before);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);
  mkv_loopback_broker_get_counts (fixture->broker, &after);
  g_assert_cmpuint (after.refused, ==, before.refused);
  assert_no_condition (fixture);

  /* Nothing but refusals: they are what is the matter, not deafness. */
  mkv_loopback_broker_drop_sessions (fixture->broker);
  advance (fixture, 100 * 1000);
  assert_condition (fixture, "subscription", "fleet/a/me/res: ");
  g_assert_null (get_condition (fixture, "deaf-subscription"));
  mkv_loopback_broker_clear_reasons (fixture->broker);
  advance (fixture, 60 * 1000);
  g_assert_null (get_condition (fixture, "subscription"));
}

static void
test_deaf (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("A subscription that is granted and yet deaf is found out, and its cure as well");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_RECEIVE, "me", "fleet/a/#", 0x87);
  join (fixture);
  advance (fixture, 9 * 1000);
  assert_no_condition (fixture);
  advance (fixture, 2 * 1000);
  assert_condition (fixture, "deaf-subscription", "fleet/a/me/res");
  assert_condition (fixture, "deaf-subscription", "ACL");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  advance (fixture, 60 * 1000);
  assert_no_condition (fixture);

  /* The same for one who may not publish there. */
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_PUBLISH, "me", "fleet/a/me/res", 0x87);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  advance (fixture, 20 * 1000);
  assert_condition (fixture, "deaf-subscription", "fleet/a/me/res");
  mkv_loopback_broker_clear_reasons (fixture->broker);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  advance (fixture, 5 * 1000);
  g_assert_null (get_condition (fixture, "deaf-subscription"));
}

static void
test_state (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MkvTransport) twin = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);

  g_test_summary ("Where the connection stands shows in state, error, signals and health");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_CONNECT, "me", NULL, 0x86);
  start_router (fixture);
  advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING FAILED ");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_FAILED);
  assert_condition (fixture, "transport", "0x86");
  g_assert_error (mkv_router_get_error (fixture->router), MKV_ERROR, MKV_ERROR_UNAUTHORIZED);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  advance (fixture, 61 * 1000);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING FAILED CONNECTING CONNECTED connected ");
  g_assert_null (mkv_router_get_error (fixture->router));
  assert_no_condition (fixture);

  start (twin, "me", MKV_CLOCK (fixture->clock));
  advance (fixture, 10);
  g_assert_cmpint (mkv_router_get_state (fixture->router), ==, MKV_TRANSPORT_FAILED);
  assert_condition (fixture, "transport", "“me”");
  mkv_transport_stop (twin);
  mkv_router_stop (fixture->router);
  assert_no_condition (fixture);
}

static void
test_stop (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GVariant) wrong = g_variant_ref_sink (g_variant_new_parsed ("{'broker': <'mqtt://x'>}"));
  g_autoptr (GError) error = NULL;

  g_test_summary ("The router stops at any time, says so, and starts again");
  mkv_router_stop (fixture->router);
  g_assert_cmpstr (fixture->signals->str, ==, "stopped ");
  g_assert_false (mkv_router_start (fixture->router, wrong, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  mkv_router_stop (fixture->router);
  g_assert_cmpstr (fixture->signals->str, ==, "stopped stopped ");

  g_string_truncate (fixture->signals, 0);
  start_router (fixture);
  mkv_router_stop (fixture->router);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING STOPPED stopped ");
  g_string_truncate (fixture->signals, 0);
  mkv_loopback_broker_cut (fixture->broker, NULL);
  start_router (fixture);
  advance (fixture, 10);
  mkv_router_stop (fixture->router);
  advance (fixture, 10000);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING WAITING STOPPED stopped ");
  assert_no_condition (fixture);
  mkv_loopback_broker_heal (fixture->broker, NULL);
  join (fixture);
  mkv_router_stop (fixture->router);
  advance (fixture, 200 * 1000);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected STOPPED stopped ");
  assert_no_condition (fixture);
}

static void
on_connected_stop (MkvRouter *router, gboolean session_present, gpointer user_data)
{
  mkv_router_stop (router);
}

static void
test_stop_from_handler (Fixture *fixture, gconstpointer data)
{
  g_test_summary ("Stopping from a signal of the router's own");
  g_signal_connect (fixture->router, "connected", G_CALLBACK (on_connected_stop), NULL);
  start_router (fixture);
  advance (fixture, 100);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING CONNECTED connected disconnected STOPPED stopped ");
}

static void
send_again (gint reason, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr (GError) error = NULL;

  g_array_append_val (fixture->reasons, reason);
  g_assert_false (send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
}

static void
test_dispose (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) payload = mkv_test_bytes ("{}");
  g_autoptr (MkvMessage) message = mkv_message_new ("fleet/a/you/cmd", payload);

  g_test_summary ("Dropping a router that is connected: what was sent counts as lost, nothing is heard any more");
  join (fixture);
  g_assert_true (mkv_router_send (fixture->router, message, send_again, fixture, NULL));
  mkv_loopback_broker_cut (fixture->broker, "me");
  advance (fixture, 10);
  assert_reasons (fixture, 1, MKV_TRANSPORT_REASON_LOST);
  mkv_loopback_broker_heal (fixture->broker, "me");
  advance (fixture, 2000);

  for (guint i = 0; i < 3; i++)
    g_assert_true (send (fixture, "fleet/a/you/cmd", 1, TRUE, NULL));
  inject_text (fixture, "fleet/a/me/cmd", "{}");
  g_string_truncate (fixture->signals, 0);
  g_assert_finalize_object (g_steal_pointer (&fixture->router));
  assert_reasons (fixture, 3, MKV_TRANSPORT_REASON_LOST);
  assert_handled (fixture, "");
  g_assert_cmpstr (fixture->signals->str, ==, "");
  g_assert_finalize_object (g_steal_pointer (&fixture->transport));
  advance (fixture, 200 * 1000);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
#define ADD(name, func) g_test_add ("/router/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("connect", test_connect);
  ADD ("will", test_will);
  ADD ("formats", test_formats);
  ADD ("dropped", test_dropped);
  ADD ("handlers", test_handlers);
  ADD ("topics", test_topics);
  ADD ("claims", test_claims);
  ADD ("send", test_send);
  ADD ("rate-limit", test_rate_limit);
  ADD ("compression", test_compression);
  ADD ("missed-events", test_missed_events);
  ADD ("subscriptions", test_subscriptions);
  ADD ("deaf", test_deaf);
  ADD ("state", test_state);
  ADD ("stop", test_stop);
  ADD ("stop-from-handler", test_stop_from_handler);
  ADD ("dispose", test_dispose);
  return g_test_run ();
}
