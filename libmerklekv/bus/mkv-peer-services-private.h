/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "node/mkv-node.h"

G_BEGIN_DECLS

/* An object for each peer of a node, as long as the node knows it; it knows 1,024
 * at most. */
typedef struct _MkvPeerServices MkvPeerServices;

MkvPeerServices *mkv_peer_services_new (MkvNode *node, GDBusObjectManagerServer *objects);

/* Takes the objects away. */
void mkv_peer_services_free (MkvPeerServices *self);

G_END_DECLS
