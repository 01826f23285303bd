/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Random pairs of replicas become equal, whatever differs. `--pairs N` makes N
 * of them, `--seed S` begins with another seed than 1; the seed of a pair that
 * fails is in its message, and `--pairs 1 --seed S` plays it again. */
#include <stdlib.h>
#include <string.h>

#include "mkv-codec-cbor.h"
#include "mkv-sync-peer.h"
#include "mkv-test.h"

#define NOW G_GINT64_CONSTANT (1700000100000)
#define MAX_ENTRIES (3000)

/* After that many sessions without loss a pair has to be equal: one finds what
 * young, future and graves leave, one more what their going brings. */
#ifdef MKV_SABOTAGED_CELLS
#define MAX_SESSIONS (30) /* NODES come when cells move nothing any more */
#else
#define MAX_SESSIONS (6)
#endif

static MkvCodec *codec;
static GPtrArray *pool; /* what both have at first */
static guint first_seed = 1;
static guint n_pairs;

static MkvEntry *
make_entry (const char *key, const char *value, gint64 timestamp, const char *node, gint64 seq)
{
  g_autoptr (GBytes) octets = value != NULL ? g_bytes_new (value, strlen (value)) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, octets, timestamp, node, seq, &error);

  g_assert_no_error (error);
  return entry;
}

static void
put (MkvSyncPeer *peer, const char *key, const char *value, gint64 timestamp, gint64 seq)
{
  g_autoptr (MkvEntry) entry = make_entry (key, value, timestamp, peer->name, seq);

  mkv_sync_peer_put (peer, entry);
}

/* Makes one difference. */
static void
differ (GRand *rand, MkvSyncPeer *peers[2], guint n_entries, guint i)
{
  guint side = (guint) g_rand_int_range (rand, 0, 2);
  MkvSyncPeer *peer = peers[side], *other = peers[1 - side];
  g_autofree char *new_key = g_strdup_printf ("new-%u", i);
  const char *key = n_entries == 0 ? new_key
                                   : mkv_entry_get_key (pool->pdata[g_rand_int_range (rand, 0, (gint) n_entries)]);
  gint64 timestamp = NOW - g_rand_int_range (rand, 0, 1000000);
  gint64 seq = 10000 + i;

  switch (g_rand_int_range (rand, 0, 12))
    {
    case 0: /* one more */
    case 1:
      put (peer, new_key, "v", timestamp, seq);
      break;
    case 2: /* a newer version */
    case 3:
    case 4:
      put (peer, key, "w", timestamp, seq);
      break;
    case 5: /* a newer version on both */
      put (peer, key, "x", timestamp, seq);
      put (other, key, "y", timestamp + g_rand_int_range (rand, 0, 2), seq);
      break;
    case 6: /* a tombstone */
      put (peer, key, NULL, timestamp, seq);
      break;
    case 7: /* one of a key that the other never had */
      put (peer, new_key, NULL, timestamp, seq);
      break;
    case 8: /* a grave, of a key that lives on the other side */
      put (peer, key, NULL, peer->horizon - 1 - g_rand_int_range (rand, 0, 1000), seq);
      put (other, key, "z", peer->horizon - 5000, seq);
      break;
    case 9: /* a grave of nothing */
      put (peer, new_key, NULL, peer->horizon - 1, seq);
      break;
    case 10: /* young */
      put (peer, new_key, "young", timestamp, seq);
      g_hash_table_add (peer->young, g_strdup (new_key));
      break;
    case 11: /* later than a clock allows, at least that of the other */
    default:
      put (peer, new_key, "future", peer->now + 299999 + g_rand_int_range (rand, 0, 2), seq);
      break;
    }
}

/* For every key, what wins of what there was. */
static void
add_expected (GHashTable *expected, MkvSyncPeer *peer)
{
  GHashTableIter iter;
  gpointer key, entry;

  g_hash_table_iter_init (&iter, peer->entries);
  while (g_hash_table_iter_next (&iter, &key, &entry))
    {
      MkvEntry *other = g_hash_table_lookup (expected, key);

      if (other == NULL || mkv_entry_compare (entry, other) > 0)
        g_hash_table_replace (expected, (gpointer) mkv_entry_get_key (entry), mkv_entry_ref (entry));
    }
}

static void
assert_expected (GHashTable *expected, MkvSyncPeer *peer, guint seed)
{
  GHashTableIter iter;
  gpointer key, entry;

  g_hash_table_iter_init (&iter, expected);
  while (g_hash_table_iter_next (&iter, &key, &entry))
    {
      MkvEntry *here = g_hash_table_lookup (peer->entries, key);

      /* A tombstone that is in no tree need not come where there is nothing. */
      if (here == NULL && mkv_entry_is_tombstone (entry))
        continue;
      if (here == NULL || mkv_entry_compare (here, entry) != 0)
        g_error ("seed %u: %s has not what won of %s", seed, peer->name, (char *) key);
    }
}

/* Mostly few, sometimes up to @most. */
static guint
choose_number (GRand *rand, guint most)
{
  double u = g_rand_double (rand);

  return (guint) (most * u * u * u * u * u);
}

typedef struct
{
  guint n_nodes;
  guint n_sessions;
} Totals;

static void
run_pair (guint seed, double loss, Totals *totals)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint n_entries = choose_number (rand, MAX_ENTRIES), n_differences = 1 + choose_number (rand, n_entries + 50);
  gint64 offset = g_rand_int_range (rand, 0, 8) == 0 ? g_rand_int_range (rand, -600000, 600001) : 0;
  g_autoptr (MkvSyncPeer) a = mkv_sync_peer_new ("a", NOW);
  g_autoptr (MkvSyncPeer) b = mkv_sync_peer_new ("b", NOW + offset);
  g_autoptr (GHashTable) expected = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                                           (GDestroyNotify) mkv_entry_unref);
  MkvSyncPeer *peers[] = { a, b };
  guint only = (guint) g_rand_int_range (rand, 0, 12), n;
  MkvSyncNet net;

  for (guint i = 0; i < n_entries; i++)
    for (guint side = 0; side < 2; side++)
      if (only != side) /* sometimes one is empty at first */
        mkv_sync_peer_put (peers[side], pool->pdata[i]);
  for (guint i = 0; i < n_differences; i++)
    differ (rand, peers, n_entries, i);
  add_expected (expected, a);
  add_expected (expected, b);

  mkv_sync_net_init (&net, a, b, codec, seed);
  net.loss = loss;
  net.duplication = loss;
  net.reordering = loss > 0 ? 0.2 : 0;
  net.max_messages = 4000;
  if (g_rand_boolean (rand))
    net.max_bytes = 4096;
  for (n = 0; n < MAX_SESSIONS + (loss > 0 ? 60 : 0); n++)
    {
      mkv_sync_net_run (&net, (guint) g_rand_int_range (rand, 0, 2), g_rand_boolean (rand));
      totals->n_sessions++;
      if (n == 0)
        {
          /* Time makes of young and future entries what others are. */
          g_hash_table_remove_all (a->young);
          g_hash_table_remove_all (b->young);
          mkv_sync_peer_set_time (a, NOW + 1200000);
          mkv_sync_peer_set_time (b, NOW + 1200000);
        }
      else if (mkv_sync_peer_is_equal (a, b))
        break;
    }
  if (!mkv_sync_peer_is_equal (a, b))
    g_error ("seed %u: %u entries with %u differences are not equal after %u sessions", seed, n_entries,
             n_differences, n);
  assert_expected (expected, a, seed);
  assert_expected (expected, b, seed);
  totals->n_nodes += net.n_nodes > 0;
  mkv_sync_net_clear (&net);
}

static void
test_pairs (void)
{
  Totals totals = { 0 };

  g_test_summary ("Random pairs of replicas become equal, with what won of each key; few by NODES.");

  for (guint i = 0; i < n_pairs; i++)
    run_pair (first_seed + i, 0, &totals);
  g_test_message ("%u pairs, %u sessions, %u through NODES", n_pairs, totals.n_sessions, totals.n_nodes);
#ifdef MKV_SABOTAGED_CELLS
  g_assert_cmpuint (totals.n_nodes, >, n_pairs / 10);
#else
  g_assert_cmpuint (totals.n_nodes, <=, n_pairs / 100);
#endif
}

static void
test_loss (void)
{
  Totals totals = { 0 };

  g_test_summary ("So they do where messages are lost, come twice and in another order.");

  for (guint i = 0; i < n_pairs / 5; i++)
    run_pair (first_seed + 500000 + i, 0.05, &totals);
}

int
main (int argc, char **argv)
{
  guint n = 2000;

  pool = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  for (guint i = 0; i < MAX_ENTRIES; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      g_ptr_array_add (pool, make_entry (key, "value", NOW - 2000000 + i, "base", i + 1));
    }
  /* Before GLib's own, which refuse what they don't know. */
  for (int i = 1; i + 1 < argc;)
    if (g_str_equal (argv[i], "--pairs") || g_str_equal (argv[i], "--seed"))
      {
        *(argv[i][2] == 'p' ? &n : &first_seed) = (guint) strtoul (argv[i + 1], NULL, 10);
        memmove (argv + i, argv + i + 2, sizeof *argv * (gsize) (argc - i - 1));
        argc -= 2;
      }
    else
      i++;
  n_pairs = n;
  mkv_test_init (&argc, &argv, 60 + n / 10);
  codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_test_add_func ("/sync/pairs", test_pairs);
  g_test_add_func ("/sync/pairs/loss", test_loss);
  return g_test_run ();
}
