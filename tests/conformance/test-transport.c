/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-transport-backend.h"

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

static char *
get_text (Peer *self, guint i)
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
  text = get_text (peer, peer->received->len - 1);
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

static Peer *
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
is_stopped (gpointer user_data)
{
  Peer *self = user_data;

  return self->states->len > 0
         && g_array_index (self->states, MkvTransportState, self->states->len - 1) == MKV_TRANSPORT_STOPPED;
}

static gboolean
is_connected (gpointer user_data)
{
  Peer *self = user_data;

  return self->states->len > 0
         && g_array_index (self->states, MkvTransportState, self->states->len - 1) == MKV_TRANSPORT_CONNECTED;
}

static gboolean
is_disconnected (gpointer user_data)
{
  return !is_connected (user_data);
}

static gboolean
is_waiting (gpointer user_data)
{
  Peer *self = user_data;

  return self->states->len > 0
         && g_array_index (self->states, MkvTransportState, self->states->len - 1) == MKV_TRANSPORT_WAITING;
}

static gboolean
is_failed (gpointer user_data)
{
  Peer *self = user_data;

  return self->states->len > 0
         && g_array_index (self->states, MkvTransportState, self->states->len - 1) == MKV_TRANSPORT_FAILED;
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

static void
wait_for (Peer *self, MkvTestCondition condition)
{
  g_assert_true (mkv_transport_backend_run_until (self->backend, condition, self));
}

static void
wait_received (Peer *self, guint n)
{
  Amount amount = { self, n };

  mkv_transport_backend_run_until (self->backend, has_received, &amount);
  g_assert_cmpuint (self->received->len, >=, n);
}

static void
wait_published (Peer *self, guint n)
{
  Amount amount = { self, n };

  mkv_transport_backend_run_until (self->backend, has_published, &amount);
  g_assert_cmpuint (self->published->len, >=, 2 * n);
}

static void
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

static void
peer_stop (Peer *self)
{
  mkv_transport_stop (self->transport);
  wait_for (self, is_stopped);
}

static void
peer_free (Peer *self)
{
  if (self->states->len > 0 && !is_stopped (self))
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

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Peer, peer_free)

static Peer *
peer_connected (MkvTransportBackend *backend, const char *client_id)
{
  Peer *self = peer_new (backend, client_id);

  peer_start (self, NULL);
  wait_for (self, is_connected);
  return self;
}

static void
subscribe (Peer *self, const char *topic, gboolean own_messages)
{
  g_autoptr (GError) error = NULL;

  self->n_subscribed = 0;
  mkv_transport_subscribe (self->transport, topic, own_messages, &error);
  g_assert_no_error (error);
  wait_for (self, is_subscribed);
  g_assert_no_error (self->subscribe_error);
}

static void
publish (Peer *self, const char *topic, const char *text, guint id)
{
  g_autoptr (GBytes) payload = mkv_test_bytes (text);
  g_autoptr (MkvMessage) message = mkv_message_new (topic, payload);
  g_autoptr (GError) error = NULL;

  mkv_transport_publish (self->transport, message, id, &error);
  g_assert_no_error (error);
}

static void
assert_text (Peer *self, guint i, const char *expected)
{
  g_autofree char *text = get_text (self, i);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_states (Peer *self, MkvTransportState first, MkvTransportState second)
{
  g_assert_cmpuint (self->states->len, ==, 2);
  g_assert_cmpint (g_array_index (self->states, MkvTransportState, 0), ==, first);
  g_assert_cmpint (g_array_index (self->states, MkvTransportState, 1), ==, second);
}

static void
test_message (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (GBytes) payload = g_bytes_new_static ("\0\xff\x01", 3);
  g_autoptr (GBytes) correlation = g_bytes_new_static ("\0id", 3);
  g_autoptr (MkvMessage) message = mkv_message_new ("t/b/cmd", payload);
  g_autoptr (GError) error = NULL;
  MkvMessage *arrived;

  g_test_summary ("A message arrives as it was sent, with all that MQTT 5 sends beside it");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  assert_states (b, MKV_TRANSPORT_CONNECTING, MKV_TRANSPORT_CONNECTED);
  g_assert_false (b->session_present);
  subscribe (b, "t/b/cmd", FALSE);
  mkv_message_set_content_type (message, "application/cbor");
  mkv_message_set_response_topic (message, "t/a/res");
  mkv_message_set_correlation_data (message, correlation);
  mkv_message_set_user_property (message, "encoding", "zlib");
  mkv_message_set_user_property (message, "mac", "AAAA");
  mkv_message_set_expiry (message, 20);
  mkv_transport_publish (a->transport, message, 7, &error);
  g_assert_no_error (error);
  wait_received (b, 1);
  wait_published (a, 1);
  g_assert_cmpint (g_array_index (a->published, gint, 0), ==, 7);
  g_assert_cmpint (g_array_index (a->published, gint, 1), ==, 0);

  arrived = b->received->pdata[0];
  g_assert_cmpstr (mkv_message_get_topic (arrived), ==, "t/b/cmd");
  g_assert_true (g_bytes_equal (mkv_message_get_payload (arrived), payload));
  g_assert_cmpstr (mkv_message_get_content_type (arrived), ==, "application/cbor");
  g_assert_cmpstr (mkv_message_get_response_topic (arrived), ==, "t/a/res");
  g_assert_true (g_bytes_equal (mkv_message_get_correlation_data (arrived), correlation));
  g_assert_cmpstr (mkv_message_get_user_property (arrived, "encoding"), ==, "zlib");
  g_assert_cmpstr (mkv_message_get_user_property (arrived, "mac"), ==, "AAAA");
  g_assert_cmpuint (mkv_message_get_expiry (arrived), >, 0);
  g_assert_cmpuint (mkv_message_get_expiry (arrived), <=, 20);
  g_assert_false (mkv_message_get_retain (arrived));

  publish (a, "t/b/cmd", "plain", 0);
  wait_received (b, 2);
  arrived = b->received->pdata[1];
  g_assert_null (mkv_message_get_content_type (arrived));
  g_assert_null (mkv_message_get_response_topic (arrived));
  g_assert_null (mkv_message_get_correlation_data (arrived));
  g_assert_null (mkv_message_get_user_property (arrived, "encoding"));
  g_assert_cmpuint (mkv_message_get_expiry (arrived), ==, 0);
  publish (a, "t/b/cmd", "", 0);
  wait_received (b, 3);
  assert_text (b, 2, "");
}

static void
test_filters (void)
{
  static const char *const topics[] = { "f", "f/x", "f/x/y", "f/x/z/y", "g/x/y", "h/x/y", "f/", "e/f" };
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;

  g_test_summary ("+ is for one level, # for the rest; whoever asked for nothing gets nothing");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "f/#", FALSE);
  subscribe (b, "g/+/y", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    publish (a, topics[i], topics[i], 0);
  wait_received (b, 6);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (b->received->len, ==, 6);
  g_assert_cmpuint (a->received->len, ==, 0);
  for (guint i = 0; i < 5; i++)
    assert_text (b, i, topics[i]);
  assert_text (b, 5, "f/");
}

static void
test_own_messages (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;

  g_test_summary ("Own messages arrive if asked for");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  subscribe (a, "t/a/res", TRUE);
  subscribe (a, "t/events", FALSE);
  publish (a, "t/events", "not for me", 0);
  publish (a, "t/a/res", "for me", 0);
  wait_received (a, 1);
  assert_text (a, 0, "for me");
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->received->len, ==, 1);
}

static void
test_order (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("Many messages arrive once each, in order, and every one is told to be published once");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/events", FALSE);
  mkv_transport_get_limits (a->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, >=, 1);
  g_assert_cmpuint (max_inflight, <=, 65535);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (a, "t/events", text, i + 1);
      if (i >= max_inflight)
        wait_published (a, i + 1 - max_inflight + 1);
    }
  wait_published (a, 500);
  wait_received (b, 500);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->published->len, ==, 1000);
  g_assert_cmpuint (b->received->len, ==, 500);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      assert_text (b, i, text);
      g_assert_cmpint (g_array_index (a->published, gint, 2 * i), ==, (gint) i + 1);
      g_assert_cmpint (g_array_index (a->published, gint, 2 * i + 1), ==, 0);
    }
}

static void
test_limits (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (GBytes) fits = NULL;
  g_autoptr (GBytes) does_not = NULL;
  g_autoptr (MkvMessage) good = NULL;
  g_autoptr (MkvMessage) bad = NULL;
  g_autoptr (GError) error = NULL;
  guint max_inflight, max_payload;

  g_test_summary ("The longest payload gets through, a longer one is refused before it is sent");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/events", FALSE);
  mkv_transport_get_limits (a->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_payload, ==, MKV_MAX_PAYLOAD_BYTES);
  fits = g_bytes_new_take (g_malloc0 (max_payload), max_payload);
  does_not = g_bytes_new_take (g_malloc0 (max_payload + 1), max_payload + 1);
  good = mkv_message_new ("t/events", fits);
  bad = mkv_message_new ("t/events", does_not);
  g_assert_false (mkv_transport_publish (a->transport, bad, 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  mkv_transport_publish (a->transport, good, 2, &error);
  g_assert_no_error (error);
  wait_received (b, 1);
  wait_published (a, 1);
  g_assert_cmpint (g_array_index (a->published, gint, 0), ==, 2);
  g_assert_cmpuint (g_bytes_get_size (mkv_message_get_payload (b->received->pdata[0])), ==, max_payload);
}

static void
test_session (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;

  g_test_summary ("A session outlives taking leave, with its subscriptions and what came in meanwhile");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/events", FALSE);
  peer_stop (b);
  publish (a, "t/events", "1", 1);
  publish (a, "t/events", "2", 2);
  wait_published (a, 2);
  peer_start (b, NULL);
  wait_for (b, is_connected);
  g_assert_true (b->session_present);
  wait_received (b, 2);
  assert_text (b, 0, "1");
  assert_text (b, 1, "2");
  publish (a, "t/events", "3", 3);
  wait_received (b, 3);

  /* And a new object with the same id continues it. */
  g_clear_pointer (&b, peer_free);
  publish (a, "t/events", "4", 4);
  wait_published (a, 4);
  b = peer_connected (backend, "b");
  g_assert_true (b->session_present);
  wait_received (b, 1);
  assert_text (b, 0, "4");
}

static void
test_cut (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (GBytes) payload = mkv_test_bytes ("late");
  g_autoptr (MkvMessage) message = mkv_message_new ("t/a", payload);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A broken connection is told and mended; what came in meanwhile is not lost");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/b", FALSE);
  mkv_transport_backend_cut (backend, "b");
  wait_for (b, is_waiting);
  g_assert_error (b->error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_assert_false (mkv_transport_publish (b->transport, message, 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_assert_false (mkv_transport_subscribe (b->transport, "t/b", FALSE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  publish (a, "t/b", "meanwhile", 1);
  wait_published (a, 1);
  g_assert_cmpuint (b->received->len, ==, 0);
  mkv_transport_backend_heal (backend, "b");
  wait_for (b, is_connected);
  g_assert_true (b->session_present);
  wait_received (b, 1);
  assert_text (b, 0, "meanwhile");
  g_assert_cmpuint (b->published->len, ==, 0);
}

static void
test_lost_acknowledgements (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  guint n_taken = 0;

  g_test_summary ("What is under way when the connection breaks is told to be published or lost, once each");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/b", FALSE);
  for (guint i = 1; i <= 20; i++)
    publish (a, "t/b", "x", i);
  mkv_transport_backend_cut (backend, "a");
  wait_for (a, is_disconnected);
  wait_published (a, 20);
  for (guint i = 0; i < 20; i++)
    {
      gint reason = g_array_index (a->published, gint, 2 * i + 1);

      g_assert_cmpint (g_array_index (a->published, gint, 2 * i), ==, (gint) i + 1);
      g_assert_cmpint (reason, >=, MKV_TRANSPORT_REASON_LOST);
      n_taken += reason >= 0 ? 1 : 0;
    }
  mkv_transport_backend_heal (backend, "a");
  wait_for (a, is_connected);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->published->len, ==, 40);
  g_assert_cmpuint (b->received->len, >=, n_taken);
}

static gboolean
has_second (gpointer user_data)
{
  Peer *self = user_data;

  for (guint i = 0; i < self->received->len; i++)
    {
      g_autofree char *text = get_text (self, i);

      if (g_str_equal (text, "2"))
        return TRUE;
    }
  return FALSE;
}

/* A transport may acknowledge messages one by one, or those that came together
 * together, and a broker may send one twice: more than was unhandled may come
 * again, but never less. */
static void
test_redelivery (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (GPtrArray) old = NULL;

  g_test_summary ("A message that was not handled comes again with the next connection");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  b = peer_connected (backend, "b");
  subscribe (b, "t/b", FALSE);
  b->claims = "2";
  for (guint i = 1; i <= 4; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (a, "t/b", text, i);
    }
  wait_for (b, has_second);
  mkv_transport_backend_settle (backend);
  old = g_steal_pointer (&b->received);
  b->received = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);

  mkv_transport_backend_cut (backend, "b");
  wait_for (b, is_disconnected);
  mkv_transport_backend_heal (backend, "b");
  wait_for (b, is_connected);
  wait_for (b, has_second);
  /* Of the connection before: too late for its acknowledgement. */
  for (guint i = 0; i < old->len; i++)
    mkv_message_handled (old->pdata[i]);
  g_clear_pointer (&old, g_ptr_array_unref);
  mkv_transport_backend_settle (backend);

  /* The same if the program ends in between. */
  g_clear_pointer (&b, peer_free);
  b = peer_connected (backend, "b");
  wait_for (b, has_second);
  mkv_transport_backend_settle (backend);

  /* Now all were handled: nothing comes again. */
  g_clear_pointer (&b, peer_free);
  b = peer_connected (backend, "b");
  g_assert_true (b->session_present);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (b->received->len, ==, 0);
}

static void
test_will (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (GBytes) payload = mkv_test_bytes ("offline");
  g_autoptr (MkvMessage) will = mkv_message_new ("t/b/res", payload);

  g_test_summary ("A will is published when the connection breaks, and not after taking leave");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  subscribe (a, "t/+/res", FALSE);
  b = peer_new (backend, "b");
  peer_start (b, will);
  wait_for (b, is_connected);
  peer_stop (b);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->received->len, ==, 0);
  peer_start (b, will);
  wait_for (b, is_connected);
  mkv_transport_backend_cut (backend, "b");
  wait_received (a, 1);
  assert_text (a, 0, "offline");
  g_assert_cmpstr (mkv_message_get_topic (a->received->pdata[0]), ==, "t/b/res");
  g_assert_false (mkv_message_get_retain (a->received->pdata[0]));
  mkv_transport_backend_heal (backend, "b");
  wait_for (b, is_connected);
  /* The next connection has it as well. */
  mkv_transport_backend_cut (backend, "b");
  wait_received (a, 2);
}

static void
test_takeover (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) first = NULL;
  g_autoptr (Peer) second = NULL;

  g_test_summary ("Of two clients with one id the second wins; the first says so and keeps calm");
  if (backend == NULL)
    return;
  first = peer_connected (backend, "twin");
  second = peer_connected (backend, "twin");
  g_assert_true (second->session_present);
  wait_for (first, is_failed);
  g_assert_nonnull (first->error);
  g_assert_nonnull (strstr (first->error->message, "twin"));
  mkv_transport_backend_settle (backend);
  g_assert_true (is_failed (first));
  g_assert_true (is_connected (second));
}

static void
test_denied (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;

  g_test_summary ("What the broker refuses comes back with its reason");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  publish (a, "denied/x", "x", 1);
  publish (a, "allowed", "x", 2);
  wait_published (a, 2);
  g_assert_cmpint (g_array_index (a->published, gint, 1), ==, 0x87);
  g_assert_cmpint (g_array_index (a->published, gint, 3), <, 0x80);
  g_assert_true (is_connected (a));
}

static void
test_lost_session (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;

  g_test_summary ("A broker that forgot the session says so, and a new subscription works");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  subscribe (a, "t/a", TRUE);
  mkv_transport_backend_drop_sessions (backend);
  wait_for (a, is_disconnected);
  wait_for (a, is_connected);
  g_assert_false (a->session_present);
  publish (a, "t/a", "to nobody", 1);
  wait_published (a, 1);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->received->len, ==, 0);
  subscribe (a, "t/a", TRUE);
  publish (a, "t/a", "to me", 2);
  wait_received (a, 1);
}

static void
test_start_and_stop (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (Peer) a = NULL;
  g_autoptr (Peer) b = NULL;
  g_autoptr (MkvTransport) abandoned = NULL;
  g_autoptr (GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (GError) error = NULL;

  g_test_summary ("Stopping works while connecting, from a handler, and twice");
  if (backend == NULL)
    return;
  abandoned = mkv_transport_backend_create (backend);
  g_assert_false (mkv_transport_start (abandoned, nothing, NULL, mkv_transport_backend_get_clock (backend),
                                       &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);

  a = peer_new (backend, "a");
  peer_start (a, NULL);
  peer_stop (a);
  assert_states (a, MKV_TRANSPORT_CONNECTING, MKV_TRANSPORT_STOPPED);
  mkv_transport_stop (a->transport);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->states->len, ==, 2);
  peer_start (a, NULL);
  wait_for (a, is_connected);

  b = peer_connected (backend, "b");
  subscribe (b, "t/b", FALSE);
  b->stops = TRUE;
  publish (a, "t/b", "1", 1);
  publish (a, "t/b", "2", 2);
  wait_for (b, is_stopped);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (b->received->len, ==, 1);

  /* While there is nobody to connect to. */
  mkv_transport_backend_cut (backend, "a");
  wait_for (a, is_waiting);
  peer_stop (a);
  mkv_transport_backend_heal (backend, "a");
  mkv_transport_backend_settle (backend);
  g_assert_true (is_stopped (a));
}

static void
test_abandoned (void)
{
  g_autoptr (MkvTransportBackend) backend = mkv_transport_backend_new ();
  g_autoptr (GBytes) payload = mkv_test_bytes ("offline");
  g_autoptr (MkvMessage) will = mkv_message_new ("t/b/res", payload);
  g_autoptr (Peer) a = NULL;
  Peer *b;

  g_test_summary ("An object that goes without stopping looks like a crash, and leaves nothing behind");
  if (backend == NULL)
    return;
  a = peer_connected (backend, "a");
  subscribe (a, "t/b/res", FALSE);
  b = peer_new (backend, "b");
  peer_start (b, will);
  wait_for (b, is_connected);
  g_array_set_size (b->states, 0);
  peer_free (b);
  wait_received (a, 1);

  b = peer_new (backend, "c");
  peer_start (b, NULL);
  g_array_set_size (b->states, 0);
  peer_free (b);
  mkv_transport_backend_settle (backend);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  g_test_add_func ("/transport/message", test_message);
  g_test_add_func ("/transport/filters", test_filters);
  g_test_add_func ("/transport/own-messages", test_own_messages);
  g_test_add_func ("/transport/order", test_order);
  g_test_add_func ("/transport/limits", test_limits);
  g_test_add_func ("/transport/session", test_session);
  g_test_add_func ("/transport/cut", test_cut);
  g_test_add_func ("/transport/lost-acknowledgements", test_lost_acknowledgements);
  g_test_add_func ("/transport/redelivery", test_redelivery);
  g_test_add_func ("/transport/will", test_will);
  g_test_add_func ("/transport/takeover", test_takeover);
  g_test_add_func ("/transport/denied", test_denied);
  g_test_add_func ("/transport/lost-session", test_lost_session);
  g_test_add_func ("/transport/start-and-stop", test_start_and_stop);
  g_test_add_func ("/transport/abandoned", test_abandoned);
  return g_test_run ();
}
