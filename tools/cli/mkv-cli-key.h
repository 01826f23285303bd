/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* `rekey` and `key generate`; what the program is to exit with. */
int mkv_cli_rekey_run (const MkvCliOptions *options);
int mkv_cli_key_run (const MkvCliOptions *options);

G_END_DECLS
