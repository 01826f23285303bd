/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-store.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "store/mkv-store-private.h"

/**
 * MkvBusStore:
 *
 * The store of another process, the daemon, through a bus.
 *
 * Since: 0.1
 */
struct _MkvBusStore
{
  MkvStore parent_instance;

  GDBusConnection *connection;
};

struct _MkvBusStoreClass
{
  MkvStoreClass parent_class;
};

G_DEFINE_FINAL_TYPE (MkvBusStore, mkv_bus_store, MKV_TYPE_STORE)

static GError *
make_error (void)
{
  return g_error_new_literal (MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node is not running"));
}

static MkvEntry *
mkv_bus_store_get_entry (MkvStore *store, const char *key, GCancellable *cancellable, GError **error)
{
  g_propagate_error (error, make_error ());
  return NULL;
}

static GPtrArray *
mkv_bus_store_get_many (MkvStore *store, const char *const *keys, GCancellable *cancellable, GError **error)
{
  g_propagate_error (error, make_error ());
  return NULL;
}

static char **
mkv_bus_store_list_keys (MkvStore *store, const char *prefix, const char *after, guint limit, gboolean *more,
                         GCancellable *cancellable, GError **error)
{
  g_propagate_error (error, make_error ());
  return NULL;
}

static gboolean
mkv_bus_store_write (MkvStore *store, MkvWrite *write, GCancellable *cancellable)
{
  write->error = make_error ();
  return FALSE;
}

static void
mkv_bus_store_write_async (MkvStore *store, MkvWrite *write, GTask *task)
{
  write->error = make_error ();
  g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
}

static gboolean
mkv_bus_store_dump (MkvStore *store, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                    MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  g_propagate_error (error, make_error ());
  return FALSE;
}

static MkvLoadReport *
mkv_bus_store_load (MkvStore *store, GInputStream *stream, MkvDumpFormat format, MkvProgress *progress,
                    GCancellable *cancellable, GError **error)
{
  g_propagate_error (error, make_error ());
  return NULL;
}

static void
mkv_bus_store_finalize (GObject *object)
{
  MkvBusStore *self = (MkvBusStore *) object;

  g_clear_object (&self->connection);
  G_OBJECT_CLASS (mkv_bus_store_parent_class)->finalize (object);
}

static void
mkv_bus_store_class_init (MkvBusStoreClass *klass)
{
  MkvStoreClass *store_class = (MkvStoreClass *) klass;

  G_OBJECT_CLASS (klass)->finalize = mkv_bus_store_finalize;
  store_class->get_entry = mkv_bus_store_get_entry;
  store_class->get_many = mkv_bus_store_get_many;
  store_class->list_keys = mkv_bus_store_list_keys;
  store_class->write = mkv_bus_store_write;
  store_class->write_async = mkv_bus_store_write_async;
  store_class->dump = mkv_bus_store_dump;
  store_class->load = mkv_bus_store_load;
}

static void
mkv_bus_store_init (MkvBusStore *self)
{
}

/**
 * mkv_bus_store_new:
 * @connection: to the bus
 * @name: (nullable): the service's name on it; %NULL for the daemon's
 * @prefix: (nullable): the keys whose changes [signal@Store::changed] tells of
 *   begin with it; empty for all, %NULL for none
 * @error: return location for an error
 *
 * Opens the store of a service. No call is made yet.
 *
 * Returns: (transfer full): the store
 *
 * Since: 0.1
 */
MkvBusStore *
mkv_bus_store_new (GDBusConnection *connection, const char *name, const char *prefix, GError **error)
{
  MkvBusStore *self;

  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);

  self = g_object_new (MKV_TYPE_BUS_STORE, NULL);
  self->connection = g_object_ref (connection);
  return self;
}

/**
 * mkv_bus_store_new_for_bus:
 * @bus: which bus
 * @prefix: (nullable): as for [ctor@BusStore.new]
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Opens the daemon's store.
 *
 * Returns: (transfer full): the store
 *
 * Since: 0.1
 */
MkvBusStore *
mkv_bus_store_new_for_bus (GBusType bus, const char *prefix, GCancellable *cancellable, GError **error)
{
  g_autoptr (GDBusConnection) connection = g_bus_get_sync (bus, cancellable, error);

  return connection != NULL ? mkv_bus_store_new (connection, NULL, prefix, error) : NULL;
}
