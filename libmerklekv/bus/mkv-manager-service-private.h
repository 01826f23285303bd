/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "bus/mkv-bus-service.h"
#include "bus/mkv-dbus.h"
#include "bus/mkv-gate-private.h"
#include "node/mkv-node.h"

G_BEGIN_DECLS

#define MKV_TYPE_MANAGER_SERVICE (mkv_manager_service_get_type ())

/* What answers calls of the Manager interface. */
G_DECLARE_FINAL_TYPE (MkvManagerService, mkv_manager_service, MKV, MANAGER_SERVICE, MkvDBusManagerSkeleton)

/* @gate has to live longer. */
MkvManagerService *mkv_manager_service_new (MkvNode *node, MkvGate *gate);

void mkv_manager_service_set_reload_func (MkvManagerService *self, MkvReloadFunc func, gpointer user_data,
                                          GDestroyNotify notify);

G_END_DECLS
