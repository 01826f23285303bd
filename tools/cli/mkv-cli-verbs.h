/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* What one verb of the command line is to a node: the commands it sends. */
typedef struct
{
  const char *name;
  const char *usage; /* its arguments */
  const char *help; /* one line */
  guint least, most; /* how many */
  const char *field; /* what is printed of INFO; NULL for all */
  /* Adds the commands. Returns
   * MKV_CLI_OK, or what to exit with after it has been said why. */
  int (*prepare) (const MkvCliOptions *options, char **arguments, GPtrArray *commands);
  /* What does it, where it sends no commands; says why it fails. */
  int (*run) (const MkvCliOptions *options);
  gboolean writes; /* of commands: with --store, a storage is made that is not there */
} MkvCliVerb;

/* Prints what --help does. */
void mkv_cli_verbs_print_help (void);

/* The verb that @options name, with the right number of arguments. NULL after it
 * has been said why not. */
const MkvCliVerb *mkv_cli_verbs_find (const MkvCliOptions *options);

/* The commands that @verb with these arguments means. */
int mkv_cli_verbs_prepare (const MkvCliVerb *verb, const MkvCliOptions *options, GPtrArray *commands);

G_END_DECLS
