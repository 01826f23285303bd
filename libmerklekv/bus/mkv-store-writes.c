/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-store-call-private.h"

#include "bus/mkv-bus-entry-private.h"
#include "store/mkv-store-private.h"

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvStoreCall *call = user_data;
  MkvWrite *write = mkv_store_submit_finish (MKV_STORE (source), result);
  GVariant *reply = NULL;
  gsize n_bytes = 0;

  if (write->error != NULL)
    mkv_store_call_fail (call, g_steal_pointer (&write->error));
  else
    {
      if (write->kind == MKV_WRITE_INCREMENT || write->kind == MKV_WRITE_DECREMENT)
        reply = g_variant_new ("(x)", write->number);
      else if (write->kind == MKV_WRITE_APPEND || write->kind == MKV_WRITE_PREPEND)
        {
          GBytes *value = mkv_entry_get_value (write->entry);

          reply = g_variant_new ("(@ay)", mkv_bus_value_to_variant (value));
          n_bytes = g_bytes_get_size (value);
        }
      mkv_store_call_return (call, reply, n_bytes);
    }
  mkv_write_free (write);
}

/* Asynchronous, so that those of many callers are committed together. */
static void
submit (MkvStoreCall *call, MkvWrite *write)
{
  mkv_store_submit_async (call->store, write, NULL, on_written, call);
}

static void
write_octets (MkvStoreCall *call, MkvWriteKind kind)
{
  const char *key;
  g_autoptr (GVariant) octets = NULL;
  g_autoptr (GBytes) value = NULL;

  g_variant_get (call->parameters, "(&s@ay@a{sv})", &key, &octets, NULL);
  value = mkv_bus_value_from_variant (octets);
  submit (call, mkv_write_new (kind, key, value));
}

void
mkv_store_call_set (MkvStoreCall *call)
{
  write_octets (call, MKV_WRITE_SET);
}

void
mkv_store_call_append (MkvStoreCall *call)
{
  write_octets (call, MKV_WRITE_APPEND);
}

void
mkv_store_call_prepend (MkvStoreCall *call)
{
  write_octets (call, MKV_WRITE_PREPEND);
}

void
mkv_store_call_delete (MkvStoreCall *call)
{
  const char *key;

  g_variant_get_child (call->parameters, 0, "&s", &key);
  submit (call, mkv_write_new (MKV_WRITE_DELETE, key, NULL));
}

static void
write_number (MkvStoreCall *call, MkvWriteKind kind)
{
  const char *key;
  gint64 amount;
  MkvWrite *write;

  g_variant_get (call->parameters, "(&sx@a{sv})", &key, &amount, NULL);
  write = mkv_write_new (kind, key, NULL);
  write->amount = amount;
  submit (call, write);
}

void
mkv_store_call_increment (MkvStoreCall *call)
{
  write_number (call, MKV_WRITE_INCREMENT);
}

void
mkv_store_call_decrement (MkvStoreCall *call)
{
  write_number (call, MKV_WRITE_DECREMENT);
}

void
mkv_store_call_set_many (MkvStoreCall *call)
{
  g_autoptr (GVariant) pairs = g_variant_get_child_value (call->parameters, 0);
  gsize n = g_variant_n_children (pairs);
  char **keys = g_new0 (char *, n + 1);
  MkvWrite *write = mkv_write_new (MKV_WRITE_SET_MANY, NULL, NULL);

  write->values = g_ptr_array_new_full ((guint) n, (GDestroyNotify) g_bytes_unref);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) octets = NULL;

      g_variant_get_child (pairs, i, "(s@ay)", &keys[i], &octets);
      g_ptr_array_add (write->values, mkv_bus_value_from_variant (octets));
    }
  write->keys = (const char *const *) keys;
  submit (call, write);
}
