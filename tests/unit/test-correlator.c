/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-command-world.h"

/* Beside the node of the world, one that asks, and "silent", for whom the test
 * answers if at all. */
typedef struct
{
  World *world;
  MkvObserver *observer;
  MkvRouter *router;
  MkvCorrelator *correlator;
} Asker;

static Asker *
asker_new (void)
{
  Asker *asker = g_new0 (Asker, 1);

  asker->world = world_new (0);
  asker->observer = mkv_observer_new (MKV_CLOCK (asker->world->clock));
  asker->router = world_add_router (asker->world, "asker", asker->observer);
  asker->correlator = mkv_correlator_new (asker->router, asker->world->json, asker->world->cbor,
                                          MKV_CLOCK (asker->world->clock), asker->observer);
  mkv_correlator_set_broker (asker->correlator, "loopback://command");
  mkv_test_iterate ();
  return asker;
}

static void
asker_free (Asker *asker)
{
  mkv_correlator_stop (asker->correlator);
  mkv_router_stop (asker->router);
  mkv_test_iterate ();
  g_assert_finalize_object (asker->correlator);
  g_assert_finalize_object (asker->router);
  g_object_unref (asker->observer);
  world_free (asker->world);
  g_free (asker);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Asker, asker_free)

static void
call (Asker *asker, const char *client_id, MkvCommand *command, guint timeout_ms, GCancellable *cancellable,
      GAsyncResult **place)
{
  *place = NULL;
  mkv_correlator_call_async (asker->correlator, client_id, command, timeout_ms, cancellable, mkv_test_store_result,
                             place);
}

static MkvResponse *
finish (Asker *asker, GAsyncResult **place, GError **error)
{
  GAsyncResult *result = mkv_test_wait_result (place);
  MkvResponse *response = mkv_correlator_call_finish (asker->correlator, result, error);

  g_clear_object (place);
  return response;
}

static void
assert_fails (Asker *asker, GAsyncResult **place, GQuark domain, gint code, const char *text)
{
  g_autoptr (GError) error = NULL;
  MkvResponse *response = finish (asker, place, &error);

  g_assert_null (response);
  g_assert_error (error, domain, code);
  if (text != NULL && strstr (error->message, text) == NULL)
    g_error ("“%s” does not say “%s”", error->message, text);
}

/* What "silent" was asked. */
static MkvMessage *
next_request (Asker *asker, MkvCommand **command)
{
  MkvMessage *message = world_next_message (asker->world);
  gboolean is_json = g_strcmp0 (mkv_message_get_content_type (message), "application/json") == 0;
  g_autofree char *id = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (mkv_message_get_topic (message), ==, WORLD_PREFIX "/silent/cmd");
  *command = mkv_codec_decode_command (is_json ? asker->world->json : asker->world->cbor,
                                       mkv_message_get_payload (message), &id, &error);
  g_assert_no_error (error);
  return message;
}

/* An answer of "silent". */
static void
reply (Asker *asker, const char *id, const char *value)
{
  g_autoptr (MkvResponse) response = mkv_response_new (id, MKV_STATUS_OK);
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (MkvMessage) message = NULL;

  mkv_response_set_value (response, bytes);
  mkv_response_set_timestamp (response, WORLD_TIME);
  payload = mkv_codec_encode_response (asker->world->cbor, response, NULL);
  message = mkv_message_new (WORLD_PREFIX "/asker/res", payload);
  mkv_loopback_broker_inject (asker->world->broker, message);
  mkv_test_iterate ();
  /* The caller hears it too. */
  g_ptr_array_set_size (asker->world->messages, 0);
}

static guint64
count (Asker *asker, MkvCounter counter)
{
  return mkv_observer_get_count (asker->observer, counter);
}

static void
test_call (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, NULL, "k", "v");
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "my id", "k", NULL);
  g_autoptr (MkvCommand) bad = mkv_test_command (MKV_OPERATION_GET, NULL, "other", NULL);
  g_autoptr (MkvResponse) done = NULL, read = NULL, missing = NULL;
  GAsyncResult *place;

  g_test_summary ("A call is answered; an empty id is filled with a UUID; an ERROR is an answer");
  call (asker, "node", set, 0, NULL, &place);
  g_assert_cmpuint (strlen (mkv_command_get_id (set)), ==, 36);
  g_assert_true (mkv_command_id_check (mkv_command_get_id (set), NULL));
  g_assert_cmpint (mkv_command_get_timestamp (set), >=, WORLD_TIME);
  done = finish (asker, &place, NULL);
  assert_ok (done, mkv_command_get_id (set), NULL);
  call (asker, "node", get, 0, NULL, &place);
  read = finish (asker, &place, NULL);
  assert_ok (read, "my id", "v");
  call (asker, "node", bad, 0, NULL, &place);
  missing = finish (asker, &place, NULL);
  assert_error (missing, mkv_command_get_id (bad), MKV_ERROR_CODE_NOT_FOUND);
  g_assert_cmpuint (count (asker, MKV_COUNTER_RESPONSES_UNKNOWN), ==, 0);
}

static void
test_request (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  g_autoptr (MkvCommand) sent = NULL;
  g_autoptr (MkvMessage) message = NULL;
  g_autoptr (MkvResponse) response = NULL;
  GBytes *correlation;
  GAsyncResult *place;

  g_test_summary ("A request carries response topic, correlation data, time and expiry");
  call (asker, "silent", get, 2100, NULL, &place);
  message = next_request (asker, &sent);
  g_assert_cmpstr (mkv_message_get_content_type (message), ==, "application/json");
  g_assert_cmpstr (mkv_message_get_response_topic (message), ==, WORLD_PREFIX "/asker/res");
  correlation = mkv_message_get_correlation_data (message);
  g_assert_nonnull (correlation);
  g_assert_cmpmem (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation), "id", 2);
  g_assert_cmpuint (mkv_message_get_expiry (message), ==, 3);
  g_assert_false (mkv_message_get_retain (message));
  g_assert_cmpstr (mkv_command_get_id (sent), ==, "id");
  g_assert_cmpint (mkv_command_get_timestamp (sent), >=, WORLD_TIME);
  reply (asker, "id", "v");
  response = finish (asker, &place, NULL);
  assert_ok (response, "id", "v");
}

static void
test_codec (void)
{
  static const guint8 octets[] = { 0xFF, 0x00 };
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) binary = mkv_test_command (MKV_OPERATION_SET_MANY, "binary", NULL, NULL);
  g_autofree char *zeros = g_strnfill (200 * 1024, '\1');
  g_autoptr (MkvCommand) big = mkv_test_command (MKV_OPERATION_SET, "big", "k", zeros);
  g_autoptr (MkvCommand) huge = mkv_test_command (MKV_OPERATION_SET_MANY, "huge", NULL, NULL);
  g_autoptr (MkvCommand) ping = mkv_test_command (MKV_OPERATION_PING, "ping", NULL, NULL);
  g_autoptr (GBytes) value = g_bytes_new (octets, sizeof octets);
  g_autoptr (GBytes) big_value = mkv_test_bytes (zeros);
  MkvCommand *commands[] = { binary, big, ping };
  GAsyncResult *place;

  g_test_summary ("What JSON can't express, or makes too long, goes out in CBOR, as does all if so configured");
  mkv_command_add_pair (binary, "k", value);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autoptr (MkvCommand) sent = NULL;
      g_autoptr (MkvMessage) message = NULL;
      g_autoptr (MkvResponse) response = NULL;

      if (commands[i] == ping)
        mkv_correlator_set_codec (asker->correlator, asker->world->cbor);
      call (asker, "silent", commands[i], 0, NULL, &place);
      message = next_request (asker, &sent);
      g_assert_cmpstr (mkv_message_get_content_type (message), ==, "application/cbor");
      reply (asker, mkv_command_get_id (commands[i]), "");
      response = finish (asker, &place, NULL);
      g_assert_nonnull (response);
    }
  mkv_command_add_pair (huge, "a", big_value);
  mkv_command_add_pair (huge, "b", big_value);
  mkv_command_add_pair (huge, "c", big_value);
  call (asker, "silent", huge, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_TOO_LARGE, "octets");
}

static gboolean
has_result (gpointer user_data)
{
  return *(GAsyncResult **) user_data != NULL;
}

static void
assert_limit (Asker *asker, MkvOperation operation, guint timeout_ms, guint expected_ms)
{
  g_autoptr (MkvCommand) command = mkv_test_command (operation, NULL, NULL, NULL);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autofree char *text = g_strdup_printf ("within %g s", expected_ms / 1000.0);
  GAsyncResult *place;

  if (operation == MKV_OPERATION_GET_MANY)
    mkv_command_add_key (command, "k");
  else if (operation == MKV_OPERATION_SET_MANY)
    mkv_command_add_pair (command, "k", value);
  else
    mkv_command_set_key (command, "k");
  mkv_command_set_value (command, value);
  call (asker, "silent", command, timeout_ms, NULL, &place);
  g_assert_false (mkv_test_advance_until (asker->world->clock, expected_ms * 1000 - 1, has_result, &place));
  /* No step of the wall clock counts. */
  mkv_manual_clock_set_time (asker->world->clock, WORLD_TIME + 1);
  g_assert_true (mkv_test_advance_until (asker->world->clock, 1, has_result, &place));
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_TIMEOUT, text);
}

static void
test_limits (void)
{
  g_autoptr (Asker) asker = asker_new ();

  g_test_summary ("A call ends after the time limit of its operation, or its own");
  for (MkvOperation operation = MKV_OPERATION_GET; operation <= MKV_OPERATION_INFO; operation++)
    {
      gboolean many = operation == MKV_OPERATION_GET_MANY || operation == MKV_OPERATION_SET_MANY ||
                      operation == MKV_OPERATION_LIST_KEYS;

      assert_limit (asker, operation, 0, many ? 20000 : operation == MKV_OPERATION_SYNC ? 30000 : 10000);
    }
  assert_limit (asker, MKV_OPERATION_GET, 250, 250);
  assert_limit (asker, MKV_OPERATION_GET, 60000, 60000);
}

static void
test_late (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "k", NULL);
  g_autoptr (MkvCommand) other = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "other", NULL);
  g_autoptr (MkvResponse) kept = NULL, again = NULL;
  GAsyncResult *place;

  g_test_summary ("An answer that comes late is kept, and answers the same call when it is made again");
  call (asker, "silent", incr, 0, NULL, &place);
  mkv_test_advance (asker->world->clock, 10 * G_USEC_PER_SEC);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_TIMEOUT, "“silent” did not answer INCR within 10 s");
  g_assert_null (mkv_correlator_look_up (asker->correlator, "id"));
  reply (asker, "id", "1");
  g_assert_cmpuint (count (asker, MKV_COUNTER_RESPONSES_LATE), ==, 1);
  kept = mkv_correlator_look_up (asker->correlator, "id");
  assert_ok (kept, "id", "1");
  call (asker, "silent", incr, 0, NULL, &place);
  again = finish (asker, &place, NULL);
  assert_ok (again, "id", "1");
  g_assert_cmpuint (asker->world->messages->len, ==, 0);

  call (asker, "silent", other, 0, NULL, &place);
  mkv_test_advance (asker->world->clock, 10 * G_USEC_PER_SEC);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_TIMEOUT, NULL);
  g_ptr_array_set_size (asker->world->messages, 0);
  call (asker, "node", incr, 0, NULL, &place);
  g_clear_pointer (&again, mkv_response_unref);
  again = finish (asker, &place, NULL);
  assert_ok (again, "id", "1");
}

static void
test_unknown (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (GBytes) garbage = mkv_test_bytes ("{}");
  g_autoptr (MkvMessage) message = mkv_message_new (WORLD_PREFIX "/asker/res", garbage);

  g_test_summary ("Answers that nobody waits for, or nobody understands, are counted");
  reply (asker, "never asked", "v");
  reply (asker, "", "v");
  mkv_loopback_broker_inject (asker->world->broker, message);
  mkv_test_iterate ();
  g_assert_cmpuint (count (asker, MKV_COUNTER_RESPONSES_UNKNOWN) + count (asker, MKV_COUNTER_DROPPED_MALFORMED), ==,
                    3);
  g_assert_null (mkv_correlator_look_up (asker->correlator, "never asked"));
}

static void
test_cancel (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  g_autoptr (MkvCommand) never = mkv_test_command (MKV_OPERATION_GET, "never", "k", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *place;

  g_test_summary ("A call can be cancelled; what still comes is a late answer");
  call (asker, "silent", get, 0, cancellable, &place);
  mkv_test_iterate ();
  g_assert_null (place);
  g_cancellable_cancel (cancellable);
  assert_fails (asker, &place, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
  reply (asker, "id", "v");
  g_assert_cmpuint (count (asker, MKV_COUNTER_RESPONSES_LATE), ==, 1);
  call (asker, "silent", never, 0, cancellable, &place);
  assert_fails (asker, &place, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
  g_assert_cmpuint (asker->world->messages->len, ==, 0);
}

static void
test_wrong (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  g_autoptr (MkvCommand) same = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  g_autoptr (MkvCommand) keyless = mkv_test_command (MKV_OPERATION_GET, "keyless", NULL, NULL);
  g_autoptr (MkvCommand) long_id = mkv_test_command (MKV_OPERATION_GET, NULL, "k", NULL);
  g_autofree char *sixty_five = g_strnfill (65, 'x');
  GAsyncResult *place, *first;

  g_test_summary ("What can't be asked fails at once");
  mkv_command_set_id (long_id, sixty_five);
  call (asker, "silent", keyless, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "key");
  call (asker, "silent", long_id, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "64");
  call (asker, "a/b", get, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, NULL);
  call (asker, "asker", get, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "itself");
  call (asker, "silent", get, 0, NULL, &first);
  call (asker, "silent", same, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "waits");
  g_assert_null (first);
  mkv_correlator_stop (asker->correlator);
  assert_fails (asker, &first, MKV_ERROR, MKV_ERROR_UNAVAILABLE, NULL);
}

static void
test_refused (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  GAsyncResult *place;

  g_test_summary ("A request that the broker refuses fails at once, with the reason");
  mkv_loopback_broker_set_reason (asker->world->broker, MKV_LOOPBACK_PUBLISH, "asker", NULL, 0x87);
  call (asker, "silent", get, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_FORBIDDEN, "silent");
  mkv_loopback_broker_clear_reasons (asker->world->broker);
}

static void
test_unheard (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  GAsyncResult *place;

  g_test_summary ("A time-out names the node, the broker, and that nobody listens, if that is so");
  call (asker, "nobody", get, 1000, NULL, &place);
  mkv_test_advance (asker->world->clock, G_USEC_PER_SEC);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_TIMEOUT,
                "Node “nobody” did not answer GET within 1 s through loopback://command");
}

static gboolean
asker_is_connected (gpointer user_data)
{
  return mkv_router_is_connected (((Asker *) user_data)->router);
}

static void
test_not_connected (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "id", "k", NULL);
  GAsyncResult *place;

  g_test_summary ("Without a connection a call fails at once and says why there is none");
  mkv_loopback_broker_cut (asker->world->broker, "asker");
  mkv_test_iterate ();
  call (asker, "node", get, 0, NULL, &place);
  assert_fails (asker, &place, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, "loopback://command");
  mkv_loopback_broker_heal (asker->world->broker, "asker");
}

static void
test_reconnect (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) response = NULL;
  GAsyncResult *place;

  g_test_summary ("A call waits over a lost connection, and gets the answer that the session kept");
  mkv_test_storage_let (MKV_TEST_STORAGE (asker->world->storage), FALSE);
  call (asker, "node", incr, 0, NULL, &place);
  mkv_test_iterate ();
  mkv_loopback_broker_cut (asker->world->broker, "asker");
  mkv_test_iterate ();
  mkv_test_storage_let (MKV_TEST_STORAGE (asker->world->storage), TRUE);
  mkv_message_unref (world_next_message (asker->world));
  g_assert_null (place);
  mkv_loopback_broker_heal (asker->world->broker, "asker");
  g_assert_true (mkv_test_advance_until (asker->world->clock, 5 * G_USEC_PER_SEC, asker_is_connected, asker));
  response = finish (asker, &place, NULL);
  assert_ok (response, "id", "1");
}

static gboolean
answer_is_lost (gpointer user_data)
{
  return world_count (((Asker *) user_data)->world, MKV_COUNTER_RESPONSES_NOT_SENT) == 1;
}

static void
test_resent (void)
{
  g_autoptr (Asker) asker = asker_new ();
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) response = NULL;
  GAsyncResult *place;

  g_test_summary ("Without the session the request is sent again, and counts once");
  mkv_test_storage_let (MKV_TEST_STORAGE (asker->world->storage), FALSE);
  call (asker, "node", incr, 0, NULL, &place);
  mkv_test_iterate ();
  mkv_loopback_broker_cut (asker->world->broker, NULL);
  mkv_loopback_broker_drop_sessions (asker->world->broker);
  mkv_test_iterate ();
  mkv_test_storage_let (MKV_TEST_STORAGE (asker->world->storage), TRUE);
  mkv_test_run_until (answer_is_lost, asker);
  mkv_loopback_broker_heal (asker->world->broker, "node");
  mkv_test_advance (asker->world->clock, 2 * G_USEC_PER_SEC);
  mkv_loopback_broker_heal (asker->world->broker, NULL);
  g_assert_true (mkv_test_advance_until (asker->world->clock, 5 * G_USEC_PER_SEC, asker_is_connected, asker));
  response = finish (asker, &place, NULL);
  g_assert_true (mkv_response_check (response, NULL));
  g_assert_true (mkv_response_get_replayed (response));
  g_assert_cmpmem (g_bytes_get_data (mkv_response_get_value (response), NULL),
                   g_bytes_get_size (mkv_response_get_value (response)), "1", 1);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/correlator/call", test_call);
  g_test_add_func ("/correlator/request", test_request);
  g_test_add_func ("/correlator/codec", test_codec);
  g_test_add_func ("/correlator/limits", test_limits);
  g_test_add_func ("/correlator/late", test_late);
  g_test_add_func ("/correlator/unknown", test_unknown);
  g_test_add_func ("/correlator/cancel", test_cancel);
  g_test_add_func ("/correlator/wrong", test_wrong);
  g_test_add_func ("/correlator/refused", test_refused);
  g_test_add_func ("/correlator/unheard", test_unheard);
  g_test_add_func ("/correlator/not-connected", test_not_connected);
  g_test_add_func ("/correlator/reconnect", test_reconnect);
  g_test_add_func ("/correlator/resent", test_resent);
  return g_test_run ();
}
