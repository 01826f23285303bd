/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-test.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

#define NOW G_GINT64_CONSTANT (1700000000000)
#define SKEW 300000

/* A store in memory, of the node "m", with a manual clock. */
typedef struct
{
  MkvManualClock *clock;
  MkvObserver *observer;
  MkvStorage *storage;
  MkvStore *store;
} StoreWorld;

MkvStore *store_world_open_as (StoreWorld *f, const char *node_id, GError **error);
void store_world_set_up (StoreWorld *f, gconstpointer data);
void store_world_tear_down (StoreWorld *f, gconstpointer data);
void store_world_set (StoreWorld *f, const char *key, const char *value);
void store_world_assert_value (StoreWorld *f, const char *key, const char *value);
MkvEntry *store_world_make (const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq);
/* Runs @write, with @entries if given, to its end. */
MkvWrite *store_world_submit (StoreWorld *f, MkvWriteKind kind, GPtrArray *entries);
void store_world_apply (StoreWorld *f, MkvEntry *entry, guint n_applied, guint n_stale, guint n_duplicate,
                        guint n_future);
/* The outbox holds just that: "key=value other=-", a tombstone as a dash. */
void store_world_assert_outbox (StoreWorld *f, const char *expected);

G_END_DECLS
