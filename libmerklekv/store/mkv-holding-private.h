/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-builder-private.h"
#include "merkle/mkv-tree-private.h"
#include "model/mkv-entry.h"
#include "store/mkv-ahead-private.h"
#include "store/mkv-tombstones-private.h"

G_BEGIN_DECLS

/* Which of the store's entries are in its tree: each live one, and each
 * tombstone not older than the horizon, but none later than the limit. No lock,
 * no clock, no I/O. Times are in ms.
 *
 * Entries that the limit may pass again, if the clock steps back by as much as
 * the margin, are watched in `ahead`, so that it can move without a look at the
 * others. */
typedef struct
{
  MkvTree *tree;
  MkvTreeBuilder *builder;   /* between mkv_holding_begin() and _end(), else NULL */
  MkvTombstones *tombstones; /* in the tree, or withheld */
  MkvTombstones *graves;     /* out of the tree, but for these: */
  MkvTombstones *unsent;     /* graves of age that have to be published first */
  MkvAhead *ahead;           /* at least all later than limit */
  gint64 horizon;            /* a full hour; older tombstones are graves */
  gboolean between;          /* some of its hour are graves already */
  gint64 limit;              /* later entries are withheld from the tree */
  gint64 margin;             /* entries later than limit - margin are watched */
  gint64 high;               /* no entry that isn't watched is later */
  guint64 n_withheld;
  guint64 n_withheld_tombstones;
} MkvHolding;

void mkv_holding_init (MkvHolding *self, gint64 horizon, gint64 limit, gint64 margin);
void mkv_holding_clear (MkvHolding *self);

/* Between these, all of an empty holding's entries are put, each key once; they
 * are in the tree from the end on. */
void mkv_holding_begin (MkvHolding *self);
void mkv_holding_end (MkvHolding *self);

/* @entry takes the place of one with @old_timestamp; -1 where there was none.
 * Returns whether the tree has changed. */
gboolean mkv_holding_put (MkvHolding *self, const MkvEntry *entry, gint64 old_timestamp, gboolean old_tombstone);

/* A grave has gone from the store; or it can't go before it was published; or
 * one of those was. */
void mkv_holding_remove_grave (MkvHolding *self, gint64 timestamp, const char *key);
void mkv_holding_keep_grave (MkvHolding *self, gint64 timestamp, const char *key);
void mkv_holding_release_grave (MkvHolding *self, gint64 timestamp, const char *key);

/* Tombstones that are now older leave the tree, at most @n, which becomes the
 * holding's of a higher horizon: hour by hour. One with more than are left is
 * begun only if @begin, and then the holding is in between, and its tree that of
 * no horizon, until the rest was taken. Returns whether the tree has changed. */
gboolean mkv_holding_raise_horizon (MkvHolding *self, gint64 horizon, guint n, gboolean begin);

/* Takes that rest. */
gboolean mkv_holding_finish_hour (MkvHolding *self);

static inline guint64
mkv_holding_count_graves (const MkvHolding *self)
{
  return mkv_tombstones_get_count (self->graves) + mkv_tombstones_get_count (self->unsent);
}

/* What the limit passes comes in, or leaves. Returns whether the tree has
 * changed. */
gboolean mkv_holding_set_limit (MkvHolding *self, gint64 limit);

/* Whether the tree may hold entries later than the limit that are not watched:
 * then it has to be built afresh. */
static inline gboolean
mkv_holding_is_stale (const MkvHolding *self)
{
  return self->high > self->limit;
}

G_END_DECLS
