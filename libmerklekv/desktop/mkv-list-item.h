/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"

G_BEGIN_DECLS

#define MKV_TYPE_LIST_ITEM (mkv_list_item_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvListItem, mkv_list_item, MKV, LIST_ITEM, GObject)

MKV_API
const char *mkv_list_item_get_key (MkvListItem *self);

MKV_API
MkvEntry *mkv_list_item_get_entry (MkvListItem *self);

MKV_API
GBytes *mkv_list_item_get_value (MkvListItem *self);

MKV_API
char *mkv_list_item_dup_text (MkvListItem *self);

G_END_DECLS
