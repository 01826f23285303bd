/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "../storage-memory/mkv-entry-table.h"
#include "mkv-damage.h"
#include "mkv-line.h"

G_BEGIN_DECLS

/* Reads the first line of a file, which has to be MKV_LINE_SNAPSHOT or another
 * @kind. FALSE with MKV_ERROR_CORRUPT if it is damaged, and with
 * MKV_ERROR_NOT_SUPPORTED if another version or another program wrote it. */
gboolean mkv_header_read (MkvLineReader *reader, const char *kind, gnutls_hash_hd_t hash, guint64 *commit,
                          GError **error);

/* Adds what the open file @fd, the snapshot at @path, holds to @table, which may
 * be NULL, and what is damaged in it to @damages. @commit is the last commit
 * that is in it for sure. With @salvage a first line that is damaged is no error. */
gboolean mkv_snapshot_read (int fd, const char *path, gboolean salvage, MkvEntryTable *table, GPtrArray *damages,
                            guint64 *commit, GError **error);

/* Writes what @table holds, page by page, into MKV_SNAPSHOT_FILE with
 * MKV_NEW_SUFFIX in @folder, and syncs it. Each key is as it was at some moment
 * meanwhile, all after @commit: only together with the commits that come behind
 * it is that the state of one moment. */
gboolean mkv_snapshot_write (MkvEntryTable *table, const char *folder, guint64 commit, guint64 *length,
                             GCancellable *cancellable, GError **error);

G_END_DECLS
