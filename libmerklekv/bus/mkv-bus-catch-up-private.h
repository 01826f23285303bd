/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "bus/mkv-bus-memory-private.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* Called for what is not as the memory has it; @entry may be a tombstone. */
typedef void (*MkvBusCatchUpFunc) (MkvEntry *entry, gpointer user_data);

/* Reads from @owner all that is below @prefix, and compares it with @memory. Ends
 * where @func cancels @cancellable. */
void mkv_bus_catch_up_async (GDBusConnection *connection, const char *owner, const char *prefix,
                             MkvBusMemory *memory, MkvBusCatchUpFunc func, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
gboolean mkv_bus_catch_up_finish (GAsyncResult *result, GError **error);

G_END_DECLS
