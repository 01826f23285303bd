/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-storage-file.h"
#include "mkv-test.h"

G_BEGIN_DECLS

#define MKV_SNAPSHOT "snapshot.jsonl"
#define MKV_JOURNAL "journal.jsonl"
#define MKV_CORRUPT "corrupt.jsonl"

/* A folder that is made for a test, and the storage in it. Warnings are kept
 * instead of ending the program. */
typedef struct
{
  char *folder;
  MkvStorage *storage; /* NULL if it is not open */
} MkvStorageFileWorld;

void mkv_storage_file_world_set_up (MkvStorageFileWorld *self, gconstpointer data);
void mkv_storage_file_world_tear_down (MkvStorageFileWorld *self, gconstpointer data);

/* Opens the folder, with @max_size or 0; fails the test if it can't be. */
void mkv_storage_file_world_open (MkvStorageFileWorld *self, guint64 max_size);
void mkv_storage_file_world_close (MkvStorageFileWorld *self);

/* The error of opening the folder and reading from it. */
GError *mkv_storage_file_world_open_badly (MkvStorageFileWorld *self);

/* Puts an entry, NULL for a tombstone, and meta of the same name with its seq. */
gboolean mkv_storage_file_world_put (MkvStorageFileWorld *self, MkvDurability durability, const char *key,
                                     const char *value, gint64 seq, GError **error);

/* All that is there: "KEY=VALUE:SEQ", a tombstone's value is "-", then "NAME~VALUE". */
char *mkv_storage_file_world_dump (MkvStorageFileWorld *self);
void mkv_storage_file_world_assert_dump (MkvStorageFileWorld *self, const char *expected);

/* What verify() finds, one line each; "" if all is well. */
char *mkv_storage_file_world_verify (MkvStorageFileWorld *self);

/* The files. NULL for one that is not there. */
GBytes *mkv_storage_file_world_read (MkvStorageFileWorld *self, const char *name);
void mkv_storage_file_world_write (MkvStorageFileWorld *self, const char *name, const void *octets, gsize length);
void mkv_storage_file_world_remove (MkvStorageFileWorld *self, const char *name);
gboolean mkv_storage_file_world_has (MkvStorageFileWorld *self, const char *name);

/* How many warnings there were since the last time. */
guint mkv_storage_file_world_count_warnings (void);

G_END_DECLS
