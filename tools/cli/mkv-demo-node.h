/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* An application with a node of its own, as the demo has two. It is told what to
 * do, and tells what happens, in lines of fields with tabs between:
 *
 *     set KEY VALUE, delete KEY         write
 *     list                              answered by entry KEY VALUE WRITER for each key
 *     offline, online                   leaves the broker, comes back
 *     quit
 *
 * Each is answered with done, or failed TEXT. Besides:
 *
 *     ready                             the store is open
 *     state STATE                       the connection: online, connecting, offline
 *     changed KEY VALUE, deleted KEY    somebody else's write arrived
 */
typedef struct _MkvDemoNode MkvDemoNode;

typedef void (*MkvDemoLineFunc) (const char *line, gpointer user_data);

MkvDemoNode *mkv_demo_node_new (const char *name, const char *transport, const char *broker, MkvDemoLineFunc func,
                                gpointer user_data);
void mkv_demo_node_command (MkvDemoNode *self, const char *line);
gboolean mkv_demo_node_has_quit (MkvDemoNode *self);

/* Drops the node as it is; who wants it to take leave sends quit first. */
void mkv_demo_node_free (MkvDemoNode *self);

/* One in a process of its own: lines come from stdin and go to stdout. Returns
 * what to exit with. */
int mkv_demo_node_run (const MkvCliOptions *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDemoNode, mkv_demo_node_free)

G_END_DECLS
