/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <stdlib.h>

#include "mkv-sim-world.h"

/* How long it may take until all are equal, once all is well. */
#define SETTLE_TIME (15 * 60 * MKV_SIM_SECOND)

typedef struct
{
  MkvSimWorld *world;
  guint wild; /* who has a clock that is far off; world->n if nobody */
  /* Storages are lost, or clocks are far off. Both together lose entries for
   * good: a copy that others hold may be one whose writer takes it back. */
  gboolean wipes;
} Story;

static void
write_something (MkvSimWorld *w, guint node)
{
  /* Some keys are written often, by many, and most once: what is lost must not
   * be made good by a later write. */
  g_autofree char *key = g_strdup_printf ("key-%u", mkv_sim_world_draw (w, 1 + mkv_sim_world_draw (w, w->n_keys)));
  g_autofree char *counter = g_strdup_printf ("counter-%u", mkv_sim_world_draw (w, 3));

  if (w->nodes[node].replica == NULL)
    return;
  switch (mkv_sim_world_draw (w, 8))
    {
    case 0:
    case 1:
      mkv_sim_world_delete (w, node, key);
      break;
    case 2:
      mkv_sim_world_increment (w, node, counter);
      break;
    default:
      mkv_sim_world_set (w, node, key);
    }
}

static void
part (MkvSimWorld *w)
{
  mkv_sim_world_trace (w, "the replicas are parted");
  for (guint i = 0; i < w->n; i++)
    mkv_loopback_broker_set_group (w->broker, w->nodes[i].id, mkv_sim_world_draw (w, 2));
}

/* One at a time: two of them would take each other's entries for good. */
static void
change_clock (Story *story, guint i)
{
  MkvSimWorld *w = story->world;
  static const gint64 offsets[] = { -40 * 86400000ll, -2 * 3600000, 400000, 3600000, 5 * 3600000, 3000 * 86400000ll };

  if (story->wild < w->n || mkv_sim_world_draw (w, 2) == 0)
    {
      if (story->wild != i)
        mkv_sim_world_set_offset (w, i, (gint64) mkv_sim_world_draw (w, 2 * MKV_SIM_MAX_OFFSET) - MKV_SIM_MAX_OFFSET);
      return;
    }
  story->wild = i;
  mkv_sim_world_set_offset (w, i, offsets[mkv_sim_world_draw (w, G_N_ELEMENTS (offsets))]);
}

/* One random thing happens to a random replica. */
static void
step (Story *story)
{
  MkvSimWorld *w = story->world;
  guint i = mkv_sim_world_draw (w, w->n);
  double probability;

  switch (mkv_sim_world_draw (w, 33))
    {
    case 10:
      mkv_sim_world_trace (w, "%s is cut off", w->nodes[i].id);
      mkv_loopback_broker_cut (w->broker, w->nodes[i].id);
      break;
    case 11:
    case 12:
      mkv_sim_world_trace (w, "%s is reached again", w->nodes[i].id);
      mkv_loopback_broker_heal (w->broker, w->nodes[i].id);
      break;
    case 13:
      mkv_sim_world_switch_off (w, i);
      mkv_sim_world_switch_on (w, i);
      break;
    case 14:
      mkv_sim_world_switch_off (w, i);
      break;
    case 15:
    case 16:
      mkv_sim_world_switch_on (w, i);
      break;
    case 17:
      probability = mkv_sim_world_draw (w, 2) * 0.3;
      mkv_sim_world_trace (w, "%g of the messages come twice", probability);
      mkv_loopback_broker_set_duplication (w->broker, probability);
      break;
    case 18:
      probability = mkv_sim_world_draw (w, 2) * 0.3;
      mkv_sim_world_trace (w, "%g of the messages come late", probability);
      mkv_loopback_broker_set_reordering (w->broker, probability, mkv_sim_world_draw (w, 500) * MKV_SIM_MS);
      break;
    case 19:
      mkv_sim_world_run (w, mkv_sim_world_draw (w, 10000) * MKV_SIM_MS);
      break;
    case 24:
      probability = mkv_sim_world_draw (w, 3) * 0.2;
      mkv_sim_world_trace (w, "%g of the messages are lost", probability);
      mkv_loopback_broker_set_loss (w->broker, probability);
      break;
    case 25:
      part (w);
      break;
    case 26:
    case 27:
      mkv_sim_world_trace (w, "the replicas are together again");
      mkv_loopback_broker_set_group (w->broker, NULL, 0);
      break;
    case 28:
      mkv_sim_world_trace (w, "the broker forgets everything");
      mkv_loopback_broker_drop_sessions (w->broker);
      break;
    case 29:
      mkv_sim_world_trace (w, "the broker keeps 5 messages");
      mkv_loopback_broker_set_session_queue (w->broker, 5);
      break;
    case 30:
      if (story->wipes && mkv_sim_world_wipe (w, i))
        mkv_sim_world_switch_on (w, i);
      break;
    case 31:
      if (mkv_sim_world_draw (w, 4) == 0)
        {
          mkv_sim_world_trace (w, "time passes");
          mkv_sim_world_run (w, mkv_sim_world_draw (w, 3 * 60) * 60 * MKV_SIM_SECOND);
        }
      break;
    case 32:
      if (!story->wipes)
        change_clock (story, i);
      break;
    default:
      for (guint n = 1 + mkv_sim_world_draw (w, 10); n > 0; n--)
        write_something (w, i);
      mkv_sim_world_run (w, mkv_sim_world_draw (w, 100) * MKV_SIM_MS);
    }
}

static guint
draw_size (GRand *random)
{
  gint32 kind = g_rand_int_range (random, 0, 10);

  if (kind == 0)
    return (guint) g_rand_int_range (random, 16, 51);
  return (guint) (kind < 3 ? g_rand_int_range (random, 7, 16) : g_rand_int_range (random, 2, 7));
}

/* Every tree is what one made afresh would be, whatever is going on. */
static char *
check_trees (MkvSimWorld *w)
{
  for (guint i = 0; i < w->n; i++)
    if (w->nodes[i].replica != NULL)
      {
        char *complaint = mkv_sim_world_check_tree (w, i);

        if (complaint != NULL)
          return complaint;
      }
  return NULL;
}

/* Plays the seed, and returns its trace; *@complaint is what was wrong, or NULL. */
static char *
play (guint32 seed, char **complaint)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed ^ 0x5EED);
  guint n = draw_size (random);
  g_autoptr (MkvSimWorld) w = mkv_sim_world_new (seed, n, (guint) g_rand_int_range (random, 20, 400));
  Story story = { .world = w, .wild = n, .wipes = g_rand_boolean (random) };
  guint n_steps = n > 16 ? 60 : 120;

  mkv_loopback_broker_set_delay (w->broker, 0, g_rand_int_range (random, 0, 100) * MKV_SIM_MS);
  *complaint = NULL;
  for (guint i = 0; i < n_steps && *complaint == NULL; i++)
    {
      step (&story);
      mkv_sim_world_trace_counts (w);
      *complaint = check_trees (w);
    }
  if (*complaint == NULL)
    {
      mkv_sim_world_heal (w);
      *complaint = mkv_sim_world_settle (w, SETTLE_TIME);
    }
  return g_strdup (w->trace->str);
}

static void
print (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (*lines[i] != 0)
      g_test_message ("%s", lines[i]);
}

static void
test_seed (gconstpointer data)
{
  guint32 seed = GPOINTER_TO_UINT (data);
  g_autofree char *complaint = NULL, *trace = NULL;

  g_test_summary ("Whatever happened, replicas that reach each other become equal, and nothing acknowledged is lost");
  trace = play (seed, &complaint);
  if (complaint == NULL)
    return;
  print (trace);
  print (complaint);
  g_test_message ("seed %u failed; play it again with --seed %u", seed, seed);
  g_test_fail ();
}

static void
test_replay (void)
{
  g_test_summary ("A seed that is played again does the same to the last message");
  for (guint32 seed = 1; seed <= 3; seed++)
    {
      g_autofree char *complaint = NULL, *other_complaint = NULL;
      g_autofree char *first = play (seed, &complaint);
      g_autofree char *second = play (seed, &other_complaint);

      g_assert_cmpstr (first, ==, second);
      g_assert_cmpstr (complaint, ==, other_complaint);
    }
}

static void
test_away (void)
{
  g_autoptr (MkvSimWorld) w = mkv_sim_world_new (80, 3, 1);
  g_autofree char *before = NULL, *after = NULL;
  MkvContentsState state;

  g_test_summary ("Keys deleted while a replica was away for 80 days stay deleted when it comes back");
  /* Less often than usual, as nothing happens for months. */
  for (guint i = 0; i < 2; i++)
    mkv_syncer_set_policy (w->nodes[i].replica->syncer, 2 * MKV_SIM_SECOND, MKV_SIM_HOUR, 5, 0, 300000);
  for (guint i = 0; i < 60; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_sim_world_set (w, i % 3, key);
    }
  before = mkv_sim_world_settle (w, 60 * MKV_SIM_SECOND);
  g_assert_cmpstr (before, ==, NULL);
  mkv_sim_world_switch_off (w, 2);
  mkv_sim_world_run (w, 24 * MKV_SIM_HOUR);
  for (guint i = 0; i < 30; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      mkv_sim_world_delete (w, i % 2, key);
    }
  mkv_sim_world_run (w, 80 * 24 * MKV_SIM_HOUR);
  mkv_contents_get_state (mkv_local_store_get_contents (w->nodes[0].replica->store), &state);
  g_assert_cmpuint (state.n_entries, ==, 30);
  g_assert_cmpuint (state.n_graves, ==, 30);
  mkv_sim_world_switch_on (w, 2);
  after = mkv_sim_world_settle (w, SETTLE_TIME);
  g_assert_cmpstr (after, ==, NULL);
}

int
main (int argc, char **argv)
{
  guint first = 1, n = 50;
  gboolean one = FALSE;
  int n_left = 1;

  /* --seed N plays one, --seeds FIRST N plays N. */
  for (int i = 1; i < argc; i++)
    if (g_str_equal (argv[i], "--seed") && i + 1 < argc)
      {
        first = (guint) atoi (argv[++i]);
        n = 1;
        one = TRUE;
      }
    else if (g_str_equal (argv[i], "--seeds") && i + 2 < argc)
      {
        first = (guint) atoi (argv[++i]);
        n = (guint) atoi (argv[++i]);
      }
    else
      argv[n_left++] = argv[i];
  argc = n_left;
  argv[argc] = NULL;
  mkv_test_init (&argc, &argv, 60 + 10 * n);
  mkv_sim_drop_log ();
  if (!one)
    {
      g_test_add_func ("/simulation/replay", test_replay);
      g_test_add_func ("/simulation/away", test_away);
    }
  for (guint seed = first; seed < first + n; seed++)
    {
      g_autofree char *path = g_strdup_printf ("/simulation/seed/%u", seed);

      g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_seed);
    }
  return g_test_run ();
}
