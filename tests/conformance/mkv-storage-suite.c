/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-storage-suite.h"

#include <string.h>

#include "mkv-test.h"

typedef struct
{
  MkvStorage *storage;
  char *folder;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  MkvStorageMake make_storage = (MkvStorageMake) data;
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("mkv-storage-XXXXXX", &error);
  g_assert_no_error (error);
  f->storage = make_storage ();
  mkv_storage_open (f->storage, f->folder, NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  mkv_storage_close (f->storage, &error);
  g_assert_no_error (error);
  g_object_unref (f->storage);
  mkv_test_remove_folder (f->folder);
  g_free (f->folder);
}

static MkvEntry *
make (const char *key, const char *value, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, 1700000000000, "n", seq, &error);

  g_assert_no_error (error);
  return entry;
}

static void
put (MkvStorage *storage, const char *key, const char *value, gint64 seq)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (MkvEntry) entry = make (key, value, seq);
  g_autoptr (GError) error = NULL;

  mkv_storage_batch_put (batch, entry);
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
}

static void
assert_entry (MkvStorage *storage, MkvEntry *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (storage, mkv_entry_get_key (expected), &error);

  g_assert_no_error (error);
  g_assert_cmpstr (mkv_entry_get_key (entry), ==, mkv_entry_get_key (expected));
  g_assert_cmpint (mkv_entry_compare (entry, expected), ==, 0);
  g_assert_cmpint (mkv_entry_is_tombstone (entry), ==, mkv_entry_is_tombstone (expected));
}

static void
assert_absent (MkvStorage *storage, const char *key)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mkv_storage_get (storage, key, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
}

static char *
scan (MkvStorage *storage, const char *prefix, const char *after, guint limit)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_storage_scan (storage, prefix, after, limit, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < entries->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", mkv_entry_get_key (entries->pdata[i]));
  return g_string_free (text, FALSE);
}

#define assert_scan(storage, prefix, after, limit, expected)           \
  G_STMT_START                                                         \
  {                                                                    \
    g_autofree char *scan_text = scan (storage, prefix, after, limit); \
    g_assert_cmpstr (scan_text, ==, expected);                         \
  }                                                                    \
  G_STMT_END

static void
test_entries (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvEntry) first = make ("k", "1", 1), second = make ("k", "2", 2), gone = make ("k", NULL, 3),
                       empty = make ("e", "", 4);
  g_autoptr (GBytes) octets = g_bytes_new_static ("\0\xff\n", 3);
  g_autoptr (MkvEntry) binary = mkv_entry_new ("b", octets, 0, "n", G_MAXINT64, NULL);
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (MkvStorageBatch) removal = mkv_storage_batch_new (MKV_DURABILITY_NONE);

  g_test_summary ("What was put last is there, tombstones and odd octets too, until it is removed");
  assert_absent (f->storage, "k");
  put (f->storage, "k", "1", 1);
  assert_entry (f->storage, first);
  put (f->storage, "k", "2", 2);
  assert_entry (f->storage, second);
  mkv_storage_batch_put (batch, gone);
  mkv_storage_batch_put (batch, empty);
  mkv_storage_batch_put (batch, binary);
  g_assert_true (mkv_storage_apply (f->storage, batch, NULL));
  assert_entry (f->storage, gone);
  assert_entry (f->storage, empty);
  assert_entry (f->storage, binary);
  mkv_storage_batch_remove (removal, "k");
  mkv_storage_batch_remove (removal, "never there");
  g_assert_true (mkv_storage_apply (f->storage, removal, NULL));
  assert_absent (f->storage, "k");
  assert_entry (f->storage, empty);
}

static void
test_batch (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (MkvEntry) older = make ("k", "1", 1), newer = make ("k", "2", 2);
  g_autoptr (GBytes) a = mkv_test_bytes ("a"), b = mkv_test_bytes ("b"), kept = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Within a batch the later of two changes to one key or name counts");
  mkv_storage_batch_put (batch, older);
  mkv_storage_batch_put (batch, newer);
  mkv_storage_batch_set_meta (batch, "m", a);
  mkv_storage_batch_set_meta (batch, "m", b);
  mkv_storage_batch_set_meta (batch, "x", a);
  mkv_storage_batch_set_meta (batch, "x", NULL);
  g_assert_true (mkv_storage_apply (f->storage, batch, NULL));
  assert_entry (f->storage, newer);
  kept = mkv_storage_get_meta (f->storage, "m", NULL);
  g_assert_true (g_bytes_equal (kept, b));
  g_assert_null (mkv_storage_get_meta (f->storage, "x", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
}

static void
test_scan (Fixture *f, gconstpointer data)
{
  g_test_summary ("Scans come in bytewise order, from behind a key, within a prefix, page by page");
  assert_scan (f->storage, NULL, NULL, 10, "");
  put (f->storage, "b", "", 1);
  put (f->storage, "a/2", NULL, 2);
  put (f->storage, "a/10", "", 3);
  put (f->storage, "ä", "", 4);
  put (f->storage, "B", "", 5);
  put (f->storage, "a", "", 6);
  put (f->storage, "a0", "", 7);
  assert_scan (f->storage, NULL, NULL, 100, "B a a/10 a/2 a0 b ä");
  assert_scan (f->storage, NULL, NULL, 3, "B a a/10");
  assert_scan (f->storage, NULL, "a/10", 3, "a/2 a0 b");
  assert_scan (f->storage, NULL, "a/11", 1, "a/2");
  assert_scan (f->storage, "a/", NULL, 100, "a/10 a/2");
  assert_scan (f->storage, "a/", "a/10", 100, "a/2");
  assert_scan (f->storage, "a/", "A", 100, "a/10 a/2");
  assert_scan (f->storage, "a/", "b", 100, "");
  assert_scan (f->storage, "ä", NULL, 100, "ä");
  assert_scan (f->storage, NULL, "ä", 100, "");
}

static void
test_meta (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0), octets = g_bytes_new_static ("\0\1\xff", 3), kept = NULL,
                     nothing = NULL;
  g_autofree char *longest = g_strnfill (400, 'x');
  g_autoptr (GPtrArray) names = NULL, rest = NULL;

  g_test_summary ("Meta keeps any octets under its names, apart from the entries, listed in order");
  put (f->storage, "o/1", "entry", 1);
  mkv_storage_batch_set_meta (batch, "o/2", empty);
  mkv_storage_batch_set_meta (batch, "o/1", octets);
  mkv_storage_batch_set_meta (batch, "p", empty);
  mkv_storage_batch_set_meta (batch, longest, octets);
  g_assert_true (mkv_storage_apply (f->storage, batch, NULL));
  kept = mkv_storage_get_meta (f->storage, "o/1", NULL);
  g_assert_true (g_bytes_equal (kept, octets));
  nothing = mkv_storage_get_meta (f->storage, "o/2", NULL);
  g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
  names = mkv_storage_scan_meta (f->storage, "o/", NULL, 10, NULL);
  g_assert_cmpuint (names->len, ==, 2);
  g_assert_cmpstr (names->pdata[0], ==, "o/1");
  g_assert_cmpstr (names->pdata[1], ==, "o/2");
  rest = mkv_storage_scan_meta (f->storage, NULL, "o/2", 10, NULL);
  g_assert_cmpuint (rest->len, ==, 2);
  g_assert_cmpstr (rest->pdata[1], ==, longest);
}

static void
test_stats (Fixture *f, gconstpointer data)
{
  guint64 n_entries, n_tombstones, n_bytes;

  g_test_summary ("Live entries and tombstones are counted as they come, change and go");
  put (f->storage, "a", "1", 1);
  put (f->storage, "b", "1", 2);
  put (f->storage, "b", NULL, 3);
  put (f->storage, "c", NULL, 4);
  put (f->storage, "c", "1", 5);
  put (f->storage, "d", NULL, 6);
  g_assert_true (mkv_storage_stats (f->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
  g_assert_cmpuint (n_entries, ==, 2);
  g_assert_cmpuint (n_tombstones, ==, 2);
}

static gint
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static void
test_random (Fixture *f, gconstpointer data)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GTree) model = g_tree_new_full (compare_keys, NULL, g_free, (GDestroyNotify) mkv_entry_unref);
  g_autofree char *after = NULL;

  g_test_summary ("After random batches the storage holds what a simple model does");
  g_test_message ("seed %u", seed);
  for (gint64 seq = 1; seq <= 2000; seq++)
    {
      g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
      gint n = g_rand_int_range (rand, 1, 4);

      for (gint i = 0; i < n; i++)
        {
          /* Keys of one batch differ, as a key is not both put and removed. */
          g_autofree char *key = g_strdup_printf ("%d/%d", i, g_rand_int_range (rand, 0, 150));

          if (g_rand_int_range (rand, 0, 4) == 0)
            {
              mkv_storage_batch_remove (batch, key);
              g_tree_remove (model, key);
            }
          else
            {
              MkvEntry *entry = make (key, g_rand_boolean (rand) ? key : NULL, seq);

              mkv_storage_batch_put (batch, entry);
              g_tree_replace (model, g_steal_pointer (&key), entry);
            }
        }
      g_assert_true (mkv_storage_apply (f->storage, batch, NULL));
    }
  for (GTreeNode *node = g_tree_node_first (model); node != NULL;)
    {
      g_autoptr (GPtrArray) page = mkv_storage_scan (f->storage, NULL, after, 7, NULL);

      g_assert_cmpuint (page->len, >, 0);
      for (guint i = 0; i < page->len; i++, node = g_tree_node_next (node))
        {
          g_assert_cmpstr (mkv_entry_get_key (page->pdata[i]), ==, g_tree_node_key (node));
          g_assert_cmpint (mkv_entry_compare (page->pdata[i], g_tree_node_value (node)), ==, 0);
        }
      g_free (after);
      after = g_strdup (mkv_entry_get_key (page->pdata[page->len - 1]));
    }
  assert_scan (f->storage, NULL, after, 7, "");
}

static gpointer
read_pairs (gpointer data)
{
  MkvStorage *storage = data;

  /* Both keys of a pair are always written together. */
  for (guint i = 0; i < 2000; i++)
    {
      g_autoptr (GPtrArray) entries = mkv_storage_scan (storage, "pair/", NULL, 2, NULL);

      g_assert_cmpuint (entries->len, ==, 2);
      g_assert_cmpint (mkv_entry_get_stamp (entries->pdata[0])->seq, ==,
                       mkv_entry_get_stamp (entries->pdata[1])->seq);
    }
  return NULL;
}

static void
write_pair (MkvStorage *storage, gint64 seq)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (MkvEntry) a = make ("pair/a", "x", seq), b = make ("pair/b", "x", seq);

  mkv_storage_batch_put (batch, a);
  mkv_storage_batch_put (batch, b);
  g_assert_true (mkv_storage_apply (storage, batch, NULL));
}

static void
test_readers (Fixture *f, gconstpointer data)
{
  GThread *readers[3];

  g_test_summary ("Readers in other threads see a batch whole or not at all");
  write_pair (f->storage, 1);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    readers[i] = g_thread_new ("reader", read_pairs, f->storage);
  for (gint64 seq = 2; seq < 2000; seq++)
    write_pair (f->storage, seq);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_thread_join (readers[i]);
}

static const struct
{
  const char *name;
  void (*func) (Fixture *f, gconstpointer data);
} tests[] = {
  { "entries", test_entries }, { "batch", test_batch },   { "scan", test_scan },       { "meta", test_meta },
  { "stats", test_stats },     { "random", test_random }, { "readers", test_readers },
};

void
mkv_storage_suite_add (const char *name, MkvStorageMake make_storage)
{
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/storage/%s/%s", name, tests[i].name);

      g_test_add (path, Fixture, (gconstpointer) make_storage, set_up, tests[i].func, tear_down);
    }
}
