/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Group commit under threads: run under TSan by `tools/check --tsan`.
 */
#include "base/mkv-error.h"
#include "base/mkv-plugin-error.h"
#include "mkv-test.h"
#include "mkv-test-storage.h"
#include "store/mkv-local-store-private.h"

#define N_THREADS 8
#define N_WRITES 400

typedef struct
{
  MkvTestStorage *storage;
  MkvStore *store;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->storage = mkv_test_storage_new ();
  f->store = (MkvStore *) mkv_local_store_new (MKV_STORAGE (f->storage), "m", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  mkv_test_storage_let (f->storage, TRUE);
  mkv_local_store_shut_down ((MkvLocalStore *) f->store);
  g_object_unref (f->store);
  g_object_unref (f->storage);
}

static gint64
number_of (Fixture *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);
  g_autofree char *text = entry != NULL ? mkv_entry_dup_text (entry) : NULL;

  return text != NULL ? g_ascii_strtoll (text, NULL, 10) : 0;
}

static gpointer
increment_many (gpointer data)
{
  Fixture *f = data;

  for (guint i = 0; i < N_WRITES; i++)
    {
      g_autoptr (GError) error = NULL;

      mkv_store_increment (f->store, "n", 1, NULL, NULL, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

static void
test_many_threads (Fixture *f, gconstpointer data)
{
  GThread *threads[N_THREADS];

  g_test_summary ("Increments from many threads at once all count");
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("writer", increment_many, f);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (number_of (f, "n"), ==, N_THREADS * N_WRITES);
}

static void
count_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  mkv_store_increment_finish ((MkvStore *) source, result, NULL, &error);
  g_assert_no_error (error);
  ++*(guint *) user_data;
}

static gboolean
all_counted (gpointer user_data)
{
  return *(guint *) user_data == N_WRITES;
}

static void
test_sync_and_async (Fixture *f, gconstpointer data)
{
  GThread *thread = g_thread_new ("writer", increment_many, f);
  guint n = 0;

  g_test_summary ("Synchronous writes of the node's thread, asynchronous ones and another thread's get along");
  for (guint i = 0; i < N_WRITES; i++)
    {
      mkv_store_increment_async (f->store, "n", 1, NULL, count_result, &n);
      g_assert_true (mkv_store_increment (f->store, "n", 1, NULL, NULL, NULL));
    }
  mkv_test_run_until (all_counted, &n);
  g_thread_join (thread);
  g_assert_cmpint (number_of (f, "n"), ==, 3 * N_WRITES);
}

static void
write_again (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  guint *left = user_data;

  if (*left > 0)
    {
      --*left;
      g_assert_true (mkv_store_increment (store, "handled", 1, NULL, NULL, NULL));
    }
}

static gboolean
is_zero (gpointer user_data)
{
  return *(guint *) user_data == 0;
}

static void
test_handler_and_threads (Fixture *f, gconstpointer data)
{
  GThread *thread;
  guint left = N_WRITES;

  g_test_summary ("A handler of `changed` writes synchronously while others write: no deadlock");
  g_signal_connect (f->store, "changed", G_CALLBACK (write_again), &left);
  thread = g_thread_new ("writer", increment_many, f);
  g_assert_true (mkv_store_increment (f->store, "n", 1, NULL, NULL, NULL));
  mkv_test_run_until (is_zero, &left);
  g_thread_join (thread);
  g_assert_cmpint (number_of (f, "handled"), ==, N_WRITES);
  g_assert_cmpint (number_of (f, "n"), ==, N_WRITES + 1);
}

static gpointer
set_one (gpointer data)
{
  Fixture *f = data;
  GError *error = NULL;

  mkv_store_increment (f->store, "n", 1, NULL, NULL, &error);
  return error;
}

static void
test_shared_commit (Fixture *f, gconstpointer data)
{
  GThread *threads[N_THREADS];
  guint before;

  g_test_summary ("Writes that come while a leader commits are committed together, in one transaction");
  before = mkv_test_storage_get_n_applied (f->storage);
  mkv_test_storage_let (f->storage, FALSE);
  threads[0] = g_thread_new ("leader", set_one, f);
  mkv_test_storage_wait_blocked (f->storage);
  for (guint i = 1; i < N_THREADS; i++)
    threads[i] = g_thread_new ("follower", set_one, f);
  /* They are in the queue when they all wait; there is no way to ask for that,
   * and being late only makes the test weaker. */
  g_usleep (50000);
  mkv_test_storage_let (f->storage, TRUE);
  for (guint i = 0; i < N_THREADS; i++)
    g_assert_null (g_thread_join (threads[i]));
  g_assert_cmpint (number_of (f, "n"), ==, N_THREADS);
  g_assert_cmpuint (mkv_test_storage_get_n_applied (f->storage) - before, <, N_THREADS);
}

static void
test_failing_apply (Fixture *f, gconstpointer data)
{
  GThread *threads[N_THREADS];
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) first = NULL, second = NULL;

  g_test_summary ("If the storage fails the whole batch fails, nothing is changed and no seq is used");
  g_assert_true (mkv_store_increment (f->store, "n", 1, NULL, NULL, NULL));
  first = mkv_store_get_entry (f->store, "n", NULL, NULL);
  mkv_test_storage_fail (f->storage, TRUE);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("writer", set_one, f);
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_autoptr (GError) failed = g_thread_join (threads[i]);

      g_assert_error (failed, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
    }
  mkv_test_storage_fail (f->storage, FALSE);
  g_assert_cmpint (number_of (f, "n"), ==, 1);
  mkv_store_increment (f->store, "n", 1, NULL, NULL, &error);
  g_assert_no_error (error);
  second = mkv_store_get_entry (f->store, "n", NULL, NULL);
  g_assert_cmpint (mkv_entry_get_stamp (second)->seq, ==, mkv_entry_get_stamp (first)->seq + 1);
}

static void
test_silent_failure (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A storage that fails to read without saying why does not get overwritten");
  g_assert_true (mkv_store_increment (f->store, "n", 7, NULL, NULL, NULL));
  mkv_test_storage_fail_reads (f->storage, TRUE);
  g_assert_false (mkv_store_increment (f->store, "n", 1, NULL, NULL, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_FAILED);
  mkv_test_storage_fail_reads (f->storage, FALSE);
  g_assert_cmpint (number_of (f, "n"), ==, 7);
}

typedef struct
{
  Fixture *f;
  GCancellable *cancellable;
} Cancelled;

static gpointer
set_cancelled (gpointer data)
{
  Cancelled *cancelled = data;
  GError *error = NULL;

  mkv_store_increment (cancelled->f->store, "n", 1, NULL, cancelled->cancellable, &error);
  return error;
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) before = g_cancellable_new (), waiting = g_cancellable_new (),
                           pushed = g_cancellable_new (), leading = g_cancellable_new ();
  Cancelled as_leader = { f, leading }, as_follower = { f, waiting };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL, follower_error = NULL;
  GThread *leader, *follower;

  g_test_summary ("Cancelling works until a leader has taken the write");
  g_cancellable_cancel (before);
  g_assert_false (mkv_store_increment (f->store, "n", 1, NULL, before, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  mkv_test_storage_let (f->storage, FALSE);
  leader = g_thread_new ("leader", set_cancelled, &as_leader);
  mkv_test_storage_wait_blocked (f->storage);
  follower = g_thread_new ("follower", set_cancelled, &as_follower);
  mkv_store_increment_async (f->store, "n", 1, pushed, mkv_test_store_result, &result);
  g_cancellable_cancel (leading);
  g_cancellable_cancel (waiting);
  g_cancellable_cancel (pushed);
  follower_error = g_thread_join (follower);
  g_assert_error (follower_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (mkv_store_increment_finish (f->store, mkv_test_wait_result (&result), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mkv_test_storage_let (f->storage, TRUE);
  g_assert_null (g_thread_join (leader));
  g_assert_cmpint (number_of (f, "n"), ==, 1);
}

static gpointer
cancel_at_random (gpointer data)
{
  Fixture *f = data;
  gsize n_done = 0;

  for (guint i = 0; i < N_WRITES; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Cancelled cancelled = { f, cancellable };
      GThread *thread = g_thread_new ("cancelled", set_cancelled, &cancelled);
      g_autoptr (GError) error = NULL;

      g_cancellable_cancel (cancellable);
      error = g_thread_join (thread);
      if (error == NULL)
        n_done++;
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  return GSIZE_TO_POINTER (n_done);
}

static void
test_cancel_at_random (Fixture *f, gconstpointer data)
{
  GThread *canceller, *writer;
  gsize n_done;

  g_test_summary ("A write that was cancelled was not done, and one that was done is not reported cancelled");
  writer = g_thread_new ("writer", increment_many, f);
  canceller = g_thread_new ("canceller", cancel_at_random, f);
  n_done = GPOINTER_TO_SIZE (g_thread_join (canceller));
  g_thread_join (writer);
  g_assert_cmpint (number_of (f, "n"), ==, (gint64) n_done + N_WRITES);
}

static void
test_shut_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Shutting down finishes what is queued and refuses what comes later");
  mkv_store_increment_async (f->store, "n", 1, NULL, mkv_test_store_result, &result);
  mkv_local_store_shut_down ((MkvLocalStore *) f->store);
  g_assert_true (mkv_store_increment_finish (f->store, mkv_test_wait_result (&result), NULL, NULL));
  g_assert_false (mkv_store_increment (f->store, "n", 1, NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_clear_object (&result);
  mkv_store_increment_async (f->store, "n", 1, NULL, mkv_test_store_result, &result);
  g_assert_false (mkv_store_increment_finish (f->store, mkv_test_wait_result (&result), NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_assert_cmpint (number_of (f, "n"), ==, 1);
}

#define ADD(path, func) g_test_add ("/commit-queue/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  ADD ("many-threads", test_many_threads);
  ADD ("sync-and-async", test_sync_and_async);
  ADD ("handler-and-threads", test_handler_and_threads);
  ADD ("shared-commit", test_shared_commit);
  ADD ("failing-apply", test_failing_apply);
  ADD ("silent-failure", test_silent_failure);
  ADD ("cancel", test_cancel);
  ADD ("cancel-at-random", test_cancel_at_random);
  ADD ("shut-down", test_shut_down);
  return g_test_run ();
}
