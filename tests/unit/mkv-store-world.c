/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-store-world.h"

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-storage-memory.h"

MkvStore *
store_world_open_as (StoreWorld *f, const char *node_id, GError **error)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, FALSE, MKV_MAX_EVENT_BYTES };

  return (MkvStore *) mkv_local_store_new_full (f->storage, node_id, MKV_CLOCK (f->clock), f->observer, &policy,
                                                error);
}

void
store_world_set_up (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->clock = mkv_manual_clock_new (NOW);
  f->observer = mkv_observer_new (MKV_CLOCK (f->clock));
  f->storage = mkv_storage_memory_new ();
  f->store = store_world_open_as (f, "m", &error);
  g_assert_no_error (error);
}

void
store_world_tear_down (StoreWorld *f, gconstpointer data)
{
  g_object_add_weak_pointer (G_OBJECT (f->store), (gpointer *) &f->store);
  g_object_unref (f->store);
  g_assert_null (f->store);
  g_object_unref (f->storage);
  g_object_unref (f->observer);
  g_object_unref (f->clock);
}

void
store_world_set (StoreWorld *f, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GError) error = NULL;

  mkv_store_set (f->store, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

void
store_world_assert_value (StoreWorld *f, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, &error);
  g_autofree char *text = NULL;

  if (value == NULL)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      return;
    }
  g_assert_no_error (error);
  text = mkv_entry_dup_text (entry);
  g_assert_cmpstr (text, ==, value);
}

MkvEntry *
store_world_make (const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, NULL);

  g_assert_nonnull (entry);
  return entry;
}

MkvWrite *
store_world_submit (StoreWorld *f, MkvWriteKind kind, GPtrArray *entries)
{
  g_autoptr (GAsyncResult) result = NULL;
  MkvWrite *write = mkv_write_new (kind, NULL, NULL);

  write->origin = MKV_ORIGIN_EVENT;
  if (entries != NULL)
    write->entries = g_ptr_array_ref (entries);
  mkv_store_submit_async (f->store, write, NULL, mkv_test_store_result, &result);
  return mkv_store_submit_finish (f->store, mkv_test_wait_result (&result));
}

void
store_world_apply (StoreWorld *f, MkvEntry *entry, guint n_applied, guint n_stale, guint n_duplicate, guint n_future)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  MkvWrite *write;

  g_ptr_array_add (entries, entry);
  write = store_world_submit (f, MKV_WRITE_APPLY, entries);
  g_assert_no_error (write->error);
  g_assert_cmpuint (write->n_applied, ==, n_applied);
  g_assert_cmpuint (write->n_stale, ==, n_stale);
  g_assert_cmpuint (write->n_duplicate, ==, n_duplicate);
  g_assert_cmpuint (write->n_future, ==, n_future);
  mkv_write_free (write);
}

void
store_world_assert_outbox (StoreWorld *f, const char *expected)
{
  g_autoptr (GError) error = NULL;
  gint64 last;
  g_autoptr (GPtrArray) entries = mkv_local_store_list_outbox ((MkvLocalStore *) f->store, 0, 100, &last, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < entries->len; i++)
    {
      g_autofree char *value = mkv_entry_dup_text (entries->pdata[i]);

      g_string_append_printf (text, "%s%s=%s", i > 0 ? " " : "", mkv_entry_get_key (entries->pdata[i]),
                              value != NULL ? value : "-");
    }
  g_assert_cmpstr (text->str, ==, expected);
}
