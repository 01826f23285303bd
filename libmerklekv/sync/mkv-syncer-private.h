/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "store/mkv-contents-private.h"
#include "store/mkv-local-store-private.h"
#include "sync/mkv-sync-session-private.h"

G_BEGIN_DECLS

/* Anti-entropy over a router: announces the root, hears those of others, starts
 * and answers sessions, and puts what they bring into the store. Lives in the
 * node's context.
 *
 * Keeps the conditions "sync-clock", "sync-too-large" and "sync-alone", and
 * clears the router's "missed-events" once a peer's root was equal.
 *
 * Signals: "session-started" (client id, by whom: TRUE for this node),
 * "session-progress" (client id, entries applied so far), "session-ended" (client
 * id, entries applied, whether the roots are equal); "state-changed" when
 * mkv_syncer_is_in_sync() may say something else; "peers-changed" when there are
 * other peers, or one is equal that was not, or the reverse, or for another reason. */
#define MKV_TYPE_SYNCER (mkv_syncer_get_type ())

G_DECLARE_FINAL_TYPE (MkvSyncer, mkv_syncer, MKV, SYNCER, GObject)

/* Entries that a session brought and that others may lack, too: to be published
 * once, best effort. (element-type MkvEntry) */
typedef void (*MkvSyncPublishFunc) (GPtrArray *entries, gpointer user_data);

/* @codec is what it sends in. */
MkvSyncer *mkv_syncer_new (MkvLocalStore *store, MkvRouter *router, MkvCodec *codec, MkvClock *clock,
                           MkvObserver *observer);

void mkv_syncer_set_codec (MkvSyncer *self, MkvCodec *codec);
void mkv_syncer_set_publish_func (MkvSyncer *self, MkvSyncPublishFunc func, gpointer user_data);

/* Imin and Imax in us; sessions that may begin in a second; octets sent in a
 * second, 0 for any number; what is too far in the future, in ms. */
void mkv_syncer_set_policy (MkvSyncer *self, gint64 min, gint64 max, guint sessions_per_second,
                            guint64 octets_per_second, gint64 skew_max_future);

/* How long a start waits at random at most, in us: for measurements. */
void mkv_syncer_set_max_wait (MkvSyncer *self, gint64 max_wait);

/* Goes on until this node's root was equal to one of a peer, to @peer's if given,
 * and tells how many entries were changed here meanwhile. Fails with
 * MKV_ERROR_NOT_CONNECTED, MKV_ERROR_TIMEOUT if nobody answers. */
void mkv_syncer_sync_async (MkvSyncer *self, const char *peer, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);
gint64 mkv_syncer_sync_finish (MkvSyncer *self, GAsyncResult *result, GError **error);

/* Whether a peer's root was equal to this node's since the last change of it. */
gboolean mkv_syncer_is_in_sync (MkvSyncer *self);

/* aa{sv}, a dictionary for each peer that was heard of: `client_id` s,
 * `last_seen` x (ms of the wall clock), `equal` b, `entries` x (what it says it
 * holds), `differed` t, `octets` t, `messages` u of the last session with it,
 * `reason` s where its root differs: why. (transfer floating) */
GVariant *mkv_syncer_list_peers (MkvSyncer *self);

/* Nothing is sent or heard any more. */
void mkv_syncer_stop (MkvSyncer *self);

G_END_DECLS
