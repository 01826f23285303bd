/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-command.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

/**
 * MkvCommand:
 *
 * A request of one node to another: an operation and its arguments. Built with
 * the setters, immutable once it is handed to anything else.
 *
 * Since: 0.1
 */
struct _MkvCommand
{
  gatomicrefcount ref_count;
  MkvOperation operation;
  char *id;
  char *key;
  GBytes *value;
  gint64 amount;
  GPtrArray *keys;   /* of char *; NULL if none was added */
  GPtrArray *values; /* of GBytes, beside keys; NULL if no pair was added */
  char *prefix;
  char *after;
  guint limit;
  gint64 timestamp;
  char *token;
  char *peer;
};

G_DEFINE_BOXED_TYPE (MkvCommand, mkv_command, mkv_command_ref, mkv_command_unref)

/**
 * mkv_command_new:
 * @operation: what is asked for
 *
 * Makes a command without arguments, with an empty id: who sends it fills in a
 * fresh one.
 *
 * Returns: (transfer full): the command
 *
 * Since: 0.1
 */
MkvCommand *
mkv_command_new (MkvOperation operation)
{
  MkvCommand *self = g_new0 (MkvCommand, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->operation = operation;
  self->amount = 1;
  self->limit = MKV_DEFAULT_LIST_KEYS;
  self->timestamp = -1;
  return self;
}

/**
 * mkv_command_ref:
 * @self: a command
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvCommand *
mkv_command_ref (MkvCommand *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_command_unref:
 * @self: (transfer full): a command
 *
 * Drops a reference, and frees the command with the last.
 *
 * Since: 0.1
 */
void
mkv_command_unref (MkvCommand *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->id);
  g_free (self->key);
  g_clear_pointer (&self->value, g_bytes_unref);
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_clear_pointer (&self->values, g_ptr_array_unref);
  g_free (self->prefix);
  g_free (self->after);
  g_free (self->token);
  g_free (self->peer);
  g_free (self);
}

static void
set_string (char **place, const char *string)
{
  g_free (*place);
  *place = g_strdup (string);
}

/**
 * mkv_command_get_operation:
 * @self: a command
 *
 * Tells what is asked for.
 *
 * Returns: what is asked for
 *
 * Since: 0.1
 */
MkvOperation
mkv_command_get_operation (const MkvCommand *self)
{
  return self->operation;
}

/**
 * mkv_command_get_id:
 * @self: a command
 *
 * Gets the id that its response repeats.
 *
 * Returns: (transfer none): the id that its response repeats; "" if it has
 *   none yet
 *
 * Since: 0.1
 */
const char *
mkv_command_get_id (const MkvCommand *self)
{
  return self->id != NULL ? self->id : "";
}

/**
 * mkv_command_set_id:
 * @self: a command that was not handed over yet
 * @id: (nullable): 1 to 64 characters; one of 36 characters is a UUID version 4
 *
 * Sets the id that the response will repeat.
 *
 * Since: 0.1
 */
void
mkv_command_set_id (MkvCommand *self, const char *id)
{
  set_string (&self->id, id);
}

/**
 * mkv_command_get_key:
 * @self: a command
 *
 * Gets the key of a single-key operation.
 *
 * Returns: (transfer none) (nullable): the key of a single-key operation; %NULL
 *   if it has none
 *
 * Since: 0.1
 */
const char *
mkv_command_get_key (const MkvCommand *self)
{
  return self->key;
}

/**
 * mkv_command_set_key:
 * @self: a command that was not handed over yet
 * @key: (nullable): the key of a single-key operation
 *
 * Sets the key of a single-key operation.
 *
 * Since: 0.1
 */
void
mkv_command_set_key (MkvCommand *self, const char *key)
{
  set_string (&self->key, key);
}

/**
 * mkv_command_get_value:
 * @self: a command
 *
 * Gets the octets of SET, APPEND and PREPEND.
 *
 * Returns: (transfer none) (nullable): the octets of SET, APPEND and PREPEND;
 *   %NULL if it has none
 *
 * Since: 0.1
 */
GBytes *
mkv_command_get_value (const MkvCommand *self)
{
  return self->value;
}

/**
 * mkv_command_set_value:
 * @self: a command that was not handed over yet
 * @value: (nullable): the octets of SET, APPEND and PREPEND
 *
 * Sets the octets of SET, APPEND and PREPEND.
 *
 * Since: 0.1
 */
void
mkv_command_set_value (MkvCommand *self, GBytes *value)
{
  if (value != NULL)
    g_bytes_ref (value);
  g_clear_pointer (&self->value, g_bytes_unref);
  self->value = value;
}

/**
 * mkv_command_get_amount:
 * @self: a command
 *
 * Tells what INCR adds and DECR subtracts.
 *
 * Returns: what INCR adds and DECR subtracts; 1 if nothing was said
 *
 * Since: 0.1
 */
gint64
mkv_command_get_amount (const MkvCommand *self)
{
  return self->amount;
}

/**
 * mkv_command_set_amount:
 * @self: a command that was not handed over yet
 * @amount: what INCR adds and DECR subtracts
 *
 * Sets what INCR adds and DECR subtracts.
 *
 * Since: 0.1
 */
void
mkv_command_set_amount (MkvCommand *self, gint64 amount)
{
  self->amount = amount;
}

/**
 * mkv_command_get_keys:
 * @self: a command
 *
 * Gets the keys of MGET and MSET in the order they were added.
 *
 * Returns: (transfer none) (nullable) (element-type utf8): the keys of MGET and
 *   MSET in the order they were added; %NULL if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_command_get_keys (const MkvCommand *self)
{
  return self->keys;
}

/**
 * mkv_command_get_values:
 * @self: a command
 *
 * Gets the values of MSET, one for each of the keys.
 *
 * Returns: (transfer none) (nullable) (element-type GBytes): the values of
 *   MSET, one for each of the keys; %NULL if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_command_get_values (const MkvCommand *self)
{
  return self->values;
}

/**
 * mkv_command_add_key:
 * @self: a command that was not handed over yet
 * @key: a key to read
 *
 * Adds a key to an MGET.
 *
 * Since: 0.1
 */
void
mkv_command_add_key (MkvCommand *self, const char *key)
{
  g_return_if_fail (key != NULL);

  if (self->keys == NULL)
    self->keys = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->keys, g_strdup (key));
}

/**
 * mkv_command_add_pair:
 * @self: a command that was not handed over yet
 * @key: a key to write
 * @value: its value
 *
 * Adds a key and a value to an MSET.
 *
 * Since: 0.1
 */
void
mkv_command_add_pair (MkvCommand *self, const char *key, GBytes *value)
{
  g_return_if_fail (key != NULL);
  g_return_if_fail (value != NULL);

  mkv_command_add_key (self, key);
  if (self->values == NULL)
    self->values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_ptr_array_add (self->values, g_bytes_ref (value));
}

/**
 * mkv_command_get_prefix:
 * @self: a command
 *
 * Tells what the keys of KEYS begin with.
 *
 * Returns: (transfer none) (nullable): what the keys of KEYS begin with; %NULL
 *   if it has none
 *
 * Since: 0.1
 */
const char *
mkv_command_get_prefix (const MkvCommand *self)
{
  return self->prefix;
}

/**
 * mkv_command_set_prefix:
 * @self: a command that was not handed over yet
 * @prefix: (nullable): what the keys of KEYS begin with
 *
 * Sets what the keys of KEYS begin with.
 *
 * Since: 0.1
 */
void
mkv_command_set_prefix (MkvCommand *self, const char *prefix)
{
  set_string (&self->prefix, prefix);
}

/**
 * mkv_command_get_after:
 * @self: a command
 *
 * Gets the key behind which KEYS begins.
 *
 * Returns: (transfer none) (nullable): the key behind which KEYS begins; %NULL
 *   if it has none
 *
 * Since: 0.1
 */
const char *
mkv_command_get_after (const MkvCommand *self)
{
  return self->after;
}

/**
 * mkv_command_set_after:
 * @self: a command that was not handed over yet
 * @after: (nullable): the key behind which KEYS begins
 *
 * Sets the key behind which KEYS begins.
 *
 * Since: 0.1
 */
void
mkv_command_set_after (MkvCommand *self, const char *after)
{
  set_string (&self->after, after);
}

/**
 * mkv_command_get_limit:
 * @self: a command
 *
 * Tells how many keys KEYS answers at most.
 *
 * Returns: how many keys KEYS answers at most; 100 if nothing was said
 *
 * Since: 0.1
 */
guint
mkv_command_get_limit (const MkvCommand *self)
{
  return self->limit;
}

/**
 * mkv_command_set_limit:
 * @self: a command that was not handed over yet
 * @limit: how many keys KEYS answers at most, 1 to 1,000
 *
 * Sets how many keys KEYS answers at most.
 *
 * Since: 0.1
 */
void
mkv_command_set_limit (MkvCommand *self, guint limit)
{
  self->limit = limit;
}

/**
 * mkv_command_get_timestamp:
 * @self: a command
 *
 * Tells when the request was made.
 *
 * Returns: when the request was made, ms since 1970-01-01 UTC; -1 if unknown
 *
 * Since: 0.1
 */
gint64
mkv_command_get_timestamp (const MkvCommand *self)
{
  return self->timestamp;
}

/**
 * mkv_command_set_timestamp:
 * @self: a command that was not handed over yet
 * @timestamp: when the request is made, ms since 1970-01-01 UTC
 *
 * Sets when the request is made.
 *
 * Since: 0.1
 */
void
mkv_command_set_timestamp (MkvCommand *self, gint64 timestamp)
{
  self->timestamp = timestamp;
}

/**
 * mkv_command_get_token:
 * @self: a command
 *
 * Gets the token that says who asks.
 *
 * Returns: (transfer none) (nullable): the token that says who asks. A secret:
 *   it must not get into a log; %NULL if it has none
 *
 * Since: 0.1
 */
const char *
mkv_command_get_token (const MkvCommand *self)
{
  return self->token;
}

/**
 * mkv_command_set_token:
 * @self: a command that was not handed over yet
 * @token: (nullable): the token that says who asks
 *
 * Sets the token that says who asks.
 *
 * Since: 0.1
 */
void
mkv_command_set_token (MkvCommand *self, const char *token)
{
  set_string (&self->token, token);
}

/**
 * mkv_command_get_peer:
 * @self: a command
 *
 * Gets the client id that SYNC is about.
 *
 * Returns: (transfer none) (nullable): the client id that SYNC is about; %NULL
 *   if it has none
 *
 * Since: 0.1
 */
const char *
mkv_command_get_peer (const MkvCommand *self)
{
  return self->peer;
}

/**
 * mkv_command_set_peer:
 * @self: a command that was not handed over yet
 * @peer: (nullable): the client id that SYNC is about
 *
 * Sets the client id that SYNC is about.
 *
 * Since: 0.1
 */
void
mkv_command_set_peer (MkvCommand *self, const char *peer)
{
  set_string (&self->peer, peer);
}

/* RFC 9562: xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx. */
static gboolean
is_uuid_v4 (const char *id)
{
  return g_uuid_string_is_valid (id) && id[14] == '4' && strchr ("89abAB", id[19]) != NULL;
}

/**
 * mkv_command_id_check:
 * @id: what may be the id of a request
 * @error: return location for an error
 *
 * Checks the rule for ids: 1 to 64 characters, and a UUID version 4 (RFC 9562)
 * where there are 36.
 *
 * Returns: whether @id is one; if not, @error is %MKV_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
gboolean
mkv_command_id_check (const char *id, GError **error)
{
  glong n_chars;

  g_return_val_if_fail (id != NULL, FALSE);

  n_chars = g_utf8_strlen (id, -1);
  if (n_chars < 1 || n_chars > MKV_MAX_ID_CHARS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("An id needs 1 to %d characters, this one has %ld"), MKV_MAX_ID_CHARS, n_chars);
      return FALSE;
    }
  if (n_chars == 36 && !is_uuid_v4 (id))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                           _("An id of 36 characters has to be a UUID of version 4"));
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_value (GBytes *value, const char *operation, GError **error)
{
  if (value == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("%s needs a value"), operation);
      return FALSE;
    }
  if (g_bytes_get_size (value) > MKV_MAX_VALUE_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The value has %zu octets, at most %d are allowed"), g_bytes_get_size (value),
                   MKV_MAX_VALUE_BYTES);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_bulk (const MkvCommand *self, const char *operation, GError **error)
{
  guint n = self->keys != NULL ? self->keys->len : 0;

  if (n < 1 || n > MKV_MAX_BULK_KEYS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("%s takes 1 to %d keys, not %u"), operation,
                   MKV_MAX_BULK_KEYS, n);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    if (!mkv_key_check (self->keys->pdata[i], error))
      return FALSE;
  return TRUE;
}

/**
 * mkv_command_validate:
 * @self: a command
 * @error: return location for an error
 *
 * Checks that the command has the arguments of its operation, and that each
 * keeps its rule. The id is not looked at: see [func@Command.id_check].
 *
 * Returns: whether the command can be executed; if not, @error is
 *   %MKV_ERROR_INVALID_ARGUMENT or %MKV_ERROR_TOO_LARGE
 *
 * Since: 0.1
 */
gboolean
mkv_command_validate (const MkvCommand *self, GError **error)
{
  const char *name = mkv_operation_to_wire (self->operation);

  switch (self->operation)
    {
    case MKV_OPERATION_GET:
    case MKV_OPERATION_SET:
    case MKV_OPERATION_DELETE:
    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
    case MKV_OPERATION_APPEND:
    case MKV_OPERATION_PREPEND:
      if (self->key == NULL)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("%s needs a key"), name);
          return FALSE;
        }
      if (!mkv_key_check (self->key, error))
        return FALSE;
      if (self->operation == MKV_OPERATION_SET || self->operation == MKV_OPERATION_APPEND ||
          self->operation == MKV_OPERATION_PREPEND)
        return check_value (self->value, name, error);
      return TRUE;

    case MKV_OPERATION_GET_MANY:
      return check_bulk (self, name, error);

    case MKV_OPERATION_SET_MANY:
      if (!check_bulk (self, name, error))
        return FALSE;
      for (guint i = 0; i < self->keys->len; i++)
        if (!check_value (self->values != NULL && i < self->values->len ? self->values->pdata[i] : NULL, name,
                          error))
          return FALSE;
      return TRUE;

    case MKV_OPERATION_LIST_KEYS:
      if (self->limit < 1 || self->limit > MKV_MAX_LIST_KEYS)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("KEYS takes a limit of 1 to %d, not %u"),
                       MKV_MAX_LIST_KEYS, self->limit);
          return FALSE;
        }
      return TRUE;

    case MKV_OPERATION_SYNC:
      return self->peer == NULL || mkv_name_check (self->peer, error);

    case MKV_OPERATION_PING:
    case MKV_OPERATION_INFO:
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}
