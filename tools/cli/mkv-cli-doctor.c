/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-doctor.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <merklekv.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "mkv-cli-error.h"
#include "mkv-cli-output.h"
#include "mkv-cli-storage.h"
#include "mkv-cli-store.h"

/* Below this a disk is as good as full. */
#define LITTLE_SPACE (G_GUINT64_CONSTANT (64) * 1024 * 1024)

typedef struct
{
  GPtrArray *facts;
  GPtrArray *problems;
} Report;

static void
report_clear (Report *self)
{
  g_clear_pointer (&self->facts, g_ptr_array_unref);
  g_clear_pointer (&self->problems, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Report, report_clear)

static void
look_at_folder (Report *report, const char *path)
{
  struct statvfs space;
  GStatBuf info;

  if (g_stat (path, &info) == 0 && (info.st_mode & 0077) != 0)
    g_ptr_array_add (report->problems, g_strdup_printf (_("other users can get at %s; chmod 700 it"), path));
  if (statvfs (path, &space) == 0)
    {
      guint64 n_bytes = (guint64) space.f_bavail * space.f_frsize;
      g_autofree char *free_space = g_format_size (n_bytes);

      g_ptr_array_add (n_bytes < LITTLE_SPACE ? report->problems : report->facts,
                       n_bytes < LITTLE_SPACE
                           ? g_strdup_printf (_("the disk has only %s left; without room nothing can be written"), free_space)
                           : g_strdup_printf (_("the disk has %s left"), free_space));
    }
}

/* What whoever gets hold of the files can read. */
static void
look_at_secrecy (Report *report, gboolean encrypted)
{
  if (encrypted)
    g_ptr_array_add (report->facts,
                     g_strdup (_("encrypted: values, and who wrote them when; readable without the key: the names of "
                                 "keys, the lengths of values, which keys are deleted, and how many there are")));
  else
    g_ptr_array_add (report->facts,
                     g_strdup (_("not encrypted: who can read the files can read everything; "
                                 "storage.encryption-key-file and “rekey” change that")));
}

static void
look_at_contents (Report *report, MkvStorage *storage, GError **error)
{
  guint64 n_entries, n_tombstones, n_bytes;
  g_auto (GStrv) damage = mkv_storage_list_damage (storage, error);
  g_autofree char *size = NULL;

  if (damage == NULL || !mkv_storage_stats (storage, &n_entries, &n_tombstones, &n_bytes, error))
    return;
  size = g_format_size (n_bytes);
  g_ptr_array_add (report->facts, g_strdup_printf (ngettext ("it holds %" PRIu64 " key in %s",
                                                             "it holds %" PRIu64 " keys in %s", n_entries),
                                                   n_entries, size));
  for (guint i = 0; damage[i] != NULL; i++)
    g_ptr_array_add (report->problems, g_strdup_printf (_("damaged: %s; see “verify”, then “repair”"), damage[i]));
}

int
mkv_cli_doctor_run (const MkvCliOptions *options)
{
  g_auto (Report) report = { g_ptr_array_new_with_free_func (g_free), g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (MkvCliStore) store = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (options->store == NULL)
    return mkv_cli_fail (MKV_CLI_USAGE, _("doctor: this version looks at a storage alone, with --store PATH"));
  store = mkv_cli_store_new (options, FALSE, &status);
  if (store == NULL)
    return status;
  if (!mkv_cli_store_open (store, &error))
    return mkv_cli_storage_fail_with ("doctor", error);
  g_ptr_array_add (report.facts,
                   g_strdup_printf (_("%s is a storage of “%s”"), options->store, mkv_cli_store_get_backend (store)));
  look_at_contents (&report, mkv_cli_store_get_storage (store), &error);
  look_at_secrecy (&report, options->encryption_key_file != NULL);
  look_at_folder (&report, options->store);
  if (error != NULL || !mkv_cli_store_close (store, &error))
    return mkv_cli_storage_fail_with ("doctor", error);
  g_ptr_array_add (report.facts, NULL);
  g_ptr_array_add (report.problems, NULL);
  mkv_cli_output_print_lines (options->json, "fact", (char **) report.facts->pdata);
  if (options->json)
    mkv_cli_output_print_lines (TRUE, "problem", (char **) report.problems->pdata);
  else
    for (guint i = 0; i + 1 < report.problems->len; i++)
      printf (_("problem: %s\n"), (const char *) report.problems->pdata[i]);
  if (fflush (stdout) != 0)
    return mkv_cli_fail (MKV_CLI_FAILURE, _("the output could not be written"));
  return report.problems->len > 1 ? MKV_CLI_FAILURE : MKV_CLI_OK;
}
