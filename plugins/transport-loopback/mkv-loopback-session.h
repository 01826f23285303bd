/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "model/mkv-message.h"

G_BEGIN_DECLS

typedef struct _MkvLoopbackLink MkvLoopbackLink;

/* A message on its way to one session, from when the broker took it until the
 * client has handled it. */
typedef struct
{
  MkvMessage *message; /* the broker's own copy, never handed to anybody */
  gint64 stored_at;    /* of the session's monotonic clock */
} MkvLoopbackDelivery;

MkvLoopbackDelivery *mkv_loopback_delivery_new (MkvMessage *message, gint64 now);
MkvLoopbackDelivery *mkv_loopback_delivery_ref (MkvLoopbackDelivery *self);
void mkv_loopback_delivery_unref (MkvLoopbackDelivery *self);

/* What a broker keeps of a client, connected or not. */
typedef struct
{
  char *client_id;
  MkvClock *clock;
  guint expiry;             /* seconds after which it is forgotten while the client is away */
  gint64 left_at;           /* when the client went, of its monotonic clock */
  GPtrArray *subscriptions; /* of Subscription */
  GQueue queue;             /* of MkvLoopbackDelivery: not sent yet */
  GQueue unhandled;         /* of MkvLoopbackDelivery: sent on this connection or an earlier one, in order */
  MkvLoopbackLink *link;    /* NULL while the client is away */
} MkvLoopbackSession;

MkvLoopbackSession *mkv_loopback_session_new (const char *client_id, MkvClock *clock);
void mkv_loopback_session_free (MkvLoopbackSession *self);

gboolean mkv_loopback_session_is_expired (MkvLoopbackSession *self);
void mkv_loopback_session_subscribe (MkvLoopbackSession *self, const char *filter, gboolean own_messages);

/* Whether a message to @topic, from the same client if @own, is for this session. */
gboolean mkv_loopback_session_wants (MkvLoopbackSession *self, const char *topic, gboolean own);

/* Puts what was sent and not handled before what was not sent yet. */
void mkv_loopback_session_requeue (MkvLoopbackSession *self);

/* FALSE if @delivery is none that the client still has to handle. */
gboolean mkv_loopback_session_settle (MkvLoopbackSession *self, MkvLoopbackDelivery *delivery);

gboolean mkv_loopback_filter_is_valid (const char *filter);
gboolean mkv_loopback_filter_matches (const char *filter, const char *topic);

/* A copy that can be delivered by itself. */
MkvMessage *mkv_loopback_message_copy (MkvMessage *message);

G_END_DECLS
