/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-reading-private.h"

G_BEGIN_DECLS

/* What the cells of a turn tell of how many differences there are, and from
 * that how much deeper to look. */
typedef struct
{
  guint n_cells;
  guint n_equal;
  guint n_single;  /* exactly one difference */
  guint n_several;
  double squares;  /* sum of the squares of the differences of S, in 2^32 */
  guint n_large;   /* those that were not the sum of updates */
} MkvSyncSpread;

void mkv_sync_spread_add (MkvSyncSpread *self, MkvReadingCase what, MkvCell mine, MkvCell theirs);

/* How many bits deeper the cells of @n_open prefixes should be, each of about
 * @n_entries entries, in the answer to a turn that was the session's @turn-th
 * message, from 1; 1 to MKV_MAX_CELL_DEPTH. */
guint mkv_sync_spread_choose_depth (const MkvSyncSpread *self, guint n_open, double n_entries, guint turn);

/* The octets of an item of `cells` and of `lists` in CBOR. */
gsize mkv_sync_get_cells_size (guint n_bits, guint depth);
gsize mkv_sync_get_list_size (guint n_bits, guint64 n_entries);

G_END_DECLS
