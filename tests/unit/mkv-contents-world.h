/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-test.h"
#include "store/mkv-contents-private.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* A full hour. */
#define NOW G_GINT64_CONSTANT (1699999200000)
#define HOUR G_GINT64_CONSTANT (3600000)
#define DAY (24 * HOUR)
#define SKEW 300000

/* A replica: a store with a storage, a clock and an observer of its own. */
typedef struct
{
  MkvManualClock *clock;
  MkvObserver *observer;
  MkvStorage *storage;
  MkvStorePolicy policy;
  MkvLocalStore *store;
  MkvContents *contents;
} Replica;

/* Takes @clock and @storage. */
Replica *replica_new (MkvManualClock *clock, MkvStorage *storage, const MkvStorePolicy *policy);
void replica_free (Replica *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Replica, replica_free)

/* Closes the store and opens it again, on the same storage. */
void replica_reopen (Replica *self);

/* Returns when nothing that the clock asks for is left to do. */
void replica_settle (Replica *self);

/* The tree, and what is told of it, is what the rules make of the storage and
 * the clock. */
void replica_assert_right (Replica *self);

void replica_set (Replica *self, const char *key, const char *value);
void replica_delete (Replica *self, const char *key);

/* Applies @entry (transfer full) as one of another node's, and returns the write. */
MkvWrite *replica_apply (Replica *self, MkvEntry *entry);
MkvEntry *replica_make (const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq);

/* Whether the storage has anything, tombstones too, under @key. */
gboolean replica_has (Replica *self, const char *key);
MkvContentsState replica_get_state (Replica *self);
void replica_assert_same_root (Replica *a, Replica *b, gboolean same);

G_END_DECLS
