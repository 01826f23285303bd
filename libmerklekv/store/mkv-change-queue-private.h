/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-store.h"

G_BEGIN_DECLS

/* Changes on their way from the leaders, in any thread, to the handlers, in
 * one context: of each key only the newest, so that memory is bounded by the
 * number of keys when writers outrun the loop, in the order of those. */
typedef struct _MkvChangeQueue MkvChangeQueue;

/* Called in the queue's context, without any lock. */
typedef void (*MkvChangeFunc) (MkvEntry *entry, MkvOrigin origin, gpointer user_data);

MkvChangeQueue *mkv_change_queue_new (GMainContext *context, MkvChangeFunc func, gpointer user_data);
void mkv_change_queue_free (MkvChangeQueue *self);
void mkv_change_queue_push (MkvChangeQueue *self, MkvEntry *entry, MkvOrigin origin);

G_END_DECLS
