/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* `merklekv watch`: goes on until a signal ends it. Returns what to exit with. */
int mkv_cli_watch_run (const MkvCliOptions *options);

G_END_DECLS
