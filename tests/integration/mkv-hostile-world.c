/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-hostile-world.h"

#include <malloc.h>

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-replica.h"
#include "mkv-storage-memory.h"
#include "mkv-transport-loopback.h"
#include "store/mkv-contents-private.h"
#include "store/mkv-local-store-private.h"

#define BROKER "loopback://hostile"
#define BEAT (10 * 1000)

/* Starting and stopping a node are threads. */
#define REAL_STEP 200 /* us */
#define STEP 10000    /* us */

static gsize
count_heap (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static gboolean
on_beat (gpointer user_data)
{
  MkvHostileWorld *self = user_data;
  gint64 now = g_get_monotonic_time ();

  self->longest = MAX (self->longest, now - self->beat_at - BEAT);
  self->beat_at = now;
  self->octets_most = MAX (self->octets_most, count_heap ());
  return G_SOURCE_CONTINUE;
}

/* What the test did itself since the last time counts for nothing. */
static void
iterate (MkvHostileWorld *self)
{
  self->beat_at = g_get_monotonic_time ();
  mkv_test_iterate ();
  self->longest = MAX (self->longest, g_get_monotonic_time () - self->beat_at - BEAT);
  self->octets_most = MAX (self->octets_most, count_heap ());
}

static MkvLocalStore *
get_store (MkvNode *node)
{
  return MKV_LOCAL_STORE (mkv_node_get_store (node));
}

static char *
dup_root (MkvNode *node)
{
  return mkv_contents_dup_root (mkv_local_store_get_contents (get_store (node)));
}

static gboolean
run_until (MkvHostileWorld *self, MkvTestCondition condition, gpointer user_data)
{
  gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (!condition (user_data))
    {
      gint64 next;

      if (g_get_monotonic_time () > end)
        return FALSE;
      mkv_test_iterate ();
      g_usleep (REAL_STEP);
      mkv_test_iterate ();
      next = mkv_manual_clock_get_next_delay (self->clock);
      mkv_manual_clock_advance (self->clock, next > 0 && next < STEP ? next : STEP);
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

static MkvNode *
start (MkvHostileWorld *self, const char *id)
{
  const char *const settings[][2] = { { "node.client-id", id },
                                      { "node.topic-prefix", "h" },
                                      { "storage.backend", "memory" },
                                      { "transport.backend", "loopback" },
                                      { "transport.broker", BROKER } };
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  MkvNode *node;

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      mkv_config_set (config, settings[i][0], settings[i][1], &error);
      g_assert_no_error (error);
    }
  node = mkv_node_new_full (config, self->registry, MKV_CLOCK (self->clock));
  mkv_node_start_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (self, has_result, &result));
  mkv_node_start_finish (node, result, &error);
  g_assert_no_error (error);
  g_assert_true (run_until (self, is_online, node));
  return node;
}

static void
stop (MkvHostileWorld *self, MkvNode *node)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_stop_async (node, NULL, mkv_test_store_result, &result);
  g_assert_true (run_until (self, has_result, &result));
  g_assert_true (mkv_node_stop_finish (node, result, NULL));
  g_clear_object (&result);
  mkv_test_iterate ();
  g_assert_finalize_object (node);
}

static void
fill (MkvNode *node, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%s-%u", mkv_node_get_client_id (node), i);
      g_autoptr (GBytes) value = mkv_test_bytes ("precious");
      g_autoptr (GError) error = NULL;

      mkv_store_set (mkv_node_get_store (node), key, value, NULL, &error);
      g_assert_no_error (error);
    }
}

void
mkv_hostile_world_settle (MkvHostileWorld *self)
{
  guint n_quiet = 0;

  while (n_quiet < 3)
    {
      iterate (self);
      mkv_replica_let_writes_pass (get_store (self->victim));
      iterate (self);
      n_quiet = mkv_loopback_broker_get_waiting (self->broker, "victim") == 0 ? n_quiet + 1 : 0;
      mkv_manual_clock_advance (self->clock, 1000);
    }
}

void
mkv_hostile_world_run (MkvHostileWorld *self, gint64 us)
{
  gint64 end = mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock)) + us;

  do
    {
      iterate (self);
      mkv_replica_let_writes_pass (get_store (self->victim));
      iterate (self);
    }
  while (mkv_test_step (self->clock, end));
}

guint64
mkv_hostile_world_count (MkvHostileWorld *self, MkvCounter counter)
{
  g_autoptr (GVariant) counters = mkv_node_list_counters (self->victim);
  guint64 count = 0;

  g_assert_true (g_variant_lookup (counters, mkv_counter_get_name (counter), "t", &count));
  return count;
}

guint64
mkv_hostile_world_count_refusals (MkvHostileWorld *self)
{
  guint64 sum = 0;

  for (MkvCounter counter = MKV_COUNTER_DROPPED_RETAINED; counter < MKV_N_COUNTERS; counter++)
    sum += mkv_hostile_world_count (self, counter);
  return sum;
}

void
mkv_hostile_world_set_up (MkvHostileWorld *self, gconstpointer data)
{
  self->clock = mkv_manual_clock_new (MKV_HOSTILE_NOW);
  self->registry = mkv_plugin_registry_new ();
  self->broker = mkv_loopback_broker_get (BROKER);
  mkv_loopback_broker_set_session_queue (self->broker, 200000);
  mkv_plugin_registry_add_type (self->registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  mkv_plugin_registry_add_type (self->registry, MKV_PLUGIN_TRANSPORT, "loopback", MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  mkv_plugin_registry_add_type (self->registry, MKV_PLUGIN_CODEC, "json", MKV_TYPE_CODEC_JSON, NULL);
  mkv_plugin_registry_add_type (self->registry, MKV_PLUGIN_CODEC, "cbor", MKV_TYPE_CODEC_CBOR, NULL);
  mkv_plugin_registry_add_type (self->registry, MKV_PLUGIN_CODEC, "locked-spec", MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  self->stranger = mkv_stranger_new ("stranger", "h", BROKER, self->clock);
  self->victim = start (self, "victim");
  fill (self->victim, MKV_HOSTILE_ENTRIES);
  /* No entry is young, no ROOT due soon. */
  mkv_hostile_world_run (self, 600 * G_USEC_PER_SEC);
  mkv_stranger_count (self->stranger, MKV_SYNC_OPERATION_ROOT);
  self->root = dup_root (self->victim);
  self->beat = g_timeout_source_new (BEAT / 1000);
  g_source_set_callback (self->beat, on_beat, self, NULL);
  g_source_attach (self->beat, NULL);
  self->longest = 0;
  self->octets_before = self->octets_most = count_heap ();
  self->refused_before = mkv_hostile_world_count_refusals (self);
  self->sent_before = mkv_hostile_world_count (self, MKV_COUNTER_MESSAGES_SENT);
}

void
mkv_hostile_world_tear_down (MkvHostileWorld *self, gconstpointer data)
{
  stop (self, self->victim);
  mkv_stranger_free (self->stranger);
  mkv_test_iterate ();
  g_object_unref (self->registry);
  g_assert_finalize_object (self->broker);
  g_object_unref (self->clock);
  g_free (self->root);
}

typedef struct
{
  MkvNode *nodes[2];
} Pair;

static gboolean
are_equal (gpointer user_data)
{
  const Pair *pair = user_data;
  g_autofree char *a = dup_root (pair->nodes[0]), *b = dup_root (pair->nodes[1]);

  return g_str_equal (a, b);
}

void
mkv_hostile_world_check (MkvHostileWorld *self, guint64 n_refused, guint64 max_sent, guint max_kib)
{
  g_autofree char *root = NULL;
  guint64 refused = mkv_hostile_world_count_refusals (self) - self->refused_before;
  guint64 sent = mkv_hostile_world_count (self, MKV_COUNTER_MESSAGES_SENT) - self->sent_before;
  MkvContentsState state;
  gint64 begin;
  Pair pair;

  g_source_destroy (self->beat);
  g_clear_pointer (&self->beat, g_source_unref);
  g_test_message ("%" G_GUINT64_FORMAT " refused, %" G_GUINT64_FORMAT " sent, heap at most %" G_GSIZE_FORMAT " KiB "
                  "more, the loop late by at most %.1f ms", refused, sent,
                  (self->octets_most - self->octets_before) / 1024, (double) self->longest / 1000);
  g_assert_cmpuint (refused, >=, n_refused);
  g_assert_cmpuint (sent, <=, max_sent);
  g_assert_cmpuint ((self->octets_most - self->octets_before) / 1024, <=, max_kib);
  root = dup_root (self->victim);
  g_assert_cmpstr (root, ==, self->root);

  pair.nodes[0] = self->victim;
  pair.nodes[1] = start (self, "honest");
  fill (pair.nodes[1], 50);
  begin = mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock));
  while (!are_equal (&pair))
    {
      g_assert_cmpint (mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock)) - begin, <, 120 * G_USEC_PER_SEC);
      for (guint i = 0; i < 2; i++)
        {
          mkv_test_iterate ();
          mkv_replica_let_writes_pass (get_store (pair.nodes[i]));
        }
      mkv_test_step (self->clock, mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock)) + G_USEC_PER_SEC);
    }
  g_test_message ("equal to an honest node after %.1f s",
                  (double) (mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock)) - begin) / G_USEC_PER_SEC);
  mkv_contents_get_state (mkv_local_store_get_contents (get_store (self->victim)), &state);
  g_assert_cmpuint (state.n_entries, ==, MKV_HOSTILE_ENTRIES + 50);
  stop (self, pair.nodes[1]);
}
