/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "command/mkv-command-processor-private.h"
#include "command/mkv-correlator-private.h"
#include "mkv-loopback-broker.h"
#include "mkv-test-storage.h"
#include "mkv-test.h"

G_BEGIN_DECLS

#define WORLD_TIME G_GINT64_CONSTANT (1700000000000)
#define WORLD_PREFIX "merkle_kv_mobile"

/* A node that takes commands, named "node", on a loopback broker with a manual
 * clock; and a client named "caller", bare of everything but a transport, that
 * hears every answer on either's topic and what is sent to "silent". */
typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvObserver *observer;
  MkvCodec *json;
  MkvCodec *cbor;
  MkvCodec *locked_spec;

  MkvStorage *storage;
  MkvLocalStore *store;
  MkvRouter *router;
  MkvCommandProcessor *processor;

  MkvTransport *caller;
  MkvCodec *codec;     /* that the caller writes */
  GPtrArray *messages; /* of MkvMessage, that the caller has got, presence left out */
} World;

/* @max_payload is the node's; 0 for what is usual. */
World *world_new (guint max_payload);
void world_free (World *world);

/* A router of another client, started. */
MkvRouter *world_add_router (World *world, const char *client_id, MkvObserver *observer);

/* Ends the node, and begins another on the same storage. */
void world_restart (World *world);

/* The caller sends octets, or a command, to the node, with a response topic that
 * is its own if @response_topic is "", none if NULL. */
void world_send_octets (World *world, GBytes *payload, const char *response_topic);
void world_send (World *world, MkvCommand *command, const char *response_topic);

/* The next message that the caller gets; and the response in it. */
MkvMessage *world_next_message (World *world);
MkvResponse *world_decode (World *world, MkvMessage *message);
MkvResponse *world_next (World *world);

/* Sends, and gives back the answer. */
MkvResponse *world_ask (World *world, MkvCommand *command);

/* Lets everything be done that can be without time going on, and says that the
 * caller has got nothing. */
void world_assert_silence (World *world);

guint64 world_count (World *world, MkvCounter counter);

void assert_ok (MkvResponse *response, const char *id, const char *value);
void assert_error (MkvResponse *response, const char *id, MkvErrorCode code);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

G_END_DECLS
