/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-line-reader.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/mkv-storage-folder.h"

#define BUFFER_BYTES (128 * 1024)
/* No line is longer: a value that is nothing but escapes takes 1.5 MiB. What is
 * longer is read in pieces, of which none is a line. */
#define MAX_LINE_BYTES (8 * 1024 * 1024)

void
mkv_line_reader_init (MkvLineReader *self, int fd, const char *name, guint64 limit)
{
  struct stat info;

  *self = (MkvLineReader){ .fd = fd, .name = name, .limit = limit };
  self->size = fstat (fd, &info) == 0 ? MIN (limit, (guint64) info.st_size) : 0;
  self->allocated = BUFFER_BYTES;
  self->buffer = g_malloc (self->allocated);
}

void
mkv_line_reader_clear (MkvLineReader *self)
{
  g_clear_pointer (&self->buffer, g_free);
}

void
mkv_line_reader_seek (MkvLineReader *self, guint64 offset)
{
  self->offset = offset;
  self->start = self->end = 0;
}

/* Reads on behind what is in the buffer. @n_read is 0 at the end. */
static gboolean
fill (MkvLineReader *self, gsize *n_read, GError **error)
{
  g_autofree char *what = NULL;
  guint64 at;
  gssize n;

  if (self->start > 0)
    {
      memmove (self->buffer, self->buffer + self->start, self->end - self->start);
      self->end -= self->start;
      self->start = 0;
    }
  if (self->end == self->allocated)
    {
      self->allocated *= 2;
      self->buffer = g_realloc (self->buffer, self->allocated);
    }
  at = self->offset + self->end;
  if (!mkv_storage_tell_progress (at, self->size, error))
    return FALSE;
  do
    n = pread (self->fd, self->buffer + self->end,
               MIN (self->allocated - self->end, self->limit > at ? self->limit - at : 0), (off_t) at);
  while (n < 0 && errno == EINTR);
  if (n >= 0)
    {
      self->end += (gsize) n;
      *n_read = (gsize) n;
      return TRUE;
    }
  n = errno;
  what = g_strdup_printf (_("can't read %s"), self->name);
  return mkv_storage_set_error_from_errno (error, (int) n, what);
}

/* Passes over line feeds. */
static gboolean
skip_gap (MkvLineReader *self, gboolean *has_gap, GError **error)
{
  *has_gap = FALSE;
  for (;;)
    {
      gsize n;

      for (; self->start < self->end && self->buffer[self->start] == '\n'; self->start++, self->offset++)
        *has_gap = TRUE;
      if (self->start < self->end)
        return TRUE;
      if (!fill (self, &n, error))
        return FALSE;
      if (n == 0)
        return TRUE;
    }
}

gboolean
mkv_line_reader_next (MkvLineReader *self, MkvRawLine *line, GError **error)
{
  const char *feed = NULL;
  gsize seen = 0;

  *line = (MkvRawLine){ 0 };
  if (!skip_gap (self, &line->has_gap, error))
    return FALSE;
  line->offset = line->end = self->offset;
  for (;;)
    {
      gsize n = self->end - self->start;

      feed = memchr (self->buffer + self->start + seen, '\n', n - seen);
      if (feed != NULL || n >= MAX_LINE_BYTES)
        break;
      seen = n;
      if (!fill (self, &n, error))
        return FALSE;
      if (n == 0)
        break;
    }
  line->length = feed != NULL ? (gsize) (feed - (self->buffer + self->start)) : self->end - self->start;
  if (line->length == 0)
    return TRUE;
  line->octets = self->buffer + self->start;
  line->complete = feed != NULL;
  line->end += line->length + line->complete;
  self->start += line->length + line->complete;
  self->offset = line->end;
  return TRUE;
}
