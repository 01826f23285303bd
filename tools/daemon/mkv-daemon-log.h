/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Makes all that is logged from now on, in any thread, go where observe.log-level
 * and observe.log-format of @config say. Called once. */
void mkv_daemon_log_init (MkvConfig *config);

/* The same for another configuration. */
void mkv_daemon_log_set_config (MkvConfig *config);

G_END_DECLS
