/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What an option that this version lacks, and wrong usage, end the program with. */
#define MKV_DAEMON_EXIT_FAILURE 1
#define MKV_DAEMON_EXIT_USAGE 2
#define MKV_DAEMON_EXIT_CONFIGURATION 78

/* What the command line says. */
typedef struct
{
  char *config_file; /* NULL if there is none */
  char **settings;   /* of group.key=value; NULL if there is none */
} MkvDaemonOptions;

/* Reads the command line. Returns -1 if the program is to go on, or else what
 * it is to exit with, after it has been said why. */
int mkv_daemon_options_parse (MkvDaemonOptions *options, int *argc, char ***argv);
void mkv_daemon_options_clear (MkvDaemonOptions *options);

G_END_DECLS
