/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* Getting, losing and giving up a connection: settings, refusals, silence,
 * waiting between attempts, and stopping at any time. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-fake-broker.h"
#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"
#include "mkv-transport-probe.h"

/* A client whose time stands still. */
static MkvTransportProbe *
probe_new (const char *uri)
{
  MkvTransportProbe *probe = mkv_transport_probe_new (MKV_TYPE_TRANSPORT_MQTT, "me", uri);

  g_object_unref (probe->clock);
  probe->clock = MKV_CLOCK (mkv_manual_clock_new (0));
  return probe;
}

static void
advance (MkvTransportProbe *probe, gint64 seconds)
{
  mkv_manual_clock_advance (MKV_MANUAL_CLOCK (probe->clock), seconds * G_USEC_PER_SEC);
}

/* Asserts that the next attempt comes in @least to @most s. */
static void
assert_delay (MkvTransportProbe *probe, double least, double most)
{
  double delay = (double) mkv_manual_clock_get_next_delay (MKV_MANUAL_CLOCK (probe->clock)) / G_USEC_PER_SEC;

  g_assert_cmpfloat (delay, >=, least);
  g_assert_cmpfloat (delay, <=, most);
}

static void
wait_fails (MkvTransportProbe *probe, MkvTransportState state)
{
  if (probe->state == MKV_TRANSPORT_WAITING || probe->state == MKV_TRANSPORT_FAILED)
    {
      advance (probe, 39);
      mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_CONNECTING);
    }
  mkv_transport_probe_wait_state (probe, state);
}

static guint n_warnings;
static GString *log_text;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      g_string_append_printf (log_text, "%s\n", (const char *) fields[i].value);
  if ((level & G_LOG_LEVEL_WARNING) != 0)
    {
      n_warnings++;
      return G_LOG_WRITER_HANDLED;
    }
  return (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0
             ? g_log_writer_default (level, fields, n_fields, user_data)
             : G_LOG_WRITER_HANDLED;
}

static char *
write_password (const char *password, int mode)
{
  char *path = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("mkv-password-XXXXXX", &path, &error);

  g_assert_no_error (error);
  close (fd);
  g_file_set_contents (path, password, -1, &error);
  g_assert_no_error (error);
  g_chmod (path, mode);
  return path;
}

static void
test_options (void)
{
  static const struct
  {
    const char *key;
    const char *value; /* GVariant's text */
    const char *text;
  } wrong[] = {
    { "broker", "''", "mqtt://host:1883" },
    { "broker", "'host'", "mqtt://host:1883" },
    { "broker", "'http://host'", "http" },
    { "broker", "'mqtt://'", "no host" },
    { "broker", "'mqtt://host:0'", "port" },
    { "broker", "'mqtt://host:66666'", "mqtt://host:1883" },
    { "broker", "'mqtt://host/topic'", "behind" },
    { "broker", "'mqtt://host?x=y'", "behind" },
    { "broker", "'mqtt://user:pass@host'", "transport.username" },
    { "broker", "7", "type" },
    { "client-id", "''", "client-id" },
    { "client-id", "'a/b'", "a/b" },
    { "mqtt-version", "'4'", "3.1.1" },
    { "keep-alive", "uint32 4", "5" },
    { "keep-alive", "uint32 70000", "65535" },
    { "max-payload", "uint32 0", "524288" },
    { "max-payload", "uint32 600000", "524288" },
    { "max-inflight", "uint32 0", "65535" },
    { "connect-timeout", "uint32 0", "3600" },
    { "connect-timeout", "'10'", "type" },
    { "password-file", "'/nowhere'", "transport.username" },
    { "cert-file", "'/nowhere'", "transport.key-file" },
    { "allow-insecure-credentials", "'yes'", "type" },
  };

  g_test_summary ("Settings that can't work are refused, with what would");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (MkvTransportProbe) probe = probe_new ("mqtt://127.0.0.1:1");
      g_autoptr (GVariant) value = g_variant_parse (NULL, wrong[i].value, NULL, NULL, NULL);
      g_autoptr (GVariant) options = NULL;
      g_autoptr (GError) error = NULL;

      g_variant_dict_insert_value (probe->options, wrong[i].key, value);
      options = g_variant_ref_sink (g_variant_dict_end (probe->options));
      if (mkv_transport_start (probe->transport, options, NULL, probe->clock, &error))
        g_error ("%s=%s was taken", wrong[i].key, wrong[i].value);
      g_assert_true (error->domain == MKV_ERROR);
      if (strstr (error->message, wrong[i].text) == NULL)
        g_error ("%s=%s: “%s” is not in “%s”", wrong[i].key, wrong[i].value, wrong[i].text, error->message);
      g_assert_null (strstr (error->message, "pass@"));
      g_assert_cmpuint (probe->states->len, ==, 0);
    }
}

static void
test_password_file (void)
{
  g_autofree char *path = write_password ("secret\n", 0640);
  g_autoptr (MkvTransportProbe) probe = probe_new ("mqtt://127.0.0.1:1");
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A password file that others may read is refused");
  g_variant_dict_insert (probe->options, "username", "s", "u");
  g_variant_dict_insert (probe->options, "password-file", "s", path);
  options = g_variant_ref_sink (g_variant_dict_end (probe->options));
  g_assert_false (mkv_transport_start (probe->transport, options, NULL, probe->clock, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, "0640"));
  g_clear_error (&error);
  g_chmod (path, 0400);
  mkv_transport_start (probe->transport, options, NULL, probe->clock, &error);
  g_assert_no_error (error);
  mkv_transport_stop (probe->transport);
  g_unlink (path);
}

static void
test_backoff (void)
{
  g_autofree char *uri = g_strdup_printf ("mqtt://127.0.0.1:%u", mkv_mosquitto_find_port ());
  g_autoptr (MkvTransportProbe) probe = probe_new (uri);

  g_test_summary ("Where nobody listens, attempts come after 1, 2, 4 ... 32 s, each 20 % more or less");
  mkv_transport_probe_start (probe);
  for (guint i = 0; i < 9; i++)
    {
      double seconds = MIN (32, 1 << i);

      mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
      mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_CONNECTED, uri + strlen ("mqtt://"));
      assert_delay (probe, 0.8 * seconds, 1.2 * seconds);
      g_assert_cmpuint (mkv_transport_probe_count_states (probe, MKV_TRANSPORT_CONNECTING), ==, i + 1);
      advance (probe, (gint64) (1.2 * seconds) + 1);
      mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_CONNECTING);
    }
  mkv_transport_probe_stop (probe);
}

static void
test_backoff_reset (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (MkvRelay) relay = NULL;

  g_test_summary ("A connection that lasted a minute starts the backoff anew, a shorter one does not");
  if (mosquitto == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (mosquitto), NULL);
  probe = probe_new (mkv_relay_get_uri (relay));
  mkv_relay_cut (relay);
  mkv_transport_probe_start (probe);
  for (guint i = 0; i < 3; i++)
    wait_fails (probe, MKV_TRANSPORT_WAITING);
  mkv_relay_heal (relay);
  wait_fails (probe, MKV_TRANSPORT_CONNECTED);
  mkv_test_advance (MKV_MANUAL_CLOCK (probe->clock), 50 * G_USEC_PER_SEC);
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTED);
  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  assert_delay (probe, 6.4, 9.6);
  mkv_relay_heal (relay);
  wait_fails (probe, MKV_TRANSPORT_CONNECTED);
  mkv_test_advance (MKV_MANUAL_CLOCK (probe->clock), 61 * G_USEC_PER_SEC);
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTED);
  mkv_relay_cut (relay);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  assert_delay (probe, 0.8, 1.2);
  mkv_transport_probe_stop (probe);
}

static void
test_silent_broker (void)
{
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();
  g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

  g_test_summary ("Who accepts the connection and says nothing is given up after connect-timeout, without haste");
  broker->silent = TRUE;
  g_variant_dict_insert (probe->options, "connect-timeout", "u", 7);
  mkv_transport_probe_start (probe);
  g_assert_cmpuint (mkv_test_run_for (150), <, 50);
  advance (probe, 6);
  mkv_test_iterate ();
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTING);
  advance (probe, 1);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_TIMEOUT, "no MQTT broker answered there within 7 s");
  assert_delay (probe, 0.8, 1.2);
  mkv_transport_probe_stop (probe);
}

static void
test_silent_host (void)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GSocket) listener = NULL;
  g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autofree char *uri = NULL;

  g_test_summary ("A host that does not even accept is given up after connect-timeout, and blocks nothing");
  listener = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_socket_set_listen_backlog (listener, 0);
  g_assert_true (g_socket_bind (listener, any, TRUE, NULL));
  g_assert_true (g_socket_listen (listener, NULL));
  bound = g_socket_get_local_address (listener, NULL);
  /* Nobody accepts these, so there is no room for more. */
  for (guint i = 0; i < 4; i++)
    {
      GSocket *other = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);

      g_socket_set_blocking (other, FALSE);
      g_socket_connect (other, bound, NULL, NULL);
      g_ptr_array_add (others, other);
    }
  uri = g_strdup_printf ("mqtt://127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  probe = probe_new (uri);
  mkv_transport_probe_start (probe);
  g_assert_cmpuint (mkv_test_run_for (100), <, 50);
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTING);
  advance (probe, 10);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_TIMEOUT, "did not answer within 10 s");
  mkv_transport_probe_stop (probe);
}

static void
test_credentials (gconstpointer version)
{
  const char *const users[] = { "u", "right horse", NULL };
  MkvMosquittoOptions options = { .users = users };
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (&options);
  g_autofree char *path = write_password ("wrong horse\n", 0600);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A wrong password is called that; the file is read again each time; nothing shows it");
  if (mosquitto == NULL)
    return;
  probe = probe_new (mkv_mosquitto_get_uri (mosquitto));
  g_variant_dict_insert (probe->options, "mqtt-version", "s", version);
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, "set transport.username");
  mkv_transport_probe_stop (probe);

  g_variant_dict_insert (probe->options, "username", "s", "u");
  g_variant_dict_insert (probe->options, "password-file", "s", path);
  g_variant_dict_insert (probe->options, "allow-insecure-credentials", "b", TRUE);
  n_warnings = 0;
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, "refused user “u”: wrong user name or");
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, "transport.password-file");
  mkv_transport_probe_assert_error (probe, MKV_ERROR_UNAUTHORIZED, mkv_mosquitto_get_uri (mosquitto) + 7);
  g_assert_null (strstr (probe->error->message, "horse"));
  g_assert_cmpuint (n_warnings, ==, 1);
  assert_delay (probe, 32, 38.4);

  g_chmod (path, 0644);
  wait_fails (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_CONFIGURATION, "0644");

  g_file_set_contents (path, "right horse", -1, &error);
  g_assert_no_error (error);
  g_chmod (path, 0600);
  wait_fails (probe, MKV_TRANSPORT_CONNECTED);
  g_assert_cmpuint (n_warnings, ==, 2);
  g_assert_null (strstr (log_text->str, "horse"));
  mkv_transport_probe_stop (probe);
  g_unlink (path);
}

static void
test_taken_over (void)
{
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();
  g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

  g_test_summary ("Who is thrown out by a client with the same id says so, and waits half a minute");
  broker->disconnect = 0x8E;
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "Another client has connected");
  mkv_transport_probe_assert_error (probe, MKV_ERROR_FAILED, "“me”");
  assert_delay (probe, 32, 38.4);
  broker->disconnect = 0x8B;
  wait_fails (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_CONNECTED, "ended the connection");
  mkv_transport_probe_stop (probe);
}

static void
test_twins (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) a = NULL;
  g_autoptr (MkvTransportProbe) b = NULL;

  g_test_summary ("Where the broker does not say that it was a namesake, it is supposed when it comes again");
  if (mosquitto == NULL)
    return;
  a = probe_new (mkv_mosquitto_get_uri (mosquitto));
  b = probe_new (mkv_mosquitto_get_uri (mosquitto));
  mkv_transport_probe_connect (a);
  mkv_transport_probe_connect (b);
  for (guint i = 0; i < 2; i++)
    {
      mkv_transport_probe_wait_state (a, MKV_TRANSPORT_WAITING);
      advance (a, 39);
      mkv_transport_probe_wait_state (a, MKV_TRANSPORT_CONNECTED);
      mkv_transport_probe_wait_state (b, MKV_TRANSPORT_WAITING);
      advance (b, 39);
      mkv_transport_probe_wait_state (b, MKV_TRANSPORT_CONNECTED);
    }
  mkv_transport_probe_wait_state (a, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (a, MKV_ERROR_FAILED, "another client connects as “me”");
  assert_delay (a, 32, 38.4);
  mkv_transport_probe_stop (a);
  mkv_transport_probe_stop (b);
}

static void
test_fallback (void)
{
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();
  g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

  g_test_summary ("A broker that refuses MQTT 5 gets MQTT 3.1.1, at once");
  broker->only_311 = TRUE;
  mkv_transport_probe_connect (probe);
  g_assert_cmpuint (broker->n_connects, ==, 2);
  g_assert_cmpuint (probe->states->len, ==, 2);
  g_assert_nonnull (strstr (log_text->str, "MQTT 3.1.1"));
  mkv_transport_probe_subscribe (probe, "t");
  g_assert_no_error (probe->subscribe_error);
  mkv_transport_probe_stop (probe);
  broker->only_311 = FALSE;
  broker->connack = 1;
  g_variant_dict_insert (probe->options, "mqtt-version", "s", "3.1.1");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_FAILED);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_SUPPORTED, "neither");
  mkv_transport_probe_stop (probe);
}

static void
test_refusals (void)
{
  static const struct
  {
    const char *version;
    guint8 code;
    MkvTransportState state;
    int error;
    const char *text;
  } refusals[] = {
    { "5", 0x85, MKV_TRANSPORT_FAILED, MKV_ERROR_CONFIGURATION, "client id “me”" },
    { "5", 0x86, MKV_TRANSPORT_FAILED, MKV_ERROR_UNAUTHORIZED, "“me”" },
    { "5", 0x88, MKV_TRANSPORT_WAITING, MKV_ERROR_NOT_CONNECTED, "unavailable" },
    { "5", 0x8A, MKV_TRANSPORT_FAILED, MKV_ERROR_FORBIDDEN, "banned" },
    { "5", 0x97, MKV_TRANSPORT_WAITING, MKV_ERROR_NOT_CONNECTED, "uota" },
    { "5", 0x9D, MKV_TRANSPORT_FAILED, MKV_ERROR_CONFIGURATION, "transport.broker" },
    { "3.1.1", 2, MKV_TRANSPORT_FAILED, MKV_ERROR_CONFIGURATION, "client id “me”" },
    { "3.1.1", 3, MKV_TRANSPORT_WAITING, MKV_ERROR_NOT_CONNECTED, "no clients" },
    { "3.1.1", 4, MKV_TRANSPORT_FAILED, MKV_ERROR_UNAUTHORIZED, "“me”" },
    { "3.1.1", 5, MKV_TRANSPORT_FAILED, MKV_ERROR_UNAUTHORIZED, "“me”" },
  };
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();

  g_test_summary ("Each refusal has a cause, and those that last are told from those that pass");
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

      broker->connack = refusals[i].code;
      g_variant_dict_insert (probe->options, "mqtt-version", "s", refusals[i].version);
      mkv_transport_probe_start (probe);
      mkv_transport_probe_wait_state (probe, refusals[i].state);
      mkv_transport_probe_assert_error (probe, refusals[i].error, refusals[i].text);
      mkv_transport_probe_stop (probe);
    }
}

static void
test_suback (gconstpointer version)
{
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();
  g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

  g_test_summary ("A refused subscription, and one with less than QoS 1, is told with its topic");
  g_variant_dict_insert (probe->options, "mqtt-version", "s", version);
  mkv_transport_probe_connect (probe);
  broker->suback = g_str_equal (version, "5") ? 0x87 : 0x80;
  mkv_transport_probe_subscribe (probe, "a/b");
  g_assert_error (probe->subscribe_error, MKV_ERROR, MKV_ERROR_FORBIDDEN);
  g_assert_nonnull (strstr (probe->subscribe_error->message, "a/b"));
  broker->suback = 0;
  mkv_transport_probe_subscribe (probe, "a/c");
  g_assert_error (probe->subscribe_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_assert_false (mkv_transport_subscribe (probe->transport, "a/#/b", FALSE, NULL));
  mkv_transport_probe_stop (probe);
}

static void
test_no_broker (void)
{
  static const char *const greetings[] = { "HTTP/1.1 400 Bad Request\r\n\r\n", "\x20\xff\xff\xff\xff\xff",
                                           "\x30\x02xx", "\x20\x7f\x00" };
  g_autoptr (MkvFakeBroker) broker = mkv_fake_broker_new ();
  g_autoptr (GBytes) payload = mkv_test_bytes ("x");
  g_autoptr (MkvMessage) message = mkv_message_new ("t", payload);

  g_test_summary ("What is no MQTT broker does no harm, and is given up");
  broker->silent = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (greetings); i++)
    {
      g_autoptr (MkvTransportProbe) probe = probe_new (broker->uri);

      broker->greeting = greetings[i];
      mkv_transport_probe_start (probe);
      mkv_test_run_for (50);
      advance (probe, 10);
      mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
      g_assert_false (mkv_transport_publish (probe->transport, message, 1, NULL));
      g_assert_nonnull (strstr (probe->error->message, "port"));
      mkv_transport_probe_stop (probe);
    }
}

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (folder) != NULL)
    n++;
  return n;
}

static void
test_stop_anywhere (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  guint n_files = 0, n_threads = 0;

  g_test_summary ("Stopping works at any moment, is final, and leaves no file and no thread behind");
  if (mosquitto == NULL)
    return;
  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (MkvTransportProbe) probe = probe_new (mkv_mosquitto_get_uri (mosquitto));
      guint n_states;

      mkv_transport_probe_start (probe);
      for (guint j = 0; j < i && probe->state == MKV_TRANSPORT_CONNECTING; j++)
        g_main_context_iteration (NULL, TRUE);
      mkv_transport_probe_stop (probe);
      n_states = probe->states->len;
      mkv_test_run_for (5);
      g_assert_cmpuint (probe->states->len, ==, n_states);
      if (i == 20)
        {
          n_files = count_entries ("/proc/self/fd");
          n_threads = count_entries ("/proc/self/task");
        }
    }
  mkv_test_run_for (50);
  g_assert_cmpuint (count_entries ("/proc/self/fd"), <=, n_files + 2);
  g_assert_cmpuint (count_entries ("/proc/self/task"), <=, n_threads + 2);
}

static void
test_restart_at_once (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Stop and start in one go is a new connection");
  if (mosquitto == NULL)
    return;
  probe = probe_new (mkv_mosquitto_get_uri (mosquitto));
  mkv_transport_probe_connect (probe);
  mkv_transport_stop (probe->transport);
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTED);
  mkv_transport_probe_start (probe);
  g_assert_cmpuint (mkv_transport_probe_count_states (probe, MKV_TRANSPORT_STOPPED), ==, 1);
  g_assert_cmpint (probe->state, ==, MKV_TRANSPORT_CONNECTING);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_CONNECTED);
  options = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_assert_false (mkv_transport_start (probe->transport, options, NULL, probe->clock, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  mkv_transport_probe_stop (probe);
}

static void
test_ipv6 (void)
{
  g_autoptr (MkvTransportProbe) probe = NULL;
  g_autofree char *uri = g_strdup_printf ("mqtt://[::1]:%u", mkv_mosquitto_find_port ());

  g_test_summary ("An IPv6 address in brackets is one");
  probe = probe_new (uri);
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_CONNECTED, uri + strlen ("mqtt://"));
  mkv_transport_probe_stop (probe);
}

static void
test_unknown_host (void)
{
  /* Too long a label for anybody to be asked. */
  g_autofree char *host = g_strnfill (70, 'x');
  g_autofree char *uri = g_strdup_printf ("mqtt://%s.invalid", host);
  g_autoptr (MkvTransportProbe) probe = probe_new (uri);

  g_test_summary ("A host name that nobody knows is called that");
  mkv_transport_probe_start (probe);
  mkv_transport_probe_wait_state (probe, MKV_TRANSPORT_WAITING);
  mkv_transport_probe_assert_error (probe, MKV_ERROR_NOT_CONNECTED, host);
  mkv_transport_probe_stop (probe);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  log_text = g_string_new (NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_test_add_func ("/transport-mqtt/options", test_options);
  g_test_add_func ("/transport-mqtt/password-file", test_password_file);
  g_test_add_func ("/transport-mqtt/backoff", test_backoff);
  g_test_add_func ("/transport-mqtt/backoff-reset", test_backoff_reset);
  g_test_add_func ("/transport-mqtt/silent-broker", test_silent_broker);
  g_test_add_func ("/transport-mqtt/silent-host", test_silent_host);
  g_test_add_data_func ("/transport-mqtt/credentials/5", "5", test_credentials);
  g_test_add_data_func ("/transport-mqtt/credentials/3.1.1", "3.1.1", test_credentials);
  g_test_add_func ("/transport-mqtt/taken-over", test_taken_over);
  g_test_add_func ("/transport-mqtt/twins", test_twins);
  g_test_add_func ("/transport-mqtt/fallback", test_fallback);
  g_test_add_func ("/transport-mqtt/refusals", test_refusals);
  g_test_add_data_func ("/transport-mqtt/suback/5", "5", test_suback);
  g_test_add_data_func ("/transport-mqtt/suback/3.1.1", "3.1.1", test_suback);
  g_test_add_func ("/transport-mqtt/no-broker", test_no_broker);
  g_test_add_func ("/transport-mqtt/stop-anywhere", test_stop_anywhere);
  g_test_add_func ("/transport-mqtt/restart-at-once", test_restart_at_once);
  g_test_add_func ("/transport-mqtt/ipv6", test_ipv6);
  g_test_add_func ("/transport-mqtt/unknown-host", test_unknown_host);
  return g_test_run ();
}
