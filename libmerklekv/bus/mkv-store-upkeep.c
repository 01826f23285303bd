/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What who looks after a store asks of one that is open. Each takes its time,
 * tells its caller how far it is, and stops when the caller leaves the bus.
 */
#include "config.h"

#include "bus/mkv-store-call-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "node/mkv-node-private.h"
#include "store/mkv-local-store.h"

/* How often a caller is told, in us. */
#define TELL_INTERVAL (G_USEC_PER_SEC / 5)

typedef struct
{
  MkvStoreCall *call;
  gint64 told_at;
} Upkeep;

static void
tell (guint64 done, guint64 total, gpointer user_data)
{
  Upkeep *self = user_data;
  gint64 now = mkv_clock_get_monotonic_time (self->call->node->clock);

  if (now < self->told_at + TELL_INTERVAL)
    return;
  self->told_at = now;
  g_dbus_connection_emit_signal (g_dbus_method_invocation_get_connection (self->call->invocation),
                                 g_dbus_method_invocation_get_sender (self->call->invocation), MKV_BUS_STORE_PATH,
                                 DBUS_NAME ".Store", "Progress", g_variant_new ("(tt)", done, total), NULL);
}

/* NULL where the call has failed. */
static Upkeep *
begin (MkvStoreCall *call, GCancellable **cancellable)
{
  GError *error = NULL;
  Upkeep *self;

  *cancellable = mkv_clients_begin_transfer (call->clients, call->sender, &error);
  if (*cancellable == NULL)
    {
      mkv_store_call_fail (call, error);
      return NULL;
    }
  self = g_new0 (Upkeep, 1);
  self->call = call;
  self->told_at = mkv_clock_get_monotonic_time (call->node->clock);
  return self;
}

/* @value and @error as in mkv_store_call_return() and mkv_store_call_fail(). */
static void
end (Upkeep *self, GVariant *value, GError *error)
{
  MkvStoreCall *call = self->call;

  g_free (self);
  mkv_clients_end_transfer (call->clients, call->sender);
  if (error != NULL)
    mkv_store_call_fail (call, error);
  else
    mkv_store_call_return (call, value, 0);
}

static void
on_backup (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  mkv_local_store_backup_finish (MKV_LOCAL_STORE (source), result, &error);
  end (user_data, NULL, error);
}

void
mkv_store_call_backup (MkvStoreCall *call)
{
  g_autoptr (GCancellable) cancellable = NULL;
  const char *path;
  Upkeep *self;

  g_variant_get_child (call->parameters, 0, "&s", &path);
  if (!g_path_is_absolute (path))
    {
      mkv_store_call_fail (call, g_error_new (MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                                              _("“%s” is not an absolute path: the daemon has its own working folder"),
                                              path));
      return;
    }
  self = begin (call, &cancellable);
  if (self != NULL)
    mkv_local_store_backup_async (MKV_LOCAL_STORE (call->store), path, tell, self, NULL, cancellable, on_backup, self);
}

static void
on_compacted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  mkv_local_store_compact_finish (MKV_LOCAL_STORE (source), result, &error);
  end (user_data, NULL, error);
}

void
mkv_store_call_compact (MkvStoreCall *call)
{
  g_autoptr (GCancellable) cancellable = NULL;
  Upkeep *self = begin (call, &cancellable);

  if (self != NULL)
    mkv_local_store_compact_async (MKV_LOCAL_STORE (call->store), tell, self, NULL, cancellable, on_compacted, self);
}

static void
on_verified (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  g_auto (GStrv) problems = mkv_local_store_verify_finish (MKV_LOCAL_STORE (source), result, &error);

  end (user_data, problems != NULL ? g_variant_new ("(^as)", problems) : NULL, error);
}

void
mkv_store_call_verify (MkvStoreCall *call)
{
  g_autoptr (GCancellable) cancellable = NULL;
  Upkeep *self = begin (call, &cancellable);

  if (self != NULL)
    mkv_local_store_verify_async (MKV_LOCAL_STORE (call->store), tell, self, NULL, cancellable, on_verified, self);
}

static void
on_stats (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  g_autoptr (GVariant) stats = mkv_local_store_get_stats_finish (MKV_LOCAL_STORE (source), result, &error);

  end (user_data, stats != NULL ? g_variant_new ("(@a{sv})", stats) : NULL, error);
}

void
mkv_store_call_get_stats (MkvStoreCall *call)
{
  g_autoptr (GCancellable) cancellable = NULL;
  Upkeep *self = begin (call, &cancellable);

  if (self != NULL)
    mkv_local_store_get_stats_async (MKV_LOCAL_STORE (call->store), cancellable, on_stats, self);
}
