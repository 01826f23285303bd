/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-test.h"
#include "transport/mkv-transport.h"

G_BEGIN_DECLS

/* What test-transport.c needs of a transport and its broker; it is compiled
 * once with each implementation. */
typedef struct _MkvTransportBackend MkvTransportBackend;

/* A fresh broker. NULL, with the test skipped, where there is none. The broker
 * refuses what is published on topics below "denied". */
MkvTransportBackend *mkv_transport_backend_new (void);
void mkv_transport_backend_free (MkvTransportBackend *self);

MkvTransport *mkv_transport_backend_create (MkvTransportBackend *self);
MkvClock *mkv_transport_backend_get_clock (MkvTransportBackend *self);

/* Options for a client, but its id. (transfer full) */
GVariantDict *mkv_transport_backend_get_options (MkvTransportBackend *self, const char *client_id);

/* Breaks the client's connection, and lets it connect again. */
void mkv_transport_backend_cut (MkvTransportBackend *self, const char *client_id);
void mkv_transport_backend_heal (MkvTransportBackend *self, const char *client_id);

/* Kills the broker; a new one without its sessions takes its place. */
void mkv_transport_backend_drop_sessions (MkvTransportBackend *self);

/* Lets time pass until @condition is true, at most so long that a test fails. */
gboolean mkv_transport_backend_run_until (MkvTransportBackend *self, MkvTestCondition condition,
                                          gpointer user_data);

/* Lets so much time pass that what is under way arrives. */
void mkv_transport_backend_settle (MkvTransportBackend *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvTransportBackend, mkv_transport_backend_free)

G_END_DECLS
