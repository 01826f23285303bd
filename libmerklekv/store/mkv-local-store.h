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

MKV_API
void mkv_local_store_get_stats_async (MkvLocalStore *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data);

MKV_API
GVariant *mkv_local_store_get_stats_finish (MkvLocalStore *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_local_store_verify_async (MkvLocalStore *self, MkvProgressFunc progress, gpointer progress_data,
                                   GDestroyNotify progress_destroy, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

MKV_API
char **mkv_local_store_verify_finish (MkvLocalStore *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_local_store_compact_async (MkvLocalStore *self, MkvProgressFunc progress, gpointer progress_data,
                                    GDestroyNotify progress_destroy, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_local_store_compact_finish (MkvLocalStore *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_local_store_backup_async (MkvLocalStore *self, const char *path, MkvProgressFunc progress,
                                   gpointer progress_data, GDestroyNotify progress_destroy,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_local_store_backup_finish (MkvLocalStore *self, GAsyncResult *result, GError **error);

MKV_API
void mkv_local_store_repair_async (MkvStorage *storage, const char *path, GVariant *options,
                                   MkvProgressFunc progress, gpointer progress_data,
                                   GDestroyNotify progress_destroy, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

MKV_API
char **mkv_local_store_repair_finish (GAsyncResult *result, GError **error);

MKV_API
void mkv_local_store_restore_async (MkvStorage *storage, const char *path, GVariant *options, const char *from,
                                    const char *node_id, gboolean set_aside, MkvProgressFunc progress,
                                    gpointer progress_data, GDestroyNotify progress_destroy,
                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
char **mkv_local_store_restore_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLocalStore, g_object_unref)

G_END_DECLS
