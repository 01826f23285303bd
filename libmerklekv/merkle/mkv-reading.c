/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "merkle/mkv-reading-private.h"

/* How many entries are looked at in one go, as a rule. */
#define PIECE_ENTRIES (4096)

/* Looks for an entry whose short id less @difference is that of another version
 * of the same key. */
typedef struct
{
  MkvCell difference;
  guint64 n_entries;
  guint64 mine;
} Piece;

static gboolean
search_span (const guint64 *short_ids, guint n, gpointer user_data)
{
  Piece *piece = user_data;
  MkvCell difference = piece->difference;

  piece->n_entries += n;
  for (guint i = 0; i < n; i++)
    {
      guint64 x = short_ids[i], y = x - difference.s;

      if ((x ^ y) >> 32 == 0 && mkv_short_id_get_check (x) - mkv_short_id_get_check (y) == difference.k)
        {
          piece->mine = x;
          return FALSE;
        }
    }
  return TRUE;
}

/* FALSE if there is nothing to be found, or the budget does not allow it. */
static gboolean
begin_search (const MkvTree *tree, MkvPrefix prefix, MkvCell difference, guint64 *budget, MkvReadingSearch *search)
{
  guint32 upper = mkv_short_id_get_position (difference.s);
  guint64 n;

  if (upper != 0 && upper != G_MAXUINT32)
    return FALSE;
  n = mkv_tree_count_prefix (tree, prefix);
  if (n > *budget)
    return FALSE;
  *budget -= n;
  *search = (MkvReadingSearch){ .prefix = prefix, .difference = difference };
  while (n >> search->depth > PIECE_ENTRIES && prefix.length + search->depth < MKV_MAX_PREFIX_BITS)
    search->depth++;
  return TRUE;
}

gboolean
mkv_reading_search (const MkvTree *tree, MkvReadingSearch *search, guint64 *n_entries, MkvReading *reading)
{
  Piece piece = { .difference = search->difference };

  *reading = (MkvReading){ MKV_READING_SEVERAL, 0, 0 };
  for (; search->next < 1u << search->depth && piece.n_entries < *n_entries; search->next++)
    if (!mkv_tree_foreach_span (tree, mkv_prefix_get_child (search->prefix, search->depth, search->next), search_span,
                                &piece))
      {
        *reading = (MkvReading){ MKV_READING_TWO_VERSIONS, piece.mine, piece.mine - search->difference.s };
        search->next = 1u << search->depth;
        break;
      }
  *n_entries = piece.n_entries;
  return search->next == 1u << search->depth;
}

/* Whether a cell, or a difference of two, is that of one entry under @prefix. */
static gboolean
is_one (MkvCell cell, MkvPrefix prefix)
{
  return mkv_short_id_get_check (cell.s) == cell.k &&
         mkv_prefix_has_position (prefix, mkv_short_id_get_position (cell.s));
}

gboolean
mkv_reading_begin (const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget,
                   MkvReading *reading, MkvReadingSearch *search)
{
  MkvCell more_here = mkv_cell_subtract (mine, theirs), more_there = mkv_cell_subtract (theirs, mine);

  if (mkv_cell_is_zero (more_here))
    *reading = (MkvReading){ MKV_READING_EQUAL, 0, 0 };
  else if (mkv_cell_is_zero (theirs))
    *reading = (MkvReading){ MKV_READING_PUSH_ALL, 0, 0 };
  else if (mkv_cell_is_zero (mine) && mkv_tree_count_prefix (tree, prefix) == 0)
    *reading = (MkvReading){ MKV_READING_WANT_ALL, 0, 0 };
  else if (is_one (more_here, prefix) && mkv_tree_has_short_id (tree, more_here.s))
    *reading = (MkvReading){ MKV_READING_PUSH_ONE, more_here.s, 0 };
  else if (is_one (more_there, prefix))
    *reading = (MkvReading){ MKV_READING_WANT_ONE, 0, more_there.s };
  else if (begin_search (tree, prefix, more_here, budget, search))
    return FALSE;
  else
    *reading = (MkvReading){ MKV_READING_SEVERAL, 0, 0 };
  return TRUE;
}

MkvReading
mkv_reading_make (const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget)
{
  MkvReadingSearch search;
  MkvReading reading;
  guint64 all = G_MAXUINT64;

  if (!mkv_reading_begin (tree, prefix, mine, theirs, budget, &reading, &search))
    mkv_reading_search (tree, &search, &all, &reading);
  return reading;
}
