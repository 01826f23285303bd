/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "store/mkv-store.h"

G_BEGIN_DECLS

#define MKV_TYPE_BUS_STORE (mkv_bus_store_get_type ())

#define MKV_BUS_STORE(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), MKV_TYPE_BUS_STORE, MkvBusStore))
#define MKV_IS_BUS_STORE(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), MKV_TYPE_BUS_STORE))

typedef struct _MkvBusStore MkvBusStore;
typedef struct _MkvBusStoreClass MkvBusStoreClass;

MKV_API
GType mkv_bus_store_get_type (void);

MKV_API
MkvBusStore *mkv_bus_store_new (GDBusConnection *connection, const char *name, const char *prefix, GError **error);

MKV_API
MkvBusStore *mkv_bus_store_new_for_bus (GBusType bus, const char *prefix, GCancellable *cancellable, GError **error);

MKV_API
void mkv_bus_store_set_interactive (MkvBusStore *self, gboolean interactive);

MKV_API
gboolean mkv_bus_store_get_interactive (MkvBusStore *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvBusStore, g_object_unref)

G_END_DECLS
