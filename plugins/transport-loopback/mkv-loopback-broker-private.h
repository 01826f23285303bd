/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-loopback-broker.h"
#include "mkv-loopback-link.h"

G_BEGIN_DECLS

/* The client's side of a broker. Each client calls these from its own context;
 * what they lead to comes out of mkv_loopback_broker_next(). */

/* Takes @link, which the client keeps owning, and asks for a session. */
void mkv_loopback_broker_connect_link (MkvLoopbackBroker *self, MkvLoopbackLink *link);

/* Frees @link. The broker publishes the will, unless it has done so already. */
void mkv_loopback_broker_close_link (MkvLoopbackBroker *self, MkvLoopbackLink *link);

/* The same, politely, without a will: what the client had sent arrives, the
 * answers don't; @lost takes the ids of messages without one. */
void mkv_loopback_broker_take_leave (MkvLoopbackBroker *self, MkvLoopbackLink *link, GArray *lost);

void mkv_loopback_broker_publish (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvMessage *message, guint id);
void mkv_loopback_broker_subscribe (MkvLoopbackBroker *self, MkvLoopbackLink *link, const char *filter,
                                    gboolean own_messages);
void mkv_loopback_broker_acknowledge (MkvLoopbackBroker *self, MkvLoopbackLink *link,
                                      MkvLoopbackDelivery *delivery);

/* What a client does when it wakes: begin, next until that is NULL, or leave
 * what it can't do now for the next time. */
void mkv_loopback_broker_begin (MkvLoopbackBroker *self, MkvLoopbackLink *link);
MkvLoopbackPacket *mkv_loopback_broker_next (MkvLoopbackBroker *self, MkvLoopbackLink *link);
void mkv_loopback_broker_leave (MkvLoopbackBroker *self, MkvLoopbackLink *link);

G_END_DECLS
