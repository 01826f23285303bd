/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The horizon, and what becomes of tombstones that it has passed. */
#include "base/mkv-error.h"
#include "mkv-contents-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test-storage.h"
#include "store/mkv-belief-private.h"

static Replica *
new_replica (gint64 now)
{
  return replica_new (mkv_manual_clock_new (now), mkv_storage_memory_new (), NULL);
}

static Replica *
new_replica_with (gint64 now, gint64 retention, gint64 grave_retention, guint64 max_graves)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_NONE, TRUE, SKEW, FALSE, 0, retention, grave_retention, max_graves };

  return replica_new (mkv_manual_clock_new (now), mkv_storage_memory_new (), &policy);
}

/* Lets time pass, in ms, with a look now and then. */
static void
pass (Replica *r, gint64 ms)
{
  for (gint64 step; ms > 0; ms -= step)
    {
      step = MIN (ms, 12 * HOUR);
      mkv_manual_clock_advance (r->clock, step * 1000);
      replica_get_state (r);
    }
}

/* The broker has what @r wrote last under @key. */
static void
publish (Replica *r, const char *key)
{
  MkvWrite write = { .kind = MKV_WRITE_CLEAR_OUTBOX };

  write.entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_ptr_array_add (write.entries, mkv_storage_get (r->storage, key, NULL));
  mkv_store_submit (MKV_STORE (r->store), &write, NULL);
  g_assert_no_error (write.error);
  g_ptr_array_unref (write.entries);
}

static void
test_hour (void)
{
  g_autoptr (Replica) a = new_replica (NOW + 30 * 60 * 1000), b = new_replica (NOW + 23 * 60 * 1000);
  g_autoptr (MkvEntry) live = replica_make ("live", "1", NOW - HOUR, "z", 1);
  g_autoptr (MkvEntry) early = replica_make ("early", NULL, NOW - DAY + HOUR - 1, "z", 2);
  g_autoptr (MkvEntry) late = replica_make ("late", NULL, NOW - DAY + HOUR, "z", 3);
  Replica *both[] = { a, b };
  MkvContentsState state;

  g_test_summary ("Two replicas, clocks 7 min apart, drop the same tombstones at the full hour");
  for (guint i = 0; i < 2; i++)
    {
      mkv_write_free (replica_apply (both[i], mkv_entry_ref (live)));
      mkv_write_free (replica_apply (both[i], mkv_entry_ref (early)));
      mkv_write_free (replica_apply (both[i], mkv_entry_ref (late)));
      state = replica_get_state (both[i]);
      g_assert_cmpint (state.horizon, ==, NOW - DAY);
      g_assert_cmpuint (state.n_tombstones, ==, 2);
    }
  replica_assert_same_root (a, b, TRUE);

  /* The hour is full for a. */
  mkv_manual_clock_set_time (a->clock, NOW + HOUR - 1);
  g_assert_cmpuint (replica_get_state (a).n_tombstones, ==, 2);
  mkv_manual_clock_set_time (a->clock, NOW + HOUR);
  state = replica_get_state (a);
  g_assert_cmpint (state.horizon, ==, NOW - DAY + HOUR);
  g_assert_cmpuint (state.n_tombstones, ==, 1);
  g_assert_cmpuint (state.n_graves, ==, 1);
  g_assert_cmpuint (state.n_entries, ==, 2);
  replica_assert_right (a);
  g_assert_true (replica_has (a, "early"));

  /* b hears of it, */
  mkv_manual_clock_set_time (b->clock, NOW + HOUR - 7 * 60 * 1000);
  replica_assert_same_root (a, b, FALSE);
  g_assert_true (mkv_contents_raise_horizon (b->contents, state.horizon));
  replica_assert_right (b);
  replica_assert_same_root (a, b, TRUE);
  /* and when its own clock gets there, nothing changes. */
  state = replica_get_state (b);
  mkv_manual_clock_set_time (b->clock, NOW + HOUR);
  g_assert_cmpuint (replica_get_state (b).generation, ==, state.generation);
}

static void
test_allowed (void)
{
  /* 10 min before a full hour, less 1 ms. */
  g_autoptr (Replica) r = new_replica (NOW + HOUR - 10 * 60 * 1000 - 1);

  g_test_summary ("A horizon is allowed up to an hour ago, with 10 min of tolerance, and only a full hour is one");
  g_assert_true (mkv_contents_is_horizon_allowed (r->contents, 0));
  g_assert_true (mkv_contents_is_horizon_allowed (r->contents, NOW - HOUR));
  g_assert_false (mkv_contents_is_horizon_allowed (r->contents, NOW - HOUR + 1));
  g_assert_false (mkv_contents_is_horizon_allowed (r->contents, NOW));
  g_assert_false (mkv_contents_is_horizon_allowed (r->contents, -HOUR));
  g_assert_false (mkv_contents_raise_horizon (r->contents, NOW));
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - DAY);
  mkv_manual_clock_advance (r->clock, 1000);
  g_assert_true (mkv_contents_is_horizon_allowed (r->contents, NOW));
  g_assert_false (mkv_contents_is_horizon_allowed (r->contents, NOW + HOUR));
  g_assert_true (mkv_contents_raise_horizon (r->contents, NOW));
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW);
  /* A lower one, though allowed, changes nothing. */
  g_assert_true (mkv_contents_raise_horizon (r->contents, NOW - HOUR));
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW);
  g_assert_cmpint (mkv_horizon_get_greatest (0), ==, 0);
}

static void
test_stored (void)
{
  g_autoptr (Replica) r = new_replica (NOW);

  g_test_summary ("The horizon survives, and is lowered only if the clock does not allow it");
  mkv_write_free (replica_apply (r, replica_make ("t", NULL, NOW - 3 * HOUR, "z", 1)));
  g_assert_true (mkv_contents_raise_horizon (r->contents, NOW - HOUR));
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1);
  replica_reopen (r);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - HOUR);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1);
  replica_assert_right (r);

  /* 10 min too early are within the tolerance: still allowed. */
  mkv_manual_clock_set_time (r->clock, NOW - 10 * 60 * 1000);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - HOUR);
  /* One more is not: it is computed afresh, and the tombstone is back. */
  mkv_manual_clock_set_time (r->clock, NOW - 10 * 60 * 1000 - 1);
  replica_settle (r);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - DAY - HOUR);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  g_assert_cmpuint (replica_get_state (r).n_tombstones, ==, 1);
  replica_assert_right (r);
  replica_reopen (r);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - DAY - HOUR);

  /* The same where the clock was right while the store was closed. */
  g_assert_true (mkv_contents_raise_horizon (r->contents, NOW - 2 * HOUR));
  replica_settle (r);
  mkv_manual_clock_set_time (r->clock, NOW - 2 * HOUR);
  replica_reopen (r);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - DAY - 2 * HOUR);
}

static void
test_stored_at_once (void)
{
  g_autoptr (Replica) r = new_replica (NOW);
  g_autoptr (GBytes) stored = NULL;
  g_autofree char *expected = g_strdup_printf ("%" G_GINT64_FORMAT, NOW - 2 * HOUR);

  g_test_summary ("A horizon that was heard is in the storage without a write of the application");
  g_assert_true (mkv_contents_raise_horizon (r->contents, NOW - 2 * HOUR));
  stored = mkv_storage_get_meta (r->storage, "horizon", NULL);
  g_assert_nonnull (stored);
  g_assert_cmpmem (g_bytes_get_data (stored, NULL), g_bytes_get_size (stored), expected, strlen (expected));
}

static void
test_retention (void)
{
  g_autoptr (Replica) r = new_replica_with (NOW, 5 * HOUR, 0, 0);

  g_test_summary ("The retention can be changed: shorter at once, longer as time goes by; never under an hour");
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - 5 * HOUR);
  r->policy.tombstone_retention = 2 * HOUR;
  mkv_local_store_set_policy (r->store, &r->policy);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - 2 * HOUR);
  r->policy.tombstone_retention = 4 * HOUR;
  mkv_local_store_set_policy (r->store, &r->policy);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - 2 * HOUR);
  mkv_manual_clock_set_time (r->clock, NOW + 3 * HOUR);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW - HOUR);
  r->policy.tombstone_retention = 1;
  mkv_local_store_set_policy (r->store, &r->policy);
  g_assert_cmpint (replica_get_state (r).horizon, ==, NOW + 2 * HOUR);
}

static void
test_stale (void)
{
  g_autoptr (Replica) r = new_replica (NOW);
  MkvWrite *write;

  g_test_summary ("A grave beats what was long away; a tombstone below the horizon needs something to beat");
  mkv_write_free (replica_apply (r, replica_make ("k", NULL, NOW - 2 * DAY + 1, "y", 1)));
  g_assert_false (replica_has (r, "k"));

  mkv_write_free (replica_apply (r, replica_make ("k", "1", NOW - 3 * DAY, "y", 1)));
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 1);
  write = replica_apply (r, replica_make ("k", NULL, NOW - 2 * DAY, "y", 2));
  g_assert_cmpuint (write->n_applied, ==, 1);
  g_assert_cmpuint (write->applied->len, ==, 1);
  mkv_write_free (write);
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 0);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1);
  replica_assert_right (r);

  write = replica_apply (r, replica_make ("k", "back", NOW - 2 * DAY - 1, "y", 3));
  g_assert_cmpuint (write->n_stale, ==, 1);
  g_assert_cmpuint (write->winners->len, ==, 1);
  g_assert_true (mkv_entry_is_tombstone (write->winners->pdata[0]));
  mkv_write_free (write);

  /* A later grave takes the place of one, and a later value of either. */
  mkv_write_free (replica_apply (r, replica_make ("k", NULL, NOW - 2 * DAY + HOUR, "y", 4)));
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1);
  mkv_write_free (replica_apply (r, replica_make ("k", "new", NOW - 2 * DAY + 2 * HOUR, "y", 5)));
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  g_assert_cmpuint (replica_get_state (r).n_entries, ==, 1);
  replica_assert_right (r);
}

static void
test_expiry (void)
{
  g_autoptr (Replica) r = new_replica_with (NOW, DAY, 2 * DAY, 0);

  g_test_summary ("A grave is removed when its time is over, and not before");
  replica_delete (r, "own");
  replica_delete (r, "again");
  publish (r, "own");
  mkv_write_free (replica_apply (r, replica_make ("later", NULL, NOW + SKEW, "z", 1)));
  pass (r, DAY + HOUR);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 3);
  replica_set (r, "again", "1");
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 2);
  pass (r, 2 * DAY - 1);
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 2);
  g_assert_true (replica_has (r, "own"));
  pass (r, 1);
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  g_assert_false (replica_has (r, "own"));
  g_assert_false (replica_has (r, "later"));
  g_assert_true (replica_has (r, "again"));
  replica_assert_right (r);
  {
    g_autoptr (GPtrArray) names = mkv_storage_scan_meta (r->storage, "outbox/", NULL, 10, NULL);

    g_assert_cmpuint (names->len, ==, 1);
  }
  replica_reopen (r);
  replica_assert_right (r);
}

static void
test_unsent (void)
{
  g_autoptr (Replica) r = new_replica_with (NOW, DAY, 2 * DAY, 1);
  g_autoptr (GPtrArray) entries = NULL;
  gint64 seq;

  g_test_summary ("A grave that has not been published is not removed: not by its age, and not for their number");
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);

      replica_delete (r, key);
    }
  pass (r, 100 * DAY);
  replica_settle (r);
  replica_assert_right (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 3);
  entries = mkv_local_store_list_outbox (r->store, 0, 10, &seq, NULL);
  g_assert_cmpuint (entries->len, ==, 3);

  publish (r, "k1");
  replica_settle (r);
  g_assert_false (replica_has (r, "k1"));
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 2);
  replica_assert_right (r);
  /* The same where nothing is known but what the storage holds. */
  replica_reopen (r);
  pass (r, 4 * DAY);
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 2);
  replica_set (r, "k0", "back");
  publish (r, "k2");
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  g_assert_false (replica_has (r, "k2"));
  g_assert_true (replica_has (r, "k0"));
  replica_assert_right (r);
}

static void
assert_graves (Replica *r, guint n)
{
  replica_settle (r);
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, n);
  replica_assert_right (r);
}

static void
test_jump (void)
{
  g_autoptr (Replica) r = new_replica (NOW);
  gint64 now;

  g_test_summary ("What a clock that jumps ahead makes old is forgotten only once the node has seen 90 days pass");
  /* The clock is right, and has been for long. */
  pass (r, 100 * DAY);
  replica_delete (r, "own");
  publish (r, "own");
  now = mkv_clock_get_time (MKV_CLOCK (r->clock));
  mkv_write_free (replica_apply (r, replica_make ("other", NULL, now - HOUR, "z", 1)));
  mkv_write_free (replica_apply (r, replica_make ("old", NULL, now - DAY + HOUR, "z", 2)));

  mkv_manual_clock_set_time (r->clock, now + 3000 * DAY);
  assert_graves (r, 3);
  replica_reopen (r);
  assert_graves (r, 3);
  pass (r, 60 * DAY);
  assert_graves (r, 3);
  /* To where it was, and back, and on. */
  mkv_manual_clock_set_time (r->clock, now + 60 * DAY);
  replica_settle (r);
  pass (r, HOUR);
  mkv_manual_clock_set_time (r->clock, now + 3060 * DAY);
  assert_graves (r, 3);
  mkv_manual_clock_set_time (r->clock, now + 5000 * DAY);
  assert_graves (r, 3);
  pass (r, 29 * DAY);
  assert_graves (r, 3);
  replica_reopen (r);
  assert_graves (r, 3);

  /* Once the clock is right all is where it was. */
  mkv_manual_clock_set_time (r->clock, now);
  assert_graves (r, 0);
  g_assert_cmpuint (replica_get_state (r).n_tombstones, ==, 3);

  pass (r, HOUR);

  /* But not for ever: it may have been the earlier time that was wrong. */
  mkv_manual_clock_set_time (r->clock, now + 4000 * DAY);
  assert_graves (r, 3);
  pass (r, 90 * DAY - HOUR);
  assert_graves (r, 3);
  pass (r, HOUR);
  assert_graves (r, 0);
}

static void
test_off (void)
{
  g_autoptr (Replica) r = new_replica (NOW);
  gint64 now;

  g_test_summary ("A node that is off for a week at a time forgets as one that is not");
  pass (r, 100 * DAY);
  now = mkv_clock_get_time (MKV_CLOCK (r->clock));
  mkv_write_free (replica_apply (r, replica_make ("k", NULL, now - HOUR, "z", 1)));
  for (guint i = 1; i <= 12; i++)
    {
      assert_graves (r, i == 1 ? 0 : 1);
      mkv_manual_clock_set_time (r->clock, now + i * 7 * DAY);
      replica_reopen (r);
      pass (r, 2 * HOUR);
    }
  pass (r, 6 * DAY);
  assert_graves (r, 1);
  pass (r, DAY);
  assert_graves (r, 0);
}

static void
test_belief (void)
{
  MkvBelief belief;
  gint64 us = 5 * G_USEC_PER_SEC;

  g_test_summary ("A device that wakes up in 1970 each time soon knows the time all the same, and doubts a third one");
  mkv_belief_init (&belief);
  for (gint64 day = 0; day < 100; day++)
    {
      g_autofree char *text = NULL;

      mkv_belief_look (&belief, 5000, us, 90 * DAY);
      us += G_USEC_PER_SEC;
      mkv_belief_look (&belief, 6000, us, 90 * DAY);
      mkv_belief_look (&belief, NOW + day * DAY, us, 90 * DAY);
      us += 23 * HOUR * 1000;
      mkv_belief_look (&belief, NOW + day * DAY + 23 * HOUR, us, 90 * DAY);
      if (day < 93)
        g_assert_cmpint (mkv_belief_get_certain (&belief), <, 100 * DAY);
      text = mkv_belief_to_string (&belief);
      mkv_belief_init (&belief);
      mkv_belief_from_string (&belief, text);
    }
  g_assert_cmpint (mkv_belief_get_certain (&belief), ==, NOW + 99 * DAY + 23 * HOUR);

  mkv_belief_from_string (&belief, "damaged");
  mkv_belief_from_string (&belief, "1 2 -3");
  g_assert_cmpint (mkv_belief_get_certain (&belief), ==, NOW + 99 * DAY + 23 * HOUR);

  /* First far behind for an hour, then far ahead: the earlier one counts. */
  mkv_belief_look (&belief, NOW - 500 * DAY, us, 90 * DAY);
  us += HOUR * 1000;
  mkv_belief_look (&belief, NOW - 500 * DAY + HOUR, us, 90 * DAY);
  g_assert_cmpint (mkv_belief_get_certain (&belief), ==, NOW - 500 * DAY + HOUR);
  mkv_belief_look (&belief, NOW + 3000 * DAY, us, 90 * DAY);
  g_assert_cmpint (mkv_belief_get_certain (&belief), ==, NOW - 500 * DAY + HOUR);
}

static void
test_bound (void)
{
  g_autoptr (Replica) r = new_replica_with (NOW, DAY, 90 * DAY, 1000);

  g_test_summary ("There are at most so many graves; the oldest go first, a page at a time, and without a write");
  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      mkv_write_free (replica_apply (r, replica_make (key, NULL, NOW - DAY + i, "z", i + 1)));
    }
  for (guint i = 3000; i < 3500; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      mkv_write_free (replica_apply (r, replica_make (key, NULL, NOW - HOUR, "z", i + 1)));
    }
  g_assert_cmpuint (replica_get_state (r).n_tombstones, ==, 3500);
  mkv_manual_clock_set_time (r->clock, NOW + HOUR);
  /* Who looks at the tree has to wait for none of the 3,000. */
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  mkv_test_iterate ();
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1000);
  g_assert_cmpuint (replica_get_state (r).n_tombstones, ==, 500);
  mkv_manual_clock_set_time (r->clock, NOW + DAY);
  replica_get_state (r);
  mkv_test_iterate ();
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 1000);
  g_assert_true (replica_has (r, "3000"));
  g_assert_true (replica_has (r, "3499"));
  replica_assert_right (r);
}

static void
test_failing (void)
{
  MkvTestStorage *storage = mkv_test_storage_new ();
  const MkvStorePolicy policy = { MKV_DURABILITY_NONE, FALSE, SKEW, FALSE, 0, DAY, DAY, 0 };
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), MKV_STORAGE (storage), &policy);
  guint n_failed;

  g_test_summary ("Where graves can't be removed it is tried again, but not all the time");
  replica_delete (r, "k");
  replica_settle (r);
  mkv_test_storage_fail (storage, TRUE);
  mkv_manual_clock_advance (r->clock, 3 * DAY * 1000);
  for (guint i = 0; i < 3; i++)
    {
      MkvWrite write = { .kind = MKV_WRITE_MAINTAIN };

      /* Behind what was pushed. */
      if (i == 0)
        replica_get_state (r);
      mkv_store_submit (MKV_STORE (r->store), &write, NULL);
      g_assert_nonnull (write.error);
      g_clear_error (&write.error);
    }
  n_failed = mkv_test_storage_get_n_failed (storage);
  for (guint i = 0; i < 20; i++)
    replica_get_state (r);
  g_assert_cmpuint (mkv_test_storage_get_n_failed (storage), ==, n_failed);
  g_assert_true (replica_has (r, "k"));

  mkv_test_storage_fail (storage, FALSE);
  mkv_manual_clock_advance (r->clock, 60 * G_USEC_PER_SEC);
  replica_settle (r);
  g_assert_false (replica_has (r, "k"));
  replica_assert_right (r);
}

static void
test_with_writes (void)
{
  MkvTestStorage *storage = mkv_test_storage_new ();
  const MkvStorePolicy policy = { MKV_DURABILITY_NONE, FALSE, SKEW, FALSE, 0, DAY, DAY, 0 };
  g_autoptr (Replica) r = replica_new (mkv_manual_clock_new (NOW), MKV_STORAGE (storage), &policy);
  g_autoptr (GBytes) value = mkv_test_bytes ("1");
  g_autoptr (GAsyncResult) first = NULL, second = NULL;

  g_test_summary ("A key that is written again in the batch that removes its grave keeps the write");
  replica_delete (r, "a");
  replica_delete (r, "b");
  replica_settle (r);
  /* The first write is held in the storage; the others make one batch behind it. */
  mkv_test_storage_let (storage, FALSE);
  mkv_store_set_async (MKV_STORE (r->store), "first", value, NULL, mkv_test_store_result, &first);
  mkv_test_storage_wait_blocked (storage);
  mkv_manual_clock_advance (r->clock, 3 * DAY * 1000);
  replica_get_state (r);
  mkv_store_set_async (MKV_STORE (r->store), "a", value, NULL, mkv_test_store_result, &second);
  mkv_test_storage_let (storage, TRUE);
  mkv_test_wait_result (&first);
  g_assert_true (mkv_store_set_finish (MKV_STORE (r->store), mkv_test_wait_result (&second), NULL));
  replica_settle (r);
  g_assert_true (replica_has (r, "a"));
  g_assert_false (replica_has (r, "b"));
  g_assert_cmpuint (replica_get_state (r).n_graves, ==, 0);
  replica_assert_right (r);
}

int
main (int argc, char *argv[])
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/store-graves/hour", test_hour);
  g_test_add_func ("/store-graves/allowed", test_allowed);
  g_test_add_func ("/store-graves/stored", test_stored);
  g_test_add_func ("/store-graves/stored-at-once", test_stored_at_once);
  g_test_add_func ("/store-graves/retention", test_retention);
  g_test_add_func ("/store-graves/stale", test_stale);
  g_test_add_func ("/store-graves/expiry", test_expiry);
  g_test_add_func ("/store-graves/unsent", test_unsent);
  g_test_add_func ("/store-graves/jump", test_jump);
  g_test_add_func ("/store-graves/off", test_off);
  g_test_add_func ("/store-graves/belief", test_belief);
  g_test_add_func ("/store-graves/bound", test_bound);
  g_test_add_func ("/store-graves/failing", test_failing);
  g_test_add_func ("/store-graves/with-writes", test_with_writes);
  return g_test_run ();
}
