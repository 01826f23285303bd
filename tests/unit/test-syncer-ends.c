/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Anti-entropy that is stopped, or loses its connection, in the midst of what it
 * does: nothing is left of it, and nobody is told anything any more. */
#include "base/mkv-error.h"
#include "mkv-replica.h"
#include "mkv-stranger.h"

#define URI "loopback://ends"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define SECOND ((gint64) G_USEC_PER_SEC)
#define N_KEYS 1500
#define N_OFFERS 2500

static const char *const signals[] = { "session-started", "session-progress", "session-ended", "state-changed",
                                       "peers-changed" };

typedef enum
{
  BOOTSTRAP_TO, /* the node that is ended gets everything, */
  BOOTSTRAP_OF, /* or has it */
  BOTH,         /* both have what the other lacks */
  ANSWERER,     /* a turn of a stranger's takes several steps to read, */
  STARTER,      /* in a session of theirs, or of the node's */
  N_SCENES
} Scene;

typedef enum
{
  STOP,  /* between two iterations of the loop */
  FREE,
  CUT,   /* the connection */
  N_WAYS
} Way;

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvReplica *replicas[2]; /* the first is the one that ends */
  MkvStranger *stranger;   /* NULL where the other replica is the peer */
  guint n_told[G_N_ELEMENTS (signals)];
  guint signal;     /* that stops it, */
  guint at;         /* the so manieth time; 0 for never */
  gboolean stopped;
} World;

static void
on_told (World *w, guint i)
{
  g_assert_false (w->stopped);
  if (++w->n_told[i] == w->at && i == w->signal)
    {
      mkv_syncer_stop (w->replicas[0]->syncer);
      w->stopped = TRUE;
    }
}

static void
on_started (MkvSyncer *syncer, const char *client_id, gboolean starter, World *w)
{
  on_told (w, 0);
}

static void
on_progress (MkvSyncer *syncer, const char *client_id, guint64 n, World *w)
{
  on_told (w, 1);
}

static void
on_ended (MkvSyncer *syncer, const char *client_id, guint64 n, gboolean equal, World *w)
{
  on_told (w, 2);
}

static void
on_state_changed (MkvSyncer *syncer, World *w)
{
  on_told (w, 3);
}

static void
on_peers_changed (MkvSyncer *syncer, World *w)
{
  on_told (w, 4);
}

static void
set_keys (MkvReplica *replica, const char *stem)
{
  g_autofree char *value = g_strnfill (200, 'v');

  for (guint i = 0; i < N_KEYS; i++)
    {
      g_autofree char *key = g_strdup_printf ("%s-%u", stem, i);

      mkv_replica_set (replica, key, value);
    }
}

static void
set_up (World *w, Scene scene)
{
  const GCallback callbacks[] = { G_CALLBACK (on_started), G_CALLBACK (on_progress), G_CALLBACK (on_ended),
                                  G_CALLBACK (on_state_changed), G_CALLBACK (on_peers_changed) };

  *w = (World){ 0 };
  w->clock = mkv_manual_clock_new (NOW);
  w->broker = mkv_loopback_broker_get (URI);
  w->replicas[0] = mkv_replica_new ("me", w->clock, NULL);
  w->replicas[1] = mkv_replica_new ("other", w->clock, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_signal_connect (w->replicas[0]->syncer, signals[i], callbacks[i], w);
  /* Nothing comes as events. */
  mkv_loopback_broker_set_reason (w->broker, MKV_LOOPBACK_RECEIVE, NULL, "t/replication/events", 0x80);
  if (scene >= ANSWERER)
    {
      w->stranger = mkv_stranger_new ("stranger", "t", URI, w->clock);
      mkv_replica_set (w->replicas[0], "mine", "value");
      return;
    }
  if (scene != BOOTSTRAP_TO)
    set_keys (w->replicas[0], "mine");
  if (scene != BOOTSTRAP_OF)
    set_keys (w->replicas[1], "theirs");
}

/* Of keys that the node has not, which it has to look up first. */
static void
tell_offers (World *w, const char *id)
{
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id);
  g_autoptr (GBytes) offers = mkv_stranger_make_noise (1, N_OFFERS * MKV_OFFER_BYTES);

  mkv_sync_message_set_offer (message, offers);
  mkv_stranger_tell (w->stranger, "me", message);
}

/* Their times are long past, so that none is young. */
static void
start (World *w, Scene scene)
{
  mkv_test_advance (w->clock, 10 * SECOND);
  if (scene >= ANSWERER)
    {
      mkv_replica_start (w->replicas[0], URI, NULL);
      mkv_replicas_run (w->replicas, 2, w->clock, 5 * SECOND);
    }
  if (scene == ANSWERER)
    tell_offers (w, "session");
  if (scene == STARTER)
    mkv_stranger_tell_root (w->stranger, 1);
  if (scene >= ANSWERER)
    return;
  mkv_replica_start (w->replicas[1], URI, NULL);
  mkv_replicas_run (w->replicas, 2, w->clock, 5 * SECOND);
  mkv_replica_start (w->replicas[0], URI, NULL);
}

/* Until a session is begun, and @n iterations of the loop in which something
 * happened more. FALSE if it has ended meanwhile. */
static gboolean
run_into (World *w, guint n)
{
  gint64 end = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) + 20 * SECOND;

  while (w->n_told[2] == 0)
    {
      gboolean is_begun = w->n_told[0] > 0;

      if (w->stranger != NULL)
        {
          g_autoptr (MkvSyncMessage) message = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);

          if (message != NULL)
            tell_offers (w, mkv_sync_message_get_id (message));
        }
      if (is_begun && n == 0)
        return TRUE;
      if (!g_main_context_iteration (NULL, FALSE))
        {
          mkv_replica_let_writes_pass (w->replicas[0]->store);
          mkv_replica_let_writes_pass (w->replicas[1]->store);
          if (!g_main_context_pending (NULL) && !mkv_test_step (w->clock, end))
            return FALSE;
        }
      n -= is_begun ? 1 : 0;
    }
  return FALSE;
}

static void
tear_down (World *w)
{
  for (guint i = 0; i < 2; i++)
    {
      gpointer watch[3] = { NULL };

      if (w->replicas[i] == NULL)
        continue;
      watch[0] = w->replicas[i]->syncer;
      watch[1] = w->replicas[i]->router;
      watch[2] = w->replicas[i]->transport;
      for (guint n = 0; n < G_N_ELEMENTS (watch); n++)
        g_object_add_weak_pointer (watch[n], &watch[n]);
      if (i == 0)
        mkv_syncer_stop (w->replicas[0]->syncer);
      w->stopped = TRUE;
      mkv_replica_free (w->replicas[i]);
      for (guint n = 0; n < G_N_ELEMENTS (watch); n++)
        g_assert_null (watch[n]);
      w->replicas[i] = NULL;
    }
  g_clear_pointer (&w->stranger, mkv_stranger_free);
  g_assert_finalize_object (w->broker);
  g_assert_finalize_object (w->clock);
}

static gboolean
are_equal (gpointer user_data)
{
  World *w = user_data;
  g_autofree char *mine = mkv_replica_describe (w->replicas[0]);
  g_autofree char *theirs = mkv_replica_describe (w->replicas[1]);

  return g_str_equal (mine, theirs);
}

static void
end (World *w, Way way)
{
  guint n_written;

  switch (way)
    {
    case STOP:
      mkv_syncer_stop (w->replicas[0]->syncer);
      /* Every session has its end, that of the last told by stopping. */
      g_assert_cmpuint (w->n_told[0], ==, w->n_told[2]);
      g_assert_false (mkv_syncer_is_in_sync (w->replicas[0]->syncer));
      w->stopped = TRUE;
      mkv_replicas_run (w->replicas, 2, w->clock, SECOND);
      n_written = mkv_replica_count (w->replicas[0], MKV_COUNTER_SYNC_APPLIED);
      mkv_replicas_run (w->replicas, 2, w->clock, 90 * SECOND);
      g_assert_cmpuint (mkv_replica_count (w->replicas[0], MKV_COUNTER_SYNC_APPLIED), ==, n_written);
      break;

    case FREE:
      break;

    case CUT:
      mkv_loopback_broker_cut (w->broker, "me");
      mkv_test_iterate ();
      mkv_loopback_broker_heal (w->broker, "me");
      if (w->stranger == NULL)
        g_assert_true (mkv_replicas_run_until (w->replicas, 2, w->clock, 120 * SECOND, are_equal, w));
      mkv_replicas_run (w->replicas, 2, w->clock, 60 * SECOND);
      g_assert_cmpuint (w->n_told[0], ==, w->n_told[2]);
      break;

    case N_WAYS:
    default:
      g_assert_not_reached ();
    }
}

static void
test_ways (gconstpointer data)
{
  guint scene = GPOINTER_TO_UINT (data) / N_WAYS, way = GPOINTER_TO_UINT (data) % N_WAYS;
  gboolean is_within = TRUE;
  guint n;

  g_test_summary ("A session is ended from outside at every iteration of the loop that it takes: nothing is left, "
                  "nobody is told any more, and after a lost connection the next one brings the rest");
  for (n = 0; is_within; n += 1 + n / 8)
    {
      World w;

      set_up (&w, scene);
      start (&w, scene);
      is_within = run_into (&w, n);
      if (is_within)
        end (&w, way);
      tear_down (&w);
    }
  g_test_message ("%u iterations", n);
  g_assert_cmpuint (n, >=, 4);
}

static void
test_signals (gconstpointer data)
{
  guint scene = GPOINTER_TO_UINT (data);

  g_test_summary ("Whoever is told of something may stop it there and then");
  for (guint signal = 0; signal < G_N_ELEMENTS (signals); signal++)
    for (guint at = 1; at <= 3; at++)
      {
        World w;

        set_up (&w, scene);
        w.signal = signal;
        w.at = at;
        start (&w, scene);
        mkv_replicas_run (w.replicas, 2, w.clock, 90 * SECOND);
        if (at == 1 && scene <= BOTH && !(scene == BOOTSTRAP_OF && g_str_equal (signals[signal], "session-progress")))
          g_assert_true (w.stopped);
        tear_down (&w);
      }
}

typedef struct
{
  MkvSyncer *syncer;
  guint n_told;
} Caller;

static void
on_synced (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Caller *caller = user_data;
  g_autoptr (GError) error = NULL;

  mkv_syncer_sync_finish (MKV_SYNCER (source), result, &error);
  caller->n_told++;
  mkv_syncer_stop (caller->syncer);
}

static void
test_requests (void)
{
  g_test_summary ("The first of three who wait stops it: the others are told, each once");
  for (guint n_peers = 0; n_peers < 2; n_peers++)
    {
      World w;
      Caller caller;

      set_up (&w, BOTH);
      start (&w, BOTH);
      mkv_replicas_run (w.replicas, 2, w.clock, SECOND / 100);
      caller = (Caller){ .syncer = w.replicas[0]->syncer };
      for (guint i = 0; i < 3; i++)
        mkv_syncer_sync_async (caller.syncer, n_peers > 0 ? "other" : NULL, NULL, on_synced, &caller);
      mkv_replicas_run (w.replicas, 2, w.clock, 60 * SECOND);
      g_assert_cmpuint (caller.n_told, ==, 3);
      tear_down (&w);
    }
}

int
main (int argc, char **argv)
{
  static const char *const scenes[] = { "bootstrap-to", "bootstrap-of", "both", "answerer",
                                        "starter" }, *const ways[] = { "stop", "free", "cut" };

  mkv_test_init (&argc, &argv, 280);
  for (guint scene = 0; scene < N_SCENES; scene++)
    {
      g_autofree char *path = g_strdup_printf ("/syncer-ends/signals/%s", scenes[scene]);

      g_test_add_data_func (path, GUINT_TO_POINTER (scene), test_signals);
      for (guint way = 0; way < N_WAYS; way++)
        {
          g_autofree char *name = g_strdup_printf ("/syncer-ends/%s/%s", ways[way], scenes[scene]);

          g_test_add_data_func (name, GUINT_TO_POINTER (scene * N_WAYS + way), test_ways);
        }
    }
  g_test_add_func ("/syncer-ends/requests", test_requests);
  return g_test_run ();
}
