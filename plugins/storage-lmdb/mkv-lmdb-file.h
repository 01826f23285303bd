/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <lmdb.h>
#include <merklekv.h>

G_BEGIN_DECLS

/* Reads an LMDB file page by page, with read(), and believes nothing of it. LMDB
 * itself follows whatever a damaged page says, out of the map if need be. This is
 * for what reads everything, or what may be damaged: verifying, repairing,
 * copying. Of one version of the file: a reader must keep its pages from being
 * used again, or nobody write. */
typedef struct _MkvLmdbFile MkvLmdbFile;

typedef enum
{
  MKV_LMDB_TREE_FREE,    /* LMDB's list of free pages */
  MKV_LMDB_TREE_MAIN,
  MKV_LMDB_TREE_ENTRIES,
  MKV_LMDB_TREE_META,
} MkvLmdbTree;

/* A record, in the order of the keys. FALSE ends the walk. */
typedef gboolean (*MkvLmdbRecordFunc) (MkvLmdbTree tree, const MDB_val *key, const MDB_val *value,
                                       gpointer user_data);

MkvLmdbFile *mkv_lmdb_file_open (const char *path, GError **error);
void mkv_lmdb_file_free (MkvLmdbFile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLmdbFile, mkv_lmdb_file_free)

/* The newest version that a meta page tells of, and the one before; 0 where a
 * page is not what it should be. */
guint64 mkv_lmdb_file_get_newest (MkvLmdbFile *self);
guint64 mkv_lmdb_file_get_older (MkvLmdbFile *self);

guint64 mkv_lmdb_file_get_size (MkvLmdbFile *self);

/* Whether the last walk came to a database that is not ours. */
gboolean mkv_lmdb_file_is_strange (MkvLmdbFile *self);

/* Goes through all the records of @version, and checks every page on the way;
 * past what is damaged it goes on. Adds what is wrong to @faults, a sentence
 * each. FALSE where @func, which may be NULL, has ended it. */
gboolean mkv_lmdb_file_walk (MkvLmdbFile *self, guint64 version, MkvLmdbRecordFunc func, gpointer user_data,
                             GPtrArray *faults);

/* The same, but only from the meta page to the first page of each tree. */
void mkv_lmdb_file_look (MkvLmdbFile *self, guint64 version, GPtrArray *faults);

/* The records of every page of entries that the last walk did not come to, and
 * that is not known to be free: what lies behind a damaged page, and perhaps what
 * is older. Any octets may come. */
gboolean mkv_lmdb_file_walk_lost (MkvLmdbFile *self, MkvLmdbRecordFunc func, gpointer user_data);

G_END_DECLS
