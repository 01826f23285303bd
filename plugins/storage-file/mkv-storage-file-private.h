/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "../storage-memory/mkv-entry-table.h"
#include "mkv-journal.h"
#include "mkv-storage-file.h"

G_BEGIN_DECLS

struct _MkvStorageFile
{
  GObject parent_instance;

  /* Set by open(). */
  char *path;
  int lock_fd;
  guint64 max_size; /* 0: none */

  GMutex load_mutex; /* guards the loading; the others are taken under it */
  gint loaded;       /* atomic: all below is there */
  MkvEntryTable *table;

  /* Guards which files there are; `write_mutex` is taken under it. */
  GMutex files_mutex;
  GPtrArray *damages; /* found, and not yet in corrupt.jsonl */

  /* Guards what is below. It is held while a batch is written and applied, so
   * that the table is what the journal says whenever it is free. */
  GMutex write_mutex;
  MkvJournal journal;
  guint64 snapshot_length;
  guint64 compact_at; /* the length of the journal from which on a compaction is due */
  GThread *compactor; /* NULL if none was started */
  gboolean compacting;
  GCancellable *stop; /* makes the compactor end */

  gsize n_bytes; /* atomic: of the files */
};

/* Takes the folder, and gives it free with all that was read from it. */
gboolean mkv_storage_file_lock (MkvStorageFile *self, const char *path, GError **error);
void mkv_storage_file_unlock (MkvStorageFile *self);

/* Reads the files, and leaves in `damages` what is wrong with them, and in
 * `journal.failed` whether they have to be rewritten. With @salvage, whatever can
 * be read is. */
gboolean mkv_storage_file_read (MkvStorageFile *self, gboolean salvage, GError **error);

/* Reads the files if that was not done yet. */
gboolean mkv_storage_file_load (MkvStorageFile *self, GError **error);

/* Writes all that the table holds into a new snapshot and a new journal, and
 * what is damaged into corrupt.jsonl. Reads and batches go on meanwhile. */
gboolean mkv_storage_file_rewrite (MkvStorageFile *self, GCancellable *cancellable, GError **error);

/* Starts a rewrite in another thread if it is due; with `write_mutex` held. */
void mkv_storage_file_compact_if_due (MkvStorageFile *self);
/* When it is due next, for a journal that has been growing since octet @from. */
void mkv_storage_file_plan_compaction (MkvStorageFile *self, guint64 from);
void mkv_storage_file_stop_compactor (MkvStorageFile *self);

char **mkv_storage_file_list_damage (MkvStorage *storage, GError **error);

/* What stats() tells. */
void mkv_storage_file_note_length (MkvStorageFile *self);

/* What a rewrite that was interrupted left behind goes. */
void mkv_storage_file_remove_new (const char *folder);

/* Of the interface. */
gboolean mkv_storage_file_compact (MkvStorage *storage, GError **error);
gboolean mkv_storage_file_backup (MkvStorage *storage, const char *path, GCancellable *cancellable, GError **error);
char **mkv_storage_file_verify (MkvStorage *storage, GError **error);
char **mkv_storage_file_repair (MkvStorage *storage, const char *path, GVariant *options, GError **error);

G_END_DECLS
