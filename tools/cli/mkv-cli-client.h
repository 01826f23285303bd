/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* A node that lives as long as it takes to ask another one something: it keeps
 * nothing, replicates nothing and takes no commands. */
typedef struct _MkvCliClient MkvCliClient;

/* What @options mean to such a node; an error tells which of them can't be. */
MkvConfig *mkv_cli_client_make_config (const MkvCliOptions *options, GError **error);

/* Connects to the broker of @options. The first attempt decides: it fails with
 * MKV_ERROR_NOT_CONNECTED, or MKV_ERROR_CONFIGURATION for settings that can't
 * work. Errors name options, not settings. */
MkvCliClient *mkv_cli_client_new (const MkvCliOptions *options, MkvConfig *config, GError **error);

/* Asks the node of @options. An answer that says ERROR is an answer. */
MkvResponse *mkv_cli_client_call (MkvCliClient *self, MkvCommand *command, GError **error);

MkvPluginRegistry *mkv_cli_client_get_registry (MkvCliClient *self);

/* Takes leave of the broker. */
void mkv_cli_client_free (MkvCliClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvCliClient, mkv_cli_client_free)

G_END_DECLS
