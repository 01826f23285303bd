/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "merkle/mkv-reading-private.h"
#include "mkv-test.h"
#include "mkv-tree-model.h"

static GRand *rand_source;

/* Reads the table of the protocol word by word, over the entries themselves. */
static MkvReading
read_by_force (MkvTreeModel *model, MkvPrefix prefix, MkvCell theirs, guint64 *budget)
{
  g_autoptr (GArray) entries = mkv_tree_model_get_entries (model, prefix);
  MkvCell mine = mkv_tree_model_get_cell (entries, prefix);
  guint64 ds = mine.s - theirs.s, minus_ds = theirs.s - mine.s;
  guint32 dk = mine.k - theirs.k, minus_dk = theirs.k - mine.k, mask = mkv_prefix_get_mask (prefix);
  guint32 upper = (guint32) (ds >> 32);

  if (ds == 0 && dk == 0)
    return (MkvReading){ MKV_READING_EQUAL, 0, 0 };
  if (theirs.s == 0 && theirs.k == 0)
    return (MkvReading){ MKV_READING_PUSH_ALL, 0, 0 };
  if (mine.s == 0 && mine.k == 0 && entries->len == 0)
    return (MkvReading){ MKV_READING_WANT_ALL, 0, 0 };
  if (mkv_cell_of (ds).k == dk && (upper & mask) == prefix.bits)
    for (guint i = 0; i < entries->len; i++)
      if (g_array_index (entries, MkvTreeModelEntry, i).short_id == ds)
        return (MkvReading){ MKV_READING_PUSH_ONE, ds, 0 };
  if (mkv_cell_of (minus_ds).k == minus_dk && ((guint32) (minus_ds >> 32) & mask) == prefix.bits)
    return (MkvReading){ MKV_READING_WANT_ONE, 0, minus_ds };
  if ((upper == 0 || upper == 0xFFFFFFFF) && entries->len <= *budget)
    {
      *budget -= entries->len;
      for (guint i = 0; i < entries->len; i++)
        {
          guint64 x = g_array_index (entries, MkvTreeModelEntry, i).short_id, y = x - ds;

          if (y >> 32 == x >> 32 && mkv_cell_of (x).k - mkv_cell_of (y).k == dk)
            return (MkvReading){ MKV_READING_TWO_VERSIONS, x, y };
        }
    }
  return (MkvReading){ MKV_READING_SEVERAL, 0, 0 };
}

static void
put (MkvTree *tree, MkvTreeModel *model, guint i, guint8 version)
{
  g_autofree char *key = mkv_tree_model_make_key (i);
  guint8 digest[MKV_DIGEST_BYTES];

  mkv_tree_model_make_digest (rand_source, digest);
  digest[MKV_DIGEST_BYTES - 1] = version;
  mkv_tree_put (tree, key, digest);
  if (model != NULL)
    mkv_tree_model_put (model, key, digest);
}

static MkvReading
read_prefix (MkvTree *tree, MkvPrefix prefix, MkvCell theirs, guint64 *budget)
{
  return mkv_reading_make (tree, prefix, mkv_tree_get_cell (tree, prefix), theirs, budget);
}

static MkvReading
assert_reading (MkvTree *tree, MkvTreeModel *model, MkvPrefix prefix, MkvCell theirs, guint64 budget)
{
  guint64 left = budget, wanted_left = budget;
  MkvReading reading = read_prefix (tree, prefix, theirs, &left);
  MkvReading wanted = read_by_force (model, prefix, theirs, &wanted_left);

  g_assert_cmpint (reading.what, ==, wanted.what);
  g_assert_cmpuint (reading.mine, ==, wanted.mine);
  g_assert_cmpuint (reading.theirs, ==, wanted.theirs);
  g_assert_cmpuint (left, ==, wanted_left);
  return reading;
}

/* A cell that somebody made up, so that it comes near a case. */
static MkvCell
forge (MkvTree *tree, MkvPrefix prefix)
{
  MkvCell mine = mkv_tree_get_cell (tree, prefix), more = { 0, 0 };
  guint64 number = (guint64) g_rand_int (rand_source) << 32 | g_rand_int (rand_source);
  guint64 here = (number & G_MAXUINT32) | (guint64) prefix.bits << 32;

  switch (g_rand_int_range (rand_source, 0, 8))
    {
    case 0: /* one entry more here, which isn't there */
      return mkv_cell_subtract (mine, mkv_cell_of (here));
    case 1: /* one more there */
      return mkv_cell_add (mine, mkv_cell_of (here));
    case 2: /* one more there, somewhere else perhaps */
      return mkv_cell_add (mine, mkv_cell_of (number));
    case 3: /* a check that nothing has */
      return mkv_cell_add (mine, (MkvCell){ here, (guint32) number });
    case 4: /* only the check differs */
      return mkv_cell_add (mine, (MkvCell){ 0, (guint32) number });
    case 5: /* two versions, whose check is wrong */
      return mkv_cell_add (mine, (MkvCell){ (guint64) (gint64) (gint32) number, (guint32) (number >> 32) });
    case 6:
      return (MkvCell){ number, g_rand_int (rand_source) };
    default:
      return more;
    }
}

static void
test_forged (void)
{
  guint n_cases[MKV_READING_SEVERAL + 1] = { 0 };

  g_test_summary ("Whatever cell is sent, it is read as the table says");
  for (guint round = 0; round < 60; round++)
    {
      MkvTreePositionFunc positions = round % 2 == 0 ? mkv_tree_model_true_position : mkv_tree_model_near_position;
      g_autoptr (MkvTree) tree = mkv_tree_new_with_positions (positions);
      g_autoptr (MkvTreeModel) model = mkv_tree_model_new (positions);
      guint n = (guint) g_rand_int_range (rand_source, 0, 120);

      for (guint i = 0; i < n; i++)
        put (tree, model, i, 0);
      for (guint i = 0; i < 60; i++)
        {
          MkvPrefix prefix = { g_rand_int (rand_source), (guint8) g_rand_int_range (rand_source, 0, i % 2 ? 6 : 33) };
          MkvReading reading;

          prefix.bits &= mkv_prefix_get_mask (prefix);
          reading = assert_reading (tree, model, prefix, forge (tree, prefix), i % 5 == 0 ? 60 : MKV_READING_BUDGET);
          n_cases[reading.what]++;
        }
    }
  g_assert_cmpuint (n_cases[MKV_READING_EQUAL], >, 0);
  g_assert_cmpuint (n_cases[MKV_READING_PUSH_ALL], >, 0);
  g_assert_cmpuint (n_cases[MKV_READING_WANT_ALL], >, 0);
  g_assert_cmpuint (n_cases[MKV_READING_PUSH_ONE], ==, 0);
  g_assert_cmpuint (n_cases[MKV_READING_WANT_ONE], >, 0);
  g_assert_cmpuint (n_cases[MKV_READING_TWO_VERSIONS], ==, 0);
  g_assert_cmpuint (n_cases[MKV_READING_SEVERAL], >, 0);
}

/* Two trees that share most entries. */
static void
test_differences (void)
{
  guint n_cases[MKV_READING_SEVERAL + 1] = { 0 };

  g_test_summary ("What differs between two small sets is read as the table says, and found where it is one thing");
  for (guint round = 0; round < 120; round++)
    {
      g_autoptr (MkvTree) tree = mkv_tree_new_with_positions (mkv_tree_model_true_position);
      g_autoptr (MkvTree) other = mkv_tree_new_with_positions (mkv_tree_model_true_position);
      g_autoptr (MkvTreeModel) model = mkv_tree_model_new (mkv_tree_model_true_position);
      guint n = (guint) g_rand_int_range (rand_source, 0, 100);
      guint n_differences = (guint) g_rand_int_range (rand_source, 0, 4);

      for (guint i = 0; i < n; i++)
        {
          g_autofree char *key = mkv_tree_model_make_key (i);
          guint8 digest[MKV_DIGEST_BYTES];

          mkv_tree_model_make_digest (rand_source, digest);
          mkv_tree_put (tree, key, digest);
          mkv_tree_put (other, key, digest);
          mkv_tree_model_put (model, key, digest);
        }
      for (guint i = 0; i < n_differences; i++)
        switch (g_rand_int_range (rand_source, 0, 3))
          {
          case 0:
            put (tree, model, 1000 + i, 1);
            break;
          case 1:
            put (other, NULL, 2000 + i, 1);
            break;
          default:
            put (tree, model, i, 1);
            put (other, NULL, i, 2);
          }
      for (guint length = 0; length < 7; length++)
        for (guint i = 0; i < 1u << length; i++)
          {
            MkvPrefix prefix = mkv_prefix_get_child (MKV_PREFIX_ALL, length, i);
            MkvReading reading = assert_reading (tree, model, prefix, mkv_tree_get_cell (other, prefix),
                                                 MKV_READING_BUDGET);

            n_cases[reading.what]++;
            if (n_differences == 1 && n > 1 && length == 0)
              g_assert_cmpint (reading.what, !=, MKV_READING_SEVERAL);
            if (reading.what == MKV_READING_PUSH_ONE || reading.what == MKV_READING_TWO_VERSIONS)
              {
                g_assert_true (mkv_tree_has_short_id (tree, reading.mine));
                g_assert_false (mkv_tree_has_short_id (other, reading.mine));
              }
            if (reading.what == MKV_READING_WANT_ONE || reading.what == MKV_READING_TWO_VERSIONS)
              {
                g_assert_true (mkv_tree_has_short_id (other, reading.theirs));
                g_assert_false (mkv_tree_has_short_id (tree, reading.theirs));
              }
          }
    }
  for (guint i = 0; i < G_N_ELEMENTS (n_cases); i++)
    g_assert_cmpuint (n_cases[i], >, 0);
}

static void
test_budget (void)
{
  g_autoptr (MkvTree) tree = mkv_tree_new ();
  MkvCell theirs;
  guint64 budget = 250;

  g_test_summary ("The search for two versions takes what it looks at off the budget, and is left out beyond it");
  for (guint i = 0; i < 100; i++)
    put (tree, NULL, i, 0);
  theirs = mkv_tree_get_cell (tree, MKV_PREFIX_ALL);
  put (tree, NULL, 17, 1);
  g_assert_cmpint (read_prefix (tree, MKV_PREFIX_ALL, theirs, &budget).what, ==, MKV_READING_TWO_VERSIONS);
  g_assert_cmpuint (budget, ==, 150);
  g_assert_cmpint (read_prefix (tree, MKV_PREFIX_ALL, theirs, &budget).what, ==, MKV_READING_TWO_VERSIONS);
  g_assert_cmpuint (budget, ==, 50);
  g_assert_cmpint (read_prefix (tree, MKV_PREFIX_ALL, theirs, &budget).what, ==, MKV_READING_SEVERAL);
  g_assert_cmpuint (budget, ==, 50);
  /* What needs no search needs no budget. */
  budget = 0;
  theirs = mkv_tree_get_cell (tree, MKV_PREFIX_ALL);
  put (tree, NULL, 1000, 0);
  g_assert_cmpint (read_prefix (tree, MKV_PREFIX_ALL, theirs, &budget).what, ==, MKV_READING_PUSH_ONE);
}

int
main (int argc, char **argv)
{
  int result;

  mkv_test_init (&argc, &argv, 60);
  rand_source = g_rand_new_with_seed (mkv_tree_model_get_seed ());
  g_test_add_func ("/reading/forged", test_forged);
  g_test_add_func ("/reading/differences", test_differences);
  g_test_add_func ("/reading/budget", test_budget);
  result = g_test_run ();
  g_rand_free (rand_source);
  return result;
}
