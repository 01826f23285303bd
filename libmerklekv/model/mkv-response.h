/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvStatus:
 * @MKV_STATUS_OK: done
 * @MKV_STATUS_NOT_FOUND: there is no live entry of that key
 * @MKV_STATUS_ERROR: not done
 *
 * How an operation ended.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_STATUS_OK,
  MKV_STATUS_NOT_FOUND,
  MKV_STATUS_ERROR,
} MkvStatus;

/**
 * MkvErrorCode:
 * @MKV_ERROR_CODE_NONE: no error
 * @MKV_ERROR_CODE_INVALID_REQUEST: the request breaks a rule
 * @MKV_ERROR_CODE_TIMEOUT: no answer in time
 * @MKV_ERROR_CODE_IDEMPOTENT_REPLAY: the answer of an earlier request of that id
 * @MKV_ERROR_CODE_PAYLOAD_TOO_LARGE: over a limit
 * @MKV_ERROR_CODE_RANGE_OVERFLOW: past the range of 64 bits
 * @MKV_ERROR_CODE_INVALID_TYPE: the value is not a number
 * @MKV_ERROR_CODE_NOT_FOUND: there is no live entry of that key
 * @MKV_ERROR_CODE_UNAUTHORIZED: no token, or an unknown one
 * @MKV_ERROR_CODE_FORBIDDEN: the token does not allow it
 * @MKV_ERROR_CODE_RATE_LIMITED: too many requests
 * @MKV_ERROR_CODE_UNAVAILABLE: starting, stopping, read-only or full
 * @MKV_ERROR_CODE_INTERNAL_ERROR: anything else
 *
 * The numbers of the wire.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_ERROR_CODE_NONE = 0,
  MKV_ERROR_CODE_INVALID_REQUEST = 100,
  MKV_ERROR_CODE_TIMEOUT = 101,
  MKV_ERROR_CODE_IDEMPOTENT_REPLAY = 102,
  MKV_ERROR_CODE_PAYLOAD_TOO_LARGE = 103,
  MKV_ERROR_CODE_RANGE_OVERFLOW = 104,
  MKV_ERROR_CODE_INVALID_TYPE = 105,
  MKV_ERROR_CODE_NOT_FOUND = 106,
  MKV_ERROR_CODE_UNAUTHORIZED = 107,
  MKV_ERROR_CODE_FORBIDDEN = 108,
  MKV_ERROR_CODE_RATE_LIMITED = 109,
  MKV_ERROR_CODE_UNAVAILABLE = 111,
  MKV_ERROR_CODE_INTERNAL_ERROR = 199,
} MkvErrorCode;

MKV_API
const char *mkv_status_to_wire (MkvStatus status);

MKV_API
gboolean mkv_status_from_wire (const char *name, MkvStatus *status);

#define MKV_TYPE_RESULT (mkv_result_get_type ())

typedef struct _MkvResult MkvResult;

MKV_API
GType mkv_result_get_type (void);

MKV_API
MkvResult *mkv_result_new (const char *key, MkvStatus status, GBytes *value);

MKV_API
MkvResult *mkv_result_ref (MkvResult *self);

MKV_API
void mkv_result_unref (MkvResult *self);

MKV_API
const char *mkv_result_get_key (const MkvResult *self);

MKV_API
MkvStatus mkv_result_get_status (const MkvResult *self);

MKV_API
GBytes *mkv_result_get_value (const MkvResult *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvResult, mkv_result_unref)

#define MKV_TYPE_RESPONSE (mkv_response_get_type ())

typedef struct _MkvResponse MkvResponse;

MKV_API
GType mkv_response_get_type (void);

MKV_API
MkvResponse *mkv_response_new (const char *id, MkvStatus status);

MKV_API
MkvResponse *mkv_response_new_error (const char *id, const GError *error);

MKV_API
MkvResponse *mkv_response_ref (MkvResponse *self);

MKV_API
void mkv_response_unref (MkvResponse *self);

MKV_API
const char *mkv_response_get_id (const MkvResponse *self);

MKV_API
MkvStatus mkv_response_get_status (const MkvResponse *self);

MKV_API
gint64 mkv_response_get_timestamp (const MkvResponse *self);

MKV_API
void mkv_response_set_timestamp (MkvResponse *self, gint64 timestamp);

MKV_API
GBytes *mkv_response_get_value (const MkvResponse *self);

MKV_API
void mkv_response_set_value (MkvResponse *self, GBytes *value);

MKV_API
GPtrArray *mkv_response_get_results (const MkvResponse *self);

MKV_API
void mkv_response_add_result (MkvResponse *self, MkvResult *result);

MKV_API
const char *const *mkv_response_get_keys (const MkvResponse *self);

MKV_API
gboolean mkv_response_get_more (const MkvResponse *self);

MKV_API
void mkv_response_set_keys (MkvResponse *self, const char *const *keys, gboolean more);

MKV_API
GVariant *mkv_response_get_info (const MkvResponse *self);

MKV_API
void mkv_response_set_info (MkvResponse *self, GVariant *info);

MKV_API
MkvErrorCode mkv_response_get_error_code (const MkvResponse *self);

MKV_API
const char *mkv_response_get_error_text (const MkvResponse *self);

MKV_API
void mkv_response_set_error (MkvResponse *self, MkvErrorCode code, const char *text);

MKV_API
gboolean mkv_response_get_replayed (const MkvResponse *self);

MKV_API
void mkv_response_set_replayed (MkvResponse *self, gboolean replayed);

MKV_API
gboolean mkv_response_check (const MkvResponse *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvResponse, mkv_response_unref)

G_END_DECLS
