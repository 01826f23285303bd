/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */

/* What the MQTT transport costs over bare libmosquitto with the same packets:
 * messages a second from a writer to a reader, and a round trip through an echo,
 * each side a process of its own. One JSON line a figure. */
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mkv-bench.h"
#include "mkv-mosquitto.h"
#include "mkv-transport-mqtt.h"

#define PAYLOAD_BYTES 200
#define WINDOW 100
#define N_MESSAGES 100000
#define N_ROUND_TRIPS 5000
#define N_WARM_UP 200

typedef struct
{
  guint16 port;
  int ready;  /* the partner closes it when it has subscribed */
  int result; /* seconds, as double, from the reader */
} Setting;

typedef void (*Role) (const Setting *setting);

static char payload[PAYLOAD_BYTES];

static void
tell_ready (const Setting *setting)
{
  g_assert_cmpint (write (setting->ready, "r", 1), ==, 1);
}

static void
tell_result (const Setting *setting, gint64 start)
{
  double seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;

  g_assert_cmpint (write (setting->result, &seconds, sizeof seconds), ==, sizeof seconds);
}

/* Bare libmosquitto. */

static guint n_received, n_published, n_acknowledged;
static gint64 first;
static gboolean subscribed;
static double *samples;
static gint64 sent_at;

static void
bare_on_subscribe (struct mosquitto *mosq, void *user_data, int mid, int n, const int *granted)
{
  subscribed = TRUE;
}

static struct mosquitto *
bare_connect (const Setting *setting, const char *id, const char *topic, gpointer user_data)
{
  struct mosquitto *mosq = mosquitto_new (id, true, user_data);

  mosquitto_int_option (mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option (mosq, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option (mosq, MOSQ_OPT_RECEIVE_MAXIMUM, WINDOW);
  mosquitto_int_option (mosq, MOSQ_OPT_SEND_MAXIMUM, WINDOW);
  mosquitto_subscribe_callback_set (mosq, bare_on_subscribe);
  g_assert_cmpint (mosquitto_connect (mosq, "127.0.0.1", setting->port, 60), ==, MOSQ_ERR_SUCCESS);
  if (topic != NULL)
    {
      mosquitto_subscribe (mosq, NULL, topic, 1);
      while (!subscribed)
        g_assert_cmpint (mosquitto_loop (mosq, -1, 1), ==, MOSQ_ERR_SUCCESS);
    }
  return mosq;
}

static void
bare_count (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message)
{
  if (n_received++ == 0)
    first = g_get_monotonic_time ();
}

static void
bare_reader (const Setting *setting)
{
  struct mosquitto *mosq = bare_connect (setting, "reader", "bench/events", NULL);

  mosquitto_message_callback_set (mosq, bare_count);
  tell_ready (setting);
  while (n_received < N_MESSAGES)
    g_assert_cmpint (mosquitto_loop (mosq, -1, 1), ==, MOSQ_ERR_SUCCESS);
  tell_result (setting, first);
  mosquitto_destroy (mosq);
}

static void
bare_publish_next (struct mosquitto *mosq)
{
  if (n_published++ < N_MESSAGES)
    mosquitto_publish (mosq, NULL, "bench/events", PAYLOAD_BYTES, payload, 1, false);
}

static void
bare_on_publish (struct mosquitto *mosq, void *user_data, int mid)
{
  n_acknowledged++;
  bare_publish_next (mosq);
}

static void
bare_writer (const Setting *setting)
{
  struct mosquitto *mosq = bare_connect (setting, "writer", NULL, NULL);

  mosquitto_publish_callback_set (mosq, bare_on_publish);
  for (guint i = 0; i < WINDOW; i++)
    bare_publish_next (mosq);
  while (n_acknowledged < N_MESSAGES)
    g_assert_cmpint (mosquitto_loop (mosq, -1, 1), ==, MOSQ_ERR_SUCCESS);
  mosquitto_destroy (mosq);
}

static void
bare_answer (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message)
{
  mosquitto_publish (mosq, NULL, "bench/res", PAYLOAD_BYTES, payload, 1, false);
}

static void
bare_echo (const Setting *setting)
{
  struct mosquitto *mosq = bare_connect (setting, "echo", "bench/cmd", NULL);

  mosquitto_message_callback_set (mosq, bare_answer);
  tell_ready (setting);
  for (;;)
    mosquitto_loop (mosq, -1, 1);
}

static void
take_sample (void)
{
  gint64 now = g_get_monotonic_time ();

  if (sent_at != 0)
    samples[n_received++] = (double) (now - sent_at);
  sent_at = now;
}

static void
bare_ask_next (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message)
{
  take_sample ();
  mosquitto_publish (mosq, NULL, "bench/cmd", PAYLOAD_BYTES, payload, 1, false);
}

static void
bare_asker (const Setting *setting)
{
  struct mosquitto *mosq = bare_connect (setting, "asker", "bench/res", NULL);

  mosquitto_message_callback_set (mosq, bare_ask_next);
  bare_ask_next (mosq, NULL, NULL);
  while (n_received < N_ROUND_TRIPS)
    g_assert_cmpint (mosquitto_loop (mosq, -1, 1), ==, MOSQ_ERR_SUCCESS);
  mosquitto_destroy (mosq);
}

/* The transport. */

static void
on_state (MkvTransport *transport, int state, gboolean session_present, GError *error, int *place)
{
  g_assert_no_error (error);
  *place = state;
}

static void
on_subscribed (MkvTransport *transport, const char *topic, GError *error)
{
  g_assert_no_error (error);
  subscribed = TRUE;
}

static MkvTransport *
ours_connect (const Setting *setting, const char *id, const char *topic)
{
  MkvTransport *transport = g_object_new (MKV_TYPE_TRANSPORT_MQTT, NULL);
  g_autofree char *uri = g_strdup_printf ("mqtt://127.0.0.1:%u", setting->port);
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (GError) error = NULL;
  GVariantDict options;
  int state = MKV_TRANSPORT_STOPPED;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "client-id", "s", id);
  g_variant_dict_insert (&options, "broker", "s", uri);
  g_variant_dict_insert (&options, "max-inflight", "u", WINDOW);
  g_signal_connect (transport, "state", G_CALLBACK (on_state), &state);
  g_signal_connect (transport, "subscribed", G_CALLBACK (on_subscribed), NULL);
  mkv_transport_start (transport, g_variant_dict_end (&options), NULL, clock, &error);
  g_assert_no_error (error);
  while (state != MKV_TRANSPORT_CONNECTED)
    g_main_context_iteration (NULL, TRUE);
  if (topic != NULL)
    {
      mkv_transport_subscribe (transport, topic, FALSE, &error);
      g_assert_no_error (error);
      while (!subscribed)
        g_main_context_iteration (NULL, TRUE);
    }
  return transport;
}

static void
ours_count (MkvTransport *transport, MkvMessage *message)
{
  bare_count (NULL, NULL, NULL);
}

static void
ours_reader (const Setting *setting)
{
  g_autoptr (MkvTransport) transport = ours_connect (setting, "reader", "bench/events");

  g_signal_connect (transport, "message", G_CALLBACK (ours_count), NULL);
  tell_ready (setting);
  while (n_received < N_MESSAGES)
    g_main_context_iteration (NULL, TRUE);
  tell_result (setting, first);
}

static void
ours_send (MkvTransport *transport, const char *topic, guint id)
{
  g_autoptr (GBytes) octets = g_bytes_new_static (payload, sizeof payload);
  g_autoptr (MkvMessage) message = mkv_message_new (topic, octets);
  g_autoptr (GError) error = NULL;

  mkv_transport_publish (transport, message, id, &error);
  g_assert_no_error (error);
}

static void
ours_on_published (MkvTransport *transport, guint id, int reason)
{
  g_assert_cmpint (reason, ==, 0);
  n_acknowledged++;
  if (n_published++ < N_MESSAGES)
    ours_send (transport, "bench/events", 1);
}

static void
ours_writer (const Setting *setting)
{
  g_autoptr (MkvTransport) transport = ours_connect (setting, "writer", NULL);

  g_signal_connect (transport, "published", G_CALLBACK (ours_on_published), NULL);
  for (n_published = 0; n_published < WINDOW; n_published++)
    ours_send (transport, "bench/events", 1);
  while (n_acknowledged < N_MESSAGES)
    g_main_context_iteration (NULL, TRUE);
}

static void
ours_answer (MkvTransport *transport, MkvMessage *message)
{
  ours_send (transport, "bench/res", 0);
}

static void
ours_echo (const Setting *setting)
{
  g_autoptr (MkvTransport) transport = ours_connect (setting, "echo", "bench/cmd");

  g_signal_connect (transport, "message", G_CALLBACK (ours_answer), NULL);
  tell_ready (setting);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static void
ours_ask_next (MkvTransport *transport, MkvMessage *message)
{
  take_sample ();
  ours_send (transport, "bench/cmd", 0);
}

static void
ours_asker (const Setting *setting)
{
  g_autoptr (MkvTransport) transport = ours_connect (setting, "asker", "bench/res");

  g_signal_connect (transport, "message", G_CALLBACK (ours_ask_next), NULL);
  ours_ask_next (transport, NULL);
  while (n_received < N_ROUND_TRIPS)
    g_main_context_iteration (NULL, TRUE);
}

/* Runs a pair of roles, each in its own process; gives what one of them wrote. */

static pid_t
start (Role role, const Setting *setting)
{
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid > 0)
    return pid;
  signal (SIGTERM, SIG_DFL);
  role (setting);
  _exit (0);
}

static double
run (Role partner, Role role, guint16 port, gboolean wait_for_partner)
{
  int ready[2], result[2];
  double figure = 0;
  pid_t partner_pid, pid;
  Setting setting;
  char octet;

  g_assert_cmpint (pipe (ready), ==, 0);
  g_assert_cmpint (pipe (result), ==, 0);
  setting = (Setting){ port, ready[1], result[1] };
  partner_pid = start (partner, &setting);
  g_assert_cmpint (read (ready[0], &octet, 1), ==, 1);
  pid = start (role, &setting);
  g_assert_cmpint (read (result[0], &figure, sizeof figure), ==, sizeof figure);
  if (!wait_for_partner)
    kill (partner_pid, SIGTERM);
  g_assert_cmpint (waitpid (partner_pid, NULL, 0), ==, partner_pid);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  close (ready[0]);
  close (ready[1]);
  close (result[0]);
  close (result[1]);
  return figure;
}

static void
tell_median (const Setting *setting)
{
  double median = mkv_bench_median (samples + N_WARM_UP, N_ROUND_TRIPS - N_WARM_UP);

  g_assert_cmpint (write (setting->result, &median, sizeof median), ==, sizeof median);
}

static void
bare_asker_and_median (const Setting *setting)
{
  bare_asker (setting);
  tell_median (setting);
}

static void
ours_asker_and_median (const Setting *setting)
{
  ours_asker (setting);
  tell_median (setting);
}

int
main (int argc, char **argv)
{
  MkvMosquittoOptions options = { .max_queued = 100000 };
  g_autoptr (MkvMosquitto) mosquitto = NULL;
  double bare, ours;
  gboolean met;
  guint16 port;

  g_test_init (&argc, &argv, NULL);
  mosquitto = mkv_mosquitto_new (&options);
  if (mosquitto == NULL)
    return 77;
  port = mkv_mosquitto_get_port (mosquitto);
  samples = g_new (double, N_ROUND_TRIPS + 1);

  bare = N_MESSAGES / run (bare_reader, bare_writer, port, TRUE);
  ours = N_MESSAGES / run (ours_reader, ours_writer, port, TRUE);
  met = mkv_bench_report ("transport-mqtt-messages", "1/s", ours, bare, "at-least", 0.55);
  bare = run (bare_echo, bare_asker_and_median, port, FALSE);
  ours = run (ours_echo, ours_asker_and_median, port, FALSE);
  met = mkv_bench_report ("transport-mqtt-round-trip", "us", ours, bare, "at-most", 1.5) && met;
  g_free (samples);
  return met ? 0 : 1;
}
