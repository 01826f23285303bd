/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-answer-private.h"

G_BEGIN_DECLS

/* The slow, certain way: the starter's way down both trees by NODES, where the
 * digests differ. */
typedef struct _MkvSyncWalk MkvSyncWalk;

MkvSyncWalk *mkv_sync_walk_new (void);
void mkv_sync_walk_free (MkvSyncWalk *self);

/* Puts the next questions into @message; FALSE if there are none left. */
gboolean mkv_sync_walk_ask (MkvSyncWalk *self, MkvSyncMessage *message);

/* Takes in what the peer told; what was not asked for is ignored. */
void mkv_sync_walk_hear (MkvSyncWalk *self, MkvSyncMessage *message, MkvSyncAnswer *answer);

/* Reads some of that; whether it is done. What differs is added to @answer. */
gboolean mkv_sync_walk_step (MkvSyncWalk *self, const MkvSyncView *view, MkvSyncAnswer *answer);
gboolean mkv_sync_walk_is_done (const MkvSyncWalk *self);

/* Answers questions with as many nodes as fit into one message: the rest can be
 * asked for again. */
void mkv_sync_walk_answer (const MkvSyncView *view, MkvSyncMessage *questions, MkvSyncMessage *message);

G_END_DECLS
