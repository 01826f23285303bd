/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-options.h"

#include <glib/gi18n.h>

#define SUMMARY \
  N_("Runs one MerkleKV node in the foreground, until SIGTERM or SIGINT.\nSIGHUP reads the configuration again.")

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
  gboolean no_bus = FALSE, session = FALSE, system_bus = FALSE, replace = FALSE, version = FALSE;
  const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config_file, N_("Read the configuration from FILE"), N_("FILE") },
    { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings, N_("Override a setting; may be given repeatedly"),
      N_("GROUP.KEY=VALUE") },
    { "no-bus", 0, 0, G_OPTION_ARG_NONE, &no_bus, N_("Offer nothing on D-Bus"), NULL },
    { "session", 0, 0, G_OPTION_ARG_NONE, &session, N_("Offer the store on the session bus (not in this version)"), NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &system_bus, N_("Offer the store on the system bus (not in this version)"), NULL },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &replace, N_("Take the place of a running daemon (not in this version)"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Print the version and exit"), NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, _(SUMMARY));
  if (!g_option_context_parse (context, argc, argv, &error))
    return refuse (_("%s; see merklekvd --help"), error->message);
  if (version)
    {
      g_print ("merklekvd %s\n", VERSION);
      return 0;
    }
  if (*argc > 1)
    return refuse (_("unexpected argument “%s”; see merklekvd --help"), (*argv)[1]);
  if (session || system_bus || replace)
    return refuse (_("%s needs D-Bus, which this version does not have; what works today: --no-bus"),
                   session ? "--session" : system_bus ? "--system" : "--replace");
  if (!no_bus)
    return refuse (_("this version does not offer its store on D-Bus yet; what works today: %s"), "--no-bus");
  return -1;
}

void
mkv_daemon_options_clear (MkvDaemonOptions *options)
{
  g_clear_pointer (&options->config_file, g_free);
  g_clear_pointer (&options->settings, g_strfreev);
}
