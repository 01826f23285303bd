/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gunixfdlist.h>

#include "bus/mkv-bus-store.h"
#include "store/mkv-store-private.h"

G_BEGIN_DECLS

#define MKV_BUS_STORE_INTERFACE DBUS_NAME ".Store"
/* What dumping and loading may take: as long as they do. */
#define MKV_BUS_NO_TIME_LIMIT G_MAXINT

GDBusConnection *mkv_bus_store_get_connection (MkvBusStore *self);
const char *mkv_bus_store_get_name (MkvBusStore *self);
GDBusCallFlags mkv_bus_store_get_call_flags (MkvBusStore *self);

/* The vfuncs, in mkv-bus-transfer.c. */
gboolean mkv_bus_store_dump (MkvStore *store, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                             MkvProgress *progress, GCancellable *cancellable, GError **error);
MkvLoadReport *mkv_bus_store_load (MkvStore *store, GInputStream *stream, MkvDumpFormat format,
                                   MkvProgress *progress, GCancellable *cancellable, GError **error);

G_END_DECLS
