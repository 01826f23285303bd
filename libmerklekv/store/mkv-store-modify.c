/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The half of MkvStore that changes what is there, decided where the write is:
 * nobody gets in between. See mkv-store-write.c.
 */
#include "store/mkv-store-submit-private.h"

/**
 * mkv_store_increment:
 * @self: a store
 * @key: the key
 * @amount: what to add
 * @number: (out) (optional): what the key holds now
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Adds to a number, without anybody getting in between. A key that is not there
 * counts as 0.
 *
 * Returns: whether it was written; if not, @error is %MKV_ERROR_INVALID_TYPE if
 *   the value is no decimal integer, %MKV_ERROR_RANGE_OVERFLOW if the result would
 *   leave 64 bits
 *
 * Since: 0.1
 */
gboolean
mkv_store_increment (MkvStore *self, const char *key, gint64 amount, gint64 *number, GCancellable *cancellable,
                     GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_INCREMENT, .key = key, .amount = amount };

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  return mkv_store_run_for_number (self, &write, number, cancellable, error);
}

/**
 * mkv_store_increment_async:
 * @self: a store
 * @key: the key
 * @amount: what to add
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Adds to a number; see [method@Store.increment].
 *
 * Since: 0.1
 */
void
mkv_store_increment_async (MkvStore *self, const char *key, gint64 amount, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);

  write = mkv_write_new (MKV_WRITE_INCREMENT, key, NULL);
  write->amount = amount;
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_increment_async);
}

/**
 * mkv_store_increment_finish:
 * @self: a store
 * @result: what the callback was given
 * @number: (out) (optional): what the key holds now
 * @error: return location for an error
 *
 * Ends [method@Store.increment_async].
 *
 * Returns: as [method@Store.increment]
 *
 * Since: 0.1
 */
gboolean
mkv_store_increment_finish (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error)
{
  return mkv_store_finish_number (self, result, number, error);
}

/**
 * mkv_store_decrement:
 * @self: a store
 * @key: the key
 * @amount: what to subtract
 * @number: (out) (optional): what the key holds now
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Subtracts from a number; see [method@Store.increment].
 *
 * Returns: as [method@Store.increment]
 *
 * Since: 0.1
 */
gboolean
mkv_store_decrement (MkvStore *self, const char *key, gint64 amount, gint64 *number, GCancellable *cancellable,
                     GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_DECREMENT, .key = key, .amount = amount };

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  return mkv_store_run_for_number (self, &write, number, cancellable, error);
}

/**
 * mkv_store_decrement_async:
 * @self: a store
 * @key: the key
 * @amount: what to subtract
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Subtracts from a number; see [method@Store.decrement].
 *
 * Since: 0.1
 */
void
mkv_store_decrement_async (MkvStore *self, const char *key, gint64 amount, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);

  write = mkv_write_new (MKV_WRITE_DECREMENT, key, NULL);
  write->amount = amount;
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_decrement_async);
}

/**
 * mkv_store_decrement_finish:
 * @self: a store
 * @result: what the callback was given
 * @number: (out) (optional): what the key holds now
 * @error: return location for an error
 *
 * Ends [method@Store.decrement_async].
 *
 * Returns: as [method@Store.decrement]
 *
 * Since: 0.1
 */
gboolean
mkv_store_decrement_finish (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error)
{
  return mkv_store_finish_number (self, result, number, error);
}

/**
 * mkv_store_append:
 * @self: a store
 * @key: the key
 * @octets: what to put behind the value
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Puts octets behind a value, without anybody getting in between. A key that is
 * not there counts as empty.
 *
 * Returns: (transfer full): the new value; %NULL with %MKV_ERROR_TOO_LARGE if it
 *   would be longer than 256 KiB
 *
 * Since: 0.1
 */
GBytes *
mkv_store_append (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_APPEND, .key = key, .value = octets };

  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (octets != NULL, NULL);

  return mkv_store_run_for_value (self, &write, cancellable, error);
}

/**
 * mkv_store_append_async:
 * @self: a store
 * @key: the key
 * @octets: what to put behind the value
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Puts octets behind a value; see [method@Store.append].
 *
 * Since: 0.1
 */
void
mkv_store_append_async (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (octets != NULL);

  write = mkv_write_new (MKV_WRITE_APPEND, key, octets);
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_append_async);
}

/**
 * mkv_store_append_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.append_async].
 *
 * Returns: (transfer full): as [method@Store.append]
 *
 * Since: 0.1
 */
GBytes *
mkv_store_append_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  return mkv_store_finish_value (self, result, error);
}

/**
 * mkv_store_prepend:
 * @self: a store
 * @key: the key
 * @octets: what to put before the value
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Puts octets before a value; see [method@Store.append].
 *
 * Returns: (transfer full): as [method@Store.append]
 *
 * Since: 0.1
 */
GBytes *
mkv_store_prepend (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_PREPEND, .key = key, .value = octets };

  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (octets != NULL, NULL);

  return mkv_store_run_for_value (self, &write, cancellable, error);
}

/**
 * mkv_store_prepend_async:
 * @self: a store
 * @key: the key
 * @octets: what to put before the value
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Puts octets before a value; see [method@Store.prepend].
 *
 * Since: 0.1
 */
void
mkv_store_prepend_async (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (octets != NULL);

  write = mkv_write_new (MKV_WRITE_PREPEND, key, octets);
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_prepend_async);
}

/**
 * mkv_store_prepend_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.prepend_async].
 *
 * Returns: (transfer full): as [method@Store.prepend]
 *
 * Since: 0.1
 */
GBytes *
mkv_store_prepend_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  return mkv_store_finish_value (self, result, error);
}
