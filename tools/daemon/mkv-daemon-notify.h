/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tells the service manager how things are, if one is listening. */
void mkv_daemon_notify_ready (void);
void mkv_daemon_notify_reloading (void);
void mkv_daemon_notify_stopping (void);

G_END_DECLS
