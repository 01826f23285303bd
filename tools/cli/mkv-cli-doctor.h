/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* `merklekv doctor`: looks at the storage of --store and where it lies, says what
 * is so and what is wrong, and returns what to exit with: 1 if anything is wrong. */
int mkv_cli_doctor_run (const MkvCliOptions *options);

G_END_DECLS
