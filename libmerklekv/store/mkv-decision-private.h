/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"
#include "store/mkv-contents-commit-private.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* What a leader decides a batch with: what each write does to what is there,
 * and to what the writes before it in the same batch did. Pure but for reading
 * the storage; nothing is changed before the batch is applied. */
typedef struct
{
  /* Set before the first write. */
  MkvStorage *storage;
  const char *node_id;
  gsize node_id_length;
  MkvStorePolicy policy;
  gint64 now;            /* ms */
  gint64 horizon;        /* ms; older tombstones are graves */
  MkvStorageBatch *batch; /* gets the changes */
  gboolean several;      /* more than one key may be written */

  /* Advanced by the writes; the caller keeps them if the batch is applied. */
  gint64 seq;        /* the last one used */
  gint64 clock_high; /* the greatest timestamp of a local write */
  gint64 room;       /* octets that the storage may still grow by */
  gint64 lacking;    /* the greatest growth that there was no room for, or 0 */

  GArray *staged;      /* of MkvStaged, beside the batch's entries */
  GHashTable *pending; /* key to the entry of this batch, borrowed from it */
} MkvDecision;

void mkv_decision_init (MkvDecision *self);
void mkv_decision_clear (MkvDecision *self);

/* Empties what the last batch left. */
void mkv_decision_reset (MkvDecision *self);

/* Decides @write. If it fails, its error is set, and nothing of it is in the
 * batch, except for what an APPLY had decided before. */
void mkv_decision_write (MkvDecision *self, MkvWrite *write);

/* Removes @graves (element-type MkvTombstone), behind all writes of the batch,
 * from the storage, and from @graves those that it can't; what still has to be
 * published goes from there to @unsent. Returns FALSE where the storage could
 * not be read. */
gboolean mkv_decision_remove_graves (MkvDecision *self, GPtrArray *graves, GPtrArray *unsent);

/* Writes @number as 16 hexadecimal digits, without a NUL behind them. */
void mkv_write_hex (char *text, guint64 number);

/* The name of an outbox mark; @name has room for MKV_OUTBOX_NAME_MAX octets.
 * The names are in the order of the seqs. */
#define MKV_OUTBOX_PREFIX "outbox/"
#define MKV_OUTBOX_NAME_MAX 320
void mkv_outbox_name (char *name, gint64 seq, const char *key);

G_END_DECLS
