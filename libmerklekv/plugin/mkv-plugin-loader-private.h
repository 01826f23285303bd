/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "plugin/mkv-plugin-info.h"

G_BEGIN_DECLS

/* Opens the file of @info, for good, and checks its descriptor and its type:
 * G_TYPE_INVALID with an error where something is wrong. */
GType mkv_plugin_loader_open (MkvPluginInfo *info, GError **error);

/* Whether objects of @type can be plugins of that kind; @origin says in the
 * error where the type is from. */
gboolean mkv_plugin_loader_check_type (MkvPluginKind kind, const char *origin, GType type, GError **error);

G_END_DECLS
