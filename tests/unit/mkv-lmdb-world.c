/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-lmdb-world.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mkv-error.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"

void
mkv_lmdb_world_open (MkvLmdbWorld *self)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (self->storage);
  self->storage = mkv_storage_lmdb_new ();
  mkv_storage_open (self->storage, self->folder, NULL, &error);
  g_assert_no_error (error);
}

void
mkv_lmdb_world_close (MkvLmdbWorld *self)
{
  g_autoptr (GError) error = NULL;

  mkv_storage_close (self->storage, &error);
  g_assert_no_error (error);
  g_clear_object (&self->storage);
}

char *
mkv_lmdb_world_fail_to_open (MkvLmdbWorld *self, MkvError code)
{
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (mkv_storage_open (storage, self->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, (gint) code);
  return g_strdup (error->message);
}

void
mkv_lmdb_world_set_up (MkvLmdbWorld *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("mkv-lmdb-XXXXXX", &error);
  g_assert_no_error (error);
  self->file = g_build_filename (self->folder, "data.mdb", NULL);
  mkv_lmdb_world_open (self);
}

void
mkv_lmdb_world_tear_down (MkvLmdbWorld *self, gconstpointer data)
{
  if (self->storage != NULL)
    mkv_lmdb_world_close (self);
  mkv_test_remove_folder (self->folder);
  g_free (self->folder);
  g_free (self->file);
}

gboolean
mkv_lmdb_world_put (MkvLmdbWorld *self, MkvDurability durability, guint first, guint n, gsize length, gint64 seq,
                    GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (durability);
  g_autofree char *octets = g_strnfill (length, 'x');
  g_autoptr (GBytes) value = g_bytes_new (octets, length);

  for (guint i = first; i < first + n; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%06u", i);
      g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, 1700000000000, "n", seq, NULL);

      mkv_storage_batch_put (batch, entry);
    }
  return mkv_storage_apply (self->storage, batch, error);
}

gint64
mkv_lmdb_world_get (MkvLmdbWorld *self, guint i)
{
  g_autofree char *key = g_strdup_printf ("k%06u", i);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (self->storage, key, &error), same = NULL;
  const MkvStamp *stamp;

  if (g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    return 0;
  g_assert_no_error (error);
  stamp = mkv_entry_get_stamp (entry);
  same = mkv_entry_new (key, mkv_entry_get_value (entry), stamp->timestamp, stamp->node_id, stamp->seq, NULL);
  g_assert_cmpint (mkv_entry_compare (entry, same), ==, 0);
  g_assert_cmpmem (mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES, mkv_entry_peek_digest (same), MKV_DIGEST_BYTES);
  return stamp->seq;
}

void
mkv_lmdb_world_assert_clean (MkvLmdbWorld *self)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = mkv_storage_verify (self->storage, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
}

guint64
mkv_lmdb_world_get_file_size (MkvLmdbWorld *self)
{
  struct stat info;

  g_assert_cmpint (stat (self->file, &info), ==, 0);
  return (guint64) info.st_size;
}
