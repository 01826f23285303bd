/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Dumping and loading, in each format, with the public API alone. */
#include <merklekv.h>
#include <string.h>

#include "mkv-test.h"

typedef struct
{
  MkvPluginRegistry *registry;
  MkvStorage *storage;
  MkvStore *store;
} Fixture;

static MkvStore *
open_store (Fixture *f, MkvStorage **storage, const char *node_id)
{
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store;

  *storage = (MkvStorage *) mkv_plugin_registry_create (f->registry, MKV_PLUGIN_STORAGE, "memory", &error);
  g_assert_no_error (error);
  g_assert_true (mkv_storage_open (*storage, NULL, NULL, NULL));
  store = mkv_local_store_new (*storage, node_id, &error);
  g_assert_no_error (error);
  return MKV_STORE (store);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->registry = mkv_plugin_registry_new ();
  f->store = open_store (f, &f->storage, "m");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_object_unref (f->store);
  g_object_unref (f->storage);
  g_object_unref (f->registry);
}

static GBytes *
dump (MkvStore *store, MkvDumpFormat format, const char *prefix)
{
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (GError) error = NULL;

  mkv_store_dump (store, stream, format, prefix, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
}

static void
assert_dump (MkvStore *store, MkvDumpFormat format, const char *expected)
{
  g_autoptr (GBytes) octets = dump (store, format, NULL);

  g_assert_cmpmem (g_bytes_get_data (octets, NULL), g_bytes_get_size (octets), expected, strlen (expected));
}

static MkvLoadReport *
load (MkvStore *store, GBytes *octets, MkvDumpFormat format)
{
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_bytes (octets);
  g_autoptr (GError) error = NULL;
  MkvLoadReport *report = mkv_store_load (store, stream, format, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (report->n_refused, >=, g_strv_length (report->problems));
  return report;
}

static void
check_load (MkvStore *store, MkvDumpFormat format, const char *text, guint n_loaded, guint n_unchanged,
            const char *problems)
{
  g_autoptr (GBytes) octets = mkv_test_bytes (text);
  g_autoptr (MkvLoadReport) report = load (store, octets, format);
  g_autofree char *found = g_strjoinv ("|", report->problems);

  g_assert_cmpstr (found, ==, problems);
  g_assert_cmpuint (report->n_loaded, ==, n_loaded);
  g_assert_cmpuint (report->n_unchanged, ==, n_unchanged);
}

static void
assert_value (MkvStore *store, const char *key, const char *value, gssize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) found = mkv_store_get (store, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (found, NULL), g_bytes_get_size (found), value,
                   length < 0 ? strlen (value) : (gsize) length);
}

/* Of all lengths from 0 on; text, and where @binary any octets. */
static GBytes *
make_value (GRand *rand, gboolean binary)
{
  static const char *const pieces[] = { "a", "\"", "\\", "\n", "'", "ä", "\x01", "\x7f", "😀", "/", "[x]\n", "=%", " ",
                                        "b'\\x'", "line\r\n", "\t" };
  GString *value = g_string_new (NULL);
  guint n = (guint) g_rand_int_range (rand, 0, g_rand_int_range (rand, 1, 60));

  for (guint i = 0; i < n; i++)
    if (binary)
      g_string_append_c (value, (char) g_rand_int_range (rand, 0, 256));
    else
      g_string_append (value, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
  return g_string_free_to_bytes (value);
}

static char *
make_key (GRand *rand)
{
  static const char *const pieces[] = { "a", "b", "/", "/", "//", " ", "=", "[", "]", "%", "%41", "#", "ü", "\n", "\x01",
                                        "key", ".", "\"", "\\", "'", "\x7f" };
  GString *key = g_string_new (NULL);
  guint n = (guint) g_rand_int_range (rand, 1, 8);

  for (guint i = 0; i < n; i++)
    g_string_append (key, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
  return g_string_free (key, FALSE);
}

/* Entries of this node and, by way of a dump, of another; deletions among them. */
static void
fill (Fixture *f, GRand *rand, guint n)
{
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) other = open_store (f, &storage, "other-node");
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (MkvLoadReport) report = NULL;

  for (guint i = 0; i < n; i++)
    {
      MkvStore *store = g_rand_boolean (rand) ? other : f->store;
      g_autoptr (GBytes) value = make_value (rand, g_rand_int_range (rand, 0, 4) == 0);
      g_autofree char *key = make_key (rand);

      g_assert_true (mkv_store_set (store, key, value, NULL, NULL));
      if (g_rand_int_range (rand, 0, 5) == 0)
        g_assert_true (mkv_store_delete (store, key, NULL, NULL));
    }
  octets = dump (other, MKV_DUMP_CBOR, NULL);
  report = load (f->store, octets, MKV_DUMP_CBOR);
  g_assert_cmpuint (report->n_refused, ==, 0);
}

static void
test_round_trip (Fixture *f, gconstpointer data)
{
  const MkvDumpFormat formats[] = { MKV_DUMP_JSON_LINES, MKV_DUMP_CBOR };
  guint32 seed = g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GBytes) before = NULL;

  g_test_summary ("What is dumped with stamps and loaded elsewhere is the same there, deletions and all");
  g_test_message ("seed %u", seed);
  fill (f, rand, 4000);
  before = dump (f->store, MKV_DUMP_JSON_LINES, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autoptr (MkvStorage) storage = NULL;
      g_autoptr (MkvStore) other = open_store (f, &storage, "third");
      g_autoptr (GBytes) octets = dump (f->store, formats[i], NULL);
      g_autoptr (MkvLoadReport) report = load (other, octets, formats[i]);
      g_autoptr (MkvLoadReport) again = load (other, octets, formats[i]);
      g_autoptr (GBytes) after = dump (other, MKV_DUMP_JSON_LINES, NULL);

      g_assert_cmpstr (report->problems[0], ==, NULL);
      g_assert_cmpuint (report->n_loaded, >, 0);
      g_assert_cmpuint (report->n_unchanged, ==, 0);
      g_assert_cmpuint (again->n_loaded, ==, 0);
      g_assert_cmpuint (again->n_unchanged, ==, report->n_loaded);
      g_assert_true (g_bytes_equal (before, after));
    }
}

static void
test_round_trip_dconf (Fixture *f, gconstpointer data)
{
  guint32 seed = g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) other = open_store (f, &storage, "third");
  g_autoptr (GBytes) octets = NULL, after = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GPtrArray) entries = NULL, others = NULL;
  g_autoptr (GKeyFile) key_file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_test_summary ("A dump as dconf's is a key file, and holds the live values under keys of whatever form");
  g_test_message ("seed %u", seed);
  fill (f, rand, 3000);
  octets = dump (f->store, MKV_DUMP_DCONF, NULL);
  g_key_file_load_from_bytes (key_file, octets, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  report = load (other, octets, MKV_DUMP_DCONF);
  g_assert_cmpstr (report->problems[0], ==, NULL);
  after = dump (other, MKV_DUMP_DCONF, NULL);
  g_assert_true (g_bytes_equal (octets, after));
  entries = mkv_storage_scan (f->storage, NULL, NULL, G_MAXUINT, NULL);
  others = mkv_storage_scan (storage, NULL, NULL, G_MAXUINT, NULL);
  for (guint i = 0; i < entries->len; i++)
    if (!mkv_entry_is_tombstone (entries->pdata[i]))
      {
        g_assert_cmpuint (n, <, others->len);
        g_assert_cmpstr (mkv_entry_get_key (entries->pdata[i]), ==, mkv_entry_get_key (others->pdata[n]));
        g_assert_true (g_bytes_equal (mkv_entry_get_value (entries->pdata[i]), mkv_entry_get_value (others->pdata[n])));
        n++;
      }
  g_assert_cmpuint (n, ==, others->len);
  g_assert_cmpuint (n, ==, report->n_loaded);
}

static void
test_codec_agrees (Fixture *f, gconstpointer data)
{
  guint32 seed = g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GObject) codec = mkv_plugin_registry_create (f->registry, MKV_PLUGIN_CODEC, "json", NULL);
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) other = open_store (f, &storage, "third");
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GBytes) octets = NULL, encoded = NULL, after = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  const char *at;

  g_test_summary ("A line is an event as the JSON codec reads and writes it");
  g_test_message ("seed %u", seed);
  fill (f, rand, 1500);
  octets = dump (f->store, MKV_DUMP_JSON_LINES, NULL);
  entries = mkv_storage_scan (f->storage, NULL, NULL, G_MAXUINT, NULL);
  at = g_bytes_get_data (octets, NULL);
  for (guint i = 0; i < entries->len; i++)
    {
      const char *end = strchr (at, '\n');
      g_autoptr (GBytes) line = g_bytes_new (at, (gsize) (end - at));
      g_autoptr (GPtrArray) one = g_ptr_array_new ();
      g_autoptr (GPtrArray) decoded = NULL;
      g_autoptr (GBytes) written = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;
      guint n;

      decoded = mkv_codec_decode_events (MKV_CODEC (codec), line, &refused, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (decoded->len, ==, 1);
      g_assert_cmpint (mkv_entry_compare (decoded->pdata[0], entries->pdata[i]), ==, 0);
      g_ptr_array_add (one, entries->pdata[i]);
      written = mkv_codec_encode_events (MKV_CODEC (codec), one, MKV_MAX_EVENT_BYTES, &n, &error);
      g_assert_no_error (error);
      g_string_append_len (lines, g_bytes_get_data (written, NULL), (gssize) g_bytes_get_size (written));
      g_string_append (lines, " \r\n");
      at = end + 1;
    }
  encoded = g_bytes_new (lines->str, lines->len);
  report = load (other, encoded, MKV_DUMP_JSON_LINES);
  g_assert_cmpstr (report->problems[0], ==, NULL);
  after = dump (other, MKV_DUMP_JSON_LINES, NULL);
  g_assert_true (g_bytes_equal (octets, after));
}

static void
test_merge (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("new"), old = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autofree char *line = NULL;
  gint64 now = g_get_real_time () / 1000;

  g_test_summary ("An entry of a dump takes the place of older ones alone");
  line = g_strdup_printf ("{\"key\":\"a\",\"value\":\"1\",\"timestamp\":%" G_GINT64_FORMAT ",\"node_id\":\"x\",\"seq\":1}\n"
                          "{\"key\":\"b\",\"op\":\"DELETE\",\"timestamp\":%" G_GINT64_FORMAT
                          ",\"node_id\":\"x\",\"seq\":2}\n", now - 9, now - 8);
  check_load (f->store, MKV_DUMP_JSON_LINES, line, 2, 0, "");
  g_assert_true (mkv_store_set (f->store, "a", value, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "b", value, NULL, NULL));
  check_load (f->store, MKV_DUMP_JSON_LINES, line, 0, 2, "");
  assert_value (f->store, "a", "new", -1);
  assert_value (f->store, "b", "new", -1);

  g_free (line);
  line = g_strdup_printf ("{\"key\":\"a\",\"op\":\"DELETE\",\"timestamp\":%" G_GINT64_FORMAT
                          ",\"node_id\":\"x\",\"seq\":3}\n", now + 60000);
  check_load (f->store, MKV_DUMP_JSON_LINES, line, 1, 0, "");
  g_assert_null (mkv_store_get (f->store, "a", NULL, NULL));

  g_free (line);
  line = g_strdup_printf ("{\"key\":\"c\",\"value\":\"1\",\"timestamp\":%" G_GINT64_FORMAT
                          ",\"node_id\":\"x\",\"seq\":4}\n", now + 600000);
  check_load (f->store, MKV_DUMP_JSON_LINES, line, 0, 0,
              "1 entry is of a time that this clock does not reach yet: see that it is right, and load again");
}

static void
test_own_entries (Fixture *f, gconstpointer data)
{
  gint64 seq = G_GINT64_CONSTANT (3000000000000000000);
  g_autofree char *line = g_strdup_printf ("{\"key\":\"a\",\"value\":\"1\",\"timestamp\":5,\"node_id\":\"m\",\"seq\":%"
                                           G_GINT64_FORMAT "}\n", seq);
  g_autoptr (GBytes) value = mkv_test_bytes ("x");
  g_autoptr (MkvEntry) entry = NULL;

  g_test_summary ("After a dump of the same node its seq goes on behind the dump's");
  check_load (f->store, MKV_DUMP_JSON_LINES, line, 1, 0, "");
  g_assert_true (mkv_store_set (f->store, "b", value, NULL, NULL));
  entry = mkv_store_get_entry (f->store, "b", NULL, NULL);
  g_assert_cmpint (mkv_entry_get_stamp (entry)->seq, ==, seq + 1);
}

static void
test_lines (Fixture *f, gconstpointer data)
{
  g_autofree char *half = g_strnfill (4 * MKV_MAX_VALUE_BYTES, 'x');
  g_autofree char *large = g_strnfill (MKV_MAX_VALUE_BYTES + 1, 'x');
  g_autofree char *long_line = g_strdup_printf ("{\"key\":\"l\",\"value\":\"%s%s%s\"}\n{\"key\":\"m\",\"value\":\"1\"}", half,
                                                half, half);
  g_autofree char *large_line = g_strdup_printf ("{\"key\":\"l\",\"value\":\"%s\"}\n{\"key\":\"n\",\"value\":\"1\"}\n", large);

  g_test_summary ("A line with key and value is written now; one that can't be taken is named, and keeps out no other");
  check_load (f->store, MKV_DUMP_JSON_LINES,
              "{\"key\":\"a\",\"value\":\"1\"}\n"
              "\n"
              " { \"value\" : \"\\u00e4\\ud83d\\ude00\\n\\/\" , \"key\" : \"b\", \"note\": \"\\\"x\", \"n\":-1.5e3, \"z\": null } \r\n"
              "{\"key\":\"a\",\"value\":\"2\"}\n"
              "{\"key\":\"c\",\"value\":\"/wA=\",\"encoding\":\"base64\"}",
              4, 0, "");
  assert_value (f->store, "a", "2", -1);
  assert_value (f->store, "b", "ä😀\n/", -1);
  assert_value (f->store, "c", "\xff\0", 2);
  check_load (f->store, MKV_DUMP_JSON_LINES,
              "nonsense\n"
              "{\"key\":\"d\"}\n"
              "{\"value\":\"1\"}\n"
              "{\"key\":\"d\",\"value\":1}\n"
              "{\"key\":\"d\",\"value\":\"1\",\"value\":\"2\"}\n"
              "{\"key\":\"d\",\"value\":\"1\"\n"
              "{\"key\":\"d\",\"value\":\"1\"} {}\n"
              "{\"key\":\"d\",\"value\":\"\\ud83d\"}\n"
              "{\"key\":\"d\",\"value\":\"\\u0000\"}\n"
              "{\"key\":\"d\",\"value\":\"A\",\"encoding\":\"base64\"}\n"
              "{\"key\":\"d\",\"value\":\"1\",\"seq\":1}\n"
              "{\"key\":\"d\",\"op\":\"DELETE\"}\n"
              "{\"key\":\"d\",\"value\":\"1\",\"more\":[]}\n"
              "{\"key\":\"d\",\"value\":\"1\",\"timestamp\":1,\"node_id\":\"x\",\"seq\":1,\"checksum\":\"00\"}\n"
              "{\"key\":\"d\",\"value\":\"1\",\"timestamp\":1,\"node_id\":\"x\",\"seq\":9223372036854775807}\n"
              "{\"key\":\"\",\"value\":\"1\"}\n"
              "{\"key\":\"e\",\"value\":\"1\"}\n",
              1, 0,
              "Line 1: it is not a JSON object|Line 2: it has no “value”|Line 3: it has no “key”|"
              "Line 4: its “value” is not what it has to be|Line 5: it has “value” twice|"
              "Line 6: it is not a JSON object|Line 7: something follows its object|"
              "Line 8: its “value” is not what it has to be|Line 9: its “value” is not what it has to be|"
              "Line 10: its value is not base64|"
              "Line 11: it lacks a part of its stamp: timestamp, node_id and seq, all or, to write it now, none|"
              "Line 12: it lacks a part of its stamp: timestamp, node_id and seq, all or, to write it now, none|"
              "Line 13: it has a field that is neither text nor a number|"
              "Line 14: its checksum is not that of its content; to write it as it is, leave out timestamp, node_id, seq "
              "and checksum|Line 15: its seq is none that a node has come to|"
              "Line 16: The key is empty: it needs 1 to 256 octets");
  g_assert_null (mkv_store_get (f->store, "d", NULL, NULL));
  check_load (f->store, MKV_DUMP_JSON_LINES, long_line, 1, 0, "Line 1: it is longer than any entry's");
  assert_value (f->store, "m", "1", -1);
  check_load (f->store, MKV_DUMP_JSON_LINES, large_line, 1, 0, "Line 1: its value is longer than 256 KiB");
}

static void
test_many_problems (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (MkvLoadReport) report = NULL;

  g_test_summary ("Of more than 1,000 lines that can't be taken the first are named, and all counted");
  for (guint i = 0; i < 5000; i++)
    g_string_append (lines, "no\n");
  octets = g_bytes_new (lines->str, lines->len);
  report = load (f->store, octets, MKV_DUMP_JSON_LINES);
  g_assert_cmpuint (report->n_refused, ==, 5000);
  g_assert_cmpuint (g_strv_length (report->problems), ==, 1000);
}

static void
test_cbor (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("1");
  g_autoptr (GBytes) octets = NULL, cut = NULL, bad = NULL;
  g_autoptr (GByteArray) sequence = g_byte_array_new ();
  g_autoptr (MkvLoadReport) report = NULL, cut_report = NULL;
  g_autoptr (MkvStorage) storage = NULL, cut_storage = NULL;
  g_autoptr (MkvStore) other = open_store (f, &storage, "x"), cut_other = open_store (f, &cut_storage, "x");
  g_autofree char *problems = NULL;

  g_test_summary ("An item of CBOR that is no event keeps out no other; what is cut off is said");
  g_assert_true (mkv_store_set (f->store, "a", value, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "b", value, NULL, NULL));
  octets = dump (f->store, MKV_DUMP_CBOR, NULL);
  /* An empty map before, the number 1 behind. */
  g_byte_array_append (sequence, (const guint8 *) "\xa0", 1);
  g_byte_array_append (sequence, g_bytes_get_data (octets, NULL), (guint) g_bytes_get_size (octets));
  g_byte_array_append (sequence, (const guint8 *) "\x01", 1);
  bad = g_bytes_new (sequence->data, sequence->len);
  report = load (other, bad, MKV_DUMP_CBOR);
  g_assert_cmpuint (report->n_loaded, ==, 2);
  g_assert_cmpuint (report->n_refused, ==, 2);
  problems = g_strjoinv ("|", report->problems);
  g_assert_nonnull (strstr (problems, "Item 1: "));
  g_assert_nonnull (strstr (problems, "Item 4: "));
  assert_value (other, "b", "1", -1);

  cut = g_bytes_new_from_bytes (octets, 0, g_bytes_get_size (octets) - 1);
  cut_report = load (cut_other, cut, MKV_DUMP_CBOR);
  g_assert_cmpuint (cut_report->n_loaded, ==, 1);
  g_assert_cmpuint (cut_report->n_refused, ==, 1);
  g_assert_true (g_str_has_prefix (cut_report->problems[0], "Item 2: it is not well-formed CBOR, or cut off"));
}

static void
test_hostile_cbor (Fixture *f, gconstpointer data)
{
  guint32 seed = g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GBytes) octets = NULL;

  g_test_summary ("Whatever a dump of CBOR holds, loading ends");
  g_test_message ("seed %u", seed);
  fill (f, rand, 30);
  octets = dump (f->store, MKV_DUMP_CBOR, NULL);
  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (GByteArray) mutated = g_byte_array_new ();
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (MkvLoadReport) report = NULL;

      g_byte_array_append (mutated, g_bytes_get_data (octets, NULL), (guint) g_bytes_get_size (octets));
      for (gint n = g_rand_int_range (rand, 1, 4); n > 0; n--)
        mutated->data[g_rand_int_range (rand, 0, (gint) mutated->len)] = (guint8) g_rand_int_range (rand, 0, 256);
      bytes = g_bytes_new (mutated->data, mutated->len);
      report = load (f->store, bytes, MKV_DUMP_CBOR);
      g_assert_cmpuint (report->n_loaded + report->n_unchanged + report->n_refused, >, 0);
    }
}

static void
test_dconf (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("it's"), binary = g_bytes_new_static ("\xff\0", 2);

  g_test_summary ("dconf's format: groups are paths, strings are text, other types are GVariant's text");
  g_assert_true (mkv_store_set (f->store, "org/gnome/name", value, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "org/gnome/octets", binary, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "top", value, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "/odd//k=[/", value, NULL, NULL));
  assert_dump (f->store, MKV_DUMP_DCONF,
               "[%2Fodd]\n"
               "%2Fk%3D%5B%2F=\"it's\"\n"
               "\n"
               "[org/gnome]\n"
               "name=\"it's\"\n"
               "octets=b'\\377'\n"
               "\n"
               "[/]\n"
               "top=\"it's\"\n");
  check_load (f->store, MKV_DUMP_DCONF,
              "# a comment\n"
              "\n"
              "[/]\n"
              "top='x'\n"
              "[/org/gnome/desktop/]\n"
              "number=5\n"
              "unsigned = uint32 5\n"
              "list=['a', 'b']\n"
              "empty=@as []\n"
              "yes=true\n"
              "octets=[byte 0xff, 0x01]\n"
              "text='a\\nb'\n",
              8, 0, "");
  assert_value (f->store, "top", "x", -1);
  assert_value (f->store, "org/gnome/desktop/number", "5", -1);
  assert_value (f->store, "org/gnome/desktop/unsigned", "uint32 5", -1);
  assert_value (f->store, "org/gnome/desktop/list", "['a', 'b']", -1);
  assert_value (f->store, "org/gnome/desktop/empty", "@as []", -1);
  assert_value (f->store, "org/gnome/desktop/yes", "true", -1);
  assert_value (f->store, "org/gnome/desktop/octets", "\xff\x01", 2);
  assert_value (f->store, "org/gnome/desktop/text", "a\nb", -1);
  check_load (f->store, MKV_DUMP_DCONF, "a='1'\n[x\n[y]\n='1'\nno\nb='1'\n", 1, 0,
              "Line 1: it stands before the first [group]|Line 2: it begins with [ and does not end with ]|"
              "Line 4: it is not of the form KEY=VALUE|Line 5: it is not of the form KEY=VALUE");
  assert_value (f->store, "y/b", "1", -1);
}

static void
test_prefix (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("1"), octets = NULL;
  g_autofree char *text = NULL;

  g_test_summary ("A dump of a prefix has its keys alone; one of an empty store is empty");
  assert_dump (f->store, MKV_DUMP_JSON_LINES, "");
  assert_dump (f->store, MKV_DUMP_CBOR, "");
  assert_dump (f->store, MKV_DUMP_DCONF, "");
  g_assert_true (mkv_store_set (f->store, "a/1", value, NULL, NULL));
  g_assert_true (mkv_store_set (f->store, "b/1", value, NULL, NULL));
  octets = dump (f->store, MKV_DUMP_DCONF, "b/");
  text = g_strndup (g_bytes_get_data (octets, NULL), g_bytes_get_size (octets));
  g_assert_cmpstr (text, ==, "[b]\n1='1'\n");
}

typedef struct
{
  guint n_calls;
  guint64 done, total;
  gboolean destroyed;
  GCancellable *cancel; /* at the first call */
} Progress;

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  Progress *progress = user_data;

  g_assert_false (progress->destroyed);
  g_assert_cmpuint (done, >=, progress->done);
  progress->n_calls++;
  progress->done = done;
  progress->total = total;
  if (progress->cancel != NULL)
    g_cancellable_cancel (progress->cancel);
}

static void
on_destroyed (gpointer user_data)
{
  ((Progress *) user_data)->destroyed = TRUE;
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  mkv_test_store_result (source, result, user_data);
}

static void
test_progress (Fixture *f, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (GFile) file = NULL;
  g_autoptr (GFileIOStream) both = NULL;
  g_autoptr (GAsyncResult) dumped = NULL, loaded = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GError) error = NULL;
  Progress progress = { 0 }, load_progress = { 0 };

  g_test_summary ("Progress is told in the caller's context, to the end, and then no more");
  fill (f, rand, 3000);
  mkv_store_dump_async (f->store, out, MKV_DUMP_JSON_LINES, NULL, on_progress, &progress, on_destroyed, NULL, on_done,
                        &dumped);
  mkv_test_wait_result (&dumped);
  g_assert_true (mkv_store_dump_finish (f->store, dumped, &error));
  g_assert_true (progress.destroyed);
  g_assert_cmpuint (progress.n_calls, >, 0);
  g_assert_cmpuint (progress.done, ==, progress.total);
  g_assert_true (g_output_stream_close (out, NULL, NULL));
  octets = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (out));

  file = g_file_new_tmp ("merklekv-test-XXXXXX", &both, &error);
  g_assert_no_error (error);
  g_assert_true (g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (both)),
                                            g_bytes_get_data (octets, NULL), g_bytes_get_size (octets), NULL, NULL, NULL));
  in = G_INPUT_STREAM (g_file_read (file, NULL, &error));
  g_assert_no_error (error);
  mkv_store_load_async (f->store, in, MKV_DUMP_JSON_LINES, on_progress, &load_progress, on_destroyed, NULL, on_done,
                        &loaded);
  mkv_test_wait_result (&loaded);
  report = mkv_store_load_finish (f->store, loaded, &error);
  g_assert_no_error (error);
  g_assert_true (load_progress.destroyed);
  g_assert_cmpuint (load_progress.done, ==, g_bytes_get_size (octets));
  g_assert_cmpuint (load_progress.total, ==, g_bytes_get_size (octets));
  g_assert_cmpuint (report->n_unchanged, ==, progress.done);
  g_file_delete (file, NULL, NULL);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (GAsyncResult) loaded = NULL;
  g_autoptr (GError) error = NULL;
  Progress progress = { .cancel = cancellable };

  g_test_summary ("Dumping and loading stop when they are cancelled");
  fill (f, rand, 3000);
  octets = dump (f->store, MKV_DUMP_JSON_LINES, NULL);
  g_assert_false (mkv_store_dump (f->store, out, MKV_DUMP_JSON_LINES, NULL, on_progress, &progress, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (progress.n_calls, ==, 1);
  g_clear_error (&error);

  in = g_memory_input_stream_new_from_bytes (octets);
  mkv_store_load_async (f->store, in, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, cancellable, on_done, &loaded);
  mkv_test_wait_result (&loaded);
  g_assert_null (mkv_store_load_finish (f->store, loaded, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_errors (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("1");
  g_autofree guint8 *room = g_malloc (16);
  g_autoptr (GOutputStream) out = g_memory_output_stream_new (room, 16, NULL, NULL);
  g_autoptr (GInputStream) in = g_memory_input_stream_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("What the stream can't do is the error");
  g_assert_true (mkv_store_set (f->store, "a", value, NULL, NULL));
  g_assert_false (mkv_store_dump (f->store, out, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_true (g_input_stream_close (in, NULL, NULL));
  g_assert_null (mkv_store_load (f->store, in, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);
#define ADD(name, func) g_test_add ("/store/dump/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("round-trip", test_round_trip);
  ADD ("round-trip-dconf", test_round_trip_dconf);
  ADD ("codec-agrees", test_codec_agrees);
  ADD ("merge", test_merge);
  ADD ("own-entries", test_own_entries);
  ADD ("lines", test_lines);
  ADD ("many-problems", test_many_problems);
  ADD ("cbor", test_cbor);
  ADD ("hostile-cbor", test_hostile_cbor);
  ADD ("dconf", test_dconf);
  ADD ("prefix", test_prefix);
  ADD ("progress", test_progress);
  ADD ("cancel", test_cancel);
  ADD ("errors", test_errors);
  return g_test_run ();
}
