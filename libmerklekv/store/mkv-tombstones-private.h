/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The keys of all tombstones that the store has, by the hour of their
 * timestamp: those that a horizon passes, and the oldest, are found without a
 * look at any other. No lock of its own. Timestamps are in ms. */
typedef struct _MkvTombstones MkvTombstones;

#define MKV_HOUR G_GINT64_CONSTANT (3600000)

MkvTombstones *mkv_tombstones_new (void);
void mkv_tombstones_free (MkvTombstones *self);

/* A key is in it at most once: its older tombstone is removed first. */
void mkv_tombstones_add (MkvTombstones *self, gint64 timestamp, const char *key);
/* Returns whether it was in it. */
gboolean mkv_tombstones_remove (MkvTombstones *self, gint64 timestamp, const char *key);

guint64 mkv_tombstones_get_count (const MkvTombstones *self);

/* The first hour that has one; G_MAXINT64 where there is none. */
gint64 mkv_tombstones_get_oldest (const MkvTombstones *self);

/* How many there are in that hour. */
guint mkv_tombstones_count_oldest (const MkvTombstones *self);

/* Moves at most @n of that hour to @other, and calls @func for each. */
typedef void (*MkvTombstoneFunc) (const char *key, gpointer user_data);
void mkv_tombstones_move_oldest (MkvTombstones *self, MkvTombstones *other, guint n, MkvTombstoneFunc func,
                                 gpointer user_data);

/* One that is to be removed. */
typedef struct
{
  gint64 hour;
  char key[];
} MkvTombstone;

/* The @n oldest, or as many as there are before @to. (transfer full)
 * (element-type MkvTombstone) */
GPtrArray *mkv_tombstones_list (const MkvTombstones *self, gint64 to, guint n);

G_END_DECLS
