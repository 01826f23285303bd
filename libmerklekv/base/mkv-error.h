/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MKV_ERROR:
 *
 * The error domain of everything but plugin loading. Codes are [error@Error].
 *
 * Since: 0.1
 */
#define MKV_ERROR (mkv_error_quark ())

/**
 * MkvError:
 * @MKV_ERROR_FAILED: something that no other code names
 * @MKV_ERROR_NOT_FOUND: there is no live entry of that key
 * @MKV_ERROR_INVALID_ARGUMENT: a key, a name or an argument breaks its rule
 * @MKV_ERROR_MALFORMED: octets that are no valid message
 * @MKV_ERROR_TIMEOUT: no answer in time
 * @MKV_ERROR_TOO_LARGE: a value or a payload is over its limit
 * @MKV_ERROR_RANGE_OVERFLOW: an increment left the range of 64 bits
 * @MKV_ERROR_INVALID_TYPE: the value is not a number
 * @MKV_ERROR_UNAUTHORIZED: no token, or an unknown one
 * @MKV_ERROR_FORBIDDEN: the caller may not do that
 * @MKV_ERROR_RATE_LIMITED: too many requests
 * @MKV_ERROR_UNAVAILABLE: starting, stopping, read-only or full
 * @MKV_ERROR_NOT_CONNECTED: the broker can't be reached
 * @MKV_ERROR_NOT_SUPPORTED: this version or this peer can't do that
 * @MKV_ERROR_CORRUPT: the storage holds what it can't have been given
 * @MKV_ERROR_CONFIGURATION: a setting is wrong
 *
 * What can go wrong. The same codes cross the bus and the wire.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_ERROR_FAILED,
  MKV_ERROR_NOT_FOUND,
  MKV_ERROR_INVALID_ARGUMENT,
  MKV_ERROR_MALFORMED,
  MKV_ERROR_TIMEOUT,
  MKV_ERROR_TOO_LARGE,
  MKV_ERROR_RANGE_OVERFLOW,
  MKV_ERROR_INVALID_TYPE,
  MKV_ERROR_UNAUTHORIZED,
  MKV_ERROR_FORBIDDEN,
  MKV_ERROR_RATE_LIMITED,
  MKV_ERROR_UNAVAILABLE,
  MKV_ERROR_NOT_CONNECTED,
  MKV_ERROR_NOT_SUPPORTED,
  MKV_ERROR_CORRUPT,
  MKV_ERROR_CONFIGURATION,
} MkvError;

MKV_API
GQuark mkv_error_quark (void);

G_END_DECLS
