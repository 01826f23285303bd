/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-private.h"
#include "model/mkv-sync-message.h"

G_BEGIN_DECLS

/* What anti-entropy needs of a replica. Whoever owns one fills in all functions;
 * they are called in the thread that calls the session, one at a time. */
typedef struct
{
  const char *client_id;
  gint64 skew_max_future; /* ms that a timestamp may be ahead of the clock */

  /* The tree, for the caller alone until it is given back: mkv_tree_get_root()
   * writes. None of the functions below is called in between. */
  MkvTree *(*lock_tree) (gpointer user_data);
  void (*unlock_tree) (gpointer user_data);

  /* The wall clock, in ms. */
  gint64 (*get_time) (gpointer user_data);

  gint64 (*get_horizon) (gpointer user_data);

  /* Tombstones older than @horizon, which is allowed and higher than what there
   * was, leave the tree. */
  void (*raise_horizon) (gint64 horizon, gpointer user_data);

  /* What the storage has of @key, be it a tombstone or a grave; (transfer full)
   * (nullable). */
  MkvEntry *(*get_entry) (const char *key, gpointer user_data);

  /* Whether its entry was put into the store less than 2 s ago. */
  gboolean (*is_young) (const char *key, gpointer user_data);

  gpointer user_data;
} MkvSyncView;

/* How long an entry is young, in ms. */
#define MKV_SYNC_YOUNG_TIME (2000)

/* The most entries that are sent for one short id. */
#define MKV_SYNC_MAX_SAME_SHORT_ID (4)

/* A message that says who sends it and what the replica holds just now. */
MkvSyncMessage *mkv_sync_view_make_message (const MkvSyncView *self, MkvSyncOperation operation, const char *id);

/* The ROOT of this replica. */
MkvSyncMessage *mkv_sync_view_make_root (const MkvSyncView *self, const char *node_id);

/* The entries in the tree that have this short id, at most
 * MKV_SYNC_MAX_SAME_SHORT_ID; what has gone or changed meanwhile is left out.
 * (transfer full) (element-type MkvEntry) */
GPtrArray *mkv_sync_view_get_entries (const MkvSyncView *self, guint64 short_id);

gboolean mkv_sync_view_is_future (const MkvSyncView *self, gint64 timestamp);

G_END_DECLS
