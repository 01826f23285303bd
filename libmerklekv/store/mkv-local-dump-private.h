/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"
#include "store/mkv-store-private.h"

G_BEGIN_DECLS

/* What MkvLocalStore does for mkv_store_dump() and mkv_store_load(), in the
 * calling thread. */
gboolean mkv_local_dump (MkvStorage *storage, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                         MkvProgress *progress, GCancellable *cancellable, GError **error);
MkvLoadReport *mkv_local_load (MkvStore *store, GInputStream *stream, MkvDumpFormat format, MkvProgress *progress,
                               GCancellable *cancellable, GError **error);

/* How long the stream is; 0 where that is not known. */
guint64 mkv_local_load_measure (GInputStream *stream, GCancellable *cancellable);

G_END_DECLS
