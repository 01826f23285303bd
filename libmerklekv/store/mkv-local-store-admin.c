/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What who looks after an open store asks of it. Each runs in a thread; what has
 * to have the storage for itself waits for its turn among the commits.
 */
#include "config.h"

#include "base/mkv-task-private.h"
#include "storage/mkv-storage-job-private.h"
#include "store/mkv-decision-private.h"
#include "store/mkv-local-store-private.h"
#include "store/mkv-store-check-private.h"
#include "store/mkv-store-record-private.h"

/* Names of the outbox that are counted at once. */
#define OUTBOX_PAGE 1024

static gboolean
count_outbox (MkvStorage *storage, gint64 *n_marks, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;
  guint n;

  *n_marks = 0;
  do
    {
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      page = mkv_storage_scan_meta (storage, MKV_OUTBOX_PREFIX, after, OUTBOX_PAGE, error);
      if (page == NULL)
        return FALSE;
      n = page->len;
      *n_marks += n;
      if (n > 0)
        {
          g_free (after);
          after = g_strdup (page->pdata[n - 1]);
        }
    }
  while (n == OUTBOX_PAGE);
  return TRUE;
}

static void
add_number (GVariantDict *stats, const char *name, guint64 number)
{
  g_variant_dict_insert (stats, name, "x", (gint64) number);
}

static GVariant *
get_stats (MkvLocalStore *self, GCancellable *cancellable, GError **error)
{
  MkvStorage *storage = mkv_local_store_get_storage (self);
  MkvContents *contents = mkv_local_store_get_contents (self);
  g_auto (MkvStoreRecord) record = { 0 };
  g_autofree char *root = NULL;
  guint64 n_live, n_tombstones, n_bytes;
  MkvContentsState state;
  gint64 n_outbox;
  GVariantDict stats;

  if (!mkv_storage_stats (storage, &n_live, &n_tombstones, &n_bytes, error) ||
      !mkv_store_record_read (&record, storage, NULL, error) ||
      !count_outbox (storage, &n_outbox, cancellable, error))
    return NULL;
  mkv_contents_get_state (contents, &state);
  root = mkv_contents_dup_root (contents);

  g_variant_dict_init (&stats, NULL);
  g_variant_dict_insert (&stats, "node_id", "s", mkv_local_store_get_node_id (self));
  g_variant_dict_insert (&stats, "format", "s", record.format);
  add_number (&stats, "entries", n_live);
  /* The storage knows no graves. */
  add_number (&stats, "tombstones", n_tombstones - MIN (n_tombstones, state.n_graves));
  add_number (&stats, "graves", state.n_graves);
  add_number (&stats, "octets", n_bytes);
  add_number (&stats, "outbox", (guint64) n_outbox);
  add_number (&stats, "horizon", (guint64) state.horizon);
  add_number (&stats, "seq", (guint64) record.seq);
  g_variant_dict_insert (&stats, "root", "s", root);
  return g_variant_ref_sink (g_variant_dict_end (&stats));
}

static void
get_stats_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  GVariant *stats = get_stats (source, cancellable, &error);

  if (stats != NULL)
    g_task_return_pointer (task, stats, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_get_stats_async:
 * @self: a store
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * Counts what the store holds. The result is an `a{sv}` with the strings
 * `node_id`, `format` and `root`, and as 64 bit integers: `entries` (live ones),
 * `tombstones`, `graves` (tombstones that are older than the horizon), `octets`
 * (that the storage takes), `outbox` (entries that have not been replicated yet),
 * `horizon` (ms since 1970-01-01 UTC) and `seq` (the last one used). There may be
 * more in later versions.
 *
 * Since: 0.1
 */
void
mkv_local_store_get_stats_async (MkvLocalStore *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_LOCAL_STORE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_local_store_get_stats_async);
  mkv_task_run_in_thread (task, get_stats_in_thread);
}

/**
 * mkv_local_store_get_stats_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@LocalStore.get_stats_async].
 *
 * Returns: (transfer full): the numbers; %NULL if the storage can't be read
 *
 * Since: 0.1
 */
GVariant *
mkv_local_store_get_stats_finish (MkvLocalStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
verify_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  char **problems = mkv_store_check (source, task_data, cancellable, &error);

  mkv_progress_end (task_data);
  if (problems != NULL)
    g_task_return_pointer (task, problems, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_verify_async:
 * @self: a store
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how many entries have been looked at, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Reads everything and checks it against itself: what the storage can check, each
 * entry's limits and digest, the node's seq, the outbox, the tree. Others may
 * read and write meanwhile; while the tree is built afresh, which takes about a
 * second for a million entries, writes wait.
 *
 * Since: 0.1
 */
void
mkv_local_store_verify_async (MkvLocalStore *self, MkvProgressFunc progress, gpointer progress_data,
                              GDestroyNotify progress_destroy, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_LOCAL_STORE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_local_store_verify_async);
  g_task_set_task_data (task, mkv_progress_new (progress, progress_data, progress_destroy), NULL);
  mkv_task_run_in_thread (task, verify_in_thread);
}

/**
 * mkv_local_store_verify_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@LocalStore.verify_async].
 *
 * Returns: (transfer full) (array zero-terminated=1): what is wrong, one sentence
 *   each, for people; empty if all is well; %NULL if the storage can't be read
 *
 * Since: 0.1
 */
char **
mkv_local_store_verify_finish (MkvLocalStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* What is asked of the storage, and of what. */
typedef struct
{
  MkvStorage *storage;
  char *path; /* NULL where none is needed */
  MkvStorageJob job;
} StorageWork;

static void
storage_work_free (gpointer data)
{
  StorageWork *work = data;

  g_object_unref (work->storage);
  g_free (work->path);
  g_free (work);
}

static GTask *
storage_task_new (MkvLocalStore *self, const char *path, MkvProgress *progress, GCancellable *cancellable,
                  GAsyncReadyCallback callback, gpointer user_data, gpointer tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  StorageWork *work = g_new0 (StorageWork, 1);

  work->storage = g_object_ref (mkv_local_store_get_storage (self));
  work->path = g_strdup (path);
  work->job = (MkvStorageJob){ progress, cancellable };
  g_task_set_source_tag (task, tag);
  /* What was done when it was cancelled is done. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, work, storage_work_free);
  return task;
}

static void
compact (gpointer user_data, GError **error)
{
  StorageWork *work = user_data;

  mkv_storage_set_job (&work->job);
  mkv_storage_compact (work->storage, error);
  mkv_storage_set_job (NULL);
}

static void
compact_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  StorageWork *work = task_data;
  GError *error = NULL;
  gboolean done = mkv_local_store_call (source, compact, work, cancellable, &error);

  mkv_progress_end (work->job.progress);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_compact_async:
 * @self: a store
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how far it is, in what the storage counts, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up; the storage is as it was then
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Gives back the space of what was overwritten or removed; see
 * [method@Storage.compact]. Writes wait meanwhile.
 *
 * Since: 0.1
 */
void
mkv_local_store_compact_async (MkvLocalStore *self, MkvProgressFunc progress, gpointer progress_data,
                               GDestroyNotify progress_destroy, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_LOCAL_STORE (self));

  task = storage_task_new (self, NULL, mkv_progress_new (progress, progress_data, progress_destroy), cancellable,
                           callback, user_data, mkv_local_store_compact_async);
  mkv_task_run_in_thread (task, compact_in_thread);
}

/**
 * mkv_local_store_compact_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@LocalStore.compact_async].
 *
 * Returns: whether it was done; %FALSE with %MKV_ERROR_NOT_SUPPORTED if the
 *   storage has nothing to compact
 *
 * Since: 0.1
 */
gboolean
mkv_local_store_compact_finish (MkvLocalStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
backup_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  StorageWork *work = task_data;
  GError *error = NULL;
  gboolean done;

  mkv_storage_set_job (&work->job);
  done = mkv_storage_backup (work->storage, work->path, cancellable, &error);
  mkv_storage_set_job (NULL);
  mkv_progress_end (work->job.progress);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_backup_async:
 * @self: a store
 * @path: (type filename): a folder that is empty, or not there yet
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how far it is, in what the storage counts, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Writes a copy of the store as it is at one moment into a folder, while others
 * read and write; see [method@Storage.backup]. It is put back with
 * [func@LocalStore.restore_async].
 *
 * Since: 0.1
 */
void
mkv_local_store_backup_async (MkvLocalStore *self, const char *path, MkvProgressFunc progress,
                              gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_LOCAL_STORE (self));
  g_return_if_fail (path != NULL);

  task = storage_task_new (self, path, mkv_progress_new (progress, progress_data, progress_destroy), cancellable,
                           callback, user_data, mkv_local_store_backup_async);
  mkv_task_run_in_thread (task, backup_in_thread);
}

/**
 * mkv_local_store_backup_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@LocalStore.backup_async].
 *
 * Returns: whether the copy is there; %FALSE with %MKV_ERROR_NOT_SUPPORTED if the
 *   storage can't copy itself
 *
 * Since: 0.1
 */
gboolean
mkv_local_store_backup_finish (MkvLocalStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
