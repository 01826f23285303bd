/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "mkv-loopback-broker.h"
#include "mkv-test.h"

G_BEGIN_DECLS

#define URI "loopback://router"
#define PREFIX "fleet/a"

/* A router "me" over the loopback broker, and a client "other" that sees
 * everything. */
typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvObserver *observer;
  MkvCodec *json, *cbor, *locked_spec;
  MkvTransport *transport;
  MkvRouter *router;
  MkvTransport *other;
  GPtrArray *seen;  /* MkvMessage, by "other" */
  GString *signals; /* what the router emitted */
  GString *handled; /* what its handlers got */
  GPtrArray *claimed;
  gboolean claims;
  GArray *reasons; /* gint, what became of what was sent */
} RouterWorld;

void router_world_set_up (RouterWorld *fixture, gconstpointer data);
void router_world_tear_down (RouterWorld *fixture, gconstpointer data);
void router_world_start_transport (MkvTransport *transport, const char *client_id, MkvClock *clock);
void router_world_on_command (MkvMessage *message, MkvCodec *codec, GBytes *payload,
                              const GError *error, gpointer user_data);
void router_world_make (RouterWorld *fixture);
void router_world_advance (RouterWorld *fixture, gint64 ms);
void router_world_drop (RouterWorld *fixture);
void router_world_start (RouterWorld *fixture);
void router_world_join (RouterWorld *fixture);
void router_world_assert_seen (RouterWorld *fixture, guint i, const char *topic, const char *expected);
void router_world_inject_bytes (RouterWorld *fixture, const char *topic, GBytes *payload);
void router_world_inject (RouterWorld *fixture, const char *topic, const char *octets, gsize length);
void router_world_inject_text (RouterWorld *fixture, const char *topic, const char *text);
void router_world_assert_handled (RouterWorld *fixture, const char *expected);
void router_world_assert_count (RouterWorld *fixture, MkvCounter counter, guint64 expected);
char *router_world_get_condition (RouterWorld *fixture, const char *name);
void router_world_assert_no_condition (RouterWorld *fixture);
void router_world_assert_condition (RouterWorld *fixture, const char *name, const char *part);
gboolean router_world_send (RouterWorld *fixture, const char *topic, gsize n_bytes, gboolean watched,
                            GError **error);
void router_world_assert_reasons (RouterWorld *fixture, guint n, gint expected);

G_END_DECLS
