/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "model/mkv-entry.h"
#include "store/mkv-dump-format.h"
#include "store/mkv-load-report.h"
#include "base/mkv-progress.h"

G_BEGIN_DECLS

/**
 * MkvOrigin:
 * @MKV_ORIGIN_LOCAL: written through this store
 * @MKV_ORIGIN_EVENT: a replication event of another node
 * @MKV_ORIGIN_SYNC: anti-entropy
 * @MKV_ORIGIN_LOAD: a dump, with the stamps that it has
 *
 * Where a change came from.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_ORIGIN_LOCAL,
  MKV_ORIGIN_EVENT,
  MKV_ORIGIN_SYNC,
  MKV_ORIGIN_LOAD,
} MkvOrigin;

#define MKV_TYPE_STORE (mkv_store_get_type ())
#define MKV_STORE(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), MKV_TYPE_STORE, MkvStore))
#define MKV_IS_STORE(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), MKV_TYPE_STORE))

typedef struct _MkvStore MkvStore;
typedef struct _MkvStoreClass MkvStoreClass;

MKV_API
GType mkv_store_get_type (void);

MKV_API
GBytes *mkv_store_get (MkvStore *self, const char *key, GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_get_async (MkvStore *self, const char *key, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);

MKV_API
GBytes *mkv_store_get_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
MkvEntry *mkv_store_get_entry (MkvStore *self, const char *key, GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_get_entry_async (MkvStore *self, const char *key, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

MKV_API
MkvEntry *mkv_store_get_entry_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
GPtrArray *mkv_store_get_many (MkvStore *self, const char *const *keys, GCancellable *cancellable,
                               GError **error);

MKV_API
void mkv_store_get_many_async (MkvStore *self, const char *const *keys, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);

MKV_API
GPtrArray *mkv_store_get_many_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
char **mkv_store_list_keys (MkvStore *self, const char *prefix, const char *after, guint limit, gboolean *more,
                            GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_list_keys_async (MkvStore *self, const char *prefix, const char *after, guint limit,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
char **mkv_store_list_keys_finish (MkvStore *self, GAsyncResult *result, gboolean *more, GError **error);

MKV_API
gboolean mkv_store_set (MkvStore *self, const char *key, GBytes *value, GCancellable *cancellable,
                        GError **error);

MKV_API
void mkv_store_set_async (MkvStore *self, const char *key, GBytes *value, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_set_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
gboolean mkv_store_set_many (MkvStore *self, const char *const *keys, GPtrArray *values,
                             GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_set_many_async (MkvStore *self, const char *const *keys, GPtrArray *values,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_set_many_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
gboolean mkv_store_delete (MkvStore *self, const char *key, GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_delete_async (MkvStore *self, const char *key, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_delete_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
gboolean mkv_store_increment (MkvStore *self, const char *key, gint64 amount, gint64 *number,
                              GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_increment_async (MkvStore *self, const char *key, gint64 amount, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_increment_finish (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error);

MKV_API
gboolean mkv_store_decrement (MkvStore *self, const char *key, gint64 amount, gint64 *number,
                              GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_decrement_async (MkvStore *self, const char *key, gint64 amount, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_decrement_finish (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error);

MKV_API
GBytes *mkv_store_append (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                          GError **error);

MKV_API
void mkv_store_append_async (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

MKV_API
GBytes *mkv_store_append_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
GBytes *mkv_store_prepend (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                           GError **error);

MKV_API
void mkv_store_prepend_async (MkvStore *self, const char *key, GBytes *octets, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data);

MKV_API
GBytes *mkv_store_prepend_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
gboolean mkv_store_dump (MkvStore *self, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                         MkvProgressFunc progress, gpointer progress_data, GCancellable *cancellable,
                         GError **error);

MKV_API
void mkv_store_dump_async (MkvStore *self, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                           MkvProgressFunc progress, gpointer progress_data, GDestroyNotify progress_destroy,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_store_dump_finish (MkvStore *self, GAsyncResult *result, GError **error);

MKV_API
MkvLoadReport *mkv_store_load (MkvStore *self, GInputStream *stream, MkvDumpFormat format, MkvProgressFunc progress,
                               gpointer progress_data, GCancellable *cancellable, GError **error);

MKV_API
void mkv_store_load_async (MkvStore *self, GInputStream *stream, MkvDumpFormat format, MkvProgressFunc progress,
                           gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data);

MKV_API
MkvLoadReport *mkv_store_load_finish (MkvStore *self, GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvStore, g_object_unref)

G_END_DECLS
