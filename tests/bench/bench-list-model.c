/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A list of a million keys: filling it, following changes, and how long it keeps
 * the main loop. */
#include <malloc.h>
#include <time.h>

#include "desktop/mkv-list-model.h"
#include "mkv-bench.h"
#include "mkv-storage-memory.h"
#include "store/mkv-local-store-private.h"

#define N_KEYS 1000000
#define RATE 10000
#define SECONDS 3
#define BURST 200000

static double polled;

typedef struct
{
  MkvStore *store;
  guint n, rate; /* changes, and how many a second; 0: as fast as may be */
  gint done;
} Writer;

/* Time in poll is time the loop has left. */
static gint
poll_counted (GPollFD *fds, guint n_fds, gint timeout)
{
  double start = mkv_bench_now ();
  gint ready = g_poll (fds, n_fds, timeout);

  polled += mkv_bench_now () - start;
  return ready;
}

static double
iterate (void)
{
  double start = mkv_bench_now ();

  polled = 0;
  g_main_context_iteration (NULL, TRUE);
  return mkv_bench_now () - start - polled;
}

static void
wait_until (double when)
{
  double left = when - mkv_bench_now ();
  struct timespec pause = { 0, (long) left };

  if (left > 1e5 && left < 1e9)
    nanosleep (&pause, NULL);
}

/* A third each: a new value, a key that goes, one that comes. */
static gpointer
write_changes (gpointer data)
{
  Writer *writer = data;
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GBytes) value = g_bytes_new ("another value", 13);
  double start = mkv_bench_now ();

  for (guint i = 0; i < writer->n; i++)
    {
      char key[32];
      guint number = (guint) g_rand_int_range (random, 0, N_KEYS);

      g_snprintf (key, sizeof key, i % 3 == 2 ? "item/%07u+" : "item/%07u", number);
      if (i % 3 == 1)
        mkv_store_delete (writer->store, key, NULL, NULL);
      else
        mkv_store_set (writer->store, key, value, NULL, NULL);
      if (writer->rate > 0)
        wait_until (start + (i + 1) * 1e9 / writer->rate);
    }
  g_atomic_int_set (&writer->done, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, gpointer user_data)
{
  (*(guint *) user_data)++;
}

static gboolean
over (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Says how long it took, and the longest iteration. */
static double
follow (MkvStore *store, guint n, guint rate, double *longest, double *busy)
{
  Writer writer = { store, n, rate, FALSE };
  GThread *thread = g_thread_new ("writer", write_changes, &writer);
  double start = mkv_bench_now (), last = start;
  gboolean quiet = FALSE;

  *longest = *busy = 0;
  while (!g_atomic_int_get (&writer.done))
    {
      double took = iterate ();

      *longest = MAX (*longest, took);
      *busy += took;
    }
  g_thread_join (thread);
  /* What is still gathered. */
  g_timeout_add (100, over, &quiet);
  while (!quiet)
    {
      double took = iterate ();

      *longest = MAX (*longest, took);
      *busy += took;
      if (took > 1e4)
        last = mkv_bench_now ();
    }
  return (last - start) / 1e9;
}

static guint
count_keys (MkvStore *store)
{
  g_autofree char *after = NULL;
  gboolean more = TRUE;
  guint n = 0;

  while (more)
    {
      g_auto (GStrv) keys = mkv_store_list_keys (store, "item/", after, 1000, &more, NULL, NULL);
      guint length = g_strv_length (keys);

      g_free (after);
      after = g_strdup (keys[length - 1]);
      n += length;
    }
  return n;
}

int
main (void)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_NONE, FALSE, 300000, FALSE, 307200 };
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_autoptr (MkvStore) store
      = (MkvStore *) mkv_local_store_new_full (storage, "bench", clock, observer, &policy, NULL);
  g_autoptr (MkvListModel) model = NULL;
  g_autoptr (GBytes) value = g_bytes_new ("a value of some octets", 22);
  double start, longest = 0, busy;
  gsize before, after;
  guint n_signals = 0;
  gboolean good = TRUE;

  for (guint i = 0; i < N_KEYS; i++)
    {
      char key[32];

      g_snprintf (key, sizeof key, "item/%07u", i);
      mkv_store_set (store, key, value, NULL, NULL);
    }
  g_main_context_set_poll_func (NULL, poll_counted);
  malloc_trim (0);
  before = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
  start = mkv_bench_now ();
  model = mkv_list_model_new (store, "item/");
  while (mkv_list_model_is_loading (model))
    {
      double took = iterate ();

      longest = MAX (longest, took);
    }
  mkv_bench_report ("list-model-fill", "s", (mkv_bench_now () - start) / 1e9, 0, NULL, 0);
  good &= mkv_bench_report ("list-model-fill-longest-iteration", "ms", longest / 1e6, 0, "at-most", 16);
  after = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
  /* 7 octets behind the prefix. */
  good &= mkv_bench_report ("list-model-memory-per-key", "octets", (double) (after - before) / N_KEYS, 0, "at-most",
                            16);

  g_signal_connect (model, "items-changed", G_CALLBACK (on_items_changed), &n_signals);
  follow (store, RATE * SECONDS, RATE, &longest, &busy);
  good &= mkv_bench_report ("list-model-at-10000-a-second-longest-iteration", "ms", longest / 1e6, 0, "at-most", 16);
  mkv_bench_report ("list-model-at-10000-a-second-busy", "of the time", busy / 1e9 / SECONDS, 0, NULL, 0);
  mkv_bench_report ("list-model-at-10000-a-second-signals", "a second", (double) n_signals / SECONDS, 0, NULL, 0);
  good &= mkv_bench_report ("list-model-keys-wrong", "keys",
                            ABS ((double) g_list_model_get_n_items (G_LIST_MODEL (model)) - count_keys (store)), 0,
                            "at-most", 0);
  good &= mkv_bench_report ("list-model-changes", "a second", BURST / follow (store, BURST, 0, &longest, &busy), 0,
                            "at-least", RATE);
  good &= mkv_bench_report ("list-model-burst-longest-iteration", "ms", longest / 1e6, 0, "at-most", 16);
  good &= mkv_bench_report ("list-model-keys-wrong-after-burst", "keys",
                            ABS ((double) g_list_model_get_n_items (G_LIST_MODEL (model)) - count_keys (store)), 0,
                            "at-most", 0);
  start = mkv_bench_now ();
  g_clear_object (&model);
  mkv_bench_report ("list-model-end", "ms", (mkv_bench_now () - start) / 1e6, 0, NULL, 0);
  return good ? 0 : 1;
}
