/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Horizons that differ, clocks that differ, and whom a session's entries are
 * told to: a running replica and peers that are driven by hand, in virtual time. */
#include <string.h>

#include "mkv-replica.h"
#include "mkv-stranger.h"

#define URI "loopback://horizons"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define SECOND ((gint64) G_USEC_PER_SEC)
#define MINUTE (60 * SECOND)
#define HOUR_MS MKV_HORIZON_STEP
#define DAY_MS (24 * HOUR_MS)

/* What this node computes by itself. */
#define MINE ((NOW - DAY_MS) / HOUR_MS * HOUR_MS)

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvReplica *me;
  MkvStranger *stranger;
  MkvStranger *second;
  guint n_published;
} World;

static void
publish (GPtrArray *entries, gpointer user_data)
{
  ((World *) user_data)->n_published += entries->len;
}

static void
run (World *w, gint64 us)
{
  mkv_replicas_run (&w->me, 1, w->clock, us);
}

static void
set_up (World *w, gconstpointer data)
{
  w->clock = mkv_manual_clock_new (NOW);
  w->broker = mkv_loopback_broker_get (URI);
  w->me = mkv_replica_new ("me", w->clock, NULL);
  mkv_syncer_set_publish_func (w->me->syncer, publish, w);
  mkv_replica_set (w->me, "mine", "value");
  w->stranger = mkv_stranger_new ("stranger", "t", URI, w->clock);
  w->second = mkv_stranger_new ("second", "t", URI, w->clock);
  mkv_replica_start (w->me, URI, NULL);
  run (w, 10 * MINUTE);
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
}

static void
tear_down (World *w, gconstpointer data)
{
  mkv_replica_free (w->me);
  mkv_stranger_free (w->stranger);
  mkv_stranger_free (w->second);
  g_object_unref (w->broker);
  g_object_unref (w->clock);
}

static gint64
get_horizon (World *w)
{
  MkvContentsState state;

  mkv_contents_get_state (mkv_local_store_get_contents (w->me->store), &state);
  return state.horizon;
}

static void
test_heard (World *w, gconstpointer data)
{
  MkvSyncMessage *done;

  g_test_summary ("A higher horizon that is allowed is taken from whatever message has it");
  g_assert_cmpint (get_horizon (w), ==, MINE);
  w->stranger->horizon = MINE + HOUR_MS;
  mkv_stranger_tell_claim (w->stranger, "second");
  run (w, SECOND / 10);
  g_assert_cmpint (get_horizon (w), ==, MINE + HOUR_MS);
  w->stranger->horizon = MINE + 2 * HOUR_MS;
  done = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, "nobody's");
  mkv_stranger_tell (w->stranger, "me", done);
  run (w, SECOND / 10);
  g_assert_cmpint (get_horizon (w), ==, MINE + 2 * HOUR_MS);
  w->stranger->horizon = MINE + 3 * HOUR_MS;
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND / 10);
  g_assert_cmpint (get_horizon (w), ==, MINE + 3 * HOUR_MS);
  w->stranger->horizon = MINE + DAY_MS;
  mkv_stranger_tell_claim (w->stranger, "second");
  run (w, SECOND / 10);
  g_assert_cmpint (get_horizon (w), ==, MINE + 3 * HOUR_MS);
}

static void
test_lower_root (World *w, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) root = NULL;

  g_test_summary ("A root of a lower horizon is answered with one's own to all, soon, and starts no session");
  w->stranger->horizon = MINE - HOUR_MS;
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, 2 * SECOND + SECOND / 10);
  root = mkv_stranger_hear (w->stranger);
  g_assert_nonnull (root);
  g_assert_cmpint (mkv_sync_message_get_operation (root), ==, MKV_SYNC_OPERATION_ROOT);
  g_assert_cmpint (mkv_sync_message_get_horizon (root), ==, MINE);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_SYNC), ==, 0);
}

static void
test_end (World *w, gconstpointer data)
{
  g_test_summary ("Sessions that end with horizons that differ say nothing of the roots: no peer is left alone for them");
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (MkvSyncMessage) sync = NULL;
      MkvSyncMessage *done;

      mkv_stranger_tell_root (w->stranger, 1);
      run (w, SECOND);
      sync = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);
      g_assert_nonnull (sync);
      w->stranger->horizon = MINE - HOUR_MS;
      done = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, mkv_sync_message_get_id (sync));
      mkv_stranger_tell (w->stranger, "me", done);
      run (w, 2 * SECOND + SECOND / 10);
      g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT), >, 0);
      w->stranger->horizon = -1;
      run (w, MINUTE);
    }
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
}

static void
test_error (World *w, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) error = NULL;

  g_test_summary ("A horizon that is not allowed is answered with an error that names both clocks");
  w->stranger->horizon = MINE + 2 * DAY_MS;
  mkv_stranger_tell (w->stranger, "me", mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, "s"));
  run (w, SECOND);
  error = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_ERROR);
  g_assert_nonnull (error);
  g_assert_cmpint (mkv_sync_message_get_error_code (error), ==, MKV_ERROR_CODE_INVALID_REQUEST);
  g_assert_cmpstr (mkv_sync_message_get_error_text (error), ==,
                   "The horizon is later than this clock allows: it is 2023-11-14T22:23:20Z there, and "
                   "2023-11-14T22:23:20Z here");
  g_assert_true (mkv_replica_has_condition (w->me, "sync-clock", "The clock of stranger"));
}

/* Tells a root whose sender's clock is @ms behind. */
static void
tell_root_of (World *w, gint64 ms)
{
  g_autoptr (GBytes) root = g_bytes_new (w->stranger->root, sizeof w->stranger->root);
  g_autoptr (GBytes) cell = mkv_stranger_make_noise (1, MKV_CELL_BYTES);
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_ROOT, NULL);
  gint64 now = mkv_clock_get_time (MKV_CLOCK (w->clock)) - ms;

  mkv_sync_message_set_state (message, now, (now - DAY_MS) / HOUR_MS * HOUR_MS, root, 1);
  mkv_sync_message_set_announcement (message, "stranger", cell);
  mkv_stranger_tell (w->stranger, NULL, message);
  run (w, SECOND / 10);
}

static void
test_ahead (World *w, gconstpointer data)
{
  g_test_summary ("The node whose clock is ahead finds out as well, as the others can only keep away from it");
  tell_root_of (w, 2 * HOUR_MS);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-clock", ""));
  tell_root_of (w, 3000 * DAY_MS / 10);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-clock", "The clock of stranger"));
  tell_root_of (w, 0);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-clock", ""));
}

/* The second stranger announces the root of this node. */
static void
tell_my_root (World *w)
{
  g_autoptr (GBytes) cell = mkv_stranger_make_noise (1, MKV_CELL_BYTES);
  MkvSyncMessage *message;

  mkv_contents_get_root (mkv_local_store_get_contents (w->me->store), w->second->root);
  message = mkv_stranger_make (w->second, MKV_SYNC_OPERATION_ROOT, NULL);
  mkv_sync_message_set_announcement (message, "second", cell);
  mkv_stranger_tell (w->second, NULL, message);
  run (w, SECOND / 10);
}

/* A session of the stranger's that brings @key; returns how many entries were
 * published for it. */
static guint
bring (World *w, const char *key)
{
  MkvSyncMessage *sync = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, key);
  g_autoptr (GBytes) value = mkv_test_bytes ("1");
  MkvEntry *entry = mkv_entry_new (key, value, NOW, "stranger", 1, NULL);
  guint before = w->n_published;

  mkv_sync_message_add_event (sync, entry);
  mkv_entry_unref (entry);
  mkv_stranger_tell (w->stranger, "me", sync);
  run (w, SECOND);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_DONE), ==, 1);
  return w->n_published - before;
}

static void
test_publish (World *w, gconstpointer data)
{
  /* 2 Imax. */
  const gint64 recent = 256 * SECOND;

  g_test_summary ("What a session brought is told to all if another was where this node was, less than 2 Imax ago");
  g_assert_cmpuint (bring (w, "a"), ==, 0);
  tell_my_root (w);
  run (w, recent - 10 * SECOND);
  g_assert_cmpuint (bring (w, "b"), ==, 1);
  /* The root that it announced is not mine any more. */
  g_assert_cmpuint (bring (w, "c"), ==, 0);
  tell_my_root (w);
  run (w, recent - 10 * SECOND);
  /* It is heard of again, but not of its root. */
  mkv_stranger_tell_claim (w->second, "stranger");
  run (w, 20 * SECOND);
  g_assert_cmpuint (bring (w, "d"), ==, 0);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
#define ADD(path, func) g_test_add ("/syncer-horizons/" path, World, NULL, set_up, func, tear_down)
  ADD ("heard", test_heard);
  ADD ("lower-root", test_lower_root);
  ADD ("end", test_end);
  ADD ("error", test_error);
  ADD ("ahead", test_ahead);
  ADD ("publish", test_publish);
#undef ADD
  return g_test_run ();
}
