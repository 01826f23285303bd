/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

#define MKV_TYPE_LOCAL_STORE (mkv_local_store_get_type ())

#define MKV_LOCAL_STORE(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), MKV_TYPE_LOCAL_STORE, MkvLocalStore))
#define MKV_IS_LOCAL_STORE(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), MKV_TYPE_LOCAL_STORE))

typedef struct _MkvLocalStore MkvLocalStore;
typedef struct _MkvLocalStoreClass MkvLocalStoreClass;

MKV_API
GType mkv_local_store_get_type (void);

MKV_API
MkvLocalStore *mkv_local_store_new (MkvStorage *storage, const char *node_id, GError **error);

MKV_API
const char *mkv_local_store_get_node_id (MkvLocalStore *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLocalStore, g_object_unref)

G_END_DECLS
