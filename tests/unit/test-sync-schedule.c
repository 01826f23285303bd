/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * When roots are announced and sessions are started: the schedule alone, with
 * roots that are numbers. */
#include <string.h>

#include "mkv-test.h"
#include "sync/mkv-sync-schedule-private.h"

#define SECOND ((gint64) G_USEC_PER_SEC)
#define SEED 42
#define FLEET 200
#define DELAY 2000           /* us until a message is everywhere */
#define SESSION (SECOND / 5) /* us that a session takes */

static const guint8 *
root (guint number)
{
  static guint8 roots[256][MKV_DIGEST_BYTES];

  roots[number][0] = (guint8) number;
  return roots[number];
}

/* Goes from @from to @to; returns how often @what was due, *@last is when. */
static guint
run (MkvSyncSchedule *schedule, gint64 from, gint64 to, MkvSyncDue what, gint64 *last)
{
  const char *client_id;
  gint64 now = from;
  guint n = 0;

  while ((now = MAX (now, mkv_sync_schedule_get_next (schedule))) < to)
    if ((mkv_sync_schedule_poll (schedule, now, &client_id) & what) != 0)
      {
        n++;
        if (last != NULL)
          *last = now;
      }
  return n;
}

static void
test_trickle (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);
  gint64 begin = 0, last = 0;

  g_test_summary ("A root is announced in the second half of intervals that double from Imin to Imax");
  g_assert_cmpint (mkv_sync_schedule_get_next (schedule), ==, G_MAXINT64);
  mkv_sync_schedule_connected (schedule, 0);
  for (gint64 interval = 2 * SECOND, n = 0; n < 10; n++)
    {
      g_assert_cmpuint (run (schedule, begin, begin + interval, MKV_SYNC_DUE_ROOT, &last), ==, 1);
      g_assert_cmpint (last - begin, >=, interval / 2);
      begin += interval;
      interval = MIN (2 * interval, 128 * SECOND);
    }
  mkv_sync_schedule_disconnected (schedule);
  g_assert_cmpint (mkv_sync_schedule_get_next (schedule), ==, G_MAXINT64);
}

static void
test_suppression (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);

  g_test_summary ("Who hears an equal root keeps quiet for that interval; another one leads back to Imin");
  mkv_sync_schedule_connected (schedule, 0);
  g_assert_false (mkv_sync_schedule_heard_root (schedule, SECOND / 2, "b", root (1), root (1)));
  g_assert_cmpuint (run (schedule, SECOND / 2, 2 * SECOND, MKV_SYNC_DUE_ROOT, NULL), ==, 0);
  g_assert_cmpuint (run (schedule, 2 * SECOND, 6 * SECOND, MKV_SYNC_DUE_ROOT, NULL), ==, 1);
  run (schedule, 6 * SECOND, 300 * SECOND, MKV_SYNC_DUE_ROOT, NULL);
  g_assert_true (mkv_sync_schedule_heard_root (schedule, 300 * SECOND, "b", root (1), root (2)));
  g_assert_cmpuint (run (schedule, 300 * SECOND, 302 * SECOND, MKV_SYNC_DUE_ROOT, NULL), ==, 1);
}

static void
test_claims (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);
  gint64 last = 0, now;

  g_test_summary ("A start waits up to 500 ms, and for a claim 5 s or until the next root; not for the third");
  mkv_sync_schedule_connected (schedule, 0);
  mkv_sync_schedule_heard_root (schedule, SECOND, "b", root (1), root (2));
  g_assert_cmpuint (run (schedule, SECOND, 10 * SECOND, MKV_SYNC_DUE_START, &last), ==, 1);
  g_assert_cmpint (last, <=, SECOND + SECOND / 2);

  now = 20 * SECOND;
  mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (2));
  mkv_sync_schedule_heard_claim (schedule, now, "c", "b");
  g_assert_cmpuint (run (schedule, now, now + 5 * SECOND, MKV_SYNC_DUE_START, NULL), ==, 0);
  g_assert_cmpuint (run (schedule, now + 5 * SECOND, now + 6 * SECOND, MKV_SYNC_DUE_START, NULL), ==, 1);

  /* The root that comes is equal: nobody starts. */
  now = 40 * SECOND;
  mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (2));
  mkv_sync_schedule_heard_claim (schedule, now, "c", "b");
  mkv_sync_schedule_heard_root (schedule, now + 1, "b", root (1), root (1));
  g_assert_cmpuint (run (schedule, now, now + 10 * SECOND, MKV_SYNC_DUE_START, NULL), ==, 0);

  /* Of one sender's claims the latest holds. */
  now = 60 * SECOND;
  mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (2));
  mkv_sync_schedule_heard_claim (schedule, now, "c", "b");
  mkv_sync_schedule_heard_claim (schedule, now, "c", "d");
  g_assert_cmpuint (run (schedule, now, now + SECOND, MKV_SYNC_DUE_START, NULL), ==, 1);

  now = 80 * SECOND;
  mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (2));
  /* Claims of one moment are as one, the second. */
  mkv_sync_schedule_heard_claim (schedule, now, "c", "b");
  mkv_sync_schedule_heard_claim (schedule, now, "d", "b");
  g_assert_cmpuint (run (schedule, now, now + SECOND, MKV_SYNC_DUE_START, NULL), ==, 0);
  /* The third would hold for 6 s. */
  mkv_sync_schedule_heard_claim (schedule, now + SECOND, "d", "b");
  g_assert_cmpuint (run (schedule, now + SECOND, now + 5 * SECOND + 1, MKV_SYNC_DUE_START, NULL), ==, 1);
}

static void
test_bounds (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);
  const gint64 now = 100 * SECOND;

  g_test_summary ("10 sessions begin at once and 5 a second, the last two not with strangers; while one is under way none is started");
  mkv_sync_schedule_connected (schedule, now);
  for (guint i = 0; i < 8; i++)
    g_assert_true (mkv_sync_schedule_take_session (schedule, now, FALSE));
  g_assert_false (mkv_sync_schedule_take_session (schedule, now, FALSE));
  g_assert_true (mkv_sync_schedule_take_session (schedule, now + SECOND / 5, FALSE));
  g_assert_false (mkv_sync_schedule_take_session (schedule, now + SECOND / 5, FALSE));
  g_assert_true (mkv_sync_schedule_take_session (schedule, now + SECOND / 5, TRUE));
  g_assert_true (mkv_sync_schedule_take_session (schedule, now + SECOND / 5, TRUE));
  g_assert_false (mkv_sync_schedule_take_session (schedule, now + SECOND / 5, TRUE));

  mkv_sync_schedule_set_busy (schedule, TRUE);
  mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (2));
  g_assert_cmpuint (run (schedule, now, now + 10 * SECOND, MKV_SYNC_DUE_START, NULL), ==, 0);

  /* Names made up by a stranger. */
  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *id = g_strdup_printf ("client-%u", i);

      mkv_sync_schedule_heard_root (schedule, now + i, id, root (1), root (2));
      mkv_sync_schedule_heard_claim (schedule, now + i, id, "b");
      mkv_sync_schedule_session_ended (schedule, now + i, id, FALSE, root (1), root (2));
    }
}

static void
test_left_alone (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);
  gint64 now = 0, pause = 60 * SECOND;

  g_test_summary ("Three sessions of no use: a minute of rest, then two, up to an hour, until a root changes");
  mkv_sync_schedule_connected (schedule, 0);
  for (guint i = 0; i < 2; i++)
    mkv_sync_schedule_session_ended (schedule, now, "b", FALSE, root (1), root (2));
  g_assert_false (mkv_sync_schedule_is_left_alone (schedule, now, "b", root (1), root (2)));
  for (guint i = 0; i < 9; i++)
    {
      mkv_sync_schedule_session_ended (schedule, now, "b", FALSE, root (1), root (2));
      g_assert_false (mkv_sync_schedule_heard_root (schedule, now + pause - 1, "b", root (1), root (2)));
      g_assert_true (mkv_sync_schedule_is_left_alone (schedule, now + pause - 1, "b", root (1), root (2)));
      g_assert_false (mkv_sync_schedule_is_left_alone (schedule, now + pause - 1, "b", root (1), root (3)));
      g_assert_false (mkv_sync_schedule_is_left_alone (schedule, now + pause - 1, "b", root (3), root (2)));
      now += pause;
      g_assert_false (mkv_sync_schedule_is_left_alone (schedule, now, "b", root (1), root (2)));
      pause = MIN (2 * pause, 3600 * SECOND);
    }
  g_assert_true (mkv_sync_schedule_heard_root (schedule, now, "b", root (1), root (3)));
}

static void
test_known (void)
{
  g_autoptr (MkvSyncSchedule) schedule = mkv_sync_schedule_new (SEED);

  g_test_summary ("A known difference counts as none, until its time; at most 64 are known");
  mkv_sync_schedule_connected (schedule, 0);
  mkv_sync_schedule_remember (schedule, root (1), root (2), 5 * SECOND);
  g_assert_false (mkv_sync_schedule_heard_root (schedule, SECOND, "b", root (1), root (2)));
  g_assert_true (mkv_sync_schedule_heard_root (schedule, SECOND, "b", root (2), root (1)));
  g_assert_true (mkv_sync_schedule_heard_root (schedule, 5 * SECOND, "b", root (1), root (2)));
  for (guint i = 0; i < 65; i++)
    mkv_sync_schedule_remember (schedule, root (1), root (100 + i), 100 * SECOND);
  g_assert_true (mkv_sync_schedule_heard_root (schedule, 6 * SECOND, "b", root (1), root (100)));
  g_assert_false (mkv_sync_schedule_heard_root (schedule, 6 * SECOND, "b", root (1), root (101)));
}

/* A fleet on one clock: a message is everywhere after DELAY, a session makes both
 * ends equal and is told to everyone. */
typedef struct
{
  MkvSyncSchedule *nodes[FLEET];
  char *names[FLEET];
  guint roots[FLEET];
  gint64 now;
  guint n_roots;
  guint n_sessions;
  gboolean parted;
} Fleet;

static gboolean
hears (Fleet *fleet, guint from, guint to)
{
  return from != to && (!fleet->parted || from % 2 == to % 2);
}

static void
start_session (Fleet *fleet, guint starter, const char *with)
{
  fleet->n_sessions++;
  for (guint i = 0; i < FLEET; i++)
    if (hears (fleet, starter, i))
      mkv_sync_schedule_heard_claim (fleet->nodes[i], fleet->now + DELAY, fleet->names[starter], with);
}

static void
run_fleet (Fleet *fleet, gint64 until)
{
  gint64 healed_at = G_MAXINT64;

  while (TRUE)
    {
      gint64 next = healed_at;
      guint who = FLEET;
      const char *with;
      MkvSyncDue due;

      for (guint i = 0; i < FLEET; i++)
        if (mkv_sync_schedule_get_next (fleet->nodes[i]) < next)
          {
            who = i;
            next = mkv_sync_schedule_get_next (fleet->nodes[i]);
          }
      if (next > until)
        break;
      fleet->now = MAX (fleet->now, next);
      if (who == FLEET)
        {
          for (guint i = 0; i < FLEET; i++)
            fleet->roots[i] = 3;
          healed_at = G_MAXINT64;
          continue;
        }
      due = mkv_sync_schedule_poll (fleet->nodes[who], fleet->now, &with);
      if ((due & MKV_SYNC_DUE_START) != 0 && fleet->roots[who] != 3)
        {
          g_autofree char *copy = g_strdup (with);

          start_session (fleet, who, copy);
          healed_at = MIN (healed_at, fleet->now + SESSION);
        }
      if ((due & MKV_SYNC_DUE_ROOT) == 0)
        continue;
      fleet->n_roots++;
      for (guint i = 0; i < FLEET; i++)
        if (hears (fleet, who, i))
          mkv_sync_schedule_heard_root (fleet->nodes[i], fleet->now + DELAY, fleet->names[who],
                                        root (fleet->roots[i]), root (fleet->roots[who]));
    }
  fleet->now = until;
}

static void
test_fleet (void)
{
  g_test_summary ("200 replicas at rest send at most 40 roots an hour; those of two halves start few sessions");
  for (guint seed = 0; seed < 5; seed++)
    {
      Fleet fleet = { .parted = FALSE };

      for (guint i = 0; i < FLEET; i++)
        {
          fleet.nodes[i] = mkv_sync_schedule_new (seed * FLEET + i);
          fleet.names[i] = g_strdup_printf ("n%u", i);
          fleet.roots[i] = 1;
          mkv_sync_schedule_connected (fleet.nodes[i], (gint64) i * SECOND / 100);
        }
      run_fleet (&fleet, 3600 * SECOND);
      fleet.n_roots = 0;
      run_fleet (&fleet, 2 * 3600 * SECOND);
      g_test_message ("seed %u: %u roots in an hour", seed, fleet.n_roots);
      g_assert_cmpuint (fleet.n_roots, <=, 40);
      g_assert_cmpuint (fleet.n_sessions, ==, 0);

      fleet.parted = TRUE;
      for (guint i = 0; i < FLEET; i++)
        fleet.roots[i] = 1 + i % 2;
      run_fleet (&fleet, 3 * 3600 * SECOND);
      g_assert_cmpuint (fleet.n_sessions, ==, 0);
      fleet.parted = FALSE;
      run_fleet (&fleet, 3 * 3600 * SECOND + 300 * SECOND);
      g_test_message ("seed %u: %u sessions", seed, fleet.n_sessions);
      g_assert_cmpuint (fleet.n_sessions, >=, 1);
      g_assert_cmpuint (fleet.n_sessions, <=, 5);
      for (guint i = 0; i < FLEET; i++)
        {
          g_assert_cmpuint (fleet.roots[i], ==, 3);
          mkv_sync_schedule_free (fleet.nodes[i]);
          g_free (fleet.names[i]);
        }
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/sync-schedule/trickle", test_trickle);
  g_test_add_func ("/sync-schedule/suppression", test_suppression);
  g_test_add_func ("/sync-schedule/claims", test_claims);
  g_test_add_func ("/sync-schedule/bounds", test_bounds);
  g_test_add_func ("/sync-schedule/left-alone", test_left_alone);
  g_test_add_func ("/sync-schedule/known", test_known);
  g_test_add_func ("/sync-schedule/fleet", test_fleet);
  return g_test_run ();
}
