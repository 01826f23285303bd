/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A copy is made beside the folder, which is locked all the time, and put in its
 * place as a whole. The backup is only read.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mkv-clock.h"
#include "base/mkv-error.h"
#include "base/mkv-progress-private.h"
#include "base/mkv-task-private.h"
#include "model/mkv-names.h"
#include "security/mkv-seal-record-private.h"
#include "storage/mkv-storage-folder.h"
#include "store/mkv-decision-private.h"
#include "store/mkv-local-store.h"
#include "store/mkv-store-record-private.h"

#define COPY_BYTES (256 * 1024)
#define PAGE 256

/* What a thread is to restore. */
typedef struct
{
  MkvStorage *storage;
  char *path;
  GVariant *options;
  char *from;
  char *node_id;
  gboolean set_aside;
  MkvProgress *progress;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_object_unref (job->storage);
  g_free (job->path);
  g_clear_pointer (&job->options, g_variant_unref);
  g_free (job->from);
  g_free (job->node_id);
  g_free (job);
}

static gboolean G_GNUC_PRINTF (2, 3)
fail_with_errno (GError **error, const char *format, ...)
{
  int saved_errno = errno;
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  return mkv_storage_set_error_from_errno (error, saved_errno, what);
}

/* What a running storage has for itself alone. */
static gboolean
is_lock (const char *name)
{
  return g_str_equal (name, "lock") || g_str_equal (name, "lock.mdb");
}

/* The names of what is in a folder but locks. */
static GPtrArray *
list_folder (const char *path, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  if (folder == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is no folder %s that can be read"), path);
      return NULL;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    if (!is_lock (name))
      g_ptr_array_add (names, g_strdup (name));
  return g_steal_pointer (&names);
}

/* A folder that a process has open may change while it is copied. */
static gboolean
check_not_open (const char *from, GError **error)
{
  g_autofree char *lock = g_build_filename (from, "lock", NULL);
  int fd = g_open (lock, O_RDONLY | O_CLOEXEC, 0);
  gboolean is_free = fd < 0 || flock (fd, LOCK_SH | LOCK_NB) == 0;

  if (fd >= 0)
    close (fd);
  if (!is_free)
    g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                 _("%s is no backup, but the folder of a storage that a process has open: make a backup of it first"),
                 from);
  return is_free;
}

static gboolean
copy_octets (int in, int out, const char *from, const char *to, guint64 *done, const Job *job,
             GCancellable *cancellable, GError **error)
{
  g_autofree char *octets = g_malloc (COPY_BYTES);

  for (;;)
    {
      gssize n, n_written = 0;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      n = read (in, octets, COPY_BYTES);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail_with_errno (error, _("can't read %s"), from);
      if (n == 0)
        break;
      for (gssize at = 0; at < n; at += n_written)
        {
          n_written = write (out, octets + at, (gsize) (n - at));
          if (n_written < 0 && errno != EINTR)
            return fail_with_errno (error, _("can't write %s"), to);
          n_written = MAX (n_written, 0);
        }
      *done += (guint64) n;
      mkv_progress_set (job->progress, *done, 0);
    }
  return fsync (out) == 0 || fail_with_errno (error, _("can't write %s"), to);
}

static gboolean
copy_file (const char *from, const char *to, guint64 *done, const Job *job, GCancellable *cancellable, GError **error)
{
  int in = g_open (from, O_RDONLY | O_CLOEXEC, 0), out = -1;
  gboolean copied = FALSE;

  if (in < 0)
    return fail_with_errno (error, _("can't read %s"), from);
  out = g_open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0)
    fail_with_errno (error, _("can't write %s"), to);
  else
    {
      copied = copy_octets (in, out, from, to, done, job, cancellable, error);
      close (out);
    }
  close (in);
  return copied;
}

static gboolean
copy_folder (const Job *job, const char *to, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) names = list_folder (job->from, error);
  guint64 done = 0;

  if (names == NULL)
    return FALSE;
  if (names->len == 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("%s is empty: there is no backup in it"), job->from);
      return FALSE;
    }
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *source = g_build_filename (job->from, names->pdata[i], NULL);
      g_autofree char *target = g_build_filename (to, names->pdata[i], NULL);

      if (g_file_test (source, G_FILE_TEST_IS_REGULAR) &&
          !copy_file (source, target, &done, job, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/* Only of files: this is never called for a folder that has others. */
static void
remove_folder (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_unlink (file);
    }
  g_rmdir (path);
}

/* Under another name nobody is to publish what the first node has written. */
static gboolean
empty_outbox (MkvStorage *storage, GError **error)
{
  guint n;

  do
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
      g_autoptr (GPtrArray) page = mkv_storage_scan_meta (storage, MKV_OUTBOX_PREFIX, NULL, PAGE, error);

      if (page == NULL)
        return FALSE;
      n = page->len;
      for (guint i = 0; i < n; i++)
        mkv_storage_batch_set_meta (batch, page->pdata[i], NULL);
      if (n > 0 && !mkv_storage_apply (storage, batch, error))
        return FALSE;
    }
  while (n == PAGE);
  return TRUE;
}

/* Makes the open copy one that can go on where the node is now. */
static gboolean
rename_copy (const Job *job, GPtrArray *done, GError **error)
{
  g_auto (MkvStoreRecord) record = { 0 };
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  const char *node_id;
  gint64 seq;

  if (!mkv_seal_record_check_absent (job->storage, error) ||
      !mkv_store_record_read (&record, job->storage, NULL, error))
    return FALSE;
  if (record.node_id == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, _("%s holds no store: it does not name its node"), job->from);
      return FALSE;
    }
  node_id = job->node_id != NULL ? job->node_id : record.node_id;
  if (!g_str_equal (node_id, record.node_id) && !empty_outbox (job->storage, error))
    return FALSE;
  seq = MAX (record.seq, mkv_clock_get_time (clock) * MKV_STORE_SEQ_PER_MS);
  mkv_store_record_add_names (batch, node_id);
  mkv_store_record_add_clock (batch, seq, record.clock_high);
  if (!mkv_storage_apply (job->storage, batch, error))
    return FALSE;
  if (!g_str_equal (node_id, record.node_id))
    g_ptr_array_add (done, g_strdup_printf (_("The copy of node “%s” is now node “%s”, with an empty outbox"),
                                            record.node_id, node_id));
  else
    g_ptr_array_add (done, g_strdup_printf (_("Node “%s” goes on here; if it still runs elsewhere, give one of the two "
                                              "another node id"), node_id));
  if (seq != record.seq)
    g_ptr_array_add (done, g_strdup_printf (_("Its seq goes on from %" PRId64 ", the backup's was %" PRId64), seq,
                                            record.seq));
  return TRUE;
}

static gboolean
adapt_copy (const Job *job, const char *copy, GPtrArray *done, GError **error)
{
  gboolean adapted;

  if (!mkv_storage_open (job->storage, copy, job->options, error))
    return FALSE;
  adapted = rename_copy (job, done, error);
  return mkv_storage_close (job->storage, adapted ? error : NULL) && adapted;
}

/* Where the folder goes that is there already. */
static char *
find_free_name (const char *path)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (mkv_clock_get_time (clock) / 1000);
  g_autofree char *time = g_date_time_format (now, "%Y%m%d-%H%M%S");
  char *name = g_strdup_printf ("%s.before-%s", path, time);

  for (guint i = 2; g_file_test (name, G_FILE_TEST_EXISTS); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s.before-%s-%u", path, time, i);
    }
  return name;
}

static gboolean
sync_folder (const char *path, GError **error)
{
  int fd = g_open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  gboolean synced = fd >= 0 && fsync (fd) == 0;

  if (!synced)
    fail_with_errno (error, _("can't write %s"), path);
  if (fd >= 0)
    close (fd);
  return synced;
}

/* Each gets the other's name, in one step where the file system has one. */
static gboolean
exchange (const char *copy, const char *path, GError **error)
{
  g_autofree char *between = NULL;

  if (renameat2 (AT_FDCWD, copy, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
    return TRUE;
  if (errno != EINVAL && errno != ENOSYS)
    return fail_with_errno (error, _("can't rename %s"), copy);
  between = find_free_name (path);
  if (g_rename (path, between) != 0)
    return fail_with_errno (error, _("can't rename %s"), path);
  if (g_rename (copy, path) == 0)
    {
      if (g_rename (between, copy) == 0)
        return TRUE;
      fail_with_errno (error, _("can't rename %s"), between);
      g_rename (path, copy);
    }
  else
    fail_with_errno (error, _("can't rename %s"), copy);
  g_rename (between, path);
  return FALSE;
}

/* Puts @copy where the locked folder is. What goes on under the name of the copy
 * is removed only where it is known to be that, or empty. */
static gboolean
put_in_place (const Job *job, const char *copy, gboolean is_empty, GPtrArray *done, GError **error)
{
  g_autofree char *aside = find_free_name (job->path);
  g_autofree char *parent = g_path_get_dirname (job->path);
  g_autoptr (GError) local_error = NULL;

  if (!exchange (copy, job->path, error))
    {
      if (g_file_test (job->path, G_FILE_TEST_IS_DIR))
        remove_folder (copy);
      return FALSE;
    }
  if (!sync_folder (parent, &local_error))
    {
      if (exchange (copy, job->path, NULL))
        g_propagate_error (error, g_steal_pointer (&local_error));
      else if (!is_empty)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                       _("%s holds the backup now, but may not after a loss of power (%s); what was there before is in "
                         "%s"), job->path, local_error->message, copy);
          return FALSE;
        }
      else
        g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                     _("%s holds the backup now, but may not after a loss of power (%s)"), job->path,
                     local_error->message);
      remove_folder (copy);
      return FALSE;
    }
  if (is_empty)
    remove_folder (copy);
  else
    g_ptr_array_add (done, g_strdup_printf (_("What was there before is in %s"),
                                            g_rename (copy, aside) == 0 ? aside : copy));
  return TRUE;
}

/* With the folder locked. */
static gboolean
restore_locked (const Job *job, GPtrArray *done, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) there = list_folder (job->path, error);
  g_autofree char *copy = g_strconcat (job->path, ".restoring-XXXXXX", NULL);

  if (there == NULL)
    return FALSE;
  if (there->len > 0 && !job->set_aside)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s is not empty: restore into another folder, or have what is there set aside"), job->path);
      return FALSE;
    }
  if (g_mkdtemp_full (copy, 0700) == NULL)
    return fail_with_errno (error, _("can't write %s"), copy);
  if (copy_folder (job, copy, cancellable, error) && adapt_copy (job, copy, done, error) && sync_folder (copy, error) &&
      !g_cancellable_set_error_if_cancelled (cancellable, error))
    return put_in_place (job, copy, there->len == 0, done, error);
  remove_folder (copy);
  return FALSE;
}

static char **
restore (const Job *job, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) done = g_ptr_array_new_with_free_func (g_free);
  gboolean restored;
  int lock;

  if ((job->node_id != NULL && !mkv_name_check (job->node_id, error)) || !check_not_open (job->from, error))
    return NULL;
  lock = mkv_storage_lock_folder (job->path, error);
  if (lock < 0)
    return NULL;
  restored = restore_locked (job, done, cancellable, error);
  close (lock);
  if (!restored)
    return NULL;
  g_ptr_array_add (done, NULL);
  return g_strdupv ((char **) done->pdata);
}

static void
restore_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Job *job = task_data;
  GError *error = NULL;
  char **done = restore (job, cancellable, &error);

  mkv_progress_end (job->progress);
  if (done != NULL)
    g_task_return_pointer (task, done, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_local_store_restore_async:
 * @storage: a storage that is not open
 * @path: (type filename): its folder, which is made if it is not there
 * @options: (nullable): as for [method@Storage.open]
 * @from: (type filename): the folder of a backup, by a storage of the same type
 * @node_id: (nullable): who the copy is from now on; %NULL for who it was
 * @set_aside: whether what is in @path already is set aside, under a name beside it;
 *   otherwise it has to be empty
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how many octets have been copied, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (closure user_data): called when it is done
 * @user_data: for @callback
 *
 * Puts back what [method@LocalStore.backup_async] has copied. The node's seq is
 * raised above all that it can have used since. Two copies of one node must not
 * run at the same time: give the other one a @node_id of its own. @path is as it
 * was if this fails or is cancelled.
 *
 * Since: 0.1
 */
void
mkv_local_store_restore_async (MkvStorage *storage, const char *path, GVariant *options, const char *from,
                               const char *node_id, gboolean set_aside, MkvProgressFunc progress,
                               gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  Job *job;

  g_return_if_fail (MKV_IS_STORAGE (storage));
  g_return_if_fail (path != NULL);
  g_return_if_fail (from != NULL);

  task = g_task_new (NULL, cancellable, callback, user_data);
  job = g_new0 (Job, 1);
  job->storage = g_object_ref (storage);
  job->path = g_canonicalize_filename (path, NULL);
  job->options = options != NULL ? g_variant_ref_sink (options) : NULL;
  job->from = g_strdup (from);
  job->node_id = g_strdup (node_id);
  job->set_aside = set_aside;
  job->progress = mkv_progress_new (progress, progress_data, progress_destroy);
  g_task_set_source_tag (task, mkv_local_store_restore_async);
  /* What was restored when it was cancelled is. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, job, job_free);
  mkv_task_run_in_thread (task, restore_in_thread);
}

/**
 * mkv_local_store_restore_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [func@LocalStore.restore_async].
 *
 * Returns: (transfer full) (array zero-terminated=1): what was done, one sentence
 *   each, for people; %NULL if it could not be done, with %MKV_ERROR_UNAVAILABLE if
 *   a process has either folder open
 *
 * Since: 0.1
 */
char **
mkv_local_store_restore_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
