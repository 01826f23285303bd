/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "model/mkv-operation.h"

static const struct
{
  const char *wire_name;
  gboolean writes;
} operations[] = {
  [MKV_OPERATION_GET] = { "GET", FALSE },
  [MKV_OPERATION_SET] = { "SET", TRUE },
  [MKV_OPERATION_DELETE] = { "DELETE", TRUE },
  [MKV_OPERATION_INCREMENT] = { "INCR", TRUE },
  [MKV_OPERATION_DECREMENT] = { "DECR", TRUE },
  [MKV_OPERATION_APPEND] = { "APPEND", TRUE },
  [MKV_OPERATION_PREPEND] = { "PREPEND", TRUE },
  [MKV_OPERATION_GET_MANY] = { "MGET", FALSE },
  [MKV_OPERATION_SET_MANY] = { "MSET", TRUE },
  [MKV_OPERATION_LIST_KEYS] = { "KEYS", FALSE },
  [MKV_OPERATION_SYNC] = { "SYNC", FALSE },
  [MKV_OPERATION_PING] = { "PING", FALSE },
  [MKV_OPERATION_INFO] = { "INFO", FALSE },
};

G_STATIC_ASSERT (G_N_ELEMENTS (operations) == MKV_OPERATION_INFO + 1);

/**
 * mkv_operation_to_wire:
 * @operation: an operation
 *
 * Gives the name that an operation has in the protocol.
 *
 * Returns: (transfer none): its name in the protocol, such as `INCR`
 *
 * Since: 0.1
 */
const char *
mkv_operation_to_wire (MkvOperation operation)
{
  g_return_val_if_fail ((guint) operation < G_N_ELEMENTS (operations), NULL);

  return operations[operation].wire_name;
}

/**
 * mkv_operation_from_wire:
 * @name: a name in the protocol; `DEL` is `DELETE`
 * @operation: (out): the operation
 *
 * Looks up the operation that a name in the protocol stands for.
 *
 * Returns: whether there is an operation of that name
 *
 * Since: 0.1
 */
gboolean
mkv_operation_from_wire (const char *name, MkvOperation *operation)
{
  g_return_val_if_fail (name != NULL, FALSE);

  if (g_str_equal (name, "DEL"))
    name = "DELETE";
  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    if (g_str_equal (operations[i].wire_name, name))
      {
        *operation = (MkvOperation) i;
        return TRUE;
      }
  return FALSE;
}

/**
 * mkv_operation_writes:
 * @operation: an operation
 *
 * Tells whether the operation changes the store.
 *
 * Returns: whether the operation changes the store
 *
 * Since: 0.1
 */
gboolean
mkv_operation_writes (MkvOperation operation)
{
  g_return_val_if_fail ((guint) operation < G_N_ELEMENTS (operations), FALSE);

  return operations[operation].writes;
}
