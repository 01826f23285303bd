/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the program ends with, besides 0. */
#define MKV_DAEMON_EXIT_FAILURE 1
#define MKV_DAEMON_EXIT_USAGE 2
#define MKV_DAEMON_EXIT_TAKEN 69 /* another daemon has the name */
#define MKV_DAEMON_EXIT_CONFIGURATION 78

/* What the command line says. */
typedef struct
{
  char *config_file; /* NULL if there is none */
  char **settings;   /* of group.key=value; NULL if there is none */
  GBusType bus;      /* G_BUS_TYPE_NONE for none */
  gboolean replace;
  int exit_idle; /* in seconds; 0 for never */
} MkvDaemonOptions;

/* Reads the command line. Returns -1 if the program is to go on, or else what
 * it is to exit with, after it has been said why. */
int mkv_daemon_options_parse (MkvDaemonOptions *options, int *argc, char ***argv);
void mkv_daemon_options_clear (MkvDaemonOptions *options);

G_END_DECLS
