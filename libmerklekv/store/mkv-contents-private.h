/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "merkle/mkv-tree-private.h"
#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* What a store's tree holds, for anti-entropy: the tree, the horizon below
 * which tombstones are out of it, and what changed when. May be used from any
 * thread. The rules are in doc/protocol.md, "Entry digest and Merkle tree" and
 * "Anti-entropy". */
typedef struct _MkvContents MkvContents;

typedef struct
{
  guint64 generation;    /* another one after each change of the tree */
  gint64 last_change;    /* monotonic, us; long ago if there was none since the store was opened */
  gint64 horizon;        /* ms, a full hour */
  guint64 n_entries;     /* in the tree */
  guint64 n_tombstones;  /* of those */
  guint64 n_graves;      /* tombstones older than the horizon, not in the tree */
  guint64 n_withheld;    /* entries that are too far in the future to be in the tree */
  gint64 next_admission; /* ms of the wall clock when the first of those comes in; -1 if there is none */
} MkvContentsState;

/* Gives the caller the tree, brought up to what the clock says, for itself,
 * until mkv_contents_unlock(). Commits wait meanwhile: no I/O, no writing to the
 * store, and no other function of this header in between. The next lock may give
 * another tree. @state may be NULL. */
MkvTree *mkv_contents_lock (MkvContents *self, MkvContentsState *state);
void mkv_contents_unlock (MkvContents *self);

void mkv_contents_get_state (MkvContents *self, MkvContentsState *state);

/* The root digest, MKV_DIGEST_BYTES; and in hexadecimal digits, for people. */
void mkv_contents_get_root (MkvContents *self, guint8 *root);
char *mkv_contents_dup_root (MkvContents *self);

/* The greatest horizon that is allowed when the wall clock says @now, in ms. */
gint64 mkv_horizon_get_greatest (gint64 now);

/* Whether the clock allows @horizon, and it is a full hour. */
gboolean mkv_contents_is_horizon_allowed (MkvContents *self, gint64 horizon);

/* Tombstones older than @horizon leave the tree. Returns FALSE where it is not
 * allowed; one that is not higher changes nothing. */
gboolean mkv_contents_raise_horizon (MkvContents *self, gint64 horizon);

/* Whether the entry of @key was put into the store less than 2 s ago, in this
 * run. Only the newest 65,536 or so are remembered. */
gboolean mkv_contents_is_young (MkvContents *self, const char *key);

G_END_DECLS
