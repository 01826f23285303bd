/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

MKV_API
GBytes *mkv_secret_file_read (const char *path, const char *setting, GError **error);

G_END_DECLS
