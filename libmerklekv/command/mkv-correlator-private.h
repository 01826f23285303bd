/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"

G_BEGIN_DECLS

/* Asks other nodes, and matches what they answer. Lives in the node's context,
 * and takes MKV_ROUTE_RESPONSES of the router. */
#define MKV_TYPE_CORRELATOR (mkv_correlator_get_type ())

G_DECLARE_FINAL_TYPE (MkvCorrelator, mkv_correlator, MKV, CORRELATOR, GObject)

/* Requests go out in @codec, where it can express them. */
MkvCorrelator *mkv_correlator_new (MkvRouter *router, MkvCodec *codec, MkvCodec *cbor, MkvClock *clock,
                                   MkvObserver *observer);
void mkv_correlator_set_codec (MkvCorrelator *self, MkvCodec *codec);

/* What messages call the broker. */
void mkv_correlator_set_broker (MkvCorrelator *self, const char *broker);

/* Sends @command to the node @client_id, and returns its answer. An empty id is
 * filled in, and the time of the request set. @timeout_ms is 0 for the time
 * limit of the operation.
 *
 * A call whose id was answered too late gets that answer, if it is the same
 * request of the same node and the answer is still kept.
 *
 * _finish fails with MKV_ERROR_TIMEOUT; MKV_ERROR_NOT_CONNECTED if there is no
 * connection when the call is made; MKV_ERROR_FORBIDDEN, _RATE_LIMITED or _FAILED
 * if the broker refuses the request; MKV_ERROR_TOO_LARGE or _INVALID_ARGUMENT;
 * MKV_ERROR_UNAVAILABLE by mkv_correlator_stop(). An answer that says ERROR is an
 * answer: see mkv_response_check(). */
void mkv_correlator_call_async (MkvCorrelator *self, const char *client_id, MkvCommand *command, guint timeout_ms,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
MkvResponse *mkv_correlator_call_finish (MkvCorrelator *self, GAsyncResult *result, GError **error);

/* The answer to an earlier call that came after its time limit, if it is still
 * kept; transfer full. */
MkvResponse *mkv_correlator_look_up (MkvCorrelator *self, const char *id);

/* Ends all calls that wait. */
void mkv_correlator_stop (MkvCorrelator *self);

G_END_DECLS
