/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <lmdb.h>
#include <merklekv.h>
#include <string.h>

G_BEGIN_DECLS

/* What an entry is in the database "entries", under its key. Numbers are little
 * endian wherever the file was written:
 *
 *     offset  octets
 *          0      32  digest
 *         32       8  timestamp, ms
 *         40       8  seq
 *         48       1  flags: MKV_LMDB_TOMBSTONE
 *         49       1  n, the length of the node id
 *         50       n  node id
 *     50 + n          value; nothing in a tombstone */

#define MKV_LMDB_RECORD_HEAD 50
#define MKV_LMDB_TOMBSTONE 0x01

gsize mkv_lmdb_record_get_size (const MkvEntry *entry);

/* Writes as many octets as that. */
void mkv_lmdb_record_write (guint8 *out, const MkvEntry *entry);

/* Whether these octets can be a record at all. */
static inline gboolean
mkv_lmdb_record_is_whole (const MDB_val *record)
{
  const guint8 *octets = record->mv_data;

  return record->mv_size >= MKV_LMDB_RECORD_HEAD && record->mv_size >= MKV_LMDB_RECORD_HEAD + (gsize) octets[49];
}

static inline gboolean
mkv_lmdb_record_is_tombstone (const MDB_val *record)
{
  return record->mv_size > 48 && (((const guint8 *) record->mv_data)[48] & MKV_LMDB_TOMBSTONE) != 0;
}

/* Of two whole ones: whether @a has a later stamp than @b. */
gboolean mkv_lmdb_record_is_later (const MDB_val *a, const MDB_val *b);

/* The entry of a key, copied out of the map. NULL with MKV_ERROR_CORRUPT. */
MkvEntry *mkv_lmdb_record_read (const MDB_val *key, const MDB_val *record, GError **error);

/* What is wrong with it, its digest among that; NULL if nothing. */
char *mkv_lmdb_record_find_fault (const MDB_val *key, const MDB_val *record);

G_END_DECLS
