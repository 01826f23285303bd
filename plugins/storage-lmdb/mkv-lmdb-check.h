/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-lmdb-env.h"
#include "mkv-lmdb-file.h"

G_BEGIN_DECLS

/* How often it is looked whether to stop. */
#define MKV_LMDB_RECORDS_PER_LOOK 256

/* What of a file's records is right, as they come out of a walk. */
typedef struct
{
  GPtrArray *faults; /* a sentence each */
  guint n_faults;    /* of records: not all are listed */
  guint64 n_tombstones, n_counted;
  gboolean has_format, has_count;
  gboolean is_strange; /* it has what this version can't have written */
} MkvLmdbCheck;

/* Whether a record can be kept. Adds to the faults where not. */
gboolean mkv_lmdb_check_record (MkvLmdbCheck *self, MkvLmdbTree tree, const MDB_val *key, const MDB_val *value);

/* After the last: what is missing, or was counted wrongly. */
void mkv_lmdb_check_end (MkvLmdbCheck *self);

/* What is wrong with the open file. NULL with an error. */
char **mkv_lmdb_verify (MkvLmdbEnv *env, GError **error);

/* Copies the open file into a fresh one in @folder, without what was free in it.
 * It still has to be given its name. */
gboolean mkv_lmdb_copy (MkvLmdbEnv *env, const char *folder, GCancellable *cancellable, GError **error);

gboolean mkv_lmdb_compact (MkvLmdbEnv *env, GError **error);

/* Of the file in @folder, which nobody has open: what was done, a sentence each;
 * nothing where nothing is wrong. */
char **mkv_lmdb_repair (const char *folder, GError **error);

G_END_DECLS
