/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Memory storage through the public synchronous API, with the tree kept, against a GHashTable under
 * a mutex in the same run: 100,000 keys of 16 octets with values of 100, in
 * random order, on one thread.
 */
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "mkv-bench.h"
#include "mkv-storage-memory.h"
#include "store/mkv-local-store-private.h"

#define N_KEYS 100000
#define KEY_BYTES 16
#define VALUE_BYTES 100
#define N_ROUNDS 9
#define SEED 20240229
/* The context is iterated after so many writes, and that is counted. */
#define WRITES_PER_ITERATION 256

static char keys[N_KEYS][KEY_BYTES + 1];
static guint order[N_KEYS];
static GBytes *values[2][N_KEYS];
static guint n_changed;

static void
make_data (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  char octets[VALUE_BYTES];

  for (guint i = 0; i < N_KEYS; i++)
    {
      g_snprintf (keys[i], sizeof keys[i], "key-%012u", i);
      order[i] = i;
      for (guint v = 0; v < 2; v++)
        {
          for (guint j = 0; j < VALUE_BYTES; j++)
            octets[j] = (char) g_rand_int_range (rand, 'a', 'z' + 1);
          values[v][i] = g_bytes_new (octets, VALUE_BYTES);
        }
    }
  for (guint i = N_KEYS - 1; i > 0; i--)
    {
      guint j = (guint) g_rand_int_range (rand, 0, (gint32) i + 1), other = order[i];

      order[i] = order[j];
      order[j] = other;
    }
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  n_changed++;
}

static double
store_get (MkvStore *store)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_KEYS; i++)
    g_bytes_unref (mkv_store_get (store, keys[order[i]], NULL, NULL));
  return (mkv_bench_now () - start) / N_KEYS;
}

static double
store_set (MkvStore *store, guint round)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_KEYS; i++)
    {
      if (!mkv_store_set (store, keys[order[i]], values[round % 2][order[i]], NULL, NULL))
        g_error ("A write failed");
      if (i % WRITES_PER_ITERATION == 0)
        while (g_main_context_iteration (NULL, FALSE))
          ;
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return (mkv_bench_now () - start) / N_KEYS;
}

static double
table_get (GHashTable *table, GMutex *mutex)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_KEYS; i++)
    {
      GBytes *value;

      g_mutex_lock (mutex);
      value = g_bytes_ref (g_hash_table_lookup (table, keys[order[i]]));
      g_mutex_unlock (mutex);
      g_bytes_unref (value);
    }
  return (mkv_bench_now () - start) / N_KEYS;
}

/* What the digest of an entry is made of, beside the value. */
#define ENTRY_BYTES (VALUE_BYTES + 55)

static double
table_set (GHashTable *table, GMutex *mutex, guint round)
{
  double start = mkv_bench_now ();
  guint8 entry[ENTRY_BYTES] = { 0 }, digest[32];

  for (guint i = 0; i < N_KEYS; i++)
    {
      GBytes *value = values[round % 2][order[i]];

      memcpy (entry, keys[order[i]], KEY_BYTES);
      memcpy (entry + ENTRY_BYTES - VALUE_BYTES, g_bytes_get_data (value, NULL), VALUE_BYTES);
      gnutls_hash_fast (GNUTLS_DIG_SHA256, entry, sizeof entry, digest);
      g_mutex_lock (mutex);
      g_hash_table_replace (table, g_strdup (keys[order[i]]), g_bytes_ref (value));
      g_mutex_unlock (mutex);
    }
  return (mkv_bench_now () - start) / N_KEYS;
}

static MkvStore *
open_store (gboolean outbox)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, outbox, 300000, FALSE, 307200 };
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  MkvStore *store = (MkvStore *) mkv_local_store_new_full (storage, "bench-node", clock, observer, &policy, NULL);

  g_signal_connect (store, "changed", G_CALLBACK (on_changed), NULL);
  return store;
}

int
main (void)
{
  g_autoptr (MkvStore) store = open_store (FALSE), marked = open_store (TRUE);
  g_autoptr (GHashTable) table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                        (GDestroyNotify) g_bytes_unref);
  double get[N_ROUNDS], get_limit[N_ROUNDS], set[N_ROUNDS], set_limit[N_ROUNDS], set_marked[N_ROUNDS];
  double insert, insert_limit;
  gboolean good;
  GMutex mutex;

  g_mutex_init (&mutex);
  make_data ();
  insert = store_set (store, 0);
  insert_limit = table_set (table, &mutex, 0);
  store_set (marked, 0);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      get[i] = store_get (store);
      get_limit[i] = table_get (table, &mutex);
      set[i] = store_set (store, i + 1);
      set_limit[i] = table_set (table, &mutex, i + 1);
      set_marked[i] = store_set (marked, i + 1);
    }
  if (n_changed < (2 * N_ROUNDS + 2) * (N_KEYS - 1))
    g_error ("Only %u changes were told", n_changed);

  good = mkv_bench_report ("memory-get", "ns", mkv_bench_median (get, N_ROUNDS),
                           mkv_bench_median (get_limit, N_ROUNDS), "at-most", 2.5);
  good = mkv_bench_report ("memory-overwrite", "ns", mkv_bench_median (set, N_ROUNDS),
                           mkv_bench_median (set_limit, N_ROUNDS), "at-most", 4.7) && good;
  mkv_bench_report ("memory-overwrite-with-outbox", "ns", mkv_bench_median (set_marked, N_ROUNDS),
                    mkv_bench_median (set_limit, N_ROUNDS), NULL, 0);
  mkv_bench_report ("memory-insert", "ns", insert, insert_limit, NULL, 0);
  g_mutex_clear (&mutex);
  return good ? 0 : 1;
}
