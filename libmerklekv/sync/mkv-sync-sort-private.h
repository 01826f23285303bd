/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sorts an array piece by piece: any size of it, but a bounded time in each
 * step. What is equal stays in order. */
typedef struct
{
  guint8 *elements; /* the caller's, as long as this lasts */
  guint8 *spare;    /* room for as many; NULL where it was not needed yet */
  guint n;
  gsize size; /* of an element */
  GCompareFunc compare;
  guint width;          /* runs of so many are in order, behind each other; 0 before the first step */
  gboolean is_in_spare; /* that is where they are */
  guint done;           /* so many elements are in runs of the next width */
  guint left, right;    /* so many of the two runs that are being merged are */
} MkvSyncSort;

void mkv_sync_sort_init (MkvSyncSort *self, gpointer elements, guint n, gsize size, GCompareFunc compare);

/* Whether or not it is at its end. */
void mkv_sync_sort_clear (MkvSyncSort *self);

/* Looks at @n_elements or a few hundred more; whether all are in order then. */
gboolean mkv_sync_sort_step (MkvSyncSort *self, guint n_elements);

G_END_DECLS
