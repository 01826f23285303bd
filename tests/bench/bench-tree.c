/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The Merkle tree over 1,000,000 entries with keys of 16 octets. What a simple
 * way would take is measured beside some: one SHA-256 over all digests for the
 * root, a GHashTable of keys and digests for the upkeep and the memory.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mkv-sha256-private.h"
#include "merkle/mkv-reading-private.h"
#include "mkv-bench.h"
#include "mkv-storage-memory.h"
#include "store/mkv-contents-commit-private.h"

#define N_ENTRIES 1000000
#define KEY_BYTES 16
#define VALUE_BYTES 100
#define N_ROUNDS 7
#define SEED 20240229
#define N_DIFFERENCES 100
/* What the store asks a storage for at a time when it opens. */
#define PAGE 1024

static char (*keys)[KEY_BYTES + 1];
static guint *order; /* the keys in the order in which they are written */
static GRand *rand_source;

/* Nanoseconds of this thread on a processor. Nothing here waits for anything but
 * memory, so that is what a quiet machine's clock says, on a busy one too. */
static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec * 1e9 + (double) time.tv_nsec;
}

static void
make_keys (void)
{
  keys = g_malloc (N_ENTRIES * sizeof *keys);
  order = g_new (guint, N_ENTRIES);
  for (guint i = 0; i < N_ENTRIES; i++)
    {
      g_snprintf (keys[i], sizeof keys[i], "key-%012u", i);
      order[i] = i;
    }
  for (guint i = N_ENTRIES - 1; i > 0; i--)
    {
      guint j = (guint) g_rand_int_range (rand_source, 0, (gint32) i + 1), other = order[i];

      order[i] = order[j];
      order[j] = other;
    }
}

/* A digest as good as any, without the time that a real one takes. */
static void
make_digest (guint64 seed, guint8 *digest)
{
  for (guint i = 0; i < MKV_DIGEST_BYTES / 8; i++)
    {
      guint64 z = (seed * 4 + i) * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);

      z = (z ^ z >> 30) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
      z ^= z >> 27;
      memcpy (digest + 8 * i, &z, sizeof z);
    }
}

/* Writes are timed by so many, whose keys and digests are then at hand, as they
 * are when the store has just made the entries. The median of these times leaves
 * out what else the machine does. */
#define CHUNK 128

typedef struct
{
  char key[KEY_BYTES + 1];
  guint8 digest[MKV_DIGEST_BYTES];
} Write;

/* Writes the entries at @from to @to in the order, in their version @version, or
 * removes them for version 0, and returns the nanoseconds that one takes. */
static double
write_entries (MkvTree *tree, guint version, guint from, guint to)
{
  g_autofree double *times = g_new (double, (to - from) / CHUNK + 1);
  Write writes[CHUNK];
  guint n_times = 0;

  for (guint i = from; i < to; i += CHUNK)
    {
      guint n = MIN (CHUNK, to - i);
      double start;

      for (guint j = 0; j < n; j++)
        {
          memcpy (writes[j].key, keys[order[i + j]], sizeof writes[j].key);
          make_digest ((guint64) version << 32 | order[i + j], writes[j].digest);
        }
      start = now ();
      for (guint j = 0; j < n; j++)
        if (version > 0)
          mkv_tree_put (tree, writes[j].key, writes[j].digest);
        else
          mkv_tree_remove (tree, writes[j].key);
      times[n_times++] = (now () - start) / n;
    }
  return mkv_bench_median (times, n_times);
}

static double
get_root (MkvTree *tree)
{
  double start = now ();
  guint8 root[MKV_DIGEST_BYTES];

  mkv_tree_get_root (tree, root);
  return now () - start;
}

/* The root after @n_writes, which lie somewhere in the order. */
static double
get_root_after (MkvTree *tree, guint n_writes, guint n_rounds)
{
  static guint version = 100;
  g_autofree double *samples = g_new (double, n_rounds);

  for (guint i = 0; i < n_rounds; i++)
    {
      guint from = (guint) g_rand_int_range (rand_source, 0, (gint32) (N_ENTRIES - n_writes + 1));

      write_entries (tree, version++, from, from + n_writes);
      samples[i] = get_root (tree);
    }
  return mkv_bench_median (samples, n_rounds);
}

static double
get_naive_root (void)
{
  g_autofree guint8 *digests = g_malloc ((gsize) N_ENTRIES * MKV_DIGEST_BYTES);
  guint8 root[MKV_DIGEST_BYTES];
  double start;

  for (guint i = 0; i < N_ENTRIES; i++)
    make_digest (i, digests + (gsize) MKV_DIGEST_BYTES * i);
  start = now ();
  mkv_sha256 (digests, (gsize) N_ENTRIES * MKV_DIGEST_BYTES, root);
  return now () - start;
}

static gsize
get_memory (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static gsize
get_resident (void)
{
  g_autofree char *text = NULL;
  gsize size = 0, resident = 0;

  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    sscanf (text, "%zu %zu", &size, &resident);
  return resident * 4096;
}

static gboolean
bench_writes (MkvTree *tree)
{
  gsize memory = get_memory (), resident = get_resident ();
  double overwrite[N_ROUNDS], insert[N_ROUNDS], remove[N_ROUNDS], from_empty;
  gboolean good;

  from_empty = write_entries (tree, 1, 0, N_ENTRIES);
  good = mkv_bench_report ("tree-memory-per-entry", "octets", (double) (get_memory () - memory) / N_ENTRIES, 0,
                           "at-most", 72);
  mkv_bench_report ("tree-resident-per-entry", "octets", (double) (get_resident () - resident) / N_ENTRIES, 0, NULL,
                    0);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      overwrite[i] = write_entries (tree, i + 2, 0, N_ENTRIES);
      remove[i] = write_entries (tree, 0, 0, N_ENTRIES / 10);
      insert[i] = write_entries (tree, i + 2, 0, N_ENTRIES / 10);
    }
  good = mkv_bench_report ("tree-overwrite", "ns", mkv_bench_median (overwrite, N_ROUNDS), 0, "at-most", 500) && good;
  mkv_bench_report ("tree-insert", "ns", mkv_bench_median (insert, N_ROUNDS), 0, NULL, 0);
  mkv_bench_report ("tree-remove", "ns", mkv_bench_median (remove, N_ROUNDS), 0, NULL, 0);
  mkv_bench_report ("tree-insert-from-empty", "ns", from_empty, 0, NULL, 0);
  mkv_bench_report ("tree-memory-per-entry-after-writes", "octets", (double) (get_memory () - memory) / N_ENTRIES, 0,
                    NULL, 0);
  mkv_bench_report ("tree-resident-per-entry-after-writes", "octets",
                    (double) (get_resident () - resident) / N_ENTRIES, 0, NULL, 0);
  return good;
}

static gboolean
bench_roots (MkvTree *tree)
{
  gboolean good;

  mkv_bench_report ("tree-root-of-all", "ms", get_root (tree) / 1e6, 0, NULL, 0);
  good = mkv_bench_report ("tree-root-after-1", "us", get_root_after (tree, 1, 1001) / 1e3, 0, "at-most", 6);
  good = mkv_bench_report ("tree-root-after-1000", "ms", get_root_after (tree, 1000, 51) / 1e6, 0, "at-most", 2) &&
         good;
  good = mkv_bench_report ("tree-root-after-100000", "ms", get_root_after (tree, 100000, N_ROUNDS) / 1e6, 0, "at-most",
                           60) && good;
  mkv_bench_report ("naive-root", "ms", get_naive_root () / 1e6, 0, NULL, 0);
  return good;
}

/* What the answerer of a session does with its first message: 64 cells of a
 * replica in which 100 entries are older. */
static void
bench_reading (MkvTree *tree)
{
  double cells_time[N_ROUNDS], reading_time[N_ROUNDS];
  guint64 budget;
  guint n_read = 0;

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      MkvCell mine[64], theirs[64];
      double start;

      mkv_tree_get_cells (tree, MKV_PREFIX_ALL, 6, theirs);
      write_entries (tree, 1000 + round, 1000 * round, 1000 * round + N_DIFFERENCES);
      start = now ();
      mkv_tree_get_cells (tree, MKV_PREFIX_ALL, 6, mine);
      cells_time[round] = now () - start;
      budget = MKV_READING_BUDGET;
      for (guint i = 0; i < 64; i++)
        n_read += mkv_reading_make (tree, mkv_prefix_get_child (MKV_PREFIX_ALL, 6, i), mine[i], theirs[i], &budget)
                    .what != MKV_READING_SEVERAL;
      reading_time[round] = now () - start;
    }
  mkv_bench_report ("tree-64-cells", "us", mkv_bench_median (cells_time, N_ROUNDS) / 1e3, 0, NULL, 0);
  mkv_bench_report ("reading-64-cells-of-100-differences", "ms", mkv_bench_median (reading_time, N_ROUNDS) / 1e6, 0,
                    NULL, 0);
  mkv_bench_report ("reading-64-cells-read", "cells", (double) n_read / N_ROUNDS, 0, NULL, 0);
  mkv_bench_report ("reading-entries-searched", "entries", (double) (MKV_READING_BUDGET - budget), 0, NULL, 0);
}

static MkvStorage *
make_storage (void)
{
  MkvStorage *storage = mkv_storage_memory_new ();
  g_autoptr (GBytes) value = g_bytes_new_take (g_malloc0 (VALUE_BYTES), VALUE_BYTES);
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (GError) error = NULL;

  if (!mkv_storage_open (storage, NULL, NULL, &error))
    g_error ("%s", error->message);
  for (guint i = 0; i < N_ENTRIES; i++)
    {
      g_autoptr (MkvEntry) entry = mkv_entry_new (keys[order[i]], value, 1700000000000 + i, "node", i + 1, NULL);

      mkv_storage_batch_put (batch, entry);
    }
  if (!mkv_storage_apply (storage, batch, &error))
    g_error ("%s", error->message);
  return storage;
}

/* What a storage takes to hand out its entries, which nobody can do without. */
static double
scan (MkvStorage *storage)
{
  double start = now ();
  g_autofree char *after = NULL;
  guint n;

  do
    {
      g_autoptr (GPtrArray) entries = mkv_storage_scan (storage, NULL, after, PAGE, NULL);

      n = entries->len;
      if (n > 0)
        {
          g_free (after);
          after = g_strdup (mkv_entry_get_key (entries->pdata[n - 1]));
        }
    }
  while (n == PAGE);
  return now () - start;
}

/* Contents that are due for maintenance say so; nobody does it here. */
static void
ignore (gboolean can_wait, gpointer user_data)
{
}

/* What a store does when it opens. */
static double
rebuild (MkvStorage *storage)
{
  const MkvContentsPolicy policy = { 300000, 0, 0, 0 };
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  MkvContents *contents = mkv_contents_new (storage, clock, &policy, ignore, NULL);
  g_autoptr (GError) error = NULL;
  MkvContentsState state;
  double start = now (), elapsed;

  if (!mkv_contents_build (contents, &error))
    g_error ("%s", error->message);
  elapsed = now () - start;
  mkv_contents_get_state (contents, &state);
  if (state.n_entries != N_ENTRIES)
    g_error ("The tree has only %" G_GUINT64_FORMAT " entries", state.n_entries);
  mkv_contents_free (contents);
  return elapsed;
}

static gboolean
bench_rebuild (void)
{
  g_autoptr (MkvStorage) storage = make_storage ();
  double rebuilds[N_ROUNDS], scans[N_ROUNDS];
  gboolean good;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      scans[i] = scan (storage);
      rebuilds[i] = rebuild (storage);
    }
  good = mkv_bench_report ("tree-rebuild", "s", mkv_bench_median (rebuilds, N_ROUNDS) / 1e9, 0, "at-most", 0.6);
  mkv_bench_report ("storage-scan-alone", "s", mkv_bench_median (scans, N_ROUNDS) / 1e9, 0, NULL, 0);
  return good;
}

/* What one would do without a tree: a table of keys and digests. */
static void
bench_naive (void)
{
  gsize memory = get_memory ();
  g_autoptr (GHashTable) table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  double overwrite;

  for (guint round = 0; round < 2; round++)
    {
      double start = now ();

      for (guint i = 0; i < N_ENTRIES; i++)
        {
          guint8 *digest = g_malloc (MKV_DIGEST_BYTES);

          make_digest (order[i], digest);
          g_hash_table_replace (table, g_strdup (keys[order[i]]), digest);
        }
      overwrite = (now () - start) / N_ENTRIES;
    }
  mkv_bench_report ("naive-table-overwrite", "ns", overwrite, 0, NULL, 0);
  mkv_bench_report ("naive-table-memory-per-entry", "octets", (double) (get_memory () - memory) / N_ENTRIES, 0, NULL,
                    0);
}

int
main (void)
{
  g_autoptr (MkvTree) tree = mkv_tree_new ();
  gboolean good;

  rand_source = g_rand_new_with_seed (SEED);
  make_keys ();
  good = bench_writes (tree);
  good = bench_roots (tree) && good;
  bench_reading (tree);
  bench_naive ();
  good = bench_rebuild () && good;
  g_rand_free (rand_source);
  g_free (order);
  g_free (keys);
  return good ? 0 : 1;
}
