/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-admin.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <merklekv.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "mkv-cli-bus.h"
#include "mkv-cli-error.h"
#include "mkv-cli-output.h"
#include "mkv-cli-progress.h"
#include "mkv-cli-storage.h"
#include "mkv-cli-store.h"

/* One verb at work. */
typedef struct
{
  const char *verb;
  MkvCliStore *store;
  MkvCliBus *bus; /* instead */
  GCancellable *cancellable;
  guint signal_id;
  MkvCliProgress progress;
  GAsyncResult *result;
} Work;

static gboolean
on_interrupt (gpointer user_data)
{
  g_cancellable_cancel (user_data);
  return G_SOURCE_CONTINUE;
}

/* What is half done is taken back. */
static void
begin (Work *self)
{
  self->cancellable = g_cancellable_new ();
  self->signal_id = g_unix_signal_add (SIGINT, on_interrupt, self->cancellable);
  mkv_cli_progress_begin (&self->progress, self->verb);
}

/* Of the storage that --store names. Returns MKV_CLI_OK, or what to exit with. */
static int
work_init (Work *self, const MkvCliOptions *options, gboolean create, gboolean open)
{
  g_autoptr (GError) error = NULL;
  int status = MKV_CLI_OK;

  *self = (Work){ .verb = options->arguments[0] };
  if (options->store == NULL)
    return mkv_cli_fail (MKV_CLI_USAGE, _("%s: that takes a storage that no daemon has open: --store PATH"), self->verb);
  self->store = mkv_cli_store_new (options, create, &status);
  if (self->store == NULL)
    return status;
  if (open && !mkv_cli_store_open (self->store, &error))
    return mkv_cli_storage_fail_with (self->verb, error);
  begin (self);
  return MKV_CLI_OK;
}

/* The same, or of the daemon. */
static int
work_init_anywhere (Work *self, const MkvCliOptions *options, gboolean create)
{
  g_autoptr (GError) error = NULL;

  if (options->store != NULL)
    return work_init (self, options, create, TRUE);
  *self = (Work){ .verb = options->arguments[0] };
  if (!options->bus)
    return mkv_cli_fail (MKV_CLI_USAGE, _("%s: that does not go to another node: leave out --node, or use --store PATH"),
                         self->verb);
  self->bus = mkv_cli_bus_new (options, NULL, &error);
  if (self->bus == NULL)
    return mkv_cli_fail_with (self->verb, error);
  begin (self);
  return MKV_CLI_OK;
}

static void
work_clear (Work *self)
{
  g_clear_object (&self->result);
  if (self->signal_id != 0)
    g_source_remove (self->signal_id);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->store, mkv_cli_store_free);
  g_clear_pointer (&self->bus, mkv_cli_bus_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Work *) user_data)->result = g_object_ref (result);
}

static GAsyncResult *
wait_for_result (Work *self)
{
  while (self->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  mkv_cli_progress_end (&self->progress);
  return self->result;
}

static MkvLocalStore *
get_store (Work *self)
{
  return mkv_cli_store_get_store (self->store);
}

static MkvStore *
get_any_store (Work *self)
{
  return self->bus != NULL ? mkv_cli_bus_get_store (self->bus) : MKV_STORE (get_store (self));
}

/* @error is what went wrong so far, or NULL. */
static int
finish (Work *self, int status, GError *error)
{
  g_autoptr (GError) close_error = NULL;

  if (error != NULL && self->bus != NULL)
    {
      mkv_cli_bus_judge (self->bus, error);
      return mkv_cli_fail_with (self->verb, error);
    }
  if (error != NULL)
    return mkv_cli_storage_fail_with (self->verb, error);
  g_clear_object (&self->result);
  if (self->store != NULL && !mkv_cli_store_close (self->store, &close_error))
    return mkv_cli_storage_fail_with (self->verb, close_error);
  if (fflush (stdout) != 0)
    return mkv_cli_fail (MKV_CLI_FAILURE, _("the output could not be written"));
  return status;
}

static gboolean
get_format (const MkvCliOptions *options, MkvDumpFormat *format)
{
  const char *name = options->format != NULL ? options->format : "jsonl";

  if (g_str_equal (name, "jsonl"))
    *format = MKV_DUMP_JSON_LINES;
  else if (g_str_equal (name, "cbor"))
    *format = MKV_DUMP_CBOR;
  else if (g_str_equal (name, "dconf"))
    *format = MKV_DUMP_DCONF;
  else
    {
      mkv_cli_fail (MKV_CLI_USAGE, _("--format %s: not one of jsonl, cbor, dconf"), name);
      return FALSE;
    }
  return TRUE;
}

int
mkv_cli_admin_dump (const MkvCliOptions *options)
{
  g_autoptr (GOutputStream) stream = g_unix_output_stream_new (STDOUT_FILENO, FALSE);
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  MkvDumpFormat format;
  int status;

  if (!get_format (options, &format))
    return MKV_CLI_USAGE;
  status = work_init_anywhere (&work, options, FALSE);
  if (status != MKV_CLI_OK)
    return status;
  mkv_store_dump_async (get_any_store (&work), stream, format, options->arguments[1], mkv_cli_progress_tell,
                        &work.progress, NULL, work.cancellable, on_done, &work);
  mkv_store_dump_finish (get_any_store (&work), wait_for_result (&work), &error);
  return finish (&work, MKV_CLI_OK, error);
}

static int
tell_report (const MkvCliOptions *options, const MkvLoadReport *report)
{
  guint n_told = g_strv_length (report->problems);

  for (guint i = 0; i < n_told; i++)
    mkv_cli_fail (MKV_CLI_FAILURE, "load: %s", report->problems[i]);
  if (report->n_refused > n_told)
    mkv_cli_fail (MKV_CLI_FAILURE, _("load: %" PRIu64 " were refused in all"), report->n_refused);
  if (options->json)
    printf ("{\"loaded\":%" PRIu64 ",\"unchanged\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n", report->n_loaded,
            report->n_unchanged, report->n_refused);
  return report->n_refused > 0 ? MKV_CLI_FAILURE : MKV_CLI_OK;
}

int
mkv_cli_admin_load (const MkvCliOptions *options)
{
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  MkvDumpFormat format;
  int status;

  if (!get_format (options, &format))
    return MKV_CLI_USAGE;
  if (options->arguments[1] == NULL || g_str_equal (options->arguments[1], "-"))
    stream = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  else
    {
      g_autoptr (GFile) file = g_file_new_for_commandline_arg (options->arguments[1]);

      stream = G_INPUT_STREAM (g_file_read (file, NULL, &error));
      if (stream == NULL)
        return mkv_cli_storage_fail_with ("load", error);
    }
  status = work_init_anywhere (&work, options, TRUE);
  if (status != MKV_CLI_OK)
    return status;
  mkv_store_load_async (get_any_store (&work), stream, format, mkv_cli_progress_tell, &work.progress, NULL,
                        work.cancellable, on_done, &work);
  report = mkv_store_load_finish (get_any_store (&work), wait_for_result (&work), &error);
  if (report != NULL)
    status = tell_report (options, report);
  return finish (&work, status, error);
}

/* What the daemon does with the store that it has open. */
static GVariant *
call_daemon (Work *self, const char *method, GVariant *args, const char *reply_type, GError **error)
{
  GVariant *reply = mkv_cli_bus_call_long (self->bus, method, args, reply_type, mkv_cli_progress_tell, &self->progress,
                                           self->cancellable, error);

  mkv_cli_progress_end (&self->progress);
  return reply;
}

int
mkv_cli_admin_backup (const MkvCliOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init_anywhere (&work, options, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  if (work.bus != NULL)
    {
      g_autofree char *folder = g_canonicalize_filename (options->arguments[1], NULL);
      g_autoptr (GVariant) reply = NULL;

      if (!g_utf8_validate (folder, -1, NULL))
        return mkv_cli_fail (MKV_CLI_USAGE, _("backup: the daemon is told of a folder by its name, which has to be UTF-8"));
      reply = call_daemon (&work, "Backup", g_variant_new ("(sa{sv})", folder, NULL), "()", &error);
      return finish (&work, MKV_CLI_OK, error);
    }
  mkv_local_store_backup_async (get_store (&work), options->arguments[1], mkv_cli_progress_tell, &work.progress, NULL,
                                work.cancellable, on_done, &work);
  mkv_local_store_backup_finish (get_store (&work), wait_for_result (&work), &error);
  return finish (&work, MKV_CLI_OK, error);
}

int
mkv_cli_admin_restore (const MkvCliOptions *options)
{
  g_autoptr (GVariant) storage_options = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init (&work, options, TRUE, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  storage_options = mkv_cli_store_get_options (work.store);
  mkv_local_store_restore_async (mkv_cli_store_get_storage (work.store), options->store, storage_options, options->arguments[1],
                                 options->restored_node_id, options->force, mkv_cli_progress_tell, &work.progress, NULL,
                                 work.cancellable, on_done, &work);
  done = mkv_local_store_restore_finish (wait_for_result (&work), &error);
  if (done != NULL)
    mkv_cli_output_print_lines (options->json, "done", done);
  return finish (&work, MKV_CLI_OK, error);
}

int
mkv_cli_admin_verify (const MkvCliOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init_anywhere (&work, options, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  if (work.bus != NULL)
    {
      g_autoptr (GVariant) reply = call_daemon (&work, "Verify", g_variant_new ("(a{sv})", NULL), "(as)", &error);

      if (reply != NULL)
        g_variant_get (reply, "(^as)", &problems);
    }
  else
    {
      mkv_local_store_verify_async (get_store (&work), mkv_cli_progress_tell, &work.progress, NULL, work.cancellable,
                                    on_done, &work);
      problems = mkv_local_store_verify_finish (get_store (&work), wait_for_result (&work), &error);
    }
  if (problems != NULL)
    mkv_cli_output_print_lines (options->json, "problem", problems);
  return finish (&work, problems != NULL && problems[0] != NULL ? MKV_CLI_FAILURE : MKV_CLI_OK, error);
}

int
mkv_cli_admin_repair (const MkvCliOptions *options)
{
  g_autoptr (GVariant) storage_options = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init (&work, options, FALSE, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  storage_options = mkv_cli_store_get_options (work.store);
  mkv_local_store_repair_async (mkv_cli_store_get_storage (work.store), options->store, storage_options,
                                mkv_cli_progress_tell, &work.progress, NULL, work.cancellable, on_done, &work);
  done = mkv_local_store_repair_finish (wait_for_result (&work), &error);
  if (done != NULL)
    mkv_cli_output_print_lines (options->json, "done", done);
  return finish (&work, MKV_CLI_OK, error);
}

int
mkv_cli_admin_compact (const MkvCliOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init_anywhere (&work, options, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  if (work.bus != NULL)
    {
      g_autoptr (GVariant) reply = call_daemon (&work, "Compact", g_variant_new ("(a{sv})", NULL), "()", &error);

      return finish (&work, MKV_CLI_OK, error);
    }
  mkv_local_store_compact_async (get_store (&work), mkv_cli_progress_tell, &work.progress, NULL, work.cancellable,
                                 on_done, &work);
  mkv_local_store_compact_finish (get_store (&work), wait_for_result (&work), &error);
  return finish (&work, MKV_CLI_OK, error);
}

static void
print_number (gboolean json, const char *name, GVariant *value, gboolean first)
{
  if (json)
    printf (first ? "\"%s\":" : ",\"%s\":", name);
  else
    printf ("%s: ", name);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    printf ("%" PRId64, g_variant_get_int64 (value));
  else if (json)
    mkv_cli_output_print_string (g_variant_get_string (value, NULL));
  else
    printf ("%s", g_variant_get_string (value, NULL));
  if (!json)
    putchar ('\n');
}

int
mkv_cli_admin_stats (const MkvCliOptions *options)
{
  static const char *const names[] = { "format",  "node_id", "entries", "tombstones", "graves", "octets",
                                       "outbox",  "horizon", "seq",     "root" };
  g_autoptr (GVariant) stats = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  int status = work_init_anywhere (&work, options, FALSE);

  if (status != MKV_CLI_OK)
    return status;
  if (work.bus != NULL)
    {
      g_autoptr (GVariant) reply = call_daemon (&work, "GetStats", g_variant_new ("(a{sv})", NULL), "(a{sv})", &error);

      if (reply != NULL)
        stats = g_variant_get_child_value (reply, 0);
    }
  else
    {
      mkv_local_store_get_stats_async (get_store (&work), work.cancellable, on_done, &work);
      stats = mkv_local_store_get_stats_finish (get_store (&work), wait_for_result (&work), &error);
    }
  if (stats == NULL)
    return finish (&work, MKV_CLI_FAILURE, error);
  if (options->json)
    putchar ('{');
  if (work.store != NULL)
    printf (options->json ? "\"backend\":\"%s\"" : "backend: %s\n", mkv_cli_store_get_backend (work.store));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (stats, names[i], NULL);

      if (value != NULL)
        print_number (options->json, names[i], value, i == 0 && work.store == NULL);
    }
  if (options->json)
    printf ("}\n");
  return finish (&work, MKV_CLI_OK, NULL);
}
