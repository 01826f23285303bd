/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-response.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

/**
 * MkvResult:
 *
 * How an operation on several keys ended for one of them. Immutable.
 *
 * Since: 0.1
 */
struct _MkvResult
{
  gatomicrefcount ref_count;
  MkvStatus status;
  char *key;
  GBytes *value;
};

/**
 * MkvResponse:
 *
 * The answer to an [struct@Command]. Built with the setters, immutable once it
 * is handed to anything else.
 *
 * Since: 0.1
 */
struct _MkvResponse
{
  gatomicrefcount ref_count;
  char *id;
  MkvStatus status;
  gint64 timestamp;
  GBytes *value;
  GPtrArray *results; /* of MkvResult; NULL if none was added */
  char **keys;
  gboolean more;
  GVariant *info; /* a{sv} */
  MkvErrorCode error_code;
  char *error_text;
  gboolean replayed;
};

G_DEFINE_BOXED_TYPE (MkvResult, mkv_result, mkv_result_ref, mkv_result_unref)
G_DEFINE_BOXED_TYPE (MkvResponse, mkv_response, mkv_response_ref, mkv_response_unref)

/* An error that crosses the wire keeps its meaning. Several of ours share a
 * number; the first that has it is what a caller gets. */
static const struct
{
  MkvError error;
  MkvErrorCode code;
} error_codes[] = {
  { MKV_ERROR_INVALID_ARGUMENT, MKV_ERROR_CODE_INVALID_REQUEST },
  { MKV_ERROR_MALFORMED, MKV_ERROR_CODE_INVALID_REQUEST },
  { MKV_ERROR_TIMEOUT, MKV_ERROR_CODE_TIMEOUT },
  { MKV_ERROR_TOO_LARGE, MKV_ERROR_CODE_PAYLOAD_TOO_LARGE },
  { MKV_ERROR_RANGE_OVERFLOW, MKV_ERROR_CODE_RANGE_OVERFLOW },
  { MKV_ERROR_INVALID_TYPE, MKV_ERROR_CODE_INVALID_TYPE },
  { MKV_ERROR_NOT_FOUND, MKV_ERROR_CODE_NOT_FOUND },
  { MKV_ERROR_UNAUTHORIZED, MKV_ERROR_CODE_UNAUTHORIZED },
  { MKV_ERROR_FORBIDDEN, MKV_ERROR_CODE_FORBIDDEN },
  { MKV_ERROR_RATE_LIMITED, MKV_ERROR_CODE_RATE_LIMITED },
  { MKV_ERROR_UNAVAILABLE, MKV_ERROR_CODE_UNAVAILABLE },
  { MKV_ERROR_NOT_SUPPORTED, MKV_ERROR_CODE_UNAVAILABLE },
};

static const char *const status_names[] = {
  [MKV_STATUS_OK] = "OK",
  [MKV_STATUS_NOT_FOUND] = "NOT_FOUND",
  [MKV_STATUS_ERROR] = "ERROR",
};

/**
 * mkv_status_to_wire:
 * @status: a status
 *
 * Gives the name that a status has in the protocol.
 *
 * Returns: (transfer none): its name in the protocol
 *
 * Since: 0.1
 */
const char *
mkv_status_to_wire (MkvStatus status)
{
  g_return_val_if_fail ((guint) status < G_N_ELEMENTS (status_names), NULL);

  return status_names[status];
}

/**
 * mkv_status_from_wire:
 * @name: a name in the protocol
 * @status: (out): the status
 *
 * Looks up the status that a name in the protocol stands for.
 *
 * Returns: whether there is a status of that name
 *
 * Since: 0.1
 */
gboolean
mkv_status_from_wire (const char *name, MkvStatus *status)
{
  g_return_val_if_fail (name != NULL, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (status_names); i++)
    if (g_str_equal (status_names[i], name))
      {
        *status = (MkvStatus) i;
        return TRUE;
      }
  return FALSE;
}

/**
 * mkv_result_new:
 * @key: the key
 * @status: how it ended for @key
 * @value: (nullable): what was read
 *
 * Makes a result.
 *
 * Returns: (transfer full): the result
 *
 * Since: 0.1
 */
MkvResult *
mkv_result_new (const char *key, MkvStatus status, GBytes *value)
{
  MkvResult *self;

  g_return_val_if_fail (key != NULL, NULL);

  self = g_new0 (MkvResult, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->status = status;
  self->key = g_strdup (key);
  self->value = value != NULL ? g_bytes_ref (value) : NULL;
  return self;
}

/**
 * mkv_result_ref:
 * @self: a result
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvResult *
mkv_result_ref (MkvResult *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_result_unref:
 * @self: (transfer full): a result
 *
 * Drops a reference, and frees the result with the last.
 *
 * Since: 0.1
 */
void
mkv_result_unref (MkvResult *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->key);
  g_clear_pointer (&self->value, g_bytes_unref);
  g_free (self);
}

/**
 * mkv_result_get_key:
 * @self: a result
 *
 * Gets the key that the result is about.
 *
 * Returns: (transfer none): the key
 *
 * Since: 0.1
 */
const char *
mkv_result_get_key (const MkvResult *self)
{
  return self->key;
}

/**
 * mkv_result_get_status:
 * @self: a result
 *
 * Tells how it ended for the key.
 *
 * Returns: how it ended for the key
 *
 * Since: 0.1
 */
MkvStatus
mkv_result_get_status (const MkvResult *self)
{
  return self->status;
}

/**
 * mkv_result_get_value:
 * @self: a result
 *
 * Gets the value that was read.
 *
 * Returns: (transfer none) (nullable): what was read; %NULL if it has none
 *
 * Since: 0.1
 */
GBytes *
mkv_result_get_value (const MkvResult *self)
{
  return self->value;
}

/**
 * mkv_response_new:
 * @id: the request's id; "" if it could not be read
 * @status: how the operation ended
 *
 * Makes a response. One of %MKV_STATUS_NOT_FOUND gets its error code by itself.
 *
 * Returns: (transfer full): the response
 *
 * Since: 0.1
 */
MkvResponse *
mkv_response_new (const char *id, MkvStatus status)
{
  MkvResponse *self;

  g_return_val_if_fail (id != NULL, NULL);

  self = g_new0 (MkvResponse, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->id = g_strdup (id);
  self->status = status;
  if (status == MKV_STATUS_NOT_FOUND)
    self->error_code = MKV_ERROR_CODE_NOT_FOUND;
  return self;
}

/**
 * mkv_response_new_error:
 * @id: the request's id; "" if it could not be read
 * @error: what went wrong
 *
 * Makes the response that says so: the code of an %MKV_ERROR, and 199 for any
 * other domain.
 *
 * Returns: (transfer full): the response
 *
 * Since: 0.1
 */
MkvResponse *
mkv_response_new_error (const char *id, const GError *error)
{
  MkvResponse *self;
  MkvErrorCode code = MKV_ERROR_CODE_INTERNAL_ERROR;

  g_return_val_if_fail (id != NULL, NULL);
  g_return_val_if_fail (error != NULL, NULL);

  if (error->domain == MKV_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (error_codes); i++)
      if ((gint) error_codes[i].error == error->code)
        code = error_codes[i].code;
  self = mkv_response_new (id, code == MKV_ERROR_CODE_NOT_FOUND ? MKV_STATUS_NOT_FOUND : MKV_STATUS_ERROR);
  mkv_response_set_error (self, code, error->message);
  return self;
}

/**
 * mkv_response_ref:
 * @self: a response
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvResponse *
mkv_response_ref (MkvResponse *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_response_unref:
 * @self: (transfer full): a response
 *
 * Drops a reference, and frees the response with the last.
 *
 * Since: 0.1
 */
void
mkv_response_unref (MkvResponse *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->id);
  g_clear_pointer (&self->value, g_bytes_unref);
  g_clear_pointer (&self->results, g_ptr_array_unref);
  g_strfreev (self->keys);
  g_clear_pointer (&self->info, g_variant_unref);
  g_free (self->error_text);
  g_free (self);
}

/**
 * mkv_response_get_id:
 * @self: a response
 *
 * Gets the request's id.
 *
 * Returns: (transfer none): the request's id; "" if it could not be read
 *
 * Since: 0.1
 */
const char *
mkv_response_get_id (const MkvResponse *self)
{
  return self->id;
}

/**
 * mkv_response_get_status:
 * @self: a response
 *
 * Tells how the operation ended.
 *
 * Returns: how the operation ended
 *
 * Since: 0.1
 */
MkvStatus
mkv_response_get_status (const MkvResponse *self)
{
  return self->status;
}

/**
 * mkv_response_get_timestamp:
 * @self: a response
 *
 * Tells when the response was made.
 *
 * Returns: when it was made, ms since 1970-01-01 UTC
 *
 * Since: 0.1
 */
gint64
mkv_response_get_timestamp (const MkvResponse *self)
{
  return self->timestamp;
}

/**
 * mkv_response_set_timestamp:
 * @self: a response that was not handed over yet
 * @timestamp: when it is made, ms since 1970-01-01 UTC
 *
 * Sets when the response is made.
 *
 * Since: 0.1
 */
void
mkv_response_set_timestamp (MkvResponse *self, gint64 timestamp)
{
  self->timestamp = timestamp;
}

/**
 * mkv_response_get_value:
 * @self: a response
 *
 * Gets what was read, or what became of the value.
 *
 * Returns: (transfer none) (nullable): what was read, or the result of INCR,
 *   DECR, APPEND, PREPEND and SYNC; %NULL if it has none
 *
 * Since: 0.1
 */
GBytes *
mkv_response_get_value (const MkvResponse *self)
{
  return self->value;
}

/**
 * mkv_response_set_value:
 * @self: a response that was not handed over yet
 * @value: (nullable): what was read or became of the value
 *
 * Sets what was read, or what became of the value.
 *
 * Since: 0.1
 */
void
mkv_response_set_value (MkvResponse *self, GBytes *value)
{
  if (value != NULL)
    g_bytes_ref (value);
  g_clear_pointer (&self->value, g_bytes_unref);
  self->value = value;
}

/**
 * mkv_response_get_results:
 * @self: a response
 *
 * Gets the results of MGET and MSET, one for each key.
 *
 * Returns: (transfer none) (nullable) (element-type MkvResult): one for each
 *   key of MGET and MSET; %NULL for other operations
 *
 * Since: 0.1
 */
GPtrArray *
mkv_response_get_results (const MkvResponse *self)
{
  return self->results;
}

/**
 * mkv_response_add_result:
 * @self: a response that was not handed over yet
 * @result: (transfer full): the next key's
 *
 * Adds the result of the next key of MGET or MSET.
 *
 * Since: 0.1
 */
void
mkv_response_add_result (MkvResponse *self, MkvResult *result)
{
  g_return_if_fail (result != NULL);

  if (self->results == NULL)
    self->results = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_result_unref);
  g_ptr_array_add (self->results, result);
}

/**
 * mkv_response_get_keys:
 * @self: a response
 *
 * Gets the keys that KEYS found.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): what KEYS
 *   found; %NULL if it has none
 *
 * Since: 0.1
 */
const char *const *
mkv_response_get_keys (const MkvResponse *self)
{
  return (const char *const *) self->keys;
}

/**
 * mkv_response_get_more:
 * @self: a response
 *
 * Tells whether KEYS would find others behind the last of its keys.
 *
 * Returns: whether KEYS would find others behind the last of its keys
 *
 * Since: 0.1
 */
gboolean
mkv_response_get_more (const MkvResponse *self)
{
  return self->more;
}

/**
 * mkv_response_set_keys:
 * @self: a response that was not handed over yet
 * @keys: (array zero-terminated=1): what KEYS found
 * @more: whether there are others behind the last
 *
 * Sets what KEYS found.
 *
 * Since: 0.1
 */
void
mkv_response_set_keys (MkvResponse *self, const char *const *keys, gboolean more)
{
  g_return_if_fail (keys != NULL);

  g_strfreev (self->keys);
  self->keys = g_strdupv ((char **) keys);
  self->more = more;
}

/**
 * mkv_response_get_info:
 * @self: a response
 *
 * Tells what the node said about itself.
 *
 * Returns: (transfer none) (nullable): what INFO tells: an `a{sv}` of strings
 *   (`s`) and integers (`x`); %NULL if it has none
 *
 * Since: 0.1
 */
GVariant *
mkv_response_get_info (const MkvResponse *self)
{
  return self->info;
}

/**
 * mkv_response_set_info:
 * @self: a response that was not handed over yet
 * @info: what INFO tells: an `a{sv}` of strings (`s`) and integers (`x`);
 *   consumed if floating
 *
 * Sets what INFO tells.
 *
 * Since: 0.1
 */
void
mkv_response_set_info (MkvResponse *self, GVariant *info)
{
  g_return_if_fail (g_variant_is_of_type (info, G_VARIANT_TYPE_VARDICT));

  g_variant_ref_sink (info);
  g_clear_pointer (&self->info, g_variant_unref);
  self->info = info;
}

/**
 * mkv_response_get_error_code:
 * @self: a response
 *
 * Gets the number that says what went wrong.
 *
 * Returns: the number that says what went wrong; %MKV_ERROR_CODE_NONE if
 *   nothing did. A peer may send one that [enum@ErrorCode] does not know
 *
 * Since: 0.1
 */
MkvErrorCode
mkv_response_get_error_code (const MkvResponse *self)
{
  return self->error_code;
}

/**
 * mkv_response_get_error_text:
 * @self: a response
 *
 * Tells what went wrong, for people.
 *
 * Returns: (transfer none) (nullable): what went wrong, for people; %NULL if it
 *   has none
 *
 * Since: 0.1
 */
const char *
mkv_response_get_error_text (const MkvResponse *self)
{
  return self->error_text;
}

/**
 * mkv_response_set_error:
 * @self: a response that was not handed over yet
 * @code: the number that says what went wrong
 * @text: (nullable): the same for people
 *
 * Sets what went wrong, for programs and for people.
 *
 * Since: 0.1
 */
void
mkv_response_set_error (MkvResponse *self, MkvErrorCode code, const char *text)
{
  self->error_code = code;
  g_free (self->error_text);
  self->error_text = g_strdup (text);
}

/**
 * mkv_response_get_replayed:
 * @self: a response
 *
 * Tells whether it is the kept answer of an earlier request of that id.
 *
 * Returns: whether it is the kept answer of an earlier request of that id
 *
 * Since: 0.1
 */
gboolean
mkv_response_get_replayed (const MkvResponse *self)
{
  return self->replayed;
}

/**
 * mkv_response_set_replayed:
 * @self: a response that was not handed over yet
 * @replayed: whether it is the kept answer of an earlier request of that id
 *
 * Sets whether it is the kept answer of an earlier request of that id.
 *
 * Since: 0.1
 */
void
mkv_response_set_replayed (MkvResponse *self, gboolean replayed)
{
  self->replayed = replayed;
}

/**
 * mkv_response_check:
 * @self: a response
 * @error: return location for an error
 *
 * Turns a status other than OK into the error that the responder had.
 *
 * Returns: %TRUE if the status is OK
 *
 * Since: 0.1
 */
gboolean
mkv_response_check (const MkvResponse *self, GError **error)
{
  MkvError code = MKV_ERROR_FAILED;

  if (self->status == MKV_STATUS_OK)
    return TRUE;
  for (gint i = (gint) G_N_ELEMENTS (error_codes) - 1; i >= 0; i--)
    if (error_codes[i].code == self->error_code)
      code = error_codes[i].error;
  if (self->status == MKV_STATUS_NOT_FOUND)
    code = MKV_ERROR_NOT_FOUND;
  if (self->error_text != NULL)
    g_set_error_literal (error, MKV_ERROR, (gint) code, self->error_text);
  else if (code == MKV_ERROR_NOT_FOUND)
    g_set_error_literal (error, MKV_ERROR, (gint) code, _("There is no such key"));
  else
    g_set_error (error, MKV_ERROR, (gint) code, _("The node answered error %d"), (gint) self->error_code);
  return FALSE;
}
