/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * tests/format/lmdb-1 was written by the first version of this format, and is to
 * be opened by every later one. `test-storage-lmdb-format --make FOLDER` writes
 * what it holds afresh.
 */
#include <gio/gio.h>
#include <string.h>

#include "mkv-storage-lmdb.h"
#include "mkv-test.h"

static const struct
{
  const char *key;
  const char *value; /* NULL for a tombstone */
  gint length;       /* -1 for text */
  gint64 timestamp;
  const char *node_id;
  gint64 seq;
} entries[] = {
  { "binary", "\0\xff\n\x80", 4, 1700000000000, "node-a", 2 },
  { "empty", "", -1, 1700000000001, "node-a", 3 },
  { "gone", NULL, -1, 1700000000002, "node-b", 1 },
  { "greatest", "x", -1, 9007199254740991, "n", G_MAXINT64 },
  { "text", "hello", -1, 1700000000003, "node-a", 4 },
  { "ünï/cödé", "ärger", -1, 0, "node:b.c_d-e", 1 },
};

static MkvEntry *
make_entry (guint i)
{
  gsize length = entries[i].length < 0 && entries[i].value != NULL ? strlen (entries[i].value)
                                                                   : (gsize) MAX (entries[i].length, 0);
  g_autoptr (GBytes) value = entries[i].value != NULL ? g_bytes_new_static (entries[i].value, length) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (entries[i].key, value, entries[i].timestamp, entries[i].node_id, entries[i].seq,
                                   &error);

  g_assert_no_error (error);
  return entry;
}

/* A value of several pages. */
static MkvEntry *
make_long_entry (void)
{
  g_autofree char *octets = g_strnfill (10000, 'l');
  g_autoptr (GBytes) value = g_bytes_new (octets, 10000);

  return mkv_entry_new ("long", value, 1700000000004, "node-a", 5, NULL);
}

static int
make_sample (const char *folder)
{
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (MkvEntry) last = make_long_entry ();
  g_autoptr (GBytes) octets = g_bytes_new_static ("\0\1\xff", 3), none = g_bytes_new_static ("", 0);
  g_autoptr (GError) error = NULL;

  mkv_storage_open (storage, folder, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (MkvEntry) entry = make_entry (i);

      mkv_storage_batch_put (batch, entry);
    }
  mkv_storage_batch_put (batch, last);
  mkv_storage_batch_set_meta (batch, "octets", octets);
  mkv_storage_batch_set_meta (batch, "outbox/0000000000000004/text", none);
  mkv_storage_apply (storage, batch, &error);
  g_assert_no_error (error);
  mkv_storage_close (storage, &error);
  g_assert_no_error (error);
  return 0;
}

static void
assert_same (MkvEntry *a, MkvEntry *b)
{
  g_assert_cmpstr (mkv_entry_get_key (a), ==, mkv_entry_get_key (b));
  g_assert_cmpint (mkv_entry_compare (a, b), ==, 0);
  g_assert_cmpmem (mkv_entry_peek_digest (a), MKV_DIGEST_BYTES, mkv_entry_peek_digest (b), MKV_DIGEST_BYTES);
}

static void
test_sample (void)
{
  g_autofree char *sample = g_test_build_filename (G_TEST_DIST, "format", "lmdb-1", "data.mdb", NULL);
  g_autofree char *folder = g_dir_make_tmp ("mkv-format-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "data.mdb", NULL), *octets = NULL;
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (MkvEntry) last = make_long_entry (), kept = NULL;
  g_autoptr (GBytes) value = NULL, none = NULL;
  g_auto (GStrv) problems = NULL;
  g_autoptr (GError) error = NULL;
  guint64 n_entries, n_tombstones, n_bytes;
  gsize length;

  g_test_summary ("A file that the first version wrote is opened, and holds what it held");
  if (sizeof (gsize) != 8 || G_BYTE_ORDER != G_LITTLE_ENDIAN)
    {
      g_test_skip ("the sample is of another word size or byte order");
      return;
    }
  g_file_get_contents (sample, &octets, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (path, octets, (gssize) length, &error);
  g_assert_no_error (error);
  mkv_storage_open (storage, folder, NULL, &error);
  g_assert_no_error (error);
  problems = mkv_storage_verify (storage, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (problems[0], ==, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (MkvEntry) expected = make_entry (i), entry = mkv_storage_get (storage, entries[i].key, &error);

      g_assert_no_error (error);
      assert_same (entry, expected);
    }
  kept = mkv_storage_get (storage, "long", &error);
  g_assert_no_error (error);
  assert_same (kept, last);
  value = mkv_storage_get_meta (storage, "octets", &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "\0\1\xff", 3);
  none = mkv_storage_get_meta (storage, "outbox/0000000000000004/text", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (none), ==, 0);
  g_assert_true (mkv_storage_stats (storage, &n_entries, &n_tombstones, &n_bytes, NULL));
  g_assert_cmpuint (n_entries, ==, 6);
  g_assert_cmpuint (n_tombstones, ==, 1);
  mkv_storage_close (storage, NULL);
  mkv_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--make"))
    return make_sample (argv[2]);
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/storage-lmdb-format/sample", test_sample);
  return g_test_run ();
}
