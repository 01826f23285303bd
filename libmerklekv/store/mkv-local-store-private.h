/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "observe/mkv-observer-private.h"
#include "store/mkv-contents-private.h"
#include "store/mkv-local-store.h"
#include "store/mkv-bell-private.h"
#include "store/mkv-store-private.h"

G_BEGIN_DECLS

/* What the configuration decides about a store. May be changed while it is
 * open; what is in the queue is decided by either. */
typedef struct
{
  MkvDurability durability;   /* of local writes */
  gboolean outbox;            /* local writes are marked for replication */
  gint64 skew_max_future;     /* ms */
  gboolean unique_timestamps; /* no timestamp twice for a key: Locked Spec peers */
  gsize max_event_bytes;      /* a write whose event would be longer is refused */
  gint64 tombstone_retention; /* ms; 0 for a day */
  gint64 grave_retention;     /* ms; 0 for 90 days */
  guint64 max_graves;         /* 0 for a million */
  guint64 max_size;           /* octets that the storage may take; 0 for any */
} MkvStorePolicy;

MkvLocalStore *mkv_local_store_new_full (MkvStorage *storage, const char *node_id, MkvClock *clock,
                                         MkvObserver *observer, const MkvStorePolicy *policy, GError **error);

/* The same in whatever thread, as opening reads and writes: ::changed comes in
 * @context. */
MkvLocalStore *mkv_local_store_new_in_context (GMainContext *context, MkvStorage *storage, const char *node_id,
                                               MkvClock *clock, MkvObserver *observer,
                                               const MkvStorePolicy *policy, GError **error);

void mkv_local_store_set_policy (MkvLocalStore *self, const MkvStorePolicy *policy);

/* The storage, for reading; only the store writes to it. */
MkvStorage *mkv_local_store_get_storage (MkvLocalStore *self);

/* What its tree holds, as long as the store lives. */
MkvContents *mkv_local_store_get_contents (MkvLocalStore *self);

/* Calls @func in the calling thread or the leader's, between two commits: nothing
 * is written to the storage meanwhile. */
gboolean mkv_local_store_call (MkvLocalStore *self, MkvWriteCallFunc func, gpointer user_data,
                               GCancellable *cancellable, GError **error);

/* The outbox: own entries that the broker has not acknowledged yet, in the
 * order of their seq, behind @after_seq, at most @limit marks. *@last_seq is
 * the last mark looked at, and stays @after_seq where there was none. Marks of
 * entries that lie too far in the future are passed over. */
GPtrArray *mkv_local_store_list_outbox (MkvLocalStore *self, gint64 after_seq, guint limit, gint64 *last_seq,
                                        GError **error);

/* Whom to tell, in the store's context, soon after local writes were marked in
 * the outbox; NULL to tell nobody any more. Costs a writer next to nothing,
 * unlike ::changed, because no entry is queued: only how many, and about how many
 * octets, since the last time. */
void mkv_local_store_set_outbox_func (MkvLocalStore *self, MkvBellFunc func, gpointer user_data);

/* From now on every write fails with MKV_ERROR_UNAVAILABLE; returns when none
 * is left in the queue. The storage stays open. */
void mkv_local_store_shut_down (MkvLocalStore *self);

G_END_DECLS
