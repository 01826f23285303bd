/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-reading-private.h"
#include "sync/mkv-sync-sort-private.h"
#include "sync/mkv-sync-turn-private.h"

G_BEGIN_DECLS

/* What the files of a turn share: mkv-sync-turn.c reads, mkv-sync-turn-write.c
 * writes.
 *
 * Work is counted in entries looked at in a search, of which a million take some
 * 6 ms on a desktop. Others are reckoned in these. */
#define MKV_SYNC_WORK_AT_ONCE (131072)
#define MKV_SYNC_WORK_LOOKUP (64)  /* of a prefix or a short id in the tree */
#define MKV_SYNC_WORK_ENTRY (256)  /* of an entry in the storage */
#define MKV_SYNC_WORK_ITEM (32)    /* for something to allocate */
#define MKV_SYNC_WORK_CELL (16)    /* for a cell to be read or made */
#define MKV_SYNC_WORK_SHORT_ID (4) /* for one that is listed, wanted or moved */

typedef struct
{
  MkvPrefix prefix;
  guint depth;
} MkvSyncCells;

struct _MkvSyncTurn
{
  MkvSyncMessage *message;
  guint number;
  MkvSyncHeard heard;
  MkvSyncAnswer answer;
  gboolean is_root; /* it reads the cell of a ROOT, which is @theirs */
  MkvCell theirs;

  guint stage; /* there is a table of them */
  guint next;  /* what the stage goes on with */

  /* Of reading. */
  MkvSyncSort sort;
  MkvPrefix last; /* the prefix before the one that is read */
  guint next_cell;
  guint64 budget;
  gboolean is_searching; /* the cell before next_cell */
  MkvReadingSearch search;

  /* Of writing. */
  guint n_kept;        /* pushes that are there once */
  GByteArray *offers;  /* for the message */
  double n_opened;     /* entries under prefixes that are open */
  guint depth;
  GArray *cells;       /* MkvSyncCells, for the message */
};

/* A stage does @work of the work; whether it is done. */
typedef gboolean (*MkvSyncStage) (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);

gboolean mkv_sync_turn_write_offers (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);
gboolean mkv_sync_turn_count_opened (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);
gboolean mkv_sync_turn_write_opened (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);
gboolean mkv_sync_turn_write_cells (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);
gboolean mkv_sync_turn_write_missing (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work);

G_END_DECLS
