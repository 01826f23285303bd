/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* What a store keeps of itself beside its entries, in the storage's meta. */

/* The format that this version writes, and the only one it reads. */
#define MKV_STORE_FORMAT "1"

/* A store goes on from the time in ms times this, where it has not recorded more:
 * above every seq that it can have used before a crash, a loss of power or a
 * backup that was restored made it forget the last ones. */
#define MKV_STORE_SEQ_PER_MS 1024

typedef struct
{
  char *format;      /* NULL where nothing was ever written */
  char *node_id;     /* the same */
  gint64 seq;        /* the last one used; -1 where there is none */
  gint64 clock_high; /* the greatest timestamp of a local write */
} MkvStoreRecord;

/* Reads the record. A format that this version does not read is an error; so is
 * a clock that can't be read, but with @damaged given that is set instead, and
 * seq is -1. */
gboolean mkv_store_record_read (MkvStoreRecord *self, MkvStorage *storage, gboolean *damaged, GError **error);
void mkv_store_record_clear (MkvStoreRecord *self);

/* Changes of meta that write parts of it. */
void mkv_store_record_add_names (MkvStorageBatch *batch, const char *node_id);
void mkv_store_record_add_clock (MkvStorageBatch *batch, gint64 seq, gint64 clock_high);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvStoreRecord, mkv_store_record_clear)

G_END_DECLS
