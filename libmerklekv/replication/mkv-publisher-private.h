/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Brings the outbox to the broker. It has no queue of its own: what there is to
 * publish is read from the outbox, and what the broker has acknowledged is
 * cleared from it, so a crash at any point loses nothing. Lives in the node's
 * context. */
#define MKV_TYPE_PUBLISHER (mkv_publisher_get_type ())

G_DECLARE_FINAL_TYPE (MkvPublisher, mkv_publisher, MKV, PUBLISHER, GObject)

/* @cbor takes the entries that are too long for @codec. Publishes from the
 * next connect on. */
MkvPublisher *mkv_publisher_new (MkvLocalStore *store, MkvRouter *router, MkvCodec *codec, MkvCodec *cbor,
                                 MkvClock *clock, MkvObserver *observer);

void mkv_publisher_set_codec (MkvPublisher *self, MkvCodec *codec);
void mkv_publisher_set_compression (MkvPublisher *self, MkvCompression compression);

/* How long a write may wait for others to share its payload; 10 if never set. */
void mkv_publisher_set_batch_interval (MkvPublisher *self, guint interval_ms);

/* How many events go into one payload, at most; MKV_MAX_EVENTS if never set. */
void mkv_publisher_set_max_batch (MkvPublisher *self, guint max_batch);

/* Sends what is waiting now, and tries again what the broker refused. */
void mkv_publisher_retry (MkvPublisher *self);

/* Sends entries that are not this node's, or not in the outbox, once, best
 * effort. (element-type MkvEntry) */
void mkv_publisher_publish_once (MkvPublisher *self, GPtrArray *entries);

/* For good; what the broker acknowledges afterwards is still cleared. */
void mkv_publisher_stop (MkvPublisher *self);

/* Whether nothing is under way, nor anything in the outbox that could be sent
 * now. "drained" is emitted when this becomes true. */
gboolean mkv_publisher_is_drained (MkvPublisher *self);

G_END_DECLS
