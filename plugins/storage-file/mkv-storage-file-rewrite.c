/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * From the table to new files: compaction and backup are the same up to where
 * the files go. The snapshot is written page by page while batches are applied;
 * the batches since it was begun are copied into the new journal behind it, and
 * make of it the state of one moment.
 *
 * Compaction renames two files, so there is a moment with the new snapshot and
 * the old journal. That is good too, as batches that the snapshot has are passed
 * over; but what the snapshot has of later batches has to be in the old journal
 * for good before, so that no batch is there by half.
 */
#include "config.h"

#include "mkv-storage-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include "mkv-file.h"
#include "mkv-snapshot.h"
#include "storage/mkv-storage-folder.h"

/* Journals shorter than this are left alone. */
#define MIN_JOURNAL_BYTES (8 * 1024 * 1024)
/* What of the journal is copied while no batch can be applied. */
#define SHORT_COPY_BYTES (256 * 1024)
#define MAX_COPIES 8

/* New files that are being written. */
typedef struct
{
  const char *folder;
  gboolean locked; /* `write_mutex` is held all the time */
  int fd;          /* of the journal */
  guint64 length;  /* of the journal */
  guint64 from;    /* where in the old journal what is not copied yet begins */
  guint64 snapshot_length;
} Copy;

static void
lock (MkvStorageFile *self, Copy *copy)
{
  if (!copy->locked)
    g_mutex_lock (&self->write_mutex);
}

static void
unlock (MkvStorageFile *self, Copy *copy)
{
  if (!copy->locked)
    g_mutex_unlock (&self->write_mutex);
}

static gboolean
copy_journal (MkvStorageFile *self, Copy *copy, guint64 to, GError **error)
{
  if (to == copy->from)
    return TRUE;
  if (!mkv_file_copy (self->journal.fd, copy->from, to - copy->from, copy->fd, copy->length, self->journal.path,
                      error))
    return FALSE;
  copy->length += to - copy->from;
  copy->from = to;
  return TRUE;
}

/* With `write_mutex` held: the old journal holds what it should, or nothing is
 * needed of it. */
static gboolean
check_journal (MkvStorageFile *self, Copy *copy, GError **error)
{
  if (copy->locked || !self->journal.failed)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
               _("can't rewrite the files in %s: a write failed meanwhile, try again"), self->path);
  return FALSE;
}

/* Writes the snapshot and most of the journal, both with MKV_NEW_SUFFIX. */
static gboolean
begin_copy (MkvStorageFile *self, Copy *copy, const char *folder, GCancellable *cancellable, GError **error)
{
  guint64 commit, to;

  *copy = (Copy){ .folder = folder, .fd = -1 };
  g_mutex_lock (&self->write_mutex);
  commit = self->journal.commit;
  copy->from = self->journal.length;
  /* Nothing is added to a journal that failed, and nothing of it is needed. */
  copy->locked = self->journal.failed;
  unlock (self, copy);
  if (!mkv_snapshot_write (self->table, folder, commit, &copy->snapshot_length, cancellable, error) ||
      !mkv_journal_create (folder, commit, &copy->fd, &copy->length, error))
    return FALSE;
  for (guint i = 0; i < MAX_COPIES; i++)
    {
      lock (self, copy);
      to = self->journal.length;
      unlock (self, copy);
      if (g_cancellable_set_error_if_cancelled (cancellable, error) || !copy_journal (self, copy, to, error))
        return FALSE;
      if (to - copy->from < SHORT_COPY_BYTES)
        break;
    }
  return mkv_file_sync (copy->fd, self->journal.path, error);
}

static void
end_copy (MkvStorageFile *self, Copy *copy)
{
  mkv_file_close (&copy->fd);
  mkv_storage_file_remove_new (copy->folder);
  if (copy->locked)
    g_mutex_unlock (&self->write_mutex);
}

/* With `write_mutex` held: the rest of the journal, and the journal's name. */
static gboolean
finish_journal (MkvStorageFile *self, Copy *copy, GError **error)
{
  return check_journal (self, copy, error) && copy_journal (self, copy, self->journal.length, error) &&
         mkv_file_sync (copy->fd, self->journal.path, error) &&
         mkv_file_rename_unsynced (copy->folder, MKV_JOURNAL_FILE MKV_NEW_SUFFIX, MKV_JOURNAL_FILE, error);
}

static gboolean
replace_snapshot (MkvStorageFile *self, Copy *copy, GError **error)
{
  gboolean done;

  lock (self, copy);
  done = check_journal (self, copy, error) && (copy->locked || mkv_journal_sync (&self->journal, error));
  unlock (self, copy);
  if (!done || !mkv_file_rename (self->path, MKV_SNAPSHOT_FILE MKV_NEW_SUFFIX, MKV_SNAPSHOT_FILE, error))
    return FALSE;
  lock (self, copy);
  self->snapshot_length = copy->snapshot_length;
  unlock (self, copy);
  return TRUE;
}

static gboolean
replace_journal (MkvStorageFile *self, Copy *copy, GError **error)
{
  MkvJournal *journal = &self->journal;
  gboolean done;

  lock (self, copy);
  done = finish_journal (self, copy, error);
  if (done)
    {
      mkv_file_close (&journal->fd);
      journal->fd = copy->fd;
      copy->fd = -1;
      journal->length = journal->allocated = copy->length;
      journal->synced = journal->commit;
      journal->dirty = TRUE;
      /* The name is the new file's, whatever becomes of the folder: where the disk
       * may still have it as the old one's, nothing is to be added before both
       * files have been written afresh. */
      done = mkv_file_sync_folder (self->path, error);
      journal->failed = !done;
    }
  mkv_storage_file_plan_compaction (self, self->journal.length);
  mkv_storage_file_note_length (self);
  unlock (self, copy);
  return done;
}

gboolean
mkv_storage_file_rewrite (MkvStorageFile *self, GCancellable *cancellable, GError **error)
{
  Copy copy;
  gboolean done;

  g_mutex_lock (&self->files_mutex);
  done = begin_copy (self, &copy, self->path, cancellable, error) &&
         /* Before what is damaged is gone, and once. */
         mkv_damages_save (self->damages, self->path, error);
  if (done)
    {
      g_ptr_array_set_size (self->damages, 0);
      done = replace_snapshot (self, &copy, error) && replace_journal (self, &copy, error);
    }
  end_copy (self, &copy);
  g_mutex_unlock (&self->files_mutex);
  return done;
}

gboolean
mkv_storage_file_compact (MkvStorage *storage, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  return mkv_storage_file_load (self, error) && mkv_storage_file_rewrite (self, NULL, error);
}

/* With `write_mutex` held, or before another thread knows of the journal. */
void
mkv_storage_file_plan_compaction (MkvStorageFile *self, guint64 from)
{
  guint64 least = MIN_JOURNAL_BYTES, growth;

  if (self->max_size > 0)
    least = MIN (least, self->max_size / 8);
  growth = MAX (least, self->snapshot_length);
  /* What was overwritten must not be what fills the storage. */
  if (self->max_size > 0 && self->snapshot_length + self->journal.length + growth > self->max_size / 2)
    growth = least;
  self->compact_at = from + growth;
}

void
mkv_storage_file_note_length (MkvStorageFile *self)
{
  g_atomic_pointer_set (&self->n_bytes, (gsize) (self->snapshot_length + self->journal.allocated));
}

static gpointer
run_compactor (gpointer data)
{
  MkvStorageFile *self = data;
  g_autoptr (GError) error = NULL;

  if (!mkv_storage_file_rewrite (self, self->stop, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_warning (_("The files in %s can't be compacted: %s"), self->path, error->message);
  g_mutex_lock (&self->write_mutex);
  self->compacting = FALSE;
  if (error != NULL)
    mkv_storage_file_plan_compaction (self, self->journal.length);
  g_mutex_unlock (&self->write_mutex);
  return NULL;
}

void
mkv_storage_file_compact_if_due (MkvStorageFile *self)
{
  g_autoptr (GError) error = NULL;

  if (self->compacting || self->journal.length < self->compact_at)
    return;
  /* It has nothing more to do. */
  if (self->compactor != NULL)
    g_thread_join (self->compactor);
  if (self->stop == NULL)
    self->stop = g_cancellable_new ();
  self->compactor = g_thread_try_new ("mkv-compactor", run_compactor, self, &error);
  self->compacting = self->compactor != NULL;
  if (!self->compacting)
    {
      g_warning (_("The files in %s can't be compacted: %s"), self->path, error->message);
      mkv_storage_file_plan_compaction (self, self->journal.length);
    }
}

void
mkv_storage_file_stop_compactor (MkvStorageFile *self)
{
  if (self->stop != NULL)
    g_cancellable_cancel (self->stop);
  g_clear_pointer (&self->compactor, g_thread_join);
  g_clear_object (&self->stop);
}

/* Makes the folder of a copy. */
static gboolean
make_folder (const char *path, gboolean *made, GError **error)
{
  g_autoptr (GDir) dir = NULL;
  g_autofree char *what = NULL;

  *made = !g_file_test (path, G_FILE_TEST_EXISTS);
  if (*made && g_mkdir_with_parents (path, 0700) != 0)
    {
      int saved_errno = errno;

      what = g_strdup_printf (_("can't make %s"), path);
      return mkv_storage_set_error_from_errno (error, saved_errno, what);
    }
  dir = g_dir_open (path, 0, error);
  if (dir == NULL)
    return FALSE;
  if (g_dir_read_name (dir) == NULL)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
               _("can't copy the storage into %s: there is something in it; choose an empty folder"), path);
  return FALSE;
}

/* What was committed until now, and the names. */
static gboolean
finish_backup (MkvStorageFile *self, Copy *copy, GError **error)
{
  gboolean done;
  guint64 to;

  lock (self, copy);
  done = check_journal (self, copy, error);
  to = self->journal.length;
  unlock (self, copy);
  done = done && copy_journal (self, copy, to, error) && mkv_file_sync (copy->fd, copy->folder, error) &&
         mkv_file_rename (copy->folder, MKV_SNAPSHOT_FILE MKV_NEW_SUFFIX, MKV_SNAPSHOT_FILE, error) &&
         mkv_file_rename (copy->folder, MKV_JOURNAL_FILE MKV_NEW_SUFFIX, MKV_JOURNAL_FILE, error);
  if (done)
    mkv_file_sync_parent (copy->folder);
  return done;
}

gboolean
mkv_storage_file_backup (MkvStorage *storage, const char *path, GCancellable *cancellable, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  gboolean done, made;
  Copy copy;

  if (!mkv_storage_file_load (self, error) || !make_folder (path, &made, error))
    return FALSE;
  g_mutex_lock (&self->files_mutex);
  done = begin_copy (self, &copy, path, cancellable, error) && finish_backup (self, &copy, error);
  end_copy (self, &copy);
  g_mutex_unlock (&self->files_mutex);
  if (done)
    return TRUE;
  mkv_file_remove (path, MKV_SNAPSHOT_FILE);
  mkv_file_remove (path, MKV_JOURNAL_FILE);
  if (made)
    g_rmdir (path);
  return FALSE;
}
