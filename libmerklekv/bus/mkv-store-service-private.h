/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "bus/mkv-gate-private.h"
#include "bus/mkv-dbus.h"
#include "node/mkv-node.h"

G_BEGIN_DECLS

#define MKV_TYPE_STORE_SERVICE (mkv_store_service_get_type ())

/* What answers calls of the Store interface. */
G_DECLARE_FINAL_TYPE (MkvStoreService, mkv_store_service, MKV, STORE_SERVICE, MkvDBusStoreSkeleton)

/* @gate has to live as long as it is exported. */
MkvStoreService *mkv_store_service_new (MkvNode *node, GDBusConnection *connection, MkvGate *gate);

/* Nobody is told anything any more, and dumps and loads stop. */
void mkv_store_service_shut_down (MkvStoreService *self);

/* Whether calls wait instead of being answered, as many as anybody can mean. */
void mkv_store_service_set_held (MkvStoreService *self, gboolean held);

gboolean mkv_store_service_is_watched (MkvStoreService *self);

G_END_DECLS
