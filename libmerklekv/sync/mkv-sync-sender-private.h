/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"
#include "sync/mkv-sync-session-private.h"
#include "sync/mkv-sync-turn-private.h"

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

/* Begins a turn: the SYNC with all it has beside events (transfer full), what to
 * push, and the keys of winners, whose arrays it empties. FALSE if there is
 * nothing to say in it. */
gboolean mkv_sync_sender_begin (MkvSyncSender *self, const MkvSyncView *view, MkvSyncMessage *head, GArray *pushes,
                                GPtrArray *winners);

/* A part was acknowledged; FALSE if none was waited for. */
gboolean mkv_sync_sender_acknowledge (MkvSyncSender *self);

GBytes *mkv_sync_sender_next (MkvSyncSender *self, const MkvSyncView *view, MkvCodec *codec, gsize max_bytes);

G_END_DECLS
