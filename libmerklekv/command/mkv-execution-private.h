/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-command.h"
#include "model/mkv-response.h"
#include "store/mkv-local-store-private.h"
#include "store/mkv-write-private.h"

G_BEGIN_DECLS

/* What each operation does to a store, and what it answers. All commands here
 * are valid ones. */

/* GET, MGET and KEYS. An answer of more than @max_bytes is MKV_ERROR_TOO_LARGE
 * without being made. */
MkvResponse *mkv_execution_read (MkvLocalStore *store, const MkvCommand *command, gsize max_bytes,
                                 GError **error);

/* The operations that write. */
MkvWrite *mkv_execution_write_new (const MkvCommand *command);

/* The answer to a write that was done, or with @write NULL one that has all but
 * the value that only the write can tell. From any thread. */
MkvResponse *mkv_execution_answer_new (const MkvCommand *command, const MkvWrite *write, gint64 timestamp);

G_END_DECLS
