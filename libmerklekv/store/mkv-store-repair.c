/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A storage repairs what it can't read; what its entries then contradict is
 * repaired here: the store's own records.
 */
#include "config.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-task-private.h"
#include "security/mkv-seal-record-private.h"
#include "storage/mkv-storage-job-private.h"
#include "store/mkv-decision-private.h"
#include "store/mkv-local-store.h"
#include "store/mkv-store-outbox-private.h"
#include "store/mkv-store-record-private.h"

#define PAGE 256

/* What a thread is to repair. */
typedef struct
{
  MkvStorage *storage;
  char *path;
  GVariant *options;
  MkvProgress *progress;
} Job;

typedef struct
{
  MkvStorage *storage;
  GCancellable *cancellable;
  GPtrArray *done; /* what was done, of char * */
  char *node_id;   /* NULL where the storage has none */
  gint64 last_seq; /* the greatest of an own entry */
} Repair;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_object_unref (job->storage);
  g_free (job->path);
  g_clear_pointer (&job->options, g_variant_unref);
  g_free (job);
}

/* The entry as its content says; NULL where it is that, or can't be. */
static MkvEntry *
mend (MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  MkvEntry *again = mkv_entry_new (mkv_entry_get_key (entry), mkv_entry_get_value (entry), stamp->timestamp,
                                   stamp->node_id, stamp->seq, NULL);

  if (again != NULL && memcmp (mkv_entry_peek_digest (again), mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES) == 0)
    g_clear_pointer (&again, mkv_entry_unref);
  return again;
}

static gboolean
repair_entries (Repair *self, GError **error)
{
  g_autofree char *after = NULL;
  guint64 n_mended = 0;
  guint n;

  do
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
      page = mkv_storage_scan (self->storage, NULL, after, PAGE, error);
      if (page == NULL)
        return FALSE;
      n = page->len;
      for (guint i = 0; i < n; i++)
        {
          const MkvStamp *stamp = mkv_entry_get_stamp (page->pdata[i]);
          g_autoptr (MkvEntry) mended = mend (page->pdata[i]);

          if (mended != NULL)
            mkv_storage_batch_put (batch, mended);
          if (g_strcmp0 (stamp->node_id, self->node_id) == 0)
            self->last_seq = MAX (self->last_seq, stamp->seq);
        }
      n_mended += mkv_storage_batch_get_entries (batch)->len;
      if (mkv_storage_batch_get_entries (batch)->len > 0 && !mkv_storage_apply (self->storage, batch, error))
        return FALSE;
      if (n > 0)
        {
          g_free (after);
          after = g_strdup (mkv_entry_get_key (page->pdata[n - 1]));
        }
    }
  while (n == PAGE);
  if (n_mended > 0)
    g_ptr_array_add (self->done, g_strdup_printf (_("Computed the digests of %" PRIu64 " entries anew"), n_mended));
  return TRUE;
}

static gboolean
repair_outbox (Repair *self, GError **error)
{
  g_autofree char *after = NULL;
  guint64 n_removed = 0;
  guint n;

  do
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
      page = mkv_storage_scan_meta (self->storage, MKV_OUTBOX_PREFIX, after, PAGE, error);
      if (page == NULL)
        return FALSE;
      n = page->len;
      for (guint i = 0; i < n; i++)
        {
          g_autoptr (MkvEntry) entry = NULL;

          if (!mkv_store_outbox_get_entry (self->storage, self->node_id, page->pdata[i], &entry, error))
            return FALSE;
          if (entry == NULL)
            mkv_storage_batch_set_meta (batch, page->pdata[i], NULL);
        }
      n_removed += mkv_storage_batch_get_n_meta (batch);
      if (mkv_storage_batch_get_n_meta (batch) > 0 && !mkv_storage_apply (self->storage, batch, error))
        return FALSE;
      if (n > 0)
        {
          g_free (after);
          after = g_strdup (page->pdata[n - 1]);
        }
    }
  while (n == PAGE);
  if (n_removed > 0)
    g_ptr_array_add (self->done,
                     g_strdup_printf (_("Removed %" PRIu64 " marks from the outbox whose entries are not there"),
                                      n_removed));
  return TRUE;
}

static gboolean
repair_clock (Repair *self, const MkvStoreRecord *record, gboolean damaged, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  gint64 seq = MAX (record->seq, self->last_seq);

  if (seq == record->seq && !damaged)
    return TRUE;
  /* The store goes on from the time of now where that is more. */
  mkv_store_record_add_clock (batch, seq, record->clock_high);
  if (!mkv_storage_apply (self->storage, batch, error))
    return FALSE;
  g_ptr_array_add (self->done, g_strdup_printf (_("Recorded %" PRId64 " as the last seq of this node's"), seq));
  return TRUE;
}

static gboolean
repair_open (Repair *self, GError **error)
{
  g_auto (MkvStoreRecord) record = { 0 };
  gboolean damaged;

  /* What is encrypted, and was opened without its key, would be mended to death. */
  if (!mkv_seal_record_check_absent (self->storage, error) ||
      !mkv_store_record_read (&record, self->storage, &damaged, error))
    return FALSE;
  self->node_id = g_steal_pointer (&record.node_id);
  return repair_entries (self, error) && repair_outbox (self, error) && repair_clock (self, &record, damaged, error);
}

static char **
repair (const Job *job, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) done = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *node_id = NULL;
  Repair self = { .storage = job->storage, .cancellable = cancellable, .done = done };
  GError *local_error = NULL;
  const MkvStorageJob storage_job = { job->progress, cancellable };
  g_auto (GStrv) by_storage = NULL;
  gboolean repaired;

  mkv_storage_set_job (&storage_job);
  by_storage = mkv_storage_repair (job->storage, job->path, job->options, &local_error);
  mkv_storage_set_job (NULL);
  if (by_storage == NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED))
    {
      g_propagate_error (error, local_error);
      return NULL;
    }
  g_clear_error (&local_error);
  for (guint i = 0; by_storage != NULL && by_storage[i] != NULL; i++)
    g_ptr_array_add (done, g_strdup (by_storage[i]));
  if (!mkv_storage_open (job->storage, job->path, job->options, error))
    return NULL;
  repaired = repair_open (&self, error);
  node_id = self.node_id;
  if (!mkv_storage_close (job->storage, repaired ? error : NULL) || !repaired)
    return NULL;
  g_ptr_array_add (done, NULL);
  return g_strdupv ((char **) done->pdata);
}

static void
repair_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  char **done = repair (task_data, cancellable, &error);

  mkv_progress_end (((Job *) task_data)->progress);
  if (done != NULL)
    g_task_return_pointer (task, done, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_repair_async:
 * @storage: a storage that is not open
 * @path: (type filename): its folder
 * @options: (nullable): as for [method@Storage.open]
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how far it is, in what the storage counts, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Makes of a damaged folder one that a store can be opened from: what the storage
 * can't read is set aside (see [method@Storage.repair]), and what the store has
 * recorded of its seq and outbox is made to fit what is left.
 *
 * Since: 0.1
 */
void
mkv_local_store_repair_async (MkvStorage *storage, const char *path, GVariant *options, MkvProgressFunc progress,
                              gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  Job *job;

  g_return_if_fail (MKV_IS_STORAGE (storage));
  g_return_if_fail (path != NULL);

  task = g_task_new (NULL, cancellable, callback, user_data);
  job = g_new0 (Job, 1);
  job->storage = g_object_ref (storage);
  job->path = g_strdup (path);
  job->options = options != NULL ? g_variant_ref_sink (options) : NULL;
  job->progress = mkv_progress_new (progress, progress_data, progress_destroy);
  g_task_set_source_tag (task, mkv_local_store_repair_async);
  /* What was done when it was cancelled is done. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, job, job_free);
  mkv_task_run_in_thread (task, repair_in_thread);
}

/**
 * mkv_local_store_repair_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [func@LocalStore.repair_async].
 *
 * Returns: (transfer full) (array zero-terminated=1): what was done, one sentence
 *   each, for people; empty if nothing was wrong; %NULL if it could not be done, or
 *   with %MKV_ERROR_UNAVAILABLE if a process has the storage open
 *
 * Since: 0.1
 */
char **
mkv_local_store_repair_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
