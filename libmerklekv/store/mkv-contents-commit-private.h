/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-contents-private.h"
#include "store/mkv-holding-private.h"

G_BEGIN_DECLS

/* The store's side of its contents: it makes them, and tells them of each
 * commit. Of the functions marked so, only the leader calls them. */

/* What became of one entry of a batch. */
typedef struct
{
  gint64 old_timestamp; /* of what it takes the place of; -1 where there is nothing */
  guint8 origin;        /* MkvOrigin */
  guint8 old_tombstone; /* gboolean */
} MkvStaged;

/* 0 stands for the default of each but the first. */
typedef struct
{
  gint64 skew_max_future;     /* ms */
  gint64 tombstone_retention; /* ms, at least an hour */
  gint64 grave_retention;     /* ms */
  guint64 max_graves;
} MkvContentsPolicy;

/* Called in any thread, without a lock, when something is to be done that takes
 * a commit: whoever is told queues a write of MKV_WRITE_MAINTAIN. If it can wait,
 * or it is the timer that has to be set, mkv_contents_ask() and _get_wait() are
 * to be called soon, in the store's context. */
typedef void (*MkvContentsFunc) (gboolean can_wait, gpointer user_data);

/* Of nothing, until it is built. */
MkvContents *mkv_contents_new (MkvStorage *storage, MkvClock *clock, const MkvContentsPolicy *policy,
                               MkvContentsFunc func, gpointer user_data);
void mkv_contents_free (MkvContents *self);

void mkv_contents_set_policy (MkvContents *self, const MkvContentsPolicy *policy);

/* Reads the storage: at first, and where they are stale. The leader's. */
gboolean mkv_contents_build (MkvContents *self, GError **error);

/* Adds to @problems, of char *, what is wrong with the tree and with what the
 * storage counts. The leader's. */
gboolean mkv_contents_check (MkvContents *self, GPtrArray *problems, GError **error);

/* Before a batch is decided, at @now: *@horizon is the one it is decided by.
 * Returns whether that still has to be stored. The leader's. */
gboolean mkv_contents_prepare (MkvContents *self, gint64 now, gint64 *horizon);

/* The changes of meta that store @horizon, and the time that is believed. */
void mkv_contents_add_horizon (MkvContents *self, MkvStorageBatch *batch, gint64 horizon);

/* Graves that are to go, oldest first. (transfer full) (element-type
 * MkvTombstone). The leader's. */
GPtrArray *mkv_contents_list_due (MkvContents *self, guint n);

/* Before mkv_contents_commit(): those of them that have to be published first
 * (element-type MkvTombstone). The leader's. */
void mkv_contents_keep (MkvContents *self, GPtrArray *graves);

/* Before mkv_contents_commit(): @entries have been published. The leader's. */
void mkv_contents_published (MkvContents *self, GPtrArray *entries);

/* The batch has been applied: @entries, a MkvStaged for each, the graves it
 * removed (nullable), and the horizon that is now stored, or -1. Returns whether
 * a commit of MKV_WRITE_MAINTAIN is due; then nobody is told again until there
 * was one. The leader's. */
gboolean mkv_contents_commit (MkvContents *self, GPtrArray *entries, const GArray *staged, GPtrArray *removed,
                              gint64 stored_horizon);

/* Whether they have to be built afresh, because the clock stepped back. */
gboolean mkv_contents_is_stale (MkvContents *self);

/* A batch with MKV_WRITE_MAINTAIN is done, or failed. Returns whether more is to
 * be done now; after a failure that has to wait. The leader's. */
gboolean mkv_contents_end_maintenance (MkvContents *self, gboolean success);

/* Brings the contents up to what the clock says, and calls the function if
 * something is due. */
void mkv_contents_ask (MkvContents *self);

/* For how long, in ms, the clock changes nothing; -1 for as long as nobody
 * writes. Until it was asked again the function is called when that is less. */
gint64 mkv_contents_get_wait (MkvContents *self);

G_END_DECLS
