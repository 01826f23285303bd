/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "desktop/mkv-list-item.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

#define MKV_TYPE_LIST_MODEL (mkv_list_model_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvListModel, mkv_list_model, MKV, LIST_MODEL, GObject)

MKV_API
MkvListModel *mkv_list_model_new (MkvStore *store, const char *prefix);

MKV_API
MkvStore *mkv_list_model_get_store (MkvListModel *self);

MKV_API
const char *mkv_list_model_get_prefix (MkvListModel *self);

MKV_API
gboolean mkv_list_model_is_loading (MkvListModel *self);

MKV_API
const GError *mkv_list_model_get_error (MkvListModel *self);

MKV_API
gboolean mkv_list_model_find (MkvListModel *self, const char *key, guint *position);

MKV_API
void mkv_list_model_reload (MkvListModel *self);

G_END_DECLS
