/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-crash-work.h"

#include <stdlib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-storage-file.h"
#include "mkv-storage-lmdb.h"

#define SKEW 300000

/* Sebastiano Vigna's splitmix64, public domain (https://prng.di.unimi.it/splitmix64.c). */
static guint64
scramble (guint64 x)
{
  x += G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
  return x ^ (x >> 31);
}

CrashOp
crash_op (guint thread, guint number)
{
  guint64 random = scramble (((guint64) thread << 32) + number);
  CrashOp op = { .keys = { random % CRASH_KEYS } };

  op.keys[1] = (op.keys[0] + 1) % CRASH_KEYS;
  random = scramble (random);
  op.kind = random % 8 == 0 ? CRASH_DELETE : random % 8 == 1 ? CRASH_PAIR : CRASH_SET;
  random = scramble (random);
  op.length = random % 32 == 0 ? random / 32 % 20000 : random / 32 % 400;
  return op;
}

char *
crash_key (guint thread, guint key)
{
  return g_strdup_printf ("t%u/%02u", thread, key);
}

GBytes *
crash_value (guint thread, guint number)
{
  CrashOp op = crash_op (thread, number);
  GString *text = g_string_new (NULL);

  g_string_printf (text, "%u:", number);
  for (gsize i = 0; i < op.length; i++)
    g_string_append_c (text, (char) ('a' + (number + i) % 26));
  return g_string_free_to_bytes (text);
}

void
crash_model_advance (CrashModel *self, guint thread, guint done)
{
  for (guint number = self->done[thread] + 1; number <= done; number++)
    {
      CrashOp op = crash_op (thread, number);

      self->writers[thread][op.keys[0]] = number;
      if (op.kind == CRASH_PAIR)
        self->writers[thread][op.keys[1]] = number;
    }
  self->done[thread] = done;
}

MkvStorage *
crash_open_storage (const char *backend, const char *path, GError **error)
{
  g_autoptr (MkvStorage) storage = NULL;

  storage = g_str_equal (backend, "file") ? mkv_storage_file_new () : mkv_storage_lmdb_new ();
  return mkv_storage_open (storage, path, NULL, error) ? g_steal_pointer (&storage) : NULL;
}

MkvLocalStore *
crash_open_store (MkvStorage *storage, MkvDurability durability, GError **error)
{
  const MkvStorePolicy policy = { .durability = durability, .outbox = TRUE, .skew_max_future = SKEW };
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);

  return mkv_local_store_new_full (storage, "crash", clock, observer, &policy, error);
}

MkvDurability
crash_parse_durability (const char *name)
{
  return g_str_equal (name, "none")      ? MKV_DURABILITY_NONE
         : g_str_equal (name, "ordered") ? MKV_DURABILITY_ORDERED
                                         : MKV_DURABILITY_DURABLE;
}

/* What was found under each key. */
typedef struct
{
  MkvEntry *entries[CRASH_THREADS][CRASH_KEYS];
  gint64 greatest_seq;
} Found;

static void
found_clear (Found *self)
{
  for (guint t = 0; t < CRASH_THREADS; t++)
    for (guint k = 0; k < CRASH_KEYS; k++)
      g_clear_pointer (&self->entries[t][k], mkv_entry_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static void
find_all (MkvStorage *storage, Found *found)
{
  for (guint t = 0; t < CRASH_THREADS; t++)
    for (guint k = 0; k < CRASH_KEYS; k++)
      {
        g_autofree char *key = crash_key (t, k);
        g_autoptr (GError) error = NULL;
        MkvEntry *entry = mkv_storage_get (storage, key, &error);

        found->entries[t][k] = entry;
        if (entry == NULL)
          g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
        else
          found->greatest_seq = MAX (found->greatest_seq, mkv_entry_get_stamp (entry)->seq);
      }
}

/* The operation that wrote the entry of @key. A tombstone does not say so itself:
 * its seq does, or it is of the operation under way. */
static guint
get_writer (const CrashLog *log, const CrashModel *before, guint thread, guint key, MkvEntry *entry)
{
  gint64 seq = mkv_entry_get_stamp (entry)->seq;
  gint n_acked = log->acked[thread];

  if (!mkv_entry_is_tombstone (entry))
    return (guint) strtoul ((const char *) mkv_entry_peek_value (entry, &(gsize){ 0 }), NULL, 10);
  for (gint i = n_acked - 1; i >= 0; i--)
    if (log->seqs[thread][i] == seq)
      return log->first[thread] + (guint) i;
  if (log->started[thread] > n_acked)
    {
      guint number = log->first[thread] + (guint) n_acked;
      CrashOp op = crash_op (thread, number);

      /* Its seq is greater than all that the thread was told of. */
      if (op.kind == CRASH_DELETE && op.keys[0] == key && (n_acked == 0 || seq > log->seqs[thread][n_acked - 1]) &&
          before->writers[thread][key] != number)
        return number;
    }
  return before->writers[thread][key];
}

static void
assert_holds (guint thread, guint key, guint writer, MkvEntry *entry)
{
  g_autofree char *name = crash_key (thread, key);
  g_autoptr (GBytes) expected = NULL;

  if (writer == 0)
    {
      if (entry != NULL)
        g_error ("%s holds something that was never written", name);
      return;
    }
  if (entry == NULL)
    g_error ("%s is lost: operation %u wrote it", name, writer);
  if (crash_op (thread, writer).kind == CRASH_DELETE)
    {
      if (!mkv_entry_is_tombstone (entry))
        g_error ("%s is back: operation %u deleted it", name, writer);
      return;
    }
  expected = crash_value (thread, writer);
  if (mkv_entry_is_tombstone (entry) || !g_bytes_equal (mkv_entry_get_value (entry), expected))
    g_error ("%s does not hold what operation %u wrote", name, writer);
}

/* How many operations of @thread are to be there if all that has a seq up to @seq is. */
static guint
count_up_to (const CrashLog *log, guint thread, gint64 seq)
{
  guint n = 0;

  while (n < (guint) log->acked[thread] && log->seqs[thread][n] <= seq)
    n++;
  return log->first[thread] - 1 + n;
}

static void
check_thread (const CrashLog *log, gboolean all, CrashModel *model, guint thread, Found *found)
{
  const guint first = log->first[thread], n_acked = (guint) log->acked[thread];
  guint done = first - 1, prefix = count_up_to (log, thread, found->greatest_seq);

  for (guint k = 0; k < CRASH_KEYS; k++)
    if (found->entries[thread][k] != NULL)
      done = MAX (done, get_writer (log, model, thread, k, found->entries[thread][k]));
  if (done > first - 1 + (guint) log->started[thread])
    g_error ("thread %u: operation %u is there, which was never begun", thread, done);
  if (all && done < first - 1 + n_acked)
    g_error ("thread %u: lost what was acknowledged: %u is there, %u was acknowledged", thread, done,
             first - 1 + n_acked);
  if (done < prefix || (done > prefix && prefix != first - 1 + n_acked))
    g_error ("thread %u: not a prefix in the order of commits: %u is there, %u should be", thread, done, prefix);
  crash_model_advance (model, thread, done);
  for (guint k = 0; k < CRASH_KEYS; k++)
    assert_holds (thread, k, model->writers[thread][k], found->entries[thread][k]);
}

static void
check_outbox (MkvLocalStore *store, const CrashLog *log, Found *found)
{
  g_autoptr (GHashTable) marked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gint64 after = 0;

  for (;;)
    {
      gint64 last;
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) page = mkv_local_store_list_outbox (store, after, 100, &last, &error);

      g_assert_no_error (error);
      for (guint i = 0; i < page->len; i++)
        g_hash_table_add (marked, g_strdup (mkv_entry_get_key (page->pdata[i])));
      if (last == after)
        break;
      after = last;
    }
  for (guint t = 0; t < CRASH_THREADS; t++)
    for (guint k = 0; k < CRASH_KEYS; k++)
      {
        MkvEntry *entry = found->entries[t][k];

        if (entry != NULL && mkv_entry_get_stamp (entry)->seq > log->cleared[t][k] &&
            !g_hash_table_contains (marked, mkv_entry_get_key (entry)))
          g_error ("%s was not published and is not in the outbox", mkv_entry_get_key (entry));
      }
}

/* The next write's seq is greater than all that there were. */
static void
check_seq (MkvLocalStore *store, const CrashLog *log)
{
  g_autoptr (GBytes) value = g_bytes_new_static ("x", 1);
  g_autoptr (MkvEntry) entry = NULL;
  g_autoptr (GError) error = NULL;

  mkv_store_set (MKV_STORE (store), "probe", value, NULL, &error);
  g_assert_no_error (error);
  entry = mkv_store_get_entry (MKV_STORE (store), "probe", NULL, &error);
  g_assert_no_error (error);
  for (guint t = 0; t < CRASH_THREADS; t++)
    if (log->acked[t] > 0 && mkv_entry_get_stamp (entry)->seq <= log->seqs[t][log->acked[t] - 1])
      g_error ("seq went back to %" G_GINT64_FORMAT, mkv_entry_get_stamp (entry)->seq);
}

void
crash_check (const char *backend, const char *path, const CrashLog *log, gboolean all, CrashModel *model)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvStorage) storage = crash_open_storage (backend, path, &error);
  g_autoptr (MkvLocalStore) store = NULL;
  g_auto (GStrv) problems = NULL;
  g_auto (Found) found = { 0 };

  g_assert_no_error (error);
  problems = mkv_storage_verify (storage, &error);
  g_assert_no_error (error);
  if (problems[0] != NULL)
    g_error ("verify: %s", problems[0]);
  find_all (storage, &found);
  for (guint t = 0; t < CRASH_THREADS; t++)
    check_thread (log, all, model, t, &found);

  store = crash_open_store (storage, MKV_DURABILITY_DURABLE, &error);
  g_assert_no_error (error);
  check_outbox (store, log, &found);
  check_seq (store, log);
  mkv_local_store_shut_down (store);
  mkv_storage_close (storage, &error);
  g_assert_no_error (error);
}
