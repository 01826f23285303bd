/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "command/mkv-command-processor-private.h"
#include "command/mkv-correlator-private.h"
#include "config/mkv-config.h"
#include "plugin/mkv-plugin-registry.h"
#include "store/mkv-local-store-private.h"
#include "sync/mkv-syncer-private.h"

G_BEGIN_DECLS

/* All that stands between a store and a broker: transport, router, publisher,
 * applier, syncer, command processor and correlator, made from one configuration and
 * taken down together. A change of transport is a new link. Lives in the node's
 * context. */
#define MKV_TYPE_LINK (mkv_link_get_type ())

G_DECLARE_FINAL_TYPE (MkvLink, mkv_link, MKV, LINK, GObject)

/* Whether there is to be a link at all: @backend is a transport, and @config
 * names a broker. */
gboolean mkv_link_is_wanted (MkvConfig *config, const char *backend);

/* Whether it takes a new link to get from one configuration to the other. */
gboolean mkv_link_must_change (MkvConfig *from, MkvConfig *to);

/* @backend is the transport plugin. */
MkvLink *mkv_link_new (MkvConfig *config, const char *backend, MkvPluginRegistry *registry, MkvLocalStore *store,
                       const char *client_id, MkvClock *clock, MkvObserver *observer, GError **error);

void mkv_link_set_describe_func (MkvLink *self, MkvDescribeFunc func, gpointer user_data);

/* Starts to connect. "state-changed" is emitted after any change of
 * mkv_link_get_state(). */
gboolean mkv_link_start (MkvLink *self, GError **error);
MkvTransportState mkv_link_get_state (MkvLink *self);

/* How long a payload may be, with this broker. */
guint mkv_link_get_max_payload (MkvLink *self);

/* What can change while the connection stays. */
void mkv_link_set_config (MkvLink *self, MkvConfig *config);

MkvCorrelator *mkv_link_get_correlator (MkvLink *self);

/* NULL where anti-entropy is off. */
MkvSyncer *mkv_link_get_syncer (MkvLink *self);

/* Takes leave: no more commands, then, with @flush, what waits in the outbox
 * goes out if it can in a short time, and the connection is closed. For good. */
void mkv_link_stop_async (MkvLink *self, gboolean flush, GAsyncReadyCallback callback, gpointer user_data);
void mkv_link_stop_finish (MkvLink *self, GAsyncResult *result);

G_END_DECLS
