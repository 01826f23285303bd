/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-message.h"

G_BEGIN_DECLS

/* A broker inside the process. Clients that start with the same `broker` option
 * meet at the same one, from whatever thread; it lives as long as one of them
 * is started or somebody holds a reference.
 *
 * Behaves as an MQTT 5 broker does with QoS 1 and Clean Start 0, and has knobs
 * for everything that goes wrong with one. All may be turned from any thread,
 * at any time. With manual clocks of one flow and clients in one context, every
 * run of the same seed is the same. */
#define MKV_TYPE_LOOPBACK_BROKER (mkv_loopback_broker_get_type ())

G_DECLARE_FINAL_TYPE (MkvLoopbackBroker, mkv_loopback_broker, MKV, LOOPBACK_BROKER, GObject)

/* What the broker can refuse. */
typedef enum
{
  MKV_LOOPBACK_CONNECT,
  MKV_LOOPBACK_PUBLISH,
  MKV_LOOPBACK_SUBSCRIBE, /* a reason below 0x80 is the QoS that is granted */
  MKV_LOOPBACK_RECEIVE,   /* granted, and yet nothing arrives */
} MkvLoopbackAction;

typedef struct
{
  guint64 published;  /* messages taken from clients */
  guint64 refused;    /* and refused by a rule */
  guint64 wills;      /* published for clients that went without taking leave */
  guint64 delivered;  /* handed to a client, repetitions included */
  guint64 handled;    /* acknowledged by a client */
  guint64 lost;       /* by set_loss() */
  guint64 duplicated; /* by set_duplication() */
  guint64 reordered;  /* by set_reordering() */
  guint64 parted;     /* by set_group() */
  guint64 overflowed; /* did not fit into a session's queue */
  guint64 expired;    /* waited longer than their message expiry */
} MkvLoopbackCounts;

/* @uri: as in the option `broker`. (transfer full) */
MkvLoopbackBroker *mkv_loopback_broker_get (const char *uri);

/* Seeds what chance decides; 0 until then. */
void mkv_loopback_broker_set_seed (MkvLoopbackBroker *self, guint32 seed);

/* How long a packet takes, either way. Packets of a client keep their order. */
void mkv_loopback_broker_set_delay (MkvLoopbackBroker *self, gint64 min_us, gint64 max_us);

/* How probably a message never arrives at a subscriber, though the publisher
 * was told that the broker has it. */
void mkv_loopback_broker_set_loss (MkvLoopbackBroker *self, double probability);

/* How probably a message arrives at a subscriber twice. */
void mkv_loopback_broker_set_duplication (MkvLoopbackBroker *self, double probability);

/* How probably a message to a subscriber comes up to @window_us late, and those
 * behind it do not wait. */
void mkv_loopback_broker_set_reordering (MkvLoopbackBroker *self, double probability, gint64 window_us);

/* How many messages wait for one client at most (10,000); the newest are
 * dropped. */
void mkv_loopback_broker_set_session_queue (MkvLoopbackBroker *self, guint n_messages);

/* Answers @action of @client_id (of every client if NULL) on topics that match
 * @filter (on every topic if NULL) with @reason; takes the place of the last
 * rule for the same three. The latest rule that fits decides. */
void mkv_loopback_broker_set_reason (MkvLoopbackBroker *self, MkvLoopbackAction action, const char *client_id,
                                     const char *filter, guint8 reason);

/* Takes back every rule. */
void mkv_loopback_broker_clear_reasons (MkvLoopbackBroker *self);

/* Breaks the connection of @client_id (of every client if NULL), which can't
 * connect again until it is healed. Its will is published. */
void mkv_loopback_broker_cut (MkvLoopbackBroker *self, const char *client_id);
void mkv_loopback_broker_heal (MkvLoopbackBroker *self, const char *client_id);

/* Parts clients who stay connected, as where two brokers have lost their
 * bridge: what one publishes reaches those of its own group alone, and is lost
 * to the others. Everybody is in group 0 until told otherwise; with NULL
 * everybody goes there. */
void mkv_loopback_broker_set_group (MkvLoopbackBroker *self, const char *client_id, guint group);

/* What is left when a broker without persistence was killed: connections break,
 * sessions and all they hold are gone. */
void mkv_loopback_broker_drop_sessions (MkvLoopbackBroker *self);

/* Publishes @message as a client nobody knows, with whatever topic, payload and
 * retain flag. */
void mkv_loopback_broker_inject (MkvLoopbackBroker *self, MkvMessage *message);

gboolean mkv_loopback_broker_is_connected (MkvLoopbackBroker *self, const char *client_id);

/* How many messages wait for @client_id, those that it has not handled included. */
guint mkv_loopback_broker_get_waiting (MkvLoopbackBroker *self, const char *client_id);

void mkv_loopback_broker_get_counts (MkvLoopbackBroker *self, MkvLoopbackCounts *counts);

G_END_DECLS
