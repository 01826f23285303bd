/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the library has to report, such as a lost connection, the program says
 * itself where it matters: from now on only warnings and worse are logged,
 * unless MKV_DEBUG is set. */
void mkv_cli_log_init (void);

G_END_DECLS
