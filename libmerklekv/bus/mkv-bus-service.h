/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "node/mkv-node.h"

G_BEGIN_DECLS

#define MKV_TYPE_BUS_SERVICE (mkv_bus_service_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvBusService, mkv_bus_service, MKV, BUS_SERVICE, GObject)

MKV_API
MkvBusService *mkv_bus_service_new (MkvNode *node, GDBusConnection *connection, gboolean guarded, GError **error);

G_END_DECLS
