/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-dump-item-private.h"

G_BEGIN_DECLS

/* A key is cut at its last slash: what is before is a group, `/` where there is
 * none, and what is behind a name in it. Octets that would not come back from a
 * key file, a slash without something on both sides among them, are written as
 * %XX.
 *
 * Text is written as a GVariant string, binary values as `ay`. Read are a
 * string's text and an `ay`'s octets; of any other type the value is GVariant's
 * text. */

/* Adds a line for a live entry, below its group's, which is written where it is
 * not @group, the one before; @group is set to it. */
void mkv_dump_dconf_add (GString *text, const MkvEntry *entry, char **group);

/* Takes a line, without its line feed, apart. Of one that is no key's @item
 * stays empty; @group is that of the lines so far. */
gboolean mkv_dump_dconf_parse (const char *line, gsize length, char **group, MkvDumpItem *item, GError **error);

G_END_DECLS
