/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <merklekv.h>
#include <signal.h>
#include <stdio.h>

#include "mkv-daemon-bus.h"
#include "mkv-daemon-idle.h"
#include "mkv-daemon-log.h"
#include "mkv-daemon-notify.h"
#include "mkv-daemon-options.h"
#include "mkv-daemon-sleep.h"

/* A storage that cannot be opened may be the one of a daemon that is just about
 * to leave; that takes it 4 s at most, and a bit. */
#define OPEN_RETRY (G_USEC_PER_SEC / 20)
#define OPEN_LIMIT (10 * G_USEC_PER_SEC)

typedef struct
{
  MkvDaemonOptions options;
  MkvClock *clock;
  MkvNode *node;
  MkvDaemonBus *bus;     /* NULL without one */
  MkvDaemonIdle *idle;   /* NULL where it does not end by itself */
  MkvDaemonSleep *sleep; /* NULL without a bus */
  GMainLoop *loop;
  GSource *retry; /* until the storage can be opened; NULL while there is no need */
  gint64 retry_until;
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
quit (gpointer user_data)
{
  Daemon *daemon = user_data;

  g_main_loop_quit (daemon->loop);
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
  if (daemon->bus != NULL)
    mkv_daemon_bus_leave (daemon->bus, quit);
  else
    quit (daemon);
}

static void
stop_node (gpointer user_data)
{
  Daemon *daemon = user_data;

  mkv_node_stop_async (daemon->node, NULL, on_stopped, daemon);
}

static void
stop (Daemon *daemon, int status)
{
  if (daemon->stopping)
    return;
  daemon->stopping = TRUE;
  daemon->status = status;
  mkv_daemon_notify_stopping ();
  if (daemon->retry != NULL)
    g_source_destroy (daemon->retry);
  g_clear_pointer (&daemon->retry, g_source_unref);
  g_clear_pointer (&daemon->idle, mkv_daemon_idle_free);
  g_clear_pointer (&daemon->sleep, mkv_daemon_sleep_free);
  if (daemon->bus != NULL)
    mkv_daemon_bus_release (daemon->bus, stop_node);
  else
    stop_node (daemon);
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
  stop (daemon, 0);
  return G_SOURCE_CONTINUE;
}

static void
on_idle (gpointer user_data)
{
  g_info (_("Nobody needs this daemon: it ends, and comes back with the next call"));
  stop (user_data, 0);
}

static gboolean
reload (char ***need_restart, gpointer user_data, GError **error)
{
  Daemon *daemon = user_data;
  g_autoptr (MkvConfig) config = NULL;

  if (daemon->stopping)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("the daemon is about to end"));
      return FALSE;
    }
  config = read_config (daemon, error);
  if (config == NULL || !mkv_node_reload (daemon->node, config, need_restart, error))
    return FALSE;
  mkv_daemon_log_set_config (config);
  return TRUE;
}

static gboolean
on_reload_signal (gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) need_restart = NULL;

  if (daemon->stopping)
    return G_SOURCE_CONTINUE;
  mkv_daemon_notify_reloading ();
  if (!reload (&need_restart, daemon, &error))
    {
      print_mistakes (error);
      g_printerr (_("merklekvd: the configuration stays as it was\n"));
    }
  for (guint i = 0; need_restart != NULL && need_restart[i] != NULL; i++)
    g_printerr (_("merklekvd: %s takes effect after a restart\n"), need_restart[i]);
  mkv_daemon_notify_ready ();
  return G_SOURCE_CONTINUE;
}

static void
serve (Daemon *daemon)
{
  g_print ("ready client-id=%s node-id=%s\n", mkv_node_get_client_id (daemon->node),
           mkv_node_get_node_id (daemon->node));
  fflush (stdout);
  mkv_daemon_notify_ready ();
  if (daemon->bus == NULL)
    return;
  mkv_daemon_bus_open (daemon->bus);
  daemon->sleep = mkv_daemon_sleep_new (daemon->node, daemon->options.bus == G_BUS_TYPE_SYSTEM
                                                          ? mkv_daemon_bus_get_connection (daemon->bus)
                                                          : NULL);
  if (daemon->options.exit_idle > 0)
    daemon->idle = mkv_daemon_idle_new (daemon->clock, daemon->options.exit_idle * G_USEC_PER_SEC, daemon->node,
                                        daemon->bus, on_idle, daemon);
}

static void start (gpointer user_data);

static gboolean
on_retry (gpointer user_data)
{
  Daemon *daemon = user_data;

  g_clear_pointer (&daemon->retry, g_source_unref);
  start (daemon);
  return G_SOURCE_REMOVE;
}

static gboolean
may_retry (Daemon *daemon, const GError *error)
{
  gint64 now = mkv_clock_get_monotonic_time (daemon->clock);

  if (daemon->bus == NULL || !g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE))
    return FALSE;
  if (daemon->retry_until == 0)
    {
      daemon->retry_until = now + OPEN_LIMIT;
      g_info (_("Waiting for the storage: %s"), error->message);
    }
  return now < daemon->retry_until;
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr (GError) error = NULL;
  gboolean started = mkv_node_start_finish (MKV_NODE (source), result, &error);

  if (daemon->stopping)
    return;
  if (started)
    serve (daemon);
  else if (may_retry (daemon, error))
    daemon->retry = mkv_clock_add_timeout (daemon->clock, OPEN_RETRY, NULL, on_retry, daemon);
  else
    {
      g_printerr (_("merklekvd: the node could not be started: %s\n"), error->message);
      stop (daemon, g_error_matches (error, MKV_ERROR, MKV_ERROR_CONFIGURATION) ||
                            g_error_matches (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND)
                        ? MKV_DAEMON_EXIT_CONFIGURATION
                        : MKV_DAEMON_EXIT_FAILURE);
    }
}

static void
start (gpointer user_data)
{
  Daemon *daemon = user_data;

  if (!daemon->stopping)
    mkv_node_start_async (daemon->node, NULL, on_started, daemon);
}

static void
on_bus_ended (MkvDaemonBusEnd end, const char *text, gpointer user_data)
{
  Daemon *daemon = user_data;

  g_printerr ("merklekvd: %s\n", text);
  stop (daemon, end == MKV_DAEMON_BUS_REPLACED ? 0
                : end == MKV_DAEMON_BUS_TAKEN  ? MKV_DAEMON_EXIT_TAKEN
                                               : MKV_DAEMON_EXIT_FAILURE);
}

static int
run (Daemon *daemon)
{
  static const MkvDaemonBusFuncs funcs = { start, on_bus_ended };
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvConfig) config = read_config (daemon, &error);

  if (config == NULL)
    {
      print_mistakes (error);
      return MKV_DAEMON_EXIT_CONFIGURATION;
    }
  mkv_daemon_log_init (config);
  daemon->clock = mkv_clock_new ();
  daemon->node = mkv_node_new_full (config, NULL, daemon->clock);
  daemon->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, on_end_signal, daemon);
  g_unix_signal_add (SIGINT, on_end_signal, daemon);
  g_unix_signal_add (SIGHUP, on_reload_signal, daemon);
  mkv_daemon_notify_start_watchdog (daemon->clock);
  if (daemon->options.bus != G_BUS_TYPE_NONE)
    {
      daemon->bus = mkv_daemon_bus_new (daemon->options.bus, daemon->options.replace, daemon->node, &funcs, reload, daemon);
      mkv_daemon_bus_start (daemon->bus);
    }
  else
    start (daemon);
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
  mkv_daemon_notify_stop_watchdog ();
  g_clear_pointer (&daemon.idle, mkv_daemon_idle_free);
  g_clear_pointer (&daemon.sleep, mkv_daemon_sleep_free);
  g_clear_pointer (&daemon.bus, mkv_daemon_bus_free);
  g_clear_object (&daemon.node);
  g_clear_object (&daemon.clock);
  g_clear_pointer (&daemon.loop, g_main_loop_unref);
  mkv_daemon_options_clear (&daemon.options);
  return status;
}
