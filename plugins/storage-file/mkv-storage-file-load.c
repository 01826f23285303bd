/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * From the files to the table. The states in which a crash can leave the folder
 * are few: a journal alone; a snapshot and the journal that goes on from it; a
 * snapshot and the journal that goes on from the one before, with batches that
 * the snapshot has already. Each with a torn batch at the end of the journal,
 * and with files that are not complete and end in MKV_NEW_SUFFIX.
 */
#include "config.h"

#include "mkv-storage-file-private.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "mkv-file.h"
#include "mkv-snapshot.h"

void
mkv_storage_file_remove_new (const char *folder)
{
  mkv_file_remove (folder, MKV_SNAPSHOT_FILE MKV_NEW_SUFFIX);
  mkv_file_remove (folder, MKV_JOURNAL_FILE MKV_NEW_SUFFIX);
}

/* Returns whether it could be read; @found whether it is there. */
static gboolean
read_snapshot (MkvStorageFile *self, gboolean salvage, gboolean *found, guint64 *commit, GError **error)
{
  g_autofree char *path = g_build_filename (self->path, MKV_SNAPSHOT_FILE, NULL);
  gboolean done;
  int fd;

  *commit = 0;
  self->snapshot_length = 0;
  if (!mkv_file_open (self->path, MKV_SNAPSHOT_FILE, O_RDONLY, TRUE, &fd, error))
    return FALSE;
  *found = fd >= 0;
  if (!*found)
    return TRUE;
  done = mkv_file_get_length (fd, path, &self->snapshot_length, error) &&
         mkv_snapshot_read (fd, path, salvage, self->table, self->damages, commit, error);
  mkv_file_close (&fd);
  return done;
}

/* Leaves the journal open, and marked as failed if it has to be replaced before
 * it can be written. */
static gboolean
read_journal (MkvStorageFile *self, gboolean salvage, guint64 snapshot, GError **error)
{
  MkvJournal *journal = &self->journal;
  MkvJournalReading reading = { .fd = journal->fd, .path = journal->path, .limit = G_MAXINT64, .snapshot = snapshot,
                                .salvage = salvage, .table = self->table, .damages = self->damages };
  guint n_damages;

  if (!mkv_file_get_length (journal->fd, journal->path, &journal->allocated, error) ||
      !mkv_journal_read (&reading, error))
    return FALSE;
  if (reading.first > snapshot)
    mkv_damages_add (self->damages, MKV_SNAPSHOT_FILE, 0, _("the file is missing, or older than the journal"), "", 0);
  journal->length = reading.end;
  journal->commit = MAX (reading.commit, snapshot);
  journal->synced = MIN (reading.synced, journal->commit);
  /* Of a file without its first line nothing is left to go on from. */
  journal->failed = reading.commit < snapshot || self->damages->len > 0 || reading.end == 0;
  n_damages = self->damages->len;
  if (!mkv_damages_add_tail (self->damages, journal->fd, MKV_JOURNAL_FILE, journal->length, error))
    return FALSE;
  if (self->damages->len > n_damages)
    g_warning (_("%s ends in a write that a crash has interrupted, from octet %" PRIu64 " on: it is cut "
                 "off, and what is left of it is kept in %s"),
               journal->path, journal->length, MKV_CORRUPT_FILE);
  return TRUE;
}

/* The files of a folder in which there are none. */
static gboolean
make_journal (MkvStorageFile *self, GError **error)
{
  MkvJournal *journal = &self->journal;

  if (!mkv_journal_create (self->path, 0, &journal->fd, &journal->length, error))
    return FALSE;
  journal->allocated = journal->length;
  if (mkv_file_sync (journal->fd, journal->path, error) &&
      mkv_file_rename (self->path, MKV_JOURNAL_FILE MKV_NEW_SUFFIX, MKV_JOURNAL_FILE, error))
    {
      mkv_file_sync_parent (self->path);
      return TRUE;
    }
  mkv_storage_file_remove_new (self->path);
  return FALSE;
}

/* What was found goes into corrupt.jsonl, and out of the other files. */
static gboolean
settle (MkvStorageFile *self, GError **error)
{
  MkvJournal *journal = &self->journal;

  if (journal->failed)
    return mkv_storage_file_rewrite (self, NULL, error);
  if (!mkv_damages_save (self->damages, self->path, error))
    return FALSE;
  g_ptr_array_set_size (self->damages, 0);
  if (journal->allocated == journal->length)
    return TRUE;
  if (!mkv_file_cut (journal->fd, journal->length, journal->path, error) || !mkv_journal_sync (journal, error))
    return FALSE;
  journal->allocated = journal->length;
  return TRUE;
}

static gboolean
read_files (MkvStorageFile *self, gboolean salvage, GError **error)
{
  MkvJournal *journal = &self->journal;
  gboolean has_snapshot;
  guint64 commit;

  if (!read_snapshot (self, salvage, &has_snapshot, &commit, error) ||
      !mkv_file_open (self->path, MKV_JOURNAL_FILE, O_RDWR, TRUE, &journal->fd, error))
    return FALSE;
  if (journal->fd >= 0)
    return read_journal (self, salvage, commit, error);
  if (!has_snapshot)
    return make_journal (self, error);
  /* No crash takes it away. */
  mkv_damages_add (self->damages, MKV_JOURNAL_FILE, 0, _("the file is missing"), "", 0);
  journal->commit = journal->synced = commit;
  journal->failed = TRUE;
  return TRUE;
}

gboolean
mkv_storage_file_read (MkvStorageFile *self, gboolean salvage, GError **error)
{
  mkv_storage_file_remove_new (self->path);
  mkv_journal_init (&self->journal);
  self->journal.path = g_build_filename (self->path, MKV_JOURNAL_FILE, NULL);
  self->table = mkv_entry_table_new ();
  self->damages = mkv_damages_new ();
  if (read_files (self, salvage, error))
    {
      /* Of what earlier runs wrote, too. */
      mkv_storage_file_plan_compaction (self, 0);
      mkv_storage_file_note_length (self);
      return TRUE;
    }
  mkv_journal_clear (&self->journal);
  g_clear_pointer (&self->table, mkv_entry_table_free);
  g_clear_pointer (&self->damages, g_ptr_array_unref);
  return FALSE;
}

gboolean
mkv_storage_file_load (MkvStorageFile *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean done = TRUE;
  guint n_losses;

  if (G_LIKELY (g_atomic_int_get (&self->loaded)))
    return TRUE;
  g_mutex_lock (&self->load_mutex);
  if (!self->loaded)
    {
      done = mkv_storage_file_read (self, FALSE, error);
      if (done)
        {
          n_losses = mkv_damages_count_losses (self->damages);
          if (n_losses > 0)
            g_warning (_("%u damaged lines in the files in %s: they are set aside in %s, and the rest is served; to "
                         "check and to mend it, verify and repair the storage"),
                       n_losses, self->path, MKV_CORRUPT_FILE);
          if (!settle (self, &local_error))
            {
              /* Reading goes on; the next write tries again. */
              self->journal.failed = TRUE;
              g_warning (_("The files in %s can't be put in order: %s"), self->path, local_error->message);
            }
          g_atomic_int_set (&self->loaded, TRUE);
        }
    }
  g_mutex_unlock (&self->load_mutex);
  return done;
}
