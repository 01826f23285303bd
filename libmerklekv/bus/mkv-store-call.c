/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-store-call-private.h"

#include "bus/mkv-bus-names-private.h"
#include "model/mkv-names.h"

void
mkv_store_call_end (MkvStoreCall *call, gsize n_bytes)
{
  mkv_clients_end_call (call->clients, call->sender, call->n_bytes, n_bytes);
  g_object_unref (call->invocation);
  g_object_unref (call->store);
  g_object_unref (call->node);
  g_object_unref (call->service);
  g_free (call);
}

void
mkv_store_call_return (MkvStoreCall *call, GVariant *value, gsize n_bytes)
{
  g_dbus_method_invocation_return_value (g_object_ref (call->invocation), value);
  mkv_store_call_end (call, n_bytes);
}

void
mkv_store_call_fail (MkvStoreCall *call, GError *error)
{
  mkv_bus_return_error (g_object_ref (call->invocation), error);
  mkv_store_call_end (call, 0);
}

void
mkv_store_call_watch (MkvStoreCall *call)
{
  const char *prefix;
  GError *error = NULL;

  g_variant_get_child (call->parameters, 0, "&s", &prefix);
  if (mkv_watcher_add (call->watcher, call->sender, prefix, &error))
    mkv_store_call_return (call, NULL, 0);
  else
    mkv_store_call_fail (call, error);
}

void
mkv_store_call_unwatch (MkvStoreCall *call)
{
  const char *prefix;
  GError *error = NULL;

  g_variant_get_child (call->parameters, 0, "&s", &prefix);
  if (mkv_watcher_remove (call->watcher, call->sender, prefix, &error))
    mkv_store_call_return (call, NULL, 0);
  else
    mkv_store_call_fail (call, error);
}

static void
on_synced (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvStoreCall *call = user_data;
  GError *error = NULL;
  gint64 n_changed = mkv_node_sync_finish (MKV_NODE (source), result, &error);

  if (error == NULL)
    mkv_store_call_return (call, g_variant_new ("(x)", n_changed), 0);
  else
    mkv_store_call_fail (call, error);
}

void
mkv_store_call_sync (MkvStoreCall *call)
{
  const char *peer;
  GError *error = NULL;

  g_variant_get_child (call->parameters, 0, "&s", &peer);
  if (*peer != '\0' && !mkv_name_check (peer, &error))
    {
      mkv_store_call_fail (call, error);
      return;
    }
  mkv_node_sync_async (call->node, *peer != '\0' ? peer : NULL, NULL, on_synced, call);
}
