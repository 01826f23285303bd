/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-loopback-link.h"

G_BEGIN_DECLS

/* How packets get from clients to a broker and back: how long that takes, and
 * what chance does to them. The broker's mutex guards it. */
typedef struct
{
  GRand *rand;
  gint64 min_delay, max_delay; /* us */
  double loss, duplication, reordering;
  gint64 reordering_window; /* us */
} MkvLoopbackRoad;

MkvLoopbackRoad *mkv_loopback_road_new (void);
void mkv_loopback_road_free (MkvLoopbackRoad *self);

/* Whether what is so probable happens this time. */
gboolean mkv_loopback_road_happens (MkvLoopbackRoad *self, double probability);

/* Sends @packet to the broker, or to the client, behind what is on its way there. */
void mkv_loopback_road_push_up (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet);
void mkv_loopback_road_push_down (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet);

/* Sends @delivery to the client. Says whether it left its place in the order. */
gboolean mkv_loopback_road_deliver (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackDelivery *delivery);

G_END_DECLS
