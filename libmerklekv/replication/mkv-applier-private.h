/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Brings other nodes' events into the store. A message is handled, and so
 * acknowledged to the broker, once all that is good in it has been committed;
 * what arrives during a commit is taken together into the next. Lives in the
 * node's context. */
#define MKV_TYPE_APPLIER (mkv_applier_get_type ())

G_DECLARE_FINAL_TYPE (MkvApplier, mkv_applier, MKV, APPLIER, GObject)

/* Becomes the handler of MKV_ROUTE_EVENTS of @router. */
MkvApplier *mkv_applier_new (MkvLocalStore *store, MkvRouter *router, MkvClock *clock, MkvObserver *observer);

/* Whether nothing that arrived waits for its commit. */
gboolean mkv_applier_is_idle (MkvApplier *self);

/* For good, when the router is about to stop: what is not committed yet, and
 * what arrives from now on, stays unhandled, so that the broker keeps it. */
void mkv_applier_stop (MkvApplier *self);

G_END_DECLS
