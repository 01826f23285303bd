/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a process is in. */
typedef enum
{
  MKV_SANDBOX_NONE,
  MKV_SANDBOX_FLATPAK,
  MKV_SANDBOX_UNKNOWN, /* something else, or it could not be found out */
} MkvSandbox;

/* Looks at the process that @pidfd stands for, or where that is -1, at the one
 * whose number is @pid now. *@app_id is set for MKV_SANDBOX_FLATPAK. Reads files
 * that the process may have made, so it can block: only for threads. */
MkvSandbox mkv_sandbox_detect (int pidfd, guint pid, char **app_id);

G_END_DECLS
