/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* The storage that --store and --backend name, as the plugin makes it, not open. */
MkvStorage *mkv_cli_storage_new (const MkvCliOptions *options, GError **error);

/* Opens it; its settings are the defaults. */
gboolean mkv_cli_storage_open (MkvStorage *storage, const MkvCliOptions *options, GError **error);

/* The key in the file that an option names; NULL without an error if @path is. */
GBytes *mkv_cli_storage_read_key (const char *path, const char *option, GError **error);

/* As mkv_cli_fail_with(), for errors that speak of settings where who reads them
 * has given options. */
int mkv_cli_storage_fail_with (const char *what, const GError *error);

G_END_DECLS
