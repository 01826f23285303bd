/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-answer-private.h"

G_BEGIN_DECLS

/* The most octets of prefixes, wants and offers that a turn of the peer may
 * have, and with that the bound of what is kept of it. */
#define MKV_SYNC_MAX_TURN_BYTES (4 * 1024 * 1024)

/* What the peer says in its turn, all parts together. */
typedef struct
{
  GPtrArray *prefixes; /* MkvSyncPrefix, owned */
  GByteArray *wants;
  GByteArray *offers;
} MkvSyncHeard;

void mkv_sync_heard_init (MkvSyncHeard *self);
void mkv_sync_heard_clear (MkvSyncHeard *self);

/* A turn that is being taken: what was heard goes in, and out come a message and
 * an answer, whose pushes belong into that message as events. A tree of millions
 * of entries is not read at once but in steps of about a millisecond, so that
 * whoever else lives in the thread gets its chance. The contents may change in
 * between: then an answer is about what was there a moment ago, which harms
 * nothing. */
typedef struct _MkvSyncTurn MkvSyncTurn;

/* Reads what the peer said; leaves @heard empty. @number counts the session's
 * messages up to the peer's, from 1. (transfer full) of @message, which gets
 * prefixes, wants and offers. */
MkvSyncTurn *mkv_sync_turn_new (MkvSyncMessage *message, guint number, MkvSyncHeard *heard);

/* Reads the cell of a ROOT: where that is no single difference, the message gets
 * the cells of the whole tree. */
MkvSyncTurn *mkv_sync_turn_new_for_root (MkvSyncMessage *message, MkvCell theirs);

/* Reads nothing: @answer, which is left empty, is known. */
MkvSyncTurn *mkv_sync_turn_new_for_answer (MkvSyncMessage *message, guint number, MkvSyncAnswer *answer);

void mkv_sync_turn_free (MkvSyncTurn *self);

/* Goes on for a while; whether it is done. */
gboolean mkv_sync_turn_step (MkvSyncTurn *self, const MkvSyncView *view);

/* When it is done: what else it found, with pushes in order and each once, and
 * the message (transfer full). */
MkvSyncAnswer *mkv_sync_turn_get_answer (MkvSyncTurn *self);
MkvSyncMessage *mkv_sync_turn_steal_message (MkvSyncTurn *self);

/* Adds the cells of the whole tree, @depth bits deep; that there is nothing if it
 * is empty. */
void mkv_sync_turn_write_whole (const MkvSyncView *view, guint depth, MkvSyncMessage *message);

/* How deep the cells of a first message are. */
#define MKV_SYNC_FIRST_DEPTH (6)

G_END_DECLS
