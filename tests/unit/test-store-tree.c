/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The tree that the store keeps: it follows every write, and the clock. */
#include "mkv-contents-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test-storage.h"

#define N_KEYS 150
#define N_STEPS 4000

static void
make_key (char *key)
{
  g_snprintf (key, 8, "k%d", g_test_rand_int_range (0, N_KEYS));
}

/* Any time that an entry of another node may have. */
static gint64
make_timestamp (Replica *r)
{
  gint64 now = mkv_clock_get_time (MKV_CLOCK (r->clock));

  switch (g_test_rand_int_range (0, 4))
    {
    case 0:
      return now - g_test_rand_int_range (0, 3600) * G_GINT64_CONSTANT (300000);
    case 1:
      return now + g_test_rand_int_range (0, 2 * SKEW);
    default:
      return now - g_test_rand_int_range (0, 10000);
    }
}

static void
apply_some (Replica *r)
{
  MkvWrite *write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);
  guint n = (guint) g_test_rand_int_range (1, 20);

  write->origin = MKV_ORIGIN_EVENT;
  write->want_outcome = g_test_rand_bit ();
  write->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  for (guint i = 0; i < n; i++)
    {
      char key[8];

      make_key (key);
      g_ptr_array_add (write->entries, replica_make (key, g_test_rand_bit () ? "theirs" : NULL, make_timestamp (r),
                                                     g_test_rand_bit () ? "a" : "z",
                                                     g_test_rand_int_range (1, 1000)));
    }
  mkv_store_submit (MKV_STORE (r->store), write, NULL);
  mkv_write_free (write);
}

static void
set_some (Replica *r)
{
  char keys[3][8];
  const char *list[] = { keys[0], keys[1], keys[2], NULL };
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < 3; i++)
    {
      make_key (keys[i]);
      g_ptr_array_add (values, mkv_test_bytes ("many"));
    }
  /* Refused where two are the same. */
  mkv_store_set_many (MKV_STORE (r->store), list, values, NULL, NULL);
}

static void
set_and_cancel (Replica *r, const char *key)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("perhaps");

  mkv_store_set_async (MKV_STORE (r->store), key, value, cancellable, mkv_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  mkv_store_set_finish (MKV_STORE (r->store), mkv_test_wait_result (&result), NULL);
}

static void
write_something (Replica *r)
{
  g_autofree char *text = g_strdup_printf ("%d", g_test_rand_int ());
  g_autoptr (GBytes) value = mkv_test_bytes (text), joined = NULL;
  char key[8];

  make_key (key);
  switch (g_test_rand_int_range (0, 9))
    {
    case 0:
      mkv_store_delete (MKV_STORE (r->store), key, NULL, NULL);
      break;
    case 1:
      mkv_store_increment (MKV_STORE (r->store), key, 1, NULL, NULL, NULL);
      break;
    case 2:
      joined = mkv_store_append (MKV_STORE (r->store), key, value, NULL, NULL);
      break;
    case 3:
      set_some (r);
      break;
    case 4:
    case 5:
      apply_some (r);
      break;
    case 6:
      set_and_cancel (r, key);
      break;
    default:
      mkv_store_set (MKV_STORE (r->store), key, value, NULL, NULL);
    }
}

static void
move_clock (Replica *r)
{
  switch (g_test_rand_int_range (0, 6))
    {
    case 0:
      mkv_manual_clock_set_time (r->clock, mkv_clock_get_time (MKV_CLOCK (r->clock)) -
                                               g_test_rand_int_range (0, 3 * SKEW));
      break;
    case 1:
      mkv_manual_clock_advance (r->clock, g_test_rand_int_range (1, 40) * HOUR * 1000);
      break;
    default:
      mkv_manual_clock_advance (r->clock, g_test_rand_int_range (0, 600) * G_USEC_PER_SEC);
    }
}

/* @data: whether the storage waits for something, so that the store has a thread. */
static void
test_random (gconstpointer data)
{
  gboolean waits = GPOINTER_TO_INT (data);
  MkvTestStorage *fails = waits ? mkv_test_storage_new () : NULL;
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW),
                                       waits ? MKV_STORAGE (fails) : mkv_storage_memory_new (), NULL);

  g_test_summary ("After writes of every kind, failures, and steps of the clock the tree is one built afresh");
  for (guint i = 0; i < N_STEPS; i++)
    {
      gboolean failing = fails != NULL && i % 10 == 3;

      if (failing)
        mkv_test_storage_fail (fails, TRUE);
      write_something (r);
      if (failing)
        mkv_test_storage_fail (fails, FALSE);
      if (i % 7 == 0)
        move_clock (r);
      if (i % 500 == 250)
        replica_reopen (r);
      if (i % 20 == 0)
        {
          replica_settle (r);
          replica_assert_right (r);
        }
    }
  replica_reopen (r);
  replica_assert_right (r);
}

static void
test_order (void)
{
  g_autoptr (Replica) a = replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), NULL);
  g_autoptr (Replica) b = replica_new (mkv_manual_clock_new (NOW + 1000), mkv_storage_memory_new (), NULL);
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  g_test_summary ("The same entries make the same root, in whatever order they come");
  for (guint i = 0; i < 1000; i++)
    {
      char key[8];

      make_key (key);
      g_ptr_array_add (entries, replica_make (key, i % 3 == 0 ? NULL : "v", NOW - g_test_rand_int_range (0, 100000),
                                              "z", i + 1));
    }
  for (guint i = 0; i < entries->len; i++)
    {
      mkv_write_free (replica_apply (a, mkv_entry_ref (entries->pdata[i])));
      mkv_write_free (replica_apply (b, mkv_entry_ref (entries->pdata[entries->len - 1 - i])));
    }
  replica_assert_right (a);
  replica_assert_same_root (a, b, TRUE);
}

static void
test_generation (void)
{
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), NULL);
  MkvContentsState before, after;

  g_test_summary ("The generation, and the time of the last change, go with each change of the tree and nothing else");
  before = replica_get_state (r);
  g_assert_cmpint (mkv_clock_get_monotonic_time (MKV_CLOCK (r->clock)) - before.last_change, >, G_USEC_PER_SEC * G_GINT64_CONSTANT (3600));
  replica_set (r, "a", "1");
  after = replica_get_state (r);
  g_assert_cmpuint (after.generation, >, before.generation);
  g_assert_cmpint (after.last_change, ==, mkv_clock_get_monotonic_time (MKV_CLOCK (r->clock)));
  before = after;

  mkv_manual_clock_advance (r->clock, G_USEC_PER_SEC);
  mkv_write_free (replica_apply (r, replica_make ("a", "old", NOW - DAY, "z", 1)));
  after = replica_get_state (r);
  g_assert_cmpuint (after.generation, ==, before.generation);
  g_assert_cmpint (after.last_change, ==, before.last_change);

  replica_reopen (r);
  before = replica_get_state (r);
  g_assert_cmpint (mkv_clock_get_monotonic_time (MKV_CLOCK (r->clock)) - before.last_change, >, G_USEC_PER_SEC * G_GINT64_CONSTANT (3600));
}

static void
test_young (void)
{
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), NULL);

  g_test_summary ("An entry is young for 2 s of the monotonic clock, in this run");
  g_assert_false (mkv_contents_is_young (r->contents, "a"));
  replica_set (r, "a", "1");
  mkv_write_free (replica_apply (r, replica_make ("b", "2", NOW - DAY, "z", 1)));
  g_assert_true (mkv_contents_is_young (r->contents, "a"));
  g_assert_true (mkv_contents_is_young (r->contents, "b"));
  g_assert_false (mkv_contents_is_young (r->contents, "c"));
  mkv_manual_clock_set_time (r->clock, NOW + DAY);
  mkv_manual_clock_advance (r->clock, 2 * G_USEC_PER_SEC - 1000);
  g_assert_true (mkv_contents_is_young (r->contents, "a"));
  mkv_manual_clock_advance (r->clock, 1000);
  g_assert_false (mkv_contents_is_young (r->contents, "a"));
  replica_set (r, "a", "3");
  g_assert_true (mkv_contents_is_young (r->contents, "a"));
  replica_reopen (r);
  g_assert_false (mkv_contents_is_young (r->contents, "a"));
}

static void
test_future (void)
{
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW + DAY), mkv_storage_memory_new (), NULL);
  MkvContentsState state;
  MkvWrite *write;

  g_test_summary ("What is too far in the future stays out of the tree, and comes in when its time has come");
  replica_set (r, "own", "1");
  mkv_write_free (replica_apply (r, replica_make ("theirs", "2", NOW + HOUR, "z", 1)));
  mkv_write_free (replica_apply (r, replica_make ("gone", NULL, NOW + 2 * HOUR, "z", 2)));
  mkv_write_free (replica_apply (r, replica_make ("now", "3", NOW, "z", 3)));
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 4);

  mkv_manual_clock_set_time (r->clock, NOW);
  replica_settle (r);
  replica_set (r, "heals", "");
  replica_settle (r);
  replica_assert_right (r);
  state = replica_get_state (r);
  /* The own one has been written again. */
  g_assert_cmpuint (state.n_entries, ==, 3);
  g_assert_cmpuint (state.n_withheld, ==, 2);
  g_assert_cmpint (state.next_admission, ==, NOW + HOUR - SKEW);
  write = replica_apply (r, replica_make ("later", "4", NOW + SKEW + 1, "z", 4));
  g_assert_cmpuint (write->n_future, ==, 1);
  mkv_write_free (write);

  mkv_manual_clock_set_time (r->clock, NOW + HOUR - SKEW - 1);
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 3);
  mkv_manual_clock_set_time (r->clock, NOW + HOUR - SKEW);
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 4);
  g_assert_cmpuint (replica_get_state (r).generation, >, state.generation);
  g_assert_cmpint (replica_get_state (r).next_admission, ==, NOW + 2 * HOUR - SKEW);
  replica_assert_right (r);

  /* A small step back takes it out again, at once. */
  mkv_manual_clock_set_time (r->clock, NOW + HOUR - SKEW - 1000);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 2);
  replica_assert_right (r);

  replica_reopen (r);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 2);
  mkv_manual_clock_set_time (r->clock, NOW + 2 * HOUR);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 0);
  replica_assert_right (r);
}

static void
test_overwritten_future (void)
{
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW + DAY), mkv_storage_memory_new (), NULL);

  g_test_summary ("An own write over an entry from the future leaves nothing of it behind");
  mkv_write_free (replica_apply (r, replica_make ("k", NULL, NOW + DAY, "z", 1)));
  mkv_manual_clock_set_time (r->clock, NOW);
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 1);
  replica_set (r, "k", "1");
  replica_settle (r);
  replica_assert_right (r);
}

static void
test_outcome (void)
{
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), NULL);
  MkvWrite *write;

  g_test_summary ("A write of others' entries tells which are in place, and which own ones beat the others");
  mkv_write_free (replica_apply (r, replica_make ("live", "new", NOW - 1000, "z", 1)));
  mkv_write_free (replica_apply (r, replica_make ("deleted", NULL, NOW - 1000, "z", 2)));
  mkv_write_free (replica_apply (r, replica_make ("equal", "e", NOW - 1000, "z", 3)));

  write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);
  write->want_outcome = TRUE;
  write->origin = MKV_ORIGIN_SYNC;
  write->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_ptr_array_add (write->entries, replica_make ("live", "old", NOW - 2000, "y", 1));
  g_ptr_array_add (write->entries, replica_make ("fresh", "f", NOW - 2000, "y", 2));
  g_ptr_array_add (write->entries, replica_make ("deleted", "old", NOW - 2000, "y", 3));
  g_ptr_array_add (write->entries, replica_make ("equal", "e", NOW - 1000, "z", 3));
  mkv_store_submit (MKV_STORE (r->store), write, NULL);
  g_assert_no_error (write->error);
  g_assert_cmpuint (write->applied->len, ==, 1);
  g_assert_cmpstr (mkv_entry_get_key (write->applied->pdata[0]), ==, "fresh");
  g_assert_cmpuint (write->winners->len, ==, 2);
  g_assert_cmpstr (mkv_entry_get_key (write->winners->pdata[0]), ==, "live");
  g_assert_cmpstr (mkv_entry_get_key (write->winners->pdata[1]), ==, "deleted");
  g_assert_true (mkv_entry_is_tombstone (write->winners->pdata[1]));
  g_assert_cmpuint (write->n_duplicate, ==, 1);
  mkv_write_free (write);
}

#define N_THREADS 4
#define N_THREAD_WRITES 1500

static gpointer
write_in_thread (gpointer data)
{
  Replica *r = data;

  for (guint i = 0; i < N_THREAD_WRITES; i++)
    {
      g_autofree char *key = g_strdup_printf ("t%u", i % 97);

      if (i % 5 == 0)
        replica_delete (r, key);
      else if (i % 11 == 0)
        mkv_write_free (replica_apply (r, replica_make (key, NULL, NOW - 30 * HOUR, "z", i + 1)));
      else
        replica_set (r, key, "v");
    }
  return NULL;
}

static void
test_threads (gconstpointer data)
{
  MkvStorage *storage = GPOINTER_TO_INT (data) ? MKV_STORAGE (mkv_test_storage_new ()) : mkv_storage_memory_new ();
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), storage, NULL);
  GThread *threads[N_THREADS];

  g_test_summary ("Threads write while another looks at the tree, and the clock goes on");
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("writer", write_in_thread, r);
  for (guint i = 0; i < 300; i++)
    {
      guint8 root[MKV_DIGEST_BYTES];
      MkvContentsState state;
      MkvTree *tree = mkv_contents_lock (r->contents, &state);

      g_assert_cmpuint (mkv_tree_get_count (tree), ==, state.n_entries);
      g_assert_cmpuint (mkv_tree_count_prefix (tree, MKV_PREFIX_ALL), ==, state.n_entries);
      mkv_tree_get_root (tree, root);
      mkv_contents_unlock (r->contents);
      mkv_contents_is_young (r->contents, "t1");
      if (i % 10 == 0)
        mkv_contents_raise_horizon (r->contents, state.horizon + (gint64) (i % 20 == 0 ? HOUR : 0));
      mkv_manual_clock_advance (r->clock, 60 * G_USEC_PER_SEC);
      mkv_test_iterate ();
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  replica_settle (r);
  replica_assert_right (r);
}

int
main (int argc, char *argv[])
{
  mkv_test_init (&argc, &argv, 100);
  g_test_add_data_func ("/store-tree/random", GINT_TO_POINTER (FALSE), test_random);
  g_test_add_data_func ("/store-tree/random-waiting", GINT_TO_POINTER (TRUE), test_random);
  g_test_add_func ("/store-tree/order", test_order);
  g_test_add_func ("/store-tree/generation", test_generation);
  g_test_add_func ("/store-tree/young", test_young);
  g_test_add_func ("/store-tree/future", test_future);
  g_test_add_func ("/store-tree/overwritten-future", test_overwritten_future);
  g_test_add_func ("/store-tree/outcome", test_outcome);
  g_test_add_data_func ("/store-tree/threads", GINT_TO_POINTER (FALSE), test_threads);
  g_test_add_data_func ("/store-tree/threads-waiting", GINT_TO_POINTER (TRUE), test_threads);
  return g_test_run ();
}
