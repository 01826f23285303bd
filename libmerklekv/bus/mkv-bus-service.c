/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-service.h"

#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-gate-private.h"
#include "bus/mkv-manager-service-private.h"
#include "bus/mkv-peer-services-private.h"
#include "bus/mkv-plugin-service-private.h"
#include "bus/mkv-store-service-private.h"
#include "node/mkv-node-private.h"

/**
 * MkvBusService:
 *
 * A node for other processes: its objects on a bus, as long as this lives. The
 * daemon is little more than a node, this, and a name on the bus, which this
 * leaves to it.
 *
 * It lives in the context of the node.
 *
 * Since: 0.1
 */
struct _MkvBusService
{
  GObject parent_instance;

  GDBusConnection *connection;
  GDBusObjectManagerServer *objects;
  MkvGate *gate;
  MkvManagerService *manager;
  MkvStoreService *store;
  MkvPeerServices *peers;
  MkvPluginService *plugins;
};

G_DEFINE_FINAL_TYPE (MkvBusService, mkv_bus_service, G_TYPE_OBJECT)

static void
mkv_bus_service_dispose (GObject *object)
{
  MkvBusService *self = MKV_BUS_SERVICE (object);

  g_clear_pointer (&self->peers, mkv_peer_services_free);
  g_clear_pointer (&self->plugins, mkv_plugin_service_free);
  if (self->objects != NULL)
    {
      mkv_store_service_set_held (self->store, FALSE);
      g_dbus_object_manager_server_unexport (self->objects, MKV_BUS_STORE_PATH);
      g_dbus_object_manager_server_unexport (self->objects, MKV_BUS_MANAGER_PATH);
    }
  g_clear_object (&self->objects);
  g_clear_object (&self->manager);
  if (self->store != NULL)
    mkv_store_service_shut_down (self->store);
  g_clear_object (&self->store);
  g_clear_pointer (&self->gate, mkv_gate_free);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (mkv_bus_service_parent_class)->dispose (object);
}

static void
mkv_bus_service_class_init (MkvBusServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_bus_service_dispose;
}

static void
mkv_bus_service_init (MkvBusService *self)
{
}

static void
export_object (MkvBusService *self, const char *path, GDBusInterfaceSkeleton *interface)
{
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (path);

  g_dbus_object_skeleton_add_interface (object, interface);
  g_dbus_object_manager_server_export (self->objects, object);
}

/**
 * mkv_bus_service_new:
 * @node: a node
 * @connection: to the bus, or to a peer
 * @guarded: whether callers need a permission, as on the system bus
 * @error: return location for an error
 *
 * Puts the objects of a node on a connection. Calls before it is started, and
 * after it was stopped, get %MKV_ERROR_UNAVAILABLE.
 *
 * Returns: (transfer full): the service; %NULL if something else has its paths
 *
 * Since: 0.1
 */
MkvBusService *
mkv_bus_service_new (MkvNode *node, GDBusConnection *connection, gboolean guarded, GError **error)
{
  g_autoptr (MkvBusService) self = NULL;

  g_return_val_if_fail (MKV_IS_NODE (node), NULL);
  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);

  self = g_object_new (MKV_TYPE_BUS_SERVICE, NULL);
  self->connection = g_object_ref (connection);
  self->gate = mkv_gate_new (connection, node->clock, node->observer, guarded);
  self->manager = mkv_manager_service_new (node, self->gate);
  self->store = mkv_store_service_new (node, connection, self->gate);
  /* The object manager only warns where it can't. */
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->store), connection, MKV_BUS_STORE_PATH, error))
    return NULL;
  g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->store));
  self->objects = g_dbus_object_manager_server_new (DBUS_PATH);
  export_object (self, MKV_BUS_MANAGER_PATH, G_DBUS_INTERFACE_SKELETON (self->manager));
  export_object (self, MKV_BUS_STORE_PATH, G_DBUS_INTERFACE_SKELETON (self->store));
  self->peers = mkv_peer_services_new (node, self->objects);
  self->plugins = mkv_plugin_service_new (mkv_node_get_registry (node), self->objects);
  g_dbus_object_manager_server_set_connection (self->objects, connection);
  return g_steal_pointer (&self);
}

/**
 * mkv_bus_service_set_held:
 * @self: a service
 * @held: whether calls of the store wait
 *
 * Has calls wait that would get %MKV_ERROR_UNAVAILABLE otherwise, because the
 * node is about to start: a caller whose call has activated a daemon waits for its
 * storage to be opened. Ends with %FALSE, when they are answered.
 *
 * Since: 0.1
 */
void
mkv_bus_service_set_held (MkvBusService *self, gboolean held)
{
  g_return_if_fail (MKV_IS_BUS_SERVICE (self));

  mkv_store_service_set_held (self->store, held);
}

/**
 * mkv_bus_service_is_watched:
 * @self: a service
 *
 * Tells whether any client watches any prefix: such a client is waiting, even
 * if it calls for nothing.
 *
 * Returns: whether one does
 *
 * Since: 0.1
 */
gboolean
mkv_bus_service_is_watched (MkvBusService *self)
{
  g_return_val_if_fail (MKV_IS_BUS_SERVICE (self), FALSE);

  return mkv_store_service_is_watched (self->store);
}

/**
 * mkv_bus_service_set_reload_func:
 * @self: a service
 * @func: (scope notified) (closure user_data) (destroy notify): what reads the
 *   configuration again
 * @user_data: for @func
 * @notify: called when @func is not needed any more
 *
 * Says what the method Reload does: where the configuration comes from is for
 * whoever has made the node to know. Without it callers are told that this
 * can't be done.
 *
 * Since: 0.1
 */
void
mkv_bus_service_set_reload_func (MkvBusService *self, MkvReloadFunc func, gpointer user_data, GDestroyNotify notify)
{
  g_return_if_fail (MKV_IS_BUS_SERVICE (self));

  mkv_manager_service_set_reload_func (self->manager, func, user_data, notify);
}
