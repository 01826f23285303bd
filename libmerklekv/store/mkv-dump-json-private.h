/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-dump-item-private.h"

G_BEGIN_DECLS

/* Adds the entry's line. */
void mkv_dump_json_add (GString *text, const MkvEntry *entry);

/* Takes a line, without its line feed, apart. */
gboolean mkv_dump_json_parse (const char *line, gsize length, MkvDumpItem *item, GError **error);

G_END_DECLS
