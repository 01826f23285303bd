/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-manager-service-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "mkv-enum-types.h"

struct _MkvManagerService
{
  MkvDBusManagerSkeleton parent_instance;

  MkvNode *node;
  MkvGate *gate;

  MkvReloadFunc reload_func; /* NULL where there is nothing to read again */
  gpointer reload_data;
  GDestroyNotify reload_notify;
};

static void mkv_manager_service_iface_init (MkvDBusManagerIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvManagerService, mkv_manager_service, MKV_DBUS_TYPE_MANAGER_SKELETON,
                               G_IMPLEMENT_INTERFACE (MKV_DBUS_TYPE_MANAGER, mkv_manager_service_iface_init))

static void
get_counters (GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvManagerService *self = user_data;
  g_autoptr (GVariant) counters = mkv_node_list_counters (self->node);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantIter iter;
  const char *name;
  guint64 count;

  g_variant_iter_init (&iter, counters);
  while (g_variant_iter_loop (&iter, "{&st}", &name, &count))
    g_variant_dict_insert (&dict, name, "t", count);
  mkv_dbus_manager_complete_get_counters (MKV_DBUS_MANAGER (self), invocation, g_variant_dict_end (&dict));
}

static gboolean
handle_get_counters (MkvDBusManager *manager, GDBusMethodInvocation *invocation, GVariant *options)
{
  MkvManagerService *self = MKV_MANAGER_SERVICE (manager);

  mkv_gate_pass (self->gate, invocation, MKV_GATE_MANAGE, NULL, get_counters, self);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
reload (GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvManagerService *self = user_data;
  g_auto (GStrv) need_restart = NULL;
  GError *error = NULL;

  if (self->reload_func == NULL)
    g_dbus_method_invocation_return_error_literal (invocation, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                                                   _("This node's configuration is not read from anywhere"));
  else if (!self->reload_func (&need_restart, self->reload_data, &error))
    mkv_bus_return_error (invocation, error);
  else
    mkv_dbus_manager_complete_reload (MKV_DBUS_MANAGER (self), invocation, (const char *const *) need_restart);
}

static gboolean
handle_reload (MkvDBusManager *manager, GDBusMethodInvocation *invocation, GVariant *options)
{
  MkvManagerService *self = MKV_MANAGER_SERVICE (manager);

  mkv_gate_pass (self->gate, invocation, MKV_GATE_MANAGE, NULL, reload, self);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void
mkv_manager_service_set_reload_func (MkvManagerService *self, MkvReloadFunc func, gpointer user_data,
                                     GDestroyNotify notify)
{
  if (self->reload_notify != NULL)
    self->reload_notify (self->reload_data);
  self->reload_func = func;
  self->reload_data = user_data;
  self->reload_notify = notify;
}

static void
update (MkvManagerService *self)
{
  MkvDBusManager *manager = MKV_DBUS_MANAGER (self);
  g_autoptr (GEnumClass) states = g_type_class_ref (MKV_TYPE_NODE_STATE);
  g_autoptr (GEnumClass) healths = g_type_class_ref (MKV_TYPE_HEALTH);
  g_auto (GStrv) conditions = mkv_node_list_conditions (self->node);

  mkv_dbus_manager_set_client_id (manager, mkv_node_get_client_id (self->node));
  mkv_dbus_manager_set_node_id (manager, mkv_node_get_node_id (self->node));
  mkv_dbus_manager_set_state (manager, g_enum_get_value (states, mkv_node_get_state (self->node))->value_nick);
  mkv_dbus_manager_set_health (manager, g_enum_get_value (healths, mkv_node_get_health (self->node))->value_nick);
  mkv_dbus_manager_set_conditions (manager, (const char *const *) conditions);
}

static void
mkv_manager_service_finalize (GObject *object)
{
  MkvManagerService *self = MKV_MANAGER_SERVICE (object);

  mkv_manager_service_set_reload_func (self, NULL, NULL, NULL);
  g_clear_object (&self->node);
  G_OBJECT_CLASS (mkv_manager_service_parent_class)->finalize (object);
}

static void
mkv_manager_service_class_init (MkvManagerServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_manager_service_finalize;
}

static void
mkv_manager_service_iface_init (MkvDBusManagerIface *iface)
{
  iface->handle_get_counters = handle_get_counters;
  iface->handle_reload = handle_reload;
}

static void
mkv_manager_service_init (MkvManagerService *self)
{
}

MkvManagerService *
mkv_manager_service_new (MkvNode *node, MkvGate *gate)
{
  MkvManagerService *self = g_object_new (MKV_TYPE_MANAGER_SERVICE, NULL);

  self->node = g_object_ref (node);
  self->gate = gate;
  mkv_dbus_manager_set_version (MKV_DBUS_MANAGER (self), VERSION);
  g_signal_connect_object (node, "notify", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (node, "conditions-changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return self;
}
