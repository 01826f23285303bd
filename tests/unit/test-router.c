/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Of the router: the connection, subscriptions, presence, handlers and its end. */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-router-world.h"
#include "mkv-transport-loopback.h"

static void
test_connect (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("At a connect the router subscribes, says that it is there, and hears that once");
  g_assert_cmpint (mkv_router_get_state (fixture->router), ==, MKV_TRANSPORT_STOPPED);
  router_world_start (fixture);
  router_world_advance (fixture, 100);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING CONNECTED connected ");
  router_world_assert_seen (fixture, 0, "fleet/a/me/res",
               "{\"status\":\"online\",\"timestamp_ms\":1700000000022,\"node_id\":\"me-node\"}");
  g_assert_cmpuint (fixture->seen->len, ==, 1);
  g_assert_cmpstr (mkv_message_get_content_type (fixture->seen->pdata[0]), ==, "application/json");
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 0);
  router_world_assert_no_condition (fixture);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/me/res", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_inject_text (fixture, "fleet/a/you/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/you/res", "{}");
  router_world_inject_text (fixture, "fleet/a/antientropy/global", "{}");
  router_world_assert_handled (fixture, "cmd:json:2 res:json:2 events:json:2 ");
  /* Nothing of its own any more, after it was heard. */
  g_assert_true (router_world_send (fixture, "fleet/a/me/res", 3, TRUE, NULL));
  g_assert_true (router_world_send (fixture, "fleet/a/replication/events", 3, TRUE, NULL));
  router_world_assert_handled (fixture, "");
  router_world_assert_reasons (fixture, 2, 0);
  router_world_advance (fixture, 200 * 1000);
  router_world_assert_no_condition (fixture);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (fixture->clock), ==, -1);
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 0);
}

static void
test_will (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("The broker says it when the connection breaks, not when the router stops");
  router_world_join (fixture);
  mkv_router_stop (fixture->router);
  router_world_advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected STOPPED stopped ");
  g_assert_cmpuint (fixture->seen->len, ==, 0);
  router_world_join (fixture);
  mkv_loopback_broker_cut (fixture->broker, "me");
  router_world_advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected WAITING ");
  router_world_assert_seen (fixture, 0, "fleet/a/me/res", "{\"status\":\"offline\",\"timestamp_ms\":1700000000130}");
}

static void
test_handlers (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("Where nobody listens the router does not either");
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, NULL, NULL);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_RESPONSES, NULL, NULL);
  router_world_join (fixture);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_assert_handled (fixture, "events:json:2 ");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 0);
  router_world_inject_text (fixture, "fleet/a/me/res", "{}");
  router_world_assert_handled (fixture, "");
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_TOPIC, 1);
  router_world_advance (fixture, 20 * 1000);
  router_world_assert_no_condition (fixture);

  mkv_router_stop (fixture->router);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, router_world_on_command, fixture);
  router_world_join (fixture);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_assert_handled (fixture, "cmd:json:2 ");
}

static void
test_topics (RouterWorld *fixture, gconstpointer data)
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
test_missed_events (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("A session that the broker did not keep means that events may have been missed");
  router_world_join (fixture);
  router_world_assert_no_condition (fixture);
  mkv_loopback_broker_cut (fixture->broker, "me");
  router_world_advance (fixture, 10);
  router_world_assert_condition (fixture, "transport", URI);
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  router_world_assert_no_condition (fixture);
  /* What waited meanwhile: own will, and presence that No Local keeps away. */
  router_world_assert_count (fixture, MKV_COUNTER_DROPPED_OWN, 0);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_advance (fixture, 2000);
  g_assert_true (mkv_router_is_connected (fixture->router));
  router_world_assert_condition (fixture, "missed-events", "anti-entropy");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_assert_handled (fixture, "cmd:json:2 events:json:2 ");
  mkv_router_clear_missed_events (fixture->router);
  router_world_assert_no_condition (fixture);

  /* In another run it has to be told. */
  router_world_drop (fixture);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_make (fixture);
  router_world_join (fixture);
  router_world_assert_no_condition (fixture);
  router_world_drop (fixture);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_make (fixture);
  mkv_router_set_had_session (fixture->router, TRUE);
  router_world_join (fixture);
  router_world_assert_condition (fixture, "missed-events", "anti-entropy");
}

static void
test_subscriptions (RouterWorld *fixture, gconstpointer data)
{
  MkvLoopbackCounts before, after;

  g_test_summary ("Subscriptions that are refused, or granted with less, make the health until they are mended");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", "fleet/a/me/cmd", 0x87);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", "fleet/a/replication/events", 0);
  router_world_join (fixture);
  router_world_assert_condition (fixture, "subscription", "fleet/a/me/cmd: ");
  router_world_assert_condition (fixture, "subscription", "0x87");
  router_world_assert_condition (fixture, "subscription", "fleet/a/replication/events: ");
  router_world_assert_condition (fixture, "subscription", "QoS 0");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_assert_handled (fixture, "events:json:2 ");
  router_world_advance (fixture, 20 * 1000);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  router_world_advance (fixture, 60 * 1000);
  router_world_assert_no_condition (fixture);
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_assert_handled (fixture, "cmd:json:2 ");
  g_assert_cmpuint (fixture->seen->len, ==, 3);

  /* A session that is still there is not asked for anything. */
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, "me", NULL, 0x87);
  mkv_loopback_broker_get_counts (fixture->broker, &before);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  mkv_loopback_broker_get_counts (fixture->broker, &after);
  g_assert_cmpuint (after.refused, ==, before.refused);
  router_world_assert_no_condition (fixture);

  /* Nothing but refusals: they are what is the matter, not deafness. */
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_advance (fixture, 100 * 1000);
  router_world_assert_condition (fixture, "subscription", "fleet/a/me/res: ");
  g_assert_null (router_world_get_condition (fixture, "deaf-subscription"));
  mkv_loopback_broker_clear_reasons (fixture->broker);
  router_world_advance (fixture, 60 * 1000);
  g_assert_null (router_world_get_condition (fixture, "subscription"));
}

static void
test_unanswered (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("A session that was made for a connection nobody was told of has no subscriptions");
  router_world_join (fixture);
  mkv_loopback_broker_set_delay (fixture->broker, 10000, 10000);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_advance (fixture, 1015);
  /* The broker has accepted, and its answer is under way. */
  g_assert_true (mkv_loopback_broker_is_connected (fixture->broker, "me"));
  g_assert_cmpint (mkv_router_get_state (fixture->router), ==, MKV_TRANSPORT_CONNECTING);
  mkv_loopback_broker_cut (fixture->broker, "me");
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);
  g_assert_true (mkv_router_is_connected (fixture->router));
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  router_world_inject_text (fixture, "fleet/a/replication/events", "{}");
  router_world_advance (fixture, 100);
  router_world_assert_handled (fixture, "cmd:json:2 events:json:2 ");
}

static void
test_deaf (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("A subscription that is granted and yet deaf is found out, and its cure as well");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_RECEIVE, "me", "fleet/a/#", 0x87);
  router_world_join (fixture);
  router_world_advance (fixture, 9 * 1000);
  router_world_assert_no_condition (fixture);
  router_world_advance (fixture, 2 * 1000);
  router_world_assert_condition (fixture, "deaf-subscription", "fleet/a/me/res");
  router_world_assert_condition (fixture, "deaf-subscription", "ACL");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_DEGRADED);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  router_world_advance (fixture, 60 * 1000);
  router_world_assert_no_condition (fixture);

  /* The same for one who may not publish there. */
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_PUBLISH, "me", "fleet/a/me/res", 0x87);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_advance (fixture, 20 * 1000);
  router_world_assert_condition (fixture, "deaf-subscription", "fleet/a/me/res");
  mkv_loopback_broker_clear_reasons (fixture->broker);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  router_world_advance (fixture, 5 * 1000);
  g_assert_null (router_world_get_condition (fixture, "deaf-subscription"));
}

static void
test_state (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (MkvTransport) twin = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);

  g_test_summary ("Where the connection stands shows in state, error, signals and health");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_CONNECT, "me", NULL, 0x86);
  router_world_start (fixture);
  router_world_advance (fixture, 10);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING FAILED ");
  g_assert_cmpint (mkv_observer_get_health (fixture->observer), ==, MKV_HEALTH_FAILED);
  router_world_assert_condition (fixture, "transport", "0x86");
  g_assert_error (mkv_router_get_error (fixture->router), MKV_ERROR, MKV_ERROR_UNAUTHORIZED);
  mkv_loopback_broker_clear_reasons (fixture->broker);
  router_world_advance (fixture, 61 * 1000);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING FAILED CONNECTING CONNECTED connected ");
  g_assert_null (mkv_router_get_error (fixture->router));
  router_world_assert_no_condition (fixture);

  router_world_start_transport (twin, "me", MKV_CLOCK (fixture->clock));
  router_world_advance (fixture, 10);
  g_assert_cmpint (mkv_router_get_state (fixture->router), ==, MKV_TRANSPORT_FAILED);
  router_world_assert_condition (fixture, "transport", "“me”");
  mkv_transport_stop (twin);
  mkv_router_stop (fixture->router);
  router_world_assert_no_condition (fixture);
}

static void
test_stop (RouterWorld *fixture, gconstpointer data)
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
  router_world_start (fixture);
  mkv_router_stop (fixture->router);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING STOPPED stopped ");
  g_string_truncate (fixture->signals, 0);
  mkv_loopback_broker_cut (fixture->broker, NULL);
  router_world_start (fixture);
  router_world_advance (fixture, 10);
  mkv_router_stop (fixture->router);
  router_world_advance (fixture, 10000);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING WAITING STOPPED stopped ");
  router_world_assert_no_condition (fixture);
  mkv_loopback_broker_heal (fixture->broker, NULL);
  router_world_join (fixture);
  mkv_router_stop (fixture->router);
  router_world_advance (fixture, 200 * 1000);
  g_assert_cmpstr (fixture->signals->str, ==, "disconnected STOPPED stopped ");
  router_world_assert_no_condition (fixture);
}

static void
on_connected_stop (MkvRouter *router, gboolean session_present, gpointer user_data)
{
  mkv_router_stop (router);
}

static void
test_stop_from_handler (RouterWorld *fixture, gconstpointer data)
{
  g_test_summary ("Stopping from a signal of the router's own");
  g_signal_connect (fixture->router, "connected", G_CALLBACK (on_connected_stop), NULL);
  router_world_start (fixture);
  router_world_advance (fixture, 100);
  g_assert_cmpstr (fixture->signals->str, ==, "CONNECTING CONNECTED connected disconnected STOPPED stopped ");
}

static void
send_again (gint reason, gpointer user_data)
{
  RouterWorld *fixture = user_data;
  g_autoptr (GError) error = NULL;

  g_array_append_val (fixture->reasons, reason);
  g_assert_false (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
}

static void
test_dispose (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GBytes) payload = mkv_test_bytes ("{}");
  g_autoptr (MkvMessage) message = mkv_message_new ("fleet/a/you/cmd", payload);

  g_test_summary ("Dropping a router that is connected: what was sent counts as lost, nothing is heard any more");
  router_world_join (fixture);
  g_assert_true (mkv_router_send (fixture->router, message, send_again, fixture, NULL));
  mkv_loopback_broker_cut (fixture->broker, "me");
  router_world_advance (fixture, 10);
  router_world_assert_reasons (fixture, 1, MKV_TRANSPORT_REASON_LOST);
  mkv_loopback_broker_heal (fixture->broker, "me");
  router_world_advance (fixture, 2000);

  for (guint i = 0; i < 3; i++)
    g_assert_true (router_world_send (fixture, "fleet/a/you/cmd", 1, TRUE, NULL));
  router_world_inject_text (fixture, "fleet/a/me/cmd", "{}");
  g_string_truncate (fixture->signals, 0);
  g_assert_finalize_object (g_steal_pointer (&fixture->router));
  router_world_assert_reasons (fixture, 3, MKV_TRANSPORT_REASON_LOST);
  router_world_assert_handled (fixture, "");
  g_assert_cmpstr (fixture->signals->str, ==, "");
  g_assert_finalize_object (g_steal_pointer (&fixture->transport));
  router_world_advance (fixture, 200 * 1000);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
#define ADD(name, func) \
  g_test_add ("/router/" name, RouterWorld, NULL, router_world_set_up, func, router_world_tear_down)
  ADD ("connect", test_connect);
  ADD ("will", test_will);
  ADD ("handlers", test_handlers);
  ADD ("topics", test_topics);
  ADD ("missed-events", test_missed_events);
  ADD ("subscriptions", test_subscriptions);
  ADD ("unanswered", test_unanswered);
  ADD ("deaf", test_deaf);
  ADD ("state", test_state);
  ADD ("stop", test_stop);
  ADD ("stop-from-handler", test_stop_from_handler);
  ADD ("dispose", test_dispose);
  return g_test_run ();
}
