/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* A storage that is opened directly, without a node: that of --store. */
typedef struct _MkvCliStore MkvCliStore;

/* Of @options, not open yet. NULL after it has been said why not, with *@status
 * the status to exit with. @create: whether the folder may be one that is not
 * there. */
MkvCliStore *mkv_cli_store_new (const MkvCliOptions *options, gboolean create, int *status);

/* Opens the store that it holds. */
gboolean mkv_cli_store_open (MkvCliStore *self, GError **error);

/* Does what a node does that is sent @command. An error is a response, too. */
MkvResponse *mkv_cli_store_call (MkvCliStore *self, MkvCommand *command);

MkvPluginRegistry *mkv_cli_store_get_registry (MkvCliStore *self);
MkvStorage *mkv_cli_store_get_storage (MkvCliStore *self);
GVariant *mkv_cli_store_get_options (MkvCliStore *self);
const char *mkv_cli_store_get_backend (MkvCliStore *self);
MkvLocalStore *mkv_cli_store_get_store (MkvCliStore *self);

/* Closes it, if it is open; FALSE if what was written may not be there. */
gboolean mkv_cli_store_close (MkvCliStore *self, GError **error);
void mkv_cli_store_free (MkvCliStore *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvCliStore, mkv_cli_store_free)

G_END_DECLS
