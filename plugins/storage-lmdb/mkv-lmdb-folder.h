/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-lmdb-env.h"

G_BEGIN_DECLS

/* Makes sure that there is a file in @folder that this version can use: makes
 * one where the folder has none, and refuses what belongs to another. What a
 * crash left half done goes. */
gboolean mkv_lmdb_folder_prepare (const char *folder, GError **error);

/* Whether what has been opened there is ours, of a version that we know. */
gboolean mkv_lmdb_folder_check_format (const char *folder, MkvLmdbEnv *env, GError **error);

/* Makes @folder for a copy, if it is missing, which *@made tells. It has to be
 * empty. */
gboolean mkv_lmdb_folder_make (const char *folder, gboolean *made, GError **error);

/* After a copy that failed: as if it had never been begun. */
void mkv_lmdb_folder_clear (const char *folder, gboolean made);

/* What has been counted. LMDB's code. */
int mkv_lmdb_folder_read_tombstones (MDB_txn *txn, const MkvLmdbNames *names, guint64 *n_tombstones);

G_END_DECLS
