/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Nodes in processes of their own, through a real mosquitto, with everything
 * that goes wrong between them.
 */
#include <glib/gstdio.h>
#include <merklekv.h>
#include <signal.h>
#include <string.h>

#include "mkv-mosquitto.h"
#include "mkv-peer.h"
#include "mkv-relay.h"
#include "mkv-test.h"

/* About what two nodes need to get connected and write for a while. */
#define N_WRITES 300

static void
wait_written (MkvPeer *a, MkvPeer *b)
{
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (mkv_peer_get_n_unwritten (a) > 0 || mkv_peer_get_n_unwritten (b) > 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (20000);
    }
}

static guint
count_lines (const char *text)
{
  guint n = 0;

  for (const char *p = text; *p != 0; p++)
    n += *p == '\n';
  return n;
}

static void
test_both_ways (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvPeer) a = NULL, b = NULL;
  const char *uri;

  g_test_summary ("Two processes replicate both ways, deletes and conflicts too, in each encoding and version");
  if (broker == NULL)
    return;
  uri = mkv_mosquitto_get_uri (broker);
  a = mkv_peer_new ("a", uri, "replication.codec=json", "transport.mqtt-version=3.1.1", NULL);
  b = mkv_peer_new ("b", uri, "replication.codec=cbor", "replication.compression=on", NULL);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_set (a, "from-a", "1");
  mkv_peer_set (b, "from-b", "2");
  mkv_peer_wait_line (b, "from-a=1");
  mkv_peer_wait_line (a, "from-b=2");
  mkv_peer_delete (b, "from-a");
  mkv_peer_set (a, "conflict", "a");
  mkv_peer_set (b, "conflict", "b");
  mkv_peer_write_many (a, "a", N_WRITES);
  mkv_peer_write_many (b, "b", N_WRITES);
  wait_written (a, b);
  mkv_peer_wait_equal (a, b);
  {
    g_autofree char *dump = mkv_peer_dump (a);

    g_assert_null (strstr (dump, "from-a="));
    g_assert_cmpuint (count_lines (dump), ==, 2 * N_WRITES + 2);
  }
  mkv_peer_stop (a);
  mkv_peer_stop (b);
}

static void
test_graceful_restart (void)
{
  const MkvMosquittoOptions options = { .persistence = TRUE, .max_queued = 10000 };
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (&options);
  g_autoptr (MkvPeer) a = NULL, b = NULL;

  g_test_summary ("A broker that keeps its sessions is stopped and started while both write: equal");
  if (broker == NULL)
    return;
  a = mkv_peer_new ("a", mkv_mosquitto_get_uri (broker), NULL);
  b = mkv_peer_new ("b", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_write_many (a, "a", 2 * N_WRITES);
  mkv_peer_write_many (b, "b", 2 * N_WRITES);
  mkv_peer_wait_line (a, "b-50=b-50");
  mkv_mosquitto_stop (broker, SIGTERM);
  mkv_peer_set (a, "conflict", "a");
  mkv_peer_set (b, "conflict", "b");
  mkv_peer_delete (a, "a-10");
  wait_written (a, b);
  mkv_mosquitto_start (broker);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_wait_equal (a, b);
  {
    g_autofree char *dump = mkv_peer_dump (a), *health = mkv_peer_get_health (a);

    g_assert_cmpuint (count_lines (dump), ==, 4 * N_WRITES);
    g_assert_null (strstr (health, "missed-events"));
  }
}

/* Each node's own keys are at that node, whatever became of the broker. */
static void
assert_own_kept (MkvPeer *peer, const char *prefix, guint n)
{
  g_autofree char *dump = mkv_peer_dump (peer);
  g_autofree char *text = g_strconcat ("\n", dump, NULL);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *line = g_strdup_printf ("\n%s-%u=", prefix, i);

      if (strstr (text, line) == NULL)
        g_error ("%s-%u is gone", prefix, i);
    }
}

static void
test_killed_broker (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvPeer) a = NULL, b = NULL;

  g_test_summary ("A broker without persistence is killed while both write: nothing is lost, and both become equal");
  if (broker == NULL)
    return;
  a = mkv_peer_new ("a", mkv_mosquitto_get_uri (broker), NULL);
  b = mkv_peer_new ("b", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_write_many (a, "a", N_WRITES);
  mkv_peer_write_many (b, "b", N_WRITES);
  mkv_peer_wait_line (a, "b-50=b-50");
  mkv_mosquitto_stop (broker, SIGKILL);
  wait_written (a, b);
  mkv_peer_set (a, "while-away", "1");
  mkv_mosquitto_start (broker);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  assert_own_kept (a, "a", N_WRITES);
  assert_own_kept (b, "b", N_WRITES);
  mkv_peer_wait_equal (a, b);
  assert_own_kept (a, "b", N_WRITES);
  assert_own_kept (b, "a", N_WRITES);
  /* That events may be missing is said until it is known that none are. */
  mkv_peer_wait_health (a, "ok\n");
  mkv_peer_wait_health (b, "ok\n");
  /* What is written from now on arrives, in both directions. */
  mkv_peer_set (a, "afterwards", "1");
  mkv_peer_set (b, "afterwards-too", "2");
  mkv_peer_wait_line (b, "afterwards=1");
  mkv_peer_wait_line (a, "afterwards-too=2");
}

static gboolean
cut (gpointer relay)
{
  mkv_relay_cut (relay);
  return G_SOURCE_REMOVE;
}

static gboolean
heal (gpointer relay)
{
  mkv_relay_heal (relay);
  return G_SOURCE_REMOVE;
}

static void
test_expired_session (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvRelay) relay = NULL;
  g_autoptr (MkvPeer) a = NULL, b = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  g_test_summary ("A client that is away longer than its session keeps what it wrote, and gets what it missed");
  if (broker == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (broker), &error);
  g_assert_no_error (error);
  /* The relay works while this thread waits for the peers. */
  thread = g_thread_new ("relay", (GThreadFunc) (void (*) (void)) g_main_loop_run, loop);
  a = mkv_peer_new ("a", mkv_relay_get_uri (relay), "transport.session-expiry=1", NULL);
  b = mkv_peer_new ("b", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_set (b, "before", "1");
  mkv_peer_wait_line (a, "before=1");
  g_main_context_invoke (NULL, cut, relay);
  mkv_peer_wait_health (a, "transport: ");
  mkv_peer_set (a, "own", "kept");
  /* mosquitto looks for expired sessions every five seconds or so. */
  g_usleep (7 * G_USEC_PER_SEC);
  mkv_peer_set (b, "missed", "1");
  g_main_context_invoke (NULL, heal, relay);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_line (b, "own=kept");
  mkv_peer_wait_line (a, "missed=1");
  mkv_peer_wait_equal (a, b);
  mkv_peer_wait_health (a, "ok\n");
  g_main_loop_quit (loop);
  g_thread_join (thread);
}

static void
test_full_queue (void)
{
  const MkvMosquittoOptions options = { .max_queued = 5 };
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (&options);
  g_autoptr (MkvRelay) relay = NULL;
  g_autoptr (MkvPeer) a = NULL, b = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  g_test_summary ("What a broker drops because the queue of a session is full comes all the same");
  if (broker == NULL)
    return;
  relay = mkv_relay_new (mkv_mosquitto_get_port (broker), &error);
  g_assert_no_error (error);
  thread = g_thread_new ("relay", (GThreadFunc) (void (*) (void)) g_main_loop_run, loop);
  a = mkv_peer_new ("a", mkv_relay_get_uri (relay), NULL);
  b = mkv_peer_new ("b", mkv_mosquitto_get_uri (broker), "replication.batch-interval-ms=0", NULL);
  mkv_peer_wait_state (a, "online");
  mkv_peer_wait_state (b, "online");
  mkv_peer_set (b, "before", "1");
  mkv_peer_wait_line (a, "before=1");
  g_main_context_invoke (NULL, cut, relay);
  mkv_peer_wait_health (a, "transport: ");
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("queued-%u", i);

      mkv_peer_set (b, key, "1");
    }
  mkv_peer_wait_counter (b, "events-published", 101);
  g_main_context_invoke (NULL, heal, relay);
  mkv_peer_wait_line (a, "queued-99=1");
  mkv_peer_wait_equal (a, b);
  g_assert_cmpuint (mkv_peer_get_counter (a, "sync-applied"), >=, 1);
  g_main_loop_quit (loop);
  g_thread_join (thread);
}

static void
test_killed_reader (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvPeer) writer = NULL, reader = NULL, again = NULL;

  g_test_summary ("A reader is killed between receiving an event and applying it: the event comes again");
  if (broker == NULL)
    return;
  writer = mkv_peer_new ("writer", mkv_mosquitto_get_uri (broker), NULL);
  reader = mkv_peer_new ("reader", mkv_mosquitto_get_uri (broker), "storage.backend=held", NULL);
  mkv_peer_wait_state (writer, "online");
  mkv_peer_wait_state (reader, "online");
  mkv_peer_set (writer, "first", "1");
  mkv_peer_wait_line (reader, "first=1");
  mkv_peer_hold (reader);
  mkv_peer_set (writer, "second", "2");
  /* The writer has its PUBACK, the reader the message. */
  mkv_peer_wait_counter (writer, "events-published", 2);
  mkv_peer_wait_counter (reader, "messages-received", 2);
  g_clear_pointer (&reader, mkv_peer_free);
  again = mkv_peer_new ("reader", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_line (again, "second=2");
}

static guint
count_connections (MkvMosquitto *broker)
{
  g_autofree char *log = mkv_mosquitto_read_log (broker);
  guint n = 0;

  for (const char *p = log; (p = strstr (p, "as twin")) != NULL; p++)
    n++;
  return n;
}

static void
test_twin (void)
{
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (NULL);
  g_autoptr (MkvPeer) a = NULL, b = NULL;
  g_autofree char *health = NULL;
  guint before;

  g_test_summary ("A second client with the same id: both say so, and neither spins");
  if (broker == NULL)
    return;
  a = mkv_peer_new ("twin", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_state (a, "online");
  b = mkv_peer_new ("twin", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_health (a, "failed\n");
  health = mkv_peer_get_health (a);
  g_assert_nonnull (strstr (health, "twin"));
  /* At full speed they would throw each other out many times a second. */
  before = count_connections (broker);
  g_usleep (2 * G_USEC_PER_SEC);
  g_assert_cmpuint (count_connections (broker) - before, <=, 3);
}

static void
test_wrong_password (void)
{
  const char *const users[] = { "right", "secret", NULL };
  const MkvMosquittoOptions options = { .users = users };
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (&options);
  g_autofree char *folder = NULL, *file = NULL, *setting = NULL, *health = NULL;
  g_autoptr (MkvPeer) peer = NULL;

  g_test_summary ("A wrong password is named as the cause, without the password; the right one lets in at a reload");
  if (broker == NULL)
    return;
  folder = g_dir_make_tmp ("mkv-nodes-XXXXXX", NULL);
  file = g_build_filename (folder, "password", NULL);
  setting = g_strdup_printf ("transport.password-file=%s", file);
  g_assert_true (g_file_set_contents_full (file, "not-the-secret\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  peer = mkv_peer_new ("p", mkv_mosquitto_get_uri (broker), "transport.username=right",
                       "transport.allow-insecure-credentials=true", setting, NULL);
  mkv_peer_wait_health (peer, "failed\n");
  health = mkv_peer_get_health (peer);
  g_test_message ("%s", health);
  g_assert_nonnull (strstr (health, "password"));
  g_assert_null (strstr (health, "not-the-secret"));
  mkv_peer_set (peer, "works", "offline");
  mkv_peer_wait_line (peer, "works=offline");
  g_unlink (file);
  g_rmdir (folder);
}

static void
test_access_list (void)
{
  const MkvMosquittoOptions options = { .acl = "topic readwrite merkle_kv_mobile/+/res\n"
                                               "topic readwrite merkle_kv_mobile/+/cmd\n"
                                               "topic read merkle_kv_mobile/replication/events\n" };
  g_autoptr (MkvMosquitto) broker = mkv_mosquitto_new (&options);
  g_autoptr (MkvPeer) peer = NULL;
  g_autofree char *health = NULL;

  g_test_summary ("Where the access list denies publishing, health names the topic and the event is kept");
  if (broker == NULL)
    return;
  peer = mkv_peer_new ("p", mkv_mosquitto_get_uri (broker), NULL);
  mkv_peer_wait_state (peer, "online");
  mkv_peer_set (peer, "k", "v");
  mkv_peer_wait_health (peer, "events-refused");
  health = mkv_peer_get_health (peer);
  g_test_message ("%s", health);
  g_assert_nonnull (strstr (health, "replication/events"));
  g_assert_cmpuint (mkv_peer_get_counter (peer, "events-published"), ==, 0);
}

int
main (int argc, char **argv)
{
  if (mkv_peer_main (argc, argv))
    return 0;
  mkv_test_init (&argc, &argv, 220);
  g_test_add_func ("/nodes/both-ways", test_both_ways);
  g_test_add_func ("/nodes/graceful-restart", test_graceful_restart);
  g_test_add_func ("/nodes/killed-broker", test_killed_broker);
  g_test_add_func ("/nodes/expired-session", test_expired_session);
  g_test_add_func ("/nodes/full-queue", test_full_queue);
  g_test_add_func ("/nodes/killed-reader", test_killed_reader);
  g_test_add_func ("/nodes/twin", test_twin);
  g_test_add_func ("/nodes/wrong-password", test_wrong_password);
  g_test_add_func ("/nodes/access-list", test_access_list);
  return g_test_run ();
}
