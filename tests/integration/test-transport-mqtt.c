/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* Messages through a real mosquitto: what arrives, what is acknowledged, what
 * survives. Connecting and TLS have tests of their own. */
#include <glib/gstdio.h>
#include <mosquitto.h>
#include <signal.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"
#include "mkv-transport-probe.h"

#define TYPE MKV_TYPE_TRANSPORT_MQTT

static MkvTransportProbe *
probe_new (MkvMosquitto *mosquitto, const char *client_id)
{
  return mkv_transport_probe_new (TYPE, client_id, mkv_mosquitto_get_uri (mosquitto));
}

static void
test_both_ways (gconstpointer version)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;
  g_autoptr (GBytes) correlation = mkv_test_bytes ("c\x01");
  g_autoptr (GBytes) payload = mkv_test_bytes ("ping");
  g_autoptr (MkvMessage) message = mkv_message_new ("t/b/cmd", payload);
  g_autofree char *text = NULL;
  gboolean mqtt_5 = g_str_equal (version, "5");
  MkvMessage *received;

  g_test_summary ("Messages go both ways, with all that MQTT 5 sends beside them");
  if (mosquitto == NULL)
    return;
  a = probe_new (mosquitto, "a");
  b = probe_new (mosquitto, "b");
  g_variant_dict_insert (a->options, "mqtt-version", "s", version);
  g_variant_dict_insert (b->options, "mqtt-version", "s", version);
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  g_assert_false (a->session_present);
  mkv_transport_probe_subscribe (a, "t/a/res");
  mkv_transport_probe_subscribe (b, "t/b/cmd");
  g_assert_no_error (a->subscribe_error);

  mkv_message_set_content_type (message, "application/json");
  mkv_message_set_response_topic (message, "t/a/res");
  mkv_message_set_correlation_data (message, correlation);
  mkv_message_set_expiry (message, 30);
  mkv_message_set_user_property (message, "encoding", "zlib");
  mkv_message_set_user_property (message, "mac", "x");
  mkv_transport_publish (a->transport, message, 7, NULL);
  mkv_transport_probe_wait_published (a, 1);
  g_assert_cmpuint (g_array_index (a->published, MkvProbePublished, 0).id, ==, 7);
  g_assert_cmpint (g_array_index (a->published, MkvProbePublished, 0).reason, ==, 0);
  mkv_transport_probe_wait_messages (b, 1);
  received = b->messages->pdata[0];
  text = mkv_transport_probe_get_text (b, 0);
  g_assert_cmpstr (mkv_message_get_topic (received), ==, "t/b/cmd");
  g_assert_cmpstr (text, ==, "ping");
  g_assert_false (mkv_message_get_retain (received));
  g_assert_cmpstr (mkv_message_get_content_type (received), ==, mqtt_5 ? "application/json" : NULL);
  g_assert_cmpstr (mkv_message_get_response_topic (received), ==, mqtt_5 ? "t/a/res" : NULL);
  g_assert_cmpstr (mkv_message_get_user_property (received, "encoding"), ==, mqtt_5 ? "zlib" : NULL);
  g_assert_cmpstr (mkv_message_get_user_property (received, "mac"), ==, mqtt_5 ? "x" : NULL);
  g_assert_cmpuint (mkv_message_get_expiry (received), <=, 30);
  if (mqtt_5)
    g_assert_true (g_bytes_equal (mkv_message_get_correlation_data (received), correlation));

  mkv_transport_probe_publish (b, "t/a/res", "", 0);
  mkv_transport_probe_wait_messages (a, 1);
  g_assert_cmpuint (g_bytes_get_size (mkv_message_get_payload (a->messages->pdata[0])), ==, 0);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_stop (b);
  g_assert_cmpuint (b->published->len, ==, 0);
}


/* A client with a clock of its own, so that it waits for nobody. */
static MkvManualClock *
take_manual_clock (MkvTransportProbe *probe)
{
  MkvManualClock *clock = mkv_manual_clock_new (0);

  g_object_unref (probe->clock);
  probe->clock = MKV_CLOCK (clock);
  return clock;
}

static void
reconnect (MkvTransportProbe *probe)
{
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_manual_clock_advance (MKV_MANUAL_CLOCK (probe->clock), 39 * G_USEC_PER_SEC);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_CONNECTED);
}

static void
assert_texts (MkvTransportProbe *probe, guint first, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = mkv_transport_probe_get_text (probe, first + i);
      g_autofree char *expected = g_strdup_printf ("%u", i);

      g_assert_cmpstr (text, ==, expected);
    }
}

static void
test_session (gconstpointer version)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;
  g_autoptr (MkvTransportProbe) writer = NULL;

  g_test_summary ("What comes while a client is away waits for it");
  if (mosquitto == NULL)
    return;
  reader = probe_new (mosquitto, "reader");
  writer = probe_new (mosquitto, "writer");
  g_variant_dict_insert (reader->options, "mqtt-version", "s", version);
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_connect (writer);
  mkv_transport_probe_publish_many (writer, "t", 20);
  mkv_transport_probe_wait_published (writer, 20);
  mkv_transport_probe_connect (reader);
  g_assert_true (reader->session_present);
  mkv_transport_probe_wait_messages (reader, 20);
  assert_texts (reader, 0, 20);
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_stop (writer);
}

static void
test_session_expiry (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;

  g_test_summary ("A session that expires at once is gone when the client comes back");
  if (mosquitto == NULL)
    return;
  reader = probe_new (mosquitto, "reader");
  g_variant_dict_insert (reader->options, "session-expiry", "u", 0);
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_connect (reader);
  g_assert_false (reader->session_present);
  mkv_transport_probe_stop (reader);
}

static void
test_restart (gconstpointer signum)
{
  MkvMosquittoOptions options = { .persistence = TRUE };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;
  gboolean graceful = GPOINTER_TO_INT (signum) == SIGTERM;

  g_test_summary ("Clients come back to a broker that comes back, with the session if it was saved");
  if (mosquitto == NULL)
    return;
  a = probe_new (mosquitto, "a");
  b = probe_new (mosquitto, "b");
  take_manual_clock (a);
  take_manual_clock (b);
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  mkv_transport_probe_subscribe (a, "t");
  mkv_mosquitto_stop (mosquitto, GPOINTER_TO_INT (signum));
  mkv_transport_probe_wait_state (a, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (a, MKV_ERROR_NOT_CONNECTED, mkv_mosquitto_get_uri (mosquitto) + 7);
  mkv_mosquitto_start (mosquitto);
  reconnect (b);
  mkv_transport_probe_publish (b, "t", "hello", 1);
  mkv_transport_probe_wait_published (b, 1);
  reconnect (a);
  g_assert_cmpint (a->session_present, ==, graceful);
  if (graceful)
    mkv_transport_probe_wait_messages (a, 1);
  else
    mkv_transport_probe_subscribe (a, "t");
  mkv_transport_probe_publish (b, "t", "again", 2);
  mkv_transport_probe_wait_messages (a, graceful ? 2 : 1);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_stop (b);
}

static void
test_unhandled (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;
  g_autoptr (MkvTransportProbe) writer = NULL;
  g_autoptr (MkvRelay) relay = NULL;
  guint n;

  g_test_summary ("What was not handled comes again after a reconnect; what was handled does not");
  if (mosquitto == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (mosquitto), NULL);
  reader = mkv_transport_probe_new (TYPE, "reader", mkv_relay_get_uri (relay));
  writer = probe_new (mosquitto, "writer");
  take_manual_clock (reader);
  reader->claim = TRUE;
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_connect (writer);
  mkv_transport_probe_publish_many (writer, "t", 10);
  mkv_transport_probe_wait_published (writer, 10);
  mkv_transport_probe_wait_messages (reader, 1);
  mkv_test_run_for (50);
  n = reader->messages->len;
  /* All of the first batch but its last message: nothing may be acknowledged. */
  for (guint i = 0; i + 1 < n; i++)
    mkv_message_handled (reader->messages->pdata[i]);
  mkv_test_run_for (50);
  g_assert_cmpuint (reader->messages->len, ==, n);

  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (reader, MKV_TRANSPORT_WAITING);
  mkv_relay_heal (relay);
  /* Too late: the broker never hears of it. */
  mkv_message_handled (reader->messages->pdata[n - 1]);
  g_ptr_array_set_size (reader->messages, 0);
  reader->claim = FALSE;
  reconnect (reader);
  g_assert_true (reader->session_present);
  mkv_transport_probe_wait_messages (reader, 10);
  assert_texts (reader, 0, 10);

  mkv_test_run_for (50);
  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (reader, MKV_TRANSPORT_WAITING);
  mkv_relay_heal (relay);
  reconnect (reader);
  g_assert_true (reader->session_present);
  mkv_test_run_for (50);
  g_assert_cmpuint (reader->messages->len, ==, 10);
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_stop (writer);
}

static void
test_handled_late (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;
  g_autoptr (MkvTransportProbe) writer = NULL;
  guint n_handled = 0;

  g_test_summary ("Handling in a batch's last moment lets everything go on, own messages too");
  if (mosquitto == NULL)
    return;
  reader = probe_new (mosquitto, "reader");
  writer = probe_new (mosquitto, "writer");
  reader->claim = TRUE;
  g_variant_dict_insert (reader->options, "max-inflight", "u", 8);
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_connect (writer);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_publish_many (writer, "t", 300);
  while (n_handled < 300)
    {
      mkv_transport_probe_wait_messages (reader, n_handled + 1);
      mkv_transport_probe_publish (reader, "u", "own", 1);
      for (; n_handled < reader->messages->len; n_handled++)
        mkv_message_handled (reader->messages->pdata[n_handled]);
    }
  assert_texts (reader, 0, 300);
  mkv_test_run_for (20);
  mkv_transport_probe_wait_published (writer, 300);
  g_assert_cmpuint (reader->published->len, >, 0);
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_stop (writer);
}

static gboolean
is_waiting (gpointer user_data)
{
  return ((MkvTransportProbe *) user_data)->state == MKV_TRANSPORT_WAITING;
}

static void
test_slow_commit (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;
  g_autoptr (MkvTransportProbe) writer = NULL;
  MkvManualClock *clock;

  g_test_summary ("What is not handled for half the keep-alive, or dropped, ends the connection and comes again");
  if (mosquitto == NULL)
    return;
  reader = probe_new (mosquitto, "reader");
  writer = probe_new (mosquitto, "writer");
  clock = take_manual_clock (reader);
  reader->claim = TRUE;
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_connect (writer);
  mkv_transport_probe_publish (writer, "t", "0", 1);
  mkv_transport_probe_wait_messages (reader, 1);
  g_ptr_array_set_size (reader->messages, 0);
  g_assert_cmpuint (mkv_test_run_for (100), <, 20);
  mkv_test_advance (clock, 29 * G_USEC_PER_SEC);
  g_assert_cmpint (reader->state, ==, MKV_TRANSPORT_CONNECTED);
  g_assert_true (mkv_test_advance_until (clock, 9 * G_USEC_PER_SEC, is_waiting, reader));
  mkv_transport_probe_assert_error (reader, MKV_ERROR_NOT_CONNECTED, "keep-alive");
  reader->claim = FALSE;
  reconnect (reader);
  mkv_transport_probe_wait_messages (reader, 1);
  assert_texts (reader, 0, 1);
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_stop (writer);
}

static void
test_window (void)
{
  MkvMosquittoOptions options = { .extra = "max_inflight_messages 3" };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autoptr (MkvTransportProbe) writer = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("No more is on its way than the broker allows, and each message gets its reason once");
  if (mosquitto == NULL)
    return;
  writer = probe_new (mosquitto, "writer");
  mkv_transport_get_limits (writer->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, ==, 100);
  mkv_transport_probe_connect (writer);
  mkv_transport_get_limits (writer->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, ==, 3);
  g_assert_cmpuint (max_payload, ==, MKV_MAX_PAYLOAD_BYTES);
  /* mosquitto throws out who sends more than it allows. */
  mkv_transport_probe_publish_many (writer, "t", 500);
  mkv_transport_probe_wait_published (writer, 500);
  for (guint i = 0; i < 500; i++)
    g_assert_cmpint (g_array_index (writer->published, MkvProbePublished, i).reason, <, 0x80);
  g_assert_cmpint (writer->state, ==, MKV_TRANSPORT_CONNECTED);
  mkv_transport_probe_stop (writer);
}

static void
test_lost (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) writer = NULL;
  g_autoptr (MkvRelay) relay = NULL;
  g_autoptr (GBytes) payload = mkv_test_bytes ("x");
  g_autoptr (MkvMessage) message = mkv_message_new ("t", payload);
  g_autoptr (GError) error = NULL;

  g_test_summary ("What was not acknowledged is told to be lost, once, in order, before the state");
  if (mosquitto == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (mosquitto), NULL);
  writer = mkv_transport_probe_new (TYPE, "writer", mkv_relay_get_uri (relay));
  take_manual_clock (writer);
  g_variant_dict_insert (writer->options, "max-inflight", "u", 10);
  mkv_transport_probe_connect (writer);
  mkv_relay_stall (relay);
  mkv_transport_probe_publish_many (writer, "t", 30);
  mkv_test_run_for (50);
  g_assert_cmpuint (writer->published->len, ==, 0);
  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (writer, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_reasons (writer, 30, MKV_TRANSPORT_REASON_LOST);
  g_assert_false (mkv_transport_publish (writer->transport, message, 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);

  mkv_relay_heal (relay);
  reconnect (writer);
  mkv_relay_stall (relay);
  g_array_set_size (writer->published, 0);
  mkv_transport_probe_publish_many (writer, "t", 12);
  mkv_transport_stop (writer->transport);
  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (writer, MKV_TRANSPORT_STOPPED);
  mkv_transport_probe_assert_reasons (writer, 12, MKV_TRANSPORT_REASON_LOST);
}

static void
test_crossfire (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;
  g_autofree char *text = g_strnfill (20000, 'x');

  g_test_summary ("Two clients that send each other more than the network holds don't block each other");
  if (mosquitto == NULL)
    return;
  a = probe_new (mosquitto, "a");
  b = probe_new (mosquitto, "b");
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  mkv_transport_probe_subscribe (a, "to-a");
  mkv_transport_probe_subscribe (b, "to-b");
  for (guint i = 0; i < 500; i++)
    {
      mkv_transport_probe_publish (a, "to-b", text, i + 1);
      mkv_transport_probe_publish (b, "to-a", text, i + 1);
    }
  mkv_transport_probe_wait_messages (a, 500);
  mkv_transport_probe_wait_messages (b, 500);
  mkv_transport_probe_wait_published (a, 500);
  mkv_transport_probe_wait_published (b, 500);
  mkv_transport_probe_assert_reasons (a, 500, 0);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_stop (b);
}

static void
test_patience (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (MkvRelay) relay = NULL;
  g_autofree char *text = g_strnfill (500000, 'x');

  g_test_summary ("Neither an idle connection nor one that takes nothing more keeps a processor busy");
  if (mosquitto == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (mosquitto), NULL);
  probe = mkv_transport_probe_new (TYPE, "a", mkv_relay_get_uri (relay));
  mkv_transport_probe_connect (probe);
  mkv_test_run_for (50);
  g_assert_cmpuint (mkv_test_run_for (200), <, 5);
  mkv_relay_stall (relay);
  for (guint i = 0; i < 30; i++)
    mkv_transport_probe_publish (probe, "t", text, i + 1);
  mkv_test_run_for (50);
  g_assert_cmpuint (mkv_test_run_for (200), <, 5);
  g_assert_cmpuint (probe->published->len, ==, 0);
  mkv_relay_heal (relay);
  mkv_transport_probe_wait_published (probe, 30);
  mkv_transport_probe_stop (probe);
}

static void
test_own_and_retained (gconstpointer version)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) probe = NULL;
  struct mosquitto *bare;
  gboolean mqtt_5 = g_str_equal (version, "5");
  gboolean done = FALSE;

  g_test_summary ("Own and retained messages stay away where MQTT can do that, else they are marked");
  if (mosquitto == NULL)
    return;
  bare = mosquitto_new ("bare", true, NULL);
  g_assert_cmpint (mosquitto_connect (bare, "127.0.0.1", mkv_mosquitto_get_port (mosquitto), 60), ==, 0);
  mosquitto_publish (bare, NULL, "t", 3, "old", 1, true);
  while (!done)
    {
      g_assert_cmpint (mosquitto_loop (bare, 100, 1), ==, 0);
      done = !mosquitto_want_write (bare);
    }
  mkv_test_run_for (50);

  probe = probe_new (mosquitto, "a");
  g_variant_dict_insert (probe->options, "mqtt-version", "s", version);
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_subscribe (probe, "t");
  mkv_transport_probe_publish (probe, "t", "own", 1);
  mkv_transport_probe_wait_published (probe, 1);
  mkv_test_run_for (50);
  g_assert_cmpuint (probe->messages->len, ==, mqtt_5 ? 0 : 2);
  if (!mqtt_5)
    g_assert_true (mkv_message_get_retain (probe->messages->pdata[0]));
  /* Another topic: mosquitto 2.0 does not change an old subscription's No Local. */
  g_ptr_array_set_size (probe->messages, 0);
  mkv_transport_subscribe (probe->transport, "u", TRUE, NULL);
  mkv_transport_probe_publish (probe, "u", "own", 2);
  mkv_transport_probe_wait_messages (probe, 1);
  mkv_transport_probe_stop (probe);
  mosquitto_destroy (bare);
}

static void
test_will (gconstpointer version)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) watcher = NULL;
  g_autoptr (MkvTransportProbe) mortal = NULL;
  g_autoptr (GBytes) payload = mkv_test_bytes ("offline");
  g_autofree char *text = NULL;

  g_test_summary ("The will is published when a client dies, not when it stops, busy or not");
  if (mosquitto == NULL)
    return;
  watcher = probe_new (mosquitto, "watcher");
  mkv_transport_probe_connect (watcher);
  mkv_transport_probe_subscribe (watcher, "t/mortal/res");
  mortal = probe_new (mosquitto, "mortal");
  g_variant_dict_insert (mortal->options, "mqtt-version", "s", version);
  mortal->will = mkv_message_new ("t/mortal/res", payload);
  mkv_message_set_content_type (mortal->will, "application/json");

  mkv_transport_probe_connect (mortal);
  mkv_transport_probe_stop (mortal);
  /* One that is busy sending. */
  mkv_transport_probe_connect (mortal);
  mkv_transport_probe_publish_many (mortal, "t/x", 200);
  mkv_transport_probe_stop (mortal);
  /* One that is busy receiving, and does not handle. */
  mkv_transport_probe_connect (mortal);
  mkv_transport_probe_subscribe (mortal, "t/flood");
  mortal->claim = TRUE;
  mkv_transport_probe_publish_many (watcher, "t/flood", 300);
  mkv_transport_probe_wait_messages (mortal, 1);
  mkv_transport_probe_stop (mortal);
  mkv_test_run_for (100);
  g_assert_cmpuint (watcher->messages->len, ==, 0);

  mkv_transport_probe_connect (mortal);
  g_clear_pointer (&mortal, mkv_transport_probe_free);
  mkv_transport_probe_wait_messages (watcher, 1);
  text = mkv_transport_probe_get_text (watcher, 0);
  g_assert_cmpstr (text, ==, "offline");
  mkv_transport_probe_stop (watcher);
}

static void
on_message_stop (MkvTransport *transport, MkvMessage *message, guint *n)
{
  mkv_transport_stop (transport);
  ++*n;
}

static void
test_stop_in_handler (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) reader = NULL;
  g_autoptr (MkvTransportProbe) writer = NULL;
  guint n = 0;
  gulong handler;

  g_test_summary ("Who stops in a handler gets nothing more, and what was not given out comes again");
  if (mosquitto == NULL)
    return;
  reader = probe_new (mosquitto, "reader");
  writer = probe_new (mosquitto, "writer");
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_subscribe (reader, "t");
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_connect (writer);
  mkv_transport_probe_publish_many (writer, "t", 10);
  mkv_transport_probe_wait_published (writer, 10);
  handler = g_signal_connect (reader->transport, "message", G_CALLBACK (on_message_stop), &n);
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_wait_state (reader, MKV_TRANSPORT_STOPPED);
  g_assert_cmpuint (n, ==, 1);
  g_signal_handler_disconnect (reader->transport, handler);
  g_ptr_array_set_size (reader->messages, 0);
  mkv_transport_probe_connect (reader);
  mkv_transport_probe_wait_messages (reader, 10);
  assert_texts (reader, 0, 10);
  mkv_transport_probe_stop (reader);
  mkv_transport_probe_stop (writer);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  /* Sending a password without TLS is warned of. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_test_add_data_func ("/transport-mqtt/both-ways/5", "5", test_both_ways);
  g_test_add_data_func ("/transport-mqtt/both-ways/3.1.1", "3.1.1", test_both_ways);
  g_test_add_data_func ("/transport-mqtt/session/5", "5", test_session);
  g_test_add_data_func ("/transport-mqtt/session/3.1.1", "3.1.1", test_session);
  g_test_add_func ("/transport-mqtt/session/expiry", test_session_expiry);
  g_test_add_data_func ("/transport-mqtt/restart/term", GINT_TO_POINTER (SIGTERM), test_restart);
  g_test_add_data_func ("/transport-mqtt/restart/kill", GINT_TO_POINTER (SIGKILL), test_restart);
  g_test_add_func ("/transport-mqtt/unhandled", test_unhandled);
  g_test_add_func ("/transport-mqtt/handled-late", test_handled_late);
  g_test_add_func ("/transport-mqtt/slow-commit", test_slow_commit);
  g_test_add_func ("/transport-mqtt/window", test_window);
  g_test_add_func ("/transport-mqtt/lost", test_lost);
  g_test_add_func ("/transport-mqtt/crossfire", test_crossfire);
  g_test_add_func ("/transport-mqtt/patience", test_patience);
  g_test_add_data_func ("/transport-mqtt/own-and-retained/5", "5", test_own_and_retained);
  g_test_add_data_func ("/transport-mqtt/own-and-retained/3.1.1", "3.1.1", test_own_and_retained);
  g_test_add_data_func ("/transport-mqtt/will/5", "5", test_will);
  g_test_add_data_func ("/transport-mqtt/will/3.1.1", "3.1.1", test_will);
  g_test_add_func ("/transport-mqtt/stop-in-handler", test_stop_in_handler);
  return g_test_run ();
}
