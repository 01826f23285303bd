/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-sealed-world.h"

#include <string.h>

#include "mkv-test.h"

GBytes *
mkv_sealed_world_key (char letter)
{
  g_autofree char *text = g_strnfill (MKV_STORAGE_KEY_BYTES, letter);

  return mkv_test_bytes (text);
}

MkvStorage *
mkv_sealed_world_open (MkvStorage *inner, char letter, char other, GError **error)
{
  g_autoptr (GBytes) key = letter != 0 ? mkv_sealed_world_key (letter) : NULL;
  g_autoptr (GBytes) other_key = other != 0 ? mkv_sealed_world_key (other) : NULL;
  g_autoptr (MkvSealedStorage) storage = mkv_sealed_storage_new (inner, key);

  if (other_key != NULL)
    mkv_sealed_storage_add_key (storage, other_key);
  if (!mkv_storage_open (MKV_STORAGE (storage), NULL, NULL, error))
    return NULL;
  return MKV_STORAGE (g_steal_pointer (&storage));
}

MkvStorage *
mkv_sealed_world_open_well (MkvStorage *inner, char letter)
{
  g_autoptr (GError) error = NULL;
  MkvStorage *storage = mkv_sealed_world_open (inner, letter, 0, &error);

  g_assert_no_error (error);
  return storage;
}

MkvEntry *
mkv_sealed_world_entry (const char *key, const char *value, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, 1700000000000 + seq, node_id, seq, &error);

  g_assert_no_error (error);
  return entry;
}

void
mkv_sealed_world_put (MkvStorage *storage, MkvEntry *entry)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GError) error = NULL;

  mkv_storage_batch_put (batch, entry);
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
}

void
mkv_sealed_world_set_meta (MkvStorage *storage, const char *name, GBytes *value)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GError) error = NULL;

  mkv_storage_batch_set_meta (batch, name, value);
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
}

GBytes *
mkv_sealed_world_get_meta (MkvStorage *storage, const char *name)
{
  g_autoptr (GError) error = NULL;
  GBytes *value = mkv_storage_get_meta (storage, name, &error);

  g_assert_no_error (error);
  return value;
}

static void
assert_same (MkvEntry *entry, MkvEntry *expected)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry), *expected_stamp = mkv_entry_get_stamp (expected);
  gsize length, expected_length;
  const guint8 *value = mkv_entry_peek_value (entry, &length);
  const guint8 *expected_value = mkv_entry_peek_value (expected, &expected_length);

  g_assert_cmpstr (mkv_entry_get_key (entry), ==, mkv_entry_get_key (expected));
  g_assert_cmpint (stamp->timestamp, ==, expected_stamp->timestamp);
  g_assert_cmpint (stamp->seq, ==, expected_stamp->seq);
  g_assert_cmpstr (stamp->node_id, ==, expected_stamp->node_id);
  g_assert_cmpint (value == NULL, ==, expected_value == NULL);
  g_assert_cmpmem (value, length, expected_value, expected_length);
  g_assert_cmpmem (mkv_entry_peek_digest (entry), 32, mkv_entry_peek_digest (expected), 32);
}

void
mkv_sealed_world_assert_entry (MkvStorage *storage, MkvEntry *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (storage, mkv_entry_get_key (expected), &error);

  g_assert_no_error (error);
  assert_same (entry, expected);
}

static MkvEntry *
make_filling (guint i, guint round)
{
  g_autofree char *key = g_strdup_printf ("key/%05u", i);
  g_autofree char *value = g_strdup_printf ("secret value %u of round %u", i, round);
  g_autofree char *node_id = g_strnfill (i % 5 == 0 ? 60 + i % 3 : 10, "abc"[i % 3]);

  return mkv_sealed_world_entry (key, i % 7 == 0 ? NULL : value, node_id, 1 + i + round * 100000);
}

void
mkv_sealed_world_fill (MkvStorage *storage, guint n, guint round)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MkvEntry) entry = make_filling (i, round);
      g_autofree char *name = g_strdup_printf ("meta/%05u", i);
      g_autofree char *text = g_strdup_printf ("secret record %u of round %u", i, round);
      g_autoptr (GBytes) value = mkv_test_bytes (text);

      mkv_storage_batch_put (batch, entry);
      mkv_storage_batch_set_meta (batch, name, value);
    }
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
}

void
mkv_sealed_world_assert_filled (MkvStorage *storage, guint n, guint round)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_storage_scan (storage, "key/", NULL, n + 1, &error);
  g_autoptr (GPtrArray) names = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (entries->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MkvEntry) expected = make_filling (i, round);

      assert_same (entries->pdata[i], expected);
    }
  names = mkv_storage_scan_meta (storage, "meta/", NULL, n + 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (names->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = g_strdup_printf ("secret record %u of round %u", i, round);
      g_autoptr (GBytes) value = mkv_sealed_world_get_meta (storage, names->pdata[i]);

      g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), text, strlen (text));
    }
}

gboolean
mkv_sealed_world_rekey (MkvStorage *storage, char letter, GCancellable *cancellable, GError **error)
{
  g_autoptr (GBytes) key = letter != 0 ? mkv_sealed_world_key (letter) : NULL;
  g_autoptr (GAsyncResult) result = NULL;

  mkv_sealed_storage_rekey_async (MKV_SEALED_STORAGE (storage), key, NULL, NULL, NULL, cancellable,
                                  mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  return mkv_sealed_storage_rekey_finish (MKV_SEALED_STORAGE (storage), result, error);
}
