/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * LMDB files that are damaged: what is told, what is saved, and that nothing
 * crashes on the way.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-lmdb-world.h"
#include "mkv-storage-lmdb.h"
#include "mkv-test.h"

#define PAGE 4096
#define N_ENTRIES 2000
#define N_RANDOM 150

/* A file with a tree of three levels, long values, tombstones and meta. */
static void
fill (MkvLmdbWorld *w)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GBytes) octets = mkv_test_bytes ("octets");

  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *name = g_strdup_printf ("mark/%06u", i);
      g_autofree char *key = g_strdup_printf ("t%06u", i);
      g_autoptr (MkvEntry) tombstone = mkv_entry_new (key, NULL, 1700000000000, "n", 1, NULL);

      mkv_storage_batch_set_meta (batch, name, octets);
      mkv_storage_batch_put (batch, tombstone);
    }
  g_assert_true (mkv_storage_apply (w->storage, batch, NULL));
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_ORDERED, 0, N_ENTRIES, 300, 1, NULL));
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_ORDERED, 100, 20, 10000, 2, NULL));
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, 100, 300, 3, NULL));
}

static void
overwrite (MkvLmdbWorld *w, guint64 offset, const void *octets, gsize length)
{
  int fd = g_open (w->file, O_WRONLY | O_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pwrite (fd, octets, length, (off_t) offset), ==, (gssize) length);
  close (fd);
}

static guint8 *
read_file (MkvLmdbWorld *w, gsize *length)
{
  g_autoptr (GError) error = NULL;
  char *octets;

  g_file_get_contents (w->file, &octets, length, &error);
  g_assert_no_error (error);
  return (guint8 *) octets;
}

/* Repairs what is closed, and opens it. Returns what was done. */
static char *
repair (MkvLmdbWorld *w)
{
  g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) done = mkv_storage_repair (storage, w->folder, NULL, &error);
  g_auto (GStrv) again = NULL;

  g_assert_no_error (error);
  again = mkv_storage_repair (storage, w->folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again[0], ==, NULL);
  mkv_lmdb_world_open (w);
  mkv_lmdb_world_assert_clean (w);
  return g_strjoinv ("\n", done);
}

static guint
count_entries (MkvLmdbWorld *w)
{
  guint n = 0;

  for (guint i = 0; i < N_ENTRIES; i++)
    n += mkv_lmdb_world_get (w, i) > 0 ? 1 : 0;
  return n;
}

static void
assert_problem (MkvLmdbWorld *w, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) problems = mkv_storage_verify (w->storage, &error);
  g_autofree char *all = NULL;

  g_assert_no_error (error);
  all = g_strjoinv ("\n", problems);
  if (strstr (all, part) == NULL)
    g_error ("“%s” was not told, but: %s", part, all);
}

/* Where the leaf is that holds a key, and where the key is in the file. */
static guint64
find_key (MkvLmdbWorld *w, const char *key)
{
  gsize length;
  g_autofree guint8 *octets = read_file (w, &length);

  /* The newest copy of a page may be anywhere: take one with a seq that shows it. */
  for (gsize i = 2 * PAGE; i + 100 < length; i++)
    if (octets[i] == key[0] && memcmp (octets + i, key, strlen (key)) == 0 &&
        (octets[i - i % PAGE + sizeof (gsize) + 2] & 0x02) != 0)
      return i;
  g_assert_not_reached ();
}

static void
test_entry (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree char *done = NULL, *copy = g_strconcat (w->folder, "-copy", NULL);
  g_autoptr (GError) error = NULL;
  guint64 place;

  g_test_summary ("An entry that changed on the disk is told by name, keeps copies from being made, and is left out");
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, 3, 30, 1, NULL));
  mkv_lmdb_world_close (w);
  place = find_key (w, "k000001");
  /* In the value, behind the head and the id. */
  overwrite (w, place + 7 + 50 + 1 + 5, "y", 1);
  mkv_lmdb_world_open (w);
  assert_problem (w, "The entry of “k000001” is damaged: the digest is not that of the entry");
  g_assert_false (mkv_storage_backup (w->storage, copy, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_false (g_file_test (copy, G_FILE_TEST_EXISTS));
  g_assert_false (mkv_storage_compact (w->storage, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
  mkv_lmdb_world_close (w);
  done = repair (w);
  g_assert_nonnull (strstr (done, "set aside as data.mdb.damaged-1"));
  g_assert_nonnull (strstr (done, "Entries saved: 2;"));
  g_assert_nonnull (strstr (done, "left out: 1"));
  g_assert_cmpint (mkv_lmdb_world_get (w, 0), ==, 1);
  g_assert_cmpint (mkv_lmdb_world_get (w, 1), ==, 0);
  g_assert_cmpint (mkv_lmdb_world_get (w, 2), ==, 1);
}

static void
test_count (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree char *done = NULL;
  guint64 place, n_entries, n_tombstones, n_bytes;

  g_test_summary ("A count that is wrong is told, and put right");
  fill (w);
  mkv_lmdb_world_close (w);
  /* Its record is behind those of the databases, in whichever main page is newest. */
  {
    gsize length;
    g_autofree guint8 *octets = read_file (w, &length);
    guint n = 0;

    for (place = 2 * PAGE; place + 18 < length; place++)
      if (memcmp (octets + place, "tombstones", 10) == 0)
        {
          overwrite (w, place + 10, "\x07\0\0\0\0\0\0", 8);
          n++;
        }
    g_assert_cmpuint (n, >, 0);
  }
  mkv_lmdb_world_open (w);
  assert_problem (w, "There are 300 tombstones, and 7 were counted");
  mkv_lmdb_world_close (w);
  done = repair (w);
  g_assert_cmpuint (count_entries (w), ==, N_ENTRIES);
  g_assert_true (mkv_storage_stats (w->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
  g_assert_cmpuint (n_entries, ==, N_ENTRIES);
  g_assert_cmpuint (n_tombstones, ==, 300);
}

/* Without any way in, what entries there are on pages still shows by itself. */
static void
test_metas (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree guint8 *noise = g_malloc (2 * PAGE);
  g_autofree char *why = NULL, *done = NULL;
  g_autoptr (GPtrArray) names = NULL;

  g_test_summary ("Without meta pages entries are found by their digests");
  memset (noise, 0xA5, 2 * PAGE);
  fill (w);
  mkv_lmdb_world_close (w);
  overwrite (w, 0, noise, 2 * PAGE);
  why = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_CORRUPT);
  g_assert_nonnull (strstr (why, "merklekv repair"));
  done = repair (w);
  g_assert_nonnull (strstr (done, "pages that nothing led to"));
  g_assert_cmpuint (count_entries (w), ==, N_ENTRIES);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (mkv_lmdb_world_get (w, i), ==, 3);
  names = mkv_storage_scan_meta (w->storage, NULL, NULL, 1000, NULL);
  g_assert_cmpuint (names->len, ==, 0);
}

/* Every branch: what is below one is still found. */
static void
test_branches (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree guint8 *noise = g_malloc0 (PAGE);
  g_autofree guint8 *octets = NULL;
  g_autofree char *why = NULL, *done = NULL;
  gsize length;
  guint n = 0;

  g_test_summary ("Where branches are gone what they led to is saved");
  fill (w);
  mkv_lmdb_world_close (w);
  octets = read_file (w, &length);
  for (gsize i = 2 * PAGE; i < length; i += PAGE)
    if (octets[i + sizeof (gsize) + 2] == 0x01)
      {
        overwrite (w, i, noise, PAGE);
        n++;
      }
  g_assert_cmpuint (n, >, 1);
  why = mkv_lmdb_world_fail_to_open (w, MKV_ERROR_CORRUPT);
  done = repair (w);
  g_assert_cmpuint (count_entries (w), ==, N_ENTRIES);
}

static void
test_cut (MkvLmdbWorld *w, gconstpointer data)
{
  g_autofree char *done = NULL;
  guint n;

  g_test_summary ("A file that is cut short gives what is left of it");
  fill (w);
  mkv_lmdb_world_close (w);
  g_assert_cmpint (truncate (w->file, (off_t) (mkv_lmdb_world_get_file_size (w) / 2)), ==, 0);
  done = repair (w);
  n = count_entries (w);
  g_assert_cmpuint (n, >, N_ENTRIES / 5);
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, N_ENTRIES, 10, 4, NULL));
  g_assert_cmpuint (count_entries (w), ==, N_ENTRIES);
}

/* Any damage at all: repair makes of it what opens and verifies clean. */
static void
test_random (MkvLmdbWorld *w, gconstpointer data)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autofree guint8 *octets = NULL;
  guint n_refused = 0;
  gsize length;

  g_test_summary ("Whatever octets are changed, verify and repair come to an end, and what is left is clean");
  g_test_message ("seed %u", seed);
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, 200, 100, 1, NULL));
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 0, 5, 9000, 2, NULL));
  g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_DURABLE, 3, 1, 10, 3, NULL));
  mkv_lmdb_world_close (w);
  octets = read_file (w, &length);
  for (guint i = 0; i < N_RANDOM; i++)
    {
      g_autofree guint8 *changed = g_memdup2 (octets, length);
      g_autoptr (MkvStorage) storage = mkv_storage_lmdb_new ();
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) done = NULL;
      gint n = g_rand_int_range (rand, 1, 30);

      for (gint j = 0; j < n; j++)
        {
          /* Mostly in the heads of pages, where the harm is. */
          gsize page = (gsize) g_rand_int_range (rand, 0, (gint32) (length / PAGE)) * PAGE;
          gsize place = page + (gsize) g_rand_int_range (rand, 0, g_rand_boolean (rand) ? 64 : PAGE);

          changed[place] = (guint8) g_rand_int (rand);
        }
      g_file_set_contents (w->file, (const char *) changed, (gssize) length, &error);
      g_assert_no_error (error);
      done = mkv_storage_repair (storage, w->folder, NULL, &error);
      if (done == NULL)
        {
          /* It may look like what another version has written. */
          g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
          n_refused++;
          continue;
        }
      mkv_lmdb_world_open (w);
      mkv_lmdb_world_assert_clean (w);
      for (guint j = 0; j < 200; j++)
        mkv_lmdb_world_get (w, j);
      g_assert_true (mkv_lmdb_world_put (w, MKV_DURABILITY_ORDERED, 0, 200, 10, 9, NULL));
      mkv_lmdb_world_close (w);
    }
  g_assert_cmpuint (n_refused, <, N_RANDOM / 10);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
#define ADD(name, func) g_test_add ("/storage-lmdb-damage/" name, MkvLmdbWorld, NULL, mkv_lmdb_world_set_up, func, \
                                    mkv_lmdb_world_tear_down)
  ADD ("entry", test_entry);
  ADD ("count", test_count);
  ADD ("metas", test_metas);
  ADD ("branches", test_branches);
  ADD ("cut", test_cut);
  ADD ("random", test_random);
#undef ADD
  return g_test_run ();
}
