/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"
#include "sync/mkv-sync-session-private.h"
#include "sync/mkv-sync-answer-private.h"

G_BEGIN_DECLS

/* What a session still has to send: messages that go at once, and one turn,
 * whose entries are read from the storage part by part, as the peer
 * acknowledges the parts before. */
typedef struct _MkvSyncSender MkvSyncSender;

MkvSyncSender *mkv_sync_sender_new (const char *id, MkvSyncFigures *figures);
void mkv_sync_sender_free (MkvSyncSender *self);

/* A message that waits for nothing. (transfer full) */
void mkv_sync_sender_add (MkvSyncSender *self, MkvSyncMessage *message);

/* Whether a turn has not gone out wholly. */
gboolean mkv_sync_sender_is_busy (const MkvSyncSender *self);

/* Begins a turn: the SYNC with all it has beside events and what to push (both
 * transfer full), and the keys of winners, whose array it empties. */
void mkv_sync_sender_begin (MkvSyncSender *self, MkvSyncMessage *head, GArray *pushes, GPtrArray *winners);

/* Reads entries for the next part, for about a millisecond; whether all that
 * belong into it are there. */
gboolean mkv_sync_sender_fill (MkvSyncSender *self, const MkvSyncView *view);
gboolean mkv_sync_sender_is_full (const MkvSyncSender *self);

/* Drops a turn that there is nothing to say in; whether it did. To be asked when
 * its first part is full. */
gboolean mkv_sync_sender_drop_empty (MkvSyncSender *self);

/* A part was acknowledged; FALSE if none was waited for. */
gboolean mkv_sync_sender_acknowledge (MkvSyncSender *self);

/* NULL where there is none for now, or the part is not full. */
GBytes *mkv_sync_sender_next (MkvSyncSender *self, const MkvSyncView *view, MkvCodec *codec, gsize max_bytes);

G_END_DECLS
