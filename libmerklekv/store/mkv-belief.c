/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-belief-private.h"

/* A wall clock that differs by this part of the patience or less is followed at
 * once: the time that a node was off, or slept, passed as well. */
#define TOLERATED_PART 10

void
mkv_belief_init (MkvBelief *self)
{
  *self = (MkvBelief){ .looked_at = -1 };
}

static gboolean
is_near (gint64 a, gint64 b, gint64 tolerance)
{
  return ABS (a - b) <= tolerance;
}

void
mkv_belief_look (MkvBelief *self, gint64 now, gint64 monotonic, gint64 patience)
{
  const gint64 tolerance = patience / TOLERATED_PART;
  gint64 elapsed = 0;

  if (self->looked_at < 0)
    self->looked_at = monotonic;
  else if (monotonic > self->looked_at)
    elapsed = (monotonic - self->looked_at) / 1000;
  /* What is less than a millisecond counts the next time. */
  self->looked_at += elapsed * 1000;

  self->believed += elapsed;
  self->claimed += elapsed;
  if (is_near (now, self->believed, tolerance))
    {
      self->believed = now;
      /* What came and went counts less and less. */
      self->stood = MAX (self->stood - elapsed, 0);
    }
  else if (!is_near (now, self->claimed, tolerance))
    {
      self->believed = mkv_belief_get_certain (self);
      self->claimed = now;
      self->stood = 0;
    }
  else
    {
      self->claimed = now;
      self->stood += elapsed;
      if (self->stood < patience)
        return;
      self->believed = now;
      self->stood = 0;
    }
}

gint64
mkv_belief_get_certain (const MkvBelief *self)
{
  return self->stood > 0 ? MIN (self->believed, self->claimed) : self->believed;
}

char *
mkv_belief_to_string (const MkvBelief *self)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, self->believed,
                          self->claimed, self->stood);
}

void
mkv_belief_from_string (MkvBelief *self, const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gint64 numbers[3];

  if (g_strv_length (words) != G_N_ELEMENTS (numbers))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (!g_ascii_string_to_signed (words[i], 10, 0, G_MAXINT64 / 4, &numbers[i], NULL))
      return;
  self->believed = numbers[0];
  self->claimed = numbers[1];
  self->stood = numbers[2];
}
