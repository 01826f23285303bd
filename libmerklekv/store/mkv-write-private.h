/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "storage/mkv-storage-batch.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* One request to change the store, of whatever kind, on its way through the
 * commit queue. A synchronous caller has it on its stack, with borrowed
 * arguments; mkv_write_new() and mkv_write_free() make and free one that owns
 * what it points at. */
typedef enum
{
  MKV_WRITE_SET,
  MKV_WRITE_DELETE,
  MKV_WRITE_INCREMENT,
  MKV_WRITE_DECREMENT,
  MKV_WRITE_APPEND,
  MKV_WRITE_PREPEND,
  MKV_WRITE_SET_MANY,
  /* Entries of other nodes, each decided alone by last write wins. */
  MKV_WRITE_APPLY,
  /* The same of a dump: own entries of it are older than what comes, so seq goes
   * on behind theirs. */
  MKV_WRITE_LOAD,
  /* The broker has these entries of ours: their outbox marks go. */
  MKV_WRITE_CLEAR_OUTBOX,
  /* Own entries from a future that the clock has stepped back from are written
   * again with the time of now. */
  MKV_WRITE_HEAL,
  /* Graves that are to go are removed, a page of them; the tree is built afresh
   * if the clock stepped back; the horizon is stored. */
  MKV_WRITE_MAINTAIN,
  /* Writes what is there already, to learn whether the storage takes writes. */
  MKV_WRITE_PROBE,
  /* Writes nothing: a function is called by the leader, behind the other writes
   * of its batch, so that nothing is written meanwhile. */
  MKV_WRITE_CALL,
} MkvWriteKind;

typedef struct _MkvWrite MkvWrite;

/* Adds what has to be kept in the write's own storage transaction, such as the
 * answer to a command. Called by the leader, in any thread, after the write was
 * decided and did not fail; `entry` and `number` of @write are set. */
typedef void (*MkvWriteReceiptFunc) (const MkvWrite *write, MkvStorageBatch *batch, gpointer user_data);

/* What the leader calls; without an error it is done. */
typedef void (*MkvWriteCallFunc) (gpointer user_data, GError **error);

struct _MkvWrite
{
  MkvWriteKind kind;

  /* Arguments, as the kind needs them. */
  const char *key;
  GBytes *value;
  gint64 amount;
  gsize max_value_bytes;   /* of APPEND and PREPEND: a longer result fails; 0 for MKV_MAX_VALUE_BYTES */
  const char *const *keys; /* of SET_MANY, each once */
  GPtrArray *values;       /* of GBytes, of SET_MANY, one for each of keys */
  GPtrArray *entries;      /* of MkvEntry, of APPLY, LOAD and CLEAR_OUTBOX */
  MkvOrigin origin;        /* of APPLY and LOAD */
  gboolean want_outcome;   /* of APPLY: `applied` and `winners` are made */
  MkvWriteReceiptFunc receipt;
  gpointer receipt_data;
  MkvWriteCallFunc call;   /* of CALL */
  gpointer call_data;

  /* Results, valid when it is done. */
  GError *error;
  MkvEntry *entry; /* what a write of one key wrote */
  GBytes *result;  /* of APPEND and PREPEND, of a store that does not know the entry */
  gint64 number;   /* of INCREMENT and DECREMENT */
  guint n_applied, n_stale, n_duplicate, n_future; /* of APPLY and LOAD */
  GPtrArray *applied; /* of MkvEntry, of APPLY: those of its entries that are now in place */
  /* Of MkvEntry, of APPLY: entries in place, tombstones and graves among them,
   * that one of its entries lost to; without those too far in the future. */
  GPtrArray *winners;

  /* The commit queue's own, under its mutex. */
  MkvWrite *next;
  gint state;
  GCond *cond; /* of a synchronous writer that waits */
  GTask *task; /* of a pushed write */
  gulong cancelled_id;
};

MkvWrite *mkv_write_new (MkvWriteKind kind, const char *key, GBytes *value);
void mkv_write_free (MkvWrite *write);

/* Checks the arguments, before the write gets into the queue. */
gboolean mkv_write_check (const MkvWrite *write, GError **error);

G_END_DECLS
