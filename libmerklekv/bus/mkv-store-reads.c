/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-store-call-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-task-private.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-names-private.h"
#include "model/mkv-names.h"

/* Of a reply. */
#define MAX_BYTES (16 * 1024 * 1024)
#define MAX_KEYS 65536
/* As many are read in the loop, like one. */
#define FEW_KEYS 16
/* What an entry takes besides key, value and writer. */
#define ENTRY_BYTES 64

/* A read is shorter than a turn of the loop is long: a thread would cost more. */
void
mkv_store_call_get (MkvStoreCall *call)
{
  const char *key;
  g_autoptr (GBytes) value = NULL;
  GError *error = NULL;
  GVariant *octets;

  g_variant_get_child (call->parameters, 0, "&s", &key);
  value = mkv_store_get (call->store, key, NULL, &error);
  if (value == NULL)
    {
      mkv_store_call_fail (call, error);
      return;
    }
  octets = mkv_bus_value_to_variant (value);
  mkv_store_call_return (call, g_variant_new_tuple (&octets, 1), g_bytes_get_size (value));
}

/* Adds the entry of @key, if there is one and it has room in what is @left. */
static gboolean
add_entry (MkvStore *store, const char *key, GVariantBuilder *entries, gsize *left, gboolean *full, GError **error)
{
  GError *local_error = NULL;
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (store, key, NULL, &local_error);
  gsize value_length, node_id_length, n_bytes;

  if (entry == NULL && g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_error_free (local_error);
      return TRUE;
    }
  if (entry == NULL)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  mkv_entry_peek_value (entry, &value_length);
  mkv_entry_peek_node_id (entry, &node_id_length);
  n_bytes = strlen (key) + value_length + node_id_length + ENTRY_BYTES;
  *full = n_bytes > *left;
  if (*full)
    return TRUE;
  *left -= n_bytes;
  g_variant_builder_add_value (entries, mkv_bus_entry_to_variant (entry));
  return TRUE;
}

/* In any thread. Returns NULL with @error set, or the reply, floating. */
static GVariant *
get_many (MkvStore *store, const char *const *keys, gsize n_keys, gsize *n_bytes, GError **error)
{
  GVariantBuilder entries;
  gsize left = MAX_BYTES, i;
  gboolean full = FALSE;

  g_variant_builder_init (&entries, G_VARIANT_TYPE ("a" MKV_BUS_ENTRY_TYPE));
  for (i = 0; i < n_keys; i++)
    {
      if (!add_entry (store, keys[i], &entries, &left, &full, error))
        {
          g_variant_builder_clear (&entries);
          return NULL;
        }
      if (full)
        break;
    }
  *n_bytes = MAX_BYTES - left;
  return g_variant_new ("(@a" MKV_BUS_ENTRY_TYPE "@as)", g_variant_builder_end (&entries),
                        g_variant_new_strv (keys + i, (gssize) (n_keys - i)));
}

static gboolean
check_keys (const char *const *keys, gsize n_keys, GError **error)
{
  if (n_keys > MAX_KEYS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("At most %d keys are read at once, not %zu"),
                   MAX_KEYS, n_keys);
      return FALSE;
    }
  for (gsize i = 0; i < n_keys; i++)
    if (!mkv_key_check (keys[i], error))
      return FALSE;
  return TRUE;
}

/* The reply is made and sent by the thread, as that too takes its time. */
static void
get_many_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MkvStoreCall *call = task_data;
  g_autofree const char **keys = NULL;
  gsize n_keys, n_bytes = 0;
  GError *error = NULL;
  GVariant *reply;

  g_variant_get_child (call->parameters, 0, "^a&s", &keys);
  n_keys = g_strv_length ((char **) keys);
  reply = get_many (call->store, keys, n_keys, &n_bytes, &error);
  if (reply != NULL)
    g_dbus_method_invocation_return_value (g_object_ref (call->invocation), reply);
  else
    mkv_bus_return_error (g_object_ref (call->invocation), error);
  g_task_return_int (task, (gssize) n_bytes);
}

static void
on_got_many (GObject *source, GAsyncResult *result, gpointer user_data)
{
  mkv_store_call_end (user_data, (gsize) g_task_propagate_int (G_TASK (result), NULL));
}

void
mkv_store_call_get_many (MkvStoreCall *call)
{
  g_autofree const char **keys = NULL;
  gsize n_keys, n_bytes = 0;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  GVariant *reply;

  g_variant_get_child (call->parameters, 0, "^a&s", &keys);
  n_keys = g_strv_length ((char **) keys);
  if (!check_keys (keys, n_keys, &error))
    {
      mkv_store_call_fail (call, error);
      return;
    }
  if (n_keys > FEW_KEYS)
    {
      task = g_task_new (call->store, NULL, on_got_many, call);
      g_task_set_source_tag (task, mkv_store_call_get_many);
      g_task_set_task_data (task, call, NULL);
      mkv_task_run_in_thread (task, get_many_in_thread);
      return;
    }
  reply = get_many (call->store, keys, n_keys, &n_bytes, &error);
  if (reply != NULL)
    mkv_store_call_return (call, reply, n_bytes);
  else
    mkv_store_call_fail (call, error);
}

static void
on_keys (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvStoreCall *call = user_data;
  gboolean more;
  GError *error = NULL;
  g_auto (GStrv) keys = mkv_store_list_keys_finish (MKV_STORE (source), result, &more, &error);
  gsize n_bytes = 0;

  if (keys == NULL)
    {
      mkv_store_call_fail (call, error);
      return;
    }
  for (guint i = 0; keys[i] != NULL; i++)
    n_bytes += strlen (keys[i]);
  mkv_store_call_return (call, g_variant_new ("(^asb)", keys, more), n_bytes);
}

/* Deleted keys have to be passed over, however many: in a thread. */
void
mkv_store_call_keys (MkvStoreCall *call)
{
  const char *prefix, *after;
  guint limit;

  g_variant_get (call->parameters, "(&s&su@a{sv})", &prefix, &after, &limit, NULL);
  mkv_store_list_keys_async (call->store, prefix, *after != '\0' ? after : NULL, limit, NULL, on_keys, call);
}
