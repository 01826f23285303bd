/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvSyncOperation:
 * @MKV_SYNC_OPERATION_ROOT: this is what I hold; to everyone
 * @MKV_SYNC_OPERATION_CLAIM: I am starting a session with someone: the rest of
 *   you wait; to everyone
 * @MKV_SYNC_OPERATION_SYNC: compares, gives and asks
 * @MKV_SYNC_OPERATION_NODES: asks for nodes of the tree, and tells them
 * @MKV_SYNC_OPERATION_DONE: nothing more to say
 * @MKV_SYNC_OPERATION_ERROR: ends the session
 *
 * What a message of anti-entropy is.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_SYNC_OPERATION_ROOT,
  MKV_SYNC_OPERATION_CLAIM,
  MKV_SYNC_OPERATION_SYNC,
  MKV_SYNC_OPERATION_NODES,
  MKV_SYNC_OPERATION_DONE,
  MKV_SYNC_OPERATION_ERROR,
} MkvSyncOperation;

MKV_API
const char *mkv_sync_operation_to_wire (MkvSyncOperation operation);

MKV_API
gboolean mkv_sync_operation_from_wire (const char *name, MkvSyncOperation *operation);

G_END_DECLS
