/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A call goes: on_method_call() > the gate, by what its arguments name >
 * begin_call(), which has the limits > its function, in mkv-store-reads.c,
 * mkv-store-writes.c, mkv-store-transfers.c, mkv-store-upkeep.c or mkv-store-call.c.
 */
#include "config.h"

#include "bus/mkv-store-service-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-store-call-private.h"
#include "node/mkv-node-private.h"

/* How many calls may wait; callers time out sooner than they make more. */
#define MAX_WAITING 4096

struct _MkvStoreService
{
  MkvDBusStoreSkeleton parent_instance;

  MkvNode *node;
  MkvGate *gate;
  MkvClients *clients;
  MkvWatcher *watcher;
  MkvStore *synced;     /* whose next change ends that the node is in sync; NULL while it is not */
  gulong synced_handler;

  gboolean is_held;
  GQueue waiting; /* of GDBusMethodInvocation, while `is_held` */
};

G_DEFINE_FINAL_TYPE (MkvStoreService, mkv_store_service, MKV_DBUS_TYPE_STORE_SKELETON)

enum
{
  PROP_0,
  PROP_ENTRIES,
  PROP_ROOT,
};

/* What a call names, for the gate. */
typedef enum
{
  NAMES_FIRST, /* its first argument is a key or a prefix */
  NAMES_THIRD,
  NAMES_KEYS,  /* its first argument is an array of keys */
  NAMES_PAIRS, /* of keys and values */
  NAMES_ALL,   /* nothing, so that it is about everything */
} Names;

typedef struct
{
  const char *name;
  MkvGateAction action;
  Names names;
  MkvStoreCallFunc func;
} Method;

static const Method methods[] = {
  { "Get", MKV_GATE_READ, NAMES_FIRST, mkv_store_call_get },
  { "Set", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_set },
  { "GetMany", MKV_GATE_READ, NAMES_KEYS, mkv_store_call_get_many },
  { "SetMany", MKV_GATE_WRITE, NAMES_PAIRS, mkv_store_call_set_many },
  { "Delete", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_delete },
  { "Increment", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_increment },
  { "Decrement", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_decrement },
  { "Append", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_append },
  { "Prepend", MKV_GATE_WRITE, NAMES_FIRST, mkv_store_call_prepend },
  { "Keys", MKV_GATE_READ, NAMES_FIRST, mkv_store_call_keys },
  { "Watch", MKV_GATE_READ, NAMES_FIRST, mkv_store_call_watch },
  { "Unwatch", MKV_GATE_OWN, NAMES_FIRST, mkv_store_call_unwatch },
  { "Sync", MKV_GATE_MANAGE, NAMES_ALL, mkv_store_call_sync },
  { "Dump", MKV_GATE_READ, NAMES_THIRD, mkv_store_call_dump },
  { "Load", MKV_GATE_WRITE, NAMES_ALL, mkv_store_call_load },
  { "Backup", MKV_GATE_MANAGE, NAMES_ALL, mkv_store_call_backup },
  { "Compact", MKV_GATE_MANAGE, NAMES_ALL, mkv_store_call_compact },
  { "Verify", MKV_GATE_MANAGE, NAMES_ALL, mkv_store_call_verify },
  { "GetStats", MKV_GATE_MANAGE, NAMES_ALL, mkv_store_call_get_stats },
};

static const Method *
find_method (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (methods[i].name, name))
      return &methods[i];
  return NULL;
}

/* About how long a call is; what is short does not count. */
static gsize
measure (GVariant *parameters)
{
  g_autoptr (GVariant) octets = NULL;
  gsize n_bytes = 0;

  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(saya{sv})")))
    {
      octets = g_variant_get_child_value (parameters, 1);
      return g_variant_get_size (octets);
    }
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(a(say)a{sv})")))
    {
      g_autoptr (GVariant) pairs = g_variant_get_child_value (parameters, 0);
      GVariantIter iter;

      g_variant_iter_init (&iter, pairs);
      while (g_variant_iter_loop (&iter, "(&s@ay)", NULL, &octets))
        n_bytes += g_variant_get_size (octets);
      octets = NULL;
    }
  return n_bytes;
}

static void
begin_call (GDBusMethodInvocation *invocation, gpointer user_data)
{
  MkvStoreService *self = user_data;
  const Method *method = find_method (g_dbus_method_invocation_get_method_name (invocation));
  const char *sender = mkv_clients_get_name (invocation);
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  gsize n_bytes = measure (parameters);
  GError *error = NULL;
  MkvStoreCall *call;

  if (!mkv_node_is_running (self->node))
    g_set_error_literal (&error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node is not running"));
  else
    mkv_clients_begin_call (self->clients, sender, n_bytes, &error);
  if (error != NULL)
    {
      mkv_bus_return_error (invocation, error);
      return;
    }
  call = g_new0 (MkvStoreCall, 1);
  call->service = g_object_ref (G_OBJECT (self));
  call->clients = self->clients;
  call->watcher = self->watcher;
  call->node = g_object_ref (self->node);
  call->store = g_object_ref (mkv_node_get_store (self->node));
  call->invocation = invocation;
  call->sender = sender;
  call->parameters = parameters;
  call->n_bytes = n_bytes;
  method->func (call);
}

/* The keys that a call names, the array the caller's. */
static const char **
list_names (GVariant *parameters, Names names)
{
  const char **keys = NULL;
  GVariantIter iter;
  g_autoptr (GVariant) pairs = NULL;

  if (names == NAMES_KEYS)
    g_variant_get_child (parameters, 0, "^a&s", &keys);
  else if (names == NAMES_PAIRS)
    {
      pairs = g_variant_get_child_value (parameters, 0);
      keys = g_new0 (const char *, g_variant_iter_init (&iter, pairs) + 1);
      for (guint i = 0; g_variant_iter_next (&iter, "(&s@ay)", &keys[i], NULL);)
        i++;
    }
  else if (names != NAMES_ALL)
    {
      keys = g_new0 (const char *, 2);
      g_variant_get_child (parameters, names == NAMES_FIRST ? 0 : 2, "&s", &keys[0]);
    }
  return keys;
}

static void
answer (MkvStoreService *self, GDBusMethodInvocation *invocation)
{
  const Method *method = find_method (g_dbus_method_invocation_get_method_name (invocation));
  g_autofree const char **names = NULL;

  /* GDBus knows the methods from the same interface. */
  g_return_if_fail (method != NULL);

  names = list_names (g_dbus_method_invocation_get_parameters (invocation), method->names);
  mkv_gate_pass (self->gate, invocation, method->action, names, begin_call, self);
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

static void update_in_sync (MkvStoreService *self);

static void
watch_in_sync (MkvStoreService *self, MkvStore *store)
{
  if (store == self->synced)
    return;
  if (self->synced != NULL)
    g_clear_signal_handler (&self->synced_handler, self->synced);
  g_set_object (&self->synced, store);
  if (store != NULL)
    self->synced_handler = g_signal_connect_swapped (store, "changed", G_CALLBACK (update_in_sync), self);
}

/* Only while it is true a change makes a difference. */
static void
update_in_sync (MkvStoreService *self)
{
  gboolean in_sync = mkv_node_is_in_sync (self->node);

  watch_in_sync (self, in_sync ? mkv_node_get_store (self->node) : NULL);
  mkv_dbus_store_set_in_sync (MKV_DBUS_STORE (self), in_sync);
}

static void
on_notify_store (MkvStoreService *self)
{
  /* Tells who watches to read again. */
  mkv_watcher_set_store (self->watcher, mkv_node_get_store (self->node));
  update_in_sync (self);
}

static void
on_left (const char *name, gpointer user_data)
{
  mkv_watcher_forget (((MkvStoreService *) user_data)->watcher, name);
}

static void
on_caught_up (const char *name, gpointer user_data)
{
  mkv_watcher_send (((MkvStoreService *) user_data)->watcher, name);
}

static void
mkv_store_service_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvStoreService *self = MKV_STORE_SERVICE (object);
  MkvLocalStore *store = self->node->store;
  MkvContents *contents = store != NULL ? mkv_local_store_get_contents (store) : NULL;
  MkvContentsState state = { 0 };

  switch (id)
    {
    case PROP_ENTRIES:
      if (contents != NULL)
        mkv_contents_get_state (contents, &state);
      g_value_set_uint64 (value, state.n_entries - state.n_tombstones);
      break;
    case PROP_ROOT:
      if (contents != NULL)
        g_value_take_string (value, mkv_contents_dup_root (contents));
      else
        g_value_set_static_string (value, "");
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

/* Nobody else sets them. */
static void
mkv_store_service_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
mkv_store_service_dispose (GObject *object)
{
  MkvStoreService *self = MKV_STORE_SERVICE (object);

  watch_in_sync (self, NULL);
  g_clear_pointer (&self->watcher, mkv_watcher_free);
  g_clear_pointer (&self->clients, mkv_clients_free);
  g_clear_object (&self->node);
  G_OBJECT_CLASS (mkv_store_service_parent_class)->dispose (object);
}

static void
mkv_store_service_class_init (MkvStoreServiceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mkv_store_service_dispose;
  object_class->get_property = mkv_store_service_get_property;
  object_class->set_property = mkv_store_service_set_property;
  G_DBUS_INTERFACE_SKELETON_CLASS (klass)->get_vtable = mkv_store_service_get_vtable;
  /* Asked for, not told: these two are made when somebody reads them. */
  g_object_class_override_property (object_class, PROP_ENTRIES, "entries");
  g_object_class_override_property (object_class, PROP_ROOT, "root");
}

static void
mkv_store_service_init (MkvStoreService *self)
{
}

void
mkv_store_service_shut_down (MkvStoreService *self)
{
  mkv_watcher_set_store (self->watcher, NULL);
  mkv_clients_cancel_transfers (self->clients);
}

MkvStoreService *
mkv_store_service_new (MkvNode *node, GDBusConnection *connection, MkvGate *gate)
{
  MkvStoreService *self = g_object_new (MKV_TYPE_STORE_SERVICE, NULL);

  self->node = g_object_ref (node);
  self->gate = gate;
  self->clients = mkv_clients_new (connection, node->observer, on_left, on_caught_up, self);
  self->watcher = mkv_watcher_new (connection, self->clients, node->observer);
  g_signal_connect_object (node, "notify::store", G_CALLBACK (on_notify_store), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (node, "notify::state", G_CALLBACK (update_in_sync), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (node, "became-in-sync", G_CALLBACK (update_in_sync), self, G_CONNECT_SWAPPED);
  on_notify_store (self);
  return self;
}

gboolean
mkv_store_service_is_watched (MkvStoreService *self)
{
  return mkv_watcher_is_used (self->watcher);
}
