/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-options.h"

#include <glib/gi18n.h>

#define SUMMARY \
  N_("Runs one MerkleKV node in the foreground, until SIGTERM or SIGINT, and offers its\n" \
     "store on the session bus. SIGHUP reads the configuration again.")

#define DESCRIPTION \
  N_("Without --config the configuration is read from $MKV_CONFIG, or else from\n" \
     "$XDG_CONFIG_HOME/merklekv/merklekv.conf, or else from /etc/merklekv/merklekv.conf.\n" \
     "On standard output there is one line, when the node serves.\n" \
     "\n" \
     "Exit status: 0 after an end in good order, also because another daemon has taken\n" \
     "this one's place or nobody needs it; 1 after a failure, also where there is no bus,\n" \
     "or the bus ends; 2 for wrong usage; 69 if a daemon is on the bus already; 78 if the\n" \
     "configuration is wrong.")

/* A day is as good as never. */
#define MAX_EXIT_IDLE 86400

static int refuse (const char *format, ...) G_GNUC_PRINTF (1, 2);

static int
refuse (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("merklekvd: %s\n", text);
  return MKV_DAEMON_EXIT_USAGE;
}

int
mkv_daemon_options_parse (MkvDaemonOptions *options, int *argc, char ***argv)
{
  gboolean no_bus = FALSE, session = FALSE, system_bus = FALSE, version = FALSE;
  const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config_file, N_("Read the configuration from FILE"), N_("FILE") },
    { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings, N_("Override a setting; may be given repeatedly"),
      N_("GROUP.KEY=VALUE") },
    { "no-bus", 0, 0, G_OPTION_ARG_NONE, &no_bus, N_("Offer nothing on D-Bus"), NULL },
    { "session", 0, 0, G_OPTION_ARG_NONE, &session, N_("Offer the store on the session bus (default)"), NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &system_bus,
      N_("Offer the store on the system bus, to those who may use it"), NULL },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &options->replace, N_("Take the place of a running daemon"), NULL },
    { "exit-idle", 0, 0, G_OPTION_ARG_INT, &options->exit_idle,
      N_("End after about SECONDS in which nobody has called or watched, if there is no broker, data stays, and "
         "the bus starts the daemon again (default: 0, never)"),
      N_("SECONDS") },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Print the version and exit"), NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, _(SUMMARY));
  g_option_context_set_description (context, _(DESCRIPTION));
  if (!g_option_context_parse (context, argc, argv, &error))
    return refuse (_("%s; see merklekvd --help"), error->message);
  if (version)
    {
      g_print ("merklekvd %s\n", VERSION);
      return 0;
    }
  if (*argc > 1)
    return refuse (_("unexpected argument “%s”; see merklekvd --help"), (*argv)[1]);
  if (no_bus + session + system_bus > 1)
    return refuse (_("--no-bus, --session and --system exclude each other; see merklekvd --help"));
  if (no_bus && (options->replace || options->exit_idle != 0))
    return refuse (_("%s needs a bus, and --no-bus asks for none; see merklekvd --help"),
                   options->replace ? "--replace" : "--exit-idle");
  if (options->exit_idle < 0 || options->exit_idle > MAX_EXIT_IDLE)
    return refuse (_("--exit-idle %d: it takes 0 to %d"), options->exit_idle, MAX_EXIT_IDLE);
  options->bus = no_bus ? G_BUS_TYPE_NONE : system_bus ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION;
  return -1;
}

void
mkv_daemon_options_clear (MkvDaemonOptions *options)
{
  g_clear_pointer (&options->config_file, g_free);
  g_clear_pointer (&options->settings, g_strfreev);
}
