/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-fixture.h"
#include "mkv-codec-payload.h"
#include "mkv-test.h"

/* What breaks a rule of anti-entropy's messages, in every codec. */

#define ROOT_DIGITS "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define CELL_DIGITS "000102030405060708090a0b"
#define STATE                                                                              \
  "\"from\": \"a\", \"timestamp\": 5, \"horizon\": 3600000, \"root\": \"hex:" ROOT_DIGITS \
  "\", \"count\": 7"
#define SYNC_BEGIN "{\"op\": \"SYNC\", \"id\": \"s\", " STATE
#define NODES_BEGIN "{\"op\": \"NODES\", \"id\": \"s\", " STATE
#define SYNC(fields) SYNC_BEGIN fields "}"
#define NODES(fields) NODES_BEGIN fields "}"
#define FEW_OCTETS "; up to 32 bits are allowed, in as few octets as hold them, and one before"
#define WRONG(field) "The field “" field "” is not what it has to be"

static MkvSyncMessage *
try_text (MkvCodecFixture *fixture, const char *text, guint n_refused, GError **error)
{
  g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);

  return mkv_codec_fixture_decode_sync (fixture, payload, n_refused, error);
}

static void
test_malformed (MkvCodecFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *text;
    const char *error;
  } cases[] = {
    { "{}", "The message has no “op” that is known" },
    { "{\"id\": \"s\", " STATE "}", "The message has no “op” that is known" },
    { "{\"op\": \"sync\", \"id\": \"s\", " STATE "}", "The message has no “op” that is known" },
    { "{\"op\": 5, \"id\": \"s\", " STATE "}", "The message has no “op” that is known" },
    /* What every message has. */
    { "{\"op\": \"DONE\", " STATE "}", "The “id” of a DONE has to be a text of 1 to 64 characters" },
    { "{\"op\": \"DONE\", \"id\": \"\", " STATE "}",
      "The “id” of a DONE has to be a text of 1 to 64 characters" },
    { "{\"op\": \"DONE\", \"id\": 5, " STATE "}", WRONG ("id") },
    { "{\"op\": \"DONE\", \"id\": null, " STATE "}", WRONG ("id") },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"hex:" ROOT_DIGITS
      "\", \"count\": 7}",
      "The “from” of a DONE has to be a name by the rule for names" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a/b\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"hex:"
      ROOT_DIGITS "\", \"count\": 7}",
      "The “from” of a DONE has to be a name by the rule for names" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"horizon\": 0, \"root\": \"hex:" ROOT_DIGITS
      "\", \"count\": 7}",
      "The “timestamp” of a DONE has to be a time from 0 to 2^53-1 ms" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": -1, \"horizon\": 0, \"root\": \"hex:"
      ROOT_DIGITS "\", \"count\": 7}",
      WRONG ("timestamp") },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 9007199254740992, \"horizon\": 0, "
      "\"root\": \"hex:" ROOT_DIGITS "\", \"count\": 7}",
      WRONG ("timestamp") },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"root\": \"hex:" ROOT_DIGITS
      "\", \"count\": 7}",
      "The “horizon” of a DONE has to be a time from 0 to 2^53-1 ms" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 3600001, \"root\": \"hex:"
      ROOT_DIGITS "\", \"count\": 7}",
      "The “horizon” of a DONE has to be a full hour" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 0, \"count\": 7}",
      "The “root” of a DONE has to be 32 octets" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"hex:00\", "
      "\"count\": 7}",
      "The “root” of a DONE has to be 32 octets" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"x\", "
      "\"count\": 7}",
      WRONG ("root") },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"hex:"
      ROOT_DIGITS "\"}",
      "The “count” of a DONE has to be an integer from 0 on" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"from\": \"a\", \"timestamp\": 5, \"horizon\": 0, \"root\": \"hex:"
      ROOT_DIGITS "\", \"count\": 1.5}",
      WRONG ("count") },
    /* ROOT, CLAIM, DONE, ERROR. */
    { "{\"op\": \"ROOT\", \"cell\": \"hex:" CELL_DIGITS "\", " STATE "}",
      "The “node_id” of a ROOT has to be a name by the rule for names" },
    { "{\"op\": \"ROOT\", \"node_id\": 5, \"cell\": \"hex:" CELL_DIGITS "\", " STATE "}", WRONG ("node_id") },
    { "{\"op\": \"ROOT\", \"node_id\": \"n\", " STATE "}", "The “cell” of a ROOT has to be 12 octets" },
    { "{\"op\": \"ROOT\", \"node_id\": \"n\", \"cell\": \"hex:" CELL_DIGITS "00\", " STATE "}",
      "The “cell” of a ROOT has to be 12 octets" },
    { "{\"op\": \"CLAIM\", " STATE "}", "The “to” of a CLAIM has to be a name by the rule for names" },
    { "{\"op\": \"CLAIM\", \"to\": \"global\", " STATE "}",
      "The “to” of a CLAIM has to be a name by the rule for names" },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"until\": -1, " STATE "}", WRONG ("until") },
    { "{\"op\": \"DONE\", \"id\": \"s\", \"until\": null, " STATE "}", WRONG ("until") },
    { "{\"op\": \"ERROR\", \"id\": \"s\", \"errorCode\": \"109\", " STATE "}", WRONG ("errorCode") },
    { "{\"op\": \"ERROR\", \"id\": \"s\", \"errorCode\": -1, " STATE "}", WRONG ("errorCode") },
    { "{\"op\": \"ERROR\", \"id\": \"s\", \"error\": [], " STATE "}", WRONG ("error") },
    /* SYNC: short ids. */
    { SYNC (", \"want\": \"hex:00010203040506\""),
      "The “want” of a SYNC has to be 8 octets for each short id" },
    { SYNC (", \"want\": [\"hex:0001020304050607\"]"), WRONG ("want") },
    { SYNC (", \"want\": \"ABCDEFABCDEFABCD\""), WRONG ("want") },
    { SYNC (", \"want\": \"0\""), WRONG ("want") },
    { SYNC (", \"want\": null"), WRONG ("want") },
    { SYNC (", \"offer\": \"hex:0001020304050607\""),
      "The “offer” of a SYNC has to be 19 octets for each key" },
    { SYNC (", \"more\": 1"), WRONG ("more") },
    { SYNC (", \"more\": null"), WRONG ("more") },
    { SYNC (", \"ack\": \"true\""), WRONG ("ack") },
    /* SYNC: prefixes. */
    { SYNC (", \"cells\": \"hex:00\""), WRONG ("cells") },
    { SYNC (", \"cells\": {}"), WRONG ("cells") },
    { SYNC (", \"cells\": [5]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\"]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", 1]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", 1, 5]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[5, 1, \"hex:" CELL_DIGITS CELL_DIGITS "\"]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", \"hex:" CELL_DIGITS "\", 1]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", 1, \"hex:" CELL_DIGITS CELL_DIGITS "\", 5]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", -1, \"hex:" CELL_DIGITS "\"]]"), WRONG ("cells") },
    { SYNC (", \"cells\": [[\"hex:00\", 0, \"hex:" CELL_DIGITS "\"]]"),
      "Cells are 0 bits deeper than their prefix, not 1 to 8" },
    { SYNC (", \"cells\": [[\"hex:00\", 9, \"hex:" CELL_DIGITS "\"]]"),
      "Cells are 9 bits deeper than their prefix, not 1 to 8" },
    { SYNC (", \"cells\": [[\"hex:00\", 1, \"hex:" CELL_DIGITS "\"]]"),
      "Cells 1 bits deeper have 12 octets, not 24" },
    { SYNC (", \"cells\": [[\"hex:00\", 8, \"hex:\"]]"), "Cells 8 bits deeper have 0 octets, not 3072" },
    { SYNC (", \"cells\": [[\"hex:1fffffffff\", 1, \"hex:00\"]]"),
      "A prefix of 31 bits is not padded with zeros" },
    { SYNC (", \"cells\": [[\"hex:20ffffffff\", 1, \"hex:" CELL_DIGITS CELL_DIGITS "\"]]"),
      "Cells are 1 bits deeper than a prefix of 32 bits; at most 8 bits, 32 in all, are allowed" },
    { SYNC (", \"cells\": [[\"hex:\", 1, \"hex:" CELL_DIGITS CELL_DIGITS "\"]]"),
      "A prefix has no octet with its length" },
    { SYNC (", \"lists\": [[\"hex:0000\", \"hex:\"]]"),
      "A prefix of 0 bits has 2 octets" FEW_OCTETS },
    { SYNC (", \"lists\": [[\"hex:09ff\", \"hex:\"]]"),
      "A prefix of 9 bits has 2 octets" FEW_OCTETS },
    { SYNC (", \"lists\": [[\"hex:210000000000\", \"hex:\"]]"),
      "A prefix of 33 bits has 6 octets" FEW_OCTETS },
    { SYNC (", \"lists\": [[\"hex:0381\", \"hex:\"]]"), "A prefix of 3 bits is not padded with zeros" },
    { SYNC (", \"lists\": [[\"hex:00\", \"hex:00010203040506\"]]"),
      "A list of short ids has 7 octets, which is no multiple of 8" },
    { SYNC (", \"lists\": [[\"hex:00\", 1, \"hex:\"]]"), WRONG ("lists") },
    { SYNC (", \"lists\": [[\"hex:00\"]]"), WRONG ("lists") },
    { SYNC (", \"lists\": [\"hex:00\"]"), WRONG ("lists") },
    { SYNC (", \"events\": {}"), WRONG ("events") },
    { SYNC (", \"events\": null"), WRONG ("events") },
    /* NODES. */
    { NODES (", \"get\": \"0\""), WRONG ("get") },
    { NODES (", \"get\": [0]"), WRONG ("get") },
    { NODES (", \"get\": [[\"0\"]]"), WRONG ("get") },
    { NODES (", \"get\": [\"A\"]"),
      "A node is named by at most 64 lower-case hexadecimal digits, not by this text of 1 octets" },
    { NODES (", \"get\": [\"" ROOT_DIGITS "0\"]"),
      "A node is named by at most 64 lower-case hexadecimal digits, not by this text of 65 octets" },
    { NODES (", \"nodes\": [[\"\", 0]]"), WRONG ("nodes") },
    { NODES (", \"nodes\": [[\"\", 0, \"hex:\", 0]]"), WRONG ("nodes") },
    { NODES (", \"nodes\": [[5, 0, \"hex:\"]]"), WRONG ("nodes") },
    { NODES (", \"nodes\": [[\"\", \"0\", \"hex:\"]]"), WRONG ("nodes") },
    { NODES (", \"nodes\": [[\"\", 0, []]]"), WRONG ("nodes") },
    { NODES (", \"nodes\": [[\"g\", 0, \"hex:\"]]"),
      "A node is named by at most 64 lower-case hexadecimal digits, not by this text of 1 octets" },
    { NODES (", \"nodes\": [[\"\", 2, \"hex:\"]]"), "A node is of kind 2, not 0 or 1" },
    { NODES (", \"nodes\": [[\"\", 1, \"hex:\"]]"), "A node of kind 1 has 0 octets, not 256" },
    { NODES (", \"nodes\": [[\"\", 0, \"hex:" ROOT_DIGITS "\"]]"),
      "A node of kind 0 has 32 octets, not a multiple of 36" },
  };

  g_test_summary ("What breaks a rule is refused, and the error says which");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvSyncMessage) message = try_text (fixture, cases[i].text, 0, &error);

      g_test_message ("%s", cases[i].text);
      g_assert_null (message);
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
      g_assert_cmpstr (error->message, ==, cases[i].error);
    }
}

static void
test_malformed_whole (MkvCodecFixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
    "[]",
    "[" SYNC ("") "]",
    /* Twice, as a known and as an unknown name, and deep inside. */
    SYNC (", \"count\": 7"),
    SYNC (", \"x\": 1, \"x\": 1"),
    SYNC (", \"x\": [{\"y\": 1, \"y\": 2}]"),
    SYNC (", \"events\": [{\"op\": \"SET\", \"op\": \"SET\"}]"),
    SYNC (", \"events\": []"),
    SYNC (", \"x\": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
  };
  g_autoptr (GString) many = g_string_new ("{\"op\": \"SYNC\", \"id\": \"s\", " STATE ", \"events\": [0");

  g_test_summary ("What makes a payload malformed does so here, too");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", texts[i]);
      g_assert_null (try_text (fixture, texts[i], 0, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    }
  for (guint i = 0; i < MKV_MAX_EVENTS; i++)
    g_string_append (many, ", 0");
  g_string_append (many, "]}");
  {
    g_autoptr (GError) error = NULL;

    g_assert_null (try_text (fixture, many->str, 0, &error));
    g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    g_assert_nonnull (strstr (error->message, fixture->is_cbor ? "more than 1,024 events" : "1 to 1024, not more"));
  }
}

static void
test_unusual (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvSyncMessage) root = NULL;
  g_autoptr (MkvSyncMessage) sync =
      try_text (fixture,
                "{\"new\": {\"a\": [null, 1.5, {}]}, \"nodes\": 5, \"get\": [\"?\"], \"until\": \"x\", \"cell\": null,"
                " \"lists\": [[\"hex:00\", \"hex:\"]], \"cells\": [[\"hex:090080\", 1.0, \"hex:" CELL_DIGITS
                CELL_DIGITS "\"]], \"want\": \"hex:\", \"more\": false, \"ack\": true, " STATE
                ", \"id\": \"s\", \"op\": \"SYNC\"}", 0, &error);

  g_test_summary ("Fields are read in any order; those that are unknown, or another operation's, are not");
  g_assert_no_error (error);
  g_assert_cmpuint (mkv_sync_message_get_n_items (sync), ==, 2);
  g_assert_cmpuint (((MkvSyncPrefix *) mkv_sync_message_get_cells (sync)->pdata[0])->bits, ==, 0x00800000);
  g_assert_cmpuint (((MkvSyncPrefix *) mkv_sync_message_get_cells (sync)->pdata[0])->n_bits, ==, 9);
  g_assert_null (mkv_sync_message_get_nodes (sync));
  g_assert_null (mkv_sync_message_get_queries (sync));
  g_assert_cmpint (mkv_sync_message_get_until (sync), ==, -1);
  g_assert_true (mkv_sync_message_get_ack (sync));
  g_assert_false (mkv_sync_message_get_more (sync));

  root = try_text (fixture,
                   "{\"op\": \"ROOT\", \"id\": 5, \"want\": 5, \"node_id\": \"n\", \"cell\": \"hex:" CELL_DIGITS "\", "
                   STATE "}", 0, &error);
  g_assert_no_error (error);
  g_assert_null (mkv_sync_message_get_id (root));
}

static void
test_events (MkvCodecFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvSyncMessage) message = try_text (fixture, SYNC (", \"events\": [5, {}, [1]]"), 3, &error);

  g_test_summary ("A message is good even if all of its events are refused");
  g_assert_no_error (error);
  g_assert_null (mkv_sync_message_get_events (message));
}

static void
test_length (MkvCodecFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *before;
    const char *behind;
    gsize padding;
    guint n_refused;
    gboolean fits;
  } cases[] = {
    { SYNC_BEGIN ", \"x\": \"", "\"}", MKV_MAX_SYNC_BYTES - 400, 0, TRUE },
    { SYNC_BEGIN ", \"x\": \"", "\"}", MKV_MAX_SYNC_BYTES, 0, FALSE },
    { NODES_BEGIN ", \"x\": \"", "\"}", MKV_MAX_SYNC_BYTES, 0, FALSE },
    { SYNC_BEGIN ", \"events\": [{\"x\": \"", "\"}]}", MKV_MAX_SYNC_BYTES, 1, TRUE },
    { SYNC_BEGIN ", \"events\": [{\"x\": \"", "\"}]}", MKV_MAX_EVENT_BYTES, 1, TRUE },
    { SYNC_BEGIN ", \"events\": [{\"x\": \"", "\"}, {}]}", MKV_MAX_SYNC_BYTES - 400, 2, TRUE },
    { SYNC_BEGIN ", \"events\": [{\"x\": \"", "\"}, {}]}", MKV_MAX_SYNC_BYTES, 0, FALSE },
  };

  g_test_summary ("A message has at most 64 KiB, or as much more as a single event takes");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *padding = g_strnfill (cases[i].padding, '.');
      g_autofree char *text = g_strconcat (cases[i].before, padding, cases[i].behind, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvSyncMessage) message = try_text (fixture, text, cases[i].n_refused, &error);

      if (cases[i].fits)
        g_assert_no_error (error);
      else
        g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
    }
}

int
main (int argc, char **argv)
{
  static const MkvCodecTest tests[] = {
    { "sync/malformed", test_malformed },
    { "sync/malformed/whole", test_malformed_whole },
    { "sync/unusual", test_unusual },
    { "sync/events/refused", test_events },
    { "sync/length", test_length },
  };

  mkv_test_init (&argc, &argv, 60);
  mkv_codec_add_tests (tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
