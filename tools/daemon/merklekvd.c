/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <merklekv.h>
#include <signal.h>
#include <stdio.h>

#include "mkv-daemon-log.h"
#include "mkv-daemon-notify.h"
#include "mkv-daemon-options.h"

typedef struct
{
  MkvDaemonOptions options;
  MkvNode *node;
  GMainLoop *loop;
  gboolean stopping;
  int status;
} Daemon;

/* The mistakes of a configuration, a line each, say where they are themselves. */
static void
print_mistakes (const GError *error)
{
  g_printerr ("%s%s", error->message, g_str_has_suffix (error->message, "\n") ? "" : "\n");
}

static MkvConfig *
read_config (Daemon *daemon, GError **error)
{
  g_autofree char *found = daemon->options.config_file == NULL ? mkv_config_find_file () : NULL;
  const char *file = daemon->options.config_file != NULL ? daemon->options.config_file : found;
  MkvConfig *config;

  config = mkv_config_new_from_file (file, (const char *const *) daemon->options.settings, error);
  if (config != NULL)
    {
      g_auto (GStrv) warnings = mkv_config_list_warnings (config);

      for (guint i = 0; warnings[i] != NULL; i++)
        g_printerr ("%s\n", warnings[i]);
    }
  return config;
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr (GError) error = NULL;

  if (!mkv_node_stop_finish (MKV_NODE (source), result, &error))
    {
      g_printerr (_("merklekvd: the storage was not closed as it should be: %s\n"), error->message);
      daemon->status = MKV_DAEMON_EXIT_FAILURE;
    }
  g_main_loop_quit (daemon->loop);
}

/* The first signal ends the daemon gracefully, the second at once. */
static gboolean
on_end_signal (gpointer user_data)
{
  Daemon *daemon = user_data;

  if (daemon->stopping)
    {
      daemon->status = MKV_DAEMON_EXIT_FAILURE;
      g_main_loop_quit (daemon->loop);
      return G_SOURCE_CONTINUE;
    }
  daemon->stopping = TRUE;
  mkv_daemon_notify_stopping ();
  mkv_node_stop_async (daemon->node, NULL, on_stopped, daemon);
  return G_SOURCE_CONTINUE;
}

static void
reload (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvConfig) config = read_config (daemon, &error);
  g_auto (GStrv) need_restart = NULL;

  if (config == NULL || !mkv_node_reload (daemon->node, config, &need_restart, &error))
    {
      print_mistakes (error);
      g_printerr (_("merklekvd: the configuration stays as it was\n"));
      return;
    }
  mkv_daemon_log_set_config (config);
  for (guint i = 0; need_restart[i] != NULL; i++)
    g_printerr (_("merklekvd: %s takes effect after a restart\n"), need_restart[i]);
}

static gboolean
on_reload_signal (gpointer user_data)
{
  Daemon *daemon = user_data;

  if (daemon->stopping)
    return G_SOURCE_CONTINUE;
  mkv_daemon_notify_reloading ();
  reload (daemon);
  mkv_daemon_notify_ready ();
  return G_SOURCE_CONTINUE;
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  MkvNode *node = MKV_NODE (source);
  g_autoptr (GError) error = NULL;

  if (mkv_node_start_finish (node, result, &error))
    {
      g_print ("ready client-id=%s node-id=%s\n", mkv_node_get_client_id (node), mkv_node_get_node_id (node));
      fflush (stdout);
      mkv_daemon_notify_ready ();
      return;
    }
  if (daemon->stopping)
    return;
  g_printerr (_("merklekvd: the node could not be started: %s\n"), error->message);
  daemon->status = g_error_matches (error, MKV_ERROR, MKV_ERROR_CONFIGURATION) ||
                           g_error_matches (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND)
                       ? MKV_DAEMON_EXIT_CONFIGURATION
                       : MKV_DAEMON_EXIT_FAILURE;
  g_main_loop_quit (daemon->loop);
}

static int
run (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvConfig) config = read_config (daemon, &error);

  if (config == NULL)
    {
      print_mistakes (error);
      return MKV_DAEMON_EXIT_CONFIGURATION;
    }
  mkv_daemon_log_init (config);
  daemon->node = mkv_node_new (config);
  daemon->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, on_end_signal, daemon);
  g_unix_signal_add (SIGINT, on_end_signal, daemon);
  g_unix_signal_add (SIGHUP, on_reload_signal, daemon);
  mkv_node_start_async (daemon->node, NULL, on_started, daemon);
  g_main_loop_run (daemon->loop);
  return daemon->status;
}

int
main (int argc, char **argv)
{
  Daemon daemon = { 0 };
  int status;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  /* A limit on the size of files (ulimit -f) is an error of a write, not the end. */
  signal (SIGXFSZ, SIG_IGN);

  status = mkv_daemon_options_parse (&daemon.options, &argc, &argv);
  if (status < 0)
    status = run (&daemon);
  g_clear_object (&daemon.node);
  g_clear_pointer (&daemon.loop, g_main_loop_unref);
  mkv_daemon_options_clear (&daemon.options);
  return status;
}
