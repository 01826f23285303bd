/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What many replicas say to each other: counts on virtual time, the same in
 * every run. */
#include "mkv-sim-world.h"

#define N_REPLICAS 200
#define N_COMMON 1000
#define N_DIFFERENCES 1000

/* A day and more of these is simulated. */
#define N_FEWER_REPLICAS 30
#define N_DELETED 200
#define MAX_OFFSET 30000 /* ms */

#define MAX_ROOTS_PER_HOUR 40
#define MAX_HEAL_TIME (5 * MKV_SIM_SECOND)
#define MAX_SESSIONS 5

static guint64
count (MkvSimWorld *w, MkvCounter counter)
{
  guint64 n = 0;

  for (guint i = 0; i < w->n; i++)
    n += mkv_replica_count (w->nodes[i].replica, counter);
  return n;
}

static void
write_some (MkvSimWorld *w, guint first, guint end, const char *stem, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%s-%u", stem, i);

      mkv_sim_world_set (w, first + i % (end - first), key);
    }
}

static MkvSimWorld *
make_fleet (guint n)
{
  MkvSimWorld *w = mkv_sim_world_new (1, n, 1);
  g_autofree char *complaint = NULL;

  mkv_loopback_broker_set_delay (w->broker, MKV_SIM_MS, 5 * MKV_SIM_MS);
  write_some (w, 0, w->n, "common", N_COMMON);
  complaint = mkv_sim_world_settle (w, 60 * MKV_SIM_SECOND);
  g_assert_cmpstr (complaint, ==, NULL);
  return w;
}

static void
test_rest (void)
{
  g_autoptr (MkvSimWorld) w = make_fleet (N_REPLICAS);
  guint64 n, n_sessions;

  g_test_summary ("Two hundred replicas at rest say little, whatever their number is");
  /* Until all intervals have grown. */
  mkv_sim_world_run (w, MKV_SIM_HOUR);
  n = count (w, MKV_COUNTER_MESSAGES_SENT);
  n_sessions = count (w, MKV_COUNTER_SYNC_SESSIONS);
  mkv_sim_world_run (w, MKV_SIM_HOUR);
  n = count (w, MKV_COUNTER_MESSAGES_SENT) - n;
  n_sessions = count (w, MKV_COUNTER_SYNC_SESSIONS) - n_sessions;
  g_test_message ("%u replicas at rest: %" G_GUINT64_FORMAT " messages in an hour, of all together", w->n, n);
  g_assert_cmpuint (n, >, 0);
  g_assert_cmpuint (n, <=, MAX_ROOTS_PER_HOUR);
  g_assert_cmpuint (n_sessions, ==, 0);
}

static gboolean
has_healed (gpointer user_data)
{
  return mkv_sim_world_is_equal (user_data);
}

static void
test_halves (void)
{
  g_autoptr (MkvSimWorld) w = make_fleet (N_REPLICAS);
  g_autofree char *complaint = NULL;
  guint64 n_messages, n_sessions;
  gint64 start, took;

  g_test_summary ("Two halves that were parted are soon one again, by a handful of sessions");
  for (guint i = 0; i < w->n / 2; i++)
    mkv_loopback_broker_set_group (w->broker, w->nodes[i].id, 1);
  write_some (w, 0, w->n / 2, "left", N_DIFFERENCES / 2);
  write_some (w, w->n / 2, w->n, "right", N_DIFFERENCES / 2);
  mkv_sim_world_run (w, 10 * 60 * MKV_SIM_SECOND);
  g_assert_false (mkv_sim_world_is_equal (w));

  /* Who finds its way back to the others makes a new connection. */
  for (guint i = 0; i < w->n / 2; i++)
    mkv_loopback_broker_cut (w->broker, w->nodes[i].id);
  mkv_loopback_broker_set_group (w->broker, NULL, 0);
  mkv_loopback_broker_heal (w->broker, NULL);
  n_messages = count (w, MKV_COUNTER_MESSAGES_SENT);
  /* Both sides count a session. */
  n_sessions = count (w, MKV_COUNTER_SYNC_SESSIONS);
  start = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock));
  g_assert_true (mkv_test_advance_until (w->clock, 60 * MKV_SIM_SECOND, has_healed, w));
  took = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) - start;
  n_sessions = (count (w, MKV_COUNTER_SYNC_SESSIONS) - n_sessions + 1) / 2;
  n_messages = count (w, MKV_COUNTER_MESSAGES_SENT) - n_messages;
  g_test_message ("two halves of %u replicas with %u differences: equal after %.2f s, %" G_GUINT64_FORMAT
                  " sessions, %" G_GUINT64_FORMAT " messages", w->n, N_DIFFERENCES,
                  (double) took / MKV_SIM_SECOND, n_sessions, n_messages);
  complaint = mkv_sim_world_settle (w, MKV_SIM_SECOND);
  g_assert_cmpstr (complaint, ==, NULL);
  g_assert_cmpint (took, <=, MAX_HEAL_TIME);
  g_assert_cmpuint (n_sessions, <=, MAX_SESSIONS);
}

static void
test_full_hour (void)
{
  g_autoptr (MkvSimWorld) w = make_fleet (N_FEWER_REPLICAS);
  g_autofree char *complaint = NULL, *before = NULL, *after = NULL, *left = NULL;
  guint64 n_sessions;

  g_test_summary ("Tombstones leave the trees at one full hour, though clocks differ, and hardly a session tells of it");
  for (guint i = 0; i < w->n; i++)
    mkv_sim_world_set_offset (w, i, (gint64) mkv_sim_world_draw (w, 2 * MAX_OFFSET) - MAX_OFFSET);
  for (guint i = 0; i < N_DELETED; i++)
    {
      g_autofree char *key = g_strdup_printf ("common-%u", i);

      mkv_sim_world_delete (w, i % w->n, key);
      mkv_sim_world_run (w, 30 * MKV_SIM_SECOND);
    }
  complaint = mkv_sim_world_settle (w, 60 * MKV_SIM_SECOND);
  g_assert_cmpstr (complaint, ==, NULL);
  before = mkv_sim_world_dup_root (w, 0);
  n_sessions = count (w, MKV_COUNTER_SYNC_SESSIONS);
  /* No full hour that they could leave at has come. */
  mkv_sim_world_run (w, 20 * MKV_SIM_HOUR);
  g_assert_true (mkv_sim_world_is_equal (w));
  left = mkv_sim_world_dup_root (w, 0);
  g_assert_cmpstr (left, ==, before);
  mkv_sim_world_run (w, 8 * MKV_SIM_HOUR);
  n_sessions = count (w, MKV_COUNTER_SYNC_SESSIONS) - n_sessions;
  g_test_message ("%u tombstones left %u trees: %" G_GUINT64_FORMAT " ends of sessions", N_DELETED, w->n, n_sessions);
  g_assert_true (mkv_sim_world_is_equal (w));
  after = mkv_sim_world_dup_root (w, 0);
  g_assert_cmpstr (after, !=, before);
  g_assert_cmpuint (n_sessions, <=, 4);
  complaint = mkv_sim_world_settle (w, MKV_SIM_SECOND);
  g_assert_cmpstr (complaint, ==, NULL);
}

int
main (int argc, char **argv)
{
  mkv_sim_drop_log ();
  mkv_test_init (&argc, &argv, 240);
  g_test_add_func ("/fleet/rest", test_rest);
  g_test_add_func ("/fleet/halves", test_halves);
  g_test_add_func ("/fleet/full-hour", test_full_hour);
  return g_test_run ();
}
