/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* What a real mosquitto limits and denies: sizes, QoS, topics. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-mosquitto.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"
#include "mkv-transport-probe.h"

static MkvTransportProbe *
probe_new (MkvMosquitto *mosquitto, const char *client_id)
{
  return mkv_transport_probe_new (MKV_TYPE_TRANSPORT_MQTT, client_id, mkv_mosquitto_get_uri (mosquitto));
}

static gboolean
publish_size (MkvTransportProbe *probe, gsize size, guint id, GError **error)
{
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (MkvMessage) message = mkv_message_new ("t", payload);

  return mkv_transport_publish (probe->transport, message, id, error);
}

static void
test_sizes (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Payloads up to the limit get through, many of them too; longer ones are refused at once");
  if (mosquitto == NULL)
    return;
  a = probe_new (mosquitto, "a");
  b = probe_new (mosquitto, "b");
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  mkv_transport_probe_subscribe (b, "t");
  for (guint i = 0; i < 20; i++)
    {
      publish_size (a, MKV_MAX_PAYLOAD_BYTES, 1, &error);
      g_assert_no_error (error);
    }
  mkv_transport_probe_wait_messages (b, 20);
  for (guint i = 0; i < 20; i++)
    g_assert_cmpuint (g_bytes_get_size (mkv_message_get_payload (b->messages->pdata[i])), ==,
                      MKV_MAX_PAYLOAD_BYTES);
  g_assert_false (publish_size (a, MKV_MAX_PAYLOAD_BYTES + 1, 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_stop (b);
}

static void
test_broker_sizes (void)
{
  MkvMosquittoOptions options = { .extra = "max_packet_size 100000" };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (GError) error = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("The broker's limit counts where it is lower");
  if (mosquitto == NULL)
    return;
  probe = probe_new (mosquitto, "a");
  mkv_transport_probe_connect (probe);
  mkv_transport_get_limits (probe->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_payload, ==, 100000 - 1024);
  publish_size (probe, max_payload, 1, &error);
  g_assert_no_error (error);
  g_assert_false (publish_size (probe, max_payload + 1, 2, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  mkv_transport_probe_wait_published (probe, 1);
  g_assert_cmpint (g_array_index (probe->published, MkvProbePublished, 0).reason, <, 0x80);
  mkv_transport_probe_stop (probe);
}

static void
test_qos (void)
{
  MkvMosquittoOptions options = { .extra = "max_qos 0" };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("A broker without QoS 1 is complained of");
  if (mosquitto == NULL)
    return;
  probe = probe_new (mosquitto, "a");
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_subscribe (probe, "some/topic");
  g_assert_error (probe->subscribe_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (probe->subscribe_error->message, "some/topic"));
  mkv_transport_probe_publish_many (probe, "t", 3);
  mkv_transport_probe_wait_published (probe, 3);
  mkv_transport_probe_assert_reasons (probe, 3, 0x9B);
  mkv_transport_probe_stop (probe);
}

static void
test_acl (void)
{
  const char *const users[] = { "u", "secret", NULL };
  MkvMosquittoOptions options = { .users = users, .acl = "user u\ntopic readwrite mine/#\n" };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autofree char *password_file = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_test_summary ("What the access list denies comes back as reason 0x87");
  if (mosquitto == NULL)
    return;
  fd = g_file_open_tmp ("mkv-password-XXXXXX", &password_file, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, "secret\n", 7), ==, 7);
  close (fd);
  probe = probe_new (mosquitto, "a");
  g_variant_dict_insert (probe->options, "username", "s", "u");
  g_variant_dict_insert (probe->options, "password-file", "s", password_file);
  g_variant_dict_insert (probe->options, "allow-insecure-credentials", "b", TRUE);
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_publish_many (probe, "theirs/x", 2);
  mkv_transport_probe_wait_published (probe, 2);
  mkv_transport_probe_assert_reasons (probe, 2, 0x87);
  mkv_transport_probe_publish (probe, "mine/x", "hello", 3);
  mkv_transport_probe_wait_published (probe, 3);
  g_assert_cmpint (g_array_index (probe->published, MkvProbePublished, 2).reason, <, 0x80);
  mkv_transport_probe_stop (probe);
  g_unlink (password_file);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  /* Sending a password without TLS is warned of. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_test_add_func ("/transport-mqtt/sizes", test_sizes);
  g_test_add_func ("/transport-mqtt/broker-sizes", test_broker_sizes);
  g_test_add_func ("/transport-mqtt/qos", test_qos);
  g_test_add_func ("/transport-mqtt/acl", test_acl);
  return g_test_run ();
}
