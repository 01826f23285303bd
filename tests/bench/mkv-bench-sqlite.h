/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What many would pick to keep keys and values: sqlite3, with a write-ahead log
 * and synchronous=FULL. A table for entries and one for meta, so that it can
 * write what a store does. Any failure aborts. */
typedef struct _MkvBenchSqlite MkvBenchSqlite;

/* In a file in @folder. */
MkvBenchSqlite *mkv_bench_sqlite_new (const char *folder);
void mkv_bench_sqlite_free (MkvBenchSqlite *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvBenchSqlite, mkv_bench_sqlite_free)

/* A transaction puts what is written between the two. */
void mkv_bench_sqlite_begin (MkvBenchSqlite *self);
void mkv_bench_sqlite_put (MkvBenchSqlite *self, const char *key, const void *octets, gsize length);
void mkv_bench_sqlite_put_meta (MkvBenchSqlite *self, const char *name, const void *octets, gsize length);
void mkv_bench_sqlite_remove_meta (MkvBenchSqlite *self, const char *name);
void mkv_bench_sqlite_commit (MkvBenchSqlite *self);

/* Copies the value of a key out; NULL if it is not there. */
void *mkv_bench_sqlite_get (MkvBenchSqlite *self, const char *key, gsize *length);

G_END_DECLS
