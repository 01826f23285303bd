/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-loopback-broker.h"
#include "mkv-loopback-session.h"
#include "mkv-test.h"
#include "mkv-transport-loopback.h"

/* The transport itself is tested by the conformance suite; here are the knobs. */

#define URI "loopback://knobs"

typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->clock = mkv_manual_clock_new (1700000000000);
  fixture->broker = mkv_loopback_broker_get (URI);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_finalize_object (fixture->broker);
  g_object_unref (fixture->clock);
}

/* What a client hears, one word for each thing: a payload, "+ID:REASON",
 * "connected", "sub:ERROR" ... */
typedef struct
{
  MkvTransport *transport;
  GString *heard;
  gboolean claims;
  gboolean retries; /* sends again what was lost, at once */
} Client;

static void
on_message (MkvTransport *transport, MkvMessage *message, Client *client)
{
  gsize length;
  const char *text = g_bytes_get_data (mkv_message_get_payload (message), &length);

  if (mkv_message_get_retain (message))
    g_string_append (client->heard, "retained:");
  g_string_append_len (client->heard, text, (gssize) length);
  g_string_append_c (client->heard, ' ');
  if (client->claims)
    mkv_message_claim (message);
}

static void
on_published (MkvTransport *transport, guint id, gint reason, Client *client)
{
  g_string_append_printf (client->heard, "+%u:%d ", id, reason);
  if (client->retries && reason == MKV_TRANSPORT_REASON_LOST)
    {
      g_autoptr (GBytes) payload = mkv_test_bytes ("again");
      g_autoptr (MkvMessage) message = mkv_message_new ("t/x", payload);
      g_autoptr (GError) error = NULL;

      g_assert_false (mkv_transport_publish (transport, message, id, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
    }
}

static void
on_subscribed (MkvTransport *transport, const char *topic, const GError *error, Client *client)
{
  if (error != NULL)
    g_string_append_printf (client->heard, "sub:%s:%d ", topic, error->code);
}

static void
on_state (MkvTransport *transport, MkvTransportState state, gboolean session_present, const GError *error,
          Client *client)
{
  static const char *const names[] = { "stopped", "connecting", "connected", "waiting", "failed" };

  g_string_append_printf (client->heard, "%s%s ", names[state], session_present ? ":present" : "");
}

static GVariant *
make_options (const char *client_id, guint expiry)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", URI);
  g_variant_dict_insert (&dict, "client-id", "s", client_id);
  g_variant_dict_insert (&dict, "session-expiry", "u", expiry);
  g_variant_dict_insert (&dict, "max-inflight", "u", 5);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
client_start (Client *self, MkvClock *clock, const char *client_id, guint expiry)
{
  g_autoptr (GVariant) options = make_options (client_id, expiry);
  g_autoptr (GError) error = NULL;

  mkv_transport_start (self->transport, options, NULL, clock, &error);
  g_assert_no_error (error);
}

static Client *
client_new (void)
{
  Client *self = g_new0 (Client, 1);

  self->transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  self->heard = g_string_new (NULL);
  g_signal_connect (self->transport, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->transport, "published", G_CALLBACK (on_published), self);
  g_signal_connect (self->transport, "subscribed", G_CALLBACK (on_subscribed), self);
  g_signal_connect (self->transport, "state", G_CALLBACK (on_state), self);
  return self;
}

static void
client_free (Client *self)
{
  mkv_transport_stop (self->transport);
  g_assert_finalize_object (self->transport);
  g_string_free (self->heard, TRUE);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, client_free)

/* A connected client of the fixture, subscribed to "t/#". */
static Client *
client_joined (Fixture *fixture, const char *client_id)
{
  Client *self = client_new ();
  g_autoptr (GError) error = NULL;

  client_start (self, MKV_CLOCK (fixture->clock), client_id, 3600);
  mkv_test_advance (fixture->clock, 1000);
  mkv_transport_subscribe (self->transport, "t/#", FALSE, &error);
  g_assert_no_error (error);
  mkv_test_advance (fixture->clock, 1000);
  g_string_truncate (self->heard, 0);
  return self;
}

static void
publish_full (Client *self, const char *topic, const char *text, guint id, guint expiry)
{
  g_autoptr (GBytes) payload = mkv_test_bytes (text);
  g_autoptr (MkvMessage) message = mkv_message_new (topic, payload);
  g_autoptr (GError) error = NULL;

  mkv_message_set_expiry (message, expiry);
  mkv_transport_publish (self->transport, message, id, &error);
  g_assert_no_error (error);
}

static void
publish (Client *self, const char *text)
{
  publish_full (self, "t/x", text, 0, 0);
}

static void
test_filters (void)
{
  static const struct
  {
    const char *filter, *topic;
    gboolean matches;
  } cases[] = {
    { "a/b", "a/b", TRUE },    { "a/b", "a/bc", FALSE },   { "a/b", "a", FALSE },      { "a/b", "a/b/c", FALSE },
    { "a/+", "a/b", TRUE },    { "a/+", "a/", TRUE },      { "a/+", "a", FALSE },      { "a/+", "a/b/c", FALSE },
    { "+/b", "a/b", TRUE },    { "+/b", "/b", TRUE },      { "+", "a/b", FALSE },      { "+/+/c", "a/b/c", TRUE },
    { "#", "a", TRUE },        { "#", "a/b", TRUE },       { "#", "$SYS/x", FALSE },   { "+/x", "$SYS/x", FALSE },
    { "$SYS/#", "$SYS/x", TRUE }, { "a/#", "a", TRUE },    { "a/#", "a/b/c", TRUE },   { "a/#", "ab", FALSE },
    { "a/+/#", "a/b", TRUE },  { "a/+/#", "a", FALSE },
  };
  static const char *const good[] = { "a", "/", "#", "+", "a/#", "+/a", "a/+/b", "a/+", "//" };
  static const char *const bad[] = { "", "a#", "#/a", "a+", "+a", "a/b+/c", "a/#b", "##" };

  g_test_summary ("Topic filters match as MQTT has it");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s %s", cases[i].filter, cases[i].topic);
      g_assert_cmpint (mkv_loopback_filter_matches (cases[i].filter, cases[i].topic), ==, cases[i].matches);
    }
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (mkv_loopback_filter_is_valid (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mkv_loopback_filter_is_valid (bad[i]));
}

static void
test_delay (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");

  g_test_summary ("A packet takes its time each way");
  mkv_loopback_broker_set_delay (fixture->broker, 10000, 10000);
  publish_full (a, "t/x", "hello", 1, 0);
  mkv_test_advance (fixture->clock, 19999);
  g_assert_cmpstr (b->heard->str, ==, "");
  g_assert_cmpstr (a->heard->str, ==, "");
  mkv_test_advance (fixture->clock, 1);
  g_assert_cmpstr (b->heard->str, ==, "hello ");
  g_assert_cmpstr (a->heard->str, ==, "+1:0 ");
}

/* What "b" hears of a hundred messages over a bad net. */
static char *
run_bad_net (Fixture *fixture, guint32 seed)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");

  mkv_loopback_broker_set_seed (fixture->broker, seed);
  mkv_loopback_broker_set_delay (fixture->broker, 100, 5000);
  mkv_loopback_broker_set_loss (fixture->broker, 0.1);
  mkv_loopback_broker_set_duplication (fixture->broker, 0.1);
  mkv_loopback_broker_set_reordering (fixture->broker, 0.1, 20000);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (a, text);
      mkv_test_advance (fixture->clock, 1000);
    }
  mkv_test_advance (fixture->clock, G_USEC_PER_SEC);
  mkv_loopback_broker_set_delay (fixture->broker, 0, 0);
  mkv_loopback_broker_set_loss (fixture->broker, 0);
  mkv_loopback_broker_set_duplication (fixture->broker, 0);
  mkv_loopback_broker_set_reordering (fixture->broker, 0, 0);
  return g_strdup (b->heard->str);
}

static void
test_bad_net (Fixture *fixture, gconstpointer data)
{
  g_autofree char *first = run_bad_net (fixture, 1);
  g_autofree char *same = NULL;
  g_autofree char *other = NULL;
  g_auto (GStrv) words = g_strsplit (g_strchomp (first), " ", -1);
  MkvLoopbackCounts counts;

  g_test_summary ("Loss, duplicates and disorder come as the seed has it, and are counted");
  mkv_loopback_broker_get_counts (fixture->broker, &counts);
  g_assert_cmpuint (counts.published, ==, 100);
  g_assert_cmpuint (counts.lost, >, 0);
  g_assert_cmpuint (counts.lost, <, 50);
  g_assert_cmpuint (counts.duplicated, >, 0);
  g_assert_cmpuint (counts.reordered, >, 0);
  g_assert_cmpuint (g_strv_length (words), ==, 100 - counts.lost + counts.duplicated);
  g_assert_cmpuint (counts.delivered, ==, g_strv_length (words));
  g_assert_cmpuint (counts.handled, ==, 100 - counts.lost);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  same = run_bad_net (fixture, 1);
  g_assert_cmpstr (g_strchomp (same), ==, first);
  mkv_loopback_broker_drop_sessions (fixture->broker);
  other = run_bad_net (fixture, 2);
  g_assert_cmpstr (g_strchomp (other), !=, first);
}

static void
test_overflow (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");
  MkvLoopbackCounts counts;

  g_test_summary ("A full queue drops the newest; a client that handles nothing gets a window of messages");
  mkv_loopback_broker_set_session_queue (fixture->broker, 3);
  mkv_transport_stop (b->transport);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish_full (a, "t/x", text, i + 1, 0);
    }
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (a->heard->str, ==, "+1:0 +2:0 +3:0 +4:0 +5:0 ");
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "b"), ==, 3);
  mkv_loopback_broker_get_counts (fixture->broker, &counts);
  g_assert_cmpuint (counts.overflowed, ==, 2);
  client_start (b, MKV_CLOCK (fixture->clock), "b", 3600);
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (b->heard->str, ==, "stopped connecting connected:present 0 1 2 ");

  mkv_loopback_broker_set_session_queue (fixture->broker, 100);
  g_string_truncate (b->heard, 0);
  b->claims = TRUE;
  for (guint i = 0; i < 9; i++)
    publish (a, "x");
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (b->heard->str, ==, "x x x x x ");
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "b"), ==, 9);
}

static void
test_session_expiry (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");

  g_test_summary ("A session is kept for as long as the client asked for, and no longer");
  mkv_transport_stop (b->transport);
  publish (a, "1");
  mkv_test_advance (fixture->clock, G_TIME_SPAN_HOUR - 10000);
  client_start (b, MKV_CLOCK (fixture->clock), "b", 10);
  mkv_test_advance (fixture->clock, 1000);
  mkv_transport_stop (b->transport);
  publish (a, "2");
  mkv_test_advance (fixture->clock, 10 * G_USEC_PER_SEC);
  g_string_append (b->heard, "| ");
  client_start (b, MKV_CLOCK (fixture->clock), "b", 0);
  mkv_test_advance (fixture->clock, 1000);
  mkv_transport_stop (b->transport);
  client_start (b, MKV_CLOCK (fixture->clock), "b", 0);
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (b->heard->str, ==,
                   "stopped connecting connected:present 1 stopped | connecting connected stopped "
                   "connecting connected ");
}

static void
test_message_expiry (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");
  MkvLoopbackCounts counts;

  g_test_summary ("A message that waited too long is not delivered");
  mkv_transport_stop (b->transport);
  publish_full (a, "t/x", "short", 0, 10);
  publish_full (a, "t/x", "long", 0, 20);
  publish_full (a, "t/x", "forever", 0, 0);
  mkv_test_advance (fixture->clock, 10 * G_USEC_PER_SEC + 1000);
  g_string_truncate (b->heard, 0);
  client_start (b, MKV_CLOCK (fixture->clock), "b", 3600);
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (b->heard->str, ==, "connecting connected:present long forever ");
  mkv_loopback_broker_get_counts (fixture->broker, &counts);
  g_assert_cmpuint (counts.expired, ==, 1);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (fixture->broker, "b"), ==, 0);
}

static void
test_reasons (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");
  g_autoptr (Client) c = client_new ();
  g_autoptr (GError) error = NULL;
  MkvLoopbackCounts counts;

  g_test_summary ("Publishing, subscribing, receiving and connecting can be refused");
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_PUBLISH, "a", "t/secret/#", 0x87);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_RECEIVE, "b", "t/deaf", 0x87);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, NULL, "u/no", 0x87);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_SUBSCRIBE, NULL, "u/low", 0);
  mkv_loopback_broker_set_reason (fixture->broker, MKV_LOOPBACK_CONNECT, "c", NULL, 0x86);
  publish_full (a, "t/secret/x", "secret", 1, 0);
  publish_full (a, "t/deaf", "deaf", 2, 0);
  publish_full (b, "t/secret/x", "allowed", 3, 0);
  mkv_transport_subscribe (b->transport, "u/no", FALSE, &error);
  g_assert_no_error (error);
  mkv_transport_subscribe (b->transport, "u/low", FALSE, &error);
  g_assert_no_error (error);
  mkv_transport_subscribe (b->transport, "u/good", FALSE, &error);
  g_assert_no_error (error);
  g_assert_false (mkv_transport_subscribe (b->transport, "u#", FALSE, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  mkv_test_advance (fixture->clock, 1000);
  publish_full (a, "u/no", "no", 0, 0);
  publish_full (a, "u/low", "low", 0, 0);
  client_start (c, MKV_CLOCK (fixture->clock), "c", 0);
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (a->heard->str, ==, "+1:135 +2:0 allowed ");
  g_assert_cmpstr (b->heard->str, ==, "+3:0 sub:u/no:9 sub:u/low:13 low ");
  g_assert_cmpint (MKV_ERROR_FORBIDDEN, ==, 9);
  g_assert_cmpint (MKV_ERROR_NOT_SUPPORTED, ==, 13);
  g_assert_cmpstr (c->heard->str, ==, "connecting failed ");
  mkv_loopback_broker_get_counts (fixture->broker, &counts);
  g_assert_cmpuint (counts.refused, ==, 3);

  /* Mended: it takes a while, as trying again alone doesn't help as a rule. */
  mkv_loopback_broker_clear_reasons (fixture->broker);
  mkv_test_advance (fixture->clock, 50 * G_USEC_PER_SEC);
  g_assert_cmpstr (c->heard->str, ==, "connecting failed ");
  mkv_test_advance (fixture->clock, 20 * G_USEC_PER_SEC);
  g_assert_cmpstr (c->heard->str, ==, "connecting failed connecting connected ");
}

static void
test_partition (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");

  g_test_summary ("Cutting one or all; what was on its way is lost, and is not sent from its own failure");
  mkv_loopback_broker_set_delay (fixture->broker, 10000, 10000);
  a->retries = TRUE;
  publish_full (a, "t/x", "arrives", 1, 0);
  mkv_test_advance (fixture->clock, 15000);
  publish_full (a, "t/x", "does not", 2, 0);
  mkv_loopback_broker_cut (fixture->broker, "a");
  g_assert_false (mkv_loopback_broker_is_connected (fixture->broker, "a"));
  g_assert_true (mkv_loopback_broker_is_connected (fixture->broker, "b"));
  mkv_test_advance (fixture->clock, 3 * G_USEC_PER_SEC);
  g_assert_cmpstr (b->heard->str, ==, "arrives ");
  g_assert_cmpstr (a->heard->str, ==,
                   "+1:-1 +2:-1 waiting connecting waiting connecting waiting ");
  mkv_loopback_broker_cut (fixture->broker, NULL);
  mkv_loopback_broker_heal (fixture->broker, "a");
  mkv_test_advance (fixture->clock, 3 * G_USEC_PER_SEC);
  g_assert_false (mkv_loopback_broker_is_connected (fixture->broker, "a"));
  g_assert_false (mkv_loopback_broker_is_connected (fixture->broker, "b"));
  mkv_loopback_broker_heal (fixture->broker, NULL);
  mkv_test_advance (fixture->clock, 2 * G_USEC_PER_SEC);
  g_assert_true (mkv_loopback_broker_is_connected (fixture->broker, "a"));
  g_assert_true (mkv_loopback_broker_is_connected (fixture->broker, "b"));
}

static void
test_groups (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");
  g_autoptr (Client) c = client_joined (fixture, "c");
  MkvLoopbackCounts counts;

  g_test_summary ("What a client publishes reaches those of its own group, and nothing is kept for the others");
  mkv_loopback_broker_set_group (fixture->broker, "a", 1);
  mkv_loopback_broker_set_group (fixture->broker, "c", 1);
  publish_full (a, "t/x", "1", 1, 0);
  publish (b, "2");
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (a->heard->str, ==, "+1:0 ");
  g_assert_cmpstr (b->heard->str, ==, "");
  g_assert_cmpstr (c->heard->str, ==, "1 ");
  mkv_loopback_broker_get_counts (fixture->broker, &counts);
  g_assert_cmpuint (counts.parted, ==, 3);

  mkv_loopback_broker_set_group (fixture->broker, "a", 0);
  publish (b, "3");
  mkv_test_advance (fixture->clock, 1000);
  mkv_loopback_broker_set_group (fixture->broker, NULL, 0);
  publish (b, "4");
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (a->heard->str, ==, "+1:0 3 4 ");
  g_assert_cmpstr (c->heard->str, ==, "1 4 ");
}

static void
test_inject (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (GBytes) payload = mkv_test_bytes ("old");
  g_autoptr (MkvMessage) message = mkv_message_new ("t/x", payload);

  g_test_summary ("A stranger's message arrives as it is, retained or not");
  mkv_message_set_retain (message, TRUE);
  mkv_loopback_broker_inject (fixture->broker, message);
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpstr (a->heard->str, ==, "retained:old ");
}

static void
test_many_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Client) a = client_joined (fixture, "a");
  g_autoptr (Client) b = client_joined (fixture, "b");

  g_test_summary ("More than a client does at once is not forgotten");
  for (guint i = 0; i < 1000; i++)
    publish (a, "x");
  mkv_test_advance (fixture->clock, 1000);
  g_assert_cmpuint (b->heard->len, ==, 2000);
}

/* A client in a thread of its own: sends back what it hears, until it has
 * heard enough. */
typedef struct
{
  const char *client_id;
  guint n_heard;
  guint n_wanted;
  gint *n_subscribed; /* atomic */
  gboolean leads;
} Player;

static void
player_send (MkvTransport *transport, const Player *player)
{
  g_autoptr (GBytes) payload = mkv_test_bytes ("ball");
  g_autoptr (MkvMessage) message = mkv_message_new (player->leads ? "p/second" : "p/first", payload);
  g_autoptr (GError) error = NULL;

  mkv_transport_publish (transport, message, 0, &error);
  g_assert_no_error (error);
}

static void
player_on_message (MkvTransport *transport, MkvMessage *message, Player *player)
{
  player->n_heard++;
  if (player->leads ? player->n_heard < player->n_wanted : player->n_heard <= player->n_wanted)
    player_send (transport, player);
}

static void
player_on_state (MkvTransport *transport, MkvTransportState state, gboolean session_present,
                 const GError *error, Player *player)
{
  g_autoptr (GError) local_error = NULL;

  if (state == MKV_TRANSPORT_CONNECTED)
    mkv_transport_subscribe (transport, player->leads ? "p/first" : "p/second", FALSE, &local_error);
  g_assert_no_error (local_error);
}

static void
player_on_subscribed (MkvTransport *transport, const char *topic, const GError *error, Player *player)
{
  g_assert_no_error (error);
  g_atomic_int_inc (player->n_subscribed);
}

static gboolean
tick (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static gpointer
play (gpointer data)
{
  Player *player = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvTransport) transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  g_autoptr (GVariant) options = make_options (player->client_id, 0);
  g_autoptr (GSource) ticker = g_timeout_source_new (1);
  g_autoptr (GError) error = NULL;

  g_main_context_push_thread_default (context);
  g_source_set_callback (ticker, tick, NULL, NULL);
  g_source_attach (ticker, context);
  g_signal_connect (transport, "message", G_CALLBACK (player_on_message), player);
  g_signal_connect (transport, "state", G_CALLBACK (player_on_state), player);
  g_signal_connect (transport, "subscribed", G_CALLBACK (player_on_subscribed), player);
  mkv_transport_start (transport, options, NULL, clock, &error);
  g_assert_no_error (error);
  while (g_atomic_int_get (player->n_subscribed) < 2)
    g_main_context_iteration (context, TRUE);
  if (player->leads)
    player_send (transport, player);
  while (player->n_heard < player->n_wanted)
    g_main_context_iteration (context, TRUE);
  mkv_transport_stop (transport);
  g_source_destroy (ticker);
  g_clear_object (&transport);
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer data)
{
  gint n_subscribed = 0;
  Player first = { "first", 0, 2000, &n_subscribed, TRUE };
  Player second = { "second", 0, 2000, &n_subscribed, FALSE };
  GThread *thread_1, *thread_2;

  g_test_summary ("Clients in different threads meet, by the system's clock");
  thread_1 = g_thread_new ("first", play, &first);
  thread_2 = g_thread_new ("second", play, &second);
  g_thread_join (thread_1);
  g_thread_join (thread_2);
  g_assert_cmpuint (first.n_heard, ==, 2000);
  g_assert_cmpuint (second.n_heard, ==, 2000);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/transport-loopback/filters", test_filters);
#define ADD(name, func) g_test_add ("/transport-loopback/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("delay", test_delay);
  ADD ("bad-net", test_bad_net);
  ADD ("overflow", test_overflow);
  ADD ("session-expiry", test_session_expiry);
  ADD ("message-expiry", test_message_expiry);
  ADD ("reasons", test_reasons);
  ADD ("partition", test_partition);
  ADD ("groups", test_groups);
  ADD ("inject", test_inject);
  ADD ("many-at-once", test_many_at_once);
  ADD ("threads", test_threads);
  return g_test_run ();
}
