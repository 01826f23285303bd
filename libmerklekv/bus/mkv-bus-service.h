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

MKV_API
void mkv_bus_service_set_held (MkvBusService *self, gboolean held);

MKV_API
gboolean mkv_bus_service_is_watched (MkvBusService *self);

/**
 * MkvReloadFunc:
 * @need_restart: (out) (transfer full) (array zero-terminated=1): settings that
 *   take effect only after a restart
 * @user_data: what came with the function
 * @error: return location for an error
 *
 * Reads the configuration again, and gives it to [method@Node.reload].
 *
 * Returns: whether it could be read and can work
 *
 * Since: 0.1
 */
typedef gboolean (*MkvReloadFunc) (char ***need_restart, gpointer user_data, GError **error);

MKV_API
void mkv_bus_service_set_reload_func (MkvBusService *self, MkvReloadFunc func, gpointer user_data,
                                      GDestroyNotify notify);

G_END_DECLS
