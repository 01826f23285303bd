/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-depth-private.h"
#include "sync/mkv-sync-view-private.h"

G_BEGIN_DECLS

/* The most prefixes that are opened in one turn. */
#define MKV_SYNC_MAX_OPENED (65536)

/* Something to be pushed, by where it is rather than by what it is: all entries
 * under a prefix, or those with one short id. */
typedef struct
{
  guint64 start;   /* of the prefix, left-aligned; or the short id */
  guint8 length;   /* of the prefix in bits; MKV_SYNC_PUSH_ONE for a short id */
  guint8 is_asked; /* wanted or offered: pushed though it is young */
} MkvSyncPush;

#define MKV_SYNC_PUSH_ONE (64)

/* My entry with the first short id, for theirs with the second. */
typedef struct
{
  guint64 mine;
  guint64 theirs;
} MkvSyncOffer;

/* What a turn answers: see the table in doc/protocol.md, "Reading a difference". */
typedef struct
{
  GArray *pushes;  /* MkvSyncPush; see mkv_sync_answer_compare_pushes() */
  GArray *wants;   /* guint64 */
  GArray *offers;  /* MkvSyncOffer */
  GArray *opened;  /* MkvPrefix: look closer */
  GArray *missing; /* MkvPrefix: I have nothing here */
  MkvSyncSpread spread;
  guint64 n_closed;  /* prefixes that are not open any more */
  guint64 n_ignored; /* what broke a rule or passed a bound */
  guint64 n_future;  /* entries of theirs not wanted because they are too far in the future */
  gint64 until;      /* when the first of those can be; -1 */
} MkvSyncAnswer;

void mkv_sync_answer_init (MkvSyncAnswer *self);
void mkv_sync_answer_clear (MkvSyncAnswer *self);
void mkv_sync_answer_push_all (MkvSyncAnswer *self, MkvPrefix prefix);
void mkv_sync_answer_push_one (MkvSyncAnswer *self, guint64 short_id, gboolean is_asked);
void mkv_sync_answer_offer (MkvSyncAnswer *self, guint64 mine, guint64 theirs);
void mkv_sync_answer_want (MkvSyncAnswer *self, guint64 short_id);

/* To look closer at, or that there is nothing here. */
void mkv_sync_answer_open (MkvSyncAnswer *self, MkvPrefix prefix);
void mkv_sync_answer_miss (MkvSyncAnswer *self, MkvPrefix prefix);

/* The order in which they go out: by position. Of equal ones the asked one is
 * first. A GCompareFunc. */
gint mkv_sync_answer_compare_pushes (gconstpointer a, gconstpointer b);

/* Compares what one of the two has and the other has not; all ids have the same
 * upper half. */
void mkv_sync_answer_compare (MkvSyncAnswer *self, const guint64 *mine, guint n_mine, const guint64 *theirs,
                              guint n_theirs);

G_END_DECLS
