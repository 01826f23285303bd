/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* `merklekv demo`. Returns what to exit with. */
int mkv_demo_run (const MkvCliOptions *options);

G_END_DECLS
