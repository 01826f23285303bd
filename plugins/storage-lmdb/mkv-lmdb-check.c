/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-lmdb-check.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "mkv-lmdb-record.h"
#include "mkv-lmdb-writer.h"

#define MAX_FAULTS 50

static void add_fault (MkvLmdbCheck *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
add_fault (MkvLmdbCheck *self, const char *format, ...)
{
  va_list args;

  if (self->n_faults++ >= MAX_FAULTS)
    return;
  va_start (args, format);
  g_ptr_array_add (self->faults, g_strdup_vprintf (format, args));
  va_end (args);
}

static gboolean
key_is (const MDB_val *key, const char *name)
{
  return key->mv_size == strlen (name) && memcmp (key->mv_data, name, key->mv_size) == 0;
}

static gboolean
check_main (MkvLmdbCheck *self, const MDB_val *key, const MDB_val *value)
{
  if (key_is (key, MKV_LMDB_FORMAT))
    {
      g_autofree char *format = g_strdup_printf ("%s %d", MKV_LMDB_FORMAT_NAME, MKV_LMDB_FORMAT_NUMBER);

      self->has_format = key_is (value, format);
      self->is_strange = self->is_strange || (value->mv_size > strlen (MKV_LMDB_FORMAT_NAME) && !self->has_format &&
                                              memcmp (value->mv_data, format, strlen (MKV_LMDB_FORMAT_NAME)) == 0);
      return self->has_format;
    }
  if (key_is (key, MKV_LMDB_TOMBSTONES) && value->mv_size == sizeof self->n_counted)
    {
      memcpy (&self->n_counted, value->mv_data, sizeof self->n_counted);
      self->n_counted = GUINT64_FROM_LE (self->n_counted);
      self->has_count = TRUE;
      return TRUE;
    }
  self->is_strange = TRUE;
  add_fault (self, _("The main database holds a record that is not ours"));
  return FALSE;
}

gboolean
mkv_lmdb_check_record (MkvLmdbCheck *self, MkvLmdbTree tree, const MDB_val *key, const MDB_val *value)
{
  g_autofree char *fault = NULL, *name = NULL;

  if (tree == MKV_LMDB_TREE_MAIN)
    return check_main (self, key, value);
  if (tree == MKV_LMDB_TREE_META)
    {
      if (key->mv_size > 0 && key->mv_size <= 511 && g_utf8_validate_len (key->mv_data, key->mv_size, NULL))
        return TRUE;
      add_fault (self, _("A name of meta is not UTF-8"));
      return FALSE;
    }
  self->n_tombstones += mkv_lmdb_record_is_tombstone (value) ? 1 : 0;
  fault = mkv_lmdb_record_find_fault (key, value);
  if (fault == NULL)
    return TRUE;
  name = g_utf8_make_valid (key->mv_data, (gssize) key->mv_size);
  add_fault (self, _("The entry of “%s” is damaged: %s"), name, fault);
  return FALSE;
}

void
mkv_lmdb_check_end (MkvLmdbCheck *self)
{
  if (!self->has_format)
    add_fault (self, _("The record of the format is missing or wrong"));
  if (!self->has_count)
    add_fault (self, _("The number of tombstones is missing"));
  else if (self->n_counted != self->n_tombstones)
    add_fault (self, _("There are %" PRIu64 " tombstones, and %" PRIu64 " were counted"), self->n_tombstones,
               self->n_counted);
  if (self->n_faults > MAX_FAULTS)
    g_ptr_array_add (self->faults, g_strdup_printf (_("%u more faults are not listed"), self->n_faults - MAX_FAULTS));
}

/* What is done with a version of the file, from the first record to the last. */
typedef struct
{
  MkvLmdbCheck check;
  MkvLmdbWriter *writer; /* NULL to check alone */
  GCancellable *cancellable;
  GError *error;
  guint64 n_records;
  guint64 n_octets, n_total; /* of the records; of the file, which has a bit more */
} Pass;

static gboolean
take_record (MkvLmdbTree tree, const MDB_val *key, const MDB_val *value, gpointer user_data)
{
  Pass *pass = user_data;

  if (pass->n_records++ % MKV_LMDB_RECORDS_PER_LOOK == 0 &&
      (g_cancellable_set_error_if_cancelled (pass->cancellable, &pass->error) ||
       !mkv_storage_tell_progress (pass->n_octets, pass->n_total, &pass->error)))
    return FALSE;
  pass->n_octets += key->mv_size + value->mv_size;
  if (!mkv_lmdb_check_record (&pass->check, tree, key, value) || pass->writer == NULL || tree == MKV_LMDB_TREE_MAIN)
    return TRUE;
  return mkv_lmdb_writer_put (pass->writer, tree == MKV_LMDB_TREE_META, key, value, &pass->error);
}

/* Goes through the newest version, which the caller has pinned. */
static gboolean
run_pass (MkvLmdbEnv *env, guint64 version, Pass *pass, const char *folder)
{
  g_autofree char *path = g_build_filename (mkv_lmdb_env_get_folder (env), MKV_LMDB_FILE, NULL);
  g_autoptr (MkvLmdbFile) file = mkv_lmdb_file_open (path, &pass->error);

  if (file == NULL)
    return FALSE;
  pass->n_total = mkv_lmdb_file_get_size (file);
  if (folder != NULL)
    {
      pass->writer = mkv_lmdb_writer_new (folder, mkv_lmdb_writer_get_room (mkv_lmdb_file_get_size (file)),
                                          &pass->error);
      if (pass->writer == NULL)
        return FALSE;
    }
  if (!mkv_lmdb_file_walk (file, version, take_record, pass, pass->check.faults))
    return FALSE;
  mkv_lmdb_check_end (&pass->check);
  return TRUE;
}

static void
pass_clear (Pass *pass)
{
  g_clear_pointer (&pass->check.faults, g_ptr_array_unref);
  g_clear_pointer (&pass->writer, mkv_lmdb_writer_free);
  g_clear_error (&pass->error);
}

/* Where a map that grew took the version away, or something seems wrong, it is
 * done again, while nobody can write. */
static gboolean
run (MkvLmdbEnv *env, gboolean exclusive, Pass *pass, const char *folder, GCancellable *cancellable, GError **error)
{
  for (;; exclusive = TRUE)
    {
      guint64 version;
      gboolean done, held;

      *pass = (Pass){ .check.faults = g_ptr_array_new_with_free_func (g_free), .cancellable = cancellable };
      version = mkv_lmdb_env_pin (env, exclusive, error);
      if (version == 0)
        break;
      done = run_pass (env, version, pass, folder);
      held = mkv_lmdb_env_unpin (env);
      if (done && held && pass->check.faults->len == 0)
        return TRUE;
      if (exclusive || (pass->error != NULL && held))
        {
          if (done)
            return TRUE;
          g_propagate_error (error, g_steal_pointer (&pass->error));
          break;
        }
      pass_clear (pass);
    }
  pass_clear (pass);
  return FALSE;
}

char **
mkv_lmdb_verify (MkvLmdbEnv *env, GError **error)
{
  char **faults;
  Pass pass;

  if (!run (env, FALSE, &pass, NULL, NULL, error))
    return NULL;
  g_ptr_array_set_free_func (pass.check.faults, NULL);
  g_ptr_array_add (pass.check.faults, NULL);
  faults = (char **) g_ptr_array_free (g_steal_pointer (&pass.check.faults), FALSE);
  pass_clear (&pass);
  return faults;
}

static gboolean
finish_copy (Pass *pass, GError **error)
{
  if (pass->check.faults->len == 0)
    return mkv_lmdb_writer_finish (pass->writer, error);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
               _("The LMDB storage is damaged and was not copied (%s): `merklekv repair` saves what can be read"),
               (const char *) pass->check.faults->pdata[0]);
  return FALSE;
}

gboolean
mkv_lmdb_copy (MkvLmdbEnv *env, const char *folder, GCancellable *cancellable, GError **error)
{
  gboolean done;
  Pass pass;

  if (!run (env, FALSE, &pass, folder, cancellable, error))
    return FALSE;
  done = finish_copy (&pass, error);
  pass_clear (&pass);
  return done;
}

gboolean
mkv_lmdb_compact (MkvLmdbEnv *env, GError **error)
{
  const char *folder = mkv_lmdb_env_get_folder (env);
  Pass pass = { .check.faults = g_ptr_array_new_with_free_func (g_free) };
  guint64 version = mkv_lmdb_env_pin (env, TRUE, error);
  gboolean done = FALSE;

  if (version != 0)
    {
      if (run_pass (env, version, &pass, folder))
        done = finish_copy (&pass, error) && mkv_lmdb_env_swap (env, error);
      else
        g_propagate_error (error, g_steal_pointer (&pass.error));
      mkv_lmdb_env_unpin (env);
    }
  pass_clear (&pass);
  return done;
}
