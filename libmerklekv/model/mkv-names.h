/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

MKV_API
gboolean mkv_key_check (const char *key, GError **error);

MKV_API
gboolean mkv_name_check (const char *name, GError **error);

MKV_API
char *mkv_topic_prefix_normalize (const char *prefix, GError **error);

MKV_API
gboolean mkv_text_is_valid (const char *octets, gsize length);

G_END_DECLS
