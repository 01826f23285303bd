/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-sim-world.h"

#define N_ENTRIES 10000

/* A page of a large push, and what the two say beside it. */
#define PAGE_BYTES (64 * 1024)
#define TALK_BYTES (16 * 1024)

static gboolean
has_half (gpointer user_data)
{
  MkvSimWorld *w = user_data;
  MkvContentsState state;

  mkv_contents_get_state (mkv_local_store_get_contents (w->nodes[1].replica->store), &state);
  return state.n_entries >= N_ENTRIES / 2;
}

/* How many octets it took to fill an empty replica, which crashes in the
 * middle of it if @crashes; its storage stays. */
static guint64
bootstrap (gboolean crashes)
{
  g_autoptr (MkvSimWorld) w = mkv_sim_world_new (3, 2, 1);
  g_autofree char *complaint = NULL;
  guint64 before;

  mkv_sim_world_switch_off (w, 1);
  mkv_loopback_broker_drop_sessions (w->broker);
  for (guint i = 0; i < N_ENTRIES; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_sim_world_set (w, 0, key);
    }
  mkv_sim_world_run (w, 60 * MKV_SIM_SECOND);
  g_assert_true (mkv_publisher_is_drained (w->nodes[0].replica->publisher));
  mkv_loopback_broker_set_delay (w->broker, 10 * MKV_SIM_MS, 10 * MKV_SIM_MS);
  before = mkv_replica_count (w->nodes[0].replica, MKV_COUNTER_BYTES_SENT);
  mkv_sim_world_switch_on (w, 1);
  if (crashes)
    {
      g_assert_true (mkv_test_advance_until (w->clock, 300 * MKV_SIM_SECOND, has_half, w));
      g_assert_false (mkv_sim_world_is_equal (w));
      mkv_sim_world_switch_off (w, 1);
      mkv_sim_world_switch_on (w, 1);
    }
  complaint = mkv_sim_world_settle (w, 300 * MKV_SIM_SECOND);
  g_assert_cmpstr (complaint, ==, NULL);
  return mkv_replica_count (w->nodes[0].replica, MKV_COUNTER_BYTES_SENT) - before;
}

static void
test_crash (void)
{
  guint64 smooth = bootstrap (FALSE), crashed = bootstrap (TRUE);

  g_test_summary ("A replica that crashes while it is filled goes on where it was");
  g_test_message ("%u entries: %" G_GUINT64_FORMAT " octets, with a crash in the middle %" G_GUINT64_FORMAT,
                  N_ENTRIES, smooth, crashed);
  g_assert_cmpuint (crashed, <=, smooth + PAGE_BYTES + TALK_BYTES);
}

int
main (int argc, char **argv)
{
  mkv_sim_drop_log ();
  mkv_test_init (&argc, &argv, 120);
  g_test_add_func ("/resume/crash", test_crash);
  return g_test_run ();
}
