/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-store-private.h"

G_BEGIN_DECLS

/* What MkvStore's writing functions have in common: an MkvWrite goes to the
 * store, and of what comes back the caller gets the one part it wants. */

/* The write stays the caller's, emptied. */
gboolean mkv_store_run (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error);
gboolean mkv_store_run_for_number (MkvStore *self, MkvWrite *write, gint64 *number, GCancellable *cancellable,
                                   GError **error);
GBytes *mkv_store_run_for_value (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error);

/* Takes @write. */
void mkv_store_start (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data, gpointer tag);
gboolean mkv_store_finish (MkvStore *self, GAsyncResult *result, GError **error);
gboolean mkv_store_finish_number (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error);
GBytes *mkv_store_finish_value (MkvStore *self, GAsyncResult *result, GError **error);

G_END_DECLS
