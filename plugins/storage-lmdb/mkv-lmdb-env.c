/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-lmdb-env.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mkv-lmdb-writer.h"

/* More than threads usually read at once; fewer than the 126 readers that LMDB
 * has room for. */
#define N_READERS 64

#define LEAST_MAP (16 * 1024 * 1024)
/* Less than LMDB needs: it takes what the file needs. */
#define NO_MAP (64 * 1024)
/* From there on the map grows by this, not twofold. */
#define GREAT_MAP ((gsize) 1024 * 1024 * 1024)

/* Beside LMDB's codes, which are far below, and errno's. */
#define CLOSED (-1)

enum
{
  READER_FREE,
  READER_BUSY,
  READER_SHUT,
};

struct _MkvLmdbEnv
{
  MkvLmdbReader readers[N_READERS + 1]; /* the last is who has pinned a version */
  char *folder;
  /* Taken in this order. */
  GMutex pin_mutex;   /* held while a version is pinned */
  GMutex write_mutex; /* guards durable, and who may shut the gate */
  GMutex gate;        /* held while all the readers are shut; they wait for it */

  MDB_env *env;     /* NULL where opening it again failed; changes only while all readers are shut */
  gboolean is_open; /* the same */
  MkvLmdbNames names;
  gboolean durable;   /* how the environment commits now */
  gboolean exclusive; /* of the pin */
  gboolean unsynced;  /* the disk may still have another file under the name of the open one; of write_mutex too */
};

gboolean
mkv_lmdb_set_error (GError **error, int rc, const char *what)
{
  switch (rc)
    {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_CURSOR_FULL:
      g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, _("%s: the file is damaged (%s): `merklekv repair` saves "
                   "what can be read"), what, mdb_strerror (rc));
      return FALSE;
    case CLOSED:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("%s: it is closed"), what);
      return FALSE;
    case MDB_VERSION_MISMATCH:
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("%s: the file is of another version of LMDB: open it with the program that wrote it"), what);
      return FALSE;
    default:
      if (rc > 0)
        return mkv_storage_set_error_from_errno (error, rc, what);
      g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED, "%s: %s", what, mdb_strerror (rc));
      return FALSE;
    }
}

static void
shut (MkvLmdbEnv *self)
{
  g_mutex_lock (&self->gate);
  for (guint i = 0; i <= N_READERS; i++)
    {
      MkvLmdbReader *reader = &self->readers[i];

      while (!g_atomic_int_compare_and_exchange (&reader->state, READER_FREE, READER_SHUT))
        g_thread_yield ();
      g_clear_pointer (&reader->txn, mdb_txn_abort);
    }
}

static void
unshut (MkvLmdbEnv *self)
{
  for (guint i = 0; i <= N_READERS; i++)
    g_atomic_int_set (&self->readers[i].state, READER_FREE);
  g_mutex_unlock (&self->gate);
}

static guint64
get_file_size (MkvLmdbEnv *self)
{
  g_autofree char *path = g_build_filename (self->folder, MKV_LMDB_FILE, NULL);
  struct stat info;

  return stat (path, &info) == 0 ? (guint64) info.st_size : 0;
}

/* Of a map with room to grow into. */
static gsize
get_map_size (guint64 file_size)
{
  gsize size = LEAST_MAP;

  while (size < file_size + LEAST_MAP / 2)
    size += MIN (size, GREAT_MAP);
  return size;
}

static int
open_names (MkvLmdbEnv *self)
{
  MDB_txn *txn;
  int rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &txn);

  if (rc != 0)
    return rc;
  if ((rc = mdb_dbi_open (txn, NULL, 0, &self->names.main)) != 0 ||
      (rc = mdb_dbi_open (txn, MKV_LMDB_ENTRIES, 0, &self->names.entries)) != 0 ||
      (rc = mdb_dbi_open (txn, MKV_LMDB_META, 0, &self->names.meta)) != 0)
    {
      mdb_txn_abort (txn);
      return rc;
    }
  return mdb_txn_commit (txn);
}

static int
open_with_map (MkvLmdbEnv *self, gsize size)
{
  int n_dead, rc = mdb_env_create (&self->env);

  if (rc != 0)
    return rc;
  if ((rc = mdb_env_set_maxdbs (self->env, 2)) == 0 &&
      (rc = mdb_env_set_mapsize (self->env, size)) == 0 &&
      (rc = mdb_env_open (self->env, self->folder, MDB_NOTLS, 0600)) == 0 &&
      (rc = mdb_reader_check (self->env, &n_dead)) == 0 &&
      (rc = open_names (self)) == 0)
    {
      self->durable = TRUE;
      return 0;
    }
  g_clear_pointer (&self->env, mdb_env_close);
  return rc;
}

/* Called while all readers are shut, or before there are any. */
static int
open_file (MkvLmdbEnv *self)
{
  guint64 file_size = get_file_size (self);
  int rc = open_with_map (self, get_map_size (file_size));

  /* Where address space is short: LMDB makes it as large as what is in the file. */
  return rc == ENOMEM ? open_with_map (self, NO_MAP) : rc;
}

/* Called with the write mutex held, after LMDB refused to go on with what is
 * open, or where nothing is. */
static int
open_again (MkvLmdbEnv *self)
{
  int rc;

  shut (self);
  g_clear_pointer (&self->env, mdb_env_close);
  rc = open_file (self);
  /* Where the last write of a meta page failed, LMDB has put the one before
   * back, in the page cache: the disk must have it before anything is written
   * over the pages that the failed one would have had. */
  if (rc == 0 && (rc = mdb_env_sync (self->env, 1)) != 0)
    g_clear_pointer (&self->env, mdb_env_close);
  unshut (self);
  return rc;
}

/* Called with the write mutex held. */
static int
grow (MkvLmdbEnv *self)
{
  MDB_envinfo info;
  int n_dead, rc;

  shut (self);
  mdb_env_info (self->env, &info);
  /* A reader that died elsewhere keeps pages from being used again. */
  mdb_reader_check (self->env, &n_dead);
  rc = mdb_env_set_mapsize (self->env, info.me_mapsize + MIN (info.me_mapsize, GREAT_MAP));
  /* Then there is no map at all. */
  if (rc != 0)
    {
      mdb_env_close (self->env);
      self->env = NULL;
      open_file (self);
    }
  unshut (self);
  return rc;
}

MkvLmdbEnv *
mkv_lmdb_env_new (void)
{
  MkvLmdbEnv *self = g_aligned_alloc0 (1, sizeof *self, _Alignof (MkvLmdbEnv));

  g_mutex_init (&self->pin_mutex);
  g_mutex_init (&self->write_mutex);
  g_mutex_init (&self->gate);
  return self;
}

void
mkv_lmdb_env_free (MkvLmdbEnv *self)
{
  mkv_lmdb_env_close (self, NULL);
  g_mutex_clear (&self->gate);
  g_mutex_clear (&self->write_mutex);
  g_mutex_clear (&self->pin_mutex);
  g_free (self->folder);
  g_aligned_free (self);
}

gboolean
mkv_lmdb_env_open (MkvLmdbEnv *self, const char *folder, GError **error)
{
  g_autofree char *what = g_strdup_printf (_("The LMDB storage in %s can't be opened"), folder);
  int rc;

  g_mutex_lock (&self->write_mutex);
  shut (self);
  g_free (self->folder);
  self->folder = g_strdup (folder);
  rc = open_file (self);
  self->is_open = rc == 0;
  unshut (self);
  g_mutex_unlock (&self->write_mutex);
  if (rc == 0)
    return TRUE;
  if (rc != MDB_NOTFOUND && rc != MDB_INCOMPATIBLE)
    return mkv_lmdb_set_error (error, rc, what);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
               _("The LMDB file in %s is not a storage of MerkleKV: set another storage.path"), folder);
  return FALSE;
}

gboolean
mkv_lmdb_env_close (MkvLmdbEnv *self, GError **error)
{
  int rc = 0;

  g_mutex_lock (&self->pin_mutex);
  g_mutex_lock (&self->write_mutex);
  shut (self);
  if (self->env != NULL)
    rc = mdb_env_sync (self->env, 1);
  g_clear_pointer (&self->env, mdb_env_close);
  self->is_open = FALSE;
  unshut (self);
  g_mutex_unlock (&self->write_mutex);
  g_mutex_unlock (&self->pin_mutex);
  return rc == 0 || mkv_lmdb_set_error (error, rc, _("The LMDB storage could not be written out"));
}

const char *
mkv_lmdb_env_get_folder (MkvLmdbEnv *self)
{
  return self->folder;
}

const MkvLmdbNames *
mkv_lmdb_env_get_names (MkvLmdbEnv *self)
{
  return &self->names;
}

/* Where a thread looks for a free slot first: mostly its own. */
static guint
get_place (void)
{
  static gint n_threads;
  static __thread guint place;

  if (place == 0)
    place = (guint) g_atomic_int_add (&n_threads, 1) % N_READERS + 1;
  return place - 1;
}

static MkvLmdbReader *
take_reader (MkvLmdbEnv *self)
{
  guint place = get_place ();

  for (;;)
    {
      for (guint i = 0; i < N_READERS; i++)
        {
          MkvLmdbReader *reader = &self->readers[(place + i) % N_READERS];

          if (g_atomic_int_compare_and_exchange (&reader->state, READER_FREE, READER_BUSY))
            return reader;
        }
      /* All are busy, for a moment, or shut for as long as the gate is. */
      g_thread_yield ();
      g_mutex_lock (&self->gate);
      g_mutex_unlock (&self->gate);
    }
}

/* After an error: opens the file again where LMDB has given it up. */
static int
recover (MkvLmdbEnv *self)
{
  MDB_txn *txn;
  int rc = MDB_PANIC;

  g_mutex_lock (&self->write_mutex);
  if (!self->is_open)
    rc = CLOSED;
  else if (self->env != NULL && (rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &txn)) == 0)
    mdb_txn_abort (txn);
  else if (rc == MDB_PANIC)
    rc = open_again (self);
  else if (rc == MDB_MAP_RESIZED)
    rc = grow (self);
  g_mutex_unlock (&self->write_mutex);
  return rc;
}

MkvLmdbReader *
mkv_lmdb_env_begin_read (MkvLmdbEnv *self, GError **error)
{
  for (guint attempt = 0;; attempt++)
    {
      MkvLmdbReader *reader = take_reader (self);
      int rc = MDB_PANIC;

      if (G_LIKELY (reader->txn != NULL))
        rc = mdb_txn_renew (reader->txn);
      else if (self->env != NULL)
        rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &reader->txn);
      if (G_LIKELY (rc == 0))
        return reader;
      g_atomic_int_set (&reader->state, READER_FREE);
      if (attempt > 0 || (rc = recover (self)) != 0)
        {
          mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be read"));
          return NULL;
        }
    }
}

void
mkv_lmdb_env_end_read (MkvLmdbReader *reader)
{
  mdb_txn_reset (reader->txn);
  g_atomic_int_set (&reader->state, READER_FREE);
}

/* Durable: the pages, then the meta page, each synced. Otherwise the meta page is
 * left to the next commit's sync, or to the kernel: a loss of power may undo this
 * commit, and no other, as LMDB writes over no page that one of the last two
 * metas has. MDB_NOSYNC is not for us: the meta page could reach the disk before
 * what it points at. */
static void
set_durable (MkvLmdbEnv *self, gboolean durable)
{
  if (self->durable != durable)
    mdb_env_set_flags (self->env, MDB_NOMETASYNC, !durable);
  self->durable = durable;
}

/* LMDB calls a write that was cut short an I/O error. */
static int
find_cause (MkvLmdbEnv *self, int rc)
{
  struct statvfs space;
  struct rlimit limit;

  if (rc != EIO)
    return rc;
  if (statvfs (self->folder, &space) == 0 && space.f_bavail * space.f_frsize < 1024 * 1024)
    return ENOSPC;
  if (getrlimit (RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      get_file_size (self) + 1024 * 1024 > limit.rlim_cur)
    return EFBIG;
  return rc;
}

static int
write_once (MkvLmdbEnv *self, gboolean durable, MkvLmdbChangeFunc func, gpointer user_data)
{
  MDB_txn *txn;
  int rc;

  set_durable (self, durable);
  rc = mdb_txn_begin (self->env, NULL, 0, &txn);
  if (rc != 0)
    return rc;
  rc = func (txn, user_data);
  if (rc == 0)
    return find_cause (self, mdb_txn_commit (txn));
  mdb_txn_abort (txn);
  return rc;
}

gboolean
mkv_lmdb_env_write (MkvLmdbEnv *self, MkvDurability durability, MkvLmdbChangeFunc func, gpointer user_data,
                    GError **error)
{
  gboolean tried_again = FALSE;
  int rc;

  g_mutex_lock (&self->write_mutex);
  if (self->unsynced && !mkv_lmdb_writer_sync_folder (self->folder, error))
    {
      g_mutex_unlock (&self->write_mutex);
      return FALSE;
    }
  self->unsynced = FALSE;
  for (;;)
    {
      if (!self->is_open)
        rc = CLOSED;
      else
        rc = self->env != NULL ? write_once (self, durability == MKV_DURABILITY_DURABLE, func, user_data) : MDB_PANIC;
      if (rc == MDB_MAP_FULL || rc == MDB_MAP_RESIZED)
        {
          if ((rc = grow (self)) != 0)
            break;
        }
      else if (rc == MDB_PANIC && !tried_again)
        {
          tried_again = TRUE;
          if ((rc = open_again (self)) != 0)
            break;
        }
      else
        break;
    }
  g_mutex_unlock (&self->write_mutex);
  /* Reads go on, whatever became of the write. */
  if (rc != 0 && rc != CLOSED)
    recover (self);
  return rc == 0 || mkv_lmdb_set_error (error, rc, _("The LMDB storage could not be written"));
}

static MkvLmdbReader *
take_pin (MkvLmdbEnv *self)
{
  MkvLmdbReader *reader = &self->readers[N_READERS];

  while (!g_atomic_int_compare_and_exchange (&reader->state, READER_FREE, READER_BUSY))
    {
      g_mutex_lock (&self->gate);
      g_mutex_unlock (&self->gate);
    }
  return reader;
}

guint64
mkv_lmdb_env_pin (MkvLmdbEnv *self, gboolean exclusive, GError **error)
{
  /* Opens the file again, if need be. */
  MkvLmdbReader *reader = mkv_lmdb_env_begin_read (self, error);
  guint64 version = 0;
  int rc = MDB_PANIC;

  if (reader == NULL)
    return 0;
  mkv_lmdb_env_end_read (reader);
  g_mutex_lock (&self->pin_mutex);
  if (exclusive)
    g_mutex_lock (&self->write_mutex);
  self->exclusive = exclusive;
  reader = take_pin (self);
  if (self->env != NULL)
    rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &reader->txn);
  if (rc == 0)
    version = mdb_txn_id (reader->txn);
  else
    reader->txn = NULL;
  /* Its transaction stays, for whoever shuts the gate to end. */
  g_atomic_int_set (&reader->state, READER_FREE);
  if (version > 0)
    return version;
  mkv_lmdb_env_unpin (self);
  mkv_lmdb_set_error (error, rc != 0 ? rc : MDB_CORRUPTED, _("The LMDB storage can't be read"));
  return 0;
}

gboolean
mkv_lmdb_env_unpin (MkvLmdbEnv *self)
{
  MkvLmdbReader *reader = take_pin (self);
  gboolean held = reader->txn != NULL;

  g_clear_pointer (&reader->txn, mdb_txn_abort);
  g_atomic_int_set (&reader->state, READER_FREE);
  if (self->exclusive)
    g_mutex_unlock (&self->write_mutex);
  g_mutex_unlock (&self->pin_mutex);
  return held;
}

gboolean
mkv_lmdb_env_swap (MkvLmdbEnv *self, GError **error)
{
  gboolean renamed;
  int rc;

  shut (self);
  g_clear_pointer (&self->env, mdb_env_close);
  renamed = mkv_lmdb_writer_rename (self->folder, error);
  /* Then nothing is written until the disk has the name. */
  self->unsynced = !renamed;
  rc = open_file (self);
  unshut (self);
  if (renamed && rc != 0)
    return mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be opened again"));
  return renamed;
}
