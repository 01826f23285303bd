/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-line.h"

G_BEGIN_DECLS

/* Lines, one behind the other, to be written to a file at once. */
typedef struct
{
  char *octets;
  gsize length;
  gsize allocated;
  gnutls_hash_hd_t hash;
} MkvLineWriter;

void mkv_line_writer_init (MkvLineWriter *self);
void mkv_line_writer_clear (MkvLineWriter *self);

/* Forgets the lines; keeps memory for as many. */
void mkv_line_writer_reset (MkvLineWriter *self);

void mkv_line_writer_add_header (MkvLineWriter *self, const char *file, guint64 commit);
void mkv_line_writer_add_entry (MkvLineWriter *self, const MkvEntry *entry);
void mkv_line_writer_add_remove (MkvLineWriter *self, const char *key);
void mkv_line_writer_add_meta (MkvLineWriter *self, const char *name, GBytes *value);
void mkv_line_writer_add_commit (MkvLineWriter *self, guint64 commit, guint64 n_lines, guint64 synced);
void mkv_line_writer_add_total (MkvLineWriter *self, guint64 n_lines);
void mkv_line_writer_add_aside (MkvLineWriter *self, const char *file, guint64 offset, const char *reason,
                                GBytes *octets);

/* Writes what @line holds. */
void mkv_line_writer_add (MkvLineWriter *self, const MkvLine *line);

/* Adds line feeds up to @length in all. */
void mkv_line_writer_pad (MkvLineWriter *self, gsize length);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvLineWriter, mkv_line_writer_clear)

G_END_DECLS
