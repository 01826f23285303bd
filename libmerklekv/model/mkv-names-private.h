/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-names.h"

G_BEGIN_DECLS

gboolean mkv_key_is_valid (const char *key, gsize *length);

/* The same rules for octets that no NUL ends. */
gboolean mkv_key_octets_are_valid (const char *key, gsize length);
gboolean mkv_name_octets_are_valid (const char *name, gsize length);

G_END_DECLS
