/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-depth-private.h"

#include <math.h>

/* How deep to look is a matter of the number of differences: cells that hold
 * about one difference each say most for their octets. What is known of that
 * number comes from the peer's message: how many of its cells are equal, and how
 * many read as a single difference, of differences that are spread like rain.
 *
 * Where no cell does, updates still tell: the two versions of a key have short
 * ids with equal upper halves and random lower ones, so the difference of the
 * sums over k updates is of the order of sqrt (k / 6) * 2^32.
 *
 * Then the depths of the turns that are left are planned together: the least
 * octets that are expected for all of them. */

/* A message more costs its head, and its time. */
#define TURN_OCTETS (200)

/* The last message of a session that should have cells or lists: offers, wants,
 * pushes and DONE come after it, in ten messages in all. */
#define LAST_OPEN_TURN (6)

/* What it would cost to have prefixes open after that: nothing worth it. */
#define LATE_OCTETS (20000)
#define LATE_PREFIX_OCTETS (70)

/* In that last one: deep enough for two differences to part, as a rule. */
#define LAST_DEPTH (4)

/* The estimate from the squares of 64 cells is off by a sixth or so; a bit too deep
 * costs more than a bit too shallow. */
#define CAUTION (0.88)

/* Where no cell reads as one difference and most are not sums of updates, only the
 * least mean is known that explains it. All above it explain it as well. */
#define BEYOND (1.5)

/* Above this the difference of two sums is not one of updates. */
#define MAX_UPDATES_SQUARE (1024.0 * 1024.0)

void
mkv_sync_spread_add (MkvSyncSpread *self, MkvReadingCase what, MkvCell mine, MkvCell theirs)
{
  double difference = (double) (gint64) (mine.s - theirs.s) / 4294967296.0;

  self->n_cells++;
  if (what == MKV_READING_EQUAL)
    self->n_equal++;
  else if (what == MKV_READING_SEVERAL)
    self->n_several++;
  else
    self->n_single++;
  if (difference * difference < MAX_UPDATES_SQUARE)
    self->squares += difference * difference;
  else
    self->n_large++;
}

/* The chance of two or more where @mean are expected. */
static double
get_several (double mean)
{
  return mean < 1e-3 ? mean * mean / 2 : 1 - exp (-mean) * (1 + mean);
}

/* How many differences are in a cell, on average. */
static double
estimate_mean (const MkvSyncSpread *self)
{
  guint n_read = self->n_equal + self->n_single;
  double best = -INFINITY, mean = 1;

  if (self->n_cells == 0)
    return 1;
  if (n_read < self->n_cells / 8 && self->n_large < self->n_several / 8 + 1)
    return MAX (6 * CAUTION * self->squares / self->n_cells, 1);
  if (n_read == 0)
    {
      /* So many at least that none could be expected. */
      while (self->n_cells * (1 + mean) * exp (-mean) > 0.7)
        mean *= 1.02;
      return BEYOND * mean;
    }
  for (double guess = 0.01; guess < 40; guess *= 1.03)
    {
      double likelihood = -guess * self->n_equal + log (guess * exp (-guess)) * self->n_single +
                          log (MAX (get_several (guess), 1e-12)) * self->n_several;

      if (likelihood > best)
        {
          best = likelihood;
          mean = guess;
        }
    }
  return mean;
}

gsize
mkv_sync_get_cells_size (guint n_bits, guint depth)
{
  gsize octets = (gsize) MKV_CELL_BYTES << depth;

  /* An array, the prefix, the depth, and the cells behind their length. */
  return 1 + 2 + (n_bits + 7) / 8 + 1 + (octets < 256 ? 2 : 3) + octets;
}

gsize
mkv_sync_get_list_size (guint n_bits, guint64 n_entries)
{
  gsize octets = MKV_SHORT_ID_BYTES * (gsize) n_entries;

  return 1 + 2 + (n_bits + 7) / 8 + (octets < 24 ? 1 : octets < 256 ? 2 : octets < 65536 ? 3 : 5) + octets;
}

/* The octets that are still to be expected for @n_open prefixes of @n_entries
 * with two or more of @mean differences, if @n_turns messages may have cells. */
static double
plan (double n_open, double mean, double n_entries, guint n_turns, guint *depth)
{
  double least = INFINITY, open = n_open < 30 ? 1 - exp (-n_open) : 1;
  guint first = mean > 4 ? (guint) log2 (mean) - 1 : 1;
  gsize list = mkv_sync_get_list_size (16, (guint64) n_entries + 2);

  if (n_turns == 0 || n_open < 0.003)
    return n_turns == 0 ? open * LATE_OCTETS + n_open * LATE_PREFIX_OCTETS : 0;
  first = MIN (first, MKV_MAX_CELL_DEPTH);
  for (guint e = first; e <= MIN (first + 5, MKV_MAX_CELL_DEPTH); e++)
    {
      gsize cells = mkv_sync_get_cells_size (16, e);
      gboolean listed = list <= MAX (cells, mkv_sync_get_cells_size (16, 2));
      double deeper = ldexp (mean, -(int) e);
      double left = listed ? 0 : ldexp (n_open * get_several (deeper) / get_several (mean), (int) e);
      double octets = n_open * (double) (listed ? list : cells) + open * TURN_OCTETS +
                      plan (left, deeper, ldexp (n_entries, -(int) e), n_turns - 1, NULL);

      if (octets < least)
        {
          least = octets;
          if (depth != NULL)
            *depth = e;
        }
    }
  return least;
}

guint
mkv_sync_spread_choose_depth (const MkvSyncSpread *self, guint n_open, double n_entries, guint turn)
{
  guint n_turns = turn < LAST_OPEN_TURN ? LAST_OPEN_TURN - turn : 2;
  guint depth = 2;

  if (n_open == 0)
    return depth;
  plan (n_open, CLAMP (estimate_mean (self), 0.01, 1e6), n_entries, n_turns, &depth);
  return n_turns == 1 ? MAX (depth, LAST_DEPTH) : depth;
}
