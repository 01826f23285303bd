/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-transport-peer.h"

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
  peer_assert_states (b, MKV_TRANSPORT_CONNECTING, MKV_TRANSPORT_CONNECTED);
  g_assert_false (b->session_present);
  peer_subscribe (b, "t/b/cmd", FALSE);
  mkv_message_set_content_type (message, "application/cbor");
  mkv_message_set_response_topic (message, "t/a/res");
  mkv_message_set_correlation_data (message, correlation);
  mkv_message_set_user_property (message, "encoding", "zlib");
  mkv_message_set_user_property (message, "mac", "AAAA");
  mkv_message_set_expiry (message, 20);
  mkv_transport_publish (a->transport, message, 7, &error);
  g_assert_no_error (error);
  peer_wait_received (b, 1);
  peer_wait_published (a, 1);
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

  peer_publish (a, "t/b/cmd", "plain", 0);
  peer_wait_received (b, 2);
  arrived = b->received->pdata[1];
  g_assert_null (mkv_message_get_content_type (arrived));
  g_assert_null (mkv_message_get_response_topic (arrived));
  g_assert_null (mkv_message_get_correlation_data (arrived));
  g_assert_null (mkv_message_get_user_property (arrived, "encoding"));
  g_assert_cmpuint (mkv_message_get_expiry (arrived), ==, 0);
  peer_publish (a, "t/b/cmd", "", 0);
  peer_wait_received (b, 3);
  peer_assert_text (b, 2, "");
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
  peer_subscribe (b, "f/#", FALSE);
  peer_subscribe (b, "g/+/y", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    peer_publish (a, topics[i], topics[i], 0);
  peer_wait_received (b, 6);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (b->received->len, ==, 6);
  g_assert_cmpuint (a->received->len, ==, 0);
  for (guint i = 0; i < 5; i++)
    peer_assert_text (b, i, topics[i]);
  peer_assert_text (b, 5, "f/");
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
  peer_subscribe (a, "t/a/res", TRUE);
  peer_subscribe (a, "t/events", FALSE);
  peer_publish (a, "t/events", "not for me", 0);
  peer_publish (a, "t/a/res", "for me", 0);
  peer_wait_received (a, 1);
  peer_assert_text (a, 0, "for me");
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
  peer_subscribe (b, "t/events", FALSE);
  mkv_transport_get_limits (a->transport, &max_inflight, &max_payload);
  g_assert_cmpuint (max_inflight, >=, 1);
  g_assert_cmpuint (max_inflight, <=, 65535);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      peer_publish (a, "t/events", text, i + 1);
      if (i >= max_inflight)
        peer_wait_published (a, i + 1 - max_inflight + 1);
    }
  peer_wait_published (a, 500);
  peer_wait_received (b, 500);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->published->len, ==, 1000);
  g_assert_cmpuint (b->received->len, ==, 500);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      peer_assert_text (b, i, text);
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
  peer_subscribe (b, "t/events", FALSE);
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
  peer_wait_received (b, 1);
  peer_wait_published (a, 1);
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
  peer_subscribe (b, "t/events", FALSE);
  peer_stop (b);
  peer_publish (a, "t/events", "1", 1);
  peer_publish (a, "t/events", "2", 2);
  peer_wait_published (a, 2);
  peer_start (b, NULL);
  peer_wait_for (b, peer_is_connected);
  g_assert_true (b->session_present);
  peer_wait_received (b, 2);
  peer_assert_text (b, 0, "1");
  peer_assert_text (b, 1, "2");
  peer_publish (a, "t/events", "3", 3);
  peer_wait_received (b, 3);

  /* And a new object with the same id continues it. */
  g_clear_pointer (&b, peer_free);
  peer_publish (a, "t/events", "4", 4);
  peer_wait_published (a, 4);
  b = peer_connected (backend, "b");
  g_assert_true (b->session_present);
  peer_wait_received (b, 1);
  peer_assert_text (b, 0, "4");
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
  peer_subscribe (b, "t/b", FALSE);
  mkv_transport_backend_cut (backend, "b");
  peer_wait_for (b, peer_is_waiting);
  g_assert_error (b->error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_assert_false (mkv_transport_publish (b->transport, message, 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_assert_false (mkv_transport_subscribe (b->transport, "t/b", FALSE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  peer_publish (a, "t/b", "meanwhile", 1);
  peer_wait_published (a, 1);
  g_assert_cmpuint (b->received->len, ==, 0);
  mkv_transport_backend_heal (backend, "b");
  peer_wait_for (b, peer_is_connected);
  g_assert_true (b->session_present);
  peer_wait_received (b, 1);
  peer_assert_text (b, 0, "meanwhile");
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
  peer_subscribe (b, "t/b", FALSE);
  for (guint i = 1; i <= 20; i++)
    peer_publish (a, "t/b", "x", i);
  mkv_transport_backend_cut (backend, "a");
  peer_wait_for (a, peer_is_disconnected);
  peer_wait_published (a, 20);
  for (guint i = 0; i < 20; i++)
    {
      gint reason = g_array_index (a->published, gint, 2 * i + 1);

      g_assert_cmpint (g_array_index (a->published, gint, 2 * i), ==, (gint) i + 1);
      g_assert_cmpint (reason, >=, MKV_TRANSPORT_REASON_LOST);
      n_taken += reason >= 0 ? 1 : 0;
    }
  mkv_transport_backend_heal (backend, "a");
  peer_wait_for (a, peer_is_connected);
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
      g_autofree char *text = peer_get_text (self, i);

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
  peer_subscribe (b, "t/b", FALSE);
  b->claims = "2";
  for (guint i = 1; i <= 4; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      peer_publish (a, "t/b", text, i);
    }
  peer_wait_for (b, has_second);
  mkv_transport_backend_settle (backend);
  old = g_steal_pointer (&b->received);
  b->received = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);

  mkv_transport_backend_cut (backend, "b");
  peer_wait_for (b, peer_is_disconnected);
  mkv_transport_backend_heal (backend, "b");
  peer_wait_for (b, peer_is_connected);
  peer_wait_for (b, has_second);
  /* Of the connection before: too late for its acknowledgement. */
  for (guint i = 0; i < old->len; i++)
    mkv_message_handled (old->pdata[i]);
  g_clear_pointer (&old, g_ptr_array_unref);
  mkv_transport_backend_settle (backend);

  /* The same if the program ends in between. */
  g_clear_pointer (&b, peer_free);
  b = peer_connected (backend, "b");
  peer_wait_for (b, has_second);
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
  peer_subscribe (a, "t/+/res", FALSE);
  b = peer_new (backend, "b");
  peer_start (b, will);
  peer_wait_for (b, peer_is_connected);
  peer_stop (b);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->received->len, ==, 0);
  peer_start (b, will);
  peer_wait_for (b, peer_is_connected);
  mkv_transport_backend_cut (backend, "b");
  peer_wait_received (a, 1);
  peer_assert_text (a, 0, "offline");
  g_assert_cmpstr (mkv_message_get_topic (a->received->pdata[0]), ==, "t/b/res");
  g_assert_false (mkv_message_get_retain (a->received->pdata[0]));
  mkv_transport_backend_heal (backend, "b");
  peer_wait_for (b, peer_is_connected);
  /* The next connection has it as well. */
  mkv_transport_backend_cut (backend, "b");
  peer_wait_received (a, 2);
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
  peer_wait_for (first, peer_is_failed);
  g_assert_nonnull (first->error);
  g_assert_nonnull (strstr (first->error->message, "twin"));
  mkv_transport_backend_settle (backend);
  g_assert_true (peer_is_failed (first));
  g_assert_true (peer_is_connected (second));
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
  peer_publish (a, "denied/x", "x", 1);
  peer_publish (a, "allowed", "x", 2);
  peer_wait_published (a, 2);
  g_assert_cmpint (g_array_index (a->published, gint, 1), ==, 0x87);
  g_assert_cmpint (g_array_index (a->published, gint, 3), <, 0x80);
  g_assert_true (peer_is_connected (a));
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
  peer_subscribe (a, "t/a", TRUE);
  mkv_transport_backend_drop_sessions (backend);
  peer_wait_for (a, peer_is_disconnected);
  peer_wait_for (a, peer_is_connected);
  g_assert_false (a->session_present);
  peer_publish (a, "t/a", "to nobody", 1);
  peer_wait_published (a, 1);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->received->len, ==, 0);
  peer_subscribe (a, "t/a", TRUE);
  peer_publish (a, "t/a", "to me", 2);
  peer_wait_received (a, 1);
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
  peer_assert_states (a, MKV_TRANSPORT_CONNECTING, MKV_TRANSPORT_STOPPED);
  mkv_transport_stop (a->transport);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (a->states->len, ==, 2);
  peer_start (a, NULL);
  peer_wait_for (a, peer_is_connected);

  b = peer_connected (backend, "b");
  peer_subscribe (b, "t/b", FALSE);
  b->stops = TRUE;
  peer_publish (a, "t/b", "1", 1);
  peer_publish (a, "t/b", "2", 2);
  peer_wait_for (b, peer_is_stopped);
  mkv_transport_backend_settle (backend);
  g_assert_cmpuint (b->received->len, ==, 1);

  /* While there is nobody to connect to. */
  mkv_transport_backend_cut (backend, "a");
  peer_wait_for (a, peer_is_waiting);
  peer_stop (a);
  mkv_transport_backend_heal (backend, "a");
  mkv_transport_backend_settle (backend);
  g_assert_true (peer_is_stopped (a));
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
  peer_subscribe (a, "t/b/res", FALSE);
  b = peer_new (backend, "b");
  peer_start (b, will);
  peer_wait_for (b, peer_is_connected);
  g_array_set_size (b->states, 0);
  peer_free (b);
  peer_wait_received (a, 1);

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
