/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-progress.h"

G_BEGIN_DECLS

/* On its way from the thread that works to a function that wants to know: calls
 * that the context has not come to are made one. NULL is a progress that nobody
 * wants to know. */
typedef struct _MkvProgress MkvProgress;

/* Calls @func in the context that is thread-default now; NULL if @func is. */
MkvProgress *mkv_progress_new (MkvProgressFunc func, gpointer user_data, GDestroyNotify destroy);

/* Calls @func in the thread that works. */
MkvProgress *mkv_progress_new_direct (MkvProgressFunc func, gpointer user_data);

void mkv_progress_set (MkvProgress *self, guint64 done, guint64 total);

/* Frees it, in the context, behind the last call. To be called before the task
 * returns, which is behind that too. */
void mkv_progress_end (MkvProgress *self);

G_END_DECLS
