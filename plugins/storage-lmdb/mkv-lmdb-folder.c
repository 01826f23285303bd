/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-lmdb-folder.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "mkv-lmdb-file.h"
#include "mkv-lmdb-writer.h"

/* What tells that a folder is another backend's. */
static const struct
{
  const char *file;
  const char *backend;
} others[] = {
  { "snapshot.jsonl", "file" },
  { "journal.jsonl", "file" },
};

static gboolean
has_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
make_file (const char *folder, GError **error)
{
  g_autoptr (MkvLmdbWriter) writer = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    if (has_file (folder, others[i].file))
      {
        g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                     _("The folder %s holds a storage of backend “%s”, not “lmdb”: set storage.backend to %s, or "
                       "another storage.path"), folder, others[i].backend, others[i].backend);
        return FALSE;
      }
  writer = mkv_lmdb_writer_new (folder, mkv_lmdb_writer_get_room (0), error);
  return writer != NULL && mkv_lmdb_writer_finish (writer, error) && mkv_lmdb_writer_rename (folder, error);
}

/* LMDB would believe what a damaged file says of itself. */
static gboolean
look (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, MKV_LMDB_FILE, NULL);
  g_autoptr (MkvLmdbFile) file = mkv_lmdb_file_open (path, error);
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);

  if (file == NULL)
    return FALSE;
  mkv_lmdb_file_look (file, mkv_lmdb_file_get_newest (file), faults);
  if (mkv_lmdb_file_is_strange (file))
    g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                 _("The LMDB file in %s is not a storage of MerkleKV: set another storage.path"), folder);
  else if (faults->len > 0)
    g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
                 _("The LMDB storage in %s is damaged (%s): `merklekv repair` saves what can be read"), folder,
                 (const char *) faults->pdata[0]);
  return faults->len == 0;
}

gboolean
mkv_lmdb_folder_prepare (const char *folder, GError **error)
{
  g_autofree char *unfinished = g_build_filename (folder, MKV_LMDB_NEW_FILE, NULL);

  g_unlink (unfinished);
  return has_file (folder, MKV_LMDB_FILE) ? look (folder, error) : make_file (folder, error);
}

gboolean
mkv_lmdb_folder_check_format (const char *folder, MkvLmdbEnv *env, GError **error)
{
  MDB_val key = { strlen (MKV_LMDB_FORMAT), (void *) MKV_LMDB_FORMAT }, value;
  MkvLmdbReader *reader = mkv_lmdb_env_begin_read (env, error);
  g_autofree char *format = NULL;
  gint64 number = 0;
  gboolean ours;

  if (reader == NULL)
    return FALSE;
  if (mdb_get (reader->txn, mkv_lmdb_env_get_names (env)->main, &key, &value) == 0)
    format = g_strndup (value.mv_data, value.mv_size);
  mkv_lmdb_env_end_read (reader);
  ours = format != NULL && g_str_has_prefix (format, MKV_LMDB_FORMAT_NAME " ") &&
         g_ascii_string_to_signed (format + strlen (MKV_LMDB_FORMAT_NAME " "), 10, 1, G_MAXINT, &number, NULL);
  if (!ours)
    g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                 _("The LMDB file in %s is not a storage of MerkleKV: set another storage.path"), folder);
  else if (number != MKV_LMDB_FORMAT_NUMBER)
    g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                 _("The LMDB storage in %s has format %d, this version reads format %d: use a newer version of "
                   "MerkleKV"), folder, (int) number, MKV_LMDB_FORMAT_NUMBER);
  return ours && number == MKV_LMDB_FORMAT_NUMBER;
}

gboolean
mkv_lmdb_folder_make (const char *folder, gboolean *made, GError **error)
{
  g_autofree char *what = NULL;
  g_autoptr (GDir) dir = NULL;

  *made = g_mkdir (folder, 0700) == 0;
  if (*made)
    return TRUE;
  if (errno == EEXIST)
    {
      dir = g_dir_open (folder, 0, error);
      if (dir == NULL)
        return FALSE;
      if (g_dir_read_name (dir) == NULL)
        return TRUE;
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("The folder %s is not empty: name one that is, or that is not there yet"), folder);
      return FALSE;
    }
  what = g_strdup_printf (_("The folder %s can't be made"), folder);
  return mkv_storage_set_error_from_errno (error, errno, what);
}

void
mkv_lmdb_folder_clear (const char *folder, gboolean made)
{
  static const char *const names[] = { MKV_LMDB_FILE, MKV_LMDB_NEW_FILE };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  if (made)
    g_rmdir (folder);
}

int
mkv_lmdb_folder_read_tombstones (MDB_txn *txn, const MkvLmdbNames *names, guint64 *n_tombstones)
{
  MDB_val key = { strlen (MKV_LMDB_TOMBSTONES), (void *) MKV_LMDB_TOMBSTONES }, value;
  int rc = mdb_get (txn, names->main, &key, &value);

  if (rc != 0)
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
  if (value.mv_size != sizeof *n_tombstones)
    return MDB_CORRUPTED;
  memcpy (n_tombstones, value.mv_data, sizeof *n_tombstones);
  *n_tombstones = GUINT64_FROM_LE (*n_tombstones);
  return 0;
}
