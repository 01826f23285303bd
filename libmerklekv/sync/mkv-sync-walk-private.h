/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-turn-private.h"

G_BEGIN_DECLS

/* The slow, certain way: the starter's way down both trees by NODES, where the
 * digests differ. */
typedef struct _MkvSyncWalk MkvSyncWalk;

MkvSyncWalk *mkv_sync_walk_new (void);
void mkv_sync_walk_free (MkvSyncWalk *self);

/* Puts the next questions into @message; FALSE if there are none left. */
gboolean mkv_sync_walk_ask (MkvSyncWalk *self, MkvSyncMessage *message);

/* Takes in what the peer told; what was not asked for is ignored. What differs
 * is added to @answer. */
void mkv_sync_walk_hear (MkvSyncWalk *self, const MkvSyncView *view, MkvSyncMessage *message, MkvSyncAnswer *answer);

/* Answers questions with as many nodes as fit into one message: the rest can be
 * asked for again. */
void mkv_sync_walk_answer (const MkvSyncView *view, MkvSyncMessage *questions, MkvSyncMessage *message);

G_END_DECLS
