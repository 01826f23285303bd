/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* A run of octets without a line feed. */
typedef struct
{
  const char *octets; /* valid until the next is read; NULL at the end of the file */
  gsize length;
  guint64 offset;     /* of the first in the file */
  guint64 end;        /* behind the line feed */
  gboolean complete;  /* a line feed ends it */
  gboolean has_gap;   /* there are empty lines before it */
} MkvRawLine;

/* Reads a file line by line. */
typedef struct
{
  int fd;
  const char *name; /* of the file, for errors */
  guint64 limit;    /* what is behind is not read */
  guint64 size;     /* of what is to be read, when it was begun; 0 if that is not known */
  guint64 offset;   /* in the file, of buffer[start] */
  char *buffer;
  gsize start;
  gsize end;
  gsize allocated;
} MkvLineReader;

/* The descriptor and @name stay the caller's. */
void mkv_line_reader_init (MkvLineReader *self, int fd, const char *name, guint64 limit);
void mkv_line_reader_clear (MkvLineReader *self);

void mkv_line_reader_seek (MkvLineReader *self, guint64 offset);

/* FALSE if the file can't be read. */
gboolean mkv_line_reader_next (MkvLineReader *self, MkvRawLine *line, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvLineReader, mkv_line_reader_clear)

G_END_DECLS
