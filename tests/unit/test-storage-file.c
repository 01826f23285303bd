/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What file storage makes of files that a crash or a broken disk has left, and of
 * files that are not its own.
 */
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "mkv-storage-file-world.h"

typedef MkvStorageFileWorld World;

/* See fsync() in mkv-storage-file-world.c. */
int
fdatasync (int fd)
{
  return 0;
}

#define put(w, durability, key, value, seq)                                                                    \
  G_STMT_START                                                                                                 \
  {                                                                                                            \
    g_autoptr (GError) put_error = NULL;                                                                       \
    mkv_storage_file_world_put (w, MKV_DURABILITY_##durability, key, value, seq, &put_error);                  \
    g_assert_no_error (put_error);                                                                             \
  }                                                                                                            \
  G_STMT_END

#define assert_dump mkv_storage_file_world_assert_dump

static void
assert_clean (World *w)
{
  g_autofree char *problems = mkv_storage_file_world_verify (w);

  g_assert_cmpstr (problems, ==, "");
}

static void
reopen (World *w)
{
  mkv_storage_file_world_close (w);
  mkv_storage_file_world_open (w, 0);
}

/* As if the process had been killed: @journal is what is in the file. */
static void
open_as_killed (World *w, GBytes *journal, gsize length)
{
  if (w->storage != NULL)
    mkv_storage_file_world_close (w);
  mkv_storage_file_world_remove (w, MKV_CORRUPT);
  mkv_storage_file_world_write (w, MKV_JOURNAL, g_bytes_get_data (journal, NULL), length);
  mkv_storage_file_world_open (w, 0);
}

#define N_BATCHES 5

/* Writes N_BATCHES batches, and tells after each what is there, and how long the
 * journal is. */
static GBytes *
write_batches (World *w, MkvDurability durability, char **dumps, gsize *lengths)
{
  static const char *const keys[] = { "a", "b", "a", "\"c\n\"", "b" };
  g_autoptr (GBytes) journal = NULL;

  mkv_storage_file_world_open (w, 0);
  for (guint i = 0; i <= N_BATCHES; i++)
    {
      g_clear_pointer (&journal, g_bytes_unref);
      dumps[i] = mkv_storage_file_world_dump (w);
      journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
      /* Without the line feeds behind. */
      for (lengths[i] = g_bytes_get_size (journal);
           ((const char *) g_bytes_get_data (journal, NULL))[lengths[i] - 2] == '\n'; lengths[i]--)
        ;
      if (i < N_BATCHES)
        g_assert_true (mkv_storage_file_world_put (w, durability, keys[i], i == 4 ? NULL : "value\xc3\xa4", i + 1, NULL));
    }
  return g_steal_pointer (&journal);
}

static void
test_torn (World *w, gconstpointer data)
{
  MkvDurability durability = (MkvDurability) GPOINTER_TO_INT (data);
  char *dumps[N_BATCHES + 1];
  gsize lengths[N_BATCHES + 1];
  g_autoptr (GBytes) journal = write_batches (w, durability, dumps, lengths);
  guint n = 0;

  g_test_summary ("Wherever the journal ends, the batches that end before are there, and writing goes on");
  for (gsize length = lengths[0]; length <= lengths[N_BATCHES]; length++)
    {
      gboolean torn;

      while (n < N_BATCHES && lengths[n + 1] <= length)
        n++;
      torn = length > lengths[n];
      open_as_killed (w, journal, length);
      assert_dump (w, dumps[n]);
      assert_clean (w);
      g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, torn ? 1 : 0);
      g_assert_cmpint (mkv_storage_file_world_has (w, MKV_CORRUPT), ==, torn);
      put (w, DURABLE, "new", "x", 9);
      {
        g_autofree char *dump = mkv_storage_file_world_dump (w);

        reopen (w);
        assert_dump (w, dump);
        g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 0);
      }
    }
  for (guint i = 0; i <= N_BATCHES; i++)
    g_free (dumps[i]);
}

static void
test_holes (World *w, gconstpointer data)
{
  char *dumps[N_BATCHES + 1];
  gsize lengths[N_BATCHES + 1];
  g_autoptr (GBytes) journal = write_batches (w, MKV_DURABILITY_ORDERED, dumps, lengths);

  g_test_summary ("Of batches that were not synced, what is behind a hole is gone: they are a prefix");
  for (guint i = 0; i < N_BATCHES; i++)
    for (guint kind = 0; kind < 3; kind++)
      {
        g_autofree char *octets = g_memdup2 (g_bytes_get_data (journal, NULL), lengths[N_BATCHES]);
        g_autoptr (GBytes) damaged = NULL;

        /* A sector that never came, one of line feeds, and one bit. */
        if (kind < 2)
          memset (octets + lengths[i] + 5 * kind, kind == 0 ? 0 : '\n', 20);
        else
          octets[lengths[i] + 7] ^= 1;
        damaged = g_bytes_new (octets, lengths[N_BATCHES]);
        open_as_killed (w, damaged, lengths[N_BATCHES]);
        assert_dump (w, dumps[i]);
        assert_clean (w);
        g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 1);
        g_assert_true (mkv_storage_file_world_has (w, MKV_CORRUPT));
      }
  for (guint i = 0; i <= N_BATCHES; i++)
    g_free (dumps[i]);
}

/* Whether a value is one that was once put under its key. */
static void
assert_known (World *w)
{
  static const char *const known[] = { "a=1:1", "a=2:4", "b=x:2", "b=y:5", "c=-:3", "a~1", "a~4", "b~2", "b~5", "c~3" };
  g_autofree char *dump = mkv_storage_file_world_dump (w);
  g_auto (GStrv) items = g_strsplit (dump, " ", -1);

  for (guint i = 0; items[i] != NULL; i++)
    {
      gboolean found = *items[i] == 0;

      for (guint j = 0; j < G_N_ELEMENTS (known); j++)
        found = found || g_str_equal (items[i], known[j]);
      if (!found)
        g_error ("“%s” was never put there", items[i]);
    }
}

/* Opens the folder with a spoiled file, repairs it, and opens it again. */
static void
check_spoiled (World *w, guint n_lost)
{
  g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
  g_auto (GStrv) done = NULL;
  g_autofree char *problems = NULL, *dump = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) items = NULL;

  mkv_storage_file_world_open (w, 0);
  assert_known (w);
  dump = mkv_storage_file_world_dump (w);
  items = g_strsplit (dump, " ", -1);
  g_assert_cmpuint (g_strv_length (items), >=, 6 - n_lost);
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 1);
  problems = mkv_storage_file_world_verify (w);
  g_assert_cmpstr (problems, !=, "");
  g_assert_true (mkv_storage_file_world_has (w, MKV_CORRUPT));
  mkv_storage_file_world_close (w);

  done = mkv_storage_repair (storage, w->folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (done), >, 0);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, dump);
  assert_clean (w);
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 0);
  g_assert_true (mkv_storage_file_world_has (w, "corrupt-1.jsonl"));
  mkv_storage_file_world_close (w);
  mkv_storage_file_world_remove (w, "corrupt-1.jsonl");
}

/* One bit of each octet from @from to @to of a file is another. */
static void
spoil (World *w, const char *name, gsize from, gsize to)
{
  g_autoptr (GBytes) snapshot = mkv_storage_file_world_read (w, MKV_SNAPSHOT);
  g_autoptr (GBytes) journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  GBytes *whole = g_str_equal (name, MKV_JOURNAL) ? journal : snapshot;
  gsize length;
  const char *octets = g_bytes_get_data (whole, &length);

  for (gsize i = from; i < to; i++)
    {
      g_autofree char *spoiled = g_memdup2 (octets, length);

      spoiled[i] ^= (char) (1 << i % 8);
      mkv_storage_file_world_remove (w, MKV_SNAPSHOT);
      if (snapshot != NULL)
        mkv_storage_file_world_write (w, MKV_SNAPSHOT, g_bytes_get_data (snapshot, NULL), g_bytes_get_size (snapshot));
      mkv_storage_file_world_write (w, MKV_JOURNAL, g_bytes_get_data (journal, NULL), g_bytes_get_size (journal));
      mkv_storage_file_world_write (w, name, spoiled, length);
      g_test_message ("octet %" G_GSIZE_FORMAT " of %s", i, name);
      /* A line feed that is none makes one line of two. */
      check_spoiled (w, 4);
    }
}

static void
write_known (World *w)
{
  mkv_storage_file_world_open (w, 0);
  put (w, DURABLE, "a", "1", 1);
  put (w, DURABLE, "b", "x", 2);
  put (w, ORDERED, "c", NULL, 3);
  put (w, ORDERED, "a", "2", 4);
  put (w, ORDERED, "b", "y", 5);
}

static gsize
get_line_end (GBytes *file)
{
  const char *octets = g_bytes_get_data (file, NULL);

  return (gsize) ((const char *) memchr (octets, '\n', g_bytes_get_size (file)) + 1 - octets);
}

/* Where the last line begins. */
static gsize
get_last_line (GBytes *file)
{
  const char *octets = g_bytes_get_data (file, NULL);

  return (gsize) ((const char *) memrchr (octets, '\n', g_bytes_get_size (file) - 1) + 1 - octets);
}

static void
test_spoiled_journal (World *w, gconstpointer data)
{
  g_autoptr (GBytes) journal = NULL;

  g_test_summary ("A line of the journal that is damaged is set aside and told of, the rest is served, and repair mends");
  write_known (w);
  mkv_storage_file_world_close (w);
  journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  spoil (w, MKV_JOURNAL, get_line_end (journal), get_last_line (journal) - 1);
}

static void
test_spoiled_snapshot (World *w, gconstpointer data)
{
  g_autoptr (GBytes) snapshot = NULL;

  g_test_summary ("And so is one of the snapshot");
  write_known (w);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  mkv_storage_file_world_close (w);
  snapshot = mkv_storage_file_world_read (w, MKV_SNAPSHOT);
  spoil (w, MKV_SNAPSHOT, get_line_end (snapshot), g_bytes_get_size (snapshot));
}

static void
test_spoiled_header (World *w, gconstpointer data)
{
  static const char *const names[] = { MKV_JOURNAL, MKV_SNAPSHOT };

  g_test_summary ("A first line that is damaged is an error when the storage is opened, until it is repaired");
  write_known (w);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  put (w, DURABLE, "b", "y", 5);
  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (GBytes) file = NULL;
      gsize length;

      if (w->storage != NULL)
        mkv_storage_file_world_close (w);
      file = mkv_storage_file_world_read (w, names[n]);
      length = get_line_end (file);
      /* Its version may become another, which is another error. */
      for (gsize i = 0; i < length; i += 7)
        {
          g_autofree char *spoiled = g_memdup2 (g_bytes_get_data (file, NULL), g_bytes_get_size (file));
          g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
          g_autoptr (GError) error = NULL;
          g_auto (GStrv) done = NULL;

          spoiled[i] ^= 1;
          mkv_storage_file_world_write (w, names[n], spoiled, g_bytes_get_size (file));
          error = mkv_storage_file_world_open_badly (w);
          g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
          g_assert_nonnull (strstr (error->message, names[n]));
          g_clear_error (&error);
          done = mkv_storage_repair (storage, w->folder, NULL, &error);
          g_assert_no_error (error);
          g_assert_cmpuint (g_strv_length (done), >, 0);
          mkv_storage_file_world_open (w, 0);
          assert_dump (w, "a=2:4 b=y:5 c=-:3 a~4 b~5 c~3");
          assert_clean (w);
          mkv_storage_file_world_close (w);
          mkv_storage_file_world_remove (w, "corrupt-1.jsonl");
        }
      mkv_storage_file_world_count_warnings ();
    }
}

static void
test_other_version (World *w, gconstpointer data)
{
  static const char line[] = "{\"format\":\"merklekv-storage-file\",\"version\":2,\"file\":\"journal\"}\nwhatever\n";
  g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) kept = NULL;

  g_test_summary ("Files of another version are refused, named with both, and left as they are");
  mkv_storage_file_world_write (w, MKV_JOURNAL, line, strlen (line));
  error = mkv_storage_file_world_open_badly (w);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "version 2"));
  g_clear_error (&error);
  g_assert_null (mkv_storage_repair (storage, w->folder, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  kept = mkv_storage_file_world_read (w, MKV_JOURNAL);
  g_assert_cmpmem (g_bytes_get_data (kept, NULL), g_bytes_get_size (kept), line, strlen (line));
}

static void
test_foreign (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("The folder of another storage, and a file of someone else's, are refused");
  mkv_storage_file_world_write (w, "data.mdb", "x", 1);
  error = mkv_storage_file_world_open_badly (w);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "lmdb"));
  g_assert_nonnull (strstr (error->message, "file"));
  g_clear_error (&error);
  mkv_storage_file_world_remove (w, "data.mdb");
  mkv_storage_file_world_write (w, MKV_SNAPSHOT, "{\"a\":1}\n", 8);
  error = mkv_storage_file_world_open_badly (w);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
}

static void
test_missing (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *problems = NULL;
  g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
  g_auto (GStrv) done = NULL;

  g_test_summary ("A journal that is missing is told of, and one without its snapshot is not read");
  write_known (w);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  mkv_storage_file_world_close (w);
  mkv_storage_file_world_remove (w, MKV_JOURNAL);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, "a=2:4 b=y:5 c=-:3 a~4 b~5 c~3");
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 1);
  problems = mkv_storage_file_world_verify (w);
  g_assert_cmpstr (problems, !=, "");
  put (w, DURABLE, "d", "z", 6);
  mkv_storage_file_world_close (w);

  mkv_storage_file_world_remove (w, MKV_SNAPSHOT);
  error = mkv_storage_file_world_open_badly (w);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
  g_clear_error (&error);
  done = mkv_storage_repair (storage, w->folder, NULL, &error);
  g_assert_no_error (error);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, "d=z:6 d~6");
  assert_clean (w);
}

static void
test_empty_files (World *w, gconstpointer data)
{
  static const char *const names[] = { MKV_JOURNAL, MKV_SNAPSHOT };

  g_test_summary ("A file that is empty is an error, until it is repaired");
  write_known (w);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  mkv_storage_file_world_close (w);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (MkvStorage) storage = mkv_storage_file_new ();
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) done = NULL;

      mkv_storage_file_world_write (w, names[i], "", 0);
      error = mkv_storage_file_world_open_badly (w);
      g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
      g_clear_error (&error);
      done = mkv_storage_repair (storage, w->folder, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_strv_length (done), >, 0);
      mkv_storage_file_world_open (w, 0);
      if (i == 0)
        assert_dump (w, "a=2:4 b=y:5 c=-:3 a~4 b~5 c~3");
      put (w, DURABLE, "d", "z", 6);
      reopen (w);
      assert_clean (w);
      mkv_storage_file_world_close (w);
    }
}

static void
test_lazy (World *w, gconstpointer data)
{
  g_autoptr (GBytes) journal = NULL;
  g_autofree char *octets = NULL;

  g_test_summary ("Opening reads the first lines alone; the files are read at the first access");
  write_known (w);
  mkv_storage_file_world_close (w);
  journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  octets = g_memdup2 (g_bytes_get_data (journal, NULL), g_bytes_get_size (journal));
  octets[get_line_end (journal) + 3] ^= 1;
  mkv_storage_file_world_write (w, MKV_JOURNAL, octets, g_bytes_get_size (journal));
  mkv_storage_file_world_open (w, 0);
  g_assert_false (mkv_storage_file_world_has (w, MKV_CORRUPT));
  mkv_storage_file_world_close (w);
  g_assert_false (mkv_storage_file_world_has (w, MKV_CORRUPT));
  mkv_storage_file_world_open (w, 0);
  g_assert_null (mkv_storage_get (w->storage, "none", NULL));
  g_assert_true (mkv_storage_file_world_has (w, MKV_CORRUPT));
}

static void
test_between_renames (World *w, gconstpointer data)
{
  g_autoptr (GBytes) old_journal = NULL, new_journal = NULL;

  g_test_summary ("A compaction that was interrupted anywhere changes nothing");
  write_known (w);
  old_journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  g_assert_true (mkv_storage_compact (w->storage, NULL));
  new_journal = mkv_storage_file_world_read (w, MKV_JOURNAL);
  g_assert_cmpuint (g_bytes_get_size (new_journal), <, 200);
  mkv_storage_file_world_close (w);

  mkv_storage_file_world_write (w, MKV_JOURNAL, g_bytes_get_data (old_journal, NULL), g_bytes_get_size (old_journal));
  mkv_storage_file_world_write (w, MKV_JOURNAL ".new", g_bytes_get_data (new_journal, NULL), 30);
  mkv_storage_file_world_write (w, MKV_SNAPSHOT ".new", "{", 1);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, "a=2:4 b=y:5 c=-:3 a~4 b~5 c~3");
  assert_clean (w);
  g_assert_false (mkv_storage_file_world_has (w, MKV_JOURNAL ".new"));
  g_assert_false (mkv_storage_file_world_has (w, MKV_SNAPSHOT ".new"));
  put (w, DURABLE, "b", "z", 6);
  reopen (w);
  assert_dump (w, "a=2:4 b=z:6 c=-:3 a~4 b~6 c~3");
  assert_clean (w);

  /* A journal of which a part was lost, after its sync had failed: the snapshot has all. */
  mkv_storage_file_world_close (w);
  mkv_storage_file_world_write (w, MKV_JOURNAL, g_bytes_get_data (old_journal, NULL), 600);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, "a=2:4 b=y:5 c=-:3 a~4 b~5 c~3");
  put (w, DURABLE, "b", "z", 6);
  reopen (w);
  assert_dump (w, "a=2:4 b=z:6 c=-:3 a~4 b~6 c~3");
  mkv_storage_file_world_count_warnings ();
}

static void
test_compaction (World *w, gconstpointer data)
{
  g_autofree char *dump = NULL, *value = g_strnfill (1000, 'x');
  guint64 n_entries, n_tombstones, n_bytes, most = 0;

  g_test_summary ("The journal is compacted by itself, while batches are applied and entries read");
  mkv_storage_file_world_open (w, 800000);
  for (gint64 seq = 1; seq <= 5000; seq++)
    {
      g_autofree char *key = g_strdup_printf ("%" G_GINT64_FORMAT, seq % 50);

      put (w, ORDERED, key, value, seq);
      g_assert_true (mkv_storage_stats (w->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
      most = MAX (most, n_bytes);
    }
  g_assert_cmpuint (n_entries, ==, 50);
  /* 7 MB were written, and the compactor may be a little late. */
  g_assert_cmpuint (most, <, 4000000);
  dump = mkv_storage_file_world_dump (w);
  assert_clean (w);
  g_assert_true (mkv_storage_file_world_has (w, MKV_SNAPSHOT));
  reopen (w);
  assert_dump (w, dump);
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 0);
}

static void
test_short_runs (World *w, gconstpointer data)
{
  g_autofree char *value = g_strnfill (1000, 'x');
  guint64 n_entries, n_tombstones, n_bytes = G_MAXUINT64;
  gint64 seq = 1, end;

  g_test_summary ("A journal that many short runs have made long is compacted, too");
  for (guint run = 0; run < 20; run++)
    {
      mkv_storage_file_world_open (w, 800000);
      for (guint i = 0; i < 20; i++)
        put (w, ORDERED, "key", value, seq++);
      mkv_storage_file_world_close (w);
    }
  mkv_storage_file_world_open (w, 800000);
  put (w, ORDERED, "key", value, seq++);
  for (end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC; n_bytes > 100000 && g_get_monotonic_time () < end;)
    {
      g_usleep (1000);
      g_assert_true (mkv_storage_stats (w->storage, &n_entries, &n_tombstones, &n_bytes, NULL));
    }
  g_assert_cmpuint (n_bytes, <=, 100000);
  assert_clean (w);
}

static void
test_refused (World *w, gconstpointer data)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (MkvStorageBatch) big = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autofree char *octets = g_malloc0 (2 * 1024 * 1024);
  g_autoptr (GBytes) value = g_bytes_new (octets, 2 * 1024 * 1024);
  g_autoptr (GError) error = NULL;

  g_test_summary ("What could not be read again is not written");
  mkv_storage_file_world_open (w, 0);
  mkv_storage_batch_set_meta (batch, "\xff", NULL);
  g_assert_false (mkv_storage_apply (w->storage, batch, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  mkv_storage_batch_set_meta (big, "big", value);
  g_assert_false (mkv_storage_apply (w->storage, big, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  assert_dump (w, "");
}

/* A folder of an earlier version, as it was released. */
static void
copy_sample (World *w, const char *sample, const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "format", sample, name, NULL);
  g_autofree char *octets = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (path, &octets, &length, &error);
  g_assert_no_error (error);
  mkv_storage_file_world_write (w, name, octets, length);
}

static void
test_sample (World *w, gconstpointer data)
{
  const guint8 octets[] = { 0, 0xFF, '\n' };
  g_autoptr (MkvEntry) binary = NULL;

  g_test_summary ("The samples of the format are read as what they are");
  copy_sample (w, "file-1", MKV_SNAPSHOT);
  copy_sample (w, "file-1", MKV_JOURNAL);
  mkv_storage_file_world_open (w, 0);
  assert_dump (w, "binary=-:4 kitchen/lamp=on:7 kitchen/note=a \"quoted\"\tline\nand another, ä €:2 old=-:5 "
                  "clock~7 node-id~n");
  binary = mkv_storage_get (w->storage, "binary", NULL);
  g_assert_cmpmem (g_bytes_get_data (mkv_entry_get_value (binary), NULL),
                   g_bytes_get_size (mkv_entry_get_value (binary)), octets, sizeof octets);
  assert_clean (w);
  g_assert_cmpuint (mkv_storage_file_world_count_warnings (), ==, 0);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (World *w, gconstpointer data);
    int data;
  } tests[] = {
    { "torn-ordered", test_torn, MKV_DURABILITY_ORDERED },
    { "torn-durable", test_torn, MKV_DURABILITY_DURABLE },
    { "holes", test_holes, 0 },
    { "spoiled-journal", test_spoiled_journal, 0 },
    { "spoiled-snapshot", test_spoiled_snapshot, 0 },
    { "spoiled-header", test_spoiled_header, 0 },
    { "other-version", test_other_version, 0 },
    { "foreign", test_foreign, 0 },
    { "missing", test_missing, 0 },
    { "empty-files", test_empty_files, 0 },
    { "lazy", test_lazy, 0 },
    { "between-renames", test_between_renames, 0 },
    { "compaction", test_compaction, 0 },
    { "short-runs", test_short_runs, 0 },
    { "refused", test_refused, 0 },
    { "sample", test_sample, 0 },
  };

  mkv_test_init (&argc, &argv, 110);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/storage-file/%s", tests[i].path);

      g_test_add (path, World, GINT_TO_POINTER (tests[i].data), mkv_storage_file_world_set_up, tests[i].func,
                  mkv_storage_file_world_tear_down);
    }
  return g_test_run ();
}
