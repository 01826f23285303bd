/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-daemon-bus.h"

G_BEGIN_DECLS

/* Finds out when nobody needs the daemon: there is no broker to be heard from,
 * nobody has called for some time or is still to be answered, nobody watches,
 * what is stored stays when it ends, and the bus starts it again with the next
 * call. */
typedef struct _MkvDaemonIdle MkvDaemonIdle;

/* Looks every @limit us, and calls @func once, when there has been nothing to do
 * for that time. */
MkvDaemonIdle *mkv_daemon_idle_new (MkvClock *clock, gint64 limit, MkvNode *node, MkvDaemonBus *bus,
                                    void (*func) (gpointer user_data), gpointer user_data);
void mkv_daemon_idle_free (MkvDaemonIdle *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDaemonIdle, mkv_daemon_idle_free)

G_END_DECLS
