/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "merkle/mkv-reading-private.h"

/* Looks for an entry whose short id less @difference is that of another version
 * of the same key. */
typedef struct
{
  MkvCell difference;
  guint64 mine;
} Search;

static gboolean
search_span (const guint64 *short_ids, guint n, gpointer user_data)
{
  Search *search = user_data;
  MkvCell difference = search->difference;

  for (guint i = 0; i < n; i++)
    {
      guint64 x = short_ids[i], y = x - difference.s;

      if ((x ^ y) >> 32 == 0 && mkv_short_id_get_check (x) - mkv_short_id_get_check (y) == difference.k)
        {
          search->mine = x;
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
find_versions (const MkvTree *tree, MkvPrefix prefix, MkvCell difference, guint64 *budget, guint64 *mine)
{
  Search search = { difference, 0 };
  guint32 upper = mkv_short_id_get_position (difference.s);
  guint64 n;

  if (upper != 0 && upper != G_MAXUINT32)
    return FALSE;
  n = mkv_tree_count_prefix (tree, prefix);
  if (n > *budget)
    return FALSE;
  *budget -= n;
  if (mkv_tree_foreach_span (tree, prefix, search_span, &search))
    return FALSE;
  *mine = search.mine;
  return TRUE;
}

/* Whether a cell, or a difference of two, is that of one entry under @prefix. */
static gboolean
is_one (MkvCell cell, MkvPrefix prefix)
{
  return mkv_short_id_get_check (cell.s) == cell.k &&
         mkv_prefix_has_position (prefix, mkv_short_id_get_position (cell.s));
}

MkvReading
mkv_reading_make (const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget)
{
  MkvCell more_here = mkv_cell_subtract (mine, theirs), more_there = mkv_cell_subtract (theirs, mine);
  guint64 x;

  if (mkv_cell_is_zero (more_here))
    return (MkvReading){ MKV_READING_EQUAL, 0, 0 };
  if (mkv_cell_is_zero (theirs))
    return (MkvReading){ MKV_READING_PUSH_ALL, 0, 0 };
  if (mkv_cell_is_zero (mine) && mkv_tree_count_prefix (tree, prefix) == 0)
    return (MkvReading){ MKV_READING_WANT_ALL, 0, 0 };
  if (is_one (more_here, prefix) && mkv_tree_has_short_id (tree, more_here.s))
    return (MkvReading){ MKV_READING_PUSH_ONE, more_here.s, 0 };
  if (is_one (more_there, prefix))
    return (MkvReading){ MKV_READING_WANT_ONE, 0, more_there.s };
  if (find_versions (tree, prefix, more_here, budget, &x))
    return (MkvReading){ MKV_READING_TWO_VERSIONS, x, x - more_here.s };
  return (MkvReading){ MKV_READING_SEVERAL, 0, 0 };
}
