/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

#define MKV_TYPE_LOCAL_STORE (mkv_local_store_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvLocalStore, mkv_local_store, MKV, LOCAL_STORE, MkvStore)

MKV_API
MkvLocalStore *mkv_local_store_new (MkvStorage *storage, const char *node_id, GError **error);

MKV_API
const char *mkv_local_store_get_node_id (MkvLocalStore *self);

G_END_DECLS
