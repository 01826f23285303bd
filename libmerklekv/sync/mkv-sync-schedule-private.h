/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-limits.h"

G_BEGIN_DECLS

/* When a ROOT is announced, and when a session is started with whom: Trickle
 * (RFC 6206) with k = 1, claims, a bound on the sessions started, peers that are
 * left alone, and differences that are known (doc/protocol.md, "Anti-entropy").
 * No clock, no I/O: @now is the monotonic time, in us, and never goes back.
 * Whatever strangers say, what it remembers has a bound. */
typedef struct _MkvSyncSchedule MkvSyncSchedule;

/* What is due. */
typedef enum
{
  MKV_SYNC_DUE_NOTHING = 0,
  MKV_SYNC_DUE_ROOT = 1 << 0,  /* announce the root */
  MKV_SYNC_DUE_START = 1 << 1, /* start a session with the client that was returned */
} MkvSyncDue;

MkvSyncSchedule *mkv_sync_schedule_new (guint32 seed);
void mkv_sync_schedule_free (MkvSyncSchedule *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncSchedule, mkv_sync_schedule_free)

/* Imin and Imax, in us; how many sessions a second may be started; how long, in
 * us, a start waits at random at most. */
void mkv_sync_schedule_set_intervals (MkvSyncSchedule *self, gint64 min, gint64 max);
void mkv_sync_schedule_set_session_rate (MkvSyncSchedule *self, guint per_second);
void mkv_sync_schedule_set_max_wait (MkvSyncSchedule *self, gint64 max_wait);

/* There is a connection, or none any more: then nothing is due. */
void mkv_sync_schedule_connected (MkvSyncSchedule *self, gint64 now);
void mkv_sync_schedule_disconnected (MkvSyncSchedule *self);

/* Goes back to Imin. */
void mkv_sync_schedule_fall_back (MkvSyncSchedule *self, gint64 now);

/* A ROOT of @client_id came: equal to mine, or another. Both are
 * MKV_DIGEST_BYTES. Returns whether it counts as a difference: a pair that is
 * known, and a client that is left alone, do not. */
gboolean mkv_sync_schedule_heard_root (MkvSyncSchedule *self, gint64 now, const char *client_id, const guint8 *mine,
                                       const guint8 *theirs);

/* Whom a session will be started with, or NULL; that it will not. */
const char *mkv_sync_schedule_get_start (const MkvSyncSchedule *self);
void mkv_sync_schedule_cancel_start (MkvSyncSchedule *self);

/* @from says that it starts a session with @to. */
void mkv_sync_schedule_heard_claim (MkvSyncSchedule *self, gint64 now, const char *from, const char *to);

/* Whether one more session may begin; counts it if so. Strangers, who may make up
 * as many names as they like, leave the last ones to this node and to peers that
 * it knows. */
gboolean mkv_sync_schedule_take_session (MkvSyncSchedule *self, gint64 now, gboolean is_known);

/* While one is under way, none is started. */
void mkv_sync_schedule_set_busy (MkvSyncSchedule *self, gboolean busy);

/* How a session with @client_id went: whether it was of use, and, if not, what
 * the roots were when it ended. */
void mkv_sync_schedule_session_ended (MkvSyncSchedule *self, gint64 now, const char *client_id, gboolean of_use,
                                      const guint8 *mine, const guint8 *theirs);

/* The pair counts as equal until then. */
void mkv_sync_schedule_remember (MkvSyncSchedule *self, const guint8 *mine, const guint8 *theirs, gint64 until);

/* Whether that client is left alone, as the roots are. */
gboolean mkv_sync_schedule_is_left_alone (MkvSyncSchedule *self, gint64 now, const char *client_id,
                                          const guint8 *mine, const guint8 *theirs);

/* When to ask what is due; G_MAXINT64 for never. */
gint64 mkv_sync_schedule_get_next (const MkvSyncSchedule *self);

/* What is due now, each once. *@client_id is the schedule's, for now. */
MkvSyncDue mkv_sync_schedule_poll (MkvSyncSchedule *self, gint64 now, const char **client_id);

G_END_DECLS
