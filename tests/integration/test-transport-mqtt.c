/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* Messages through a real mosquitto: what arrives, what is acknowledged, what
 * survives. Connecting and TLS have tests of their own. */
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

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  g_test_add_data_func ("/transport-mqtt/both-ways/5", "5", test_both_ways);
  g_test_add_data_func ("/transport-mqtt/both-ways/3.1.1", "3.1.1", test_both_ways);
  return g_test_run ();
}
