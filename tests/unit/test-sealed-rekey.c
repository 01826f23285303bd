/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-sealed-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test-storage.h"
#include "mkv-test.h"

/* Several pages. */
#define N 600

typedef struct
{
  const char *name;
  char from, to; /* 0 for none */
} Change;

static const Change changes[] = {
  { "encrypt", 0, 'a' },
  { "change", 'a', 'b' },
  { "decrypt", 'a', 0 },
  { "same", 'a', 'a' },
};

static void
assert_form (MkvStorage *inner, char letter)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvStorage) wrong = mkv_sealed_world_open (inner, 'x', 0, &error);
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (inner, letter);
  g_autoptr (GPtrArray) names = NULL;

  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  mkv_sealed_world_assert_filled (storage, N, 0);
  if (letter != 0)
    return;
  /* Nothing is left of what was sealed. */
  mkv_sealed_world_assert_filled (inner, N, 0);
  names = mkv_storage_scan_meta (inner, "sealed", NULL, 1, NULL);
  g_assert_cmpuint (names->len, ==, 0);
}

static void
test_rekey (gconstpointer data)
{
  const Change *change = data;
  g_autoptr (MkvStorage) inner = mkv_storage_memory_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (inner, change->from);
  g_autoptr (MkvEntry) before = NULL, after = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A storage is encrypted, gets another key and is decrypted in place");
  mkv_sealed_world_fill (storage, N, 0);
  before = mkv_storage_get (inner, "key/00001", NULL);
  mkv_sealed_world_rekey (storage, change->to, NULL, &error);
  g_assert_no_error (error);
  mkv_sealed_world_assert_filled (storage, N, 0);
  g_assert_true (mkv_storage_close (storage, NULL));
  after = mkv_storage_get (inner, "key/00001", NULL);
  g_assert_cmpint (mkv_entry_compare (before, after), !=, 0);
  assert_form (inner, change->to);
}

/* The process ends behind the n-th batch that a change of the key writes. */
static gboolean
interrupt (const Change *change, guint n)
{
  g_autoptr (MkvTestStorage) inner = mkv_test_storage_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (MKV_STORAGE (inner), change->from), resumed = NULL;
  g_autoptr (GError) error = NULL, open_error = NULL;
  guint n_before;
  gboolean done;

  mkv_sealed_world_fill (storage, N, 0);
  mkv_test_storage_fail_after (inner, n);
  done = mkv_sealed_world_rekey (storage, change->to, NULL, &error);
  mkv_test_storage_fail (inner, FALSE);
  /* Closing writes nothing: as if it had not been. */
  g_clear_object (&storage);
  if (n == 0)
    {
      g_assert_false (done);
      assert_form (MKV_STORAGE (inner), change->from);
      return TRUE;
    }
  if (done)
    {
      assert_form (MKV_STORAGE (inner), change->to);
      return FALSE;
    }
  /* Half-way, both keys are needed, and opening goes on to the end. */
  resumed = mkv_sealed_world_open (MKV_STORAGE (inner), change->from, change->to, &open_error);
  g_assert_no_error (open_error);
  mkv_sealed_world_assert_filled (resumed, N, 0);
  /* And asked for again, nothing is left to do. */
  n_before = mkv_test_storage_get_n_applied (inner);
  g_assert_true (mkv_sealed_world_rekey (resumed, change->to, NULL, NULL));
  g_assert_cmpuint (mkv_test_storage_get_n_applied (inner), ==, n_before);
  g_clear_object (&resumed);
  assert_form (MKV_STORAGE (inner), change->to);
  return TRUE;
}

static void
test_interrupted (gconstpointer data)
{
  guint n = 0;

  g_test_summary ("However far a change of the key came, the next opening brings it to its end");
  while (interrupt (data, n))
    n++;
  g_assert_cmpuint (n, >=, 7);
}

static void
test_unfinished (void)
{
  g_autoptr (MkvTestStorage) inner = mkv_test_storage_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (MKV_STORAGE (inner), 'a');
  static const char keys[][2] = { { 'a', 0 }, { 'b', 0 }, { 'a', 'x' }, { 'x', 'b' } };

  g_test_summary ("A change of the key that was not finished needs both keys, and says so");
  mkv_sealed_world_fill (storage, N, 0);
  mkv_test_storage_fail_after (inner, 2);
  g_assert_false (mkv_sealed_world_rekey (storage, 'b', NULL, NULL));
  mkv_test_storage_fail (inner, FALSE);
  g_clear_object (&storage);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_sealed_world_open (MKV_STORAGE (inner), keys[i][0], keys[i][1], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
      g_assert_nonnull (strstr (error->message, "not finished"));
    }
  storage = mkv_sealed_world_open (MKV_STORAGE (inner), 'b', 'a', NULL);
  g_assert_nonnull (storage);
  mkv_sealed_world_assert_filled (storage, N, 0);
}

static void
test_failed (void)
{
  g_autoptr (MkvTestStorage) inner = mkv_test_storage_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (MKV_STORAGE (inner), 'a');
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("After a change that failed or was cancelled the storage works on, and the next brings it to its end");
  mkv_sealed_world_fill (storage, N, 0);
  mkv_test_storage_fail_after (inner, 2);
  g_assert_false (mkv_sealed_world_rekey (storage, 'b', NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  mkv_test_storage_fail (inner, FALSE);
  mkv_sealed_world_assert_filled (storage, N, 0);
  g_cancellable_cancel (cancellable);
  g_assert_false (mkv_sealed_world_rekey (storage, 'b', cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mkv_sealed_world_assert_filled (storage, N, 0);
  mkv_sealed_world_rekey (storage, 'c', NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&storage);
  assert_form (MKV_STORAGE (inner), 'c');
}

static void
test_refused (void)
{
  g_autoptr (MkvTestStorage) inner = mkv_test_storage_new ();
  g_autoptr (GBytes) key = mkv_sealed_world_key ('a'), half = g_bytes_new_from_bytes (key, 0, 31);
  g_autoptr (MkvSealedStorage) storage = mkv_sealed_storage_new (MKV_STORAGE (inner), key);
  g_autoptr (GAsyncResult) short_result = NULL, first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A closed storage, a key of another length and a second change at once are refused");
  g_assert_false (mkv_sealed_world_rekey (MKV_STORAGE (storage), 'b', NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_true (mkv_storage_open (MKV_STORAGE (storage), NULL, NULL, NULL));
  mkv_sealed_storage_rekey_async (storage, half, NULL, NULL, NULL, NULL, mkv_test_store_result, &short_result);
  mkv_test_wait_result (&short_result);
  g_assert_false (mkv_sealed_storage_rekey_finish (storage, short_result, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_clear_error (&error);

  mkv_test_storage_let (inner, FALSE);
  mkv_sealed_storage_rekey_async (storage, key, NULL, NULL, NULL, NULL, mkv_test_store_result, &first);
  mkv_test_storage_wait_blocked (inner);
  mkv_sealed_storage_rekey_async (storage, key, NULL, NULL, NULL, NULL, mkv_test_store_result, &second);
  mkv_test_wait_result (&second);
  g_assert_false (mkv_sealed_storage_rekey_finish (storage, second, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  mkv_test_storage_let (inner, TRUE);
  mkv_test_wait_result (&first);
  g_assert_true (mkv_sealed_storage_rekey_finish (storage, first, NULL));
}

typedef struct
{
  guint64 done, total;
  guint n_ended;
} Told;

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  Told *told = user_data;

  g_assert_cmpuint (told->n_ended, ==, 0);
  g_assert_cmpuint (done, >=, told->done);
  told->done = done;
  told->total = total;
}

static void
on_progress_end (gpointer user_data)
{
  ((Told *) user_data)->n_ended++;
}

static void
test_progress (void)
{
  g_autoptr (MkvStorage) inner = mkv_storage_memory_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (inner, 'a');
  g_autoptr (GBytes) key = mkv_sealed_world_key ('b');
  g_autoptr (GAsyncResult) result = NULL;
  Told told = { 0 };

  g_test_summary ("Who asks is told how many entries have the new key, and of how many");
  mkv_sealed_world_fill (storage, N, 0);
  mkv_sealed_storage_rekey_async (MKV_SEALED_STORAGE (storage), key, on_progress, &told, on_progress_end, NULL,
                                  mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  g_assert_true (mkv_sealed_storage_rekey_finish (MKV_SEALED_STORAGE (storage), result, NULL));
  g_assert_cmpuint (told.done, ==, N);
  g_assert_cmpuint (told.total, ==, N);
  g_assert_cmpuint (told.n_ended, ==, 1);
}

typedef struct
{
  MkvStorage *storage;
  gint stopping; /* atomic */
} Traffic;

static gpointer
read_on (gpointer data)
{
  Traffic *traffic = data;

  for (guint i = 0; !g_atomic_int_get (&traffic->stopping); i++)
    {
      g_autofree char *key = g_strdup_printf ("key/%05u", i % N), *name = g_strdup_printf ("meta/%05u", i % N);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvEntry) entry = mkv_storage_get (traffic->storage, key, &error);
      g_autoptr (GBytes) value = NULL;
      g_autoptr (GPtrArray) page = NULL;

      g_assert_no_error (error);
      g_assert_cmpint (mkv_entry_is_tombstone (entry), ==, i % N % 7 == 0);
      g_assert_cmpint (mkv_entry_get_stamp (entry)->seq % 100000, ==, 1 + i % N);
      value = mkv_storage_get_meta (traffic->storage, name, &error);
      g_assert_no_error (error);
      g_assert_true (g_str_has_prefix (g_bytes_get_data (value, NULL), "secret record "));
      page = mkv_storage_scan (traffic->storage, NULL, key, 5, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

static gpointer
write_on (gpointer data)
{
  Traffic *traffic = data;
  guint round = 0;

  while (!g_atomic_int_get (&traffic->stopping))
    mkv_sealed_world_fill (traffic->storage, N, ++round % 50);
  return GUINT_TO_POINTER (round % 50);
}

static void
test_traffic (void)
{
  static const char letters[] = { 'a', 'b', 0, 'c', 'c', 0, 'a' };
  g_autoptr (MkvStorage) inner = mkv_storage_memory_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (inner, 0);
  Traffic traffic = { storage };
  GThread *readers[2], *writer;
  guint round;

  g_test_summary ("Reads and writes go on while the key changes, and never fail");
  mkv_sealed_world_fill (storage, N, 0);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    readers[i] = g_thread_new ("reader", read_on, &traffic);
  writer = g_thread_new ("writer", write_on, &traffic);
  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    {
      g_autoptr (GError) error = NULL;

      mkv_sealed_world_rekey (storage, letters[i], NULL, &error);
      g_assert_no_error (error);
    }
  g_atomic_int_set (&traffic.stopping, TRUE);
  round = GPOINTER_TO_UINT (g_thread_join (writer));
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_thread_join (readers[i]);
  mkv_sealed_world_assert_filled (storage, N, round);
  g_assert_true (mkv_storage_close (storage, NULL));
  g_clear_object (&storage);
  storage = mkv_sealed_world_open_well (inner, 'a');
  mkv_sealed_world_assert_filled (storage, N, round);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *path = g_strdup_printf ("/sealed-rekey/%s/whole", changes[i].name);
      g_autofree char *interrupted = g_strdup_printf ("/sealed-rekey/%s/interrupted", changes[i].name);

      g_test_add_data_func (path, &changes[i], test_rekey);
      g_test_add_data_func (interrupted, &changes[i], test_interrupted);
    }
  g_test_add_func ("/sealed-rekey/unfinished", test_unfinished);
  g_test_add_func ("/sealed-rekey/failed", test_failed);
  g_test_add_func ("/sealed-rekey/refused", test_refused);
  g_test_add_func ("/sealed-rekey/progress", test_progress);
  g_test_add_func ("/sealed-rekey/traffic", test_traffic);
  return g_test_run ();
}
