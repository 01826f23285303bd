/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-loopback-broker.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "mkv-transport-loopback.h"
#include "node/mkv-node.h"

#define NOW G_GINT64_CONSTANT (1700000000000)
#define BROKER "loopback://node-sleep"
#define EVENTS "merkle_kv_mobile/replication/events"

/* Opening and closing are threads: the real clock runs, and the manual one along. */
#define REAL_STEP 200 /* us */
#define STEP 10000    /* us */
#define LIMIT (10 * G_USEC_PER_SEC)

typedef struct
{
  MkvManualClock *clock;
  MkvPluginRegistry *registry;
  MkvLoopbackBroker *broker;
  MkvNode *a, *b;
} World;

static gboolean
run_until (World *w, MkvTestCondition condition, gpointer user_data)
{
  gint64 end = g_get_monotonic_time () + LIMIT;

  while (!condition (user_data))
    {
      gint64 next;

      if (g_get_monotonic_time () > end)
        return FALSE;
      g_usleep (REAL_STEP);
      mkv_test_iterate ();
      if (condition (user_data))
        break;
      next = mkv_manual_clock_get_next_delay (w->clock);
      mkv_manual_clock_advance (w->clock, next > 0 ? MIN (next, STEP) : STEP);
      mkv_test_iterate ();
    }
  return TRUE;
}

static gboolean
has_result (gpointer user_data)
{
  return *(GAsyncResult **) user_data != NULL;
}

static gboolean
is_online (gpointer user_data)
{
  return mkv_node_get_state (user_data) == MKV_NODE_ONLINE;
}

static gboolean
is_in_sync (gpointer user_data)
{
  return mkv_node_is_in_sync (user_data);
}

static MkvNode *
start_node (World *w, const char *id, const char *broker)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  MkvNode *node;

  g_assert_true (mkv_config_set (config, "node.client-id", id, NULL));
  g_assert_true (mkv_config_set (config, "storage.backend", "memory", NULL));
  g_assert_true (mkv_config_set (config, "transport.backend", "loopback", NULL));
  g_assert_true (mkv_config_set (config, "transport.broker", broker, NULL));
  node = mkv_node_new_full (config, w->registry, MKV_CLOCK (w->clock));
  mkv_node_start_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  mkv_node_start_finish (node, result, &error);
  g_assert_no_error (error);
  if (*broker != 0)
    g_assert_true (run_until (w, is_online, node));
  return node;
}

static void
stop (World *w, MkvNode *node)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mkv_node_stop_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  mkv_node_stop_finish (node, result, &error);
  g_assert_no_error (error);
}

static void
stop_node (World *w, MkvNode *node)
{
  stop (w, node);
  mkv_test_iterate ();
  g_assert_finalize_object (node);
}

static void
set_up (World *w, gconstpointer data)
{
  w->clock = mkv_manual_clock_new (NOW);
  w->registry = mkv_plugin_registry_new ();
  w->broker = mkv_loopback_broker_get (BROKER);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_TRANSPORT, "loopback", MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "json", MKV_TYPE_CODEC_JSON, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "cbor", MKV_TYPE_CODEC_CBOR, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "locked-spec", MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  w->a = start_node (w, "a", BROKER);
  w->b = start_node (w, "b", BROKER);
}

static void
tear_down (World *w, gconstpointer data)
{
  stop_node (w, w->a);
  stop_node (w, w->b);
  mkv_test_iterate ();
  g_object_unref (w->registry);
  g_assert_finalize_object (w->broker);
  g_object_unref (w->clock);
}

static void
set (MkvNode *node, const char *key, const char *text)
{
  g_autoptr (GBytes) value = mkv_test_bytes (text);
  g_autoptr (GError) error = NULL;

  mkv_store_set (mkv_node_get_store (node), key, value, NULL, &error);
  g_assert_no_error (error);
}

static void
expect (MkvNode *node, const char *key, const char *text)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (mkv_node_get_store (node), key, NULL, NULL);
  g_autofree char *found = entry != NULL ? mkv_entry_dup_text (entry) : NULL;

  g_assert_cmpstr (found, ==, text);
}

typedef struct
{
  MkvNode *node;
  const char *key;
} Wanted;

static gboolean
is_there (gpointer user_data)
{
  Wanted *wanted = user_data;
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (mkv_node_get_store (wanted->node), wanted->key, NULL, NULL);

  return entry != NULL;
}

static void
wait_for (World *w, MkvNode *node, const char *key)
{
  Wanted wanted = { node, key };

  if (!run_until (w, is_there, &wanted))
    g_error ("%s did not get %s", mkv_node_get_client_id (node), key);
}

/* Says how long that took, in us of the manual clock. */
static gint64
fall_asleep (World *w, MkvNode *node)
{
  gint64 begin = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock));
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mkv_node_sleep_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  mkv_node_sleep_finish (node, result, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_node_get_state (node), ==, MKV_NODE_OFFLINE);
  return mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) - begin;
}

/* As test_sync() of test-node.c: no event comes to anybody. */
static void
lose_events (World *w)
{
  mkv_loopback_broker_set_reason (w->broker, MKV_LOOPBACK_RECEIVE, NULL, EVENTS, 0x80);
}

static void
test_night (World *w, gconstpointer data)
{
  g_test_summary ("What a node wrote last is out before it sleeps; it works while it does, and gets all when it wakes");
  set (w->a, "last", "1");
  g_assert_cmpint (fall_asleep (w, w->a), <, 5 * G_USEC_PER_SEC);
  g_assert_false (mkv_loopback_broker_is_connected (w->broker, "a"));
  wait_for (w, w->b, "last");

  set (w->b, "meanwhile", "2");
  set (w->a, "dream", "3");
  mkv_test_advance (w->clock, 30 * G_USEC_PER_SEC);
  g_assert_cmpint (mkv_node_get_state (w->a), ==, MKV_NODE_OFFLINE);
  g_assert_cmpint (mkv_node_get_health (w->a), ==, MKV_HEALTH_OK);
  expect (w->a, "meanwhile", NULL);

  mkv_node_wake (w->a);
  g_assert_true (run_until (w, is_online, w->a));
  wait_for (w, w->a, "meanwhile");
  wait_for (w, w->b, "dream");
}

static void
count_peers (MkvNode *node, guint *n)
{
  g_autoptr (GVariant) peers = mkv_node_list_peers (node);

  *n = (guint) g_variant_n_children (peers);
}

static void
test_compare (World *w, gconstpointer data)
{
  guint n_peers = 99;

  g_test_summary ("A node gets what no event brought before it sleeps, and after it has woken; it tells of its peers");
  g_signal_connect (w->a, "peers-changed", G_CALLBACK (count_peers), &n_peers);
  lose_events (w);
  set (w->b, "first", "1");
  /* b is told of, and nobody compares while something has just changed. */
  mkv_test_advance (w->clock, 3 * G_USEC_PER_SEC);
  g_assert_cmpint (fall_asleep (w, w->a), <, 2 * G_USEC_PER_SEC);
  expect (w->a, "first", "1");
  g_assert_cmpuint (n_peers, ==, 0);

  set (w->b, "second", "2");
  mkv_test_advance (w->clock, 3 * G_USEC_PER_SEC);
  mkv_node_wake (w->a);
  wait_for (w, w->a, "second");
  g_assert_true (run_until (w, is_in_sync, w->a));
  mkv_test_iterate ();
  g_assert_cmpuint (n_peers, ==, 1);
  g_signal_handlers_disconnect_by_data (w->a, &n_peers);
}

static void
test_limits (World *w, gconstpointer data)
{
  MkvNode *alone = start_node (w, "alone", "");
  g_autoptr (MkvNode) stopped = NULL;
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Who is alone sleeps at once, who is not heard soon; a node that does not run says so");
  g_assert_cmpint (fall_asleep (w, alone), <=, STEP);
  mkv_node_wake (alone);
  g_assert_cmpint (mkv_node_get_state (alone), ==, MKV_NODE_OFFLINE);
  stop_node (w, alone);

  g_assert_true (run_until (w, is_in_sync, w->a));
  lose_events (w);
  set (w->a, "first", "1");
  mkv_loopback_broker_cut (w->broker, "b");
  g_assert_cmpint (fall_asleep (w, w->a), <=, 2 * G_USEC_PER_SEC);

  stopped = mkv_node_new_full (config, w->registry, MKV_CLOCK (w->clock));
  mkv_node_wake (stopped);
  mkv_node_sleep_async (stopped, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  g_assert_false (mkv_node_sleep_finish (stopped, result, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
}

static void
test_restless (World *w, gconstpointer data)
{
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A node that is woken before it slept, twice told to, or stopped meanwhile comes to no harm");
  mkv_node_wake (w->a);
  g_assert_cmpint (mkv_node_get_state (w->a), ==, MKV_NODE_CONNECTING);
  g_assert_true (run_until (w, is_online, w->a));

  mkv_node_sleep_async (w->a, NULL, mkv_test_store_result, &first);
  mkv_node_sleep_async (w->a, NULL, mkv_test_store_result, &second);
  mkv_node_wake (w->a);
  g_assert_true (run_until (w, has_result, &first));
  g_assert_true (run_until (w, has_result, &second));
  g_assert_true (mkv_node_sleep_finish (w->a, first, &error));
  g_assert_true (run_until (w, is_online, w->a));
  set (w->a, "first", "1");
  wait_for (w, w->b, "first");

  g_clear_object (&first);
  lose_events (w);
  set (w->b, "second", "2");
  mkv_test_advance (w->clock, 3 * G_USEC_PER_SEC);
  mkv_node_sleep_async (w->b, NULL, mkv_test_store_result, &first);
  stop (w, w->b);
  g_assert_true (run_until (w, has_result, &first));
  g_clear_object (&first);
  g_object_unref (w->b);
  w->b = start_node (w, "b", BROKER);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
#define ADD(name, func) g_test_add ("/node-sleep/" name, World, NULL, set_up, func, tear_down)
  ADD ("night", test_night);
  ADD ("compare", test_compare);
  ADD ("limits", test_limits);
  ADD ("restless", test_restless);
  return g_test_run ();
}
