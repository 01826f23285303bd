/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "../storage-memory/mkv-entry-table.h"
#include "mkv-damage.h"
#include "mkv-line-writer.h"

G_BEGIN_DECLS

/* The file of what was applied since the snapshot: batches of lines, of which
 * each ends in a line with its number. Behind the last there may be line feeds,
 * so that most batches need not make the file longer, which is what takes the
 * disk long.
 *
 * Batches up to the number `synced` are on the disk for sure, and each batch
 * says which those are. So a reader can tell a line that the disk has spoiled,
 * which is set aside, from what a loss of power has left of the last batches,
 * which never happened, with all behind it. */
typedef struct
{
  int fd;
  char *path;
  guint64 length;    /* where the next batch goes */
  guint64 allocated; /* the length of the file */
  guint64 commit;    /* the number of the last batch */
  guint64 synced;    /* that of the last which is on the disk for sure */
  gboolean dirty;    /* something was added since it was opened */
  gboolean failed;   /* what is in the file is not known any more: it has to be replaced */
  MkvLineWriter writer;
} MkvJournal;

/* What there is to know before a journal is read, and what is known then. */
typedef struct
{
  int fd;
  const char *path;
  guint64 limit;        /* what is behind is not read */
  guint64 snapshot;     /* batches up to that number are in the snapshot */
  gboolean salvage;     /* a first line that is damaged, or tells of a later snapshot, is no error */
  MkvEntryTable *table; /* where what is behind the snapshot is applied; may be NULL */
  GPtrArray *damages;   /* to which is added what is damaged, but not what is torn */

  guint64 first;  /* the number of the last batch before the file */
  guint64 commit; /* of the last batch */
  guint64 synced;
  guint64 end;    /* of the last batch: the rest is torn, or nothing */
} MkvJournalReading;

gboolean mkv_journal_read (MkvJournalReading *self, GError **error);

/* Writes a journal into MKV_JOURNAL_FILE with MKV_NEW_SUFFIX in @folder, with the
 * first line alone. */
gboolean mkv_journal_create (const char *folder, guint64 commit, int *fd, guint64 *length, GError **error);

void mkv_journal_init (MkvJournal *self);
void mkv_journal_clear (MkvJournal *self);

/* Adds a batch, as durable as it asks for. If that fails, the batch is not there. */
gboolean mkv_journal_append (MkvJournal *self, MkvStorageBatch *batch, GError **error);

/* All batches are on the disk then. */
gboolean mkv_journal_sync (MkvJournal *self, GError **error);

/* Cuts the line feeds, and notes that all is on the disk, before the file is closed. */
gboolean mkv_journal_finish (MkvJournal *self, GError **error);

G_END_DECLS
