/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-bench-sqlite.h"

#include <sqlite3.h>

struct _MkvBenchSqlite
{
  sqlite3 *db;
  sqlite3_stmt *begin, *put, *put_meta, *remove_meta, *commit, *get;
};

static void
check (MkvBenchSqlite *self, gboolean done)
{
  if (!done)
    g_error ("sqlite3: %s", sqlite3_errmsg (self->db));
}

static void
run (MkvBenchSqlite *self, const char *sql)
{
  check (self, sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *
prepare (MkvBenchSqlite *self, const char *sql)
{
  sqlite3_stmt *statement = NULL;

  check (self, sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == SQLITE_OK);
  return statement;
}

MkvBenchSqlite *
mkv_bench_sqlite_new (const char *folder)
{
  MkvBenchSqlite *self = g_new0 (MkvBenchSqlite, 1);
  g_autofree char *path = g_build_filename (folder, "sqlite.db", NULL);

  check (self, sqlite3_open (path, &self->db) == SQLITE_OK);
  run (self, "PRAGMA journal_mode=WAL");
  run (self, "PRAGMA synchronous=FULL");
  run (self, "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
  run (self, "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
  self->begin = prepare (self, "BEGIN IMMEDIATE");
  self->put = prepare (self, "INSERT OR REPLACE INTO entries VALUES (?, ?)");
  self->put_meta = prepare (self, "INSERT OR REPLACE INTO meta VALUES (?, ?)");
  self->remove_meta = prepare (self, "DELETE FROM meta WHERE name = ?");
  self->commit = prepare (self, "COMMIT");
  self->get = prepare (self, "SELECT value FROM entries WHERE key = ?");
  return self;
}

void
mkv_bench_sqlite_free (MkvBenchSqlite *self)
{
  sqlite3_finalize (self->begin);
  sqlite3_finalize (self->put);
  sqlite3_finalize (self->put_meta);
  sqlite3_finalize (self->remove_meta);
  sqlite3_finalize (self->commit);
  sqlite3_finalize (self->get);
  sqlite3_close (self->db);
  g_free (self);
}

void
mkv_bench_sqlite_begin (MkvBenchSqlite *self)
{
  check (self, sqlite3_step (self->begin) == SQLITE_DONE);
  sqlite3_reset (self->begin);
}

static void
put (MkvBenchSqlite *self, sqlite3_stmt *statement, const char *name, const void *octets, gsize length)
{
  sqlite3_bind_text (statement, 1, name, -1, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 2, octets, (int) length, SQLITE_STATIC);
  check (self, sqlite3_step (statement) == SQLITE_DONE);
  sqlite3_reset (statement);
}

void
mkv_bench_sqlite_put (MkvBenchSqlite *self, const char *key, const void *octets, gsize length)
{
  put (self, self->put, key, octets, length);
}

void
mkv_bench_sqlite_put_meta (MkvBenchSqlite *self, const char *name, const void *octets, gsize length)
{
  put (self, self->put_meta, name, octets, length);
}

void
mkv_bench_sqlite_remove_meta (MkvBenchSqlite *self, const char *name)
{
  sqlite3_bind_text (self->remove_meta, 1, name, -1, SQLITE_STATIC);
  check (self, sqlite3_step (self->remove_meta) == SQLITE_DONE);
  sqlite3_reset (self->remove_meta);
}

void
mkv_bench_sqlite_commit (MkvBenchSqlite *self)
{
  check (self, sqlite3_step (self->commit) == SQLITE_DONE);
  sqlite3_reset (self->commit);
}

void *
mkv_bench_sqlite_get (MkvBenchSqlite *self, const char *key, gsize *length)
{
  void *octets = NULL;
  int rc;

  sqlite3_bind_text (self->get, 1, key, -1, SQLITE_STATIC);
  rc = sqlite3_step (self->get);
  check (self, rc == SQLITE_ROW || rc == SQLITE_DONE);
  if (rc == SQLITE_ROW)
    {
      *length = (gsize) sqlite3_column_bytes (self->get, 0);
      octets = g_memdup2 (sqlite3_column_blob (self->get, 0), *length);
    }
  sqlite3_reset (self->get);
  return octets;
}
