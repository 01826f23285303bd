/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What the passing of time does to a store that nobody writes to or looks at. */
#include "mkv-contents-world.h"
#include "mkv-storage-memory.h"
#include "store/mkv-holding-private.h"

#define MS G_GINT64_CONSTANT (1000)

/* As many as leave the tree at once. */
#define PAGE 256

static Replica *
new_replica (void)
{
  return replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), NULL);
}

/* Lets time pass, in ms; nothing but timers looks at the store. */
static void
pass (Replica *r, gint64 ms)
{
  mkv_test_advance (r->clock, ms * MS);
}

/* For how long the tree has been what it is, in ms. */
static gint64
get_age (Replica *r)
{
  return (mkv_clock_get_monotonic_time (MKV_CLOCK (r->clock)) - replica_get_state (r).last_change) / MS;
}

static gint64
get_stored_horizon (Replica *r)
{
  g_autoptr (GBytes) value = mkv_storage_get_meta (r->storage, "horizon", NULL);
  g_autofree char *text = NULL;

  if (value == NULL)
    return -1;
  text = g_strndup (g_bytes_get_data (value, NULL), g_bytes_get_size (value));
  return g_ascii_strtoll (text, NULL, 10);
}

static void
test_none (void)
{
  g_autoptr (Replica) r = new_replica ();

  g_test_summary ("A store in which time changes nothing has no timer");
  replica_set (r, "a", "1");
  pass (r, 2 * HOUR);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (r->clock), ==, -1);
  replica_delete (r, "a");
  mkv_test_iterate ();
  g_assert_cmpint (mkv_manual_clock_get_next_delay (r->clock), ==, HOUR * MS);
  replica_set (r, "a", "2");
  pass (r, HOUR);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (r->clock), ==, -1);
}

static void
test_tombstone (void)
{
  g_autoptr (Replica) r = new_replica ();
  MkvContentsState state;

  g_test_summary ("Tombstones leave the tree of a store at rest at the full hour, and the horizon is stored");
  pass (r, HOUR / 2);
  replica_delete (r, "a");
  pass (r, DAY);
  g_assert_cmpint (get_age (r), ==, DAY);
  pass (r, HOUR);
  g_assert_cmpint (get_stored_horizon (r), ==, NOW + HOUR);
  g_assert_cmpint (get_age (r), ==, HOUR / 2);
  state = replica_get_state (r);
  g_assert_cmpuint (state.n_graves, ==, 1);
  g_assert_cmpuint (state.n_entries, ==, 0);
  replica_assert_right (r);
}

static void
test_grave (void)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_NONE, TRUE, SKEW, FALSE, 0, DAY, 10 * DAY, 0 };
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), mkv_storage_memory_new (), &policy);

  g_test_summary ("Graves of a store at rest go when their time is over, and then there is no timer");
  mkv_write_free (replica_apply (r, replica_make ("k", NULL, NOW, "z", 1)));
  pass (r, 11 * DAY);
  g_assert_true (replica_has (r, "k"));
  pass (r, HOUR);
  g_assert_false (replica_has (r, "k"));
  replica_assert_right (r);
  pass (r, HOUR);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (r->clock), ==, -1);
}

static void
test_admission (void)
{
  g_autoptr (Replica) r = new_replica ();

  g_test_summary ("What is too far in the future comes into the tree of a store at rest when its time has come");
  mkv_manual_clock_set_time (r->clock, NOW + HOUR);
  mkv_write_free (replica_apply (r, replica_make ("k", "1", NOW + HOUR, "z", 1)));
  mkv_manual_clock_set_time (r->clock, NOW);
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 1);
  pass (r, HOUR - SKEW + 7);
  g_assert_cmpint (get_age (r), ==, 7);
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 1);
  replica_assert_right (r);
  pass (r, HOUR);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (r->clock), ==, -1);
}

static void
test_sleep (void)
{
  g_autoptr (Replica) r = new_replica ();

  g_test_summary ("A wall clock that goes on while timers do not is noticed within the hour");
  replica_delete (r, "a");
  pass (r, HOUR / 2);
  mkv_manual_clock_set_time (r->clock, NOW + 2 * DAY);
  pass (r, HOUR);
  g_assert_cmpint (get_stored_horizon (r), >=, NOW + DAY);
}

static void
test_heal (void)
{
  g_autoptr (Replica) r = new_replica ();
  g_autoptr (MkvEntry) far = NULL, near = NULL;

  g_test_summary ("Who looks at the tree after the clock stepped back has own entries written again; no write is needed");
  mkv_manual_clock_set_time (r->clock, NOW + DAY);
  replica_set (r, "far", "1");
  mkv_manual_clock_set_time (r->clock, NOW);
  replica_get_state (r);
  mkv_test_iterate ();
  far = mkv_storage_get (r->storage, "far", NULL);
  g_assert_cmpint (mkv_entry_get_stamp (far)->timestamp, ==, NOW);
  replica_assert_right (r);

  /* The same where the entry was watched, as it is only a little too far. */
  mkv_write_free (replica_apply (r, replica_make ("near", "1", NOW + SKEW - 1, "z", 1)));
  replica_set (r, "near", "2");
  mkv_manual_clock_set_time (r->clock, NOW - 100);
  replica_get_state (r);
  mkv_test_iterate ();
  near = mkv_storage_get (r->storage, "near", NULL);
  g_assert_cmpint (mkv_entry_get_stamp (near)->timestamp, ==, NOW - 100);
  g_assert_cmpuint (replica_get_state (r).n_withheld, ==, 0);
  replica_assert_right (r);
}

static void
apply_tombstones (Replica *r, guint n)
{
  MkvWrite *write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);

  write->origin = MKV_ORIGIN_SYNC;
  write->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      g_ptr_array_add (write->entries, replica_make (key, NULL, NOW - DAY + i, "z", i + 1));
    }
  mkv_store_submit (MKV_STORE (r->store), write, NULL);
  g_assert_no_error (write->error);
  mkv_write_free (write);
}

static void
test_pieces (void)
{
  g_autoptr (Replica) r = new_replica ();
  MkvContentsState state;

  g_test_summary ("Of an hour with many tombstones a page leaves the tree at once, and nobody sees it in between");
  apply_tombstones (r, 4 * PAGE);
  mkv_manual_clock_set_time (r->clock, NOW + HOUR);
  /* Nothing has begun yet. */
  state = replica_get_state (r);
  g_assert_cmpuint (state.n_tombstones, ==, 4 * PAGE);
  g_assert_cmpint (state.horizon, ==, NOW - DAY);
  /* A write takes one, one more is maintenance. */
  replica_set (r, "a", "1");
  state = replica_get_state (r);
  g_assert_cmpuint (state.n_graves, ==, 4 * PAGE);
  g_assert_cmpint (state.horizon, ==, NOW - DAY + HOUR);
  replica_assert_right (r);

  /* Without anybody who looks. */
  apply_tombstones (r, 10);
  mkv_test_iterate ();
  g_assert_cmpint (get_stored_horizon (r), ==, NOW - DAY + HOUR);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 4 * PAGE);
}

static void
test_rest (void)
{
  g_autoptr (Replica) r = new_replica ();
  gint64 before;

  g_test_summary ("The timer has a large hour leave the tree, page by page, in one go of the main loop each");
  apply_tombstones (r, 4 * PAGE);
  mkv_test_iterate ();
  before = replica_get_state (r).last_change;
  pass (r, HOUR);
  g_assert_cmpint (get_stored_horizon (r), ==, NOW - DAY + HOUR);
  g_assert_cmpint (replica_get_state (r).last_change, ==, before + HOUR * MS);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 4 * PAGE);
  replica_assert_right (r);
}

static void
put (MkvHolding *holding, const char *key, gint64 timestamp, gint64 old_timestamp)
{
  g_autoptr (MkvEntry) entry = replica_make (key, NULL, timestamp, "z", 1);

  mkv_holding_put (holding, entry, old_timestamp, TRUE);
}

static void
test_between (void)
{
  MkvHolding holding;

  g_test_summary ("Tombstones that come and go while an hour leaves the tree are where they belong afterwards");
  mkv_holding_init (&holding, NOW - DAY, NOW + DAY, 0);
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      put (&holding, key, NOW - DAY + 5 * HOUR + i, -1);
    }
  put (&holding, "later", NOW - DAY + 6 * HOUR, -1);
  g_assert_false (mkv_holding_raise_horizon (&holding, NOW, 9, FALSE));
  g_assert_false (holding.between);
  g_assert_true (mkv_holding_raise_horizon (&holding, NOW - DAY + 6 * HOUR, 9, TRUE));
  g_assert_true (holding.between);
  g_assert_cmpint (holding.horizon, ==, NOW - DAY + 5 * HOUR);
  g_assert_cmpuint (mkv_tree_get_count (holding.tree), ==, 2);
  g_assert_cmpuint (mkv_holding_count_graves (&holding), ==, 9);

  put (&holding, "before", NOW - DAY + 4 * HOUR, -1);
  put (&holding, "within", NOW - DAY + 5 * HOUR, -1);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      put (&holding, key, NOW, NOW - DAY + 5 * HOUR + i);
    }
  g_assert_true (mkv_holding_finish_hour (&holding));
  g_assert_false (holding.between);
  g_assert_false (mkv_holding_finish_hour (&holding));
  g_assert_cmpint (holding.horizon, ==, NOW - DAY + 6 * HOUR);
  g_assert_cmpuint (mkv_holding_count_graves (&holding), ==, 7);
  g_assert_cmpuint (mkv_tree_get_count (holding.tree), ==, 6);
  g_assert_cmpuint (mkv_tombstones_get_count (holding.tombstones), ==, 6);

  /* One whose tombstones went while it was between. */
  g_assert_true (mkv_holding_raise_horizon (&holding, NOW - DAY + 8 * HOUR, 1, TRUE));
  g_assert_false (holding.between);
  put (&holding, "x", NOW - DAY + 9 * HOUR, -1);
  put (&holding, "y", NOW - DAY + 9 * HOUR, -1);
  g_assert_true (mkv_holding_raise_horizon (&holding, NOW, 1, TRUE));
  g_assert_true (holding.between);
  put (&holding, "x", NOW, NOW - DAY + 9 * HOUR);
  put (&holding, "y", NOW, NOW - DAY + 9 * HOUR);
  g_assert_false (mkv_holding_finish_hour (&holding));
  g_assert_false (holding.between);
  g_assert_cmpint (holding.horizon, ==, NOW - DAY + 10 * HOUR);
  g_assert_cmpuint (mkv_tree_get_count (holding.tree), ==, 7);
  mkv_holding_clear (&holding);
}

int
main (int argc, char *argv[])
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/store-upkeep/none", test_none);
  g_test_add_func ("/store-upkeep/tombstone", test_tombstone);
  g_test_add_func ("/store-upkeep/grave", test_grave);
  g_test_add_func ("/store-upkeep/admission", test_admission);
  g_test_add_func ("/store-upkeep/sleep", test_sleep);
  g_test_add_func ("/store-upkeep/heal", test_heal);
  g_test_add_func ("/store-upkeep/pieces", test_pieces);
  g_test_add_func ("/store-upkeep/rest", test_rest);
  g_test_add_func ("/store-upkeep/between", test_between);
  return g_test_run ();
}
