/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-plugin-error.h"

G_BEGIN_DECLS

gboolean mkv_plugin_guard (gboolean done, gpointer plugin, const char *vfunc, GError **error,
                           GError *plugin_error);

G_END_DECLS
