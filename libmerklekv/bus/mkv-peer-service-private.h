/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "bus/mkv-dbus.h"

G_BEGIN_DECLS

#define MKV_TYPE_PEER_SERVICE (mkv_peer_service_get_type ())

/* A peer on the bus. What no signal tells of is fetched when somebody reads it. */
G_DECLARE_FINAL_TYPE (MkvPeerService, mkv_peer_service, MKV, PEER_SERVICE, MkvDBusPeerSkeleton)

/* @fetch, which is to call mkv_peer_service_set(), must not be called any more when
 * @user_data is gone: see mkv_peer_service_detach(). */
typedef void (*MkvPeerFetchFunc) (gpointer user_data);
MkvPeerService *mkv_peer_service_new (MkvPeerFetchFunc fetch, gpointer user_data);
void mkv_peer_service_detach (MkvPeerService *self);

/* @peer is a dictionary as of mkv_node_list_peers(). */
void mkv_peer_service_set (MkvPeerService *self, GVariant *peer);

G_END_DECLS
