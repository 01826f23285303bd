/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-transport-peer.h"

#include <string.h>

char *
peer_get_text (Peer *self, guint i)
{
  const char *octets;
  gsize length;

  g_assert_cmpuint (i, <, self->received->len);
  octets = g_bytes_get_data (mkv_message_get_payload (self->received->pdata[i]), &length);
  return length > 0 ? g_strndup (octets, length) : g_strdup ("");
}

static void
on_message (MkvTransport *transport, MkvMessage *message, Peer *peer)
{
  g_autofree char *text = NULL;

  g_ptr_array_add (peer->received, mkv_message_ref (message));
  text = peer_get_text (peer, peer->received->len - 1);
  if (g_strcmp0 (text, peer->claims) == 0)
    mkv_message_claim (message);
  if (peer->stops)
    mkv_transport_stop (transport);
}

static void
on_published (MkvTransport *transport, guint id, gint reason, Peer *peer)
{
  gint number = (gint) id;

  g_array_append_val (peer->published, number);
  g_array_append_val (peer->published, reason);
}

static void
on_state (MkvTransport *transport, MkvTransportState state, gboolean session_present, const GError *error,
          Peer *peer)
{
  g_array_append_val (peer->states, state);
  peer->session_present = session_present;
  g_clear_error (&peer->error);
  peer->error = error != NULL ? g_error_copy (error) : NULL;
  /* There is always a reason not to be connected but one's own wish. */
  g_assert_cmpint (error != NULL, ==, state == MKV_TRANSPORT_WAITING || state == MKV_TRANSPORT_FAILED);
}

static void
on_subscribed (MkvTransport *transport, const char *topic, const GError *error, Peer *peer)
{
  peer->n_subscribed++;
  g_clear_error (&peer->subscribe_error);
  peer->subscribe_error = error != NULL ? g_error_copy (error) : NULL;
}

Peer *
peer_new (MkvTransportBackend *backend, const char *client_id)
{
  Peer *self = g_new0 (Peer, 1);

  self->backend = backend;
  self->client_id = g_strdup (client_id);
  self->transport = mkv_transport_backend_create (backend);
  self->received = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  self->published = g_array_new (FALSE, FALSE, sizeof (gint));
  self->states = g_array_new (FALSE, FALSE, sizeof (MkvTransportState));
  g_signal_connect (self->transport, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->transport, "published", G_CALLBACK (on_published), self);
  g_signal_connect (self->transport, "state", G_CALLBACK (on_state), self);
  g_signal_connect (self->transport, "subscribed", G_CALLBACK (on_subscribed), self);
  return self;
}

static gboolean
is_in (Peer *self, MkvTransportState state)
{
  return self->states->len > 0
         && g_array_index (self->states, MkvTransportState, self->states->len - 1) == state;
}

gboolean
peer_is_stopped (gpointer user_data)
{
  return is_in (user_data, MKV_TRANSPORT_STOPPED);
}

gboolean
peer_is_connected (gpointer user_data)
{
  return is_in (user_data, MKV_TRANSPORT_CONNECTED);
}

gboolean
peer_is_disconnected (gpointer user_data)
{
  return !peer_is_connected (user_data);
}

gboolean
peer_is_waiting (gpointer user_data)
{
  return is_in (user_data, MKV_TRANSPORT_WAITING);
}

gboolean
peer_is_failed (gpointer user_data)
{
  return is_in (user_data, MKV_TRANSPORT_FAILED);
}

static gboolean
is_subscribed (gpointer user_data)
{
  return ((Peer *) user_data)->n_subscribed > 0;
}

typedef struct
{
  Peer *peer;
  guint n;
} Amount;

static gboolean
has_received (gpointer user_data)
{
  Amount *amount = user_data;

  return amount->peer->received->len >= amount->n;
}

static gboolean
has_published (gpointer user_data)
{
  Amount *amount = user_data;

  return amount->peer->published->len >= 2 * amount->n;
}

void
peer_wait_for (Peer *self, MkvTestCondition condition)
{
  g_assert_true (mkv_transport_backend_run_until (self->backend, condition, self));
}

void
peer_wait_received (Peer *self, guint n)
{
  Amount amount = { self, n };

  mkv_transport_backend_run_until (self->backend, has_received, &amount);
  g_assert_cmpuint (self->received->len, >=, n);
}

void
peer_wait_published (Peer *self, guint n)
{
  Amount amount = { self, n };

  mkv_transport_backend_run_until (self->backend, has_published, &amount);
  g_assert_cmpuint (self->published->len, >=, 2 * n);
}

void
peer_start (Peer *self, MkvMessage *will)
{
  GVariantDict *dict = mkv_transport_backend_get_options (self->backend, self->client_id);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;

  g_variant_dict_insert (dict, "client-id", "s", self->client_id);
  options = g_variant_ref_sink (g_variant_dict_end (dict));
  g_variant_dict_unref (dict);
  g_array_set_size (self->states, 0);
  mkv_transport_start (self->transport, options, will, mkv_transport_backend_get_clock (self->backend), &error);
  g_assert_no_error (error);
}

void
peer_stop (Peer *self)
{
  mkv_transport_stop (self->transport);
  peer_wait_for (self, peer_is_stopped);
}

void
peer_free (Peer *self)
{
  if (self->states->len > 0 && !peer_is_stopped (self))
    peer_stop (self);
  /* A message that was not handled yet keeps its transport. */
  g_ptr_array_unref (self->received);
  g_assert_finalize_object (self->transport);
  g_array_unref (self->published);
  g_array_unref (self->states);
  g_clear_error (&self->error);
  g_clear_error (&self->subscribe_error);
  g_free (self->client_id);
  g_free (self);
}

Peer *
peer_connected (MkvTransportBackend *backend, const char *client_id)
{
  Peer *self = peer_new (backend, client_id);

  peer_start (self, NULL);
  peer_wait_for (self, peer_is_connected);
  return self;
}

void
peer_subscribe (Peer *self, const char *topic, gboolean own_messages)
{
  g_autoptr (GError) error = NULL;

  self->n_subscribed = 0;
  mkv_transport_subscribe (self->transport, topic, own_messages, &error);
  g_assert_no_error (error);
  peer_wait_for (self, is_subscribed);
  g_assert_no_error (self->subscribe_error);
}

void
peer_publish (Peer *self, const char *topic, const char *text, guint id)
{
  g_autoptr (GBytes) payload = mkv_test_bytes (text);
  g_autoptr (MkvMessage) message = mkv_message_new (topic, payload);
  g_autoptr (GError) error = NULL;

  mkv_transport_publish (self->transport, message, id, &error);
  g_assert_no_error (error);
}

void
peer_assert_text (Peer *self, guint i, const char *expected)
{
  g_autofree char *text = peer_get_text (self, i);

  g_assert_cmpstr (text, ==, expected);
}

void
peer_assert_states (Peer *self, MkvTransportState first, MkvTransportState second)
{
  g_assert_cmpuint (self->states->len, ==, 2);
  g_assert_cmpint (g_array_index (self->states, MkvTransportState, 0), ==, first);
  g_assert_cmpint (g_array_index (self->states, MkvTransportState, 1), ==, second);
}
