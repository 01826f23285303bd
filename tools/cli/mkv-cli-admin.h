/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* The verbs that look after a storage: each does all of it with that of --store,
 * dump and load also with the daemon's, and returns what to exit with. */
int mkv_cli_admin_dump (const MkvCliOptions *options);
int mkv_cli_admin_load (const MkvCliOptions *options);
int mkv_cli_admin_backup (const MkvCliOptions *options);
int mkv_cli_admin_restore (const MkvCliOptions *options);
int mkv_cli_admin_verify (const MkvCliOptions *options);
int mkv_cli_admin_repair (const MkvCliOptions *options);
int mkv_cli_admin_compact (const MkvCliOptions *options);
int mkv_cli_admin_stats (const MkvCliOptions *options);

G_END_DECLS
