/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * When anti-entropy starts, waits, refuses and gives up: a running replica and
 * peers that are driven by hand, in virtual time. */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-replica.h"
#include "mkv-stranger.h"

#define URI "loopback://rules"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define SECOND ((gint64) G_USEC_PER_SEC)
#define MINUTE (60 * SECOND)

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvReplica *me;
  MkvReplica *other; /* NULL where the stranger is all there is */
  MkvStranger *stranger;
} World;

static void
set_up (World *w, gconstpointer data)
{
  w->clock = mkv_manual_clock_new (NOW);
  w->broker = mkv_loopback_broker_get (URI);
  w->me = mkv_replica_new ("me", w->clock, NULL);
  mkv_replica_set (w->me, "mine", "value");
  w->stranger = mkv_stranger_new ("stranger", "t", URI, w->clock);
  mkv_replica_start (w->me, URI, NULL);
}

static void
tear_down (World *w, gconstpointer data)
{
  mkv_replica_free (w->me);
  g_clear_pointer (&w->other, mkv_replica_free);
  mkv_stranger_free (w->stranger);
  g_object_unref (w->broker);
  g_object_unref (w->clock);
}

static void
run (World *w, gint64 us)
{
  MkvReplica *replicas[] = { w->me, w->other };

  mkv_replicas_run (replicas, w->other != NULL ? 2 : 1, w->clock, us);
}

static gint64
get_now (World *w)
{
  return mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock));
}

/* Runs until a session with the stranger is begun, at most @us; returns how
 * long that took, -1 if there was none. @id is the session's. */
static gint64
wait_for_start (World *w, gint64 us, char **id)
{
  gint64 begin = get_now (w);

  for (gint64 waited = 0; waited < us; waited += SECOND / 20)
    {
      g_autoptr (MkvSyncMessage) message = NULL;

      run (w, SECOND / 20);
      message = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);
      if (message == NULL)
        continue;
      if (id != NULL)
        *id = g_strdup (mkv_sync_message_get_id (message));
      return get_now (w) - begin;
    }
  return -1;
}

/* A session of the stranger's in which nobody has anything to say. */
static void
open_and_close (World *w, const char *id)
{
  mkv_stranger_tell (w->stranger, "me", mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id));
}

/* One that stays open: it waits for the next turn. */
static void
open_session (World *w, const char *id)
{
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id);
  g_autoptr (GBytes) cells = mkv_stranger_make_noise (1, MKV_CELL_BYTES << 6);

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 6, cells));
  mkv_stranger_tell (w->stranger, "me", message);
}

static void
refuse (World *w, const char *id, MkvErrorCode code)
{
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_ERROR, id);

  mkv_sync_message_set_error (message, code, "no");
  mkv_stranger_tell (w->stranger, "me", message);
}

static guint
count (World *w, MkvCounter counter)
{
  return mkv_replica_count (w->me, counter);
}

/* Unrest. */

static void
test_unrest (World *w, gconstpointer data)
{
  gint64 waited;

  g_test_summary ("After a change a different root is looked at when 2 s were quiet: no session and no root before");
  run (w, 10 * MINUTE);
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
  mkv_replica_set (w->me, "mine", "changed");
  run (w, SECOND / 2);
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND);
  mkv_replica_set (w->me, "mine", "again");
  run (w, SECOND + 9 * SECOND / 10);
  /* Had it fallen back to Imin, a root would have come. */
  g_assert_null (mkv_stranger_hear (w->stranger));
  waited = wait_for_start (w, 10 * SECOND, NULL);
  g_assert_cmpint (waited, >, 0);
  g_assert_cmpint (waited, <=, SECOND);
}

static void
test_endless_unrest (World *w, gconstpointer data)
{
  gint64 begun_at = -1;

  g_test_summary ("Where contents never rest a different root is looked at after 30 s");
  run (w, 10 * MINUTE);
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
  mkv_replica_set (w->me, "mine", "changed");
  mkv_stranger_tell_root (w->stranger, 1);
  for (guint i = 0; i < 60 && begun_at < 0; i++)
    {
      g_autofree char *value = g_strdup_printf ("%u", i);
      gint64 waited;

      waited = wait_for_start (w, SECOND, NULL);
      mkv_replica_set (w->me, "mine", value);
      if (waited >= 0)
        begun_at = i * SECOND + waited;
    }
  g_assert_cmpint (begun_at, >=, 30 * SECOND);
  g_assert_cmpint (begun_at, <=, 32 * SECOND);
}

/* Rates. */

/* Octets that @replica has sent from now on, in @us. */
static guint
measure (World *w, MkvReplica *replica, gint64 us)
{
  guint before = mkv_replica_count (replica, MKV_COUNTER_BYTES_SENT);

  run (w, us);
  return mkv_replica_count (replica, MKV_COUNTER_BYTES_SENT) - before;
}

static void
note_started (MkvSyncer *syncer, const char *client_id, gboolean by_me, int *last)
{
  *last = by_me;
}

static void
test_rate (World *w, gconstpointer data)
{
  gboolean answers = GPOINTER_TO_INT (data) != 0;
  g_autofree char *value = g_strnfill (900, 'x');
  const guint rate = 20000;
  guint in_all = 0;
  int started_by_me = -1;

  g_test_summary ("Who starts a session, and who answers one, sends by sync-rate");
  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_replica_set (w->me, key, value);
    }
  run (w, 2 * MINUTE);
  g_assert_cmpuint (mkv_replica_count_outbox (w->me), ==, 0);
  mkv_syncer_set_policy (w->me->syncer, 2 * SECOND, 128 * SECOND, 5, rate, 300000);
  w->other = mkv_replica_new ("other", w->clock, NULL);
  mkv_syncer_set_max_wait (answers ? w->me->syncer : w->other->syncer, 10 * MINUTE);
  g_signal_connect (w->me->syncer, "session-started", G_CALLBACK (note_started), &started_by_me);
  mkv_replica_start (w->other, URI, NULL);
  for (guint i = 0; i < 25; i++)
    {
      in_all += measure (w, w->me, SECOND);
      /* 64 KiB at once, and part of what a payload has beside it. */
      g_assert_cmpuint (in_all, <=, (i + 1) * rate + 2 * MKV_MAX_SYNC_BYTES + 2000);
    }
  run (w, 10 * SECOND);
  g_assert_cmpuint (in_all, >, 370000);
  g_assert_cmpint (started_by_me, ==, !answers);
  g_assert_true (mkv_syncer_is_in_sync (w->me->syncer));
  g_assert_true (mkv_syncer_is_in_sync (w->other->syncer));
}

static void
test_low_rate (World *w, gconstpointer data)
{
  g_autofree char *value = g_strnfill (900, 'x');
  guint sent;

  g_test_summary ("However low sync-rate is, entries are sent once");
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_replica_set (w->me, key, value);
    }
  run (w, 2 * MINUTE);
  mkv_syncer_set_policy (w->me->syncer, 2 * SECOND, 128 * SECOND, 5, 1000, 300000);
  w->other = mkv_replica_new ("other", w->clock, NULL);
  mkv_replica_start (w->other, URI, NULL);
  sent = measure (w, w->me, 20 * MINUTE);
  g_test_message ("%u octets for 200 entries of 1 KB", sent);
  g_assert_true (mkv_syncer_is_in_sync (w->other->syncer));
  g_assert_cmpuint (sent, <=, 230000);
}

static void
test_once (World *w, gconstpointer data)
{
  guint sent;

  g_test_summary ("While one session fills a replica none of the two starts another, however long it takes");
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_replica_set (w->me, key, "value");
    }
  run (w, 2 * MINUTE);
  g_assert_cmpuint (mkv_replica_count_outbox (w->me), ==, 0);
  mkv_loopback_broker_set_delay (w->broker, SECOND, SECOND);
  w->other = mkv_replica_new ("other", w->clock, NULL);
  mkv_replica_start (w->other, URI, NULL);
  sent = measure (w, w->me, 3 * MINUTE);
  g_test_message ("%u octets for 20,000 entries", sent);
  g_assert_true (mkv_syncer_is_in_sync (w->other->syncer));
  g_assert_cmpuint (sent, <=, 20000 * 110);
}

/* How many at once. */

static void
test_answered (World *w, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) message = NULL;

  g_test_summary ("Four sessions are answered at once; the fifth gets ERROR 109, until one of them ends");
  run (w, 10 * SECOND);
  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);

      open_session (w, id);
    }
  run (w, SECOND);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_SYNC), ==, 4);
  open_session (w, "s4");
  run (w, SECOND);
  message = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpstr (mkv_sync_message_get_id (message), ==, "s4");
  g_assert_cmpint (mkv_sync_message_get_error_code (message), ==, MKV_ERROR_CODE_RATE_LIMITED);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_REFUSED), ==, 1);

  mkv_stranger_tell (w->stranger, "me", mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, "s0"));
  run (w, SECOND);
  open_session (w, "s5");
  run (w, SECOND);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_SYNC), ==, 1);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_REFUSED), ==, 1);
}

static void
test_started (World *w, gconstpointer data)
{
  g_autoptr (MkvStranger) second = mkv_stranger_new ("second", "t", URI, w->clock);
  g_autofree char *id = NULL;

  g_test_summary ("One session is started at once: the next when that has ended");
  run (w, 10 * SECOND);
  mkv_stranger_tell_root (w->stranger, 1);
  g_assert_cmpint (wait_for_start (w, SECOND, &id), >=, 0);
  mkv_stranger_tell_root (second, 2);
  run (w, 5 * SECOND);
  g_assert_cmpuint (mkv_stranger_count (second, MKV_SYNC_OPERATION_SYNC), ==, 0);
  refuse (w, id, MKV_ERROR_CODE_INTERNAL_ERROR);
  run (w, SECOND);
  mkv_stranger_tell_root (second, 2);
  run (w, SECOND);
  g_assert_cmpuint (mkv_stranger_count (second, MKV_SYNC_OPERATION_SYNC), ==, 1);
}

static void
test_bucket (World *w, gconstpointer data)
{
  g_test_summary ("Ten sessions begin at once, eight of them with strangers, and then five a second");
  run (w, 10 * SECOND);
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_DONE);
  for (guint i = 0; i < 12; i++)
    open_and_close (w, "again");
  run (w, SECOND / 100);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_DONE), ==, 8);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_REFUSED), ==, 4);
  run (w, SECOND);
  for (guint i = 0; i < 12; i++)
    open_and_close (w, "again");
  run (w, SECOND / 100);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_DONE), ==, 5);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_REFUSED), ==, 4 + 7);
}

/* How long. */

/* An entry of the stranger's. */
static void
push (World *w, const char *id, guint i)
{
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id);
  g_autofree char *key = g_strdup_printf ("theirs-%u", i);
  g_autoptr (GBytes) value = mkv_test_bytes ("value");
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, NOW, "stranger", i + 1, &error);

  g_assert_no_error (error);
  mkv_sync_message_add_event (message, entry);
  mkv_sync_message_set_more (message, TRUE);
  mkv_stranger_tell (w->stranger, "me", message);
}

static void
test_timeout (World *w, gconstpointer data)
{
  guint before;

  g_test_summary ("A session ends after 30 s without an entry applied or a prefix closed, not before");
  run (w, 10 * SECOND);
  before = count (w, MKV_COUNTER_SYNC_SESSIONS);
  for (guint i = 0; i < 5; i++)
    {
      push (w, "long", i);
      run (w, 29 * SECOND);
      g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_SESSIONS), ==, before);
    }
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_APPLIED), ==, 5);
  /* Talk is no progress. */
  for (guint i = 0; i < 2; i++)
    {
      mkv_stranger_tell (w->stranger, "me", mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, "long"));
      push (w, "long", 0);
    }
  run (w, SECOND - 1);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_SESSIONS), ==, before);
  run (w, SECOND);
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_SESSIONS), ==, before + 1);
}

/* Being left alone. */

/* Announces root @number every 10 s for @us, and refuses each session; how many
 * there were. */
static guint
refuse_all (World *w, guint number, gint64 us, MkvErrorCode code)
{
  guint n = 0;

  for (gint64 at = 0; at < us; at += 10 * SECOND)
    {
      g_autofree char *id = NULL;

      mkv_stranger_tell_root (w->stranger, number);
      if (wait_for_start (w, SECOND, &id) >= 0)
        {
          refuse (w, id, code);
          n++;
        }
      run (w, 9 * SECOND);
    }
  return n;
}

static void
test_left_alone (World *w, gconstpointer data)
{
  gint64 pause = MINUTE;

  g_test_summary ("A peer that is of no use is left alone for 1 min, 2 min, up to 1 h; health says so; until a root changes");
  run (w, 10 * SECOND);
  g_assert_cmpuint (refuse_all (w, 1, 20 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 2);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
  g_assert_cmpuint (refuse_all (w, 1, 10 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 1);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-alone", "What stranger holds"));
  for (guint i = 0; i < 8; i++)
    {
      g_assert_cmpuint (refuse_all (w, 1, pause - 20 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 0);
      g_assert_cmpuint (refuse_all (w, 1, 30 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 1);
      g_assert_true (mkv_replica_has_condition (w->me, "sync-alone", "What stranger holds"));
      pause = MIN (2 * pause, 60 * MINUTE);
    }
  /* Theirs. */
  g_assert_cmpuint (refuse_all (w, 2, 10 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 1);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
  g_assert_cmpuint (refuse_all (w, 2, 60 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 2);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-alone", ""));
  /* Mine. */
  mkv_replica_set (w->me, "mine", "changed");
  run (w, 3 * SECOND);
  g_assert_cmpuint (refuse_all (w, 2, 10 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR), ==, 1);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
}

static void
test_alone_is_quiet (World *w, gconstpointer data)
{
  g_test_summary ("A peer that is left alone does not make others announce more often");
  run (w, 10 * SECOND);
  refuse_all (w, 1, 30 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR);
  refuse_all (w, 1, 70 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR);
  refuse_all (w, 1, 130 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR);
  refuse_all (w, 1, 250 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR);
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
  for (guint i = 0; i < 40; i++)
    {
      mkv_stranger_tell_root (w->stranger, 1);
      run (w, 10 * SECOND);
    }
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT), <=, 8);
}

static void
test_rate_limited (World *w, gconstpointer data)
{
  g_test_summary ("ERROR 109 is no failure: who says it is not left alone");
  run (w, 10 * SECOND);
  g_assert_cmpuint (refuse_all (w, 1, 120 * SECOND, MKV_ERROR_CODE_RATE_LIMITED), ==, 12);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
}

static void
test_silent (World *w, gconstpointer data)
{
  guint n = 0;

  g_test_summary ("Who announces and never answers is left alone, too");
  run (w, 10 * SECOND);
  for (guint i = 0; i < 60; i++)
    {
      mkv_stranger_tell_root (w->stranger, 1);
      n += wait_for_start (w, 5 * SECOND, NULL) >= 0 ? 1 : 0;
    }
  g_assert_cmpuint (n, >=, 3);
  g_assert_cmpuint (n, <=, 5);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-alone", "stranger"));
}

/* What is remembered. */

static void
test_contacts (World *w, gconstpointer data)
{
  g_autoptr (GVariant) peers = NULL;
  g_autofree char *real = g_strdup (w->stranger->id);

  g_test_summary ("Of peers that are made up 1,024 are remembered, those that were heard of last");
  run (w, 10 * SECOND);
  for (guint i = 0; i < 3000; i++)
    {
      g_free (w->stranger->id);
      w->stranger->id = g_strdup_printf ("made-up-%u", i);
      mkv_stranger_tell_root (w->stranger, 1);
      if (i % 100 == 0)
        run (w, SECOND / 100);
    }
  g_free (w->stranger->id);
  w->stranger->id = g_steal_pointer (&real);
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND / 100);
  peers = g_variant_ref_sink (mkv_syncer_list_peers (w->me->syncer));
  g_assert_cmpuint (g_variant_n_children (peers), ==, 1024);
  for (gsize i = 0; i < 1024; i++)
    {
      g_autoptr (GVariant) peer = g_variant_get_child_value (peers, i);
      const char *id;

      g_assert_true (g_variant_lookup (peer, "client_id", "&s", &id));
      if (g_str_equal (id, "stranger"))
        return;
    }
  g_assert_not_reached ();
}

static void
test_forgotten (World *w, gconstpointer data)
{
  g_autofree char *real = g_strdup (w->stranger->id);

  g_test_summary ("A peer that was left alone and is forgotten leaves no mark on health");
  run (w, 10 * SECOND);
  refuse_all (w, 1, 30 * SECOND, MKV_ERROR_CODE_INTERNAL_ERROR);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-alone", "stranger"));
  for (guint i = 0; i < 1100; i++)
    {
      g_free (w->stranger->id);
      w->stranger->id = g_strdup_printf ("made-up-%u", i);
      mkv_stranger_tell_root (w->stranger, 1);
    }
  run (w, SECOND);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-alone", ""));
  g_free (w->stranger->id);
  w->stranger->id = g_steal_pointer (&real);
}

static void
test_clock (World *w, gconstpointer data)
{
  g_test_summary ("A peer whose horizon this clock does not allow is named in health, until it says another or nothing");
  run (w, 10 * SECOND);
  w->stranger->horizon = (NOW / MKV_HORIZON_STEP + 1) * MKV_HORIZON_STEP;
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-clock", "The clock of stranger"));
  g_assert_cmpuint (count (w, MKV_COUNTER_SYNC_IGNORED), ==, 1);
  w->stranger->horizon = -1;
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND / 100);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-clock", ""));

  w->stranger->horizon = (NOW / MKV_HORIZON_STEP + 3) * MKV_HORIZON_STEP;
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, 55 * MINUTE);
  g_assert_true (mkv_replica_has_condition (w->me, "sync-clock", "The clock of stranger"));
  run (w, 10 * MINUTE);
  g_assert_false (mkv_replica_has_condition (w->me, "sync-clock", ""));
}

/* One of my sessions with the stranger, which has the root @number and nothing to
 * say for @ms. Returns whether there was one. */
static gboolean
put_off (World *w, guint number, gint64 ms)
{
  g_autofree char *id = NULL;
  MkvSyncMessage *done;

  mkv_stranger_tell_root (w->stranger, number);
  if (wait_for_start (w, SECOND, &id) < 0)
    return FALSE;
  done = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, id);
  mkv_sync_message_set_until (done, mkv_clock_get_time (MKV_CLOCK (w->clock)) + ms);
  mkv_stranger_tell (w->stranger, "me", done);
  run (w, SECOND);
  return TRUE;
}

static void
test_known (World *w, gconstpointer data)
{
  g_test_summary ("What a peer's DONE puts off is left in peace until then; 64 pairs of roots are remembered");
  run (w, 10 * SECOND);
  g_assert_true (put_off (w, 1, 20000));
  g_assert_false (put_off (w, 1, 20000));
  run (w, 18 * SECOND);
  for (guint i = 2; i < 2 + 65; i++)
    g_assert_true (put_off (w, i, 3600 * 1000));
  /* The first of them has made room. */
  g_assert_false (put_off (w, 3, 0));
  g_assert_false (put_off (w, 66, 0));
  g_assert_true (put_off (w, 2, 0));
}

/* Claims. */

static void
test_claims (World *w, gconstpointer data)
{
  g_autoptr (MkvStranger) second = mkv_stranger_new ("second", "t", URI, w->clock);
  g_autoptr (MkvSyncMessage) claim = NULL;
  g_autoptr (MkvSyncMessage) first = NULL;
  g_autofree char *id = NULL;
  gint64 waited;

  g_test_summary ("Who starts says so first; a claim of another holds it back for 5 s, the third of a peer no more");
  run (w, 10 * SECOND);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_CLAIM), ==, 0);
  mkv_stranger_tell_root (w->stranger, 1);
  run (w, SECOND);
  claim = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_CLAIM);
  g_assert_nonnull (claim);
  g_assert_cmpstr (mkv_sync_message_get_to (claim), ==, "stranger");
  first = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);
  g_assert_nonnull (first);
  refuse (w, mkv_sync_message_get_id (first), MKV_ERROR_CODE_INTERNAL_ERROR);
  run (w, SECOND);

  mkv_stranger_tell_root (w->stranger, 2);
  mkv_stranger_tell_claim (second, "stranger");
  waited = wait_for_start (w, 10 * SECOND, &id);
  g_assert_cmpint (waited, >=, 5 * SECOND - SECOND / 20);
  g_assert_cmpint (waited, <=, 5 * SECOND + SECOND / 2);
  refuse (w, id, MKV_ERROR_CODE_INTERNAL_ERROR);
  g_clear_pointer (&id, g_free);
  run (w, SECOND);

  /* The second claim without an equal root. */
  mkv_stranger_tell_root (w->stranger, 3);
  mkv_stranger_tell_claim (second, "stranger");
  waited = wait_for_start (w, 10 * SECOND, &id);
  g_assert_cmpint (waited, >=, 5 * SECOND - SECOND / 20);
  refuse (w, id, MKV_ERROR_CODE_INTERNAL_ERROR);
  g_clear_pointer (&id, g_free);
  run (w, SECOND);

  mkv_stranger_tell_root (w->stranger, 4);
  mkv_stranger_tell_claim (second, "stranger");
  waited = wait_for_start (w, 10 * SECOND, &id);
  g_assert_cmpint (waited, >=, 0);
  g_assert_cmpint (waited, <=, SECOND / 2 + SECOND / 20);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
#define ADD(path, func) g_test_add ("/syncer-rules/" path, World, NULL, set_up, func, tear_down)
  ADD ("unrest", test_unrest);
  ADD ("endless-unrest", test_endless_unrest);
  g_test_add ("/syncer-rules/rate/starter", World, NULL, set_up, test_rate, tear_down);
  g_test_add ("/syncer-rules/rate/answerer", World, GINT_TO_POINTER (1), set_up, test_rate, tear_down);
  ADD ("low-rate", test_low_rate);
  ADD ("once", test_once);
  ADD ("answered", test_answered);
  ADD ("started", test_started);
  ADD ("bucket", test_bucket);
  ADD ("timeout", test_timeout);
  ADD ("left-alone", test_left_alone);
  ADD ("alone-is-quiet", test_alone_is_quiet);
  ADD ("rate-limited", test_rate_limited);
  ADD ("silent", test_silent);
  ADD ("contacts", test_contacts);
  ADD ("forgotten", test_forgotten);
  ADD ("clock", test_clock);
  ADD ("known", test_known);
  ADD ("claims", test_claims);
  return g_test_run ();
}
