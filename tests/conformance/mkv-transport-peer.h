/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-transport-backend.h"

G_BEGIN_DECLS

/* A client, and everything it was told. */
typedef struct
{
  MkvTransportBackend *backend;
  char *client_id;
  MkvTransport *transport;
  const char *claims; /* does not handle what has this text */
  gboolean stops;  /* stops with the first message */
  GPtrArray *received;
  GArray *published; /* of gint: id, reason, id, reason ... */
  GArray *states;    /* of MkvTransportState, since the last look */
  gboolean session_present;
  GError *error;
  guint n_subscribed;
  GError *subscribe_error;
} Peer;

char *peer_get_text (Peer *self, guint i);
Peer *peer_new (MkvTransportBackend *backend, const char *client_id);
gboolean peer_is_stopped (gpointer user_data);
gboolean peer_is_connected (gpointer user_data);
gboolean peer_is_disconnected (gpointer user_data);
gboolean peer_is_waiting (gpointer user_data);
gboolean peer_is_failed (gpointer user_data);
void peer_wait_for (Peer *self, MkvTestCondition condition);
void peer_wait_received (Peer *self, guint n);
void peer_wait_published (Peer *self, guint n);
void peer_start (Peer *self, MkvMessage *will);
void peer_stop (Peer *self);
void peer_free (Peer *self);
Peer *peer_connected (MkvTransportBackend *backend, const char *client_id);
void peer_subscribe (Peer *self, const char *topic, gboolean own_messages);
void peer_publish (Peer *self, const char *topic, const char *text, guint id);
void peer_assert_text (Peer *self, guint i, const char *expected);
void peer_assert_states (Peer *self, MkvTransportState first, MkvTransportState second);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Peer, peer_free)

G_END_DECLS
