/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Sync and InSync over D-Bus, of a node that has another one at its broker.
 */
#include "config.h"

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "mkv-bus-world.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-loopback-broker.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "mkv-transport-loopback.h"

#define BROKER "loopback://bus"
#define SETTINGS "transport.backend=loopback transport.broker=" BROKER

/* The other node, in the thread of the service. */
typedef struct
{
  MkvPluginRegistry *registry;
  MkvNode *node;
} Other;

static gboolean
are_online (gpointer user_data)
{
  MkvNode **nodes = user_data;

  return mkv_node_get_state (nodes[0]) == MKV_NODE_ONLINE && mkv_node_get_state (nodes[1]) == MKV_NODE_ONLINE;
}

static void
start_other (MkvBusWorld *world, gpointer user_data)
{
  Other *other = user_data;
  g_autoptr (MkvConfig) config = mkv_bus_world_make_config ("there", "memory", SETTINGS);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("value");
  MkvNode *nodes[2];
  GError *error = NULL;

  other->node = mkv_node_new_full (config, other->registry, NULL);
  mkv_node_start_async (other->node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_start_finish (other->node, result, &error);
  g_assert_no_error (error);
  mkv_store_set (mkv_node_get_store (other->node), "from/there", value, NULL, &error);
  g_assert_no_error (error);
  nodes[0] = world->node;
  nodes[1] = other->node;
  mkv_test_run_until (are_online, nodes);
}

static void
stop_other (MkvBusWorld *world, gpointer user_data)
{
  Other *other = user_data;
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_stop_async (other->node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  g_clear_object (&result);
  g_clear_object (&other->node);
}

static void
on_properties_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
                       const char *name, GVariant *arguments, gpointer user_data)
{
  g_autoptr (GVariant) changed = NULL;
  const char *interface;
  gboolean in_sync;

  g_variant_get (arguments, "(&s@a{sv}as)", &interface, &changed, NULL);
  g_assert_cmpstr (interface, ==, DBUS_NAME ".Store");
  /* The only one that tells. */
  g_assert_cmpuint (g_variant_n_children (changed), ==, 1);
  g_assert_true (g_variant_lookup (changed, "InSync", "b", &in_sync));
  g_string_append (user_data, in_sync ? "yes " : "no ");
}

typedef struct
{
  GString *seen;
  const char *end;
} Awaited;

static gboolean
is_seen (gpointer user_data)
{
  Awaited *awaited = user_data;

  return g_str_has_suffix (awaited->seen->str, awaited->end);
}

static void
test_in_sync (void)
{
  g_autoptr (MkvLoopbackBroker) broker = NULL;
  g_autoptr (MkvPluginRegistry) registry = NULL;
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  Other other = { 0 };
  Awaited awaited = { seen, "yes " };
  MkvBusWorld *world;
  gint64 n_changed;

  g_test_summary ("Sync compares with another node, and InSync tells when that was found to hold the same, and when "
                  "something has changed since");
  if (!mkv_bus_world_is_possible ())
    {
      g_test_skip ("no dbus-daemon");
      return;
    }
  broker = mkv_loopback_broker_get (BROKER);
  registry = mkv_plugin_registry_new ();
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_TRANSPORT, "loopback", MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "json", MKV_TYPE_CODEC_JSON, NULL);
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "cbor", MKV_TYPE_CODEC_CBOR, NULL);
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "locked-spec", MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  other.registry = registry;
  world = mkv_bus_world_new_with_registry (registry, "memory", SETTINGS);
  g_dbus_connection_signal_subscribe (world->client, DBUS_NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                      MKV_BUS_STORE_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, seen,
                                      NULL);
  mkv_bus_world_run (world, start_other, &other);

  reply = mkv_bus_world_call (world, world->client, "Sync", g_variant_new ("(sa{sv})", "there", NULL), &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(x)", &n_changed);
  g_assert_cmpint (n_changed, >=, 0);
  mkv_test_run_until (is_seen, &awaited);
  g_clear_pointer (&reply, g_variant_unref);

  reply = mkv_bus_world_call (world, world->client, "Get", g_variant_new ("(sa{sv})", "from/there", NULL), &error);
  g_assert_no_error (error);
  g_clear_pointer (&reply, g_variant_unref);
  reply = mkv_bus_world_call (world, world->client, "Delete", g_variant_new ("(sa{sv})", "from/there", NULL), &error);
  g_assert_no_error (error);
  awaited.end = "no ";
  mkv_test_run_until (is_seen, &awaited);
  g_clear_pointer (&reply, g_variant_unref);

  reply = mkv_bus_world_call (world, world->client, "Sync", g_variant_new ("(sa{sv})", "no name", NULL),
                              &error);
  g_assert_null (reply);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);

  mkv_bus_world_run (world, stop_other, &other);
  mkv_bus_world_free (world);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 100);
  g_test_add_func ("/bus-sync/in-sync", test_in_sync);
  return g_test_run ();
}
