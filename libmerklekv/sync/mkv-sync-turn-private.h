/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-depth-private.h"
#include "sync/mkv-sync-view-private.h"

G_BEGIN_DECLS

/* The most prefixes that are opened in one turn. */
#define MKV_SYNC_MAX_OPENED (65536)

/* The most octets of prefixes, wants and offers that a turn of the peer may
 * have, and with that the bound of what is kept of it. */
#define MKV_SYNC_MAX_TURN_BYTES (4 * 1024 * 1024)

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
  GArray *pushes;  /* MkvSyncPush, ascending and each once when mkv_sync_answer_sort() was called */
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
void mkv_sync_answer_push_one (MkvSyncAnswer *self, guint64 short_id, gboolean is_asked);
void mkv_sync_answer_offer (MkvSyncAnswer *self, guint64 mine, guint64 theirs);
void mkv_sync_answer_want (MkvSyncAnswer *self, guint64 short_id);
void mkv_sync_answer_sort (MkvSyncAnswer *self);

/* Compares what one of the two has and the other has not; all ids have the same
 * upper half. */
void mkv_sync_answer_compare (MkvSyncAnswer *self, const guint64 *mine, guint n_mine, const guint64 *theirs,
                              guint n_theirs);

/* The turn: answers the prefixes (element-type MkvSyncPrefix), short ids wanted
 * and offers of all parts of the peer's turn from the view's contents of now. */
void mkv_sync_turn_take (const MkvSyncView *view, GPtrArray *prefixes, const GByteArray *wants,
                         const GByteArray *offers, MkvSyncAnswer *answer);

/* Adds to @message what an answer has beside pushes: prefixes, wants, offers.
 * @turn counts the session's messages up to the peer's, from 1. */
void mkv_sync_turn_write (const MkvSyncView *view, const MkvSyncAnswer *answer, guint turn, MkvSyncMessage *message);

/* The cells of the whole tree, @depth bits deep; that there is nothing if it is
 * empty. */
void mkv_sync_turn_write_whole (const MkvSyncView *view, guint depth, MkvSyncMessage *message);

/* How deep the cells of a first message are. */
#define MKV_SYNC_FIRST_DEPTH (6)

G_END_DECLS
