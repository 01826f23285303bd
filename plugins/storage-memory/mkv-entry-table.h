/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Entries and meta in memory: a hash table for lookups, and an index in bytewise
 * order of the keys for scans. Any thread may use it at any time; readers don't
 * wait for each other, and see a batch whole or not at all. */
typedef struct _MkvEntryTable MkvEntryTable;

MkvEntryTable *mkv_entry_table_new (void);
void mkv_entry_table_free (MkvEntryTable *self);

/* As the functions of MkvStorage of these names. */
MkvEntry *mkv_entry_table_get (MkvEntryTable *self, const char *key, GError **error);
GPtrArray *mkv_entry_table_scan (MkvEntryTable *self, const char *prefix, const char *after, guint limit);
void mkv_entry_table_apply (MkvEntryTable *self, MkvStorageBatch *batch);
GBytes *mkv_entry_table_get_meta (MkvEntryTable *self, const char *name, GError **error);
GPtrArray *mkv_entry_table_scan_meta (MkvEntryTable *self, const char *prefix, const char *after, guint limit);

/* @n_bytes: of keys and values. */
void mkv_entry_table_get_stats (MkvEntryTable *self, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvEntryTable, mkv_entry_table_free)

G_END_DECLS
