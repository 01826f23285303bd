/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-watch.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdio.h>

#include "mkv-cli-bus.h"
#include "mkv-cli-error.h"
#include "mkv-cli-output.h"

typedef struct
{
  const MkvCliOptions *options;
  GMainLoop *loop;
  int status;
} Watch;

static void
print_json (MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  g_autofree char *text = mkv_entry_dup_text (entry);
  gsize length;
  const guint8 *octets = mkv_entry_peek_value (entry, &length);

  printf ("{\"op\":\"%s\",\"key\":", octets != NULL ? "SET" : "DELETE");
  mkv_cli_output_print_string (mkv_entry_get_key (entry));
  if (octets != NULL)
    {
      g_autofree char *base64 = text == NULL ? g_base64_encode (octets, length) : NULL;

      printf (",\"value\":");
      mkv_cli_output_print_string (text != NULL ? text : base64);
      if (text == NULL)
        printf (",\"encoding\":\"base64\"");
    }
  printf (",\"timestamp\":%" PRId64 ",\"node_id\":", stamp->timestamp);
  mkv_cli_output_print_string (stamp->node_id);
  printf (",\"seq\":%" PRId64 "}\n", stamp->seq);
}

static void
print (MkvEntry *entry)
{
  gsize length;
  const guint8 *octets = mkv_entry_peek_value (entry, &length);

  fputs (mkv_entry_get_key (entry), stdout);
  putchar ('\t');
  if (octets != NULL && length > 0)
    fwrite (octets, 1, length, stdout);
  putchar ('\n');
}

/* The command finds the key in $MKV_KEY and the value on its stdin; of a deletion
 * it finds $MKV_DELETED as well. One at a time, in the order of the changes. */
static void
run_command (Watch *self, MkvEntry *entry)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  const char *const words[] = { "/bin/sh", "-c", self->options->exec, NULL };

  g_subprocess_launcher_setenv (launcher, "MKV_KEY", mkv_entry_get_key (entry), TRUE);
  if (mkv_entry_is_tombstone (entry))
    g_subprocess_launcher_setenv (launcher, "MKV_DELETED", "1", TRUE);
  process = g_subprocess_launcher_spawnv (launcher, words, &error);
  /* It need not read what it is given. */
  if (process != NULL && !g_subprocess_communicate (process, mkv_entry_get_value (entry), NULL, NULL, NULL, &error) &&
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    {
      g_clear_error (&error);
      g_subprocess_wait (process, NULL, &error);
    }
  if (error != NULL)
    mkv_cli_fail (MKV_CLI_FAILURE, "watch: %s: %s", self->options->exec, error->message);
  else if (!g_subprocess_get_successful (process))
    mkv_cli_fail (MKV_CLI_FAILURE, _("watch: “%s” failed for the key %s"), self->options->exec,
                  mkv_entry_get_key (entry));
}

static void
tell (Watch *self, MkvEntry *entry)
{
  if (self->options->exec != NULL)
    run_command (self, entry);
  else if (self->options->json)
    print_json (entry);
  else
    print (entry);
}

/* Whoever reads this wants it now. */
static void
flush (Watch *self)
{
  if (fflush (stdout) == 0)
    return;
  self->status = mkv_cli_fail (MKV_CLI_FAILURE, _("the output could not be written"));
  g_main_loop_quit (self->loop);
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  Watch *self = user_data;

  tell (self, entry);
  flush (self);
}

/* All are read, also where only changes are wanted: so the store knows what has
 * changed while the daemon was away. */
static gboolean
read_all (Watch *self, MkvStore *store, const char *prefix, GError **error)
{
  g_autofree char *after = NULL;
  gboolean more = TRUE;

  while (more)
    {
      g_auto (GStrv) keys = mkv_store_list_keys (store, prefix, after, MKV_MAX_LIST_KEYS, &more, NULL, error);
      g_autoptr (GPtrArray) entries = NULL;

      if (keys == NULL)
        return FALSE;
      entries = mkv_store_get_many (store, (const char *const *) keys, NULL, error);
      if (entries == NULL)
        return FALSE;
      for (guint i = 0; !self->options->no_initial && i < entries->len; i++)
        tell (self, entries->pdata[i]);
      if (more)
        {
          g_free (after);
          after = g_strdup (keys[g_strv_length (keys) - 1]);
        }
    }
  return TRUE;
}

static gboolean
on_signal (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_CONTINUE;
}

static void
on_closed (GDBusConnection *connection, gboolean remote_peer_vanished, GError *why, gpointer user_data)
{
  Watch *self = user_data;

  self->status = mkv_cli_fail (MKV_CLI_NOT_CONNECTED, _("watch: the connection to the bus is closed"));
  g_main_loop_quit (self->loop);
}

int
mkv_cli_watch_run (const MkvCliOptions *options)
{
  const char *prefix = options->arguments[1] != NULL ? options->arguments[1] : "";
  Watch self = { options, NULL, MKV_CLI_OK };
  g_autoptr (MkvCliBus) bus = NULL;
  g_autoptr (GMainLoop) loop = NULL;
  g_autoptr (GError) error = NULL;
  MkvStore *store;

  if (!options->bus)
    return mkv_cli_fail (MKV_CLI_USAGE, _("watch: only the daemon tells of changes: leave out --node and --store"));
  bus = mkv_cli_bus_new (options, prefix, &error);
  if (bus == NULL)
    return mkv_cli_fail_with ("watch", error);
  self.loop = loop = g_main_loop_new (NULL, FALSE);
  store = mkv_cli_bus_get_store (bus);
  g_signal_connect (store, "changed", G_CALLBACK (on_changed), &self);
  g_signal_connect (mkv_cli_bus_get_connection (bus), "closed", G_CALLBACK (on_closed), &self);
  if (!read_all (&self, store, prefix, &error))
    {
      mkv_cli_bus_judge (bus, error);
      return mkv_cli_fail_with ("watch", error);
    }
  flush (&self);
  if (self.status != MKV_CLI_OK)
    return self.status;
  g_unix_signal_add (SIGINT, on_signal, loop);
  g_unix_signal_add (SIGTERM, on_signal, loop);
  g_main_loop_run (loop);
  g_signal_handlers_disconnect_by_data (mkv_cli_bus_get_connection (bus), &self);
  return self.status;
}
