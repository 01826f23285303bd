/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The writing half of MkvStore: each function makes an MkvWrite and hands it
 * to the store. A synchronous one borrows its arguments, an asynchronous one
 * copies them.
 */
#include "store/mkv-store-private.h"

#include "base/mkv-error.h"

gboolean
mkv_store_submit (MkvStore *self, MkvWrite *write, GCancellable *cancellable)
{
  return mkv_write_check (write, &write->error) &&
         ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->write (self, write, cancellable);
}

static gboolean
run (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  if (mkv_store_submit (self, write, cancellable))
    return TRUE;
  g_propagate_error (error, write->error);
  return FALSE;
}

static gboolean
run_plain (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  gboolean done = run (self, write, cancellable, error);

  g_clear_pointer (&write->entry, mkv_entry_unref);
  return done;
}

static GBytes *
run_for_value (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  GBytes *value = NULL;

  if (run (self, write, cancellable, error))
    value = g_bytes_ref (mkv_entry_get_value (write->entry));
  g_clear_pointer (&write->entry, mkv_entry_unref);
  return value;
}

/* Takes @write. */
static void
start (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GAsyncReadyCallback callback,
       gpointer user_data, gpointer tag)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  /* A write that was done is not undone because the caller gave up meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  if (mkv_write_check (write, &write->error))
    ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->write_async (self, write, task);
  else
    g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
}

static MkvWrite *
finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write = mkv_store_submit_finish (self, result);

  if (write->error == NULL)
    return write;
  g_propagate_error (error, g_steal_pointer (&write->error));
  mkv_write_free (write);
  return NULL;
}

static gboolean
finish_plain (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write = finish (self, result, error);

  if (write == NULL)
    return FALSE;
  mkv_write_free (write);
  return TRUE;
}

static gboolean
finish_number (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error)
{
  MkvWrite *write;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  write = finish (self, result, error);
  if (write == NULL)
    return FALSE;
  if (number != NULL)
    *number = write->number;
  mkv_write_free (write);
  return TRUE;
}

static GBytes *
finish_value (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write;
  GBytes *value;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  write = finish (self, result, error);
  if (write == NULL)
    return NULL;
  value = g_bytes_ref (mkv_entry_get_value (write->entry));
  mkv_write_free (write);
  return value;
}

void
mkv_store_submit_async (MkvStore *self, MkvWrite *write, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  start (self, write, cancellable, callback, user_data, mkv_store_submit_async);
}

MkvWrite *
mkv_store_submit_finish (MkvStore *self, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

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

  return run_plain (self, &write, cancellable, error);
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
  start (self, write, cancellable, callback, user_data, mkv_store_set_async);
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
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return finish_plain (self, result, error);
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

  return run_plain (self, &write, cancellable, error);
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
  start (self, write, cancellable, callback, user_data, mkv_store_set_many_async);
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
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return finish_plain (self, result, error);
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

  return run_plain (self, &write, cancellable, error);
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
  start (self, write, cancellable, callback, user_data, mkv_store_delete_async);
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
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return finish_plain (self, result, error);
}

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
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  done = run_plain (self, &write, cancellable, error);
  if (done && number != NULL)
    *number = write.number;
  return done;
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
  start (self, write, cancellable, callback, user_data, mkv_store_increment_async);
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
  return finish_number (self, result, number, error);
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
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  done = run_plain (self, &write, cancellable, error);
  if (done && number != NULL)
    *number = write.number;
  return done;
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
  start (self, write, cancellable, callback, user_data, mkv_store_decrement_async);
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
  return finish_number (self, result, number, error);
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

  return run_for_value (self, &write, cancellable, error);
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
  start (self, write, cancellable, callback, user_data, mkv_store_append_async);
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
  return finish_value (self, result, error);
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

  return run_for_value (self, &write, cancellable, error);
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
  start (self, write, cancellable, callback, user_data, mkv_store_prepend_async);
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
  return finish_value (self, result, error);
}
