/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-storage-lmdb.h"

#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "mkv-lmdb-check.h"
#include "mkv-lmdb-env.h"
#include "mkv-lmdb-folder.h"
#include "mkv-lmdb-record.h"
#include "mkv-lmdb-writer.h"

struct _MkvStorageLmdb
{
  GObject parent_instance;

  char *folder;
  int lock; /* the folder's; -1 while it is not open */
  MkvLmdbEnv *env;
};

/* The first of the names, as keys are in LMDB: without a NUL. */
static MDB_val
as_key (const char *name)
{
  return (MDB_val){ strlen (name), (void *) name };
}

static void
release (MkvStorageLmdb *self)
{
  if (self->lock >= 0)
    close (self->lock);
  self->lock = -1;
  g_clear_pointer (&self->folder, g_free);
}

static gboolean
mkv_storage_lmdb_open (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  MkvStorageLmdb *self = (MkvStorageLmdb *) storage;

  if (path == NULL)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                           _("The LMDB storage needs a folder: set storage.path"));
      return FALSE;
    }
  if (self->lock >= 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED, _("The LMDB storage in %s is open already"), self->folder);
      return FALSE;
    }
  self->lock = mkv_storage_lock_folder (path, error);
  if (self->lock < 0)
    return FALSE;
  self->folder = g_strdup (path);
  if (mkv_lmdb_folder_prepare (path, error) && mkv_lmdb_env_open (self->env, path, error))
    {
      if (mkv_lmdb_folder_check_format (path, self->env, error))
        return TRUE;
      mkv_lmdb_env_close (self->env, NULL);
    }
  release (self);
  return FALSE;
}

static gboolean
mkv_storage_lmdb_close (MkvStorage *storage, GError **error)
{
  MkvStorageLmdb *self = (MkvStorageLmdb *) storage;
  gboolean done = mkv_lmdb_env_close (self->env, error);

  release (self);
  return done;
}

/* One record, for as long as the reader that is returned. */
static MkvLmdbReader *
look_up (MkvStorageLmdb *self, gboolean meta, MDB_val *key, MDB_val *value, GError **error)
{
  const MkvLmdbNames *names = mkv_lmdb_env_get_names (self->env);
  MkvLmdbReader *reader = mkv_lmdb_env_begin_read (self->env, error);
  int rc;

  if (reader == NULL)
    return NULL;
  rc = mdb_get (reader->txn, meta ? names->meta : names->entries, key, value);
  if (G_LIKELY (rc == 0))
    return reader;
  mkv_lmdb_env_end_read (reader);
  /* A name that LMDB has no room for is not there either. */
  if (rc == MDB_NOTFOUND || rc == MDB_BAD_VALSIZE)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND,
                         meta ? _("There is nothing of that name") : _("There is no such key"));
  else
    mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be read"));
  return NULL;
}

static MkvEntry *
mkv_storage_lmdb_get (MkvStorage *storage, const char *key, GError **error)
{
  MDB_val name = as_key (key), record;
  MkvLmdbReader *reader = look_up ((MkvStorageLmdb *) storage, FALSE, &name, &record, error);
  MkvEntry *entry;

  if (reader == NULL)
    return NULL;
  entry = mkv_lmdb_record_read (&name, &record, error);
  mkv_lmdb_env_end_read (reader);
  return entry;
}

static GBytes *
mkv_storage_lmdb_get_meta (MkvStorage *storage, const char *name, GError **error)
{
  MDB_val key = as_key (name), value;
  MkvLmdbReader *reader = look_up ((MkvStorageLmdb *) storage, TRUE, &key, &value, error);
  GBytes *octets;

  if (reader == NULL)
    return NULL;
  octets = g_bytes_new (value.mv_data, value.mv_size);
  mkv_lmdb_env_end_read (reader);
  return octets;
}

/* Adds what it is given to the list, in the order of the keys. */
typedef gboolean (*ScanFunc) (GPtrArray *list, const MDB_val *key, const MDB_val *value, GError **error);

static gboolean
add_entry (GPtrArray *list, const MDB_val *key, const MDB_val *value, GError **error)
{
  MkvEntry *entry = mkv_lmdb_record_read (key, value, error);

  if (entry != NULL)
    g_ptr_array_add (list, entry);
  return entry != NULL;
}

static gboolean
add_name (GPtrArray *list, const MDB_val *key, const MDB_val *value, GError **error)
{
  g_ptr_array_add (list, g_strndup (key->mv_data, key->mv_size));
  return TRUE;
}

/* Puts the cursor on the first key that begins with @prefix, or comes later, and
 * lies behind @after. */
static int
seek (MDB_cursor *cursor, const char *prefix, const char *after, MDB_val *key, MDB_val *value)
{
  gboolean behind = after != NULL && (prefix == NULL || strcmp (after, prefix) >= 0);
  const char *start = behind ? after : prefix;
  MDB_val asked = as_key (start != NULL ? start : "");
  int rc;

  if (asked.mv_size == 0)
    return mdb_cursor_get (cursor, key, value, MDB_FIRST);
  *key = asked;
  rc = mdb_cursor_get (cursor, key, value, MDB_SET_RANGE);
  if (rc == 0 && behind && key->mv_size == asked.mv_size && memcmp (key->mv_data, start, asked.mv_size) == 0)
    rc = mdb_cursor_get (cursor, key, value, MDB_NEXT);
  return rc;
}

static gboolean
scan_with (MDB_cursor *cursor, const char *prefix, const char *after, guint limit, ScanFunc func, GPtrArray *list,
           GError **error)
{
  gsize prefix_length = prefix != NULL ? strlen (prefix) : 0;
  MDB_val key, value;
  int rc = 0;

  for (guint i = 0; i < limit; i++)
    {
      rc = i == 0 ? seek (cursor, prefix, after, &key, &value) : mdb_cursor_get (cursor, &key, &value, MDB_NEXT);
      if (rc != 0 || key.mv_size < prefix_length ||
          (prefix_length > 0 && memcmp (key.mv_data, prefix, prefix_length) != 0))
        break;
      if (!func (list, &key, &value, error))
        return FALSE;
    }
  return rc == 0 || rc == MDB_NOTFOUND || mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be read"));
}

static GPtrArray *
scan (MkvStorageLmdb *self, gboolean meta, const char *prefix, const char *after, guint limit, GError **error)
{
  const MkvLmdbNames *names = mkv_lmdb_env_get_names (self->env);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (meta ? g_free : (GDestroyNotify) mkv_entry_unref);
  MkvLmdbReader *reader = mkv_lmdb_env_begin_read (self->env, error);
  MDB_cursor *cursor;
  gboolean done;
  int rc;

  if (reader == NULL)
    return NULL;
  rc = mdb_cursor_open (reader->txn, meta ? names->meta : names->entries, &cursor);
  if (rc == 0)
    {
      done = scan_with (cursor, prefix, after, limit, meta ? add_name : add_entry, list, error);
      mdb_cursor_close (cursor);
    }
  else
    done = mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be read"));
  mkv_lmdb_env_end_read (reader);
  return done ? g_steal_pointer (&list) : NULL;
}

static GPtrArray *
mkv_storage_lmdb_scan (MkvStorage *storage, const char *prefix, const char *after, guint limit, GError **error)
{
  return scan ((MkvStorageLmdb *) storage, FALSE, prefix, after, limit, error);
}

static GPtrArray *
mkv_storage_lmdb_scan_meta (MkvStorage *storage, const char *prefix, const char *after, guint limit,
                            GError **error)
{
  return scan ((MkvStorageLmdb *) storage, TRUE, prefix, after, limit, error);
}

typedef struct
{
  const MkvLmdbNames *names;
  MkvStorageBatch *batch;
  gint64 n_tombstones; /* how many more there are */
} Apply;

static int
put_entry (MDB_cursor *cursor, MkvEntry *entry, Apply *apply)
{
  gsize size = mkv_lmdb_record_get_size (entry), key_length;
  const char *name = mkv_entry_peek_key (entry, &key_length);
  MDB_val key = { key_length, (void *) name }, value = { size, NULL };
  int rc = mdb_cursor_put (cursor, &key, &value, MDB_NOOVERWRITE | MDB_RESERVE);

  if (rc == MDB_KEYEXIST)
    {
      apply->n_tombstones -= mkv_lmdb_record_is_tombstone (&value) ? 1 : 0;
      value.mv_size = size;
      rc = mdb_cursor_put (cursor, &key, &value, MDB_RESERVE);
    }
  if (rc != 0)
    return rc;
  mkv_lmdb_record_write (value.mv_data, entry);
  apply->n_tombstones += mkv_entry_is_tombstone (entry) ? 1 : 0;
  return 0;
}

static int
remove_entry (MDB_cursor *cursor, const char *name, Apply *apply)
{
  MDB_val key = as_key (name), value;
  int rc = mdb_cursor_get (cursor, &key, &value, MDB_SET);

  if (rc == MDB_NOTFOUND)
    return 0;
  if (rc == 0)
    {
      apply->n_tombstones -= mkv_lmdb_record_is_tombstone (&value) ? 1 : 0;
      rc = mdb_cursor_del (cursor, 0);
    }
  return rc;
}

static int
change_meta (MDB_txn *txn, MDB_cursor *cursor, const char *name, GBytes *octets)
{
  MDB_val key = as_key (name), value;
  int rc;

  if (octets != NULL)
    {
      value.mv_data = (void *) g_bytes_get_data (octets, &value.mv_size);
      return mdb_cursor_put (cursor, &key, &value, 0);
    }
  rc = mdb_cursor_get (cursor, &key, &value, MDB_SET);
  if (rc == 0)
    rc = mdb_cursor_del (cursor, 0);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
count_tombstones (MDB_txn *txn, const Apply *apply)
{
  MDB_val key = as_key (MKV_LMDB_TOMBSTONES), value;
  guint64 n_tombstones = 0;
  int rc = mkv_lmdb_folder_read_tombstones (txn, apply->names, &n_tombstones);

  if (rc != 0)
    return rc;
  n_tombstones = GUINT64_TO_LE (n_tombstones + (guint64) apply->n_tombstones);
  value = (MDB_val){ sizeof n_tombstones, &n_tombstones };
  return mdb_put (txn, apply->names->main, &key, &value, 0);
}

static int
apply_entries (MDB_txn *txn, Apply *apply)
{
  GPtrArray *entries = mkv_storage_batch_get_entries (apply->batch);
  GPtrArray *removed = mkv_storage_batch_get_removed (apply->batch);
  MDB_cursor *cursor;
  int rc = 0;

  if (entries->len == 0 && removed->len == 0)
    return 0;
  if ((rc = mdb_cursor_open (txn, apply->names->entries, &cursor)) != 0)
    return rc;
  for (guint i = 0; i < entries->len && rc == 0; i++)
    rc = put_entry (cursor, entries->pdata[i], apply);
  for (guint i = 0; i < removed->len && rc == 0; i++)
    rc = remove_entry (cursor, removed->pdata[i], apply);
  mdb_cursor_close (cursor);
  if (rc == 0 && apply->n_tombstones != 0)
    rc = count_tombstones (txn, apply);
  return rc;
}

static int
apply_all (MDB_txn *txn, gpointer user_data)
{
  Apply *apply = user_data;
  guint n_meta = mkv_storage_batch_get_n_meta (apply->batch);
  MDB_cursor *cursor;
  int rc;

  apply->n_tombstones = 0;
  rc = apply_entries (txn, apply);
  if (rc != 0 || n_meta == 0)
    return rc;
  if ((rc = mdb_cursor_open (txn, apply->names->meta, &cursor)) != 0)
    return rc;
  for (guint i = 0; i < n_meta && rc == 0; i++)
    rc = change_meta (txn, cursor, mkv_storage_batch_get_meta_name (apply->batch, i),
                      mkv_storage_batch_get_meta_value (apply->batch, i));
  mdb_cursor_close (cursor);
  return rc;
}

static gboolean
mkv_storage_lmdb_apply (MkvStorage *storage, MkvStorageBatch *batch, GError **error)
{
  MkvStorageLmdb *self = (MkvStorageLmdb *) storage;
  Apply apply = { mkv_lmdb_env_get_names (self->env), batch, 0 };

  return mkv_lmdb_env_write (self->env, mkv_storage_batch_get_durability (batch), apply_all, &apply, error);
}

/* Pages that hold something: what the file has of free ones is for the next writes. */
static int
read_stats (MDB_txn *txn, const MkvLmdbNames *names, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes)
{
  /* LMDB's own list of free pages is database 0. */
  const MDB_dbi all[] = { 0, names->main, names->meta, names->entries };
  guint64 n_pages = 2;
  MDB_stat stat;
  int rc = 0;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      if ((rc = mdb_stat (txn, all[i], &stat)) != 0)
        return rc;
      n_pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
  if ((rc = mkv_lmdb_folder_read_tombstones (txn, names, n_tombstones)) != 0)
    return rc;
  *n_entries = stat.ms_entries - MIN (stat.ms_entries, *n_tombstones);
  *n_bytes = n_pages * stat.ms_psize;
  return 0;
}

static gboolean
mkv_storage_lmdb_stats (MkvStorage *storage, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                        GError **error)
{
  MkvStorageLmdb *self = (MkvStorageLmdb *) storage;
  MkvLmdbReader *reader = mkv_lmdb_env_begin_read (self->env, error);
  int rc;

  if (reader == NULL)
    return FALSE;
  rc = read_stats (reader->txn, mkv_lmdb_env_get_names (self->env), n_entries, n_tombstones, n_bytes);
  mkv_lmdb_env_end_read (reader);
  return rc == 0 || mkv_lmdb_set_error (error, rc, _("The LMDB storage can't be read"));
}

static gboolean
mkv_storage_lmdb_compact (MkvStorage *storage, GError **error)
{
  return mkv_lmdb_compact (((MkvStorageLmdb *) storage)->env, error);
}

static char **
mkv_storage_lmdb_verify (MkvStorage *storage, GError **error)
{
  return mkv_lmdb_verify (((MkvStorageLmdb *) storage)->env, error);
}

static gboolean
mkv_storage_lmdb_backup (MkvStorage *storage, const char *path, GCancellable *cancellable, GError **error)
{
  gboolean made;

  if (!mkv_lmdb_folder_make (path, &made, error))
    return FALSE;
  if (mkv_lmdb_copy (((MkvStorageLmdb *) storage)->env, path, cancellable, error) &&
      mkv_lmdb_writer_rename (path, error))
    return TRUE;
  mkv_lmdb_folder_clear (path, made);
  return FALSE;
}

static char **
mkv_storage_lmdb_repair (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  int lock = mkv_storage_lock_folder (path, error);
  char **done;

  if (lock < 0)
    return NULL;
  done = mkv_lmdb_repair (path, error);
  close (lock);
  return done;
}

static void
mkv_storage_lmdb_iface_init (MkvStorageInterface *iface)
{
  iface->open = mkv_storage_lmdb_open;
  iface->close = mkv_storage_lmdb_close;
  iface->get = mkv_storage_lmdb_get;
  iface->scan = mkv_storage_lmdb_scan;
  iface->apply = mkv_storage_lmdb_apply;
  iface->get_meta = mkv_storage_lmdb_get_meta;
  iface->scan_meta = mkv_storage_lmdb_scan_meta;
  iface->stats = mkv_storage_lmdb_stats;
  iface->compact = mkv_storage_lmdb_compact;
  iface->verify = mkv_storage_lmdb_verify;
  iface->backup = mkv_storage_lmdb_backup;
  iface->repair = mkv_storage_lmdb_repair;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvStorageLmdb, mkv_storage_lmdb, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_STORAGE, mkv_storage_lmdb_iface_init))

static void
mkv_storage_lmdb_finalize (GObject *object)
{
  MkvStorageLmdb *self = (MkvStorageLmdb *) object;

  mkv_storage_lmdb_close ((MkvStorage *) object, NULL);
  mkv_lmdb_env_free (self->env);
  G_OBJECT_CLASS (mkv_storage_lmdb_parent_class)->finalize (object);
}

static void
mkv_storage_lmdb_class_init (MkvStorageLmdbClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_storage_lmdb_finalize;
}

static void
mkv_storage_lmdb_init (MkvStorageLmdb *self)
{
  self->lock = -1;
  self->env = mkv_lmdb_env_new ();
}

MkvStorage *
mkv_storage_lmdb_new (void)
{
  return g_object_new (MKV_TYPE_STORAGE_LMDB, NULL);
}

MKV_DEFINE_PLUGIN (storage, lmdb, "lmdb", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_(N_("Keeps everything in an LMDB file")), mkv_storage_lmdb_get_type)
