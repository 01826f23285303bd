/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Reads are served from a table in memory. A batch goes: journal, sync, table.
 * What there is besides is in mkv-storage-file-load.c (from the files to the
 * table), -rewrite.c (from the table to new files) and -check.c.
 */
#include "config.h"

#include "mkv-storage-file-private.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "mkv-file.h"
#include "mkv-snapshot.h"
#include "storage/mkv-storage-folder.h"

/* More than anyone keeps as meta, and so little that every line can be read again. */
#define MAX_META_BYTES (1024 * 1024)
/* What another backend keeps in its folder. */
#define LMDB_FILE "data.mdb"

/* Reads the first line of a file, if there is one. */
static gboolean
check_format (const char *folder, const char *name, const char *kind, GError **error)
{
  g_auto (MkvLineReader) reader = { 0 };
  g_autofree char *path = g_build_filename (folder, name, NULL);
  gnutls_hash_hd_t hash;
  guint64 commit;
  gboolean done;
  int fd;

  if (!mkv_file_open (folder, name, O_RDONLY, TRUE, &fd, error))
    return FALSE;
  if (fd < 0)
    return TRUE;
  hash = mkv_line_hash_new ();
  mkv_line_reader_init (&reader, fd, path, G_MAXINT64);
  done = mkv_header_read (&reader, kind, hash, &commit, error);
  gnutls_hash_deinit (hash, NULL);
  mkv_file_close (&fd);
  return done;
}

gboolean
mkv_storage_file_lock (MkvStorageFile *self, const char *path, GError **error)
{
  g_autofree char *other = NULL;

  if (path == NULL)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                           _("the storage “file” needs a folder to keep its files in"));
      return FALSE;
    }
  self->lock_fd = mkv_storage_lock_folder (path, error);
  if (self->lock_fd < 0)
    return FALSE;
  other = g_build_filename (path, LMDB_FILE, NULL);
  if (g_file_test (other, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("can't open %s with the storage “file”: it belongs to the storage “lmdb”, whose %s is there; open "
                     "it with that, or choose another folder"),
                   path, LMDB_FILE);
      mkv_file_close (&self->lock_fd);
      return FALSE;
    }
  self->path = g_strdup (path);
  return TRUE;
}

void
mkv_storage_file_unlock (MkvStorageFile *self)
{
  mkv_journal_clear (&self->journal);
  g_clear_pointer (&self->table, mkv_entry_table_free);
  g_clear_pointer (&self->damages, g_ptr_array_unref);
  g_clear_pointer (&self->path, g_free);
  g_atomic_int_set (&self->loaded, FALSE);
  /* The last: the folder is free then. */
  mkv_file_close (&self->lock_fd);
}

static gboolean
mkv_storage_file_open (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  if (!mkv_storage_file_lock (self, path, error))
    return FALSE;
  self->max_size = 0;
  if (options != NULL)
    g_variant_lookup (options, "max-size", "t", &self->max_size);
  if (check_format (path, MKV_SNAPSHOT_FILE, MKV_LINE_SNAPSHOT, error) &&
      check_format (path, MKV_JOURNAL_FILE, MKV_LINE_JOURNAL, error))
    return TRUE;
  mkv_storage_file_unlock (self);
  return FALSE;
}

static gboolean
mkv_storage_file_close (MkvStorage *storage, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  gboolean done = TRUE;

  if (g_atomic_int_get (&self->loaded))
    {
      mkv_storage_file_stop_compactor (self);
      done = self->journal.failed ? mkv_storage_file_rewrite (self, NULL, error)
                                  : mkv_journal_finish (&self->journal, error);
    }
  mkv_storage_file_unlock (self);
  return done;
}

static MkvEntry *
mkv_storage_file_get (MkvStorage *storage, const char *key, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  return mkv_storage_file_load (self, error) ? mkv_entry_table_get (self->table, key, error) : NULL;
}

static GPtrArray *
mkv_storage_file_scan (MkvStorage *storage, const char *prefix, const char *after, guint limit, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  return mkv_storage_file_load (self, error) ? mkv_entry_table_scan (self->table, prefix, after, limit) : NULL;
}

static GBytes *
mkv_storage_file_get_meta (MkvStorage *storage, const char *name, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  return mkv_storage_file_load (self, error) ? mkv_entry_table_get_meta (self->table, name, error) : NULL;
}

static GPtrArray *
mkv_storage_file_scan_meta (MkvStorage *storage, const char *prefix, const char *after, guint limit,
                            GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  return mkv_storage_file_load (self, error) ? mkv_entry_table_scan_meta (self->table, prefix, after, limit) : NULL;
}

static gboolean
mkv_storage_file_stats (MkvStorage *storage, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                        GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;

  if (!mkv_storage_file_load (self, error))
    return FALSE;
  mkv_entry_table_get_stats (self->table, n_entries, n_tombstones, n_bytes);
  *n_bytes = (gsize) g_atomic_pointer_get (&self->n_bytes);
  return TRUE;
}

/* Nothing is written that could not be read again. */
static gboolean
check_batch (MkvStorageBatch *batch, GError **error)
{
  GPtrArray *removed = mkv_storage_batch_get_removed (batch);
  guint n_meta = mkv_storage_batch_get_n_meta (batch);
  gboolean valid = TRUE;

  for (guint i = 0; i < removed->len; i++)
    valid = valid && mkv_text_is_valid (removed->pdata[i], strlen (removed->pdata[i]));
  for (guint i = 0; i < n_meta; i++)
    {
      const char *name = mkv_storage_batch_get_meta_name (batch, i);
      GBytes *value = mkv_storage_batch_get_meta_value (batch, i);

      valid = valid && mkv_text_is_valid (name, strlen (name));
      if (value != NULL && g_bytes_get_size (value) > MAX_META_BYTES)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE, _("what is to be kept as %s has %zu octets, at most %d are "
                                                                "allowed"),
                       name, g_bytes_get_size (value), MAX_META_BYTES);
          return FALSE;
        }
    }
  if (!valid)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("a key or a name is not valid UTF-8"));
  return valid;
}

/* Takes `write_mutex`, and leaves a journal that can be written. */
static gboolean
lock_journal (MkvStorageFile *self, GError **error)
{
  for (;;)
    {
      g_mutex_lock (&self->write_mutex);
      if (!self->journal.failed)
        return TRUE;
      g_mutex_unlock (&self->write_mutex);
      if (!mkv_storage_file_rewrite (self, NULL, error))
        return FALSE;
    }
}

static gboolean
mkv_storage_file_apply (MkvStorage *storage, MkvStorageBatch *batch, GError **error)
{
  MkvStorageFile *self = (MkvStorageFile *) storage;
  gboolean done;

  if (!mkv_storage_file_load (self, error) || !check_batch (batch, error) || !lock_journal (self, error))
    return FALSE;
  done = mkv_journal_append (&self->journal, batch, error);
  if (done)
    {
      mkv_entry_table_apply (self->table, batch);
      mkv_storage_file_compact_if_due (self);
    }
  mkv_storage_file_note_length (self);
  g_mutex_unlock (&self->write_mutex);
  return done;
}

static void
mkv_storage_file_iface_init (MkvStorageInterface *iface)
{
  iface->open = mkv_storage_file_open;
  iface->close = mkv_storage_file_close;
  iface->get = mkv_storage_file_get;
  iface->scan = mkv_storage_file_scan;
  iface->apply = mkv_storage_file_apply;
  iface->get_meta = mkv_storage_file_get_meta;
  iface->scan_meta = mkv_storage_file_scan_meta;
  iface->stats = mkv_storage_file_stats;
  iface->compact = mkv_storage_file_compact;
  iface->verify = mkv_storage_file_verify;
  iface->backup = mkv_storage_file_backup;
  iface->repair = mkv_storage_file_repair;
  iface->list_damage = mkv_storage_file_list_damage;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvStorageFile, mkv_storage_file, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_STORAGE, mkv_storage_file_iface_init))

static void
mkv_storage_file_finalize (GObject *object)
{
  MkvStorageFile *self = (MkvStorageFile *) object;

  mkv_storage_file_stop_compactor (self);
  mkv_storage_file_unlock (self);
  g_mutex_clear (&self->load_mutex);
  g_mutex_clear (&self->files_mutex);
  g_mutex_clear (&self->write_mutex);
  G_OBJECT_CLASS (mkv_storage_file_parent_class)->finalize (object);
}

static void
mkv_storage_file_class_init (MkvStorageFileClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_storage_file_finalize;
}

static void
mkv_storage_file_init (MkvStorageFile *self)
{
  g_mutex_init (&self->load_mutex);
  g_mutex_init (&self->files_mutex);
  g_mutex_init (&self->write_mutex);
  self->lock_fd = -1;
  self->journal.fd = -1;
}

MkvStorage *
mkv_storage_file_new (void)
{
  return g_object_new (MKV_TYPE_STORAGE_FILE, NULL);
}

MKV_DEFINE_PLUGIN (storage, file, "file", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_("Keeps everything in files of JSON Lines, and in memory"), mkv_storage_file_get_type)
