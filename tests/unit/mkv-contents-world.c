/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-contents-world.h"

static void
open_store (Replica *self)
{
  g_autoptr (GError) error = NULL;

  self->store = mkv_local_store_new_full (self->storage, "m", MKV_CLOCK (self->clock), self->observer, &self->policy,
                                          &error);
  g_assert_no_error (error);
  self->contents = mkv_local_store_get_contents (self->store);
}

static void
close_store (Replica *self)
{
  /* What is on its way back to this context holds the store. */
  mkv_test_iterate ();
  g_object_add_weak_pointer (G_OBJECT (self->store), (gpointer *) &self->store);
  g_object_unref (self->store);
  g_assert_null (self->store);
}

Replica *
replica_new (MkvManualClock *clock, MkvStorage *storage, const MkvStorePolicy *policy)
{
  static const MkvStorePolicy default_policy = { MKV_DURABILITY_NONE, TRUE, SKEW, FALSE, 0 };
  Replica *self = g_new0 (Replica, 1);

  self->clock = clock;
  self->observer = mkv_observer_new (MKV_CLOCK (clock));
  self->storage = storage;
  self->policy = policy != NULL ? *policy : default_policy;
  open_store (self);
  return self;
}

void
replica_free (Replica *self)
{
  close_store (self);
  g_object_unref (self->storage);
  g_object_unref (self->observer);
  g_object_unref (self->clock);
  g_free (self);
}

void
replica_reopen (Replica *self)
{
  close_store (self);
  open_store (self);
}

void
replica_settle (Replica *self)
{
  /* What was pushed is done before, and what that found is due, by the next. */
  for (guint i = 0; i < 4; i++)
    {
      MkvWrite write = { .kind = MKV_WRITE_MAINTAIN };

      mkv_contents_get_state (self->contents, &(MkvContentsState){ 0 });
      mkv_store_submit (MKV_STORE (self->store), &write, NULL);
      g_assert_no_error (write.error);
    }
  mkv_test_iterate ();
}

void
replica_assert_right (Replica *self)
{
  g_autoptr (MkvTree) expected = mkv_tree_new ();
  g_autoptr (GPtrArray) entries = mkv_storage_scan (self->storage, NULL, NULL, G_MAXINT32, NULL);
  guint8 expected_root[MKV_DIGEST_BYTES], root[MKV_DIGEST_BYTES];
  gint64 now = mkv_clock_get_time (MKV_CLOCK (self->clock)), next = G_MAXINT64;
  guint64 n_tombstones = 0, n_graves = 0, n_withheld = 0;
  MkvContentsState state;
  MkvCell cell, expected_cell;
  MkvTree *tree;

  mkv_contents_get_state (self->contents, &state);
  g_assert_cmpint (state.horizon % HOUR, ==, 0);
  g_assert_cmpint (state.horizon, <=, mkv_horizon_get_greatest (now));
  for (guint i = 0; i < entries->len; i++)
    {
      const MkvEntry *entry = entries->pdata[i];
      gint64 timestamp = mkv_entry_get_stamp (entry)->timestamp;

      if (timestamp > now + self->policy.skew_max_future)
        {
          n_withheld++;
          next = MIN (next, timestamp - self->policy.skew_max_future);
        }
      else if (mkv_entry_is_tombstone (entry) && timestamp < state.horizon)
        n_graves++;
      else
        {
          mkv_tree_put (expected, mkv_entry_get_key (entry), mkv_entry_peek_digest (entry));
          n_tombstones += mkv_entry_is_tombstone (entry) ? 1 : 0;
        }
    }
  tree = mkv_contents_lock (self->contents, NULL);
  cell = mkv_tree_get_cell (tree, MKV_PREFIX_ALL);
  mkv_tree_get_root (tree, root);
  mkv_contents_unlock (self->contents);
  mkv_tree_get_root (expected, expected_root);
  expected_cell = mkv_tree_get_cell (expected, MKV_PREFIX_ALL);
  g_assert_cmpuint (state.n_entries, ==, mkv_tree_get_count (expected));
  g_assert_cmpuint (state.n_tombstones, ==, n_tombstones);
  g_assert_cmpuint (state.n_graves, ==, n_graves);
  g_assert_cmpuint (state.n_withheld, ==, n_withheld);
  g_assert_cmpint (state.next_admission, ==, n_withheld > 0 ? next : -1);
  g_assert_cmpuint (cell.s, ==, expected_cell.s);
  g_assert_cmpuint (cell.k, ==, expected_cell.k);
  g_assert_cmpmem (root, sizeof root, expected_root, sizeof expected_root);
}

void
replica_set (Replica *self, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GError) error = NULL;

  mkv_store_set (MKV_STORE (self->store), key, bytes, NULL, &error);
  g_assert_no_error (error);
}

void
replica_delete (Replica *self, const char *key)
{
  g_autoptr (GError) error = NULL;

  mkv_store_delete (MKV_STORE (self->store), key, NULL, &error);
  g_assert_no_error (error);
}

MkvWrite *
replica_apply (Replica *self, MkvEntry *entry)
{
  MkvWrite *write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);

  write->origin = MKV_ORIGIN_SYNC;
  write->want_outcome = TRUE;
  write->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_ptr_array_add (write->entries, entry);
  mkv_store_submit (MKV_STORE (self->store), write, NULL);
  g_assert_no_error (write->error);
  return write;
}

MkvEntry *
replica_make (const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, NULL);

  g_assert_nonnull (entry);
  return entry;
}

gboolean
replica_has (Replica *self, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_storage_get (self->storage, key, NULL);

  return entry != NULL;
}

MkvContentsState
replica_get_state (Replica *self)
{
  MkvContentsState state;

  mkv_contents_get_state (self->contents, &state);
  return state;
}

void
replica_assert_same_root (Replica *a, Replica *b, gboolean same)
{
  g_autofree char *root_a = mkv_contents_dup_root (a->contents), *root_b = mkv_contents_dup_root (b->contents);

  if (same)
    g_assert_cmpstr (root_a, ==, root_b);
  else
    g_assert_cmpstr (root_a, !=, root_b);
}
