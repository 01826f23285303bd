/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "desktop/mkv-list-item.h"

G_BEGIN_DECLS

MkvListItem *mkv_list_item_new (const char *key);

/* An item is stale until it takes an entry, and again when changes may have
 * been missed. What `changed` tells is always taken; what was read only by a
 * stale item, as it may be older than what was told meanwhile. Stamps don't
 * tell: a clock that is set back makes newer entries with lower ones. */
gboolean mkv_list_item_is_stale (MkvListItem *self);
void mkv_list_item_make_stale (MkvListItem *self);
void mkv_list_item_take (MkvListItem *self, MkvEntry *entry);

G_END_DECLS
