/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* TLS with a real mosquitto: what is let in, and what each failure is called. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-certificates.h"
#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"
#include "mkv-transport-probe.h"

typedef struct
{
  MkvCertificates *certificates;
  MkvMosquitto *mosquitto;
} Fixture;

typedef struct
{
  const char *names; /* that the broker's certificate is for */
  int days;          /* that it is valid */
  gboolean wants_client_certificate;
  const char *tls_version;
} Setting;

static void
set_up (Fixture *f, gconstpointer data)
{
  const Setting *setting = data;
  MkvMosquittoOptions options = { .extra = setting->tls_version };

  f->certificates = mkv_certificates_new ();
  mkv_certificates_issue (f->certificates, setting->names, setting->days, &options.cert_file, &options.key_file);
  if (setting->wants_client_certificate)
    options.ca_file = mkv_certificates_get_ca_file (f->certificates);
  f->mosquitto = mkv_mosquitto_new (&options);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->mosquitto, mkv_mosquitto_free);
  mkv_certificates_free (f->certificates);
}

static MkvTransportProbe *
probe_new (Fixture *f, const char *client_id)
{
  MkvTransportProbe *probe =
      mkv_transport_probe_new (MKV_TYPE_TRANSPORT_MQTT, client_id, mkv_mosquitto_get_uri (f->mosquitto));

  g_variant_dict_insert (probe->options, "ca-file", "s", mkv_certificates_get_ca_file (f->certificates));
  return probe;
}

static void
set_broker (MkvTransportProbe *probe, const char *format, guint port)
{
  g_autofree char *uri = g_strdup_printf ("%s:%u", format, port);

  g_variant_dict_insert (probe->options, "broker", "s", uri);
}

static const Setting plain_setting = { "localhost", 5 };

static void
test_messages (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;
  g_autoptr (GBytes) will = mkv_test_bytes ("offline");

  g_test_summary ("Messages, many and big, go through TLS; leaving is leaving");
  if (f->mosquitto == NULL)
    return;
  a = probe_new (f, "a");
  b = probe_new (f, "b");
  a->will = mkv_message_new ("t", will);
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  mkv_transport_probe_subscribe (b, "t");
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *text = g_strnfill (i % 10 == 0 ? 100000 : 10, 'a' + (gchar) (i % 26));

      mkv_transport_probe_publish (a, "t", text, i + 1);
    }
  mkv_transport_probe_wait_messages (b, 300);
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *text = mkv_transport_probe_get_text (b, i);

      g_assert_cmpuint (strlen (text), ==, i % 10 == 0 ? 100000 : 10);
      g_assert_cmpint (text[0], ==, 'a' + (gchar) (i % 26));
    }
  mkv_transport_probe_wait_published (a, 300);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_publish (b, "t2", "x", 1);
  mkv_transport_probe_wait_published (b, 1);
  g_assert_cmpuint (b->messages->len, ==, 300);
  mkv_transport_probe_stop (b);
}

static void
test_restart (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) a = NULL;

  g_test_summary ("A broker that dies and comes back is found again through TLS");
  if (f->mosquitto == NULL)
    return;
  a = probe_new (f, "a");
  mkv_transport_probe_connect (a);
  mkv_mosquitto_stop (f->mosquitto, SIGKILL);
  mkv_transport_probe_wait_state (a, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (a, MKV_ERROR_NOT_CONNECTED, "closed the connection");
  mkv_mosquitto_start (f->mosquitto);
  mkv_transport_probe_wait_state (a, MKV_TRANSPORT_CONNECTED);
  mkv_transport_probe_stop (a);
}

static void
test_wrong_ca (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvCertificates) others = mkv_certificates_new ();
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("A broker whose certificate another CA signed is refused, and the CA named");
  if (f->mosquitto == NULL)
    return;
  probe = probe_new (f, "a");
  g_variant_dict_insert (probe->options, "ca-file", "s", mkv_certificates_get_ca_file (others));
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "is not trusted");
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "transport.ca-file");
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, mkv_certificates_get_ca_file (others));
  mkv_transport_probe_stop (probe);

  /* Nor do the system's CAs know it. */
  g_variant_dict_remove (probe->options, "ca-file");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "/etc/ssl/certs");
  mkv_transport_probe_stop (probe);
}

static void
test_wrong_host (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("A certificate for another host name, or for an address's name, is refused, and the name told");
  if (f->mosquitto == NULL)
    return;
  probe = probe_new (f, "a");
  set_broker (probe, "mqtts://127.0.0.1", mkv_mosquitto_get_port (f->mosquitto));
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "another host name than “127.0.0.1”");
  mkv_transport_probe_stop (probe);
}

static const Setting other_name_setting = { "broker.example,127.0.0.1", 5 };

static void
test_address (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("A certificate may be for an address, and must be for what is connected to");
  if (f->mosquitto == NULL)
    return;
  probe = probe_new (f, "a");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "another host name than “localhost”");
  mkv_transport_probe_stop (probe);
  set_broker (probe, "mqtts://127.0.0.1", mkv_mosquitto_get_port (f->mosquitto));
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_stop (probe);
}

static const Setting expired_setting = { "localhost", -1 };

static void
test_expired (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("An expired certificate is refused, and called expired");
  if (f->mosquitto == NULL)
    return;
  probe = probe_new (f, "a");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "expired");
  mkv_transport_probe_stop (probe);
}

static const Setting client_setting = { "localhost", 5, TRUE };
static const Setting client_12_setting = { "localhost", 5, TRUE, "tls_version tlsv1.2" };

static void
test_client_certificate (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvCertificates) others = mkv_certificates_new ();
  g_autoptr (MkvTransportProbe) probe = NULL;
  const char *cert_file, *key_file, *other_cert_file, *other_key_file;

  g_test_summary ("A client certificate lets in; none, or one of another CA, is said to be missing or wrong");
  if (f->mosquitto == NULL)
    return;
  mkv_certificates_issue (f->certificates, "a", 5, &cert_file, &key_file);
  mkv_certificates_issue (others, "a", 5, &other_cert_file, &other_key_file);
  probe = probe_new (f, "a");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, "asks for a client certificate");
  mkv_transport_probe_stop (probe);

  g_variant_dict_insert (probe->options, "cert-file", "s", other_cert_file);
  g_variant_dict_insert (probe->options, "key-file", "s", other_key_file);
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, "does not accept this client's certificate");
  mkv_transport_probe_stop (probe);

  g_variant_dict_insert (probe->options, "cert-file", "s", cert_file);
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_CONFIGURATION, "transport.key-file");
  mkv_transport_probe_stop (probe);

  g_variant_dict_insert (probe->options, "key-file", "s", key_file);
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_stop (probe);
}

static void
test_plain_port (void)
{
  g_autoptr (MkvCertificates) certificates = mkv_certificates_new ();
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("TLS with a port that speaks none fails, and says so");
  if (mosquitto == NULL)
    return;
  probe = mkv_transport_probe_new (MKV_TYPE_TRANSPORT_MQTT, "a", "");
  set_broker (probe, "mqtts://localhost", mkv_mosquitto_get_port (mosquitto));
  g_variant_dict_insert (probe->options, "ca-file", "s", mkv_certificates_get_ca_file (certificates));
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_CONNECTED, "port for TLS");
  mkv_transport_probe_stop (probe);
}

static void
test_tls_port (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) probe = NULL;

  g_test_summary ("Plain MQTT with a port for TLS does not get far");
  if (f->mosquitto == NULL)
    return;
  probe = probe_new (f, "a");
  set_broker (probe, "mqtt://localhost", mkv_mosquitto_get_port (f->mosquitto));
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  g_assert_error (probe->error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  mkv_transport_probe_stop (probe);
}

static void
test_turned_on (Fixture *f, gconstpointer data)
{
  g_autofree char *password_file = NULL;
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_test_summary ("Credentials turn TLS on, also with mqtt://");
  if (f->mosquitto == NULL)
    return;
  fd = g_file_open_tmp ("mkv-password-XXXXXX", &password_file, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, "secret", 6), ==, 6);
  close (fd);
  probe = probe_new (f, "a");
  set_broker (probe, "mqtt://localhost", mkv_mosquitto_get_port (f->mosquitto));
  g_variant_dict_insert (probe->options, "username", "s", "u");
  g_variant_dict_insert (probe->options, "password-file", "s", password_file);
  mkv_transport_probe_connect (probe);
  mkv_transport_probe_stop (probe);
  g_unlink (password_file);
}

/* Counts how often anything was dispatched. */
static guint n_iterations;

static gboolean
is_connected (gpointer user_data)
{
  n_iterations++;
  return ((MkvTransportProbe *) user_data)->state == MKV_TRANSPORT_CONNECTED;
}

static void
test_slow_handshake (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (MkvRelay) relay = NULL;

  g_test_summary ("A handshake over a slow line takes its time, but no processor's");
  if (f->mosquitto == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (f->mosquitto), NULL);
  mkv_relay_set_delay (relay, 100, 150);
  probe = probe_new (f, "a");
  set_broker (probe, "mqtts://localhost", mkv_relay_get_port (relay));
  mkv_transport_probe_start (probe);
  mkv_test_run_until (is_connected, probe);
  /* The relay's own are among them. */
  g_assert_cmpuint (n_iterations, <, 150);
  mkv_transport_probe_stop (probe);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
#define ADD(name, setting, func) g_test_add ("/transport-mqtt/tls/" name, Fixture, setting, set_up, func, tear_down)
  ADD ("messages", &plain_setting, test_messages);
  ADD ("restart", &plain_setting, test_restart);
  ADD ("wrong-ca", &plain_setting, test_wrong_ca);
  ADD ("wrong-host", &plain_setting, test_wrong_host);
  ADD ("address", &other_name_setting, test_address);
  ADD ("expired", &expired_setting, test_expired);
  ADD ("client-certificate/1.3", &client_setting, test_client_certificate);
  ADD ("client-certificate/1.2", &client_12_setting, test_client_certificate);
  ADD ("tls-port", &plain_setting, test_tls_port);
  ADD ("turned-on", &plain_setting, test_turned_on);
  ADD ("slow-handshake", &plain_setting, test_slow_handshake);
  g_test_add_func ("/transport-mqtt/tls/plain-port", test_plain_port);
  return g_test_run ();
}
