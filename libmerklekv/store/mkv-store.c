/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-store-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-task-private.h"
#include "mkv-enum-types.h"
#include "model/mkv-names.h"

/**
 * MkvStore:
 *
 * Keys and their values, near or far: the same functions whether the store is
 * in this process ([class@LocalStore]) or another's.
 *
 * Every function that may wait has an `_async` twin, whose callback comes in
 * the context that is thread-default where it was called. Synchronous ones may
 * be called from any thread, also from a handler of [signal@Store::changed].
 *
 * Since: 0.1
 */
G_DEFINE_ABSTRACT_TYPE (MkvStore, mkv_store, G_TYPE_OBJECT)

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
mkv_store_class_init (MkvStoreClass *klass)
{
  /**
   * MkvStore::changed:
   * @self: the store
   * @entry: what the key holds now
   * @origin: where it came from
   *
   * An entry was written, here or at another node. Of several writes of one key
   * in quick succession only the last may be told. The detail is the key:
   * `changed::colour` tells of the key `colour` alone.
   *
   * Comes in the context of the store, with no lock held: a handler may read
   * and write.
   *
   * Since: 0.1
   */
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass),
                                          G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                          2, MKV_TYPE_ENTRY, MKV_TYPE_ORIGIN);
}

static void
mkv_store_init (MkvStore *self)
{
}

/* No quark is made for a key: one that does not exist has no handler. */
void
mkv_store_emit_changed (MkvStore *self, MkvEntry *entry, MkvOrigin origin)
{
  g_signal_emit (self, signals[SIGNAL_CHANGED], g_quark_try_string (mkv_entry_get_key (entry)), entry, origin);
}

/* g_signal_has_handler_pending() would leave out those that wait for one key. */
gboolean
mkv_store_has_changed_handlers (MkvStore *self)
{
  return g_signal_handler_find (self, G_SIGNAL_MATCH_ID, signals[SIGNAL_CHANGED], 0, NULL, NULL, NULL) != 0;
}

gboolean
mkv_store_prefix_check (const char *prefix, GError **error)
{
  if (prefix == NULL || g_utf8_validate (prefix, -1, NULL))
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("What keys begin with is valid UTF-8"));
  return FALSE;
}

static void
read_free (gpointer data)
{
  MkvRead *read = data;

  g_free (read->key);
  g_strfreev (read->keys);
  g_free (read->prefix);
  g_free (read->after);
  g_free (read);
}

static gboolean
check_keys (const char *const *keys, GError **error)
{
  for (; *keys != NULL; keys++)
    if (!mkv_key_check (*keys, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_list (const char *prefix, const char *after, guint limit, GError **error)
{
  if (limit < 1 || limit > MKV_MAX_LIST_KEYS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("Between 1 and %d keys are listed at once, not %u"), MKV_MAX_LIST_KEYS, limit);
      return FALSE;
    }
  return mkv_store_prefix_check (prefix, error) && mkv_store_prefix_check (after, error);
}

static gboolean
check_read (const MkvRead *read, GError **error)
{
  if (read->key != NULL)
    return mkv_key_check (read->key, error);
  if (read->keys != NULL)
    return check_keys ((const char *const *) read->keys, error);
  return check_list (read->prefix, read->after, read->limit, error);
}

/* Takes @read. */
static void
start_read (MkvStore *self, MkvRead *read, GCancellable *cancellable, GAsyncReadyCallback callback,
            gpointer user_data, gpointer tag, GTaskThreadFunc in_thread)
{
  MkvStoreClass *klass = (MkvStoreClass *) G_OBJECT_GET_CLASS (self);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, read, read_free);
  if (!check_read (read, &error))
    g_task_return_error (task, error);
  else if (klass->read_async != NULL)
    klass->read_async (self, read, task);
  else
    mkv_task_run_in_thread (task, in_thread);
}

static MkvEntry *
get_entry (MkvStore *self, const char *key, GCancellable *cancellable, GError **error)
{
  if (!mkv_key_check (key, error) ||
      (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error)))
    return NULL;
  return ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->get_entry (self, key, cancellable, error);
}

static void
get_entry_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MkvRead *read = task_data;
  GError *error = NULL;
  MkvEntry *entry = get_entry (source, read->key, cancellable, &error);

  if (entry != NULL)
    g_task_return_pointer (task, entry, (GDestroyNotify) mkv_entry_unref);
  else
    g_task_return_error (task, error);
}

static void
get_entry_async (MkvStore *self, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback,
                 gpointer user_data, gpointer tag)
{
  MkvRead *read = g_new0 (MkvRead, 1);

  read->key = g_strdup (key);
  start_read (self, read, cancellable, callback, user_data, tag, get_entry_in_thread);
}

static GBytes *
take_value (MkvEntry *entry)
{
  GBytes *value;

  if (entry == NULL)
    return NULL;
  value = g_bytes_ref (mkv_entry_get_value (entry));
  mkv_entry_unref (entry);
  return value;
}

/**
 * mkv_store_get:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Reads the value of a key.
 *
 * Returns: (transfer full): the value; %NULL with %MKV_ERROR_NOT_FOUND if the
 *   key is not there or was deleted
 *
 * Since: 0.1
 */
GBytes *
mkv_store_get (MkvStore *self, const char *key, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return take_value (get_entry (self, key, cancellable, error));
}

/**
 * mkv_store_get_async:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Reads the value of a key; see [method@Store.get].
 *
 * Since: 0.1
 */
void
mkv_store_get_async (MkvStore *self, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);

  get_entry_async (self, key, cancellable, callback, user_data, mkv_store_get_async);
}

/**
 * mkv_store_get_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.get_async].
 *
 * Returns: (transfer full): as [method@Store.get]
 *
 * Since: 0.1
 */
GBytes *
mkv_store_get_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return take_value (g_task_propagate_pointer (G_TASK (result), error));
}

/**
 * mkv_store_get_entry:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Reads the value of a key, and when and by whom it was written.
 *
 * Returns: (transfer full): the entry, never a tombstone; %NULL with
 *   %MKV_ERROR_NOT_FOUND if the key is not there or was deleted
 *
 * Since: 0.1
 */
MkvEntry *
mkv_store_get_entry (MkvStore *self, const char *key, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return get_entry (self, key, cancellable, error);
}

/**
 * mkv_store_get_entry_async:
 * @self: a store
 * @key: the key
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Reads the entry of a key; see [method@Store.get_entry].
 *
 * Since: 0.1
 */
void
mkv_store_get_entry_async (MkvStore *self, const char *key, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);

  get_entry_async (self, key, cancellable, callback, user_data, mkv_store_get_entry_async);
}

/**
 * mkv_store_get_entry_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.get_entry_async].
 *
 * Returns: (transfer full): as [method@Store.get_entry]
 *
 * Since: 0.1
 */
MkvEntry *
mkv_store_get_entry_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * mkv_store_get_many:
 * @self: a store
 * @keys: (array zero-terminated=1): the keys
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Reads several keys.
 *
 * Returns: (transfer container) (element-type MkvEntry): the entries of those
 *   that are there, in the order of @keys
 *
 * Since: 0.1
 */
GPtrArray *
mkv_store_get_many (MkvStore *self, const char *const *keys, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (keys != NULL, NULL);

  if (!check_keys (keys, error) || g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  return ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->get_many (self, keys, cancellable, error);
}

static void
get_many_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MkvRead *read = task_data;
  GError *error = NULL;
  GPtrArray *entries = mkv_store_get_many (source, (const char *const *) read->keys, cancellable, &error);

  if (entries != NULL)
    g_task_return_pointer (task, entries, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_store_get_many_async:
 * @self: a store
 * @keys: (array zero-terminated=1): the keys
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Reads several keys; see [method@Store.get_many].
 *
 * Since: 0.1
 */
void
mkv_store_get_many_async (MkvStore *self, const char *const *keys, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  MkvRead *read;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (keys != NULL);

  read = g_new0 (MkvRead, 1);
  read->keys = g_strdupv ((char **) keys);
  start_read (self, read, cancellable, callback, user_data, mkv_store_get_many_async,
              get_many_in_thread);
}

/**
 * mkv_store_get_many_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.get_many_async].
 *
 * Returns: (transfer container) (element-type MkvEntry): as [method@Store.get_many]
 *
 * Since: 0.1
 */
GPtrArray *
mkv_store_get_many_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * mkv_store_list_keys:
 * @self: a store
 * @prefix: (nullable): what the keys begin with
 * @after: (nullable): a key; the list begins behind it
 * @limit: how many keys at most, 1 to 1,000
 * @more: (out) (optional): whether there are others behind the last
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Lists the keys that are there, in bytewise order. For the next page, give the
 * last key of this one as @after.
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys; %NULL with
 *   %MKV_ERROR_INVALID_ARGUMENT if @limit is none, or the others are not UTF-8
 *
 * Since: 0.1
 */
char **
mkv_store_list_keys (MkvStore *self, const char *prefix, const char *after, guint limit, gboolean *more,
                     GCancellable *cancellable, GError **error)
{
  gboolean ignored;

  g_return_val_if_fail (MKV_IS_STORE (self), NULL);

  if (!check_list (prefix, after, limit, error))
    return NULL;
  return ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))
      ->list_keys (self, prefix, after, limit, more != NULL ? more : &ignored, cancellable, error);
}

static void
list_keys_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MkvRead *read = task_data;
  GError *error = NULL;
  char **keys = mkv_store_list_keys (source, read->prefix, read->after, read->limit, &read->more, cancellable,
                                     &error);

  if (keys != NULL)
    g_task_return_pointer (task, keys, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_store_list_keys_async:
 * @self: a store
 * @prefix: (nullable): what the keys begin with
 * @after: (nullable): a key; the list begins behind it
 * @limit: how many keys at most, 1 to 1,000
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Lists keys; see [method@Store.list_keys].
 *
 * Since: 0.1
 */
void
mkv_store_list_keys_async (MkvStore *self, const char *prefix, const char *after, guint limit,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  MkvRead *read;

  g_return_if_fail (MKV_IS_STORE (self));

  read = g_new0 (MkvRead, 1);
  read->prefix = g_strdup (prefix);
  read->after = g_strdup (after);
  read->limit = limit;
  start_read (self, read, cancellable, callback, user_data, mkv_store_list_keys_async,
              list_keys_in_thread);
}

/**
 * mkv_store_list_keys_finish:
 * @self: a store
 * @result: what the callback was given
 * @more: (out) (optional): whether there are others behind the last
 * @error: return location for an error
 *
 * Ends [method@Store.list_keys_async].
 *
 * Returns: (transfer full) (array zero-terminated=1): as
 *   [method@Store.list_keys]
 *
 * Since: 0.1
 */
char **
mkv_store_list_keys_finish (MkvStore *self, GAsyncResult *result, gboolean *more, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  if (more != NULL)
    *more = ((MkvRead *) g_task_get_task_data (G_TASK (result)))->more;
  return g_task_propagate_pointer (G_TASK (result), error);
}
