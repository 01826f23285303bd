/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-storage-file-private.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "mkv-file.h"
#include "mkv-snapshot.h"

static void
add_damages (GPtrArray *problems, GPtrArray *damages)
{
  for (guint i = 0; i < damages->len; i++)
    {
      const MkvDamage *damage = damages->pdata[i];

      g_ptr_array_add (problems, g_strdup_printf (_("%s is damaged at octet %" PRIu64 ": %s"), damage->file,
                                                  damage->offset, damage->reason));
    }
}

static gboolean
verify_snapshot (MkvStorageFile *self, GPtrArray *damages, guint64 *commit, GError **error)
{
  g_autofree char *path = g_build_filename (self->path, MKV_SNAPSHOT_FILE, NULL);
  gboolean done;
  int fd;

  *commit = 0;
  if (!mkv_file_open (self->path, MKV_SNAPSHOT_FILE, O_RDONLY, TRUE, &fd, error))
    return FALSE;
  if (fd < 0)
    return TRUE;
  done = mkv_snapshot_read (fd, path, FALSE, NULL, damages, commit, error);
  mkv_file_close (&fd);
  return done;
}

/* The journal as far as batches go that were applied when this began. */
static gboolean
verify_journal (MkvStorageFile *self, GPtrArray *damages, guint64 snapshot, GError **error)
{
  MkvJournalReading reading = { .path = self->journal.path, .snapshot = snapshot, .damages = damages };
  gboolean failed, done;
  guint64 commit;

  if (!mkv_file_open (self->path, MKV_JOURNAL_FILE, O_RDONLY, FALSE, &reading.fd, error))
    return FALSE;
  g_mutex_lock (&self->write_mutex);
  reading.limit = self->journal.length;
  commit = self->journal.commit;
  failed = self->journal.failed;
  g_mutex_unlock (&self->write_mutex);
  done = mkv_journal_read (&reading, error);
  mkv_file_close (&reading.fd);
  if (!done)
    return FALSE;
  if (reading.end != reading.limit || MAX (reading.commit, snapshot) != commit)
    mkv_damages_add (damages, MKV_JOURNAL_FILE, reading.end, _("it is not what was written last"), "", 0);
  if (failed)
    mkv_damages_add (damages, MKV_JOURNAL_FILE, reading.end, _("a write failed, and the files were not replaced yet"),
                     "", 0);
  return TRUE;
}

/* What is in memory still, and what was saved when the files were written anew. */
char **
mkv_storage_file_list_damage (MkvStorage *storage, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  g_autoptr (GPtrArray) sentences = g_ptr_array_new_with_free_func (g_free);
  gboolean done;
  guint n_losses;

  if (!mkv_storage_file_load (self, error))
    return NULL;
  g_mutex_lock (&self->files_mutex);
  done = mkv_damages_count_saved (self->path, &n_losses, error);
  n_losses += mkv_damages_count_losses (self->damages);
  g_mutex_unlock (&self->files_mutex);
  if (!done)
    return NULL;
  if (n_losses > 0)
    g_ptr_array_add (sentences,
                     g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u line of its files is damaged",
                                                   "%u lines of its files are damaged", n_losses),
                                      n_losses));
  g_ptr_array_add (sentences, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&sentences), FALSE);
}

char **
mkv_storage_file_verify (MkvStorage *storage, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) damages = mkv_damages_new ();
  GError *local_error = NULL;
  guint64 commit;
  guint n_losses;
  gboolean done;

  if (!mkv_storage_file_load (self, error))
    return NULL;
  g_mutex_lock (&self->files_mutex);
  done = verify_snapshot (self, damages, &commit, &local_error) &&
         verify_journal (self, damages, commit, &local_error);
  g_mutex_unlock (&self->files_mutex);
  add_damages (problems, damages);
  if (!done && g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, local_error);
      return NULL;
    }
  if (!done)
    {
      /* A file that is damaged as a whole. */
      g_ptr_array_add (problems, g_strdup (local_error->message));
      g_error_free (local_error);
    }
  if (!mkv_damages_count_saved (self->path, &n_losses, error))
    return NULL;
  if (n_losses > 0)
    g_ptr_array_add (problems, g_strdup_printf (_("%u damaged lines were set aside in %s; repair the storage when you "
                                                  "have looked at them"),
                                                n_losses, MKV_CORRUPT_FILE));
  g_ptr_array_add (problems, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&problems), FALSE);
}

/* Gives corrupt.jsonl a name under which nobody looks for it. */
static gboolean
put_away (MkvStorageFile *self, GPtrArray *sentences, GError **error)
{
  guint n_losses;

  if (!mkv_damages_count_saved (self->path, &n_losses, error))
    return FALSE;
  if (n_losses == 0)
    return TRUE;
  for (guint i = 1;; i++)
    {
      g_autofree char *name = g_strdup_printf ("corrupt-%u.jsonl", i);
      g_autofree char *path = g_build_filename (self->path, name, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      if (!mkv_file_rename (self->path, MKV_CORRUPT_FILE, name, error))
        return FALSE;
      g_ptr_array_add (sentences, g_strdup_printf (_("%u damaged lines that were set aside are kept in %s"), n_losses,
                                                   name));
      return TRUE;
    }
}

static gboolean
repair (MkvStorageFile *self, GPtrArray *sentences, GError **error)
{
  guint n_losses;

  if (!mkv_storage_file_read (self, TRUE, error))
    return FALSE;
  n_losses = mkv_damages_count_losses (self->damages);
  add_damages (sentences, self->damages);
  if (self->journal.failed || self->damages->len > 0)
    {
      if (!mkv_storage_file_rewrite (self, NULL, error))
        return FALSE;
      if (n_losses == 0)
        g_ptr_array_add (sentences, g_strdup (_("The files were written afresh")));
      else
        g_ptr_array_add (sentences, g_strdup (_("The files were written afresh without what is damaged")));
    }
  return mkv_journal_finish (&self->journal, error) && put_away (self, sentences, error);
}

char **
mkv_storage_file_repair (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  g_autoptr (GPtrArray) sentences = g_ptr_array_new_with_free_func (g_free);
  gboolean done;

  if (!mkv_storage_file_lock (self, path, error))
    return NULL;
  done = repair (self, sentences, error);
  mkv_storage_file_unlock (self);
  if (!done)
    return NULL;
  g_ptr_array_add (sentences, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&sentences), FALSE);
}
