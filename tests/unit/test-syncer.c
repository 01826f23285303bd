/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Anti-entropy between replicas over the loopback transport, in virtual time. */
#include "base/mkv-error.h"
#include "mkv-replica.h"

#define URI "loopback://syncer"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define N 3

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvReplica *replicas[N];
} World;

static void
set_up (World *world, gconstpointer data)
{
  world->clock = mkv_manual_clock_new (NOW);
  world->broker = mkv_loopback_broker_get (URI);
  mkv_loopback_broker_set_delay (world->broker, 1000, 1000);
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *id = g_strdup_printf ("r%u", i);

      world->replicas[i] = mkv_replica_new (id, world->clock, NULL);
    }
}

static void
tear_down (World *world, gconstpointer data)
{
  for (guint i = 0; i < N; i++)
    mkv_replica_free (world->replicas[i]);
  g_object_unref (world->broker);
  g_object_unref (world->clock);
}

static void
run (World *world, gint64 seconds)
{
  mkv_replicas_run (world->replicas, N, world->clock, seconds * G_USEC_PER_SEC);
}

static void
start_all (World *world)
{
  for (guint i = 0; i < N; i++)
    mkv_replica_start (world->replicas[i], URI, NULL);
}

static gboolean
are_equal (gpointer user_data)
{
  World *world = user_data;
  g_autofree char *first = mkv_replica_describe (world->replicas[0]);

  for (guint i = 1; i < N; i++)
    {
      g_autofree char *other = mkv_replica_describe (world->replicas[i]);

      if (!g_str_equal (first, other))
        return FALSE;
    }
  return TRUE;
}

static void
assert_equal_within (World *world, gint64 seconds)
{
  gboolean equal = mkv_replicas_run_until (world->replicas, N, world->clock, seconds * G_USEC_PER_SEC, are_equal,
                                           world);
  g_autofree char *first = mkv_replica_describe (world->replicas[0]);

  for (guint i = 1; i < N && !equal; i++)
    {
      g_autofree char *other = mkv_replica_describe (world->replicas[i]);

      g_assert_cmpstr (other, ==, first);
    }
}

static void
set_many (World *world, guint replica, const char *stem, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%s-%u", stem, i);

      mkv_replica_set (world->replicas[replica], key, stem);
    }
}

/* Nothing of what is published arrives. */
static void
deafen (World *world, gboolean deaf)
{
  if (deaf)
    mkv_loopback_broker_set_reason (world->broker, MKV_LOOPBACK_RECEIVE, NULL, "t/replication/events", 0x80);
  else
    mkv_loopback_broker_clear_reasons (world->broker);
}

static guint
count_sessions (World *world)
{
  guint n = 0;

  for (guint i = 0; i < N; i++)
    n += mkv_replica_count (world->replicas[i], MKV_COUNTER_SYNC_SESSIONS);
  return n;
}

static void
test_differences (World *world, gconstpointer data)
{
  g_test_summary ("What no event brought, on any side, deletes too, comes by anti-entropy");
  start_all (world);
  run (world, 1);
  set_many (world, 0, "both", 300);
  run (world, 5);
  deafen (world, TRUE);
  set_many (world, 0, "zero", 20);
  set_many (world, 1, "one", 30);
  mkv_replica_delete (world->replicas[2], "both-7");
  mkv_replica_set (world->replicas[1], "both-8", "newer");
  run (world, 3);
  g_assert_false (are_equal (world));
  deafen (world, FALSE);
  assert_equal_within (world, 20);
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (mkv_replica_count (world->replicas[i], MKV_COUNTER_SYNC_IGNORED), ==, 0);
}

static void
test_bootstrap (World *world, gconstpointer data)
{
  g_test_summary ("An empty replica gets everything");
  set_many (world, 0, "key", 3000);
  mkv_replica_start (world->replicas[0], URI, NULL);
  run (world, 5);
  mkv_replica_start (world->replicas[1], URI, NULL);
  mkv_replica_start (world->replicas[2], URI, NULL);
  assert_equal_within (world, 30);
}

static void
test_rest (World *world, gconstpointer data)
{
  guint64 sent = 0;

  g_test_summary ("Equal replicas start no session, and say next to nothing");
  start_all (world);
  run (world, 1);
  set_many (world, 0, "key", 100);
  run (world, 600);
  g_assert_true (are_equal (world));
  for (guint i = 0; i < N; i++)
    {
      g_assert_true (mkv_syncer_is_in_sync (world->replicas[i]->syncer));
      sent += mkv_replica_count (world->replicas[i], MKV_COUNTER_MESSAGES_SENT);
    }
  g_assert_cmpuint (count_sessions (world), ==, 0);
  run (world, 3600);
  for (guint i = 0; i < N; i++)
    sent -= mkv_replica_count (world->replicas[i], MKV_COUNTER_MESSAGES_SENT);
  g_test_message ("%u messages in an hour", (guint) -sent);
  g_assert_cmpuint ((guint) -sent, <=, 40);
}

static void
test_request (World *world, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) peers = NULL;

  g_test_summary ("Who asks for a sync is told how much it brought");
  mkv_syncer_sync_async (world->replicas[0]->syncer, NULL, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  g_assert_cmpint (mkv_syncer_sync_finish (world->replicas[0]->syncer, result, &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_clear_object (&result);

  start_all (world);
  deafen (world, TRUE);
  set_many (world, 1, "key", 50);
  run (world, 3);
  deafen (world, FALSE);
  mkv_syncer_sync_async (world->replicas[0]->syncer, "r1", NULL, mkv_test_store_result, &result);
  for (guint i = 0; i < 100 && result == NULL; i++)
    mkv_replicas_run (world->replicas, N, world->clock, G_USEC_PER_SEC / 10);
  g_assert_nonnull (result);
  g_assert_cmpint (mkv_syncer_sync_finish (world->replicas[0]->syncer, result, &error), ==, 50);
  g_assert_no_error (error);
  peers = g_variant_ref_sink (mkv_syncer_list_peers (world->replicas[0]->syncer));
  g_assert_cmpuint (g_variant_n_children (peers), >=, 1);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
#define ADD(path, func) g_test_add ("/syncer/" path, World, NULL, set_up, func, tear_down)
  ADD ("differences", test_differences);
  ADD ("bootstrap", test_bootstrap);
  ADD ("rest", test_rest);
  ADD ("request", test_request);
  return g_test_run ();
}
