/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

MKV_API
int mkv_storage_lock_folder (const char *path, GError **error);

MKV_API
gboolean mkv_storage_set_error_from_errno (GError **error, int saved_errno, const char *what_failed);

G_END_DECLS
