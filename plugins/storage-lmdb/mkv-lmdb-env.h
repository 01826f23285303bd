/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <lmdb.h>
#include <merklekv.h>

G_BEGIN_DECLS

/* The file in its folder, opened: who reads, who writes, and a map that grows.
 *
 * LMDB wants its map changed, and the file closed, while no transaction lives in
 * the process. So each reader holds a slot for as long as it reads, and whoever
 * changes the map takes all of them first. A slot keeps its transaction, reset,
 * for the next reader. */
typedef struct _MkvLmdbEnv MkvLmdbEnv;

#define MKV_LMDB_FILE "data.mdb"
#define MKV_LMDB_NEW_FILE "data.mdb.new"
#define MKV_LMDB_LOCK_FILE "lock.mdb"

/* What stands in LMDB's main database beside the two others. */
#define MKV_LMDB_ENTRIES "entries"
#define MKV_LMDB_META "meta"
#define MKV_LMDB_FORMAT "format"         /* text: MKV_LMDB_FORMAT_NAME, a space, a number */
#define MKV_LMDB_TOMBSTONES "tombstones" /* 8 octets, little endian: how many of the entries are tombstones */

#define MKV_LMDB_FORMAT_NAME "merklekv-lmdb"
#define MKV_LMDB_FORMAT_NUMBER 1

typedef struct
{
  MDB_dbi main, entries, meta;
} MkvLmdbNames;

/* Somebody who reads: valid between begin and end. */
typedef struct
{
  gint state;   /* atomic */
  MDB_txn *txn; /* whoever took the slot has it */
} __attribute__ ((aligned (64))) MkvLmdbReader;

/* Of no file yet. */
MkvLmdbEnv *mkv_lmdb_env_new (void);
void mkv_lmdb_env_free (MkvLmdbEnv *self);

/* Opens the file that is in @folder. The folder's lock is the caller's. */
gboolean mkv_lmdb_env_open (MkvLmdbEnv *self, const char *folder, GError **error);

/* Waits for whoever reads, writes or copies; from then on they get an error. */
gboolean mkv_lmdb_env_close (MkvLmdbEnv *self, GError **error);

const MkvLmdbNames *mkv_lmdb_env_get_names (MkvLmdbEnv *self);

/* From any thread. A reader keeps writers from growing the map: it is for one
 * call. */
MkvLmdbReader *mkv_lmdb_env_begin_read (MkvLmdbEnv *self, GError **error);
void mkv_lmdb_env_end_read (MkvLmdbReader *reader);

/* Makes changes in a transaction, and returns what LMDB said. It is called
 * again, in another transaction, where the map was too small for it. */
typedef int (*MkvLmdbChangeFunc) (MDB_txn *txn, gpointer user_data);

/* All of it, or nothing. Waits for whoever writes. */
gboolean mkv_lmdb_env_write (MkvLmdbEnv *self, MkvDurability durability, MkvLmdbChangeFunc func, gpointer user_data,
                             GError **error);

/* Keeps the pages of the newest version of the file from being used again, for
 * MkvLmdbFile to read them; with @exclusive, nobody writes meanwhile. Returns that
 * version, 0 with an error. There is one at a time: others wait. */
guint64 mkv_lmdb_env_pin (MkvLmdbEnv *self, gboolean exclusive, GError **error);

/* Whether the version was kept all the time: a map that grows drops it. */
gboolean mkv_lmdb_env_unpin (MkvLmdbEnv *self);

/* Called between an exclusive pin and its end: the new file that lies finished
 * in the folder takes the place of the open one. */
gboolean mkv_lmdb_env_swap (MkvLmdbEnv *self, GError **error);

const char *mkv_lmdb_env_get_folder (MkvLmdbEnv *self);

/* Sets @error, and returns FALSE. @rc is LMDB's or errno's; @what is what
 * failed, a sentence. */
gboolean mkv_lmdb_set_error (GError **error, int rc, const char *what);

G_END_DECLS
