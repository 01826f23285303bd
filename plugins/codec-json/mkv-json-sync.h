/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-json-fields.h"
#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* Events as they stand in a message of anti-entropy. */

/* The text of one. */
char *mkv_json_encode_event (const MkvEntry *entry, gboolean ascii, gsize *length);

/* Takes an array of them, at its bracket. What is good goes to @entries; why the rest
 * is not, to @refused. */
gboolean mkv_json_take_events (const char *array, GPtrArray *entries, GPtrArray *refused, GError **error);

/* (transfer full): the reasons, if there are any, as a codec returns them. */
char **mkv_json_refused_to_strv (GPtrArray *refused);

G_END_DECLS
