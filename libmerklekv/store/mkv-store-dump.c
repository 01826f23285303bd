/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The half of MkvStore that writes all of its contents down, and takes them in
 * again.
 */
#include "mkv-enum-types.h"
#include "base/mkv-progress-private.h"
#include "base/mkv-task-private.h"
#include "store/mkv-store-private.h"

/* What a thread is to dump or load. */
typedef struct
{
  GObject *stream;
  MkvDumpFormat format;
  char *prefix;
  MkvProgress *progress;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_object_unref (job->stream);
  g_free (job->prefix);
  g_free (job);
}

static gboolean
dump (MkvStore *self, const Job *job, GCancellable *cancellable, GError **error)
{
  return mkv_store_prefix_check (job->prefix, error) && ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))
      ->dump (self, G_OUTPUT_STREAM (job->stream), job->format, job->prefix, job->progress, cancellable, error);
}

static MkvLoadReport *
load (MkvStore *self, const Job *job, GCancellable *cancellable, GError **error)
{
  return ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))
      ->load (self, G_INPUT_STREAM (job->stream), job->format, job->progress, cancellable, error);
}

static void
start (MkvStore *self, gpointer stream, MkvDumpFormat format, const char *prefix, MkvProgress *progress,
       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data, gpointer tag,
       GTaskThreadFunc in_thread)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Job *job = g_new0 (Job, 1);

  job->stream = g_object_ref (stream);
  job->format = format;
  job->prefix = g_strdup (prefix);
  job->progress = progress;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, job, job_free);
  mkv_task_run_in_thread (task, in_thread);
}

static void
dump_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Job *job = task_data;
  GError *error = NULL;
  gboolean done = dump (source, job, cancellable, &error);

  mkv_progress_end (job->progress);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
load_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Job *job = task_data;
  GError *error = NULL;
  MkvLoadReport *report = load (source, job, cancellable, &error);

  mkv_progress_end (job->progress);
  if (report != NULL)
    g_task_return_pointer (task, report, (GDestroyNotify) mkv_load_report_free);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_store_dump:
 * @self: a store
 * @stream: where to
 * @format: how
 * @prefix: (nullable): what the keys begin with
 * @progress: (nullable) (scope call) (closure progress_data): is told how many
 *   entries have been written, in the calling thread
 * @progress_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Writes down what the store holds, in the order of the keys: entries with their
 * stamps and, but for dconf, deletions, so that loading them elsewhere, or later,
 * takes nothing back that is newer there. What is written to the store meanwhile
 * may be among it or not. @stream is flushed, but not closed.
 *
 * Returns: whether all was written
 *
 * Since: 0.1
 */
gboolean
mkv_store_dump (MkvStore *self, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                MkvProgressFunc progress, gpointer progress_data, GCancellable *cancellable, GError **error)
{
  Job job = { .stream = G_OBJECT (stream), .format = format, .prefix = (char *) prefix };
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORE (self), FALSE);
  g_return_val_if_fail (G_IS_OUTPUT_STREAM (stream), FALSE);

  job.progress = mkv_progress_new_direct (progress, progress_data);
  done = dump (self, &job, cancellable, error);
  mkv_progress_end (job.progress);
  return done;
}

/**
 * mkv_store_dump_async:
 * @self: a store
 * @stream: where to
 * @format: how
 * @prefix: (nullable): what the keys begin with
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how many entries have been written, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Writes down what the store holds; see [method@Store.dump]. @stream is written
 * to in a thread, and nobody else may use it until @callback is called.
 *
 * Since: 0.1
 */
void
mkv_store_dump_async (MkvStore *self, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                      MkvProgressFunc progress, gpointer progress_data, GDestroyNotify progress_destroy,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (G_IS_OUTPUT_STREAM (stream));

  start (self, stream, format, prefix, mkv_progress_new (progress, progress_data, progress_destroy), cancellable,
         callback, user_data, mkv_store_dump_async, dump_in_thread);
}

/**
 * mkv_store_dump_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.dump_async].
 *
 * Returns: as [method@Store.dump]
 *
 * Since: 0.1
 */
gboolean
mkv_store_dump_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mkv_store_load:
 * @self: a store
 * @stream: where from
 * @format: how it was written down
 * @progress: (nullable) (scope call) (closure progress_data): is told how many octets
 *   have been read, in the calling thread
 * @progress_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Takes in what was written down. An entry with a stamp takes the place of an
 * older one, here or at any replica, and is nothing new to one that has it or a
 * newer one: to load twice, or again after an interruption, does no harm. What
 * has no stamp is written now. A line that can't be taken is counted, and does
 * not keep out the others.
 *
 * Returns: (transfer full): what became of it; %NULL if @stream could not be read
 *   or the store not be written; what was loaded until then stays
 *
 * Since: 0.1
 */
MkvLoadReport *
mkv_store_load (MkvStore *self, GInputStream *stream, MkvDumpFormat format, MkvProgressFunc progress,
                gpointer progress_data, GCancellable *cancellable, GError **error)
{
  Job job = { .stream = G_OBJECT (stream), .format = format };
  MkvLoadReport *report;

  g_return_val_if_fail (MKV_IS_STORE (self), NULL);
  g_return_val_if_fail (G_IS_INPUT_STREAM (stream), NULL);

  job.progress = mkv_progress_new_direct (progress, progress_data);
  report = load (self, &job, cancellable, error);
  mkv_progress_end (job.progress);
  return report;
}

/**
 * mkv_store_load_async:
 * @self: a store
 * @stream: where from
 * @format: how it was written down
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how many octets have been read, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Takes in what was written down; see [method@Store.load]. @stream is read in a
 * thread, and nobody else may use it until @callback is called.
 *
 * Since: 0.1
 */
void
mkv_store_load_async (MkvStore *self, GInputStream *stream, MkvDumpFormat format, MkvProgressFunc progress,
                      gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (G_IS_INPUT_STREAM (stream));

  start (self, stream, format, NULL, mkv_progress_new (progress, progress_data, progress_destroy), cancellable,
         callback, user_data, mkv_store_load_async, load_in_thread);
}

/**
 * mkv_store_load_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Store.load_async].
 *
 * Returns: (transfer full): as [method@Store.load]
 *
 * Since: 0.1
 */
MkvLoadReport *
mkv_store_load_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
