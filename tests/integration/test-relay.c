/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <signal.h>
#include <string.h>

#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-test.h"

/* A server that sends back what it gets, and a client, both of bare sockets. */
typedef struct
{
  GSocketService *server;
  guint16 port;
  MkvRelay *relay;
  GSocketConnection *client;
  GString *received;
  gboolean ended;
  char buffer[65536];
} Fixture;

static void
on_echo_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_output_stream_splice_finish (G_OUTPUT_STREAM (source), result, NULL);
  g_object_unref (user_data);
}

static gboolean
on_incoming (GSocketService *server, GSocketConnection *connection, GObject *source, gpointer user_data)
{
  g_output_stream_splice_async (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                                g_io_stream_get_input_stream (G_IO_STREAM (connection)),
                                G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, G_PRIORITY_DEFAULT, NULL, on_echo_done,
                                g_object_ref (connection));
  return FALSE;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  if (n <= 0)
    {
      f->ended = TRUE;
      return;
    }
  g_string_append_len (f->received, f->buffer, n);
  g_input_stream_read_async (G_INPUT_STREAM (source), f->buffer, sizeof f->buffer, G_PRIORITY_DEFAULT, NULL,
                             on_read, f);
}

static void
fixture_connect (Fixture *f)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;

  g_clear_object (&f->client);
  f->ended = FALSE;
  f->client =
      g_socket_client_connect_to_host (client, "127.0.0.1", mkv_relay_get_port (f->relay), NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_async (g_io_stream_get_input_stream (G_IO_STREAM (f->client)), f->buffer, sizeof f->buffer,
                             G_PRIORITY_DEFAULT, NULL, on_read, f);
}

static void
fixture_send (Fixture *f, const char *octets, gsize length)
{
  GOutputStream *stream = g_io_stream_get_output_stream (G_IO_STREAM (f->client));
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (stream, octets, length, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->server = g_socket_service_new ();
  f->port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (f->server), NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (f->server, "incoming", G_CALLBACK (on_incoming), NULL);
  f->relay = mkv_relay_new (f->port, &error);
  g_assert_no_error (error);
  f->received = g_string_new (NULL);
}

static gboolean
has_ended (gpointer user_data)
{
  return ((Fixture *) user_data)->ended;
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->client != NULL && !f->ended)
    {
      g_socket_shutdown (g_socket_connection_get_socket (f->client), FALSE, TRUE, NULL);
      mkv_relay_heal (f->relay);
      mkv_test_run_until (has_ended, f);
    }
  g_clear_object (&f->client);
  g_object_unref (f->relay);
  g_socket_service_stop (f->server);
  g_object_unref (f->server);
  g_string_free (f->received, TRUE);
  mkv_test_iterate ();
}

static gboolean
has_hello (gpointer user_data)
{
  return g_str_equal (((Fixture *) user_data)->received->str, "hello");
}

static void
test_forward (Fixture *f, gconstpointer data)
{
  g_autofree char *much = g_malloc (1 << 16);

  g_test_summary ("What is sent arrives, and so does the end");
  fixture_connect (f);
  fixture_send (f, "hello", 5);
  mkv_test_run_until (has_hello, f);
  memset (much, 'x', 1 << 16);
  fixture_send (f, much, 1 << 16);
  g_socket_shutdown (g_socket_connection_get_socket (f->client), FALSE, TRUE, NULL);
  mkv_test_run_until (has_ended, f);
  g_assert_cmpuint (f->received->len, ==, 5 + (1 << 16));
}

static void
test_cut (Fixture *f, gconstpointer data)
{
  g_test_summary ("A cut breaks what there is and what comes, until it is healed");
  fixture_connect (f);
  fixture_send (f, "hello", 5);
  mkv_test_run_until (has_hello, f);
  mkv_relay_cut (f->relay);
  g_assert_true (mkv_relay_is_cut (f->relay));
  mkv_test_run_until (has_ended, f);
  fixture_connect (f);
  mkv_test_run_until (has_ended, f);
  g_assert_cmpuint (mkv_relay_get_n_connections (f->relay), ==, 2);
  mkv_relay_heal (f->relay);
  g_string_truncate (f->received, 0);
  fixture_connect (f);
  fixture_send (f, "hello", 5);
  mkv_test_run_until (has_hello, f);
}

static void
test_delay (Fixture *f, gconstpointer data)
{
  gint64 start;

  g_test_summary ("Octets are under way as long as they are told to, in order");
  mkv_relay_set_delay (f->relay, 20, 30);
  fixture_connect (f);
  start = g_get_monotonic_time ();
  fixture_send (f, "he", 2);
  fixture_send (f, "llo", 3);
  mkv_test_run_until (has_hello, f);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 50 * 1000);
}

static void
test_stall (Fixture *f, gconstpointer data)
{
  gint64 end = g_get_monotonic_time () + 50 * 1000;

  g_test_summary ("A stalled relay keeps the connection and delivers when healed");
  fixture_connect (f);
  mkv_relay_stall (f->relay);
  fixture_send (f, "hello", 5);
  while (g_get_monotonic_time () < end)
    {
      mkv_test_iterate ();
      g_usleep (1000);
    }
  g_assert_cmpuint (f->received->len, ==, 0);
  g_assert_false (f->ended);
  mkv_relay_heal (f->relay);
  mkv_test_run_until (has_hello, f);
}

static void
test_mosquitto (void)
{
  g_autoptr (MkvMosquitto) mosquitto = mkv_mosquitto_new (NULL);
  g_autofree char *log = NULL;
  guint16 port;

  g_test_summary ("A mosquitto starts, and comes back on the same port");
  if (mosquitto == NULL)
    return;
  port = mkv_mosquitto_get_port (mosquitto);
  g_assert_cmpuint (port, >, 0);
  mkv_mosquitto_stop (mosquitto, SIGTERM);
  mkv_mosquitto_start (mosquitto);
  mkv_mosquitto_stop (mosquitto, SIGKILL);
  mkv_mosquitto_start (mosquitto);
  g_assert_cmpuint (mkv_mosquitto_get_port (mosquitto), ==, port);
  log = mkv_mosquitto_read_log (mosquitto);
  g_assert_nonnull (strstr (log, "running"));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add ("/relay/forward", Fixture, NULL, set_up, test_forward, tear_down);
  g_test_add ("/relay/cut", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add ("/relay/delay", Fixture, NULL, set_up, test_delay, tear_down);
  g_test_add ("/relay/stall", Fixture, NULL, set_up, test_stall, tear_down);
  g_test_add_func ("/relay/mosquitto", test_mosquitto);
  return g_test_run ();
}
