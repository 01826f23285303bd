/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A command's round trip through a broker, from the call to its answer, against
 * an echo of messages of the same size by bare libmosquitto. Both ends are
 * processes of their own, TCP_NODELAY is on everywhere, QoS is 1. With the
 * arguments "echo PORT" and "node PORT" this program is the other end.
 *
 * All three processes run on one core first, and these figures are held to the
 * bar: what a round trip costs is then the work that is done for it. On several
 * cores it is, for both sides, mostly where the scheduler happens to put whom,
 * and how long a virtual machine takes to wake a core that sleeps: the bare echo
 * alone goes from 105 to 190 us from one second to the next. These figures are
 * reported.
 */
#include <merklekv.h>
#include <mosquitto.h>
#include <sched.h>
#include <string.h>

#include "mkv-bench.h"
#include "mkv-mosquitto.h"

#define N_CALLS 1000
#define N_ROUNDS 7
/* About what a GET, its answer and their MQTT properties take. */
#define ECHO_BYTES 160

static void
check (int rc)
{
  if (rc != MOSQ_ERR_SUCCESS)
    g_error ("libmosquitto: %s", mosquitto_strerror (rc));
}

static struct mosquitto *
connect_bare (const char *client_id, guint16 port, const char *topic, void *user_data,
              void (*on_message) (struct mosquitto *, void *, const struct mosquitto_message *))
{
  struct mosquitto *mosq = mosquitto_new (client_id, true, user_data);

  check (mosquitto_int_option (mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5));
  check (mosquitto_int_option (mosq, MOSQ_OPT_TCP_NODELAY, 1));
  mosquitto_message_callback_set (mosq, on_message);
  check (mosquitto_connect (mosq, "127.0.0.1", port, 60));
  check (mosquitto_subscribe (mosq, NULL, topic, 1));
  return mosq;
}

static void
echo (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message)
{
  check (mosquitto_publish (mosq, NULL, "bench/answer", message->payloadlen, message->payload, 1, false));
}

static void
count (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *message)
{
  ++*(guint *) user_data;
}

static int
run_echo (guint16 port)
{
  struct mosquitto *mosq;

  mosquitto_lib_init ();
  mosq = connect_bare ("bench-echo", port, "bench/question", NULL, echo);
  for (;;)
    if (mosquitto_loop (mosq, -1, 1) != MOSQ_ERR_SUCCESS)
      return 0;
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!mkv_node_start_finish (MKV_NODE (source), result, &error))
    g_error ("The node did not start: %s", error->message);
}

static MkvNode *
start_node (const char *client_id, guint16 port, const char *codec, gboolean replicates)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autofree char *broker = g_strdup_printf ("mqtt://127.0.0.1:%u", port);
  g_autoptr (GError) error = NULL;
  MkvNode *node;

  mkv_config_set (config, "node.client-id", client_id, &error);
  g_assert_no_error (error);
  mkv_config_set (config, "storage.backend", "memory", &error);
  g_assert_no_error (error);
  mkv_config_set (config, "replication.enabled", replicates ? "true" : "false", &error);
  g_assert_no_error (error);
  mkv_config_set (config, "commands.codec", codec, &error);
  g_assert_no_error (error);
  mkv_config_set (config, "transport.broker", broker, &error);
  g_assert_no_error (error);
  node = mkv_node_new (config);
  mkv_node_start_async (node, NULL, on_started, NULL);
  return node;
}

static void
run_node (guint16 port)
{
  g_autoptr (MkvNode) node = start_node ("bench-node", port, "cbor", TRUE);

  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static double
bare_round_trip (struct mosquitto *mosq, guint *n_answers)
{
  char payload[ECHO_BYTES];
  guint expected = *n_answers + 1;
  double start = mkv_bench_now ();

  memset (payload, 'x', sizeof payload);
  check (mosquitto_publish (mosq, NULL, "bench/question", sizeof payload, payload, 1, false));
  while (*n_answers < expected)
    check (mosquitto_loop (mosq, 1000, 1));
  return mkv_bench_now () - start;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  MkvResponse **response = user_data;

  *response = mkv_node_call_finish (MKV_NODE (source), result, &error);
  if (*response == NULL)
    g_error ("No answer: %s", error->message);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static double
round_trip (MkvNode *node, MkvCommand *command)
{
  MkvResponse *response = NULL;
  double start = mkv_bench_now ();

  mkv_command_set_id (command, NULL);
  mkv_node_call_async (node, "bench-node", command, 0, NULL, on_answer, &response);
  while (response == NULL)
    g_main_context_iteration (NULL, TRUE);
  start = mkv_bench_now () - start;
  if (mkv_response_get_status (response) != MKV_STATUS_OK)
    g_error ("The node answered %s", mkv_response_get_error_text (response));
  mkv_response_unref (response);
  return start;
}

static MkvCommand *
command_new (MkvOperation operation)
{
  g_autofree char *text = g_strnfill (100, 'v');
  g_autoptr (GBytes) value = g_bytes_new (text, strlen (text));
  MkvCommand *command = mkv_command_new (operation);

  mkv_command_set_key (command, "key-000000000001");
  if (operation == MKV_OPERATION_SET)
    mkv_command_set_value (command, value);
  return command;
}

static GSubprocess *
spawn (const char *self, const char *mode, guint16 port)
{
  g_autofree char *text = g_strdup_printf ("%u", port);
  g_autoptr (GError) error = NULL;
  GSubprocess *process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, self, mode, text, NULL);

  g_assert_no_error (error);
  return process;
}

static gboolean
is_online (MkvNode *node)
{
  return mkv_node_get_state (node) == MKV_NODE_ONLINE;
}

/* Until the other side has subscribed, nothing answers. */
static void
wait_for_answers (MkvNode *node, struct mosquitto *mosq, guint *n_answers)
{
  gboolean answered = FALSE;

  while (!is_online (node))
    g_main_context_iteration (NULL, TRUE);
  while (!answered)
    {
      g_autoptr (MkvCommand) ping = mkv_command_new (MKV_OPERATION_PING);
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (MkvResponse) response = NULL;

      mkv_node_call_async (node, "bench-node", ping, 200, NULL, store_result, &result);
      while (result == NULL)
        g_main_context_iteration (NULL, TRUE);
      response = mkv_node_call_finish (node, result, NULL);
      answered = response != NULL;
    }
  while (*n_answers == 0)
    {
      check (mosquitto_publish (mosq, NULL, "bench/question", 1, "x", 1, false));
      for (guint i = 0; i < 10 && *n_answers == 0; i++)
        check (mosquitto_loop (mosq, 20, 1));
    }
  for (guint i = 0; i < 20; i++)
    check (mosquitto_loop (mosq, 10, 1));
}

static gboolean
measure (const char *self, MkvMosquitto *broker, const char *where, const char *relation)
{
  static double bare[N_ROUNDS], get[N_ROUNDS], set[N_ROUNDS], get_json[N_ROUNDS], samples[N_CALLS];
  g_autoptr (MkvCommand) get_command = command_new (MKV_OPERATION_GET), set_command = command_new (MKV_OPERATION_SET);
  g_autoptr (GSubprocess) echo_process = NULL, node_process = NULL;
  g_autoptr (MkvNode) node = NULL, json_node = NULL;
  g_autofree char *get_name = g_strconcat ("command-get-p50", where, NULL);
  g_autofree char *json_name = g_strconcat ("command-get-json-p50", where, NULL);
  g_autofree char *set_name = g_strconcat ("command-set-p50", where, NULL);
  struct mosquitto *mosq;
  guint16 port = mkv_mosquitto_get_port (broker);
  guint n_answers = 0;
  double limit;
  gboolean good;

  echo_process = spawn (self, "echo", port);
  node_process = spawn (self, "node", port);
  node = start_node ("bench-caller", port, "cbor", FALSE);
  json_node = start_node ("bench-caller-json", port, "json", FALSE);
  mosq = connect_bare ("bench-asker", port, "bench/answer", &n_answers, count);
  wait_for_answers (node, mosq, &n_answers);
  round_trip (node, set_command);
  while (!is_online (json_node))
    g_main_context_iteration (NULL, TRUE);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      for (guint j = 0; j < N_CALLS; j++)
        samples[j] = bare_round_trip (mosq, &n_answers);
      bare[i] = mkv_bench_median (samples, N_CALLS);
      for (guint j = 0; j < N_CALLS; j++)
        samples[j] = round_trip (node, get_command);
      get[i] = mkv_bench_median (samples, N_CALLS);
      for (guint j = 0; j < N_CALLS; j++)
        samples[j] = round_trip (node, set_command);
      set[i] = mkv_bench_median (samples, N_CALLS);
      for (guint j = 0; j < N_CALLS; j++)
        samples[j] = round_trip (json_node, get_command);
      get_json[i] = mkv_bench_median (samples, N_CALLS);
      /* The bare client must not lose its connection while the other is busy. */
      check (mosquitto_loop (mosq, 0, 1));
    }
  limit = mkv_bench_median (bare, N_ROUNDS) / 1000;
  good = mkv_bench_report (get_name, "us", mkv_bench_median (get, N_ROUNDS) / 1000, limit, relation, 1.5);
  /* The codec that a node has if nothing is said. */
  good = mkv_bench_report (json_name, "us", mkv_bench_median (get_json, N_ROUNDS) / 1000, limit, relation, 1.5) && good;
  /* With its commit, its receipt, and the event that follows from it. */
  good = mkv_bench_report (set_name, "us", mkv_bench_median (set, N_ROUNDS) / 1000, limit, relation, 1.5) && good;
  g_subprocess_force_exit (echo_process);
  g_subprocess_force_exit (node_process);
  mosquitto_destroy (mosq);
  return good;
}

static void
use_cores (const cpu_set_t *cores)
{
  if (sched_setaffinity (0, sizeof *cores, cores) != 0)
    g_error ("sched_setaffinity: %s", g_strerror (errno));
}

static cpu_set_t
first_of (const cpu_set_t *cores)
{
  cpu_set_t one;
  int i = 0;

  while (!CPU_ISSET (i, cores))
    i++;
  CPU_ZERO (&one);
  CPU_SET (i, &one);
  return one;
}

int
main (int argc, char **argv)
{
  g_autoptr (MkvMosquitto) near = NULL, far = NULL;
  cpu_set_t all, one;
  gboolean good;

  if (argc == 3 && g_str_equal (argv[1], "echo"))
    return run_echo ((guint16) g_ascii_strtoull (argv[2], NULL, 10));
  if (argc == 3 && g_str_equal (argv[1], "node"))
    run_node ((guint16) g_ascii_strtoull (argv[2], NULL, 10));

  mosquitto_lib_init ();
  if (sched_getaffinity (0, sizeof all, &all) != 0)
    g_error ("sched_getaffinity: %s", g_strerror (errno));
  one = first_of (&all);
  use_cores (&one);
  near = mkv_mosquitto_new (NULL);
  if (near == NULL)
    return 77;
  good = measure (argv[0], near, "", "at-most");
  use_cores (&all);
  far = mkv_mosquitto_new (NULL);
  measure (argv[0], far, "-any-core", NULL);
  return good ? 0 : 1;
}
