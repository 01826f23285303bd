/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-peer-services-private.h"

#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-peer-service-private.h"
#include "node/mkv-node-private.h"

/* Whoever reads all properties of all peers has the list made once, not once for
 * each; in us. */
#define FETCH_INTERVAL (G_USEC_PER_SEC / 10)

struct _MkvPeerServices
{
  MkvNode *node;
  GDBusObjectManagerServer *objects;
  GHashTable *peers; /* path: MkvPeerService */
  gulong handler;
  gint64 refreshed_at;
  gboolean is_refreshing;
};

static void fetch (gpointer user_data);

static void
add_peer (MkvPeerServices *self, const char *path, GVariant *peer)
{
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (path);
  MkvPeerService *service = mkv_peer_service_new (fetch, self);

  mkv_peer_service_set (service, peer);
  g_hash_table_insert (self->peers, g_strdup (path), service);
  g_dbus_object_skeleton_add_interface (object, G_DBUS_INTERFACE_SKELETON (service));
  g_dbus_object_manager_server_export (self->objects, object);
}

static void
remove_peer (MkvPeerServices *self, const char *path, MkvPeerService *service)
{
  mkv_peer_service_detach (service);
  g_dbus_object_manager_server_unexport (self->objects, path);
}

/* Objects come and go only with @all: not while one of them is read. */
static void
refresh (MkvPeerServices *self, gboolean all)
{
  g_autoptr (GVariant) peers = mkv_node_list_peers (self->node);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter hash_iter;
  gpointer path, service;
  GVariantIter iter;
  GVariant *peer;

  /* Setting and exporting read properties, which would come here again. */
  self->is_refreshing = TRUE;
  self->refreshed_at = mkv_clock_get_monotonic_time (self->node->clock);
  g_variant_iter_init (&iter, peers);
  while ((peer = g_variant_iter_next_value (&iter)) != NULL)
    {
      const char *client_id = "";
      char *peer_path;

      g_variant_lookup (peer, "client_id", "&s", &client_id);
      peer_path = mkv_bus_make_path (MKV_BUS_PEERS_PATH, client_id);
      service = g_hash_table_lookup (self->peers, peer_path);
      if (service != NULL)
        mkv_peer_service_set (service, peer);
      else if (all)
        add_peer (self, peer_path, peer);
      g_hash_table_add (known, peer_path);
      g_variant_unref (peer);
    }
  g_hash_table_iter_init (&hash_iter, self->peers);
  while (all && g_hash_table_iter_next (&hash_iter, &path, &service))
    if (!g_hash_table_contains (known, path))
      {
        remove_peer (self, path, service);
        g_hash_table_iter_remove (&hash_iter);
      }
  self->is_refreshing = FALSE;
}

static void
fetch (gpointer user_data)
{
  MkvPeerServices *self = user_data;
  gint64 now = mkv_clock_get_monotonic_time (self->node->clock);

  if (!self->is_refreshing && now - self->refreshed_at >= FETCH_INTERVAL)
    refresh (self, FALSE);
}

static void
on_peers_changed (MkvNode *node, gpointer user_data)
{
  refresh (user_data, TRUE);
}

MkvPeerServices *
mkv_peer_services_new (MkvNode *node, GDBusObjectManagerServer *objects)
{
  MkvPeerServices *self = g_new0 (MkvPeerServices, 1);

  self->node = g_object_ref (node);
  self->objects = g_object_ref (objects);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->handler = g_signal_connect (node, "peers-changed", G_CALLBACK (on_peers_changed), self);
  refresh (self, TRUE);
  return self;
}

void
mkv_peer_services_free (MkvPeerServices *self)
{
  GHashTableIter iter;
  gpointer path, service;

  g_signal_handler_disconnect (self->node, self->handler);
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, &path, &service))
    remove_peer (self, path, service);
  g_hash_table_unref (self->peers);
  g_object_unref (self->objects);
  g_object_unref (self->node);
  g_free (self);
}
