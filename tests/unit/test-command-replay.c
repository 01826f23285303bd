/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-command-world.h"

static MkvTestStorage *
storage (World *world)
{
  return MKV_TEST_STORAGE (world->storage);
}

static void
assert_value (World *world, const char *key, const char *expected)
{
  g_autoptr (GBytes) value = mkv_store_get (MKV_STORE (world->store), key, NULL, NULL);

  if (expected == NULL)
    g_assert_null (value);
  else
    {
      g_assert_nonnull (value);
      g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), expected, strlen (expected));
    }
}

static void
assert_replayed (MkvResponse *response, const char *id, const char *value)
{
  GBytes *bytes = mkv_response_get_value (response);

  g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
  g_assert_cmpint (mkv_response_get_error_code (response), ==, MKV_ERROR_CODE_IDEMPOTENT_REPLAY);
  g_assert_true (mkv_response_get_replayed (response));
  g_assert_true (mkv_response_check (response, NULL));
  g_assert_cmpstr (mkv_response_get_id (response), ==, id);
  if (value == NULL)
    g_assert_null (bytes);
  else
    g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), value, strlen (value));
}

static void
test_replay (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "i", "n", NULL);
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, "s", "k", "v");
  g_autoptr (MkvCommand) del = mkv_test_command (MKV_OPERATION_DELETE, "d", "k", NULL);
  g_autoptr (MkvCommand) append = mkv_test_command (MKV_OPERATION_APPEND, "a", "k", "x");
  g_autoptr (MkvCommand) mset = mkv_test_command (MKV_OPERATION_SET_MANY, "m", NULL, NULL);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  MkvCommand *commands[] = { incr, set, del, append, mset };

  g_test_summary ("A write that is asked for twice is done once, and answered twice");
  mkv_command_add_pair (mset, "y", value);
  mkv_command_add_pair (mset, "x", value);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      const char *id = mkv_command_get_id (commands[i]);
      g_autoptr (MkvResponse) first = world_ask (world, commands[i]);
      g_autoptr (MkvResponse) second = NULL, third = NULL;
      g_autofree char *octets = NULL;
      GBytes *kept = mkv_response_get_value (first);

      octets = kept != NULL ? g_strndup (g_bytes_get_data (kept, NULL), g_bytes_get_size (kept)) : NULL;
      assert_ok (first, id, octets);
      g_assert_false (mkv_response_get_replayed (first));
      mkv_manual_clock_advance (world->clock, G_USEC_PER_SEC);
      second = world_ask (world, commands[i]);
      assert_replayed (second, id, octets);
      g_assert_cmpint (mkv_response_get_timestamp (second), ==, mkv_response_get_timestamp (first));
      world->codec = world->codec == world->json ? world->cbor : world->json;
      third = world_ask (world, commands[i]);
      assert_replayed (third, id, octets);
      if (i == 4)
        {
          g_assert_cmpuint (mkv_response_get_results (third)->len, ==, 2);
          g_assert_cmpstr (mkv_result_get_key (mkv_response_get_results (third)->pdata[0]), ==, "x");
        }
    }
  assert_value (world, "n", "1");
  assert_value (world, "k", "x");
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS), ==, 5);
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_REPLAYED), ==, 10);
}

static void
test_reads (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "g", "k", NULL);
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, "g", "k", "v");
  g_autoptr (MkvResponse) before = NULL, done = NULL, after = NULL;

  g_test_summary ("Reads are never replayed");
  before = world_ask (world, get);
  assert_error (before, "g", MKV_ERROR_CODE_NOT_FOUND);
  done = world_ask (world, set);
  assert_ok (done, "g", NULL);
  after = world_ask (world, get);
  assert_ok (after, "g", "v");
}

static void
test_other_content (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) one = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvCommand) two = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) first = NULL, refused = NULL, elsewhere = NULL;

  g_test_summary ("A known id with other content is INVALID_REQUEST, unless the answer goes elsewhere");
  mkv_command_set_amount (two, 2);
  first = world_ask (world, one);
  assert_ok (first, "id", "1");
  refused = world_ask (world, two);
  assert_error (refused, "id", MKV_ERROR_CODE_INVALID_REQUEST);
  g_assert_false (mkv_response_get_replayed (refused));
  world_send (world, two, WORLD_PREFIX "/another/res");
  elsewhere = world_next (world);
  assert_ok (elsewhere, "id", "3");
}

static void
test_age (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) first = NULL, second = NULL, third = NULL;

  g_test_summary ("After ten minutes an id may be used again");
  first = world_ask (world, incr);
  assert_ok (first, "id", "1");
  mkv_test_advance (world->clock, 599 * G_USEC_PER_SEC);
  second = world_ask (world, incr);
  assert_replayed (second, "id", "1");
  mkv_test_advance (world->clock, 2 * G_USEC_PER_SEC);
  third = world_ask (world, incr);
  assert_ok (third, "id", "2");
}

static void
test_failed (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "k", NULL);
  g_autoptr (GBytes) text = mkv_test_bytes ("text"), number = mkv_test_bytes ("1");
  g_autoptr (MkvResponse) first = NULL, second = NULL, third = NULL;

  g_test_summary ("An answer that says what is wrong with the request is kept, for this run");
  mkv_store_set (MKV_STORE (world->store), "k", text, NULL, NULL);
  first = world_ask (world, incr);
  assert_error (first, "id", MKV_ERROR_CODE_INVALID_TYPE);
  g_assert_false (mkv_response_get_replayed (first));
  mkv_store_set (MKV_STORE (world->store), "k", number, NULL, NULL);
  second = world_ask (world, incr);
  assert_error (second, "id", MKV_ERROR_CODE_INVALID_TYPE);
  g_assert_true (mkv_response_get_replayed (second));
  assert_value (world, "k", "1");
  world_restart (world);
  third = world_ask (world, incr);
  assert_ok (third, "id", "2");
}

static void
test_unavailable (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvCommand) late = mkv_test_command (MKV_OPERATION_INCREMENT, "late", "n", NULL);
  g_autoptr (MkvResponse) failed = NULL, again = NULL, done = NULL, stopped = NULL;

  g_test_summary ("What may work the next time is not kept: UNAVAILABLE, INTERNAL_ERROR");
  mkv_test_storage_fail (storage (world), TRUE);
  failed = world_ask (world, incr);
  assert_error (failed, "id", MKV_ERROR_CODE_INTERNAL_ERROR);
  again = world_ask (world, incr);
  assert_error (again, "id", MKV_ERROR_CODE_INTERNAL_ERROR);
  g_assert_false (mkv_response_get_replayed (again));
  mkv_test_storage_fail (storage (world), FALSE);
  done = world_ask (world, incr);
  assert_ok (done, "id", "1");
  mkv_local_store_shut_down (world->store);
  stopped = world_ask (world, late);
  assert_error (stopped, "late", MKV_ERROR_CODE_UNAVAILABLE);
}

static gboolean
node_has_handled_all (gpointer user_data)
{
  World *world = user_data;

  return mkv_loopback_broker_get_waiting (world->broker, "node") == 0;
}

static void
test_executing (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) one = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvCommand) two = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) refused = NULL, answer = NULL;

  g_test_summary ("What comes twice while it is executed is answered once; its message is handled behind the commit");
  mkv_command_set_amount (two, 2);
  mkv_test_storage_let (storage (world), FALSE);
  world_send (world, one, "");
  world_send (world, one, "");
  world_send (world, one, "");
  world_send (world, two, "");
  refused = world_next (world);
  assert_error (refused, "id", MKV_ERROR_CODE_INVALID_REQUEST);
  mkv_test_iterate ();
  g_assert_cmpuint (world->messages->len, ==, 0);
  g_assert_cmpuint (mkv_loopback_broker_get_waiting (world->broker, "node"), ==, 1);
  mkv_test_storage_let (storage (world), TRUE);
  answer = world_next (world);
  assert_ok (answer, "id", "1");
  mkv_test_run_until (node_has_handled_all, world);
  world_assert_silence (world);
  assert_value (world, "n", "1");
  g_assert_cmpuint (world_count (world, MKV_COUNTER_COMMANDS_REPLAYED), ==, 2);
}

static void
test_restart (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvCommand) other = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "m", NULL);
  g_autoptr (MkvResponse) first = NULL, second = NULL, third = NULL, fourth = NULL;

  g_test_summary ("A redelivered INCR counts once, also across restarts");
  first = world_ask (world, incr);
  assert_ok (first, "id", "1");
  world_restart (world);
  second = world_ask (world, incr);
  assert_replayed (second, "id", "1");
  g_assert_cmpint (mkv_response_get_timestamp (second), ==, mkv_response_get_timestamp (first));
  world_restart (world);
  third = world_ask (world, other);
  assert_error (third, "id", MKV_ERROR_CODE_INVALID_REQUEST);
  assert_value (world, "n", "1");
  mkv_test_advance (world->clock, 601 * G_USEC_PER_SEC);
  world_restart (world);
  fourth = world_ask (world, incr);
  assert_ok (fourth, "id", "2");
}

static void
test_successor (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvCommand) get = mkv_test_command (MKV_OPERATION_GET, "get", "n", NULL);
  g_autoptr (MkvCommandProcessor) first = NULL;
  g_autoptr (MkvResponse) stopped = NULL, done = NULL, again = NULL;

  g_test_summary ("One that stops says UNAVAILABLE, and its successor knows what it still executes");
  mkv_test_storage_let (storage (world), FALSE);
  world_send (world, incr, "");
  mkv_test_iterate ();
  mkv_command_processor_stop (world->processor);
  stopped = world_ask (world, get);
  assert_error (stopped, "get", MKV_ERROR_CODE_UNAVAILABLE);

  first = g_steal_pointer (&world->processor);
  world->processor = mkv_command_processor_new (world->router, world->store, world->json, world->cbor,
                                                MKV_CLOCK (world->clock), world->observer);
  g_assert_true (mkv_command_processor_start (world->processor, NULL));
  world_send (world, incr, "");
  mkv_test_iterate ();
  g_assert_cmpuint (world->messages->len, ==, 0);
  mkv_test_storage_let (storage (world), TRUE);
  done = world_next (world);
  assert_ok (done, "id", "1");
  again = world_ask (world, incr);
  assert_replayed (again, "id", "1");
  assert_value (world, "n", "1");
}

static gboolean
node_is_connected (gpointer user_data)
{
  World *world = user_data;

  return mkv_router_is_connected (world->router);
}

static gboolean
work_is_done (gpointer user_data)
{
  World *world = user_data;

  return world_count (world, MKV_COUNTER_RESPONSES_NOT_SENT) == 1;
}

static void
test_redelivery (void)
{
  g_autoptr (World) world = world_new (0);
  g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, "id", "n", NULL);
  g_autoptr (MkvResponse) answer = NULL;

  g_test_summary ("A command whose answer was lost with the connection comes again, and is answered then");
  mkv_test_storage_let (storage (world), FALSE);
  world_send (world, incr, "");
  mkv_test_iterate ();
  mkv_loopback_broker_cut (world->broker, "node");
  mkv_test_iterate ();
  mkv_test_storage_let (storage (world), TRUE);
  mkv_test_run_until (work_is_done, world);
  g_assert_cmpuint (world->messages->len, ==, 0);
  mkv_loopback_broker_heal (world->broker, "node");
  g_assert_true (mkv_test_advance_until (world->clock, 60 * G_USEC_PER_SEC, node_is_connected, world));
  answer = world_next (world);
  assert_replayed (answer, "id", "1");
  mkv_test_run_until (node_has_handled_all, world);
  assert_value (world, "n", "1");
}

static void
test_many_at_once (void)
{
  g_autoptr (World) world = world_new (0);
  guint n_done = 0, n_limited = 0;

  g_test_summary ("Beyond 256 writes at once a node says RATE_LIMITED");
  mkv_test_storage_let (storage (world), FALSE);
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);
      g_autoptr (MkvCommand) incr = mkv_test_command (MKV_OPERATION_INCREMENT, id, "n", NULL);

      world_send (world, incr, "");
      mkv_test_iterate ();
    }
  n_limited = world->messages->len;
  for (guint i = 0; i < n_limited; i++)
    {
      g_autoptr (MkvResponse) response = world_next (world);

      assert_error (response, mkv_response_get_id (response), MKV_ERROR_CODE_RATE_LIMITED);
    }
  mkv_test_storage_let (storage (world), TRUE);
  for (; n_done < 300 - n_limited; n_done++)
    {
      g_autoptr (MkvResponse) response = world_next (world);

      g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
    }
  g_assert_cmpuint (n_limited, ==, 44);
  world_assert_silence (world);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/command-replay/replay", test_replay);
  g_test_add_func ("/command-replay/reads", test_reads);
  g_test_add_func ("/command-replay/other-content", test_other_content);
  g_test_add_func ("/command-replay/age", test_age);
  g_test_add_func ("/command-replay/failed", test_failed);
  g_test_add_func ("/command-replay/unavailable", test_unavailable);
  g_test_add_func ("/command-replay/executing", test_executing);
  g_test_add_func ("/command-replay/restart", test_restart);
  g_test_add_func ("/command-replay/successor", test_successor);
  g_test_add_func ("/command-replay/redelivery", test_redelivery);
  g_test_add_func ("/command-replay/many-at-once", test_many_at_once);
  return g_test_run ();
}
