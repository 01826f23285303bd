/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "node/mkv-link-private.h"
#include "node/mkv-node.h"
#include "observe/mkv-observer-private.h"
#include "storage/mkv-storage.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Life, in mkv-node-run.c: start opens the storage in a thread, makes the store,
 * makes the link (mkv-link.c) and starts it; stop goes the same way back.
 * mkv-node-reload.c: a change that needs another connection makes the new link,
 * stops the old one, and starts the new one when that is down. mkv-node-sync.c:
 * what it tells of anti-entropy. */
struct _MkvNode
{
  GObject parent_instance;

  MkvConfig *config;         /* the latest */
  MkvConfig *started_config; /* what the fixed settings come from; NULL while stopped */
  MkvPluginRegistry *registry;
  MkvClock *clock;
  GMainContext *context;
  MkvObserver *observer;
  char *client_id;
  char *node_id;
  MkvNodeState state;
  MkvHealth health; /* as last notified */

  MkvStorage *storage;     /* open; NULL otherwise */
  MkvLocalStore *store;    /* stays after a stop, for those who read it still */
  MkvLink *link;           /* NULL where there is no broker */
  MkvConfig *link_config;  /* what `link`, or its absence, comes from */
  gboolean swapping;       /* `link` is being stopped, and the next takes its place */
  MkvLink *next_link;      /* NULL if there is to be none */
  MkvConfig *next_config;

  /* Before a sleep: while this node's contents are compared with others', there
   * is a timer, and maybe a syncer to listen to. */
  GPtrArray *sleep_tasks; /* of GTask */
  GSource *sleep_timer;
  MkvSyncer *sleep_syncer;
  gulong sleep_handler;
  gboolean compare_when_connected; /* after it */

  GTask *start_task;
  GPtrArray *stop_tasks; /* of GTask */
};

gboolean mkv_node_is_running (MkvNode *self);
void mkv_node_set_state (MkvNode *self, MkvNodeState state);
void mkv_node_read_names (MkvNode *self);
void mkv_node_notify_store (MkvNode *self);
void mkv_node_set_config (MkvNode *self, MkvConfig *config);

/* *@link is NULL where @config asks for none. */
gboolean mkv_node_make_link (MkvNode *self, MkvConfig *config, MkvLink **link, GError **error);
gboolean mkv_node_start_link (MkvNode *self, MkvLink *link, MkvConfig *config, GError **error);
void mkv_node_update_link_state (MkvNode *self);

void mkv_node_make_policy (MkvNode *self, MkvStorePolicy *policy);
void mkv_node_update_policy (MkvNode *self);
void mkv_node_begin_stop (MkvNode *self);

/* In mkv-node-reload.c: lets @link, or none, take the place of the one there is,
 * which with @flush sends what waits before it goes. */
void mkv_node_swap_link (MkvNode *self, MkvLink *link, MkvConfig *config, gboolean flush);

/* In mkv-node-sleep.c: there is nothing left to wait for. */
void mkv_node_end_sleep (MkvNode *self);

/* In mkv-node-sync.c: the signals about sessions, and where they come from. */
void mkv_node_add_sync_signals (MkvNodeClass *klass);
void mkv_node_watch_link (MkvNode *self, MkvLink *link);
void mkv_node_notify_peers (MkvNode *self);

G_END_DECLS
