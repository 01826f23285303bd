/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* As mkv_entry_new(), of parts that were checked before. */
MkvEntry *mkv_entry_new_checked (const char *key, gsize key_length, GBytes *value, gint64 timestamp,
                                 const char *node_id, gsize node_id_length, gint64 seq);

G_END_DECLS
