/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-json.h"
#include "mkv-json-check.h"
#include "mkv-json-token.h"
#include "mkv-test.h"

static gboolean
check (const char *text, gsize length, MkvJsonCheck *result)
{
  /* Copied, so that a sanitizer sees who reads too far. */
  g_autofree char *copy = g_memdup2 (text, length);
  g_autoptr (GBytes) payload = g_bytes_new_static (copy, length);
  g_autoptr (GError) error = NULL;
  gboolean valid = mkv_json_check (payload, result, &error);
  g_autofree char *escaped = g_strescape (text, NULL);

  g_test_message ("%.60s: %s", escaped, valid ? "valid" : error->message);
  if (!valid)
    g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
  return valid;
}

static char *
get_id (const char *text)
{
  g_autoptr (GBytes) payload = mkv_test_bytes (text);
  MkvJsonCheck result;

  mkv_json_check (payload, &result, NULL);
  return result.id != NULL ? g_strndup (result.id, result.id_length) : NULL;
}

static gboolean
check_text (const char *text, MkvJsonCheck *result)
{
  return check (text, strlen (text), result);
}

static void
test_grammar (void)
{
  static const char *const good[] = {
    "{}", "[]", "[ ]", "{ }\n", "[1]\t\r\n ", "[[],[[]],{}]", "{\"a\":{\"a\":{\"a\":1}},\"b\":1}",
    "[true,false,null]", "[0,-0,1,-1,10,1.5,-0.5,1e5,1E5,1e+5,1e-5,0e0,1.5e10,0.0,123456789012345678901234567890]",
    "[\"\",\"a\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\uD83D\\uDD11\",\"\x7f\",\"ü🔑\"]",
    "[\"\xef\xbf\xbf\",\"\xf4\x8f\xbf\xbf\",\"\xee\x80\x80\"]",
    "{\"\":0}", "{\"a\":0,\"A\":0,\"a \":0,\"\\u0061b\":0}",
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    "[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]",
  };
  static const char *const bad[] = {
    "", " []", "\n{}", "\xef\xbb\xbf{}", "1", "\"a\"", "null", "true",
    "{", "[", "}", "]", "[}", "{]", "[1", "{\"a\"", "{\"a\":", "{\"a\":1", "[1,", "{\"a\":1,",
    "[1,]", "[,1]", "[,]", "{,}", "{\"a\":1,}", "{\"a\"}", "{\"a\",1}", "{a:1}", "{1:1}", "{'a':1}", "{null:1}",
    "['a']", "[1 2]", "[1;2]", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "[]]", "[] []", "{}{}", "[]1", "[],",
    "[tru]", "[truee]", "[True]", "[nul]", "[NaN]", "[Infinity]", "[-Infinity]", "[undefined]", "[nullx]",
    "[01]", "[-01]", "[+1]", "[.5]", "[1.]", "[1.e5]", "[1e]", "[1e+]", "[-]", "[--1]", "[0x10]", "[1e5.5]", "[1_0]",
    "[0b1]", "[1a]", "[-a]", "[00]",
    "[\"]", "[\"\\\"]", "[\"\\x41\"]", "[\"\\u12\"]", "[\"\\u12g4\"]", "[\"\\\"", "[\"\\", "[\"\\u", "[\"\\u123",
    "[\"\\U0041\"]", "[\"\\a\"]", "[\"\\0\"]", "[\"\\'\"]",
    "[\"a\nb\"]", "[\"a\tb\"]", "[\"\x1f\"]",
    "[\"\\ud800\"]", "[\"\\udc00\"]", "[\"\\udc00\\ud800\"]", "[\"\\ud800a\"]", "[\"\\ud800\\u0041\"]",
    "[\"\\ud800\\ud800\"]", "[\"\\ud800\\", "[\"\\ud800\\u", "[\"\\ud83d\\udd1\"]",
    "[\"\x80\"]", "[\"\xc3\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xff\"]",
    "[\"\xe2\x82\"]", "{\"\xe9\":1}",
    "/**/[]", "[/**/]", "[]//", "[1,//\n2]", "#\n[]", "var x = []",
    "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\\ud83d\\udd11\":1,\"🔑\":2}", "{\"\":1,\"\":2}",
    "{\"x\":[{\"b\":1,\"c\":2,\"b\":3}]}", "[{\"a\":{},\"b\":{},\"a\":{}}]", "{\"a\\/b\":1,\"a/b\":1}",
    "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
    "{\"a\":[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]}",
  };
  MkvJsonCheck result;

  g_test_summary ("Exactly RFC 8259, in UTF-8, from the first octet, 16 deep, no name twice");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (check_text (good[i], &result));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (check_text (bad[i], &result));
  /* A NUL is neither space nor an end. */
  g_assert_false (check ("[]\0", 3, &result));
  g_assert_false (check ("[\0]", 3, &result));
  g_assert_false (check ("[\"\0\"]", 5, &result));
}

static void
test_findings (void)
{
  MkvJsonCheck result;
  g_autofree char *id = NULL;

  g_test_summary ("The strict pass tells what comes next: whether it is an array, how long it is, an id");
  g_assert_true (check_text ("[1,[2,3],{\"a\":[]},[]] ", &result));
  g_assert_true (result.is_array);
  g_assert_cmpuint (result.length, ==, 21);
  g_assert_true (check_text ("{}", &result));
  g_assert_false (result.is_array);

  id = get_id ("{\"a\":{\"id\":\"x\"},\"\\u0069d\":\"y\\u0041\"}");
  g_assert_cmpstr (id, ==, "y\\u0041");
  g_free (id);
  id = get_id ("{\"id\":\"y\",?");
  g_assert_cmpstr (id, ==, "y");
  g_free (id);
  id = get_id ("[{\"id\":\"y\"}]");
  g_assert_cmpstr (id, ==, NULL);
}

static void
test_numbers (void)
{
  static const struct
  {
    const char *text;
    gboolean is_integer;
    gint64 integer;
  } cases[] = {
    { "0", TRUE, 0 },
    { "-0", TRUE, 0 },
    { "-0.0e-5", TRUE, 0 },
    { "0e99999999999999999999", TRUE, 0 },
    { "1e3", TRUE, 1000 },
    { "1.50e1", TRUE, 15 },
    { "120.50e1", TRUE, 1205 },
    { "1000e-3", TRUE, 1 },
    { "0.00001e5", TRUE, 1 },
    { "-1.0", TRUE, -1 },
    { "1700000000000.000", TRUE, G_GINT64_CONSTANT (1700000000000) },
    { "9223372036854775807", TRUE, G_MAXINT64 },
    { "9223372036854775807.0", TRUE, G_MAXINT64 },
    { "922337203685477580.7e1", TRUE, G_MAXINT64 },
    { "-9223372036854775808", TRUE, G_MININT64 },
    { "-9.223372036854775808e18", TRUE, G_MININT64 },
    { "9223372036854775808", FALSE },
    { "-9223372036854775809", FALSE },
    { "18446744073709551617", FALSE },
    { "123456789012345678901234567890", FALSE },
    { "1e19", FALSE },
    { "1e99999999999999999999", FALSE },
    { "1e-99999999999999999999", FALSE },
    { "0.5", FALSE },
    { "1.5", FALSE },
    { "15e-1", FALSE },
    { "9007199254740993.5", FALSE },
  };

  g_test_summary ("However a number is written, it is told exactly which integer it is, if any");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *at = cases[i].text, *end = at + strlen (at);
      gboolean is_integer;
      gint64 integer = 0;

      g_test_message ("%s", at);
      g_assert_cmpstr (mkv_json_read_number (&at, end, &is_integer, &integer), ==, NULL);
      g_assert_true (at == end);
      g_assert_cmpint (is_integer, ==, cases[i].is_integer);
      if (is_integer)
        g_assert_cmpint (integer, ==, cases[i].integer);
    }
}

static MkvCommand *
decode (MkvCodec *codec, const char *text, GError **error)
{
  g_autoptr (GBytes) payload = mkv_test_bytes (text);
  g_autofree char *id = NULL;

  return mkv_codec_decode_command (codec, payload, &id, error);
}

static void
test_nul (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) set = decode (
      codec, "{\"id\":\"7\",\"op\":\"SET\",\"key\":\"\\uE000k\",\"value\":\"a\\u0000\\uE0000\xee\x80\x80\",\"\\u0000\":1}", &error);
  g_autoptr (MkvCommand) set_many =
      decode (codec, "{\"id\":\"7\",\"op\":\"MSET\",\"keyValues\":{\"\xee\x80\x80\":\"\\u0000\\u0000\"}}", &error);
  static const char *const refused[] = {
    "{\"id\":\"7\",\"op\":\"GET\",\"key\":\"k\\u0000\"}",
    "{\"id\":\"7\",\"op\":\"GET\\u0000\",\"key\":\"k\"}",
    "{\"id\":\"7\\u0000\",\"op\":\"PING\"}",
    "{\"id\":\"7\",\"op\":\"MGET\",\"keys\":[\"\\u0000\"]}",
    "{\"id\":\"7\",\"op\":\"MSET\",\"keyValues\":{\"\\u0000k\":\"v\"}}",
    "{\"id\":\"7\",\"op\":\"SET\",\"key\":\"k\",\"value\":\"dg==\",\"encoding\":\"base64\\u0000\"}",
  };

  g_test_summary ("U+0000 is an octet of a value like any other, does not end a string, and is in no key");
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_command_get_key (set), ==, "\xee\x80\x80k");
  g_assert_cmpmem (g_bytes_get_data (mkv_command_get_value (set), NULL), g_bytes_get_size (mkv_command_get_value (set)),
                   "a\0\xee\x80\x80" "0\xee\x80\x80", 9);
  g_assert_cmpstr (mkv_command_get_keys (set_many)->pdata[0], ==, "\xee\x80\x80");
  g_assert_cmpuint (g_bytes_get_size (mkv_command_get_values (set_many)->pdata[0]), ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_assert_null (decode (codec, refused[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
      g_clear_error (&error);
    }
}

static void
test_base64 (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  g_autoptr (MkvCommand) good =
      decode (codec, "{\"id\":\"7\",\"op\":\"SET\",\"key\":\"k\",\"value\":\"/+8=\",\"encoding\":\"base64\"}", NULL);
  g_autoptr (MkvCommand) empty =
      decode (codec, "{\"id\":\"7\",\"op\":\"SET\",\"key\":\"k\",\"value\":\"\",\"encoding\":\"base64\"}", NULL);
  static const char *const bad[] = {
    "\"/+8\",\"encoding\":\"base64\"",      "\"_-8=\",\"encoding\":\"base64\"",  "\"/+9=\",\"encoding\":\"base64\"",
    "\"/+8= \",\"encoding\":\"base64\"",    "\"/+\\n8=\",\"encoding\":\"base64\"", "\"/+8==\",\"encoding\":\"base64\"",
    "\"=\",\"encoding\":\"base64\"",        "\"/+8=\",\"encoding\":\"base64url\"", "\"/+8=\",\"encoding\":\"BASE64\"",
    "\"v\",\"encoding\":null",              "\"v\",\"encoding\":\"\"",             "\"v\",\"encoding\":\"utf-8\"",
    "5,\"encoding\":\"base64\"",
  };

  g_test_summary ("Base64 has exactly one form, and there is no other encoding");
  g_assert_cmpmem (g_bytes_get_data (mkv_command_get_value (good), NULL),
                   g_bytes_get_size (mkv_command_get_value (good)), "\xff\xef", 2);
  g_assert_cmpuint (g_bytes_get_size (mkv_command_get_value (empty)), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"id\":\"7\",\"op\":\"SET\",\"key\":\"k\",\"value\":%s}", bad[i]);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_null (decode (codec, text, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    }
}

static void
test_ascii (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_JSON, "ascii", TRUE, NULL);
  g_autoptr (MkvCommand) command = mkv_command_new (MKV_OPERATION_SET);
  g_autoptr (MkvCommand) decoded = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("\x7fü€🔑\xf4\x8f\xbf\xbf");
  g_autoptr (GBytes) payload = NULL;
  g_autofree char *id = NULL;
  g_autofree char *text = NULL;
  gboolean ascii;
  gsize length;
  const char *octets;

  g_test_summary ("With the property ascii, nothing above U+007F is written but as an escape");
  g_object_get (codec, "ascii", &ascii, NULL);
  g_assert_true (ascii);
  mkv_command_set_id (command, "7");
  mkv_command_set_key (command, "ключ");
  mkv_command_set_value (command, value);
  payload = mkv_codec_encode_command (codec, command, NULL);
  octets = g_bytes_get_data (payload, &length);
  text = g_strndup (octets, length);
  g_assert_cmpuint (strlen (text), ==, length);
  g_assert_true (g_str_is_ascii (text));
  g_assert_nonnull (strstr (text, "\\u00fc\\u20ac\\ud83d\\udd11\\udbff\\udfff"));
  decoded = mkv_codec_decode_command (codec, payload, &id, NULL);
  g_assert_cmpstr (mkv_command_get_key (decoded), ==, "ключ");
  g_assert_true (g_bytes_equal (mkv_command_get_value (decoded), value));
}

static void
test_hostile (void)
{
  static const struct
  {
    const char *head;
    const char *unit;
    guint times;
    const char *tail;
    gboolean valid;
  } cases[] = {
    { "", "[", 500000, "", FALSE },
    { "", "[", 100000, "0", FALSE },
    { "", "{\"a\":", 100000, "0", FALSE },
    { "{\"a\":", "[", 100000, "", FALSE },
    { "[", "\\", 500000, "", FALSE },
    { "[\"", "\\\\", 250000, "", FALSE },
    { "[", "9", 500000, "]", TRUE },
    { "[0.", "0", 500000, "1e500001]", TRUE },
    { "[1e", "9", 500000, "]", TRUE },
    { "[0", ",0", 250000, "]", TRUE },
    { "[0", ",1.0", 125000, "]", TRUE },
    { "[\"", "\\u0000", 85000, "\"]", TRUE },
    { "[", "{\"a\":0},", 60000, "0]", TRUE },
    { "{\"a\":0", ",\"a\":0", 80000, "}", FALSE },
    { "{\"a\":0", ",\"\\u0061\":0", 45000, "}", FALSE },
    { "{", "", 0, "", FALSE },
    { "[", " ", 500000, "]", TRUE },
    { "{\"more\":[0", ",0", 250000, "]}", TRUE },
    { "{\"more\":[[]", ",[]", 170000, "]}", TRUE },
    { "{\"more\":[{}", ",{\"a\":0}", 60000, "]}", TRUE },
  };
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_JSON, NULL);

  g_test_summary ("The longest payloads of the worst kinds take milliseconds");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) text = g_string_new (cases[i].head);
      g_autoptr (GBytes) payload = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GPtrArray) entries = NULL;
      g_autoptr (GError) error = NULL;
      MkvJsonCheck result;
      gint64 start;

      for (guint j = 0; j < cases[i].times; j++)
        g_string_append (text, cases[i].unit);
      g_string_append (text, cases[i].tail);
      g_assert_cmpuint (text->len, <=, MKV_MAX_PAYLOAD_BYTES);
      payload = g_bytes_new (text->str, text->len);
      start = g_get_monotonic_time ();
      g_assert_cmpint (mkv_json_check (payload, &result, NULL), ==, cases[i].valid);
      entries = mkv_codec_decode_events (codec, payload, &refused, &error);
      start = g_get_monotonic_time () - start;
      g_test_message ("%.10s%.10s...: %" G_GINT64_FORMAT " us", cases[i].head, cases[i].unit, start);
      g_assert_true (entries == NULL || entries->len == 0);
      g_assert_cmpint (start, <, G_USEC_PER_SEC / 2);
    }
}

static void
test_controls (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_JSON, NULL);

  g_test_summary ("What is written with any character of ASCII in it is read again");
  for (char c = 1; c < 0x7F; c++)
    {
      const char text[] = { 'a', c, 'z', 0 };
      g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
      g_autoptr (GBytes) value = mkv_test_bytes (text);
      g_autoptr (GBytes) payload = NULL;
      g_autoptr (GPtrArray) decoded = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) refused = NULL;
      guint n;

      g_ptr_array_add (entries, mkv_entry_new (text, value, 1, "n", 1, NULL));
      payload = mkv_codec_encode_events (codec, entries, MKV_MAX_EVENT_BYTES, &n, &error);
      g_assert_no_error (error);
      decoded = mkv_codec_decode_events (codec, payload, &refused, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (decoded->len, ==, 1);
      g_assert_cmpint (mkv_entry_compare (decoded->pdata[0], entries->pdata[0]), ==, 0);
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/codec-json/grammar", test_grammar);
  g_test_add_func ("/codec-json/findings", test_findings);
  g_test_add_func ("/codec-json/numbers", test_numbers);
  g_test_add_func ("/codec-json/nul", test_nul);
  g_test_add_func ("/codec-json/base64", test_base64);
  g_test_add_func ("/codec-json/ascii", test_ascii);
  g_test_add_func ("/codec-json/controls", test_controls);
  g_test_add_func ("/codec-json/hostile", test_hostile);
  return g_test_run ();
}
