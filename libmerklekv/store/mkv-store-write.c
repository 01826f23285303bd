/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The half of MkvStore that writes values: each function makes an MkvWrite and
 * submits it. A synchronous one borrows its arguments, an asynchronous one
 * copies them.
 */
#include "store/mkv-store-submit-private.h"

/**
 * mkv_store_set:
 * @self: a store
 * @key: the key
 * @value: the value, at most 256 KiB
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Writes a value.
 *
 * Returns: whether it was written; if not, @error is
 *   %MKV_ERROR_INVALID_ARGUMENT, %MKV_ERROR_TOO_LARGE, %MKV_ERROR_UNAVAILABLE or
 *   the storage's own
 *
 * Since: 0.1
 */
gboolean
mkv_store_set (MkvStore *self, const char *key, GBytes *value, GCancellable *cancellable, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_SET, .key = key, .value = value };

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  return mkv_store_run (self, &write, cancellable, error);
}

/**
 * mkv_store_set_async:
 * @self: a store
 * @key: the key
 * @value: the value, at most 256 KiB
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Writes a value; see [method@Store.set].
 *
 * Since: 0.1
 */
void
mkv_store_set_async (MkvStore *self, const char *key, GBytes *value, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (value != NULL);

  write = mkv_write_new (MKV_WRITE_SET, key, value);
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_set_async);
}

/**
 * mkv_store_set_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.set_async].
 *
 * Returns: as [method@Store.set]
 *
 * Since: 0.1
 */
gboolean
mkv_store_set_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  return mkv_store_finish (self, result, error);
}

/**
 * mkv_store_set_many:
 * @self: a store
 * @keys: (array zero-terminated=1): 1 to 256 keys, each once
 * @values: (element-type GBytes): a value for each of @keys
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Writes several values, all or none of them.
 *
 * Returns: whether they were written; if not, none was
 *
 * Since: 0.1
 */
gboolean
mkv_store_set_many (MkvStore *self, const char *const *keys, GPtrArray *values, GCancellable *cancellable,
                    GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_SET_MANY, .keys = keys, .values = values };

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (keys != NULL, FALSE);
  g_return_val_if_fail (values != NULL, FALSE);

  return mkv_store_run (self, &write, cancellable, error);
}

/**
 * mkv_store_set_many_async:
 * @self: a store
 * @keys: (array zero-terminated=1): 1 to 256 keys, each once
 * @values: (element-type GBytes): a value for each of @keys
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Writes several values; see [method@Store.set_many].
 *
 * Since: 0.1
 */
void
mkv_store_set_many_async (MkvStore *self, const char *const *keys, GPtrArray *values, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (keys != NULL);
  g_return_if_fail (values != NULL);

  write = mkv_write_new (MKV_WRITE_SET_MANY, NULL, NULL);
  write->keys = (const char *const *) g_strdupv ((char **) keys);
  write->values = g_ptr_array_copy (values, (GCopyFunc) (void (*) (void)) g_bytes_ref, NULL);
  g_ptr_array_set_free_func (write->values, (GDestroyNotify) g_bytes_unref);
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_set_many_async);
}

/**
 * mkv_store_set_many_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.set_many_async].
 *
 * Returns: as [method@Store.set_many]
 *
 * Since: 0.1
 */
gboolean
mkv_store_set_many_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  return mkv_store_finish (self, result, error);
}

/**
 * mkv_store_delete:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up, until the write is on its way
 * @error: return location for an error
 *
 * Deletes a key, here and, in time, on every replica. One that is not there is
 * deleted all the same: another replica may have it.
 *
 * Returns: whether it was deleted
 *
 * Since: 0.1
 */
gboolean
mkv_store_delete (MkvStore *self, const char *key, GCancellable *cancellable, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_DELETE, .key = key };

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  return mkv_store_run (self, &write, cancellable, error);
}

/**
 * mkv_store_delete_async:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up, until the write is on its way
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Deletes a key; see [method@Store.delete].
 *
 * Since: 0.1
 */
void
mkv_store_delete_async (MkvStore *self, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  MkvWrite *write;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);

  write = mkv_write_new (MKV_WRITE_DELETE, key, NULL);
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_delete_async);
}

/**
 * mkv_store_delete_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.delete_async].
 *
 * Returns: as [method@Store.delete]
 *
 * Since: 0.1
 */
gboolean
mkv_store_delete_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  return mkv_store_finish (self, result, error);
}
