/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-replica.h"
#include "mkv-test-storage.h"
#include "base/mkv-limits.h"

#define BROKER "loopback://replication"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define MS G_GINT64_CONSTANT (1000)
#define SECOND G_USEC_PER_SEC

#define N_SEEDS 6
#define MAX_REPLICAS 5
#define N_STEPS 120
#define N_KEYS 500

typedef struct
{
  GRand *random;
  guint32 seed;
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  guint n;
  MkvReplica *replicas[MAX_REPLICAS];
  MkvManualClock *clocks[MAX_REPLICAS];
  MkvTestStorage *storages[MAX_REPLICAS];
  guint n_values;
} World;

static guint
below (World *w, guint n)
{
  return (guint) g_rand_int_range (w->random, 0, (gint32) n);
}

static void
add_replica (World *w, guint i)
{
  g_autofree char *id = g_strdup_printf ("node-%u", i);
  MkvReplica *replica = mkv_replica_new (id, w->clocks[i], MKV_STORAGE (w->storages[i]));
  MkvCodec *codecs[] = { replica->cbor, replica->json, replica->locked_spec };
  GVariantDict options;

  mkv_publisher_set_codec (replica->publisher, codecs[below (w, 3)]);
  mkv_publisher_set_compression (replica->publisher, below (w, 3));
  mkv_publisher_set_batch_interval (replica->publisher, below (w, 3) * 10);
  mkv_publisher_set_max_batch (replica->publisher, below (w, 2) == 0 ? 1 : MKV_MAX_EVENTS);
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "max-inflight", "u", 1 + below (w, 20));
  mkv_replica_start (replica, BROKER, g_variant_dict_end (&options));
  w->replicas[i] = replica;
}

static World *
world_new (guint32 seed)
{
  World *w = g_new0 (World, 1);

  w->seed = seed;
  w->random = g_rand_new_with_seed (seed);
  w->clock = mkv_manual_clock_new (NOW);
  w->broker = mkv_loopback_broker_get (BROKER);
  mkv_loopback_broker_set_seed (w->broker, seed);
  mkv_loopback_broker_set_delay (w->broker, 0, below (w, 100) * MS);
  w->n = 2 + below (w, MAX_REPLICAS - 1);
  for (guint i = 0; i < w->n; i++)
    {
      w->clocks[i] = mkv_manual_clock_new_following (w->clock, (gint64) below (w, 120000) - 60000);
      w->storages[i] = mkv_test_storage_new ();
      add_replica (w, i);
    }
  return w;
}

static void
world_free (World *w)
{
  for (guint i = 0; i < w->n; i++)
    {
      mkv_replica_free (w->replicas[i]);
      g_object_unref (w->storages[i]);
      g_object_unref (w->clocks[i]);
    }
  g_assert_finalize_object (w->broker);
  g_object_unref (w->clock);
  g_rand_free (w->random);
  g_free (w);
}

static void
run (World *w, gint64 us)
{
  mkv_replicas_run (w->replicas, w->n, w->clock, us);
}

static gboolean
is_settled (gpointer user_data)
{
  World *w = user_data;

  for (guint i = 0; i < w->n; i++)
    if (!mkv_publisher_is_drained (w->replicas[i]->publisher) || !mkv_applier_is_idle (w->replicas[i]->applier) ||
        mkv_loopback_broker_get_waiting (w->broker, w->replicas[i]->id) > 0)
      return FALSE;
  return TRUE;
}

/* After a time without trouble all replicas hold the same, to the last stamp. */
static void
assert_converges (World *w)
{
  g_autofree char *first = NULL;

  mkv_loopback_broker_set_duplication (w->broker, 0);
  mkv_loopback_broker_set_reordering (w->broker, 0, 0);
  mkv_loopback_broker_heal (w->broker, NULL);
  for (guint i = 0; i < w->n; i++)
    mkv_test_storage_fail (w->storages[i], FALSE);
  /* A retry of what fails may be 32 s away, and one of a connection 60 s. */
  run (w, 100 * SECOND);
  if (!mkv_replicas_run_until (w->replicas, w->n, w->clock, 600 * SECOND, is_settled, w))
    g_error ("seed %u: not settled after 700 s", w->seed);
  first = mkv_replica_describe (w->replicas[0]);
  for (guint i = 0; i < w->n; i++)
    {
      g_autofree char *other = mkv_replica_describe (w->replicas[i]);

      if (!g_str_equal (first, other))
        g_error ("seed %u: node-0 holds\n%s\nnode-%u holds\n%s", w->seed, first, i, other);
      g_assert_cmpuint (mkv_replica_count_outbox (w->replicas[i]), ==, 0);
      if (mkv_observer_get_health (w->replicas[i]->observer) != MKV_HEALTH_OK)
        {
          g_auto (GStrv) conditions = mkv_observer_list_conditions (w->replicas[i]->observer);

          g_error ("seed %u: node-%u: %s", w->seed, i, conditions[0]);
        }
    }
}

static void
write_something (World *w, MkvReplica *replica)
{
  /* Some keys are written often, by many, and most once: what is lost must not
   * be made good by a later write. */
  g_autofree char *key = g_strdup_printf ("key-%u", below (w, 1 + below (w, N_KEYS)));

  if (below (w, 5) == 0)
    mkv_replica_delete (replica, key);
  else
    {
      g_autofree char *value = g_strdup_printf ("%u", w->n_values++);

      mkv_replica_set (replica, key, value);
    }
}

static void
crash (World *w, guint i)
{
  mkv_replica_free (w->replicas[i]);
  mkv_test_storage_fail (w->storages[i], FALSE);
  add_replica (w, i);
}

/* One random thing happens to a random replica. */
static void
step (World *w)
{
  guint i = below (w, w->n);

  switch (below (w, 20))
    {
    case 11:
      mkv_loopback_broker_cut (w->broker, w->replicas[i]->id);
      break;
    case 12:
      mkv_loopback_broker_heal (w->broker, w->replicas[i]->id);
      break;
    case 13:
      crash (w, i);
      break;
    case 14:
      mkv_loopback_broker_set_duplication (w->broker, below (w, 2) * 0.3);
      break;
    case 15:
      mkv_loopback_broker_set_reordering (w->broker, below (w, 2) * 0.3, below (w, 500) * MS);
      break;
    case 16:
      mkv_test_storage_fail (w->storages[i], TRUE);
      run (w, below (w, 5000) * MS);
      if (below (w, 2) == 0)
        crash (w, i);
      mkv_test_storage_fail (w->storages[i], FALSE);
      break;
    case 17:
      run (w, below (w, 10000) * MS);
      break;
    default:
      for (guint n = 1 + below (w, 10); n > 0; n--)
        write_something (w, w->replicas[i]);
      run (w, below (w, 100) * MS);
    }
}

static void
test_simple (void)
{
  World *w = world_new (7);

  g_test_summary ("What is written on one replica is soon on all others");
  run (w, SECOND);
  for (guint i = 0; i < w->n; i++)
    {
      g_autofree char *key = g_strdup_printf ("from-%u", i);

      mkv_replica_set (w->replicas[i], key, "v");
    }
  run (w, SECOND);
  for (guint i = 0; i < w->n; i++)
    g_assert_cmpuint (mkv_replica_count (w->replicas[i], MKV_COUNTER_EVENTS_APPLIED), ==, w->n - 1);
  assert_converges (w);
  world_free (w);
}

static void
test_converges (gconstpointer data)
{
  World *w = world_new (GPOINTER_TO_UINT (data));

  g_test_summary ("Duplicates, reordering, partitions, crashes and failing storages end in equal replicas");
  /* Everybody has subscribed once; from then on the sessions keep everything. */
  run (w, SECOND);
  for (guint i = 0; i < N_STEPS; i++)
    step (w);
  assert_converges (w);
  world_free (w);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);
  g_test_add_func ("/replication/simple", test_simple);
  for (guint seed = 1; seed <= N_SEEDS; seed++)
    {
      g_autofree char *path = g_strdup_printf ("/replication/converges/%u", seed);

      g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_converges);
    }
  return g_test_run ();
}
