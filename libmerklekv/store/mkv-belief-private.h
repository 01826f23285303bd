/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What time it has been for long enough that something may be forgotten for
 * good. A wall clock can jump; what a node has seen pass it has seen. So the
 * believed time goes on by itself, follows the wall clock where that differs
 * little, and gives in to one that differs much only when that has gone on for
 * as long as things are to be kept at all. Times are in ms. No lock, no clock. */
typedef struct
{
  /* Kept over runs. */
  gint64 believed; /* 0 in a new store: nothing has passed there yet */
  gint64 claimed;  /* another time that the wall clock went to */
  gint64 stood;    /* for how long it has been that, while this store was open */

  gint64 looked_at; /* monotonic, us; -1 before the first look of this run */
} MkvBelief;

void mkv_belief_init (MkvBelief *self);

/* The wall clock says @now, and the monotonic one @monotonic, in us; @patience
 * is for how long things are to be kept. */
void mkv_belief_look (MkvBelief *self, gint64 now, gint64 monotonic, gint64 patience);

/* What time it is at least: of two that the clock was at the earlier. */
gint64 mkv_belief_get_certain (const MkvBelief *self);

/* As text, and back; a text that is none changes nothing. */
char *mkv_belief_to_string (const MkvBelief *self);
void mkv_belief_from_string (MkvBelief *self, const char *text);

G_END_DECLS
