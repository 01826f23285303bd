/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "mkv-lmdb-check.h"
#include "mkv-lmdb-record.h"
#include "mkv-lmdb-writer.h"

typedef struct
{
  MkvLmdbCheck check;
  MkvLmdbWriter *writer;
  guint64 n_left_out, n_lost; /* records that are not whole; entries that nothing led to */
  guint64 n_records, n_octets, n_total; /* of this walk; octets of the file */
  GError *error;
} Repair;

/* Each walk through the file counts for itself. */
static void
begin (Repair *repair, MkvLmdbFile *file)
{
  repair->n_records = repair->n_octets = 0;
  repair->n_total = mkv_lmdb_file_get_size (file);
}

/* Whether to go on. */
static gboolean
tell (Repair *repair, const MDB_val *key, const MDB_val *value)
{
  repair->n_octets += key->mv_size + value->mv_size;
  return repair->n_records++ % MKV_LMDB_RECORDS_PER_LOOK != 0 ||
         mkv_storage_tell_progress (repair->n_octets, repair->n_total, &repair->error);
}

/* What a tree has takes the place of what was found before. */
static gboolean
save_record (MkvLmdbTree tree, const MDB_val *key, const MDB_val *value, gpointer user_data)
{
  Repair *repair = user_data;

  if (!tell (repair, key, value))
    return FALSE;
  if (!mkv_lmdb_check_record (&repair->check, tree, key, value))
    {
      repair->n_left_out++;
      return TRUE;
    }
  return tree == MKV_LMDB_TREE_MAIN ||
         mkv_lmdb_writer_put (repair->writer, tree == MKV_LMDB_TREE_META, key, value, &repair->error);
}

/* Whatever proves by its digest that it is an entry; of two for a key the later. */
static gboolean
save_lost (MkvLmdbTree tree, const MDB_val *key, const MDB_val *value, gpointer user_data)
{
  Repair *repair = user_data;
  g_autofree char *fault = mkv_lmdb_record_find_fault (key, value);

  if (!tell (repair, key, value))
    return FALSE;
  if (fault != NULL)
    return TRUE;
  repair->n_lost++;
  return mkv_lmdb_writer_put_later (repair->writer, key, value, &repair->error);
}

static gboolean
look (MkvLmdbTree tree, const MDB_val *key, const MDB_val *value, gpointer user_data)
{
  Repair *repair = user_data;

  if (!tell (repair, key, value))
    return FALSE;
  mkv_lmdb_check_record (&repair->check, tree, key, value);
  return TRUE;
}

/* Keeps the damaged file under another name, without a moment in which there is
 * none under its own. */
static char *
set_aside (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, MKV_LMDB_FILE, NULL);
  g_autofree char *what = NULL;

  for (guint i = 1; i < 10000; i++)
    {
      g_autofree char *name = g_strdup_printf (MKV_LMDB_FILE ".damaged-%u", i);
      g_autofree char *aside = g_build_filename (folder, name, NULL);

      if (link (path, aside) == 0 || ((errno == EPERM || errno == EOPNOTSUPP) && g_rename (path, aside) == 0))
        return g_steal_pointer (&name);
      if (errno != EEXIST)
        break;
    }
  what = g_strdup_printf (_("%s can't be set aside"), path);
  mkv_storage_set_error_from_errno (error, errno, what);
  return NULL;
}

static gboolean
save (Repair *repair, MkvLmdbFile *file, GError **error)
{
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);
  const guint64 versions[] = { mkv_lmdb_file_get_older (file), mkv_lmdb_file_get_newest (file) };
  gboolean done;

  /* The last walk was that of the newest version: what is lost is lost to it. */
  begin (repair, file);
  done = mkv_lmdb_file_walk_lost (file, save_lost, repair);
  for (guint i = 0; done && i < G_N_ELEMENTS (versions); i++)
    {
      begin (repair, file);
      repair->n_left_out = 0;
      done = versions[i] == 0 || mkv_lmdb_file_walk (file, versions[i], save_record, repair, faults);
    }
  if (done && mkv_lmdb_writer_finish (repair->writer, &repair->error))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&repair->error));
  return FALSE;
}

static gboolean
replace (Repair *repair, MkvLmdbFile *file, const char *folder, GPtrArray *done, GError **error)
{
  g_autofree char *aside = NULL;
  guint64 n_entries, n_meta;

  repair->writer = mkv_lmdb_writer_new (folder, mkv_lmdb_writer_get_room (mkv_lmdb_file_get_size (file)), error);
  if (repair->writer == NULL || !save (repair, file, error))
    return FALSE;
  mkv_lmdb_writer_get_counts (repair->writer, &n_entries, &n_meta);
  aside = set_aside (folder, error);
  if (aside == NULL || !mkv_lmdb_writer_rename (folder, error))
    return FALSE;
  g_ptr_array_add (done, g_strdup_printf (_("The damaged file was set aside as %s"), aside));
  g_ptr_array_add (done, g_strdup_printf (_("Entries saved: %" PRIu64 "; records of meta saved: %" PRIu64), n_entries,
                                          n_meta));
  if (repair->n_left_out > 0)
    g_ptr_array_add (done, g_strdup_printf (_("Damaged records that were left out: %" PRIu64), repair->n_left_out));
  if (repair->n_lost > 0)
    g_ptr_array_add (done, g_strdup_printf (_("Entries found on pages that nothing led to, which may be older than "
                                              "what is missing: %" PRIu64), repair->n_lost));
  return TRUE;
}

static char **
as_strings (GPtrArray *list)
{
  g_ptr_array_set_free_func (list, NULL);
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (g_ptr_array_ref (list), FALSE);
}

char **
mkv_lmdb_repair (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, MKV_LMDB_FILE, NULL);
  g_autoptr (GPtrArray) done = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) file_faults = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) record_faults = g_ptr_array_new_with_free_func (g_free);
  Repair repair = { .check.faults = record_faults };
  Repair looking = { .check.faults = record_faults };
  const MkvLmdbCheck *check = &looking.check;
  g_autoptr (MkvLmdbFile) file = NULL;
  gboolean good = TRUE;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return as_strings (done);
  file = mkv_lmdb_file_open (path, error);
  if (file == NULL)
    return NULL;
  begin (&looking, file);
  if (!mkv_lmdb_file_walk (file, mkv_lmdb_file_get_newest (file), look, &looking, file_faults) &&
      looking.error != NULL)
    {
      g_propagate_error (error, looking.error);
      return NULL;
    }
  mkv_lmdb_check_end (&looking.check);
  if (!check->has_format && (check->is_strange || mkv_lmdb_file_is_strange (file)))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("The LMDB file in %s is not a storage of MerkleKV, or of another version"), folder);
      return NULL;
    }
  if (file_faults->len + record_faults->len > 0)
    good = replace (&repair, file, folder, done, error);
  g_clear_pointer (&repair.writer, mkv_lmdb_writer_free);
  return good ? as_strings (done) : NULL;
}
