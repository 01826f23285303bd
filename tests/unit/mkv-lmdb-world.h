/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* An LMDB storage in a folder of its own. */
typedef struct
{
  char *folder;
  char *file;          /* data.mdb */
  MkvStorage *storage; /* open; NULL where a test closed it */
} MkvLmdbWorld;

void mkv_lmdb_world_set_up (MkvLmdbWorld *self, gconstpointer data);
void mkv_lmdb_world_tear_down (MkvLmdbWorld *self, gconstpointer data);

void mkv_lmdb_world_open (MkvLmdbWorld *self);
void mkv_lmdb_world_close (MkvLmdbWorld *self);

/* Opening it has to fail with @code; returns why. */
char *mkv_lmdb_world_fail_to_open (MkvLmdbWorld *self, MkvError code);

/* Puts @n entries, "k000000" and so on from @first, in one batch; the value has
 * @length octets. */
gboolean mkv_lmdb_world_put (MkvLmdbWorld *self, MkvDurability durability, guint first, guint n, gsize length,
                             gint64 seq, GError **error);

/* The seq of an entry that has been put so, after checking it against its
 * digest; 0 where it is not there. */
gint64 mkv_lmdb_world_get (MkvLmdbWorld *self, guint i);

void mkv_lmdb_world_assert_clean (MkvLmdbWorld *self);

guint64 mkv_lmdb_world_get_file_size (MkvLmdbWorld *self);

G_END_DECLS
