/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-storage-file-world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static gint n_warnings;

/* These tests say themselves what is on the disk, and have no time for it: in the
 * place of the C library's. */
int
fsync (int fd)
{
  return 0;
}

static GLogWriterOutput
on_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  g_autofree char *text = NULL;

  if ((level & G_LOG_LEVEL_WARNING) == 0)
    return g_log_writer_default (level, fields, n_fields, user_data);
  text = g_log_writer_format_fields (level, fields, n_fields, FALSE);
  g_test_message ("%s", text);
  g_atomic_int_inc (&n_warnings);
  return G_LOG_WRITER_HANDLED;
}

guint
mkv_storage_file_world_count_warnings (void)
{
  gint n = g_atomic_int_get (&n_warnings);

  g_atomic_int_add (&n_warnings, -n);
  return (guint) n;
}

void
mkv_storage_file_world_set_up (MkvStorageFileWorld *self, gconstpointer data)
{
  static gboolean is_set;
  /* Where renaming waits for no disk. */
  const char *parent = g_access ("/dev/shm", R_OK | W_OK | X_OK) == 0 ? "/dev/shm" : g_get_tmp_dir ();

  if (!is_set)
    g_log_set_writer_func (on_log, NULL, NULL);
  is_set = TRUE;
  mkv_storage_file_world_count_warnings ();
  self->folder = g_mkdtemp (g_build_filename (parent, "mkv-storage-file-XXXXXX", NULL));
  g_assert_nonnull (self->folder);
}

void
mkv_storage_file_world_tear_down (MkvStorageFileWorld *self, gconstpointer data)
{
  if (self->storage != NULL)
    mkv_storage_file_world_close (self);
  mkv_test_remove_folder (self->folder);
  g_free (self->folder);
}

void
mkv_storage_file_world_open (MkvStorageFileWorld *self, guint64 max_size)
{
  GVariantDict dict;
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (self->storage);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "max-size", "t", max_size);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  self->storage = mkv_storage_file_new ();
  mkv_storage_open (self->storage, self->folder, options, &error);
  g_assert_no_error (error);
}

void
mkv_storage_file_world_close (MkvStorageFileWorld *self)
{
  g_autoptr (GError) error = NULL;

  mkv_storage_close (self->storage, &error);
  g_assert_no_error (error);
  g_clear_object (&self->storage);
}

GError *
mkv_storage_file_world_open_badly (MkvStorageFileWorld *self)
{
  g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
  GError *error = NULL;

  if (mkv_storage_open (storage, self->folder, NULL, &error))
    {
      g_assert_null (mkv_storage_scan (storage, NULL, NULL, 1, &error));
      mkv_storage_close (storage, NULL);
    }
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  return error;
}

gboolean
mkv_storage_file_world_put (MkvStorageFileWorld *self, MkvDurability durability, const char *key,
                            const char *value, gint64 seq, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (durability);
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL, meta = NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, bytes, 1700000000000, "n", seq, NULL);
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, seq);

  meta = mkv_test_bytes (text);
  mkv_storage_batch_put (batch, entry);
  mkv_storage_batch_set_meta (batch, key, meta);
  return mkv_storage_apply (self->storage, batch, error);
}

char *
mkv_storage_file_world_dump (MkvStorageFileWorld *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_storage_scan (self->storage, NULL, NULL, G_MAXUINT, &error), names = NULL;
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  names = mkv_storage_scan_meta (self->storage, NULL, NULL, G_MAXUINT, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < entries->len; i++)
    {
      g_autofree char *value = mkv_entry_dup_text (entries->pdata[i]);

      g_string_append_printf (text, "%s%s=%s:%" G_GINT64_FORMAT, i > 0 ? " " : "",
                              mkv_entry_get_key (entries->pdata[i]), value != NULL ? value : "-",
                              mkv_entry_get_stamp (entries->pdata[i])->seq);
    }
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GBytes) value = mkv_storage_get_meta (self->storage, names->pdata[i], NULL);

      g_string_append_printf (text, " %s~%.*s", (char *) names->pdata[i], (int) g_bytes_get_size (value),
                              (const char *) g_bytes_get_data (value, NULL));
    }
  return g_string_free (text, FALSE);
}

void
mkv_storage_file_world_assert_dump (MkvStorageFileWorld *self, const char *expected)
{
  g_autofree char *text = mkv_storage_file_world_dump (self);

  g_assert_cmpstr (text, ==, expected);
}

char *
mkv_storage_file_world_verify (MkvStorageFileWorld *self)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = mkv_storage_verify (self->storage, &error);

  g_assert_no_error (error);
  return g_strjoinv ("\n", problems);
}

GBytes *
mkv_storage_file_world_read (MkvStorageFileWorld *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  char *octets;
  gsize length;

  return g_file_get_contents (path, &octets, &length, NULL) ? g_bytes_new_take (octets, length) : NULL;
}

void
mkv_storage_file_world_write (MkvStorageFileWorld *self, const char *name, const void *octets, gsize length)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (path, octets, (gssize) length, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
}

void
mkv_storage_file_world_remove (MkvStorageFileWorld *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);

  g_unlink (path);
}

gboolean
mkv_storage_file_world_has (MkvStorageFileWorld *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}
