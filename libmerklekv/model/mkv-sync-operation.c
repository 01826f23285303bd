/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "model/mkv-sync-operation.h"

static const char *const operations[] = {
  [MKV_SYNC_OPERATION_ROOT] = "ROOT",
  [MKV_SYNC_OPERATION_CLAIM] = "CLAIM",
  [MKV_SYNC_OPERATION_SYNC] = "SYNC",
  [MKV_SYNC_OPERATION_NODES] = "NODES",
  [MKV_SYNC_OPERATION_DONE] = "DONE",
  [MKV_SYNC_OPERATION_ERROR] = "ERROR",
};

G_STATIC_ASSERT (G_N_ELEMENTS (operations) == MKV_SYNC_OPERATION_ERROR + 1);

/**
 * mkv_sync_operation_to_wire:
 * @operation: an operation of anti-entropy
 *
 * Gives the name that an operation has in the protocol.
 *
 * Returns: (transfer none): its name in the protocol, such as `ROOT`
 *
 * Since: 0.1
 */
const char *
mkv_sync_operation_to_wire (MkvSyncOperation operation)
{
  g_return_val_if_fail ((guint) operation < G_N_ELEMENTS (operations), NULL);

  return operations[operation];
}

/**
 * mkv_sync_operation_from_wire:
 * @name: a name in the protocol
 * @operation: (out): the operation
 *
 * Looks up the operation that a name in the protocol stands for.
 *
 * Returns: whether there is an operation of that name
 *
 * Since: 0.1
 */
gboolean
mkv_sync_operation_from_wire (const char *name, MkvSyncOperation *operation)
{
  g_return_val_if_fail (name != NULL, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    if (g_str_equal (operations[i], name))
      {
        *operation = (MkvSyncOperation) i;
        return TRUE;
      }
  return FALSE;
}
