/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-progress.h"
#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/**
 * MKV_STORAGE_KEY_BYTES:
 *
 * The length of the key that a storage is encrypted with.
 *
 * Since: 0.1
 */
#define MKV_STORAGE_KEY_BYTES (32)

#define MKV_TYPE_SEALED_STORAGE (mkv_sealed_storage_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvSealedStorage, mkv_sealed_storage, MKV, SEALED_STORAGE, GObject)

MKV_API
MkvSealedStorage *mkv_sealed_storage_new (MkvStorage *storage, GBytes *key);

MKV_API
void mkv_sealed_storage_add_key (MkvSealedStorage *self, GBytes *key);

MKV_API
void mkv_sealed_storage_rekey_async (MkvSealedStorage *self, GBytes *key, MkvProgressFunc progress,
                                     gpointer progress_data, GDestroyNotify progress_destroy,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

MKV_API
gboolean mkv_sealed_storage_rekey_finish (MkvSealedStorage *self, GAsyncResult *result, GError **error);

G_END_DECLS
