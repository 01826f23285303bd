/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The lines of file storage: JSON-GLib says what they mean, GLib's SHA-256 what
 * their checksum is.
 */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-line-writer.h"
#include "mkv-test.h"

static gboolean
parse (MkvLine *line, const char *octets, gsize length)
{
  gnutls_hash_hd_t hash = mkv_line_hash_new ();
  const char *problem = NULL;
  gboolean done = mkv_line_parse (line, octets, length, hash, &problem);

  gnutls_hash_deinit (hash, NULL);
  g_assert_cmpint (problem == NULL, ==, done);
  return done;
}

/* The line with its checksum, for what has none. */
static char *
add_checksum (const char *start)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, start, -1);

  return g_strdup_printf ("%s,\"checksum\":\"%.16s\"}", start, digest);
}

static JsonObject *
parse_json (JsonParser *parser, const char *octets, gsize length)
{
  g_autoptr (GError) error = NULL;

  json_parser_load_from_data (parser, octets, (gssize) length, &error);
  g_assert_no_error (error);
  return json_node_get_object (json_parser_get_root (parser));
}

/* What JSON-GLib finds the value to be; NULL for null. */
static GBytes *
get_value (JsonObject *object)
{
  const char *text;
  gsize length;
  guchar *octets;

  if (json_object_get_null_member (object, "value"))
    return NULL;
  text = json_object_get_string_member (object, "value");
  if (!json_object_has_member (object, "encoding"))
    return g_bytes_new (text, strlen (text));
  g_assert_cmpstr (json_object_get_string_member (object, "encoding"), ==, "base64");
  octets = g_base64_decode (text, &length);
  return g_bytes_new_take (octets, length);
}

/* The last line of the writer without its line feed; checks it. */
static void
check_line (const MkvLineWriter *writer, JsonParser *parser, JsonObject **object, MkvLine *line)
{
  const char *checksum = g_strrstr_len (writer->octets, (gssize) writer->length, ",\"checksum\":\"");
  g_autofree char *digest = NULL;
  g_autoptr (GList) members = NULL;

  g_assert_cmpint (writer->octets[writer->length - 1], ==, '\n');
  *object = parse_json (parser, writer->octets, writer->length - 1);
  members = json_object_get_members (*object);
  g_assert_cmpstr (g_list_last (members)->data, ==, "checksum");
  digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) writer->octets,
                                        (gsize) (checksum - writer->octets));
  digest[16] = 0;
  g_assert_cmpstr (json_object_get_string_member (*object, "checksum"), ==, digest);
  g_assert_true (parse (line, writer->octets, writer->length - 1));
}

static void
assert_same_bytes (GBytes *a, GBytes *b)
{
  g_assert_cmpint (a == NULL, ==, b == NULL);
  if (a != NULL)
    g_assert_cmpmem (g_bytes_get_data (a, NULL), g_bytes_get_size (a), g_bytes_get_data (b, NULL),
                     g_bytes_get_size (b));
}

static char *
make_text (GRand *rand, guint max)
{
  static const char *const pieces[] = { "a", "\"", "\\", "/", "\n", "\r", "\t", "\1", "\x1f", "\x7f", "ä", "€", "😀",
                                        "\\u0041", " ", "null", "}", "," };
  GString *text = g_string_new (g_rand_boolean (rand) ? "k" : "\"");

  for (guint n = (guint) g_rand_int_range (rand, 0, (gint32) max); n > 0; n--)
    g_string_append (text, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
  return g_string_free (text, FALSE);
}

static GBytes *
make_value (GRand *rand)
{
  gsize length = (gsize) g_rand_int_range (rand, 0, 40);
  guint8 *octets;

  switch (g_rand_int_range (rand, 0, 4))
    {
    case 0:
      return NULL;
    case 1:
      return g_bytes_new_static ("", 0);
    case 2:
      {
        g_autofree char *text = make_text (rand, 30);

        return g_bytes_new (text, strlen (text));
      }
    default:
      octets = g_malloc (length + 1);
      for (gsize i = 0; i <= length; i++)
        octets[i] = (guint8) g_rand_int_range (rand, 0, 256);
      return g_bytes_new_take (octets, length + 1);
    }
}

static void
test_entries (void)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_auto (MkvLineWriter) writer = { 0 };

  g_test_summary ("An entry's line says what the entry does, to JSON-GLib and to the reader");
  g_test_message ("seed %u", seed);
  mkv_line_writer_init (&writer);
  for (guint i = 0; i < 2000; i++)
    {
      g_autoptr (JsonParser) parser = json_parser_new ();
      g_autofree char *key = make_text (rand, 20), *node_id = make_text (rand, 10);
      g_autoptr (GBytes) value = make_value (rand), seen = NULL;
      gint64 timestamp = g_rand_boolean (rand) ? MKV_MAX_TIMESTAMP : g_rand_int_range (rand, 0, 1000);
      gint64 seq = g_rand_boolean (rand) ? G_MAXINT64 : g_rand_int_range (rand, 1, 1000);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, timestamp, g_rand_boolean (rand) ? node_id : "n", seq, NULL);
      g_auto (MkvLine) line = { 0 };
      g_autofree char *digest = NULL;
      JsonObject *object;

      /* Not every text is a node id. */
      if (entry == NULL)
        entry = mkv_entry_new (key, value, timestamp, "n", seq, &error);
      g_assert_no_error (error);
      mkv_line_writer_reset (&writer);
      mkv_line_writer_add_entry (&writer, entry);
      check_line (&writer, parser, &object, &line);
      g_assert_cmpstr (json_object_get_string_member (object, "key"), ==, key);
      seen = get_value (object);
      assert_same_bytes (seen, value);
      g_assert_cmpint (json_object_get_int_member (object, "timestamp"), ==, timestamp);
      g_assert_cmpint (json_object_get_int_member (object, "seq"), ==, seq);
      g_assert_cmpstr (json_object_get_string_member (object, "node_id"), ==, mkv_entry_get_stamp (entry)->node_id);
      g_assert_cmpuint (strlen (json_object_get_string_member (object, "digest")), ==, 64);
      g_assert_cmpint (line.kind, ==, MKV_LINE_ENTRY);
      g_assert_cmpstr (mkv_entry_get_key (line.entry), ==, key);
      g_assert_cmpint (mkv_entry_compare (line.entry, entry), ==, 0);
      assert_same_bytes (mkv_entry_get_value (line.entry), value);
    }
}

static void
test_meta (void)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_auto (MkvLineWriter) writer = { 0 };

  g_test_summary ("So does that of a change of meta, and that of a key that is removed");
  g_test_message ("seed %u", seed);
  mkv_line_writer_init (&writer);
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (JsonParser) parser = json_parser_new ();
      g_autofree char *name = make_text (rand, 100);
      g_autoptr (GBytes) value = make_value (rand), seen = NULL;
      g_auto (MkvLine) line = { 0 }, removal = { 0 };
      JsonObject *object;

      mkv_line_writer_reset (&writer);
      mkv_line_writer_add_meta (&writer, name, value);
      check_line (&writer, parser, &object, &line);
      g_assert_cmpstr (json_object_get_string_member (object, "meta"), ==, name);
      seen = get_value (object);
      assert_same_bytes (seen, value);
      g_assert_cmpint (line.kind, ==, MKV_LINE_META);
      g_assert_cmpstr (line.name, ==, name);
      assert_same_bytes (line.value, value);

      mkv_line_writer_reset (&writer);
      mkv_line_writer_add_remove (&writer, name);
      check_line (&writer, parser, &object, &removal);
      g_assert_cmpstr (json_object_get_string_member (object, "remove"), ==, name);
      g_assert_cmpint (removal.kind, ==, MKV_LINE_REMOVE);
      g_assert_cmpstr (removal.name, ==, name);
    }
}

static void
test_others (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (MkvLineWriter) writer = { 0 };
  g_auto (MkvLine) header = { 0 }, commit = { 0 }, total = { 0 }, aside = { 0 };
  g_autoptr (GBytes) octets = g_bytes_new_static ("\0{", 2);
  JsonObject *object;

  g_test_summary ("And so do the lines that are about lines");
  mkv_line_writer_init (&writer);
  mkv_line_writer_add_header (&writer, "journal", 17);
  check_line (&writer, parser, &object, &header);
  g_assert_cmpstr (json_object_get_string_member (object, "format"), ==, "merklekv-storage-file");
  g_assert_cmpint (json_object_get_int_member (object, "version"), ==, 1);
  g_assert_cmpint (header.kind, ==, MKV_LINE_HEADER);
  g_assert_cmpstr (header.name, ==, "journal");
  g_assert_cmpuint (header.commit, ==, 17);
  g_assert_cmpuint (mkv_line_peek_version (writer.octets, writer.length), ==, 1);

  mkv_line_writer_reset (&writer);
  mkv_line_writer_add_commit (&writer, G_MAXINT64, 3, 0);
  check_line (&writer, parser, &object, &commit);
  g_assert_cmpint (json_object_get_int_member (object, "commit"), ==, G_MAXINT64);
  g_assert_cmpint (commit.kind, ==, MKV_LINE_COMMIT);
  g_assert_cmpuint (commit.commit, ==, G_MAXINT64);
  g_assert_cmpuint (commit.n_lines, ==, 3);
  g_assert_cmpuint (commit.synced, ==, 0);

  mkv_line_writer_reset (&writer);
  mkv_line_writer_add_total (&writer, 5);
  check_line (&writer, parser, &object, &total);
  g_assert_cmpint (total.kind, ==, MKV_LINE_TOTAL);
  g_assert_cmpuint (total.n_lines, ==, 5);

  mkv_line_writer_reset (&writer);
  mkv_line_writer_add_aside (&writer, "journal.jsonl", 99, "torn", octets);
  check_line (&writer, parser, &object, &aside);
  g_assert_cmpint (aside.kind, ==, MKV_LINE_ASIDE);
  g_assert_cmpstr (aside.name, ==, "journal.jsonl");
  g_assert_cmpuint (aside.commit, ==, 99);
  g_assert_cmpstr (aside.reason, ==, "torn");
  assert_same_bytes (aside.value, octets);
}

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ENTRY(key, value, timestamp, seq, digest)                                                         \
  "{\"key\":" key ",\"value\":" value ",\"timestamp\":" timestamp ",\"node_id\":\"n\",\"seq\":" seq ",\"digest\":\"" \
  digest "\""

static void
test_strict (void)
{
  static const char *const good[] = {
    ENTRY ("\"k\"", "\"v\"", "0", "1", DIGEST),
    ENTRY ("\"\\u0001\"", "null", "9007199254740991", "9223372036854775807", DIGEST),
    ENTRY ("\"k\"", "\"/w==\",\"encoding\":\"base64\"", "0", "1", DIGEST),
    "{\"remove\":\"k\"",
    "{\"meta\":\"\",\"value\":\"\"",
  };
  static const char *const bad[] = {
    "",
    "{",
    "{}",
    "[\"key\"]",
    "{\"remove\":k",
    "{\"remove\":\"k",
    "{\"remove\":\"k\\\"",
    "{\"remove\":\"k\" ",
    "{ \"remove\":\"k\"",
    "{\"remove\":\"k\",\"remove\":\"k\"",
    "{\"remove\":\"\\u0041\"",
    "{\"remove\":\"\\u000a\"",
    "{\"remove\":\"\\u001F\"",
    "{\"remove\":\"\\u0000\"",
    "{\"remove\":\"\\/\"",
    "{\"remove\":\"\\b\"",
    "{\"remove\":\"\1\"",
    "{\"remove\":\"\xff\"",
    "{\"remove\":\"\xc0\x80\"",
    "{\"remove\":null",
    ENTRY ("\"\"", "\"v\"", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "00", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "-1", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "+1", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "1.0", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "9007199254740992", "1", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "0", "0", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "0", "9223372036854775808", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "0", "99999999999999999999999", DIGEST),
    ENTRY ("\"k\"", "\"v\"", "0", "1", "00"),
    ENTRY ("\"k\"", "\"v\"", "0", "1", "A0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ENTRY ("\"k\"", "true", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"\xff\"", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"dg==\",\"encoding\":\"base64\"", "0", "1", DIGEST), /* a text */
    ENTRY ("\"k\"", "\"/x==\",\"encoding\":\"base64\"", "0", "1", DIGEST), /* not canonical */
    ENTRY ("\"k\"", "\"/w=\",\"encoding\":\"base64\"", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"/w\",\"encoding\":\"base64\"", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"====\",\"encoding\":\"base64\"", "0", "1", DIGEST),
    ENTRY ("\"k\"", "\"/w==\",\"encoding\":\"base32\"", "0", "1", DIGEST),
    "{\"commit\":1,\"lines\":1",
    "{\"commit\":\"1\",\"lines\":1,\"synced\":0",
    "{\"format\":\"merklekv-storage-file\",\"version\":2,\"file\":\"journal\",\"after\":0",
    "{\"aside\":\"f\",\"offset\":0,\"reason\":\"torn\",\"value\":null",
  };

  g_test_summary ("A line that a writer would write in another way is refused, though its checksum is right");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *text = add_checksum (good[i]), *wrong = g_strdup (text);
      g_auto (MkvLine) line = { 0 }, other = { 0 };
      g_auto (MkvLineWriter) writer = { 0 };

      g_test_message ("%s", text);
      g_assert_true (parse (&line, text, strlen (text)));
      mkv_line_writer_init (&writer);
      mkv_line_writer_add (&writer, &line);
      g_assert_cmpmem (writer.octets, writer.length - 1, text, strlen (text));
      /* In other case the checksum is another. */
      for (char *p = strstr (wrong, "checksum") + 10; *p != 0; p++)
        *p = g_ascii_toupper (*p);
      if (strcmp (wrong, text) != 0)
        g_assert_false (parse (&other, wrong, strlen (wrong)));
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = add_checksum (bad[i]), *shown = g_utf8_make_valid (text, -1);
      g_auto (MkvLine) line = { 0 };

      g_test_message ("%s", shown);
      g_assert_false (parse (&line, text, strlen (text)));
      g_assert_null (line.entry);
      g_assert_null (line.name);
      g_assert_null (line.value);
    }
}

static void
test_spoiled (void)
{
  g_auto (MkvLineWriter) writer = { 0 };
  g_autoptr (GBytes) value = g_bytes_new_static ("a\"\n", 3);
  g_autoptr (MkvEntry) entry = mkv_entry_new ("key", value, 1, "n", 1, NULL);

  g_test_summary ("A line of which one bit is another, or the end is missing, is no line");
  mkv_line_writer_init (&writer);
  mkv_line_writer_add_entry (&writer, entry);
  for (gsize i = 0; i < writer.length - 1; i++)
    {
      g_auto (MkvLine) line = { 0 };

      g_assert_false (parse (&line, writer.octets, i));
      for (guint bit = 0; bit < 8; bit++)
        {
          writer.octets[i] ^= (char) (1 << bit);
          g_assert_false (parse (&line, writer.octets, writer.length - 1));
          writer.octets[i] ^= (char) (1 << bit);
        }
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/storage-file-lines/entries", test_entries);
  g_test_add_func ("/storage-file-lines/meta", test_meta);
  g_test_add_func ("/storage-file-lines/others", test_others);
  g_test_add_func ("/storage-file-lines/strict", test_strict);
  g_test_add_func ("/storage-file-lines/spoiled", test_spoiled);
  return g_test_run ();
}
