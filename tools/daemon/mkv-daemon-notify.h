/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Tells the service manager how things are, if one is listening. */
void mkv_daemon_notify_ready (void);
void mkv_daemon_notify_reloading (void);
void mkv_daemon_notify_stopping (void);

/* From now on the service manager is told that the main loop runs, if it wants to
 * hear that. */
void mkv_daemon_notify_start_watchdog (MkvClock *clock);
void mkv_daemon_notify_stop_watchdog (void);

G_END_DECLS
