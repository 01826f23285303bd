/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-store-service-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-names-private.h"

struct _MkvStoreService
{
  MkvDBusStoreSkeleton parent_instance;

  MkvNode *node;
  MkvGate *gate;

  gboolean is_held;
  GQueue waiting; /* of GDBusMethodInvocation, while `is_held` */
};

/* How many calls may wait; callers time out sooner than they make more. */
#define MAX_WAITING 4096

G_DEFINE_FINAL_TYPE (MkvStoreService, mkv_store_service, MKV_DBUS_TYPE_STORE_SKELETON)

/* A method: what its first argument, a key, may be asked for, and what answers
 * a caller who may. */
typedef struct
{
  const char *name;
  MkvGateAction action;
  MkvGateFunc func;
} Method;

static MkvStore *
get_store (MkvStoreService *self, GDBusMethodInvocation *invocation)
{
  MkvStore *store = mkv_node_get_store (self->node);

  if (store == NULL)
    g_dbus_method_invocation_return_error_literal (invocation, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                                                   _("The node is not running"));
  return store;
}

static void
get (GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvStoreService *self = user_data;
  MkvStore *store = get_store (self, invocation);
  g_autoptr (GBytes) value = NULL;
  const char *key;
  GVariant *octets;
  GError *error = NULL;

  if (store == NULL)
    return;
  g_variant_get_child (g_dbus_method_invocation_get_parameters (invocation), 0, "&s", &key);
  value = mkv_store_get (store, key, NULL, &error);
  if (value == NULL)
    {
      mkv_bus_return_error (invocation, error);
      return;
    }
  octets = mkv_bus_value_to_variant (value);
  g_dbus_method_invocation_return_value (invocation, g_variant_new_tuple (&octets, 1));
}

static void
on_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  GError *error = NULL;

  if (mkv_store_set_finish (MKV_STORE (source), result, &error))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    mkv_bus_return_error (invocation, error);
}

static void
set (GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvStoreService *self = user_data;
  MkvStore *store = get_store (self, invocation);
  const char *key;
  g_autoptr (GVariant) octets = NULL;
  g_autoptr (GBytes) value = NULL;

  if (store == NULL)
    return;
  g_variant_get (g_dbus_method_invocation_get_parameters (invocation), "(&s@ay@a{sv})", &key, &octets, NULL);
  value = mkv_bus_value_from_variant (octets);
  mkv_store_set_async (store, key, value, NULL, on_set, invocation);
}

static const Method methods[] = {
  { "Get", MKV_GATE_READ, get },
  { "Set", MKV_GATE_WRITE, set },
};

static void
answer (MkvStoreService *self, GDBusMethodInvocation *invocation)
{
  const char *name = g_dbus_method_invocation_get_method_name (invocation);
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  const char *names[] = { NULL, NULL };

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (methods[i].name, name))
      {
        g_variant_get_child (parameters, 0, "&s", &names[0]);
        mkv_gate_pass (self->gate, invocation, methods[i].action, names, methods[i].func, self);
        return;
      }
  g_dbus_method_invocation_return_error (invocation, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                                         _("There is no method “%s”"), name);
}

static void
on_method_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
                const char *name, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvStoreService *self = user_data;

  if (self->is_held && self->waiting.length < MAX_WAITING)
    g_queue_push_tail (&self->waiting, invocation);
  else
    answer (self, invocation);
}

void
mkv_store_service_set_held (MkvStoreService *self, gboolean held)
{
  GDBusMethodInvocation *invocation;

  self->is_held = held;
  while (!self->is_held && (invocation = g_queue_pop_head (&self->waiting)) != NULL)
    answer (self, invocation);
}

/* The generated one goes by a signal for each method; properties stay its. */
static GDBusInterfaceVTable *
mkv_store_service_get_vtable (GDBusInterfaceSkeleton *skeleton)
{
  static GDBusInterfaceVTable vtable;
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      vtable = *G_DBUS_INTERFACE_SKELETON_CLASS (mkv_store_service_parent_class)->get_vtable (skeleton);
      vtable.method_call = on_method_call;
      g_once_init_leave (&initialized, 1);
    }
  return &vtable;
}

static void
mkv_store_service_finalize (GObject *object)
{
  MkvStoreService *self = MKV_STORE_SERVICE (object);

  g_clear_object (&self->node);
  G_OBJECT_CLASS (mkv_store_service_parent_class)->finalize (object);
}

static void
mkv_store_service_class_init (MkvStoreServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_store_service_finalize;
  G_DBUS_INTERFACE_SKELETON_CLASS (klass)->get_vtable = mkv_store_service_get_vtable;
}

static void
mkv_store_service_init (MkvStoreService *self)
{
}

MkvStoreService *
mkv_store_service_new (MkvNode *node, MkvGate *gate)
{
  MkvStoreService *self = g_object_new (MKV_TYPE_STORE_SERVICE, NULL);

  self->node = g_object_ref (node);
  self->gate = gate;
  return self;
}
