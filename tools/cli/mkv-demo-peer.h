/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The demo's end of an MkvDemoNode, in a process of its own or in this one. */
typedef struct
{
  char *name;
  gboolean ready;
  gboolean online;
  GHashTable *seen;    /* key > value of others' changes; "" for a deletion */
  GHashTable *entries; /* key > value, of the last list */
  char *failure;       /* what went wrong first */
  guint n_sent;
  guint n_done;

  struct _MkvDemoNode *node; /* in this process */
  GSubprocess *process;      /* or in its own */
  GDataInputStream *lines;
  GCancellable *cancellable;
} MkvDemoPeer;

/* A node in this process, which meets others through the loopback transport. */
MkvDemoPeer *mkv_demo_peer_new_here (const char *name);

/* A node in a process of its own, with a broker at the URI @broker. */
MkvDemoPeer *mkv_demo_peer_new_process (const char *name, const char *broker, GError **error);

/* Ends the node, and its process. */
void mkv_demo_peer_free (MkvDemoPeer *self);

/* Sends a line with tabs between its words, and waits until it is done. Says
 * whether it was. */
gboolean mkv_demo_peer_command (MkvDemoPeer *self, const char *word, ...) G_GNUC_NULL_TERMINATED;

/* Runs the main context until @condition is true, for at most 15 s. */
typedef gboolean (*MkvDemoCondition) (gpointer user_data);
gboolean mkv_demo_wait (MkvDemoCondition condition, gpointer user_data);

/* Lets the reader follow. */
void mkv_demo_pause (guint ms);

/* From now on nothing is waited for: the user wants to leave. */
void mkv_demo_interrupt (void);
gboolean mkv_demo_is_interrupted (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDemoPeer, mkv_demo_peer_free)

G_END_DECLS
