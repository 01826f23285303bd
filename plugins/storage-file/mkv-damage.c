/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-damage.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "mkv-file.h"
#include "mkv-line-writer.h"

/* What one line of corrupt.jsonl holds at most. */
#define PIECE_BYTES (256 * 1024)

static void
damage_free (gpointer data)
{
  MkvDamage *damage = data;

  g_bytes_unref (damage->octets);
  g_free (damage);
}

GPtrArray *
mkv_damages_new (void)
{
  return g_ptr_array_new_with_free_func (damage_free);
}

void
mkv_damages_add (GPtrArray *self, const char *file, guint64 offset, const char *reason, const char *octets,
                 gsize length)
{
  MkvDamage *damage = g_new (MkvDamage, 1);

  damage->file = file;
  damage->offset = offset;
  damage->reason = reason;
  damage->octets = g_bytes_new (octets, length);
  g_ptr_array_add (self, damage);
}

/* How many octets are left without the line feeds and zeros at the end. */
static gsize
get_stripped_length (const char *octets, gsize length)
{
  while (length > 0 && (octets[length - 1] == '\n' || octets[length - 1] == 0))
    length--;
  return length;
}

gboolean
mkv_damages_add_tail (GPtrArray *self, int fd, const char *file, guint64 offset, GError **error)
{
  guint64 end;
  g_auto (MkvLineReader) reader = { 0 };

  if (!mkv_file_get_length (fd, file, &end, error))
    return FALSE;
  mkv_line_reader_init (&reader, fd, file, end);
  mkv_line_reader_seek (&reader, offset);
  for (;;)
    {
      MkvRawLine raw;

      if (!mkv_line_reader_next (&reader, &raw, error))
        return FALSE;
      if (raw.octets == NULL)
        return TRUE;
      raw.length = get_stripped_length (raw.octets, raw.length);
      for (gsize at = 0; at < raw.length; at += PIECE_BYTES)
        mkv_damages_add (self, file, raw.offset + at, MKV_REASON_TORN, raw.octets + at,
                         MIN (raw.length - at, PIECE_BYTES));
    }
}

guint
mkv_damages_count_losses (GPtrArray *self)
{
  guint n = 0;

  for (guint i = 0; i < self->len; i++)
    n += strcmp (((MkvDamage *) self->pdata[i])->reason, MKV_REASON_TORN) != 0;
  return n;
}

gboolean
mkv_damages_save (GPtrArray *self, const char *folder, GError **error)
{
  g_auto (MkvLineWriter) writer = { 0 };
  g_autofree char *path = NULL;
  guint64 length;
  gboolean done;
  int fd;

  if (self->len == 0)
    return TRUE;
  if (!mkv_file_open (folder, MKV_CORRUPT_FILE, O_WRONLY | O_CREAT, FALSE, &fd, error))
    return FALSE;
  path = g_build_filename (folder, MKV_CORRUPT_FILE, NULL);
  done = mkv_file_get_length (fd, path, &length, error);
  if (done)
    {
      mkv_line_writer_init (&writer);
      if (length == 0)
        mkv_line_writer_add_header (&writer, MKV_LINE_CORRUPT, 0);
      for (guint i = 0; i < self->len; i++)
        {
          const MkvDamage *damage = self->pdata[i];

          mkv_line_writer_add_aside (&writer, damage->file, damage->offset, damage->reason, damage->octets);
        }
      done = mkv_file_write (fd, writer.octets, writer.length, length, path, error) &&
             mkv_file_sync (fd, path, error) && mkv_file_sync_folder (folder, error);
      /* Else the next time would leave a line that is none in the middle. */
      if (!done && !mkv_file_cut (fd, length, path, NULL))
        g_debug ("half a line is left in %s", path);
    }
  mkv_file_close (&fd);
  return done;
}

gboolean
mkv_damages_count_saved (const char *folder, guint *n_losses, GError **error)
{
  g_auto (MkvLineReader) reader = { 0 };
  gnutls_hash_hd_t hash;
  gboolean done;
  int fd;

  *n_losses = 0;
  if (!mkv_file_open (folder, MKV_CORRUPT_FILE, O_RDONLY, TRUE, &fd, error))
    return FALSE;
  if (fd < 0)
    return TRUE;
  hash = mkv_line_hash_new ();
  mkv_line_reader_init (&reader, fd, MKV_CORRUPT_FILE, G_MAXINT64);
  for (;;)
    {
      g_auto (MkvLine) line = { 0 };
      const char *problem;
      MkvRawLine raw;

      done = mkv_line_reader_next (&reader, &raw, error);
      if (!done || raw.octets == NULL)
        break;
      if (!mkv_line_parse (&line, raw.octets, raw.length, hash, &problem) ||
          (line.kind == MKV_LINE_ASIDE && strcmp (line.reason, MKV_REASON_TORN) != 0))
        ++*n_losses;
    }
  gnutls_hash_deinit (hash, NULL);
  mkv_file_close (&fd);
  return done;
}
