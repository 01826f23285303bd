/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "observe/mkv-observer-private.h"
#include "transport/mkv-transport.h"

G_BEGIN_DECLS

/* Asks the broker for what this client is to hear, says that it is there, and
 * finds out whether it hears: some brokers grant a subscription that their
 * access rules then make deaf, but everyone may hear its own presence.
 * Keeps the conditions "subscription" and "deaf-subscription". */
typedef struct _MkvSubscriber MkvSubscriber;

/* @response_topic is where presence is published. */
MkvSubscriber *mkv_subscriber_new (MkvTransport *transport, const char *response_topic, const char *node_id,
                                   MkvClock *clock, MkvObserver *observer);
void mkv_subscriber_free (MkvSubscriber *self);

/* Before the transport starts: nothing but the response topic is to be heard,
 * and what an earlier run left in the session is not known, so the first
 * connection makes every subscription in any case. Then topics are added. */
void mkv_subscriber_reset (MkvSubscriber *self);
void mkv_subscriber_add_topic (MkvSubscriber *self, const char *topic);

/* What the broker says for this client when the connection breaks. (transfer full) */
MkvMessage *mkv_subscriber_make_will (MkvSubscriber *self);

/* To be called when the connection comes and goes, and with every answer. */
void mkv_subscriber_connected (MkvSubscriber *self, gboolean session_present);
void mkv_subscriber_disconnected (MkvSubscriber *self);
void mkv_subscriber_answered (MkvSubscriber *self, const char *topic, const GError *error);

/* An attempt to connect failed: the broker may have made the session afresh all
 * the same, where only its answer was lost, and say at the next attempt that it
 * is present. */
void mkv_subscriber_refused (MkvSubscriber *self);

/* Takes @payload, from the response topic, if it is presence or a will. */
gboolean mkv_subscriber_hear (MkvSubscriber *self, GBytes *payload);

G_END_DECLS
