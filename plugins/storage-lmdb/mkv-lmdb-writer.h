/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-lmdb-env.h"

G_BEGIN_DECLS

/* Fills a fresh file that nobody else knows of: the first one of a storage, and
 * what takes the place of another or is a copy of it. It counts once it has its
 * name, all of it on the disk. */
typedef struct _MkvLmdbWriter MkvLmdbWriter;

/* How large a file may become that takes what is in another, of that size. */
gsize mkv_lmdb_writer_get_room (guint64 size);

/* In @folder, as MKV_LMDB_NEW_FILE, in the place of what was there. @size is how
 * large it may become. */
MkvLmdbWriter *mkv_lmdb_writer_new (const char *folder, gsize size, GError **error);

/* A record of the entries, or of meta. A key that comes a second time takes the
 * place of the first. */
gboolean mkv_lmdb_writer_put (MkvLmdbWriter *self, gboolean meta, const MDB_val *key, const MDB_val *value,
                              GError **error);

/* The same, for an entry, where the key has none that is as late by its stamp. */
gboolean mkv_lmdb_writer_put_later (MkvLmdbWriter *self, const MDB_val *key, const MDB_val *value, GError **error);

/* What has been put. */
void mkv_lmdb_writer_get_counts (MkvLmdbWriter *self, guint64 *n_entries, guint64 *n_meta);

/* Writes out and closes the file. Without that, freeing removes it. */
gboolean mkv_lmdb_writer_finish (MkvLmdbWriter *self, GError **error);

void mkv_lmdb_writer_free (MkvLmdbWriter *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLmdbWriter, mkv_lmdb_writer_free)

/* Gives the finished file in @folder its name, for good. If it fails the file may
 * have its name nevertheless. */
gboolean mkv_lmdb_writer_rename (const char *folder, GError **error);

/* Makes the names in @folder last. */
gboolean mkv_lmdb_writer_sync_folder (const char *folder, GError **error);

G_END_DECLS
