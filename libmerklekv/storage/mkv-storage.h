/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "model/mkv-entry.h"
#include "storage/mkv-storage-batch.h"

G_BEGIN_DECLS

#define MKV_TYPE_STORAGE (mkv_storage_get_type ())

MKV_API
G_DECLARE_INTERFACE (MkvStorage, mkv_storage, MKV, STORAGE, GObject)

/**
 * MkvStorageInterface:
 * @parent_iface: the parent interface
 * @open: see [method@Storage.open]
 * @close: see [method@Storage.close]
 * @get: see [method@Storage.get]
 * @scan: see [method@Storage.scan]
 * @apply: see [method@Storage.apply]
 * @get_meta: see [method@Storage.get_meta]
 * @scan_meta: see [method@Storage.scan_meta]
 * @stats: see [method@Storage.stats]
 * @compact: see [method@Storage.compact]; may be left out
 * @verify: see [method@Storage.verify]; may be left out
 * @is_instant: see [method@Storage.is_instant]; may be left out
 * @backup: see [method@Storage.backup]; may be left out
 * @repair: see [method@Storage.repair]; may be left out
 * @list_damage: see [method@Storage.list_damage]; may be left out
 *
 * What a storage plugin implements.
 *
 * Since: 0.1
 */
struct _MkvStorageInterface
{
  GTypeInterface parent_iface;

  gboolean (*open) (MkvStorage *self, const char *path, GVariant *options, GError **error);
  gboolean (*close) (MkvStorage *self, GError **error);
  MkvEntry *(*get) (MkvStorage *self, const char *key, GError **error);
  GPtrArray *(*scan) (MkvStorage *self, const char *prefix, const char *after, guint limit, GError **error);
  gboolean (*apply) (MkvStorage *self, MkvStorageBatch *batch, GError **error);
  GBytes *(*get_meta) (MkvStorage *self, const char *name, GError **error);
  GPtrArray *(*scan_meta) (MkvStorage *self, const char *prefix, const char *after, guint limit,
                           GError **error);
  gboolean (*stats) (MkvStorage *self, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                     GError **error);
  gboolean (*compact) (MkvStorage *self, GError **error);
  char **(*verify) (MkvStorage *self, GError **error);
  gboolean (*is_instant) (MkvStorage *self);
  gboolean (*backup) (MkvStorage *self, const char *path, GCancellable *cancellable, GError **error);
  char **(*repair) (MkvStorage *self, const char *path, GVariant *options, GError **error);
  char **(*list_damage) (MkvStorage *self, GError **error);

  /*< private >*/
  gpointer padding[2];
};

MKV_API
gboolean mkv_storage_open (MkvStorage *self, const char *path, GVariant *options, GError **error);

MKV_API
gboolean mkv_storage_close (MkvStorage *self, GError **error);

MKV_API
MkvEntry *mkv_storage_get (MkvStorage *self, const char *key, GError **error);

MKV_API
GPtrArray *mkv_storage_scan (MkvStorage *self, const char *prefix, const char *after, guint limit,
                             GError **error);

MKV_API
GPtrArray *mkv_storage_scan_for_bindings (MkvStorage *self, const char *prefix, const char *after, guint limit,
                                          GError **error);

MKV_API
gboolean mkv_storage_apply (MkvStorage *self, MkvStorageBatch *batch, GError **error);

MKV_API
GBytes *mkv_storage_get_meta (MkvStorage *self, const char *name, GError **error);

MKV_API
GPtrArray *mkv_storage_scan_meta (MkvStorage *self, const char *prefix, const char *after, guint limit,
                                  GError **error);

MKV_API
GPtrArray *mkv_storage_scan_meta_for_bindings (MkvStorage *self, const char *prefix, const char *after, guint limit,
                                               GError **error);

MKV_API
gboolean mkv_storage_stats (MkvStorage *self, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                            GError **error);

MKV_API
gboolean mkv_storage_compact (MkvStorage *self, GError **error);

MKV_API
char **mkv_storage_verify (MkvStorage *self, GError **error);

MKV_API
gboolean mkv_storage_is_instant (MkvStorage *self);

MKV_API
gboolean mkv_storage_backup (MkvStorage *self, const char *path, GCancellable *cancellable, GError **error);

MKV_API
char **mkv_storage_repair (MkvStorage *self, const char *path, GVariant *options, GError **error);

MKV_API
char **mkv_storage_list_damage (MkvStorage *self, GError **error);

MKV_API
gboolean mkv_storage_tell_progress (guint64 done, guint64 total, GError **error);

G_END_DECLS
