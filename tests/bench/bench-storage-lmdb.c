/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * LMDB storage through the public API, durable, with the outbox and the tree,
 * against bare LMDB writing the same records in the same transactions in the
 * same run, and sqlite3 doing so: 100,000 keys of 16 octets with values of 100,
 * overwritten in random order. What sqlite3 does with keys and values alone is
 * reported beside. TMPDIR says on which disk.
 */
#include <glib/gstdio.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

#include "mkv-bench-sqlite.h"
#include "mkv-bench.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"
#include "store/mkv-local-store-private.h"

#define N_KEYS 100000
#define KEY_BYTES 16
#define VALUE_BYTES 100
#define SEED 20240229
#define N_ROUNDS 9
#define N_GETS 100000
#define N_MANY 250 /* keys of one mkv_store_set_many() */
#define N_OPEN 1000000

/* A record as the plugin keeps it: the head, the id "bench-node", the value. */
#define NODE_ID "bench-node"
#define RECORD_BYTES (50 + 10 + VALUE_BYTES)
#define SEQ_OFFSET 40
#define CLOCK "0123456789abcdef 0123456789abcdef"

static char keys[N_KEYS][KEY_BYTES + 1];
static guint order[N_KEYS];
static GBytes *values[N_KEYS];
static guint place; /* in order: what is written next */

typedef struct
{
  MDB_env *env;
  MDB_dbi entries, meta;
  gint64 seq;
} Raw;

static void
make_data (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  char octets[VALUE_BYTES];

  for (guint i = 0; i < N_KEYS; i++)
    {
      g_snprintf (keys[i], sizeof keys[i], "key-%012u", i);
      order[i] = i;
      for (guint j = 0; j < VALUE_BYTES; j++)
        octets[j] = (char) g_rand_int_range (rand, 'a', 'z' + 1);
      values[i] = g_bytes_new (octets, VALUE_BYTES);
    }
  for (guint i = N_KEYS - 1; i > 0; i--)
    {
      guint j = (guint) g_rand_int_range (rand, 0, (gint32) i + 1), other = order[i];

      order[i] = order[j];
      order[j] = other;
    }
}

static guint
next (void)
{
  return order[place++ % N_KEYS];
}

static void
check (int rc)
{
  if (rc != 0)
    g_error ("LMDB: %s", mdb_strerror (rc));
}

/* Bare LMDB. */

static void
raw_open (Raw *raw, const char *folder)
{
  MDB_txn *txn;

  check (mdb_env_create (&raw->env));
  check (mdb_env_set_maxdbs (raw->env, 2));
  check (mdb_env_set_mapsize (raw->env, (gsize) 1 << 30));
  check (mdb_env_open (raw->env, folder, MDB_NOTLS, 0600));
  check (mdb_txn_begin (raw->env, NULL, 0, &txn));
  check (mdb_dbi_open (txn, "entries", MDB_CREATE, &raw->entries));
  check (mdb_dbi_open (txn, "meta", MDB_CREATE, &raw->meta));
  check (mdb_txn_commit (txn));
  raw->seq = 1;
}

static gsize
make_mark (char *name, gsize size, gint64 seq, const char *key)
{
  return (gsize) g_snprintf (name, size, "outbox/%016" G_GINT64_MODIFIER "x/%s", seq, key);
}

static void
make_record (guint8 *record, gint64 seq, guint i)
{
  memset (record, 0, RECORD_BYTES);
  memcpy (record + SEQ_OFFSET, &seq, sizeof seq);
  memcpy (record + RECORD_BYTES - VALUE_BYTES, g_bytes_get_data (values[i], NULL), VALUE_BYTES);
}

static gint64
get_seq (const guint8 *record)
{
  gint64 seq;

  memcpy (&seq, record + SEQ_OFFSET, sizeof seq);
  return seq;
}

/* What a store does for a write: looks up what is there, puts the entry in its
 * place, and moves the mark in the outbox. */
static void
raw_put (Raw *raw, MDB_txn *txn, guint i)
{
  MDB_val key = { KEY_BYTES, keys[i] }, old, none = { 0, NULL };
  guint8 octets[RECORD_BYTES];
  char name[64];
  MDB_val record = { sizeof octets, octets }, mark = { 0, name };
  int rc = mdb_get (txn, raw->entries, &key, &old);

  if (rc == 0)
    {
      mark.mv_size = make_mark (name, sizeof name, get_seq (old.mv_data), keys[i]);
      check (mdb_del (txn, raw->meta, &mark, NULL));
    }
  else if (rc != MDB_NOTFOUND)
    check (rc);
  make_record (octets, ++raw->seq, i);
  check (mdb_put (txn, raw->entries, &key, &record, 0));
  mark.mv_size = make_mark (name, sizeof name, raw->seq, keys[i]);
  check (mdb_put (txn, raw->meta, &mark, &none, 0));
}

static double
raw_write (Raw *raw, guint n, guint batch)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i += batch)
    {
      MDB_val name = { 5, (void *) "clock" }, clock = { sizeof CLOCK - 1, (void *) CLOCK };
      MDB_txn *txn;

      check (mdb_txn_begin (raw->env, NULL, 0, &txn));
      for (guint j = 0; j < batch; j++)
        raw_put (raw, txn, next ());
      check (mdb_put (txn, raw->meta, &name, &clock, 0));
      check (mdb_txn_commit (txn));
    }
  return (mkv_bench_now () - start) / n;
}

static double
raw_get (Raw *raw)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_GETS; i++)
    {
      MDB_val key = { KEY_BYTES, keys[next ()] }, record;
      MDB_txn *txn;

      check (mdb_txn_begin (raw->env, NULL, MDB_RDONLY, &txn));
      check (mdb_get (txn, raw->entries, &key, &record));
      g_free (g_memdup2 (record.mv_data, record.mv_size));
      mdb_txn_abort (txn);
    }
  return (mkv_bench_now () - start) / N_GETS;
}

/* sqlite3. */

static void
sqlite_put (MkvBenchSqlite *sqlite, guint i)
{
  static gint64 last_seq;
  guint8 record[RECORD_BYTES];
  gsize length;
  g_autofree guint8 *old = mkv_bench_sqlite_get (sqlite, keys[i], &length);
  char name[64];

  /* Those of a run with keys and values alone have no mark. */
  if (old != NULL && length == RECORD_BYTES)
    {
      make_mark (name, sizeof name, get_seq (old), keys[i]);
      mkv_bench_sqlite_remove_meta (sqlite, name);
    }
  make_record (record, ++last_seq, i);
  mkv_bench_sqlite_put (sqlite, keys[i], record, sizeof record);
  make_mark (name, sizeof name, last_seq, keys[i]);
  mkv_bench_sqlite_put_meta (sqlite, name, "", 0);
}

static double
sqlite_write (MkvBenchSqlite *sqlite, guint n, guint batch, gboolean plain)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i += batch)
    {
      mkv_bench_sqlite_begin (sqlite);
      for (guint j = 0; j < batch; j++)
        {
          guint k = next ();

          if (plain)
            mkv_bench_sqlite_put (sqlite, keys[k], g_bytes_get_data (values[k], NULL), VALUE_BYTES);
          else
            sqlite_put (sqlite, k);
        }
      if (!plain)
        mkv_bench_sqlite_put_meta (sqlite, "clock", CLOCK, sizeof CLOCK - 1);
      mkv_bench_sqlite_commit (sqlite);
    }
  return (mkv_bench_now () - start) / n;
}

static double
sqlite_get (MkvBenchSqlite *sqlite)
{
  double start = mkv_bench_now ();
  gsize length;

  for (guint i = 0; i < N_GETS; i++)
    g_free (mkv_bench_sqlite_get (sqlite, keys[next ()], &length));
  return (mkv_bench_now () - start) / N_GETS;
}

/* The store. */

static MkvStore *
open_store (const char *folder, MkvStorage **storage)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, 300000, FALSE, 307200 };
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_autoptr (GError) error = NULL;
  MkvStore *store;

  *storage = mkv_storage_lmdb_new ();
  if (!mkv_storage_open (*storage, folder, NULL, &error))
    g_error ("%s", error->message);
  store = (MkvStore *) mkv_local_store_new_full (*storage, NODE_ID, clock, observer, &policy, &error);
  if (store == NULL)
    g_error ("%s", error->message);
  return store;
}

static double
store_write_one (MkvStore *store, guint n)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i++)
    {
      guint k = next ();

      if (!mkv_store_set (store, keys[k], values[k], NULL, NULL))
        g_error ("A write failed");
    }
  return (mkv_bench_now () - start) / n;
}

typedef struct
{
  const char *keys[N_MANY + 1];
  GPtrArray *values; /* borrowed */
} Many;

static void
many_fill (Many *many, guint n)
{
  g_ptr_array_set_size (many->values, 0);
  for (guint i = 0; i < n; i++)
    {
      guint k = next ();

      many->keys[i] = keys[k];
      g_ptr_array_add (many->values, values[k]);
    }
  many->keys[n] = NULL;
}

static double
store_write_many (MkvStore *store, guint n, guint batch)
{
  g_autoptr (GPtrArray) borrowed = g_ptr_array_new ();
  Many many = { .values = borrowed };
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i += batch)
    {
      many_fill (&many, batch);
      if (!mkv_store_set_many (store, many.keys, many.values, NULL, NULL))
        g_error ("A write failed");
    }
  return (mkv_bench_now () - start) / n;
}

/* A thousand at once is what the store makes of many who write: while four of
 * N_MANY are committed, four others queue up. */
typedef struct
{
  MkvStore *store;
  Many many[8];
  guint n_left, n_running;
} Stream;

static void on_written (GObject *source, GAsyncResult *result, gpointer user_data);

static void
stream_push (Stream *stream, Many *many)
{
  if (stream->n_left == 0)
    return;
  stream->n_left -= MIN (stream->n_left, N_MANY);
  stream->n_running++;
  many_fill (many, N_MANY);
  mkv_store_set_many_async (stream->store, many->keys, many->values, NULL, on_written, stream);
}

static guint n_written;

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Stream *stream = user_data;

  if (!mkv_store_set_many_finish (MKV_STORE (source), result, NULL))
    g_error ("A write failed");
  stream->n_running--;
  /* Those of one commit come together: the next four go in as one, too. */
  if (++n_written % 4 == 0)
    for (guint i = 0; i < 4; i++)
      stream_push (stream, &stream->many[(n_written + i) % 8]);
}

static double
store_write_stream (MkvStore *store, guint n)
{
  Stream stream = { .store = store, .n_left = n };
  double start = mkv_bench_now ();

  n_written = 0;
  for (guint i = 0; i < 8; i++)
    stream.many[i].values = g_ptr_array_new ();
  for (guint i = 0; i < 8; i++)
    stream_push (&stream, &stream.many[i]);
  while (stream.n_running > 0)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < 8; i++)
    g_ptr_array_unref (stream.many[i].values);
  return (mkv_bench_now () - start) / n;
}

static double
store_get (MkvStore *store)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_GETS; i++)
    g_bytes_unref (mkv_store_get (store, keys[next ()], NULL, NULL));
  return (mkv_bench_now () - start) / N_GETS;
}

static double
store_write (MkvStore *store, guint n, guint batch)
{
  if (batch == 1)
    return store_write_one (store, n);
  return batch <= 256 ? store_write_many (store, n, batch) : store_write_stream (store, n);
}

static gboolean
bench_writes (MkvStore *store, Raw *raw, MkvBenchSqlite *sqlite, MkvBenchSqlite *plain)
{
  static const struct
  {
    guint batch, n;
    double bar;
  } kinds[] = { { 1, 500, 0.8 }, { 100, 20000, 0.8 }, { 1000, 50000, 0.7 } };
  gboolean good = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      double ours[N_ROUNDS], bare[N_ROUNDS], other[N_ROUNDS], alone[N_ROUNDS], rate;
      g_autofree char *name = g_strdup_printf ("lmdb-write-%u", kinds[i].batch);
      g_autofree char *against = g_strdup_printf ("lmdb-write-%u-against-sqlite", kinds[i].batch);
      g_autofree char *beside = g_strdup_printf ("lmdb-write-%u-against-sqlite-without-records", kinds[i].batch);

      for (guint round = 0; round < N_ROUNDS; round++)
        {
          ours[round] = store_write (store, kinds[i].n, kinds[i].batch);
          bare[round] = raw_write (raw, kinds[i].n, kinds[i].batch);
          other[round] = sqlite_write (sqlite, kinds[i].n, kinds[i].batch, FALSE);
          alone[round] = sqlite_write (plain, kinds[i].n, kinds[i].batch, TRUE);
        }
      rate = 1e9 / mkv_bench_median (ours, N_ROUNDS);
      good &= mkv_bench_report (name, "1/s", rate, 1e9 / mkv_bench_median (bare, N_ROUNDS), "at-least",
                                kinds[i].bar);
      good &= mkv_bench_report (against, "1/s", rate, 1e9 / mkv_bench_median (other, N_ROUNDS), "at-least", 1);
      mkv_bench_report (beside, "1/s", rate, 1e9 / mkv_bench_median (alone, N_ROUNDS), NULL, 0);
    }
  return good;
}

static gboolean
bench_gets (MkvStore *store, Raw *raw, MkvBenchSqlite *sqlite)
{
  double ours[N_ROUNDS], bare[N_ROUNDS], other[N_ROUNDS], median;
  gboolean good;

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      ours[round] = store_get (store);
      bare[round] = raw_get (raw);
      other[round] = sqlite_get (sqlite);
    }
  median = mkv_bench_median (ours, N_ROUNDS);
  good = mkv_bench_report ("lmdb-get", "ns", median, mkv_bench_median (bare, N_ROUNDS), "at-most", 1.6);
  return mkv_bench_report ("lmdb-get-against-sqlite", "ns", median, mkv_bench_median (other, N_ROUNDS), "at-most",
                           1) && good;
}

static void
fill (MkvStorage *storage)
{
  g_autoptr (MkvStorageBatch) batch = NULL;

  for (guint i = 0; i < N_OPEN; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%012u", i);
      g_autoptr (MkvEntry) entry = mkv_entry_new (key, values[i % N_KEYS], 1700000000000 + i, NODE_ID, i + 1, NULL);

      if (batch == NULL)
        batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
      mkv_storage_batch_put (batch, entry);
      if (i % 10000 != 9999)
        continue;
      if (!mkv_storage_apply (storage, batch, NULL))
        g_error ("The storage could not be filled");
      g_clear_pointer (&batch, mkv_storage_batch_unref);
    }
}

static gboolean
bench_open (const char *folder)
{
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (MkvStore) store = NULL;
  double times[5];

  if (!mkv_storage_open (storage, folder, NULL, NULL))
    g_error ("The storage could not be opened");
  fill (storage);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      double start;

      mkv_storage_close (storage, NULL);
      g_clear_object (&store);
      g_clear_object (&storage);
      start = mkv_bench_now ();
      store = open_store (folder, &storage);
      times[i] = mkv_bench_now () - start;
    }
  mkv_storage_close (storage, NULL);
  return mkv_bench_report ("lmdb-open-million", "s", mkv_bench_median (times, G_N_ELEMENTS (times)) / 1e9, 0, "at-most",
                           1.5);
}

int
main (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mkv-bench-XXXXXX", NULL);
  g_autofree char *store_folder = g_build_filename (folder, "store", NULL);
  g_autofree char *raw_folder = g_build_filename (folder, "raw", NULL);
  g_autofree char *big_folder = g_build_filename (folder, "big", NULL);
  g_autofree char *plain_folder = g_build_filename (folder, "plain", NULL);
  g_autoptr (MkvBenchSqlite) sqlite = mkv_bench_sqlite_new (folder), plain = NULL;
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) store = open_store (store_folder, &storage);
  gboolean good;
  Raw raw;

  g_mkdir (raw_folder, 0700);
  g_mkdir (plain_folder, 0700);
  plain = mkv_bench_sqlite_new (plain_folder);
  raw_open (&raw, raw_folder);
  make_data ();
  store_write (store, N_KEYS, 250);
  raw_write (&raw, N_KEYS, 1000);
  sqlite_write (sqlite, N_KEYS, 1000, FALSE);
  sqlite_write (plain, N_KEYS, 1000, TRUE);

  good = bench_gets (store, &raw, sqlite);
  good = bench_writes (store, &raw, sqlite, plain) && good;
  good = bench_open (big_folder) && good;

  mkv_storage_close (storage, NULL);
  mdb_env_close (raw.env);
  mkv_test_remove_folder (folder);
  return good ? 0 : 1;
}
