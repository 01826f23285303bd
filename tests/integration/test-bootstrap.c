/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * An empty merklekvd with a lasting storage is filled by anti-entropy, and
 * killed in the middle of it: `--entries N` of what size, `--storage NAME` in
 * what. */
#include <stdlib.h>

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-mosquitto.h"
#include "mkv-program.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"
#include "node/mkv-node.h"
#include "observe/mkv-observer-private.h"

/* A page of a large push, and what the two say beside it: cells of the whole
 * tree, roots, acknowledgements. */
#define PAGE_BYTES (64 * 1024)
#define TALK_BYTES (32 * 1024)

#define LIMIT (1500 * (gint64) G_USEC_PER_SEC)

static gint n_entries = 20000;
static char *storage;

typedef struct
{
  MkvMosquitto *broker;
  MkvPluginRegistry *registry;
  MkvNode *sender;
  char *folder;
  gint64 end;
} World;

static guint64
count (World *w, MkvCounter counter)
{
  g_autoptr (GVariant) counters = mkv_node_list_counters (w->sender);
  guint64 n = 0;

  g_assert_true (g_variant_lookup (counters, mkv_counter_get_name (counter), "t", &n));
  return n;
}

static void
wait_a_moment (World *w)
{
  g_assert_cmpint (g_get_monotonic_time (), <, w->end);
  mkv_test_run_for (5);
}

static void
set (MkvConfig *config, const char *setting, const char *value)
{
  g_autoptr (GError) error = NULL;

  mkv_config_set (config, setting, value, &error);
  g_assert_no_error (error);
}

static void
start_sender (World *w)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  w->registry = mkv_plugin_registry_new ();
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_TRANSPORT, "mqtt", mkv_transport_mqtt_get_type (), NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "json", MKV_TYPE_CODEC_JSON, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "cbor", MKV_TYPE_CODEC_CBOR, NULL);
  mkv_plugin_registry_add_type (w->registry, MKV_PLUGIN_CODEC, "locked-spec", MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  set (config, "node.client-id", "sender");
  set (config, "storage.backend", "memory");
  set (config, "transport.broker", mkv_mosquitto_get_uri (w->broker));
  w->sender = mkv_node_new_full (config, w->registry, NULL);
  mkv_node_start_async (w->sender, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_start_finish (w->sender, result, &error);
  g_assert_no_error (error);
  for (gint i = 0; i < n_entries; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%d", i), *text = g_strdup_printf ("the value of entry %d", i);
      g_autoptr (GBytes) value = mkv_test_bytes (text);

      mkv_store_set (mkv_node_get_store (w->sender), key, value, NULL, &error);
      g_assert_no_error (error);
    }
  /* Nobody hears the events. */
  while (count (w, MKV_COUNTER_EVENTS_PUBLISHED) < (guint64) n_entries)
    wait_a_moment (w);
}

static MkvDaemonProgram *
start_receiver (World *w)
{
  return mkv_daemon_program_new (NULL, "--set node.client-id=receiver --set storage.backend=%s --set storage.path=%s "
                                       "--set transport.broker=%s", storage, w->folder, mkv_mosquitto_get_uri (w->broker));
}

/* How many octets the sender has sent until the receiver has it all; that is
 * killed when so many have been, if that is not 0. */
static guint64
bootstrap (World *w, guint64 kill_at)
{
  MkvDaemonProgram *receiver;
  guint64 before = count (w, MKV_COUNTER_BYTES_SENT), sent, at_kill = 0;
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  w->folder = g_dir_make_tmp ("mkv-bootstrap-XXXXXX", &error);
  g_assert_no_error (error);
  receiver = start_receiver (w);
  if (kill_at > 0)
    {
      g_assert_false (mkv_node_is_in_sync (w->sender));
      while (count (w, MKV_COUNTER_BYTES_SENT) - before < kill_at)
        wait_a_moment (w);
      mkv_daemon_program_kill (receiver);
      at_kill = count (w, MKV_COUNTER_BYTES_SENT) - before;
      receiver = start_receiver (w);
    }
  while (!mkv_node_is_in_sync (w->sender))
    wait_a_moment (w);
  sent = count (w, MKV_COUNTER_BYTES_SENT) - before;
  g_test_message ("%d entries in %.1f s: %" G_GUINT64_FORMAT " octets sent, %" G_GUINT64_FORMAT " of them when the "
                  "receiver was killed", n_entries, (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC, sent,
                  at_kill);
  mkv_daemon_program_free (receiver);
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  return sent;
}

/* Another root, for the next receiver to come to; nobody hears of it. */
static void
change (World *w)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("changed");
  g_autoptr (GError) error = NULL;
  guint64 published = count (w, MKV_COUNTER_EVENTS_PUBLISHED);

  mkv_store_set (mkv_node_get_store (w->sender), "key-0", value, NULL, &error);
  g_assert_no_error (error);
  while (count (w, MKV_COUNTER_EVENTS_PUBLISHED) == published)
    wait_a_moment (w);
}

static void
test_kill (void)
{
  World w = { .end = g_get_monotonic_time () + LIMIT };
  guint64 smooth, killed;

  g_test_summary ("Who is killed while it is filled, and starts again, gets at most a page a second time");
  w.broker = mkv_mosquitto_new (NULL);
  if (w.broker == NULL)
    return;
  start_sender (&w);
  smooth = bootstrap (&w, 0);
  change (&w);
  killed = bootstrap (&w, smooth / 2);
  g_assert_cmpuint (killed, <=, smooth + PAGE_BYTES + TALK_BYTES);
  g_assert_finalize_object (w.sender);
  g_object_unref (w.registry);
  mkv_mosquitto_free (w.broker);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "entries", 0, 0, G_OPTION_ARG_INT, &n_entries, "how many", "N" },
    { "storage", 0, 0, G_OPTION_ARG_STRING, &storage, "the receiver's", "NAME" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  mkv_test_init (&argc, &argv, (guint) (LIMIT / G_USEC_PER_SEC));
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_context_parse (context, &argc, &argv, &error);
  g_assert_no_error (error);
  if (storage == NULL)
    storage = g_strdup ("lmdb");
  g_test_add_func ("/bootstrap/kill", test_kill);
  return g_test_run ();
}
