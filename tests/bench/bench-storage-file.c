/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * File storage through the public API, durable, with the outbox and the tree,
 * from 1 to 256 threads that each wait for their write, against a bare log in
 * the same run: as many octets for each write, appended, fdatasync(), and group
 * commit. Beside it sqlite3 with as many threads, each write a transaction of its
 * own. Then how long it takes to open a million entries, with the tree. TMPDIR
 * says on which disk.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mkv-bench-sqlite.h"
#include "mkv-bench.h"
#include "mkv-storage-file.h"
#include "mkv-test.h"
#include "store/mkv-local-store-private.h"

#define N_KEYS 10000
#define VALUE_BYTES 100
#define SEED 20240229
#define N_ROUNDS 5
#define MAX_WRITERS 256
/* How long each writes in each round, in ns. */
#define ROUND_TIME 7e8
#define N_OPEN 1000000
#define N_OPENINGS 3
#define OPEN_BATCH 1000

static char keys[N_KEYS][20];
static GBytes *values[N_KEYS];

/* One key after the other, from whatever thread. */
static guint
next (void)
{
  static gint place;

  return (guint) g_atomic_int_add (&place, 1) * 7919u % N_KEYS;
}

static void
make_data (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  char octets[VALUE_BYTES];

  for (guint i = 0; i < N_KEYS; i++)
    {
      g_snprintf (keys[i], sizeof keys[i], "key-%012u", i);
      for (guint j = 0; j < VALUE_BYTES; j++)
        octets[j] = (char) g_rand_int_range (rand, 'a', 'z' + 1);
      values[i] = g_bytes_new (octets, VALUE_BYTES);
    }
}

/* The bare log. Whoever finds nobody writing writes what all that wait have
 * added; the others wait until theirs is on the disk. */
typedef struct
{
  int fd;
  gsize record_bytes;
  GMutex mutex;
  GCond cond;
  char *buffers[2]; /* the one that is filled, and the one that is written */
  gsize filled;
  guint64 n_added, n_synced; /* records */
  gboolean writing;
} Log;

static void
log_append (Log *self, guint i)
{
  guint64 number;

  g_mutex_lock (&self->mutex);
  memset (self->buffers[0] + self->filled, ' ', self->record_bytes);
  memcpy (self->buffers[0] + self->filled, g_bytes_get_data (values[i], NULL), VALUE_BYTES);
  self->filled += self->record_bytes;
  number = ++self->n_added;
  while (self->n_synced < number)
    if (self->writing)
      g_cond_wait (&self->cond, &self->mutex);
    else
      {
        char *buffer = self->buffers[0];
        gsize length = self->filled;
        guint64 last = self->n_added;

        self->buffers[0] = self->buffers[1];
        self->buffers[1] = buffer;
        self->filled = 0;
        self->writing = TRUE;
        g_mutex_unlock (&self->mutex);
        if (write (self->fd, buffer, length) != (gssize) length || fdatasync (self->fd) != 0)
          g_error ("The bare log can't be written");
        g_mutex_lock (&self->mutex);
        self->writing = FALSE;
        self->n_synced = last;
        g_cond_broadcast (&self->cond);
      }
  g_mutex_unlock (&self->mutex);
}

typedef struct
{
  MkvStore *store;
  Log log;
  MkvBenchSqlite *sqlite;
  GMutex sqlite_mutex;
} Engines;

typedef struct
{
  Engines *engines;
  void (*write) (Engines *engines, guint i);
  double end;
  guint64 n;
} Writer;

static void
write_store (Engines *engines, guint i)
{
  if (!mkv_store_set (engines->store, keys[i], values[i], NULL, NULL))
    g_error ("A write failed");
}

static void
write_log (Engines *engines, guint i)
{
  log_append (&engines->log, i);
}

static void
write_sqlite (Engines *engines, guint i)
{
  g_mutex_lock (&engines->sqlite_mutex);
  mkv_bench_sqlite_begin (engines->sqlite);
  mkv_bench_sqlite_put (engines->sqlite, keys[i], g_bytes_get_data (values[i], NULL), VALUE_BYTES);
  mkv_bench_sqlite_commit (engines->sqlite);
  g_mutex_unlock (&engines->sqlite_mutex);
}

static gpointer
run_writer (gpointer data)
{
  Writer *writer = data;

  for (; mkv_bench_now () < writer->end; writer->n++)
    writer->write (writer->engines, next ());
  return NULL;
}

/* Writes a second. */
static double
run_writers (Engines *engines, guint n_writers, void (*func) (Engines *, guint))
{
  GThread *threads[MAX_WRITERS];
  Writer writers[MAX_WRITERS];
  double start = mkv_bench_now (), took;
  guint64 n = 0;

  for (guint i = 0; i < n_writers; i++)
    {
      writers[i] = (Writer){ engines, func, start + ROUND_TIME, 0 };
      threads[i] = g_thread_new ("writer", run_writer, &writers[i]);
    }
  for (guint i = 0; i < n_writers; i++)
    {
      g_thread_join (threads[i]);
      n += writers[i].n;
    }
  took = mkv_bench_now () - start;
  return (double) n / took * 1e9;
}

static MkvStore *
open_store (MkvStorage *storage)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, 300000, FALSE, 307200 };
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_autoptr (GError) error = NULL;
  MkvStore *store = (MkvStore *) mkv_local_store_new_full (storage, "bench-node", clock, observer, &policy, &error);

  if (store == NULL)
    g_error ("%s", error->message);
  return store;
}

static MkvStorage *
open_storage (const char *folder)
{
  MkvStorage *storage = mkv_storage_file_new ();
  g_autoptr (GError) error = NULL;

  if (!mkv_storage_open (storage, folder, NULL, &error))
    g_error ("%s", error->message);
  return storage;
}

static void
close_storage (MkvStorage *storage)
{
  g_autoptr (GError) error = NULL;

  if (!mkv_storage_close (storage, &error))
    g_error ("%s", error->message);
  g_object_unref (storage);
}

/* How many octets a write takes in the journal: the length of one, written with
 * @n others. */
static gsize
measure_record (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "journal.jsonl", NULL);
  MkvStorage *storage = open_storage (folder);
  MkvStore *store = open_store (storage);
  GStatBuf before, after;
  guint n = 100;

  g_object_unref (store);
  close_storage (storage);
  g_stat (path, &before);
  storage = open_storage (folder);
  store = open_store (storage);
  for (guint i = 0; i < n; i++)
    if (!mkv_store_set (store, keys[i], values[i], NULL, NULL))
      g_error ("A write failed");
  g_object_unref (store);
  close_storage (storage);
  g_stat (path, &after);
  return (gsize) (after.st_size - before.st_size) / n;
}

static gboolean
compare_writers (const char *folder, guint n_writers)
{
  Engines engines = { 0 };
  g_autofree char *path = g_build_filename (folder, "log", NULL), *store_path = g_build_filename (folder, "store", NULL);
  g_autofree char *name = g_strdup_printf ("file-durable-%u-writers", n_writers);
  g_autofree char *sqlite_name = g_strdup_printf ("file-durable-%u-writers-against-sqlite3", n_writers);
  double store[N_ROUNDS], bare[N_ROUNDS], sqlite[N_ROUNDS];
  gboolean good;
  MkvStorage *storage;

  g_mkdir (folder, 0700);
  engines.log.record_bytes = measure_record (store_path);
  storage = open_storage (store_path);
  engines.store = open_store (storage);
  engines.log.fd = g_open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (guint i = 0; i < 2; i++)
    engines.log.buffers[i] = g_malloc (MAX_WRITERS * engines.log.record_bytes);
  engines.sqlite = mkv_bench_sqlite_new (folder);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      bare[i] = run_writers (&engines, n_writers, write_log);
      store[i] = run_writers (&engines, n_writers, write_store);
      sqlite[i] = run_writers (&engines, n_writers, write_sqlite);
    }
  good = mkv_bench_report (name, "writes/s", mkv_bench_median (store, N_ROUNDS), mkv_bench_median (bare, N_ROUNDS),
                           "at-least", 0.7);
  good = mkv_bench_report (sqlite_name, "writes/s", mkv_bench_median (store, N_ROUNDS),
                           mkv_bench_median (sqlite, N_ROUNDS), "at-least", 1) && good;
  g_object_unref (engines.store);
  close_storage (storage);
  mkv_bench_sqlite_free (engines.sqlite);
  close (engines.log.fd);
  for (guint i = 0; i < 2; i++)
    g_free (engines.log.buffers[i]);
  mkv_test_remove_folder (folder);
  return good;
}

static void
fill (const char *folder)
{
  MkvStorage *storage = open_storage (folder);

  for (guint i = 0; i < N_OPEN;)
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);

      for (guint j = 0; j < OPEN_BATCH; j++, i++)
        {
          char key[20];
          g_autoptr (MkvEntry) entry = NULL;

          g_snprintf (key, sizeof key, "key-%012u", i * 7919u % N_OPEN);
          entry = mkv_entry_new (key, values[i % N_KEYS], 1700000000000 + i, "bench-node", i + 1, NULL);
          mkv_storage_batch_put (batch, entry);
        }
      if (!mkv_storage_apply (storage, batch, NULL))
        g_error ("A write failed");
    }
  close_storage (storage);
}

/* Nanoseconds of this thread on a processor: what a quiet machine's clock says
 * where the files are in memory, on a busy one too. */
static double
get_cpu_time (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec * 1e9 + (double) time.tv_nsec;
}

static gboolean
measure_open (const char *folder, const char *name, const char *wall_name)
{
  double took[N_OPENINGS], took_wall[N_OPENINGS];

  for (guint i = 0; i < N_OPENINGS; i++)
    {
      double start = get_cpu_time (), start_wall = mkv_bench_now ();
      MkvStorage *storage = open_storage (folder);
      MkvStore *store = open_store (storage);

      took[i] = (get_cpu_time () - start) / 1e9;
      took_wall[i] = (mkv_bench_now () - start_wall) / 1e9;
      g_object_unref (store);
      close_storage (storage);
    }
  mkv_bench_report (wall_name, "s", mkv_bench_median (took_wall, N_OPENINGS), 0, NULL, 0);
  return mkv_bench_report (name, "s", mkv_bench_median (took, N_OPENINGS), 0, "at-most", 6);
}

static gboolean
compare_open (const char *folder)
{
  MkvStorage *storage;
  gboolean good;

  fill (folder);
  good = measure_open (folder, "file-open-1000000", "file-open-1000000-by-the-clock");
  storage = open_storage (folder);
  if (!mkv_storage_compact (storage, NULL))
    g_error ("The files can't be compacted");
  close_storage (storage);
  good = measure_open (folder, "file-open-1000000-compacted", "file-open-1000000-compacted-by-the-clock") && good;
  mkv_test_remove_folder (folder);
  return good;
}

/* With an argument, only what that many threads write, or with "open" the rest. */
int
main (int argc, char **argv)
{
  static const guint n_writers[] = { 1, 16, 64, MAX_WRITERS };
  g_autofree char *folder = g_dir_make_tmp ("mkv-bench-XXXXXX", NULL), *path = NULL;
  gboolean good = TRUE;

  if (folder == NULL)
    g_error ("There is no folder for temporary files");
  path = g_build_filename (folder, "data", NULL);
  make_data ();
  for (guint i = 0; i < G_N_ELEMENTS (n_writers); i++)
    if (argc < 2 || atoi (argv[1]) == (int) n_writers[i])
      good = compare_writers (path, n_writers[i]) && good;
  if (argc < 2 || g_str_equal (argv[1], "open"))
    good = compare_open (path) && good;
  mkv_test_remove_folder (folder);
  return good ? 0 : 1;
}
