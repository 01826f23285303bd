/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * One writer and one reader through mosquitto, each a process of its own: this
 * program again, in a role. A role says "ready" on its standard output, starts
 * with the line it gets, and says "done" when it is. What it is held against is
 * libmosquitto alone, driven by mosquitto_loop(), with the same packets.
 */
#include <cbor.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "mkv-bench.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-mosquitto.h"
#include "mkv-storage-memory.h"
#include "mkv-transport-mqtt.h"
#include "base/mkv-limits.h"
#include "replication/mkv-applier-private.h"
#include "replication/mkv-publisher-private.h"

#define WINDOW 100
#define VALUE_BYTES 200
#define KEY_FORMAT "key-%010u"
#define EVENTS_TOPIC "bench/replication/events"
#define RAW_TOPIC "bench/raw"

#define N_ROUNDS 5
#define N_SINGLE 30000
#define N_BATCHED 300000

/* What a role is told on its command line. */
typedef struct
{
  gboolean reader;
  guint16 port;
  guint n_entries;
  guint max_batch;
} Role;

static GBytes *
new_value (void)
{
  guint8 octets[VALUE_BYTES];

  for (guint i = 0; i < VALUE_BYTES; i++)
    octets[i] = (guint8) ('a' + i % 26);
  return g_bytes_new (octets, sizeof octets);
}

static void
say (const char *text)
{
  printf ("%s\n", text);
  fflush (stdout);
}

static void
say_done (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  printf ("done %.6f\n", (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                             (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  fflush (stdout);
}

static void
wait_for_go (void)
{
  char line[16];

  if (fgets (line, sizeof line, stdin) == NULL)
    exit (1);
}

static MkvLocalStore *
new_store (const char *node_id, MkvClock *clock, MkvObserver *observer, gboolean outbox)
{
  const MkvStorePolicy policy = {
    .durability = MKV_DURABILITY_NONE,
    .outbox = outbox,
    .skew_max_future = 300000,
  };
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store = mkv_local_store_new_full (storage, node_id, clock, observer, &policy, &error);

  g_assert_no_error (error);
  return store;
}

static void
set (MkvLocalStore *store, guint index, GBytes *value)
{
  g_autoptr (GError) error = NULL;
  char key[32];

  g_snprintf (key, sizeof key, KEY_FORMAT, index);
  mkv_store_set (MKV_STORE (store), key, value, NULL, &error);
  g_assert_no_error (error);
}

/* MerkleKV */

static void
on_subscribed (MkvTransport *transport, const char *topic, const GError *error, gpointer user_data)
{
  gboolean *subscribed = user_data;

  g_assert_no_error (error);
  *subscribed = *subscribed || g_str_equal (topic, EVENTS_TOPIC);
}

static gboolean
on_tick (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static int
run_replica (const Role *role)
{
  const char *id = role->reader ? "reader" : "writer";
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_autoptr (MkvLocalStore) store = new_store (id, clock, observer, TRUE);
  g_autoptr (MkvTransport) transport = g_object_new (MKV_TYPE_TRANSPORT_MQTT, NULL);
  g_autoptr (MkvCodec) json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  g_autoptr (MkvCodec) cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvCodec) locked_spec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_autoptr (MkvRouter) router = NULL;
  g_autoptr (MkvPublisher) publisher = NULL;
  g_autoptr (MkvApplier) applier = NULL;
  g_autoptr (GBytes) value = new_value ();
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = g_strdup_printf ("mqtt://127.0.0.1:%u", role->port);
  g_autoptr (GVariant) options = NULL;
  gboolean subscribed = FALSE;
  GVariantDict dict;

  router = mkv_router_new (transport, json, cbor, locked_spec, "bench", id, id, clock, observer);
  publisher = mkv_publisher_new (store, router, cbor, cbor, clock, observer);
  mkv_publisher_set_compression (publisher, MKV_COMPRESSION_OFF);
  mkv_publisher_set_max_batch (publisher, role->max_batch);
  applier = mkv_applier_new (store, router, clock, observer);
  g_signal_connect (transport, "subscribed", G_CALLBACK (on_subscribed), &subscribed);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", uri);
  g_variant_dict_insert (&dict, "max-inflight", "u", (guint) WINDOW);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  mkv_router_start (router, options, &error);
  g_assert_no_error (error);
  while (!subscribed)
    g_main_context_iteration (NULL, TRUE);
  say ("ready");

  g_timeout_add (1, on_tick, NULL);
  if (role->reader)
    while (mkv_observer_get_count (observer, MKV_COUNTER_EVENTS_APPLIED) < role->n_entries)
      g_main_context_iteration (NULL, TRUE);
  else
    {
      wait_for_go ();
      for (guint i = 0; i < role->n_entries; i++)
        {
          set (store, i, value);
          if (i % 256 == 255)
            while (g_main_context_iteration (NULL, FALSE))
              ;
        }
      while (mkv_observer_get_count (observer, MKV_COUNTER_EVENTS_PUBLISHED) < role->n_entries ||
             !mkv_publisher_is_drained (publisher))
        g_main_context_iteration (NULL, TRUE);
    }
  say_done ();
  wait_for_go ();
  return 0;
}

/* libmosquitto alone */

typedef struct
{
  const Role *role;
  MkvLocalStore *store; /* NULL where packets alone are counted */
  GBytes *value;
  guint per_packet;
  guint n_acked;
  guint n_received; /* packets */
  gboolean connected;
  gboolean subscribed;
} Raw;

static guint8 *
write_text (guint8 *p, guint8 *end, const char *text)
{
  gsize length = strlen (text);

  p += cbor_encode_string_start (length, p, (gsize) (end - p));
  memcpy (p, text, length);
  return p + length;
}

/* The octets of an event, without a codec. */
static gsize
encode_event (guint8 *buffer, gsize size, guint index, GBytes *value)
{
  static const guint8 checksum[MKV_CHECKSUM_BYTES];
  guint8 *p = buffer, *end = buffer + size;
  char key[32];

#define HEAD(kind, number) p += cbor_encode_##kind (number, p, (gsize) (end - p))
#define TEXT(text) p = write_text (p, end, text)
  g_snprintf (key, sizeof key, KEY_FORMAT, index);
  HEAD (map_start, 7);
  TEXT ("op");
  TEXT ("SET");
  TEXT ("key");
  TEXT (key);
  TEXT ("seq");
  HEAD (uint, G_GINT64_CONSTANT (1740000000000000) + index);
  TEXT ("value");
  HEAD (string_start, g_bytes_get_size (value));
  memcpy (p, g_bytes_get_data (value, NULL), g_bytes_get_size (value));
  p += g_bytes_get_size (value);
  TEXT ("node_id");
  TEXT ("writer");
  TEXT ("checksum");
  HEAD (bytestring_start, sizeof checksum);
  memcpy (p, checksum, sizeof checksum);
  p += sizeof checksum;
  TEXT ("timestamp");
  HEAD (uint, G_GINT64_CONSTANT (1740000000000));
#undef TEXT
#undef HEAD
  return (gsize) (p - buffer);
}

/* Reads everything in @octets, item for item. */
static void
decode_events (const guint8 *octets, gsize length)
{
  gsize at = 0;

  while (at < length)
    {
      struct cbor_decoder_result result =
          cbor_stream_decode (octets + at, length - at, &cbor_empty_callbacks, NULL);

      g_assert_cmpint (result.status, ==, CBOR_DECODER_FINISHED);
      at += result.read;
    }
}

static void
on_raw_connect (struct mosquitto *client, void *user_data, int reason, int flags, const mosquitto_property *list)
{
  ((Raw *) user_data)->connected = TRUE;
}

static void
on_raw_subscribe (struct mosquitto *client, void *user_data, int id, int n, const int *granted,
                  const mosquitto_property *list)
{
  ((Raw *) user_data)->subscribed = TRUE;
}

static void
on_raw_publish (struct mosquitto *client, void *user_data, int id, int reason, const mosquitto_property *list)
{
  ((Raw *) user_data)->n_acked++;
}

static void
on_raw_message (struct mosquitto *client, void *user_data, const struct mosquitto_message *message,
                const mosquitto_property *list)
{
  Raw *raw = user_data;

  if (raw->store != NULL)
    {
      decode_events (message->payload, (gsize) message->payloadlen);
      for (guint i = 0; i < raw->per_packet; i++)
        set (raw->store, raw->n_received * raw->per_packet + i, raw->value);
    }
  raw->n_received++;
}

static void
loop (struct mosquitto *client)
{
  int code = mosquitto_loop (client, 1000, WINDOW);

  if (code != MOSQ_ERR_SUCCESS)
    g_error ("mosquitto_loop: %s", mosquitto_strerror (code));
}

/* Makes packet @index in @buffer. */
static gsize
fill_packet (Raw *raw, guint8 *buffer, gsize size, guint index)
{
  gsize length = 0;

  if (raw->per_packet > 1)
    length = cbor_encode_array_start (raw->per_packet, buffer, size);
  for (guint i = 0; i < raw->per_packet; i++)
    {
      guint entry = index * raw->per_packet + i;

      if (raw->store != NULL)
        set (raw->store, entry, raw->value);
      if (raw->store != NULL || index == 0)
        length += encode_event (buffer + length, size - length, entry, raw->value);
    }
  return length;
}

static void
publish_all (Raw *raw, struct mosquitto *client, guint n_packets)
{
  g_autofree guint8 *buffer = g_malloc (MKV_MAX_PAYLOAD_BYTES);
  gsize length = 0;
  guint n_sent = 0;

  while (raw->n_acked < n_packets)
    {
      while (n_sent < n_packets && n_sent - raw->n_acked < WINDOW)
        {
          if (raw->store != NULL || n_sent == 0)
            length = fill_packet (raw, buffer, MKV_MAX_PAYLOAD_BYTES, n_sent);
          mosquitto_publish_v5 (client, NULL, RAW_TOPIC, (int) length, buffer, 1, FALSE, NULL);
          n_sent++;
        }
      loop (client);
    }
}

static int
run_raw (const Role *role)
{
  const char *id = role->reader ? "raw-reader" : "raw-writer";
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_autoptr (MkvLocalStore) store = role->max_batch > 1 ? new_store (id, clock, observer, FALSE) : NULL;
  g_autoptr (GBytes) value = new_value ();
  Raw raw = { .role = role, .store = store, .value = value };
  struct mosquitto *client;
  guint8 event[1024];
  guint n_packets;

  /* As many as a payload of 64 KiB holds. */
  raw.per_packet = (guint) MIN (role->max_batch,
                                (MKV_MAX_EVENTS_BYTES - 3) / encode_event (event, sizeof event, 0, value));
  n_packets = role->n_entries / raw.per_packet;
  mosquitto_lib_init ();
  client = mosquitto_new (id, TRUE, &raw);
  mosquitto_int_option (client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option (client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option (client, MOSQ_OPT_RECEIVE_MAXIMUM, WINDOW);
  mosquitto_int_option (client, MOSQ_OPT_SEND_MAXIMUM, WINDOW);
  mosquitto_connect_v5_callback_set (client, on_raw_connect);
  mosquitto_subscribe_v5_callback_set (client, on_raw_subscribe);
  mosquitto_publish_v5_callback_set (client, on_raw_publish);
  mosquitto_message_v5_callback_set (client, on_raw_message);
  if (mosquitto_connect (client, "127.0.0.1", role->port, 60) != MOSQ_ERR_SUCCESS)
    g_error ("cannot connect");
  while (!raw.connected)
    loop (client);
  if (role->reader)
    {
      mosquitto_subscribe (client, NULL, RAW_TOPIC, 1);
      while (!raw.subscribed)
        loop (client);
    }
  say ("ready");
  if (role->reader)
    while (raw.n_received < n_packets)
      loop (client);
  else
    {
      wait_for_go ();
      publish_all (&raw, client, n_packets);
    }
  say_done ();
  wait_for_go ();
  return 0;
}

/* The one who starts them */

typedef struct
{
  GSubprocess *process;
  GDataInputStream *output;
} Child;

static const char *program;

static void
child_start (Child *child, const char *role, guint16 port, guint n_entries, guint max_batch)
{
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  g_autofree char *entries_text = g_strdup_printf ("%u", n_entries);
  g_autofree char *batch_text = g_strdup_printf ("%u", max_batch);
  g_autoptr (GError) error = NULL;

  child->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                                     program, role, port_text, entries_text, batch_text, NULL);
  g_assert_no_error (error);
  child->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child->process));
}

static char *
child_expect (Child *child, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (child->output, NULL, NULL, &error);

  g_assert_no_error (error);
  if (line == NULL || !g_str_has_prefix (line, word))
    g_error ("a process said “%s” and not “%s”", line != NULL ? line : "", word);
  return g_steal_pointer (&line);
}

static void
child_go (Child *child)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_subprocess_get_stdin_pipe (child->process), "go\n", 3, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Takes the seconds of CPU that the child said it used. */
static double
child_end (Child *child)
{
  g_autofree char *line = child_expect (child, "done ");
  g_autoptr (GError) error = NULL;

  child_go (child);
  g_subprocess_wait_check (child->process, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&child->output);
  g_clear_object (&child->process);
  return g_ascii_strtod (line + strlen ("done "), NULL);
}

/* How many entries a second came through. */
static double
run_round (const char *kind, guint16 port, guint n_entries, guint max_batch, double *cpu)
{
  g_autofree char *writer_role = g_strconcat (kind, "writer", NULL);
  g_autofree char *reader_role = g_strconcat (kind, "reader", NULL);
  Child writer, reader;
  double start, end;

  child_start (&reader, reader_role, port, n_entries, max_batch);
  g_free (child_expect (&reader, "ready"));
  child_start (&writer, writer_role, port, n_entries, max_batch);
  g_free (child_expect (&writer, "ready"));
  start = mkv_bench_now ();
  child_go (&writer);
  cpu[0] = child_end (&writer);
  cpu[1] = child_end (&reader);
  end = mkv_bench_now ();
  return n_entries / ((end - start) / 1e9);
}

static gboolean
compare (const char *name, guint16 port, guint n_entries, guint max_batch, double bar, double least)
{
  g_autofree char *raw_name = g_strconcat (name, "-libmosquitto", NULL);
  g_autofree char *writer_name = g_strconcat (name, "-cpu-of-writer", NULL);
  g_autofree char *reader_name = g_strconcat (name, "-cpu-of-reader", NULL);
  double rates[N_ROUNDS], raw_rates[N_ROUNDS], writer_cpu[N_ROUNDS], reader_cpu[N_ROUNDS];
  double rate, raw_rate, cpu[2];
  gboolean met = TRUE;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      raw_rates[i] = run_round ("raw-", port, n_entries, max_batch, cpu);
      rates[i] = run_round ("", port, n_entries, max_batch, cpu);
      writer_cpu[i] = cpu[0] * 1e6 / n_entries;
      reader_cpu[i] = cpu[1] * 1e6 / n_entries;
    }
  rate = mkv_bench_median (rates, N_ROUNDS);
  raw_rate = mkv_bench_median (raw_rates, N_ROUNDS);
  mkv_bench_report (raw_name, "entries/s", raw_rate, 0, NULL, 0);
  mkv_bench_report (writer_name, "us/entry", mkv_bench_median (writer_cpu, N_ROUNDS), 0, NULL, 0);
  mkv_bench_report (reader_name, "us/entry", mkv_bench_median (reader_cpu, N_ROUNDS), 0, NULL, 0);
  if (least > 0)
    met = mkv_bench_report (name, "entries/s", rate, 0, "at-least", least);
  return mkv_bench_report (name, "entries/s", rate, raw_rate, "at-least", bar) && met;
}

static int
run_role (char **argv)
{
  const char *name = argv[1];
  gboolean raw = g_str_has_prefix (name, "raw-");
  Role role = {
    .reader = g_str_has_suffix (name, "reader"),
    .port = (guint16) atoi (argv[2]),
    .n_entries = (guint) atoi (argv[3]),
    .max_batch = (guint) atoi (argv[4]),
  };

  return raw ? run_raw (&role) : run_replica (&role);
}

int
main (int argc, char **argv)
{
  /* mosquitto's own limits must not be what is measured. */
  const MkvMosquittoOptions options = { .max_queued = 1000000, .extra = "max_inflight_messages 100" };
  g_autoptr (MkvMosquitto) broker = NULL;
  gboolean met;
  guint16 port;

  if (argc == 5)
    return run_role (argv);
  program = argv[0];
  broker = mkv_mosquitto_new (&options);
  if (broker == NULL)
    return 77;
  port = mkv_mosquitto_get_port (broker);
  met = compare ("replication-one-by-one", port, N_SINGLE, 1, 0.55, 0);
  met = compare ("replication-batched", port, N_BATCHED, MKV_MAX_EVENTS, 0.6, 120000) && met;
  return met ? 0 : 1;
}
