/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-sealed-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test-storage.h"
#include "mkv-test.h"
#include "store/mkv-local-store.h"

typedef struct
{
  MkvStorage *inner;
  MkvStorage *storage;
} World;

static void
set_up (World *w, gconstpointer data)
{
  w->inner = mkv_storage_memory_new ();
  w->storage = mkv_sealed_world_open_well (w->inner, 'k');
}

static void
tear_down (World *w, gconstpointer data)
{
  g_clear_object (&w->storage);
  g_clear_object (&w->inner);
}

static void
reopen (World *w)
{
  g_assert_true (mkv_storage_close (w->storage, NULL));
  g_object_unref (w->storage);
  w->storage = mkv_sealed_world_open_well (w->inner, 'k');
}

static void
test_round_trip (World *w, gconstpointer data)
{
  static const guint lengths[] = { 1, 10, 44, 45, 46, 47, 127, MKV_MAX_NAME_BYTES };
  g_autofree char *large = g_strnfill (MKV_MAX_VALUE_BYTES, 'L');
  g_autofree char *longest = g_strnfill (MKV_MAX_KEY_BYTES, 'K');
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (GBytes) octets = g_bytes_new_static ("\0\xff", 2);
  guint64 n_entries, n_tombstones, n_bytes;

  g_test_summary ("What is sealed comes back as it was: values, tombstones, and stamps of every length");
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *key = g_strdup_printf ("live/%u", i), *gone = g_strdup_printf ("gone/%u", i);
      g_autofree char *node_id = g_strnfill (lengths[i], 'n');

      g_ptr_array_add (entries, mkv_sealed_world_entry (key, "value", node_id, i + 1));
      g_ptr_array_add (entries, mkv_sealed_world_entry (gone, NULL, node_id, i + 1));
    }
  g_ptr_array_add (entries, mkv_sealed_world_entry ("large", large, "n", 1));
  g_ptr_array_add (entries, mkv_sealed_world_entry (longest, "v", "n", 1));
  g_ptr_array_add (entries, mkv_entry_new ("binary", octets, MKV_MAX_TIMESTAMP, "n", G_MAXINT64, NULL));
  g_ptr_array_add (entries, mkv_sealed_world_entry ("empty", "", "n", 5));
  for (guint i = 0; i < entries->len; i++)
    mkv_sealed_world_put (w->storage, entries->pdata[i]);
  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < entries->len; i++)
        mkv_sealed_world_assert_entry (w->storage, entries->pdata[i]);
      g_assert_true (mkv_storage_stats (w->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
      g_assert_cmpuint (n_tombstones, ==, G_N_ELEMENTS (lengths));
      g_assert_cmpuint (n_entries, ==, entries->len - G_N_ELEMENTS (lengths));
      reopen (w);
    }
}

static gboolean
contains (gconstpointer octets, gsize length, const char *text)
{
  return length > 0 && memmem (octets, length, text, strlen (text)) != NULL;
}

static void
test_hidden (World *w, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = NULL, names = NULL;
  guint n_sealed = 0;

  g_test_summary ("The inner storage has keys, names and tombstones, and nothing else that can be read");
  mkv_sealed_world_fill (w->storage, 50, 0);
  entries = mkv_storage_scan (w->inner, NULL, NULL, 1000, NULL);
  g_assert_cmpuint (entries->len, ==, 50);
  for (guint i = 0; i < entries->len; i++)
    {
      const MkvStamp *stamp = mkv_entry_get_stamp (entries->pdata[i]);
      gsize length;
      const guint8 *value = mkv_entry_peek_value (entries->pdata[i], &length);

      g_assert_cmpint (value == NULL, ==, i % 7 == 0);
      g_assert_false (contains (value, length, "secret"));
      g_assert_cmpint (stamp->timestamp, ==, 0);
      g_assert_cmpint (stamp->seq, ==, 1);
      g_assert_null (strstr (stamp->node_id, "aaaaaaa"));
    }
  names = mkv_storage_scan_meta (w->inner, NULL, NULL, 1000, NULL);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GBytes) value = mkv_sealed_world_get_meta (w->inner, names->pdata[i]);

      g_assert_false (contains (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "secret"));
      g_assert_false (contains (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "aaaaaaa"));
      n_sealed += !g_str_has_prefix (names->pdata[i], "meta/");
    }
  /* The record, and three nodes with long ids. */
  g_assert_cmpuint (n_sealed, ==, 4);
}

static void
test_own_names (World *w, gconstpointer data)
{
  static const char *const own[] = { "sealed", "sealed/node/00000000", "sealed/x" };
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("v");

  g_test_summary ("Who uses a sealed storage neither sees nor touches what it keeps for itself");
  mkv_sealed_world_fill (w->storage, 20, 0);
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_storage_get_meta (w->storage, own[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      g_clear_error (&error);
      mkv_storage_batch_set_meta (batch, own[i], value);
      g_assert_false (mkv_storage_apply (w->storage, batch, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
    }
  mkv_sealed_world_set_meta (w->storage, "sealed-not", value);
  mkv_sealed_world_set_meta (w->storage, "zz", value);
  names = mkv_storage_scan_meta (w->storage, NULL, "meta/00018", 3, NULL);
  g_assert_cmpuint (names->len, ==, 3);
  g_assert_cmpstr (names->pdata[0], ==, "meta/00019");
  g_assert_cmpstr (names->pdata[1], ==, "sealed-not");
  g_assert_cmpstr (names->pdata[2], ==, "zz");
}

static void
assert_refused (MkvStorage *inner, char letter, char other, const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open (inner, letter, other, &error);

  g_assert_null (storage);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, what));
  g_assert_null (strstr (error->message, "kkk"));
}

static void
test_keys (World *w, gconstpointer data)
{
  g_autoptr (MkvStorage) plain = mkv_storage_memory_new ();
  g_autoptr (GBytes) key = mkv_sealed_world_key ('k'), half = g_bytes_new_from_bytes (key, 0, 16),
                     value = mkv_test_bytes ("v");
  g_autoptr (MkvSealedStorage) short_one = NULL;
  g_autoptr (MkvStorage) both = NULL, without = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A wrong key, none, one of another length and one too many are errors of their own");
  mkv_sealed_world_set_meta (w->storage, "m", value);
  g_clear_object (&w->storage);
  assert_refused (w->inner, 'x', 0, "another");
  assert_refused (w->inner, 0, 0, "no key is given");
  g_assert_null (mkv_local_store_new (w->inner, "n", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "encrypted, and no key is given"));
  g_clear_error (&error);
  short_one = mkv_sealed_storage_new (w->inner, half);
  g_assert_false (mkv_storage_open (MKV_STORAGE (short_one), NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "32 octets"));
  g_clear_error (&error);
  /* The second is for what was not finished. */
  assert_refused (w->inner, 'x', 'k', "another");
  both = mkv_sealed_world_open (w->inner, 'k', 'x', &error);
  g_assert_no_error (error);

  without = mkv_sealed_world_open_well (plain, 0);
  mkv_sealed_world_fill (without, 10, 0);
  mkv_sealed_world_assert_filled (plain, 10, 0);
  g_assert_true (mkv_storage_close (without, NULL));
  assert_refused (plain, 'k', 0, "not encrypted, but a key is given");
}

static void
test_other_record (World *w, gconstpointer data)
{
  static const struct
  {
    const char *text;
    gint code;
  } records[] = {
    { "2 anything at all", MKV_ERROR_NOT_SUPPORTED },
    { "", MKV_ERROR_CORRUPT },
    { "1", MKV_ERROR_CORRUPT },
    { "1 plain", MKV_ERROR_CORRUPT },
    { "1 plain from plain", MKV_ERROR_CORRUPT },
    { "1 00112233445566778899aabbccddeeff:00112233445566778899aabbccddee", MKV_ERROR_CORRUPT },
    { "1 00112233445566778899aabbccddeeff:00112233445566778899aabbccddeexx", MKV_ERROR_CORRUPT },
    { "1 00112233445566778899aabbccddeeff:00112233445566778899aabbccddeeff from", MKV_ERROR_CORRUPT },
    { "1 00112233445566778899aabbccddeeff:00112233445566778899aabbccddeeff", MKV_ERROR_CONFIGURATION },
  };

  g_test_summary ("A record that is damaged or of another version is told from a wrong key");
  g_clear_object (&w->storage);
  for (guint i = 0; i < G_N_ELEMENTS (records); i++)
    {
      g_autoptr (GBytes) record = mkv_test_bytes (records[i].text);
      g_autoptr (GError) error = NULL;

      mkv_sealed_world_set_meta (w->inner, "sealed", record);
      g_assert_null (mkv_sealed_world_open (w->inner, 'k', 0, &error));
      g_assert_error (error, MKV_ERROR, records[i].code);
    }
}

static void
assert_corrupt (MkvStorage *storage, const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (storage, key, &error);
  g_autoptr (GPtrArray) entries = NULL;

  g_assert_null (entry);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, key));
  g_assert_null (strstr (error->message, "value"));
  g_clear_error (&error);
  entries = mkv_storage_scan (storage, key, NULL, 1, &error);
  g_assert_null (entries);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
}

static void
put_inner (MkvStorage *inner, const char *key, const guint8 *value, gsize length, gint64 timestamp,
           const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? g_bytes_new (value, length) : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, &error);

  g_assert_no_error (error);
  mkv_sealed_world_put (inner, entry);
}

static void
test_tampering (World *w, gconstpointer data)
{
  g_autoptr (MkvEntry) entry = mkv_sealed_world_entry ("k", "the value", "node", 1), sealed = NULL;
  g_autofree guint8 *value = NULL;
  g_autofree char *node_id = NULL;
  gsize length;
  const guint8 *octets;

  g_test_summary ("Whatever octet of a sealed entry is changed, it is an error and never another value");
  mkv_sealed_world_put (w->storage, entry);
  sealed = mkv_storage_get (w->inner, "k", NULL);
  octets = mkv_entry_peek_value (sealed, &length);
  value = g_memdup2 (octets, length);
  node_id = g_strdup (mkv_entry_get_stamp (sealed)->node_id);
  for (gsize i = 0; i < length; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        value[i] ^= (guint8) (1u << bit);
        put_inner (w->inner, "k", value, length, 0, node_id, 1);
        assert_corrupt (w->storage, "k");
        value[i] ^= (guint8) (1u << bit);
      }
  for (gsize i = 0; node_id[i] != 0; i++)
    for (const char *c = "ABQgwx-_5.:"; *c != 0; c++)
      {
        char old = node_id[i];

        if (*c == old)
          continue;
        node_id[i] = *c;
        put_inner (w->inner, "k", value, length, 0, node_id, 1);
        assert_corrupt (w->storage, "k");
        node_id[i] = old;
      }
  put_inner (w->inner, "k", value, length - 1, 0, node_id, 1);
  assert_corrupt (w->storage, "k");
  put_inner (w->inner, "k", NULL, 0, 0, node_id, 1);
  assert_corrupt (w->storage, "k");
  put_inner (w->inner, "k", value, length, 1, node_id, 1);
  assert_corrupt (w->storage, "k");
  put_inner (w->inner, "k", value, length, 0, node_id, 2);
  assert_corrupt (w->storage, "k");
  put_inner (w->inner, "k", value, length, 0, "somebody", 1);
  assert_corrupt (w->storage, "k");
  node_id[strlen (node_id) - 4] = 0;
  put_inner (w->inner, "k", value, length, 0, node_id, 1);
  assert_corrupt (w->storage, "k");
  mkv_sealed_world_put (w->inner, sealed);
  mkv_sealed_world_assert_entry (w->storage, entry);
}

static void
test_swapped (World *w, gconstpointer data)
{
  g_autoptr (MkvEntry) a = mkv_sealed_world_entry ("a", "1", "n", 1), b = mkv_sealed_world_entry ("b", "2", "n", 2),
                       empty = mkv_sealed_world_entry ("e", "", "n", 3), gone = mkv_sealed_world_entry ("g", NULL, "n", 4),
                       sealed_a = NULL, sealed_empty = NULL, sealed_gone = NULL;
  gsize length;
  const guint8 *octets;

  g_test_summary ("A value of another key is refused, and so is a deletion that was none");
  mkv_sealed_world_put (w->storage, a);
  mkv_sealed_world_put (w->storage, b);
  mkv_sealed_world_put (w->storage, empty);
  mkv_sealed_world_put (w->storage, gone);
  sealed_a = mkv_storage_get (w->inner, "a", NULL);
  octets = mkv_entry_peek_value (sealed_a, &length);
  put_inner (w->inner, "b", octets, length, 0, mkv_entry_get_stamp (sealed_a)->node_id, 1);
  assert_corrupt (w->storage, "b");
  sealed_empty = mkv_storage_get (w->inner, "e", NULL);
  put_inner (w->inner, "e", NULL, 0, 0, mkv_entry_get_stamp (sealed_empty)->node_id, 1);
  assert_corrupt (w->storage, "e");
  sealed_gone = mkv_storage_get (w->inner, "g", NULL);
  put_inner (w->inner, "g", (const guint8 *) "", 0, 0, mkv_entry_get_stamp (sealed_gone)->node_id, 1);
  assert_corrupt (w->storage, "g");
}

static void
test_meta (World *w, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("answer"), nothing = g_bytes_new_static ("", 0), sealed = NULL, read = NULL,
                     empty = NULL;
  gsize length;
  guint8 *octets;

  g_test_summary ("Meta is sealed too, each under its own name");
  mkv_sealed_world_set_meta (w->storage, "m", value);
  mkv_sealed_world_set_meta (w->storage, "empty", nothing);
  read = mkv_sealed_world_get_meta (w->storage, "m");
  g_assert_true (g_bytes_equal (read, value));
  empty = mkv_sealed_world_get_meta (w->storage, "empty");
  g_assert_cmpuint (g_bytes_get_size (empty), ==, 0);
  sealed = mkv_sealed_world_get_meta (w->inner, "m");
  length = g_bytes_get_size (sealed);
  octets = g_memdup2 (g_bytes_get_data (sealed, NULL), length);
  for (gsize i = 0; i <= length; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) changed = NULL;

      if (i < length)
        octets[i] ^= 1;
      changed = g_bytes_new (octets, i < length ? length : length - 1);
      if (i < length)
        octets[i] ^= 1;
      mkv_sealed_world_set_meta (w->inner, "m", changed);
      g_assert_null (mkv_storage_get_meta (w->storage, "m", &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
    }
  g_free (octets);
  mkv_sealed_world_set_meta (w->inner, "other", sealed);
  g_assert_null (mkv_storage_get_meta (w->storage, "other", NULL));
  mkv_sealed_world_set_meta (w->inner, "m", sealed);
  g_bytes_unref (mkv_sealed_world_get_meta (w->storage, "m"));
}

static void
test_failing (World *w, gconstpointer data)
{
  g_autoptr (MkvTestStorage) inner = mkv_test_storage_new ();
  g_autoptr (MkvStorage) storage = mkv_sealed_world_open_well (MKV_STORAGE (inner), 'k');
  g_autofree char *node_id = g_strnfill (100, 'n');
  g_autoptr (MkvEntry) first = mkv_sealed_world_entry ("a", "1", node_id, 1),
                       second = mkv_sealed_world_entry ("b", "2", node_id, 2);
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (MkvStorage) again = NULL;

  g_test_summary ("A node's number that could not be stored is stored with the next entry");
  mkv_test_storage_fail (inner, TRUE);
  mkv_storage_batch_put (batch, first);
  g_assert_false (mkv_storage_apply (storage, batch, NULL));
  mkv_test_storage_fail (inner, FALSE);
  mkv_sealed_world_put (storage, second);
  g_clear_object (&storage);
  again = mkv_sealed_world_open_well (MKV_STORAGE (inner), 'k');
  mkv_sealed_world_assert_entry (again, second);
}

static void
test_verify (World *w, gconstpointer data)
{
  g_auto (GStrv) problems = NULL, none = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) garbage = mkv_test_bytes ("garbage");

  g_test_summary ("verify tells everything that can't be opened");
  mkv_sealed_world_fill (w->storage, 300, 0);
  none = mkv_storage_verify (w->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  put_inner (w->inner, "key/00299", (const guint8 *) "x", 1, 5, "somebody", 1);
  mkv_sealed_world_set_meta (w->inner, "meta/00007", garbage);
  problems = mkv_storage_verify (w->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (problems), ==, 2);
  g_assert_nonnull (strstr (problems[0], "key/00299"));
  g_assert_nonnull (strstr (problems[1], "meta/00007"));
}

static void
test_repair (World *w, gconstpointer data)
{
  g_autoptr (GBytes) key = mkv_sealed_world_key ('k'), garbage = mkv_test_bytes ("garbage");
  g_autoptr (MkvSealedStorage) closed = mkv_sealed_storage_new (w->inner, key);
  g_autoptr (MkvEntry) kept = mkv_sealed_world_entry ("key/00001", "secret value 1 of round 0", "bbbbbbbbbb", 2);
  g_auto (GStrv) done = NULL, problems = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("repair sets aside what can't be opened, and keeps it");
  mkv_sealed_world_fill (w->storage, 300, 0);
  put_inner (w->inner, "key/00299", (const guint8 *) "x", 1, 5, "somebody", 1);
  mkv_sealed_world_set_meta (w->inner, "meta/00007", garbage);
  g_assert_true (mkv_storage_close (w->storage, NULL));
  done = mkv_storage_repair (MKV_STORAGE (closed), "/nowhere", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (done), ==, 2);
  g_clear_object (&w->storage);
  w->storage = mkv_sealed_world_open_well (w->inner, 'k');
  problems = mkv_storage_verify (w->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (problems), ==, 0);
  g_assert_null (mkv_storage_get (w->storage, "key/00299", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  mkv_sealed_world_assert_entry (w->storage, kept);
  names = mkv_storage_scan_meta (w->inner, "sealed/damaged/", NULL, 10, NULL);
  g_assert_cmpuint (names->len, ==, 2);
}

static void
test_store (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvLocalStore) store = mkv_local_store_new (w->storage, "n", &error);
  g_autoptr (GBytes) value = mkv_test_bytes ("a secret"), read = NULL;

  g_test_summary ("A store on a sealed storage is a store like any other");
  g_assert_no_error (error);
  mkv_store_set (MKV_STORE (store), "k", value, NULL, &error);
  g_assert_no_error (error);
  mkv_store_delete (MKV_STORE (store), "gone", NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&store);
  reopen (w);
  store = mkv_local_store_new (w->storage, "n", &error);
  g_assert_no_error (error);
  read = mkv_store_get (MKV_STORE (store), "k", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (read, value));
}

#define ADD(name, func) g_test_add ("/sealed-storage/" name, World, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  ADD ("round-trip", test_round_trip);
  ADD ("hidden", test_hidden);
  ADD ("own-names", test_own_names);
  ADD ("keys", test_keys);
  ADD ("other-record", test_other_record);
  ADD ("tampering", test_tampering);
  ADD ("swapped", test_swapped);
  ADD ("meta", test_meta);
  ADD ("failing", test_failing);
  ADD ("verify", test_verify);
  ADD ("repair", test_repair);
  ADD ("store", test_store);
  return g_test_run ();
}
