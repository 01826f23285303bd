/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-journal.h"

#include <fcntl.h>
#include <string.h>

#include "mkv-file.h"

/* By how much a durable batch makes the file longer, if it has to: fdatasync()
 * takes half as long where the length stays the same. */
#define STEP_BYTES (256 * 1024)
/* A batch of that length takes the disk so long that it does not matter. */
#define BIG_BATCH_BYTES (32 * 1024)

void
mkv_journal_init (MkvJournal *self)
{
  *self = (MkvJournal){ .fd = -1 };
  mkv_line_writer_init (&self->writer);
}

void
mkv_journal_clear (MkvJournal *self)
{
  mkv_file_close (&self->fd);
  g_clear_pointer (&self->path, g_free);
  mkv_line_writer_clear (&self->writer);
}

gboolean
mkv_journal_create (const char *folder, guint64 commit, int *fd, guint64 *length, GError **error)
{
  const char *name = MKV_JOURNAL_FILE MKV_NEW_SUFFIX;
  g_auto (MkvLineWriter) writer = { 0 };
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (!mkv_file_open (folder, name, O_RDWR | O_CREAT | O_TRUNC, FALSE, fd, error))
    return FALSE;
  mkv_line_writer_init (&writer);
  mkv_line_writer_add_header (&writer, MKV_LINE_JOURNAL, commit);
  *length = writer.length;
  if (mkv_file_write (*fd, writer.octets, writer.length, 0, path, error))
    return TRUE;
  mkv_file_close (fd);
  mkv_file_remove (folder, name);
  return FALSE;
}

/* Returns how many lines there are. */
static guint64
add_lines (MkvLineWriter *writer, MkvStorageBatch *batch)
{
  GPtrArray *entries = mkv_storage_batch_get_entries (batch);
  GPtrArray *removed = mkv_storage_batch_get_removed (batch);
  guint n_meta = mkv_storage_batch_get_n_meta (batch);

  for (guint i = 0; i < entries->len; i++)
    mkv_line_writer_add_entry (writer, entries->pdata[i]);
  for (guint i = 0; i < removed->len; i++)
    mkv_line_writer_add_remove (writer, removed->pdata[i]);
  for (guint i = 0; i < n_meta; i++)
    mkv_line_writer_add_meta (writer, mkv_storage_batch_get_meta_name (batch, i),
                              mkv_storage_batch_get_meta_value (batch, i));
  return (guint64) entries->len + removed->len + n_meta;
}

/* Writes what is in the writer behind the last batch; @pad for line feeds behind it. */
static gboolean
write_lines (MkvJournal *self, gboolean pad, GError **error)
{
  gsize n = self->writer.length;

  if (pad && n < BIG_BATCH_BYTES && self->length + n > self->allocated)
    {
      mkv_line_writer_pad (&self->writer, STEP_BYTES);
      if (mkv_file_write (self->fd, self->writer.octets, self->writer.length, self->length, self->path, NULL))
        {
          self->allocated = self->length + self->writer.length;
          return TRUE;
        }
      /* Perhaps there is room for the batch alone. */
      self->writer.length = n;
    }
  if (!mkv_file_write (self->fd, self->writer.octets, n, self->length, self->path, error))
    return FALSE;
  self->allocated = MAX (self->allocated, self->length + n);
  return TRUE;
}

/* What may be there of a batch goes again, so that nobody reads it as one. */
static void
take_back (MkvJournal *self)
{
  self->allocated = self->length;
  if (!mkv_file_cut (self->fd, self->length, self->path, NULL))
    self->failed = TRUE;
}

gboolean
mkv_journal_sync (MkvJournal *self, GError **error)
{
  /* What could not be written the kernel takes for written from then on. */
  if (!mkv_file_sync (self->fd, self->path, error))
    {
      self->failed = TRUE;
      return FALSE;
    }
  self->synced = self->commit;
  return TRUE;
}

/* Writes the batch that is in the writer. */
static gboolean
commit (MkvJournal *self, guint64 n_lines, gboolean durable, GError **error)
{
  gsize length;

  mkv_line_writer_add_commit (&self->writer, self->commit + 1, n_lines, self->synced);
  length = self->writer.length;
  if (!write_lines (self, durable, error) || (durable && !mkv_journal_sync (self, error)))
    {
      take_back (self);
      return FALSE;
    }
  self->length += length;
  self->commit++;
  if (durable)
    self->synced = self->commit;
  self->dirty = TRUE;
  return TRUE;
}

gboolean
mkv_journal_append (MkvJournal *self, MkvStorageBatch *batch, GError **error)
{
  mkv_line_writer_reset (&self->writer);
  return commit (self, add_lines (&self->writer, batch),
                 mkv_storage_batch_get_durability (batch) == MKV_DURABILITY_DURABLE, error);
}

gboolean
mkv_journal_finish (MkvJournal *self, GError **error)
{
  if (!self->dirty && self->allocated == self->length)
    return TRUE;
  if (self->allocated > self->length)
    {
      if (!mkv_file_cut (self->fd, self->length, self->path, error))
        return FALSE;
      self->allocated = self->length;
    }
  if (!mkv_journal_sync (self, error))
    return FALSE;
  if (!self->dirty)
    return TRUE;
  /* A batch of nothing says that all before it is on the disk. */
  mkv_line_writer_reset (&self->writer);
  if (!commit (self, 0, FALSE, error) || !mkv_journal_sync (self, error))
    return FALSE;
  self->dirty = FALSE;
  return TRUE;
}
