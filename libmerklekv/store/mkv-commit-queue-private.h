/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-write-private.h"

G_BEGIN_DECLS

/* Group commit: writes come from any thread, and one of the writers, the
 * leader, commits a batch of them for all. */
typedef struct _MkvCommitQueue MkvCommitQueue;

/* Commits the list of writes that begins with @first, linked by `next`, in
 * order, and sets the results of each. Called without any lock, by one thread
 * at a time. */
typedef void (*MkvCommitFunc) (MkvWrite *first, gpointer user_data);

/* @instant: whether @func never waits for anything, so that no thread of its own
 * is worth its while. */
MkvCommitQueue *mkv_commit_queue_new (MkvCommitFunc func, gpointer user_data, gboolean instant);
void mkv_commit_queue_free (MkvCommitQueue *self);

/* Commits @write, and maybe others, or waits until another leader has. The
 * results are in @write, `error` if it failed or was cancelled in time. */
void mkv_commit_queue_run (MkvCommitQueue *self, MkvWrite *write, GCancellable *cancellable);

/* Takes @write and returns at once. @task, if given, gets it back, as a pointer,
 * in its own context. */
void mkv_commit_queue_push (MkvCommitQueue *self, MkvWrite *write, GTask *task);

/* From now on every write fails; returns when none is left. */
void mkv_commit_queue_shut_down (MkvCommitQueue *self);

G_END_DECLS
