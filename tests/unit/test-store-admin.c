/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Counting, verifying and compacting an open store. */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-store-world.h"

/* A thread may hold its task, and with it the store, a moment longer than the
 * callback takes to come. */
static void
tear_down (StoreWorld *f, gconstpointer data)
{
  while (g_atomic_int_get (&G_OBJECT (f->store)->ref_count) > 1)
    g_main_context_iteration (NULL, TRUE);
  store_world_tear_down (f, data);
}

static void
check_problems (StoreWorld *f, const char *expected)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  g_autofree char *found = NULL;

  mkv_local_store_verify_async (MKV_LOCAL_STORE (f->store), NULL, NULL, NULL, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  problems = mkv_local_store_verify_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
  found = g_strjoinv ("|", problems);
  g_assert_cmpstr (found, ==, expected);
}

/* Puts something into the storage without the store's knowing. */
static void
meddle (StoreWorld *f, MkvEntry *entry, const char *meta, const char *value)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;

  if (entry != NULL)
    mkv_storage_batch_put (batch, entry);
  if (meta != NULL)
    mkv_storage_batch_set_meta (batch, meta, bytes);
  g_assert_true (mkv_storage_apply (f->storage, batch, NULL));
}

static void
test_stats (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) stats = NULL;
  gint64 number;
  const char *text;

  g_test_summary ("The numbers are those of the store");
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "2");
  store_world_set (f, "c", "3");
  g_assert_true (mkv_store_delete (f->store, "c", NULL, NULL));
  mkv_local_store_get_stats_async (MKV_LOCAL_STORE (f->store), NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  stats = mkv_local_store_get_stats_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
#define ASSERT_NUMBER(name, expected)                              \
  g_assert_true (g_variant_lookup (stats, name, "x", &number));    \
  g_assert_cmpint (number, ==, expected)
  ASSERT_NUMBER ("entries", 2);
  ASSERT_NUMBER ("tombstones", 1);
  ASSERT_NUMBER ("graves", 0);
  ASSERT_NUMBER ("outbox", 3);
  ASSERT_NUMBER ("seq", NOW * 1024 + 3);
  g_assert_true (g_variant_lookup (stats, "octets", "x", &number));
  g_assert_cmpint (number, >, 0);
  g_assert_true (g_variant_lookup (stats, "horizon", "x", &number));
  g_assert_cmpint (number % 3600000, ==, 0);
  g_assert_true (g_variant_lookup (stats, "node_id", "&s", &text));
  g_assert_cmpstr (text, ==, "m");
  g_assert_true (g_variant_lookup (stats, "format", "&s", &text));
  g_assert_cmpstr (text, ==, "1");
  g_assert_true (g_variant_lookup (stats, "root", "&s", &text));
  g_assert_cmpuint (strlen (text), ==, 64);
}

static void
test_verify_clean (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvEntry) far = store_world_make ("far", "1", NOW + SKEW, "x", 1);

  g_test_summary ("A store that is well has no problems, whatever happened to it");
  check_problems (f, "");
  for (guint i = 0; i < 700; i++)
    {
      g_autofree char *key = g_strdup_printf ("key/%u", i);

      store_world_set (f, key, "value");
      if (i % 3 == 0)
        g_assert_true (mkv_store_delete (f->store, key, NULL, NULL));
    }
  store_world_apply (f, far, 1, 0, 0, 0);
  check_problems (f, "");
  /* The clock steps back, and again as far as the horizon goes. */
  mkv_manual_clock_set_time (f->clock, NOW - SKEW);
  check_problems (f, "");
  mkv_manual_clock_set_time (f->clock, NOW + G_GINT64_CONSTANT (7 * 24 * 3600000));
  check_problems (f, "");
}

static void
test_verify_damage (StoreWorld *f, gconstpointer data)
{
  static const guint8 wrong[32];
  g_autoptr (GBytes) digest = g_bytes_new_static (wrong, sizeof wrong), value = mkv_test_bytes ("1");
  g_autoptr (MkvEntry) bad = mkv_entry_new_with_digest ("bad", value, NOW, "x", 1, digest, NULL);
  g_autoptr (MkvEntry) own = store_world_make ("own", "1", NOW, "m", NOW * 2048);
  g_autoptr (GString) expected = g_string_new (NULL);

  g_test_summary ("What is wrong is named: a digest, a seq, a mark, the clock, the tree");
  store_world_set (f, "a", "1");
  meddle (f, NULL, "outbox/0000000000000001/a", "");
  check_problems (f, "The outbox holds the mark “outbox/0000000000000001/a” of an entry that is not there");
  meddle (f, NULL, "outbox/0000000000000001/a", NULL);
  meddle (f, NULL, "outbox/1", "");
  check_problems (f, "The outbox holds the mark “outbox/1” of an entry that is not there");
  meddle (f, NULL, "outbox/1", NULL);

  meddle (f, bad, NULL, NULL);
  g_string_append (expected, "The entry of “bad” has another digest than its content: write it again, or have it synced|");
  meddle (f, own, NULL, NULL);
  g_string_append_printf (expected, "An entry of this node has seq %" G_GINT64_FORMAT
                          ", and the last one used is recorded as %" G_GINT64_FORMAT "|", NOW * 2048, NOW * 1024);
  g_string_append (expected, "The tree that is compared with other replicas is not that of the entries: it is right again "
                             "when the store is opened the next time");
  check_problems (f, expected->str);
  meddle (f, NULL, "clock", "soon");
  g_string_assign (expected, "The entry of “bad” has another digest than its content: write it again, or have it synced|"
                             "The record of the clock and seq is damaged|"
                             "The tree that is compared with other replicas is not that of the entries: it is right again "
                             "when the store is opened the next time");
  check_problems (f, expected->str);
}

typedef struct
{
  guint64 done, total;
} Progress;

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  *(Progress *) user_data = (Progress){ done, total };
}

static void
test_verify_progress (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL, cancelled = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  Progress progress = { 0 };

  g_test_summary ("Verifying tells how far it is, and can be cancelled");
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key/%u", i);

      store_world_set (f, key, "value");
    }
  mkv_local_store_verify_async (MKV_LOCAL_STORE (f->store), on_progress, &progress, NULL, cancellable,
                                mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  problems = mkv_local_store_verify_finish (MKV_LOCAL_STORE (f->store), result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (progress.done, ==, 1000);
  g_assert_cmpuint (progress.total, ==, 1000);

  g_cancellable_cancel (cancellable);
  mkv_local_store_verify_async (MKV_LOCAL_STORE (f->store), NULL, NULL, NULL, cancellable, mkv_test_store_result,
                                &cancelled);
  mkv_test_wait_result (&cancelled);
  g_assert_null (mkv_local_store_verify_finish (MKV_LOCAL_STORE (f->store), cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gpointer
write_many (gpointer data)
{
  StoreWorld *f = data;

  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key/%u", i % 500);

      if (i % 7 == 0)
        g_assert_true (mkv_store_delete (f->store, key, NULL, NULL));
      else
        store_world_set (f, key, "value");
    }
  return NULL;
}

static void
test_verify_writing (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GThread) thread = NULL;

  g_test_summary ("A store that is being written has no problems by that");
  thread = g_thread_new ("writer", write_many, f);
  for (guint i = 0; i < 20; i++)
    check_problems (f, "");
  g_thread_join (g_steal_pointer (&thread));
  check_problems (f, "");
}

static void
test_not_supported (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) compacted = NULL, copied = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What a storage can't do is said");
  mkv_local_store_compact_async (MKV_LOCAL_STORE (f->store), NULL, NULL, NULL, NULL, mkv_test_store_result,
                                 &compacted);
  mkv_test_wait_result (&compacted);
  g_assert_false (mkv_local_store_compact_finish (MKV_LOCAL_STORE (f->store), compacted, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  mkv_local_store_backup_async (MKV_LOCAL_STORE (f->store), "/nonexistent/copy", NULL, NULL, NULL, NULL,
                                mkv_test_store_result, &copied);
  mkv_test_wait_result (&copied);
  g_assert_false (mkv_local_store_backup_finish (MKV_LOCAL_STORE (f->store), copied, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);
#define ADD(name, func) g_test_add ("/store/admin/" name, StoreWorld, NULL, store_world_set_up, func, tear_down)
  ADD ("stats", test_stats);
  ADD ("verify-clean", test_verify_clean);
  ADD ("verify-damage", test_verify_damage);
  ADD ("verify-progress", test_verify_progress);
  ADD ("verify-writing", test_verify_writing);
  ADD ("not-supported", test_not_supported);
  return g_test_run ();
}
