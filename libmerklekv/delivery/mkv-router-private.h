/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"
#include "model/mkv-message.h"
#include "observe/mkv-observer-private.h"
#include "transport/mkv-transport.h"

G_BEGIN_DECLS

/* Between the transport and the rooms that understand messages: owns topics,
 * subscriptions and presence, tells payloads apart, inflates and deflates.
 * Lives in the node's context. */
#define MKV_TYPE_ROUTER (mkv_router_get_type ())

G_DECLARE_FINAL_TYPE (MkvRouter, mkv_router, MKV, ROUTER, GObject)

typedef enum
{
  MKV_ROUTE_COMMANDS,  /* {prefix}/{client_id}/cmd */
  MKV_ROUTE_RESPONSES, /* {prefix}/{client_id}/res, without presence */
  MKV_ROUTE_EVENTS,    /* {prefix}/replication/events */
  MKV_ROUTE_SYNC,      /* {prefix}/antientropy/{client_id} */
  MKV_ROUTE_SYNC_ALL,  /* {prefix}/antientropy/global */
  MKV_N_ROUTES
} MkvRoute;

/* A message for a route. Normally @codec and @payload (inflated) are set and
 * @error is NULL. A payload that no codec can be told for, that is too large or
 * does not inflate, comes with @error, MKV_ERROR_MALFORMED or
 * MKV_ERROR_TOO_LARGE, already counted, so that a command can be answered. Who
 * needs time claims @message. */
typedef void (*MkvRouteFunc) (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error,
                              gpointer user_data);

/* What became of a message that was sent: a reason of MkvTransport::published. */
typedef void (*MkvSentFunc) (gint reason, gpointer user_data);

/* @json, @cbor, @locked_spec: what payloads may come in, told apart by their
 * first octets; NULL for what can't be read. @prefix and the ids are valid ones.
 * @node_id is for presence. */
MkvRouter *mkv_router_new (MkvTransport *transport, MkvCodec *json, MkvCodec *cbor, MkvCodec *locked_spec,
                           const char *prefix, const char *client_id, const char *node_id, MkvClock *clock,
                           MkvObserver *observer);

/* A route without a handler when the router starts is not subscribed to, except
 * for responses, where presence is heard too. */
void mkv_router_set_handler (MkvRouter *self, MkvRoute route, MkvRouteFunc func, gpointer user_data);

/* Starts the transport with @options, `client-id` and the will added; renews
 * subscriptions where the broker has not kept them, and publishes presence, at
 * every connect.
 *
 * Keeps the conditions "transport", "subscription", "deaf-subscription" and
 * "missed-events".
 *
 * Signals: "connected" (gboolean session_present) once subscriptions and
 * presence are on their way; "disconnected"; "state-changed" after any change
 * of mkv_router_get_state(). */
gboolean mkv_router_start (MkvRouter *self, GVariant *options, GError **error);

/* Takes leave; "stopped" is emitted when the transport is down, maybe before
 * this returns. What is under way counts as lost. */
void mkv_router_stop (MkvRouter *self);

/* Whether the broker is expected to have a session of this client from an
 * earlier run; FALSE until told. Where an expected session is gone when a
 * connection is made, events may have been missed: a condition of that name is
 * set until somebody who has caught up clears it. */
void mkv_router_set_had_session (MkvRouter *self, gboolean had_session);
void mkv_router_clear_missed_events (MkvRouter *self);

MkvTransportState mkv_router_get_state (MkvRouter *self);
gboolean mkv_router_is_connected (MkvRouter *self);
const GError *mkv_router_get_error (MkvRouter *self);
void mkv_router_get_limits (MkvRouter *self, guint *max_inflight, guint *max_payload);

const char *mkv_router_get_client_id (MkvRouter *self);
char *mkv_router_get_command_topic (MkvRouter *self, const char *client_id);
char *mkv_router_get_response_topic (MkvRouter *self, const char *client_id);
const char *mkv_router_get_events_topic (MkvRouter *self);

/* NULL for everyone. */
char *mkv_router_get_sync_topic (MkvRouter *self, const char *client_id);

/* Whether @topic is {prefix}/{client_id}/res of any client. */
gboolean mkv_router_is_response_topic (MkvRouter *self, const char *topic);

/* How a payload is compressed: never, if it pays, or whenever it gets shorter. */
typedef enum
{
  MKV_COMPRESSION_OFF,
  MKV_COMPRESSION_AUTO,
  MKV_COMPRESSION_ON,
} MkvCompression;

/* Makes a message of a payload of @codec, compressed where @compression says
 * so, with content type and `encoding`. */
MkvMessage *mkv_router_message_new (MkvRouter *self, const char *topic, MkvCodec *codec, GBytes *payload,
                                    MkvCompression compression);

/* Sends @message. @func, if given, is called exactly once, at the latest when
 * the connection ends, unless this fails with MKV_ERROR_NOT_CONNECTED,
 * MKV_ERROR_TOO_LARGE or, where too much is under way already and @func is NULL,
 * MKV_ERROR_RATE_LIMITED. */
gboolean mkv_router_send (MkvRouter *self, MkvMessage *message, MkvSentFunc func, gpointer user_data,
                          GError **error);

/* Whether so much is under way that nobody waits for that who can should put off
 * sending more: else there is no room for answers. */
gboolean mkv_router_is_congested (MkvRouter *self);

G_END_DECLS
