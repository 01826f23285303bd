/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the command line and the environment say. */
typedef struct
{
  /* The target. */
  gboolean bus; /* the daemon: also where nothing else was given */
  gboolean system; /* on the system's bus */
  char *node;
  char *broker;
  char *prefix;
  char *username;
  char *password_file;
  char *ca_file;
  char *cert_file;
  char *key_file;
  char *store; /* the folder of a storage */
  char *backend;
  char *encryption_key_file;
  /* What these three were given with: the option, or a variable. */
  const char *node_from;
  const char *broker_from;
  const char *prefix_from;

  gboolean json;
  char *timeout; /* as given */
  guint timeout_ms;

  /* Of single verbs. */
  gboolean base64;
  gboolean hex;
  char *limit;
  char *after;
  char *peer;
  char *format;
  char *restored_node_id;
  gboolean force;
  char *to_key_file;
  gboolean to_plain;
  gboolean no_initial;
  char *exec;
  char *as_node; /* hidden: see mkv-demo-node.h */

  gboolean help;
  gboolean version;

  char **arguments; /* the verb, and what goes with it */
} MkvCliOptions;

/* Returns MKV_CLI_OK, or else what the program is to exit with, after it has
 * been said why. */
int mkv_cli_options_parse (MkvCliOptions *options, char **argv);
void mkv_cli_options_clear (MkvCliOptions *options);

G_END_DECLS
