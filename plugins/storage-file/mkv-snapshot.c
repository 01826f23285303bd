/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-snapshot.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "mkv-file.h"
#include "mkv-line-writer.h"

/* Lines that are added to the table at once, and entries that are read from it. */
#define PAGE 1024
/* Octets that are written at once. */
#define CHUNK_BYTES (1024 * 1024)

gboolean
mkv_header_read (MkvLineReader *reader, const char *kind, gnutls_hash_hd_t hash, guint64 *commit, GError **error)
{
  g_auto (MkvLine) line = { 0 };
  const char *problem = _("it is no first line of this format");
  guint64 version;
  MkvRawLine raw;

  if (!mkv_line_reader_next (reader, &raw, error))
    return FALSE;
  version = raw.octets != NULL ? mkv_line_peek_version (raw.octets, raw.length) : 0;
  if (version > 0 && version != MKV_LINE_VERSION)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                   _("can't read %s: its format has version %" PRIu64 ", this program reads version %d; "
                     "use the version of the program that wrote it"),
                   reader->name, version, MKV_LINE_VERSION);
      return FALSE;
    }
  if (raw.octets != NULL && raw.offset == 0 && raw.complete &&
      mkv_line_parse (&line, raw.octets, raw.length, hash, &problem) && line.kind == MKV_LINE_HEADER &&
      strcmp (line.name, kind) == 0)
    {
      *commit = line.commit;
      return TRUE;
    }
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
               _("can't read %s: its first line is damaged (%s); repair the storage to save the rest"), reader->name,
               problem);
  return FALSE;
}

/* A first line that is damaged, which salvage puts up with. */
static gboolean
read_header (MkvLineReader *reader, gboolean salvage, gnutls_hash_hd_t hash, guint64 *commit, GError **error)
{
  GError *local_error = NULL;

  *commit = 0;
  if (mkv_header_read (reader, MKV_LINE_SNAPSHOT, hash, commit, &local_error))
    return TRUE;
  if (salvage && g_error_matches (local_error, MKV_ERROR, MKV_ERROR_CORRUPT))
    {
      /* It is read again as a line among others, which it is not. */
      mkv_line_reader_seek (reader, 0);
      g_error_free (local_error);
      return TRUE;
    }
  g_propagate_error (error, local_error);
  return FALSE;
}

static gboolean
read_lines (MkvLineReader *reader, gnutls_hash_hd_t hash, MkvEntryTable *table, GPtrArray *damages, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  guint64 n_lines = 0, total = G_MAXUINT64;
  MkvRawLine raw;

  for (;;)
    {
      g_auto (MkvLine) line = { 0 };
      const char *problem = NULL;

      if (!mkv_line_reader_next (reader, &raw, error))
        return FALSE;
      if (raw.octets == NULL)
        break;
      if (total != G_MAXUINT64 || !mkv_line_parse (&line, raw.octets, raw.length, hash, &problem) ||
          (line.kind != MKV_LINE_ENTRY && line.kind != MKV_LINE_META && line.kind != MKV_LINE_TOTAL))
        {
          mkv_damages_add (damages, MKV_SNAPSHOT_FILE, raw.offset,
                           problem != NULL ? problem : _("it does not belong there"), raw.octets, raw.length);
          continue;
        }
      if (line.kind == MKV_LINE_TOTAL)
        {
          total = line.n_lines;
          continue;
        }
      if (line.kind == MKV_LINE_ENTRY)
        mkv_storage_batch_put (batch, line.entry);
      else
        mkv_storage_batch_set_meta (batch, line.name, line.value);
      if (++n_lines % PAGE == 0 && table != NULL)
        {
          mkv_entry_table_apply (table, batch);
          mkv_storage_batch_unref (batch);
          batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
        }
    }
  if (table != NULL)
    mkv_entry_table_apply (table, batch);
  /* Lines that are damaged are told of already. */
  if (total != n_lines && damages->len == 0)
    mkv_damages_add (damages, MKV_SNAPSHOT_FILE, raw.end, _("lines are missing before it"), "", 0);
  return TRUE;
}

gboolean
mkv_snapshot_read (int fd, const char *path, gboolean salvage, MkvEntryTable *table, GPtrArray *damages,
                   guint64 *commit, GError **error)
{
  g_auto (MkvLineReader) reader = { 0 };
  gnutls_hash_hd_t hash = mkv_line_hash_new ();
  gboolean done;

  mkv_line_reader_init (&reader, fd, path, G_MAXINT64);
  done = read_header (&reader, salvage, hash, commit, error) &&
         read_lines (&reader, hash, table, damages, error);
  gnutls_hash_deinit (hash, NULL);
  return done;
}

/* A file that is being written, chunk by chunk. */
typedef struct
{
  MkvLineWriter writer;
  int fd;
  char *path;
  guint64 length;
  guint64 n_lines;
} Output;

static gboolean
flush (Output *out, gsize least, GError **error)
{
  if (out->writer.length < least || out->writer.length == 0)
    return TRUE;
  if (!mkv_file_write (out->fd, out->writer.octets, out->writer.length, out->length, out->path, error))
    return FALSE;
  out->length += out->writer.length;
  mkv_line_writer_reset (&out->writer);
  return TRUE;
}

static gboolean
write_entries (Output *out, MkvEntryTable *table, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;
  guint64 n_entries, n_tombstones, n_bytes;

  mkv_entry_table_get_stats (table, &n_entries, &n_tombstones, &n_bytes);

  for (;;)
    {
      g_autoptr (GPtrArray) page = mkv_entry_table_scan (table, NULL, after, PAGE);

      for (guint i = 0; i < page->len; i++, out->n_lines++)
        {
          mkv_line_writer_add_entry (&out->writer, page->pdata[i]);
          if (!flush (out, CHUNK_BYTES, error))
            return FALSE;
        }
      if (page->len < PAGE)
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
          !mkv_storage_tell_progress (out->n_lines, n_entries + n_tombstones, error))
        return FALSE;
      g_free (after);
      after = g_strdup (mkv_entry_get_key (page->pdata[page->len - 1]));
    }
}

static gboolean
write_meta (Output *out, MkvEntryTable *table, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;

  for (;;)
    {
      g_autoptr (GPtrArray) page = mkv_entry_table_scan_meta (table, NULL, after, PAGE);

      for (guint i = 0; i < page->len; i++)
        {
          g_autoptr (GBytes) value = mkv_entry_table_get_meta (table, page->pdata[i], NULL);

          /* Gone since the scan. */
          if (value == NULL)
            continue;
          mkv_line_writer_add_meta (&out->writer, page->pdata[i], value);
          out->n_lines++;
          if (!flush (out, CHUNK_BYTES, error))
            return FALSE;
        }
      if (page->len < PAGE)
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (cancellable, error) || !mkv_storage_tell_progress (out->n_lines, 0, error))
        return FALSE;
      g_free (after);
      after = g_strdup (page->pdata[page->len - 1]);
    }
}

gboolean
mkv_snapshot_write (MkvEntryTable *table, const char *folder, guint64 commit, guint64 *length,
                    GCancellable *cancellable, GError **error)
{
  const char *name = MKV_SNAPSHOT_FILE MKV_NEW_SUFFIX;
  Output out = { .fd = -1 };
  gboolean done;

  if (!mkv_file_open (folder, name, O_WRONLY | O_CREAT | O_TRUNC, FALSE, &out.fd, error))
    return FALSE;
  out.path = g_build_filename (folder, name, NULL);
  mkv_line_writer_init (&out.writer);
  mkv_line_writer_add_header (&out.writer, MKV_LINE_SNAPSHOT, commit);
  done = write_entries (&out, table, cancellable, error) && write_meta (&out, table, cancellable, error);
  if (done)
    {
      mkv_line_writer_add_total (&out.writer, out.n_lines);
      done = flush (&out, 0, error) && mkv_file_sync (out.fd, out.path, error);
    }
  *length = out.length;
  mkv_line_writer_clear (&out.writer);
  mkv_file_close (&out.fd);
  if (!done)
    mkv_file_remove (folder, name);
  g_free (out.path);
  return done;
}
