/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Anti-entropy from end to end, through mosquitto, between two processes: this
 * program again, in a role. The holder has everything, and announces its root
 * when it is told to; the other one hears it and starts at once, without the
 * random wait that is there for many replicas. What is measured is the time from
 * the ROOT that was heard to the end of a session with equal roots.
 *
 * They talk to the one who started them by lines: on their standard input
 * `change N` (N keys are overwritten, and time passes until nobody counts them
 * as young), `announce`, `longest` and `end`; on their standard output `ready`,
 * `changed`, `equal SECONDS ENTRIES LONGEST`, `longest LONGEST`: how many seconds
 * the main loop was kept from its poll at most in the last session.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mkv-bench.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-storage-memory.h"
#include "mkv-transport-mqtt.h"
#include "sync/mkv-syncer-private.h"

#define N_ENTRIES 1000000
#define KEY_FORMAT "key-%012u" /* 16 octets */
#define VALUE_BYTES 100
#define THEN G_GINT64_CONSTANT (1700000000000)
#define GLOBAL_TOPIC "bench/antientropy/global"

/* A round trip costs so much each way where the way is long. */
#define DELAY_MS 50

#define HOUR (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

/* As long as entries are young, and a little. */
#define YOUNG_MS 2200

/* In a role */

typedef struct
{
  gboolean holder;
  MkvClock *clock;
  MkvObserver *observer;
  MkvStorage *storage;
  MkvLocalStore *store;
  MkvTransport *transport;
  MkvRouter *router;
  MkvSyncer *syncer;
  GMainLoop *loop;
  guint n_values;
  double heard_at; /* a ROOT */
} Replica;

/* When the main loop last polled, and how long it was away from that at most: in
 * time of the processor, or it would tell of who else there is. */
static double polled_at, longest;

static double
get_thread_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static gint
poll_and_measure (GPollFD *fds, guint n_fds, gint timeout)
{
  double now = get_thread_time ();
  gint n;

  if (polled_at > 0)
    longest = MAX (longest, now - polled_at);
  n = g_poll (fds, n_fds, timeout);
  polled_at = get_thread_time ();
  return n;
}

static void
say (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
say (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  printf ("\n");
  fflush (stdout);
}

static GBytes *
make_value (guint number)
{
  char text[VALUE_BYTES + 1];

  g_snprintf (text, sizeof text, "%0*u", VALUE_BYTES, number);
  return g_bytes_new (text, VALUE_BYTES);
}

/* The same in both processes, so that they start out equal. */
static void
fill (MkvStorage *storage)
{
  for (guint i = 0; i < N_ENTRIES;)
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
      g_autoptr (GError) error = NULL;

      for (guint n = 0; n < 10000; n++, i++)
        {
          g_autoptr (GBytes) value = make_value (i);
          g_autoptr (MkvEntry) entry = NULL;
          char key[32];

          g_snprintf (key, sizeof key, KEY_FORMAT, i);
          entry = mkv_entry_new (key, value, THEN, "origin", i + 1, &error);
          g_assert_no_error (error);
          mkv_storage_batch_put (batch, entry);
        }
      mkv_storage_apply (storage, batch, &error);
      g_assert_no_error (error);
    }
}

static void
on_message (MkvTransport *transport, MkvMessage *message, Replica *self)
{
  if (g_str_equal (mkv_message_get_topic (message), GLOBAL_TOPIC))
    self->heard_at = mkv_bench_now ();
}

static void
on_session_started (MkvSyncer *syncer, const char *peer, gboolean own, Replica *self)
{
  longest = 0;
  /* Later roots of the same session are not what it was started for. */
  g_signal_handlers_block_by_func (self->transport, on_message, self);
}

static void
on_session_ended (MkvSyncer *syncer, const char *peer, guint64 n_applied, gboolean equal, Replica *self)
{
  g_signal_handlers_unblock_by_func (self->transport, on_message, self);
  if (!self->holder)
    say ("%s %.6f %" G_GUINT64_FORMAT " %.6f", equal ? "equal" : "unequal",
         (mkv_bench_now () - self->heard_at) / 1e9, n_applied, MAX (longest, get_thread_time () - polled_at) / 1e9);
}

static void
on_subscribed (MkvTransport *transport, const char *topic, const GError *error, Replica *self)
{
  g_assert_no_error (error);
  if (g_str_equal (topic, GLOBAL_TOPIC))
    say ("ready");
}

static void
change (Replica *self, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) value = make_value (N_ENTRIES + self->n_values++);
      g_autoptr (GError) error = NULL;
      char key[32];

      g_snprintf (key, sizeof key, KEY_FORMAT, (guint) g_random_int_range (0, N_ENTRIES));
      mkv_store_set (MKV_STORE (self->store), key, value, NULL, &error);
      g_assert_no_error (error);
    }
}

static gboolean
on_not_young (gpointer user_data)
{
  Replica *self = user_data;
  guint8 root[MKV_DIGEST_BYTES];

  /* As a node has it that announced it. */
  mkv_contents_get_root (mkv_local_store_get_contents (self->store), root);
  say ("changed");
  return G_SOURCE_REMOVE;
}

static gboolean
on_line (gint fd, GIOCondition condition, gpointer user_data)
{
  Replica *self = user_data;
  char line[64];

  if (fgets (line, sizeof line, stdin) == NULL || g_str_has_prefix (line, "end"))
    g_main_loop_quit (self->loop);
  else if (g_str_has_prefix (line, "change "))
    {
      change (self, (guint) atoi (line + strlen ("change ")));
      g_timeout_add (YOUNG_MS, on_not_young, self);
    }
  else if (g_str_has_prefix (line, "longest"))
    say ("longest %.6f", longest / 1e9);
  else if (g_str_has_prefix (line, "announce"))
    mkv_syncer_sync_async (self->syncer, NULL, NULL, NULL, NULL);
  return G_SOURCE_CONTINUE;
}

static int
run_role (const char *role, guint16 port, gboolean empty)
{
  const MkvStorePolicy policy = { .durability = MKV_DURABILITY_NONE, .skew_max_future = 300000 };
  Replica self = { .holder = g_str_equal (role, "holder") };
  g_autoptr (MkvCodec) json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  g_autoptr (MkvCodec) cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvCodec) locked_spec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_autofree char *uri = g_strdup_printf ("mqtt://127.0.0.1:%u", port);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  guint8 root[MKV_DIGEST_BYTES];
  GVariantDict dict;

  setvbuf (stdin, NULL, _IONBF, 0);
  self.loop = g_main_loop_new (NULL, FALSE);
  self.clock = mkv_clock_new ();
  self.observer = mkv_observer_new (self.clock);
  self.storage = mkv_storage_memory_new ();
  if (!empty)
    fill (self.storage);
  self.store = mkv_local_store_new_full (self.storage, role, self.clock, self.observer, &policy, &error);
  g_assert_no_error (error);
  mkv_contents_get_root (mkv_local_store_get_contents (self.store), root);
  self.transport = g_object_new (MKV_TYPE_TRANSPORT_MQTT, NULL);
  g_signal_connect (self.transport, "message", G_CALLBACK (on_message), &self);
  g_signal_connect (self.transport, "subscribed", G_CALLBACK (on_subscribed), &self);
  self.router = mkv_router_new (self.transport, json, cbor, locked_spec, "bench", role, role, self.clock,
                                self.observer);
  self.syncer = mkv_syncer_new (self.store, self.router, cbor, self.clock, self.observer);
  g_signal_connect (self.syncer, "session-started", G_CALLBACK (on_session_started), &self);
  g_signal_connect (self.syncer, "session-ended", G_CALLBACK (on_session_ended), &self);
  /* The holder announces soon after it is told to, and then ever more seldom;
   * the other one does not announce anything. */
  mkv_syncer_set_policy (self.syncer, self.holder ? G_USEC_PER_SEC / 20 : HOUR, HOUR, 1000, 0,
                         policy.skew_max_future);
  mkv_syncer_set_max_wait (self.syncer, 0);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", uri);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  g_unix_fd_add (0, G_IO_IN | G_IO_HUP, on_line, &self);
  g_main_context_set_poll_func (NULL, poll_and_measure);
  mkv_router_start (self.router, options, &error);
  g_assert_no_error (error);
  g_main_loop_run (self.loop);
  /* All of its memory would take a while to free. */
  exit (0);
}

/* The one who starts them */

typedef struct
{
  GSubprocess *process;
  GDataInputStream *output;
} Child;

static const char *program;

static void
child_start (Child *child, const char *role, guint16 port, gboolean empty)
{
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  g_autoptr (GError) error = NULL;

  child->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                                     program, role, port_text, empty ? "empty" : "full", NULL);
  g_assert_no_error (error);
  child->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child->process));
}

static void
on_line_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

/* Iterates the context, where the relay is. */
static char *
child_expect (Child *child, const char *word)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  g_data_input_stream_read_line_async (child->output, G_PRIORITY_DEFAULT, NULL, on_line_read, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  line = g_data_input_stream_read_line_finish (child->output, result, NULL, &error);
  g_assert_no_error (error);
  if (line == NULL || !g_str_has_prefix (line, word))
    g_error ("a process said “%s” and not “%s”", line != NULL ? line : "", word);
  return g_steal_pointer (&line);
}

static void
child_say (Child *child, const char *line)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_subprocess_get_stdin_pipe (child->process), line, strlen (line), NULL, NULL,
                             &error);
  g_assert_no_error (error);
}

static void
child_end (Child *child)
{
  g_autoptr (GError) error = NULL;

  child_say (child, "end\n");
  g_subprocess_wait_check (child->process, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&child->output);
  g_clear_object (&child->process);
}

/* How long a main loop was busy at most, in ms. */
static double
get_longest (Child *child)
{
  g_autofree char *line = NULL;

  child_say (child, "longest\n");
  line = child_expect (child, "longest ");
  return g_ascii_strtod (line + strlen ("longest "), NULL) * 1e3;
}

/* How long it took the other one, in seconds. */
static double
wait_equal (Child *holder, Child *other, double *busy)
{
  g_autofree char *line = child_expect (other, "equal ");
  g_auto (GStrv) words = g_strsplit (line, " ", 4);

  *busy = MAX (g_ascii_strtod (words[3], NULL) * 1e3, get_longest (holder));
  return g_ascii_strtod (words[1], NULL);
}

static double
run_round (Child *holder, Child *other, guint n_changes, double *busy)
{
  g_autofree char *line = g_strdup_printf ("change %u\n", n_changes);

  child_say (holder, line);
  g_free (child_expect (holder, "changed"));
  child_say (holder, "announce\n");
  return wait_equal (holder, other, busy);
}

/* Both have everything, but for what the holder overwrites in each round. */
static gboolean
measure (const char *name, Child *holder, Child *other, guint n_changes, guint n_rounds, double bar)
{
  g_autofree double *times = g_new (double, n_rounds);
  g_autofree double *busy = g_new (double, n_rounds);
  g_autofree char *busy_name = g_strconcat (name, "-longest-iteration", NULL);

  for (guint i = 0; i < n_rounds; i++)
    times[i] = run_round (holder, other, n_changes, &busy[i]) * 1e3;
  mkv_bench_report (busy_name, "ms", mkv_bench_median (busy, n_rounds), 0, NULL, 0);
  return mkv_bench_report (name, "ms", mkv_bench_median (times, n_rounds), 0, "at-most", bar);
}

static gboolean
measure_bootstrap (Child *holder, guint16 port, guint n_rounds)
{
  g_autofree double *rates = g_new (double, n_rounds);
  g_autofree double *busy = g_new (double, n_rounds);

  for (guint i = 0; i < n_rounds; i++)
    {
      Child empty;

      child_start (&empty, "empty", port, TRUE);
      g_free (child_expect (&empty, "ready"));
      child_say (holder, "announce\n");
      rates[i] = N_ENTRIES / wait_equal (holder, &empty, &busy[i]);
      child_end (&empty);
    }
  mkv_bench_report ("sync-bootstrap-longest-iteration", "ms", mkv_bench_median (busy, n_rounds), 0, NULL, 0);
  return mkv_bench_report ("sync-bootstrap", "entries/s", mkv_bench_median (rates, n_rounds), 0, "at-least",
                           100000);
}

int
main (int argc, char **argv)
{
  /* mosquitto's own limits must not be what is measured. */
  const MkvMosquittoOptions options = { .max_queued = 1000000, .extra = "max_inflight_messages 100" };
  g_autoptr (MkvMosquitto) broker = NULL;
  g_autoptr (MkvRelay) relay = NULL;
  g_autoptr (GError) error = NULL;
  Child holder, other, far;
  gboolean met;
  guint16 port;

  if (argc == 4)
    return run_role (argv[1], (guint16) atoi (argv[2]), g_str_equal (argv[3], "empty"));
  program = argv[0];
  broker = mkv_mosquitto_new (&options);
  if (broker == NULL)
    return 77;
  port = mkv_mosquitto_get_port (broker);
  child_start (&holder, "holder", port, FALSE);
  child_start (&other, "other", port, FALSE);
  g_free (child_expect (&holder, "ready"));
  g_free (child_expect (&other, "ready"));
  met = measure ("sync-100-stale", &holder, &other, 100, 9, 20);
  met = measure ("sync-10000-stale", &holder, &other, 10000, 5, 200) && met;
  child_end (&other);
  child_end (&holder);

  relay = mkv_relay_new (port, &error);
  g_assert_no_error (error);
  mkv_relay_set_delay (relay, DELAY_MS, DELAY_MS);
  child_start (&holder, "holder", port, FALSE);
  child_start (&far, "far", mkv_relay_get_port (relay), FALSE);
  g_free (child_expect (&holder, "ready"));
  g_free (child_expect (&far, "ready"));
  met = measure ("sync-100-stale-far", &holder, &far, 100, 5, 600) && met;
  child_end (&far);

  met = measure_bootstrap (&holder, port, 3) && met;
  child_end (&holder);
  return met ? 0 : 1;
}
