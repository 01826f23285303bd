/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-plugin-error.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-loopback-broker.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "mkv-transport-loopback.h"
#include "node/mkv-node.h"

#define NOW G_GINT64_CONSTANT (1700000000000)
#define BROKER "loopback://node"
#define OTHER_BROKER "loopback://other"

/* Opening, closing and the store's worker are threads: the real clock runs, and the manual one along, in steps. */
#define REAL_STEP 200 /* us */
#define STEP 10000    /* us */
#define LIMIT (10 * G_USEC_PER_SEC)

typedef struct
{
  MkvManualClock *clock;
  MkvPluginRegistry *registry;
  MkvLoopbackBroker *broker;
  MkvLoopbackBroker *other_broker;
} World;

static void
set_up (World *w, gconstpointer data)
{
  w->clock = mkv_manual_clock_new (NOW);
  w->registry = mkv_plugin_registry_new ();
  w->broker = mkv_loopback_broker_get (BROKER);
  w->other_broker = mkv_loopback_broker_get (OTHER_BROKER);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_TRANSPORT, "loopback", MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "json", MKV_TYPE_CODEC_JSON, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "cbor", MKV_TYPE_CODEC_CBOR, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "locked-spec", MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
}

static void
tear_down (World *w, gconstpointer data)
{
  mkv_test_iterate ();
  g_object_unref (w->registry);
  g_assert_finalize_object (w->broker);
  g_assert_finalize_object (w->other_broker);
  g_object_unref (w->clock);
}

static gboolean
run_until (World *w, MkvTestCondition condition, gpointer user_data)
{
  gint64 end = g_get_monotonic_time () + LIMIT;

  while (!condition (user_data))
    {
      gint64 next;

      if (g_get_monotonic_time () > end)
        return FALSE;
      mkv_test_iterate ();
      if (condition (user_data))
        break;
      g_usleep (REAL_STEP);
      mkv_test_iterate ();
      next = mkv_manual_clock_get_next_delay (w->clock);
      mkv_manual_clock_advance (w->clock, next > 0 ? MIN (next, STEP) : STEP);
    }
  return TRUE;
}

static gboolean
has_result (gpointer user_data)
{
  return *(GAsyncResult **) user_data != NULL;
}

static MkvConfig *
make_config (const char *id, const char *more)
{
  MkvConfig *config = mkv_config_new ();
  g_autofree char *all = g_strdup_printf ("node.client-id=%s storage.backend=memory transport.backend=loopback "
                                          "transport.broker=" BROKER " %s", id, more);
  g_auto (GStrv) settings = g_strsplit (all, " ", -1);

  for (guint i = 0; settings[i] != NULL; i++)
    {
      g_auto (GStrv) halves = g_strsplit (settings[i], "=", 2);
      g_autoptr (GError) error = NULL;

      if (halves[0] != NULL)
        mkv_config_set (config, halves[0], halves[1], &error);
      g_assert_no_error (error);
    }
  return config;
}

static MkvNode *
make_node (World *w, const char *id, const char *more)
{
  g_autoptr (MkvConfig) config = make_config (id, more);

  return mkv_node_new_full (config, w->registry, MKV_CLOCK (w->clock));
}

static gboolean
start (World *w, MkvNode *node, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_start_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  return mkv_node_start_finish (node, result, error);
}

static gboolean
is_online (gpointer user_data)
{
  return mkv_node_get_state (user_data) == MKV_NODE_ONLINE;
}

static gboolean
is_offline (gpointer user_data)
{
  return mkv_node_get_state (user_data) == MKV_NODE_OFFLINE;
}

static MkvNode *
start_node (World *w, const char *id, const char *more)
{
  MkvNode *node = make_node (w, id, more);
  g_autoptr (GError) error = NULL;

  start (w, node, &error);
  g_assert_no_error (error);
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
  g_assert_cmpint (mkv_node_get_state (node), ==, MKV_NODE_STOPPED);
}

static void
stop_node (World *w, MkvNode *node)
{
  stop (w, node);
  mkv_test_iterate ();
  g_assert_finalize_object (node);
}

static void
set (MkvNode *node, const char *key, const char *text)
{
  g_autoptr (GBytes) value = mkv_test_bytes (text);
  g_autoptr (GError) error = NULL;

  mkv_store_set (mkv_node_get_store (node), key, value, NULL, &error);
  g_assert_no_error (error);
}

static char *
get (MkvNode *node, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (mkv_node_get_store (node), key, NULL, NULL);

  return entry != NULL ? mkv_entry_dup_text (entry) : NULL;
}

typedef struct
{
  MkvNode *node;
  const char *key;
  const char *text; /* NULL for nothing there */
} Expected;

static gboolean
is_there (gpointer user_data)
{
  Expected *expected = user_data;
  g_autofree char *text = get (expected->node, expected->key);

  return g_strcmp0 (text, expected->text) == 0;
}

static void
wait_for (World *w, MkvNode *node, const char *key, const char *text)
{
  Expected expected = { node, key, text };

  if (!run_until (w, is_there, &expected))
    g_error ("%s does not have %s = %s", mkv_node_get_client_id (node), key, text);
}

static char *
get_condition (MkvNode *node, const char *name)
{
  g_auto (GStrv) conditions = mkv_node_list_conditions (node);
  g_autofree char *start_text = g_strconcat (name, ": ", NULL);

  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], start_text))
      return g_strdup (conditions[i] + strlen (start_text));
  return NULL;
}

static MkvResponse *
call (World *w, MkvNode *node, const char *other, MkvCommand *command, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_call_async (node, other, command, 0, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  return mkv_node_call_finish (node, result, error);
}

static char **
reload (MkvNode *node, const char *id, const char *more)
{
  g_autoptr (MkvConfig) config = make_config (id, more);
  g_autoptr (GError) error = NULL;
  char **need_restart = NULL;

  mkv_node_reload (node, config, &need_restart, &error);
  g_assert_no_error (error);
  return need_restart;
}

static void
test_converge (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  MkvNode *a, *b;

  g_test_summary ("What is written at one node is read at the other, both ways, deletions too");
  a = start_node (w, "a", "");
  b = start_node (w, "b", "replication.codec=json");
  set (a, "colour", "green");
  wait_for (w, b, "colour", "green");
  set (b, "colour", "blue");
  wait_for (w, a, "colour", "blue");
  mkv_store_delete (mkv_node_get_store (a), "colour", NULL, &error);
  g_assert_no_error (error);
  wait_for (w, b, "colour", NULL);
  g_assert_cmpint (mkv_node_get_health (a), ==, MKV_HEALTH_OK);
  g_assert_cmpint (mkv_node_get_health (b), ==, MKV_HEALTH_OK);
  stop_node (w, a);
  stop_node (w, b);
}

static void
count (GObject *object, GParamSpec *pspec, guint *n)
{
  ++*n;
}

static void
test_alone (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) command = mkv_command_new (MKV_OPERATION_PING);
  g_autoptr (MkvNode) a = make_node (w, "a", "transport.broker=");
  g_autoptr (MkvNode) b = make_node (w, "b", "transport.backend=none");
  g_autofree char *text = NULL;
  guint n_states = 0;

  g_test_summary ("Without a broker a node works alone, and is well");
  g_assert_null (mkv_node_get_store (a));
  g_signal_connect (a, "notify::state", G_CALLBACK (count), &n_states);
  start (w, a, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_node_get_state (a), ==, MKV_NODE_OFFLINE);
  g_assert_cmpuint (n_states, ==, 2);
  g_assert_cmpint (mkv_node_get_health (a), ==, MKV_HEALTH_OK);
  set (a, "colour", "green");
  text = get (a, "colour");
  g_assert_cmpstr (text, ==, "green");
  g_assert_null (call (w, a, "b", command, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  start (w, b, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_node_get_state (b), ==, MKV_NODE_OFFLINE);
  stop (w, a);
  stop (w, b);
}

static void
test_offline_start (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *condition = NULL;
  MkvNode *a, *b = start_node (w, "b", "");

  g_test_summary ("A node starts without a connection; what it writes arrives when there is one");
  mkv_loopback_broker_cut (w->broker, "a");
  a = make_node (w, "a", "");
  start (w, a, &error);
  g_assert_no_error (error);
  g_assert_true (run_until (w, is_offline, a));
  condition = get_condition (a, "transport");
  g_assert_nonnull (condition);
  g_assert_cmpint (mkv_node_get_health (a), ==, MKV_HEALTH_DEGRADED);
  set (a, "colour", "green");
  mkv_loopback_broker_heal (w->broker, "a");
  wait_for (w, b, "colour", "green");
  g_assert_cmpint (mkv_node_get_state (a), ==, MKV_NODE_ONLINE);
  g_assert_cmpint (mkv_node_get_health (a), ==, MKV_HEALTH_OK);
  stop_node (w, a);
  stop_node (w, b);
}

static void
test_call (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) increment = mkv_command_new (MKV_OPERATION_INCREMENT);
  g_autoptr (MkvCommand) info = mkv_command_new (MKV_OPERATION_INFO);
  g_autoptr (MkvCommand) sync = mkv_command_new (MKV_OPERATION_SYNC);
  g_autoptr (MkvCommand) ping = mkv_command_new (MKV_OPERATION_PING);
  g_autoptr (MkvResponse) response = NULL;
  g_autofree char *text = NULL;
  const char *word;
  MkvNode *a = start_node (w, "a", "commands.codec=cbor"), *b = start_node (w, "b", "node.node-id=writer");

  g_test_summary ("One node asks another: to count, how it is, to synchronize");
  mkv_command_set_key (increment, "n");
  mkv_command_set_amount (increment, 5);
  response = call (w, a, "b", increment, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
  text = get (b, "n");
  g_assert_cmpstr (text, ==, "5");
  g_clear_pointer (&response, mkv_response_unref);

  response = call (w, a, "b", info, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_lookup (mkv_response_get_info (response), "state", "&s", &word));
  g_assert_cmpstr (word, ==, "online");
  g_assert_true (g_variant_lookup (mkv_response_get_info (response), "health", "&s", &word));
  g_assert_cmpstr (word, ==, "ok");
  g_assert_true (g_variant_lookup (mkv_response_get_info (response), "node_id", "&s", &word));
  g_assert_cmpstr (word, ==, "writer");
  g_assert_true (g_variant_lookup (mkv_response_get_info (response), "root", "&s", &word));
  g_assert_cmpuint (strlen (word), ==, 2 * MKV_DIGEST_BYTES);
  g_clear_pointer (&response, mkv_response_unref);

  response = call (w, a, "b", sync, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
  g_clear_pointer (&response, mkv_response_unref);

  g_assert_null (call (w, a, "nobody", ping, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TIMEOUT);
  stop_node (w, a);
  stop_node (w, b);
}

static void
on_sync_started (MkvNode *node, const char *client_id, gboolean starter, GString *told)
{
  g_string_append_printf (told, "%s %s, ", client_id, starter ? "asked" : "asks");
}

static void
on_sync_progress (MkvNode *node, const char *client_id, guint64 n_changed, GString *told)
{
  g_string_append_printf (told, "%s %" G_GUINT64_FORMAT ", ", client_id, n_changed);
}

static void
on_sync_ended (MkvNode *node, const char *client_id, guint64 n_changed, gboolean equal, gpointer user_data)
{
  if (equal && g_str_equal (client_id, "b"))
    *(guint64 *) user_data += n_changed;
}

static gboolean
is_in_sync (gpointer user_data)
{
  return mkv_node_is_in_sync (user_data);
}

static gint64
synchronize (World *w, MkvNode *node, const char *peer, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_sync_async (node, peer, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (w, has_result, &result));
  return mkv_node_sync_finish (node, result, error);
}

static void
test_sync (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) peers = NULL, peer = NULL;
  g_autofree char *text = NULL;
  const char *name;
  guint64 n_ended = 0;
  gboolean equal;
  g_autoptr (GString) told = g_string_new (NULL);
  MkvNode *a = start_node (w, "a", ""), *b = start_node (w, "b", "replication.codec=json"), *c;

  g_test_summary ("A node gets from another what no event brought, and tells of it; without anti-entropy it says so");
  g_signal_connect (a, "sync-ended", G_CALLBACK (on_sync_ended), &n_ended);
  g_signal_connect (a, "sync-started", G_CALLBACK (on_sync_started), told);
  g_signal_connect (a, "sync-progress", G_CALLBACK (on_sync_progress), told);
  mkv_loopback_broker_set_reason (w->broker, MKV_LOOPBACK_RECEIVE, NULL, "merkle_kv_mobile/replication/events", 0x80);
  set (b, "first", "1");
  set (b, "second", "2");
  mkv_manual_clock_advance (w->clock, 3 * G_USEC_PER_SEC);
  mkv_test_iterate ();
  g_assert_false (mkv_node_is_in_sync (b));
  g_assert_cmpint (synchronize (w, a, "b", &error), ==, 2);
  g_assert_no_error (error);
  g_assert_cmpuint (n_ended, ==, 2);
  g_assert_true (g_str_has_prefix (told->str, "b asked, b "));
  g_assert_true (g_str_has_suffix (told->str, "b 2, "));
  g_signal_handlers_disconnect_by_data (a, told);
  text = get (a, "second");
  g_assert_cmpstr (text, ==, "2");
  g_assert_true (run_until (w, is_in_sync, a));
  peers = mkv_node_list_peers (a);
  g_assert_cmpuint (g_variant_n_children (peers), ==, 1);
  peer = g_variant_get_child_value (peers, 0);
  g_assert_true (g_variant_lookup (peer, "client_id", "&s", &name));
  g_assert_cmpstr (name, ==, "b");
  g_assert_true (g_variant_lookup (peer, "equal", "b", &equal));
  g_assert_true (equal);

  set (a, "third", "3");
  g_assert_false (mkv_node_is_in_sync (a));
  g_assert_cmpint (synchronize (w, a, "nobody", &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TIMEOUT);
  g_clear_error (&error);

  c = start_node (w, "c", "antientropy.enabled=false");
  g_assert_cmpint (synchronize (w, c, NULL, &error), ==, -1);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  stop_node (w, a);
  stop_node (w, b);
  stop_node (w, c);
}

static void
test_reload (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) first = mkv_command_new (MKV_OPERATION_PING);
  g_autoptr (MkvCommand) second = mkv_command_new (MKV_OPERATION_PING);
  g_autoptr (MkvResponse) response = NULL;
  g_auto (GStrv) need_restart = NULL;
  g_autofree char *restart = NULL;
  MkvNode *a = start_node (w, "a", ""), *b = start_node (w, "b", "");

  g_test_summary ("A reload changes who may give commands at once, and says what it can't change");
  response = call (w, a, "b", first, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
  g_clear_pointer (&response, mkv_response_unref);
  need_restart = reload (b, "b", "commands.access=deny node.node-id=other storage.path=/elsewhere");
  restart = g_strjoinv (" ", need_restart);
  g_assert_cmpstr (restart, ==, "node.node-id storage.path");
  g_assert_cmpstr (mkv_node_get_node_id (b), ==, "b");
  g_assert_cmpint (mkv_node_get_state (b), ==, MKV_NODE_ONLINE);
  response = call (w, a, "b", second, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_response_get_error_code (response), ==, MKV_ERROR_CODE_FORBIDDEN);
  set (b, "colour", "green");
  wait_for (w, a, "colour", "green");
  stop_node (w, a);
  stop_node (w, b);
}

/* Waits until the node has its subscriptions at its new broker, too. */
static void
reload_and_wait (World *w, MkvNode *node, const char *id, const char *more)
{
  g_strfreev (reload (node, id, more));
  g_assert_cmpint (mkv_node_get_state (node), ==, MKV_NODE_CONNECTING);
  g_assert_true (run_until (w, is_online, node));
  mkv_test_advance (w->clock, 100 * 1000);
}

static void
test_swap (World *w, gconstpointer data)
{
  MkvNode *a = start_node (w, "a", ""), *b = start_node (w, "b", "");
  gint64 begin;

  g_test_summary ("Another broker, another prefix or none: no write is lost on the way, or late");
  reload_and_wait (w, b, "b", "transport.broker=" OTHER_BROKER);
  g_strfreev (reload (a, "a", "transport.broker=" OTHER_BROKER));
  set (a, "one", "1");
  wait_for (w, b, "one", "1");
  /* a may have published before its subscriptions had arrived. */
  mkv_test_advance (w->clock, 100 * 1000);
  begin = mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock));
  set (b, "two", "2");
  wait_for (w, a, "two", "2");
  /* Not only with the next round of the outbox. */
  g_assert_cmpint (mkv_clock_get_monotonic_time (MKV_CLOCK (w->clock)) - begin, <, G_USEC_PER_SEC);

  /* Several in a row: the last one counts. */
  reload_and_wait (w, b, "b", "node.topic-prefix=second");
  g_strfreev (reload (a, "a", "node.topic-prefix=first"));
  g_strfreev (reload (a, "a", "transport.broker="));
  g_strfreev (reload (a, "a", "node.topic-prefix=second"));
  set (a, "three", "3");
  wait_for (w, b, "three", "3");

  g_strfreev (reload (a, "a", "transport.broker="));
  g_assert_true (run_until (w, is_offline, a));
  set (a, "four", "4");
  g_strfreev (reload (a, "a", "node.topic-prefix=second"));
  set (a, "five", "5");
  wait_for (w, b, "four", "4");
  wait_for (w, b, "five", "5");

  /* A node that is stopped meanwhile stops. */
  g_strfreev (reload (a, "a", ""));
  stop_node (w, a);
  stop_node (w, b);
}

static void
test_flush (World *w, gconstpointer data)
{
  MkvNode *a = start_node (w, "a", "replication.batch-interval-ms=60000"), *b = start_node (w, "b", "");
  g_autofree char *text = NULL;

  g_test_summary ("A node that stops sends what waits");
  set (a, "colour", "green");
  stop_node (w, a);
  wait_for (w, b, "colour", "green");
  stop_node (w, b);
}

static void
test_replication_off (World *w, gconstpointer data)
{
  MkvNode *a = start_node (w, "a", "replication.enabled=false"), *b = start_node (w, "b", "");
  g_autofree char *text = NULL;

  g_test_summary ("With replication off nothing comes or goes; turned on, it begins");
  set (a, "mine", "1");
  set (b, "yours", "1");
  mkv_manual_clock_advance (w->clock, G_USEC_PER_SEC);
  mkv_test_iterate ();
  g_strfreev (reload (a, "a", ""));
  set (b, "yours", "2");
  set (a, "own", "2");
  wait_for (w, b, "own", "2");
  text = get (b, "mine");
  g_assert_null (text);
  stop_node (w, a);
  stop_node (w, b);
}

static void
test_stop_while_starting (World *w, gconstpointer data)
{
  g_autoptr (MkvNode) node = make_node (w, "a", "");
  g_autoptr (GAsyncResult) started = NULL, stopped = NULL, again = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A node that is stopped while it opens its storage, or connects, stops");
  mkv_node_start_async (node, NULL, mkv_test_store_result, &started);
  mkv_node_start_async (node, NULL, mkv_test_store_result, &again);
  mkv_node_stop_async (node, NULL, mkv_test_store_result, &stopped);
  g_assert_true (run_until (w, has_result, &stopped));
  g_assert_true (run_until (w, has_result, &started));
  g_assert_true (run_until (w, has_result, &again));
  g_assert_false (mkv_node_start_finish (node, started, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_false (mkv_node_start_finish (node, again, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_true (mkv_node_stop_finish (node, stopped, &error));
  g_assert_no_error (error);

  mkv_loopback_broker_set_delay (w->broker, 5 * G_USEC_PER_SEC, 5 * G_USEC_PER_SEC);
  start (w, node, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mkv_node_get_state (node), ==, MKV_NODE_CONNECTING);
  stop (w, node);
  mkv_loopback_broker_set_delay (w->broker, 0, 0);

  /* And it can start again. */
  start (w, node, &error);
  g_assert_no_error (error);
  g_assert_true (run_until (w, is_online, node));
  stop (w, node);
}

static void
test_wrong_settings (World *w, gconstpointer data)
{
  g_autoptr (MkvNode) a = make_node (w, "a", "storage.backend=nonsense");
  g_autoptr (MkvNode) b = make_node (w, "b", "transport.backend=nonsense");
  g_autoptr (MkvNode) c = make_node (w, "c", "transport.broker=mqtt://localhost");
  g_autoptr (GError) error = NULL;

  g_test_summary ("A plugin that is not there, and settings that a transport can't use, end the start");
  g_assert_false (start (w, a, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_cmpint (mkv_node_get_state (a), ==, MKV_NODE_STOPPED);
  g_assert_false (start (w, b, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_cmpint (mkv_node_get_state (b), ==, MKV_NODE_STOPPED);
  g_assert_false (start (w, c, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_cmpint (mkv_node_get_state (c), ==, MKV_NODE_STOPPED);
}

static void
test_wrong_reload (World *w, gconstpointer data)
{
  MkvNode *a = start_node (w, "a", ""), *b = start_node (w, "b", "");
  g_autofree char *condition = NULL;

  g_test_summary ("Settings of the transport that can't work leave the old ones in use, and say so");
  g_strfreev (reload (a, "a", "transport.broker=mqtt://localhost"));
  set (a, "colour", "green");
  wait_for (w, b, "colour", "green");
  condition = get_condition (a, "settings");
  g_assert_nonnull (condition);
  g_strfreev (reload (a, "a", "transport.keep-alive=30"));
  set (a, "colour", "blue");
  wait_for (w, b, "colour", "blue");
  g_clear_pointer (&condition, g_free);
  condition = get_condition (a, "settings");
  g_assert_null (condition);
  stop_node (w, a);
  stop_node (w, b);
}

static void
test_memory_only (World *w, gconstpointer data)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (MkvNode) node = mkv_node_new_full (config, w->registry, MKV_CLOCK (w->clock));
  g_autoptr (GError) error = NULL;
  g_autofree char *condition = NULL;
  guint n_healths = 0;

  g_test_summary ("Where the default storage is missing and nobody chose it, memory stands in and says so");
  g_signal_connect (node, "notify::health", G_CALLBACK (count), &n_healths);
  start (w, node, &error);
  g_assert_no_error (error);
  condition = get_condition (node, "storage-memory");
  g_assert_nonnull (condition);
  g_assert_cmpint (mkv_node_get_health (node), ==, MKV_HEALTH_DEGRADED);
  mkv_test_iterate ();
  g_assert_cmpuint (n_healths, ==, 1);
  stop (w, node);
}

static void
test_dropped (World *w, gconstpointer data)
{
  MkvNode *a = start_node (w, "a", "");
  g_autoptr (MkvStore) store = g_object_ref (mkv_node_get_store (a));
  g_autoptr (GBytes) value = mkv_test_bytes ("green");
  g_autoptr (GError) error = NULL;

  g_test_summary ("A running node that is dropped closes its storage, and its store says so");
  g_assert_finalize_object (a);
  g_assert_false (mkv_store_set (store, "colour", value, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
  mkv_test_iterate ();
}

int
main (int argc, char **argv)
{
  /* Plugins are linked into this program: none may be opened. */
  g_setenv ("MKV_PLUGIN_PATH", "/nonexistent", TRUE);
  mkv_test_init (&argc, &argv, 120);
#define ADD(name, func) g_test_add ("/node/" name, World, NULL, set_up, func, tear_down)
  ADD ("converge", test_converge);
  ADD ("alone", test_alone);
  ADD ("offline-start", test_offline_start);
  ADD ("call", test_call);
  ADD ("reload", test_reload);
  ADD ("sync", test_sync);
  ADD ("swap", test_swap);
  ADD ("flush", test_flush);
  ADD ("replication-off", test_replication_off);
  ADD ("stop-while-starting", test_stop_while_starting);
  ADD ("wrong-settings", test_wrong_settings);
  ADD ("wrong-reload", test_wrong_reload);
  ADD ("memory-only", test_memory_only);
  ADD ("dropped", test_dropped);
#undef ADD
  return g_test_run ();
}
