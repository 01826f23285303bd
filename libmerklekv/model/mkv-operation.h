/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvOperation:
 * @MKV_OPERATION_GET: reads a value
 * @MKV_OPERATION_SET: writes a value
 * @MKV_OPERATION_DELETE: writes a tombstone
 * @MKV_OPERATION_INCREMENT: adds to a number
 * @MKV_OPERATION_DECREMENT: subtracts from a number
 * @MKV_OPERATION_APPEND: puts octets behind a value
 * @MKV_OPERATION_PREPEND: puts octets before a value
 * @MKV_OPERATION_GET_MANY: reads several values
 * @MKV_OPERATION_SET_MANY: writes several values, all or none
 * @MKV_OPERATION_LIST_KEYS: lists keys
 * @MKV_OPERATION_SYNC: runs anti-entropy now
 * @MKV_OPERATION_PING: nothing
 * @MKV_OPERATION_INFO: describes the node
 *
 * What one node can ask of another.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_OPERATION_GET,
  MKV_OPERATION_SET,
  MKV_OPERATION_DELETE,
  MKV_OPERATION_INCREMENT,
  MKV_OPERATION_DECREMENT,
  MKV_OPERATION_APPEND,
  MKV_OPERATION_PREPEND,
  MKV_OPERATION_GET_MANY,
  MKV_OPERATION_SET_MANY,
  MKV_OPERATION_LIST_KEYS,
  MKV_OPERATION_SYNC,
  MKV_OPERATION_PING,
  MKV_OPERATION_INFO,
} MkvOperation;

MKV_API
const char *mkv_operation_to_wire (MkvOperation operation);

MKV_API
gboolean mkv_operation_from_wire (const char *name, MkvOperation *operation);

MKV_API
gboolean mkv_operation_writes (MkvOperation operation);

G_END_DECLS
