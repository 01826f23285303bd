/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* The node sleeps and wakes with its machine, where logind is there to tell: it
 * is asked to wait with each sleep until the node is ready for it. */
typedef struct _MkvDaemonSleep MkvDaemonSleep;

/* @connection is the system bus's; NULL to make one. */
MkvDaemonSleep *mkv_daemon_sleep_new (MkvNode *node, GDBusConnection *connection);
void mkv_daemon_sleep_free (MkvDaemonSleep *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDaemonSleep, mkv_daemon_sleep_free)

G_END_DECLS
