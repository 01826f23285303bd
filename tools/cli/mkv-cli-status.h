/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* The verbs that only the daemon itself can answer: each asks it, and returns what
 * to exit with. */
int mkv_cli_status_status (const MkvCliOptions *options);
int mkv_cli_status_health (const MkvCliOptions *options);
int mkv_cli_status_peers (const MkvCliOptions *options);
int mkv_cli_status_plugins (const MkvCliOptions *options);
int mkv_cli_status_reload (const MkvCliOptions *options);

G_END_DECLS
