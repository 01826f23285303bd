/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Without a network key anyone may open sessions under any name: replicas that
 * know each other converge all the same. */
#include "base/mkv-error.h"
#include "mkv-replica.h"
#include "mkv-stranger.h"

#define URI "loopback://strangers"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define SECOND ((gint64) G_USEC_PER_SEC)
#define PERIOD (SECOND / 200)

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvReplica *replicas[2];
  MkvStranger *stranger;
  GSource *flood;
  guint n_names;
  gboolean with_roots; /* the names announce roots, too */
} World;

static void
set_up (World *w, gconstpointer data)
{
  static const char *const ids[] = { "one", "two" };

  w->clock = mkv_manual_clock_new (NOW);
  w->broker = mkv_loopback_broker_get (URI);
  w->stranger = mkv_stranger_new ("stranger", "t", URI, w->clock);
  mkv_loopback_broker_set_delay (w->broker, 1000, 1000);
  for (guint i = 0; i < 2; i++)
    {
      w->replicas[i] = mkv_replica_new (ids[i], w->clock, NULL);
      mkv_replica_start (w->replicas[i], URI, NULL);
    }
}

static void
tear_down (World *w, gconstpointer data)
{
  if (w->flood != NULL)
    g_source_destroy (w->flood);
  g_clear_pointer (&w->flood, g_source_unref);
  for (guint i = 0; i < 2; i++)
    mkv_replica_free (w->replicas[i]);
  mkv_stranger_free (w->stranger);
  g_object_unref (w->broker);
  g_object_unref (w->clock);
}

static void
run (World *w, gint64 us)
{
  mkv_replicas_run (w->replicas, 2, w->clock, us);
}

/* One more name, a session of it with each, and no word after that. */
static gboolean
on_flood (gpointer user_data)
{
  World *w = user_data;

  g_free (w->stranger->id);
  w->stranger->id = g_strdup_printf ("made-up-%u", w->n_names++);
  if (w->with_roots && w->n_names % 40 == 0)
    mkv_stranger_tell_root (w->stranger, w->n_names);
  for (guint i = 0; i < 2; i++)
    {
      MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, "id");
      g_autoptr (GBytes) cells = mkv_stranger_make_noise (w->n_names, MKV_CELL_BYTES << 6);

      mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 6, cells));
      mkv_stranger_tell (w->stranger, w->replicas[i]->id, message);
    }
  g_clear_pointer (&w->flood, g_source_unref);
  w->flood = mkv_clock_add_timeout (MKV_CLOCK (w->clock), PERIOD, NULL, on_flood, w);
  return G_SOURCE_REMOVE;
}

static gboolean
are_equal (gpointer user_data)
{
  World *w = user_data;
  g_autofree char *one = mkv_replica_describe (w->replicas[0]);
  g_autofree char *two = mkv_replica_describe (w->replicas[1]);

  return g_str_equal (one, two);
}

static void
test_flood (World *w, gconstpointer data)
{
  g_test_summary ("A stranger opens 200 sessions a second with each of two replicas under made-up names: what they "
                  "differ in is healed within 10 s all the same, again and again");
  w->with_roots = data != NULL;
  run (w, SECOND);
  mkv_replica_set (w->replicas[0], "key", "value");
  run (w, 10 * SECOND);
  g_assert_true (mkv_syncer_is_in_sync (w->replicas[0]->syncer));
  on_flood (w);
  run (w, 20 * SECOND);
  for (guint round = 0; round < 5; round++)
    {
      gint64 begin;

      mkv_loopback_broker_set_reason (w->broker, MKV_LOOPBACK_RECEIVE, NULL, "t/replication/events", 0x80);
      for (guint i = 0; i < 40; i++)
        {
          g_autofree char *key = g_strdup_printf ("%u-%u", round, i);

          mkv_replica_set (w->replicas[i % 2], key, "value");
        }
      run (w, SECOND);
      g_assert_false (are_equal (w));
      mkv_loopback_broker_clear_reasons (w->broker);
      begin = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock));
      /* Nobody is the first to hear of it before this. */
      for (guint i = 0; i < 2; i++)
        mkv_syncer_sync_async (w->replicas[i]->syncer, NULL, NULL, NULL, NULL);
      mkv_replicas_run_until (w->replicas, 2, w->clock, 60 * SECOND, are_equal, w);
      g_test_message ("equal after %.2f s", (double) (mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) - begin) / SECOND);
      g_assert_cmpint (mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) - begin, <=, 10 * SECOND);
      run (w, 7 * SECOND);
    }
  g_assert_cmpuint (mkv_replica_count (w->replicas[0], MKV_COUNTER_SYNC_REFUSED), >, 1000);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  g_test_add ("/syncer-strangers/sessions", World, NULL, set_up, test_flood, tear_down);
  g_test_add ("/syncer-strangers/sessions-and-roots", World, GINT_TO_POINTER (1), set_up, test_flood, tear_down);
  return g_test_run ();
}
