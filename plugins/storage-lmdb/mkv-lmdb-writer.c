/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-lmdb-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "mkv-lmdb-record.h"

/* A transaction holds all it has changed in memory. */
#define BYTES_PER_COMMIT (8 * 1024 * 1024)

#define LEAST_ROOM (16 * 1024 * 1024)

struct _MkvLmdbWriter
{
  char *path;
  MDB_env *env;
  MDB_txn *txn; /* NULL between transactions */
  MkvLmdbNames names;
  gsize n_bytes; /* put in this transaction */
  guint64 n_tombstones;
  guint64 n_entries, n_meta; /* once it is finished */
};

static gboolean
fail (MkvLmdbWriter *self, int rc, GError **error)
{
  g_autofree char *what = g_strdup_printf (_("%s can't be written"), self->path);

  return mkv_lmdb_set_error (error, rc, what);
}

static int
put_text (MDB_txn *txn, MDB_dbi dbi, const char *name, const void *octets, gsize length)
{
  MDB_val key = { strlen (name), (void *) name }, value = { length, (void *) octets };

  return mdb_put (txn, dbi, &key, &value, 0);
}

static int
begin (MkvLmdbWriter *self)
{
  g_autofree char *format = g_strdup_printf ("%s %d", MKV_LMDB_FORMAT_NAME, MKV_LMDB_FORMAT_NUMBER);
  int rc = mdb_txn_begin (self->env, NULL, 0, &self->txn);

  self->n_bytes = 0;
  if (rc != 0 || self->names.main != 0)
    return rc;
  if ((rc = mdb_dbi_open (self->txn, NULL, 0, &self->names.main)) == 0 &&
      (rc = mdb_dbi_open (self->txn, MKV_LMDB_ENTRIES, MDB_CREATE, &self->names.entries)) == 0 &&
      (rc = mdb_dbi_open (self->txn, MKV_LMDB_META, MDB_CREATE, &self->names.meta)) == 0)
    rc = put_text (self->txn, self->names.main, MKV_LMDB_FORMAT, format, strlen (format));
  return rc;
}

gsize
mkv_lmdb_writer_get_room (guint64 size)
{
  return (gsize) MIN (2 * size + LEAST_ROOM, (guint64) G_MAXSSIZE / 4) & ~(gsize) 0xFFFF;
}

MkvLmdbWriter *
mkv_lmdb_writer_new (const char *folder, gsize size, GError **error)
{
  g_autoptr (MkvLmdbWriter) self = g_new0 (MkvLmdbWriter, 1);
  int rc;

  self->path = g_build_filename (folder, MKV_LMDB_NEW_FILE, NULL);
  if (g_unlink (self->path) != 0 && errno != ENOENT)
    rc = errno;
  else if ((rc = mdb_env_create (&self->env)) == 0 && (rc = mdb_env_set_maxdbs (self->env, 2)) == 0 &&
           (rc = mdb_env_set_mapsize (self->env, size)) == 0 &&
           /* Nobody else has it, and it is synced once, at the end. */
           (rc = mdb_env_open (self->env, self->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600)) == 0)
    rc = begin (self);
  if (rc == 0)
    return g_steal_pointer (&self);
  fail (self, rc, error);
  return NULL;
}

/* Before each record: a transaction that has become large is committed. */
static int
prepare (MkvLmdbWriter *self, gsize n_bytes)
{
  int rc;

  self->n_bytes += n_bytes;
  if (self->n_bytes <= BYTES_PER_COMMIT)
    return 0;
  rc = mdb_txn_commit (g_steal_pointer (&self->txn));
  return rc != 0 ? rc : begin (self);
}

gboolean
mkv_lmdb_writer_put (MkvLmdbWriter *self, gboolean meta, const MDB_val *key, const MDB_val *value, GError **error)
{
  MDB_dbi dbi = meta ? self->names.meta : self->names.entries;
  MDB_val name = *key, octets = *value;
  int rc = prepare (self, key->mv_size + value->mv_size);

  /* What comes in order, as it mostly does, fills the pages. */
  if (rc == 0)
    rc = mdb_put (self->txn, dbi, &name, &octets, MDB_APPEND);
  if (rc == MDB_KEYEXIST)
    rc = mdb_put (self->txn, dbi, &name, &octets, MDB_NOOVERWRITE);
  if (rc == MDB_KEYEXIST)
    {
      self->n_tombstones -= !meta && mkv_lmdb_record_is_tombstone (&octets) ? 1 : 0;
      octets = *value;
      rc = mdb_put (self->txn, dbi, &name, &octets, 0);
    }
  if (rc != 0)
    return fail (self, rc, error);
  self->n_tombstones += !meta && mkv_lmdb_record_is_tombstone (value) ? 1 : 0;
  return TRUE;
}

gboolean
mkv_lmdb_writer_put_later (MkvLmdbWriter *self, const MDB_val *key, const MDB_val *value, GError **error)
{
  MDB_val name = *key, old;
  int rc = mdb_get (self->txn, self->names.entries, &name, &old);

  if (rc != 0 && rc != MDB_NOTFOUND)
    return fail (self, rc, error);
  return (rc == 0 && !mkv_lmdb_record_is_later (value, &old)) || mkv_lmdb_writer_put (self, FALSE, key, value, error);
}

void
mkv_lmdb_writer_get_counts (MkvLmdbWriter *self, guint64 *n_entries, guint64 *n_meta)
{
  *n_entries = self->n_entries;
  *n_meta = self->n_meta;
}

gboolean
mkv_lmdb_writer_finish (MkvLmdbWriter *self, GError **error)
{
  guint64 n_tombstones = GUINT64_TO_LE (self->n_tombstones);
  int rc = put_text (self->txn, self->names.main, MKV_LMDB_TOMBSTONES, &n_tombstones, sizeof n_tombstones);
  MDB_stat entries, meta;

  if (rc == 0 && (rc = mdb_stat (self->txn, self->names.entries, &entries)) == 0 &&
      (rc = mdb_stat (self->txn, self->names.meta, &meta)) == 0)
    {
      self->n_entries = entries.ms_entries;
      self->n_meta = meta.ms_entries;
    }
  if (rc == 0)
    rc = mdb_txn_commit (g_steal_pointer (&self->txn));
  if (rc == 0)
    rc = mdb_env_sync (self->env, 1);
  if (rc != 0)
    return fail (self, rc, error);
  g_clear_pointer (&self->env, mdb_env_close);
  g_clear_pointer (&self->path, g_free);
  return TRUE;
}

void
mkv_lmdb_writer_free (MkvLmdbWriter *self)
{
  g_clear_pointer (&self->txn, mdb_txn_abort);
  g_clear_pointer (&self->env, mdb_env_close);
  if (self->path != NULL)
    g_unlink (self->path);
  g_free (self->path);
  g_free (self);
}

gboolean
mkv_lmdb_writer_sync_folder (const char *folder, GError **error)
{
  int fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), saved_errno = errno;
  g_autofree char *what = NULL;

  if (fd >= 0)
    {
      int rc = fsync (fd);

      saved_errno = errno;
      close (fd);
      if (rc == 0)
        return TRUE;
    }
  what = g_strdup_printf (_("The folder %s can't be written out"), folder);
  return mkv_storage_set_error_from_errno (error, saved_errno, what);
}

gboolean
mkv_lmdb_writer_rename (const char *folder, GError **error)
{
  g_autofree char *new_path = g_build_filename (folder, MKV_LMDB_NEW_FILE, NULL);
  g_autofree char *path = g_build_filename (folder, MKV_LMDB_FILE, NULL);
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *what = NULL;

  if (g_rename (new_path, path) == 0)
    {
      /* The folder may be as new as the file; above it we may have no rights. */
      mkv_lmdb_writer_sync_folder (parent, NULL);
      return mkv_lmdb_writer_sync_folder (folder, error);
    }
  what = g_strdup_printf (_("%s can't be given its name"), path);
  return mkv_storage_set_error_from_errno (error, errno, what);
}
