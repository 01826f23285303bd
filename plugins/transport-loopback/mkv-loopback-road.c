/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-loopback-road.h"

MkvLoopbackRoad *
mkv_loopback_road_new (void)
{
  MkvLoopbackRoad *self = g_new0 (MkvLoopbackRoad, 1);

  self->rand = g_rand_new_with_seed (0);
  return self;
}

void
mkv_loopback_road_free (MkvLoopbackRoad *self)
{
  g_rand_free (self->rand);
  g_free (self);
}

gboolean
mkv_loopback_road_happens (MkvLoopbackRoad *self, double probability)
{
  return probability > 0 && g_rand_double (self->rand) < probability;
}

static gint64
draw_arrival (MkvLoopbackRoad *self, MkvLoopbackLink *link)
{
  gint64 delay = self->min_delay;

  if (self->max_delay > self->min_delay)
    delay += (gint64) (g_rand_double (self->rand) * (double) (self->max_delay - self->min_delay));
  return mkv_loopback_link_get_now (link) + delay;
}

void
mkv_loopback_road_push_up (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet)
{
  gint64 due = draw_arrival (self, link);

  link->due_up = MAX (link->due_up, due);
  mkv_loopback_link_push (link, packet, link->due_up);
}

void
mkv_loopback_road_push_down (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet)
{
  gint64 due = draw_arrival (self, link);

  link->due_down = MAX (link->due_down, due);
  mkv_loopback_link_push (link, packet, link->due_down);
}

gboolean
mkv_loopback_road_deliver (MkvLoopbackRoad *self, MkvLoopbackLink *link, MkvLoopbackDelivery *delivery)
{
  MkvLoopbackPacket *packet = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_MESSAGE);
  gint64 on_time, late;

  packet->delivery = mkv_loopback_delivery_ref (delivery);
  if (!mkv_loopback_road_happens (self, self->reordering))
    {
      mkv_loopback_road_push_down (self, link, packet);
      return FALSE;
    }
  on_time = draw_arrival (self, link);
  late = 1 + (gint64) (g_rand_double (self->rand) * (double) self->reordering_window);
  mkv_loopback_link_push (link, packet, MAX (link->due_down, on_time) + late);
  return TRUE;
}
