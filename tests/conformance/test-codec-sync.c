/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-codec-payload.h"
#include "mkv-sync-compare.h"
#include "mkv-test.h"

/* What every codec of anti-entropy has to do. */

#define NOW G_GINT64_CONSTANT (1700000100000)
#define HORIZON (NOW / MKV_HORIZON_STEP * MKV_HORIZON_STEP)

typedef struct
{
  MkvCodec *codec;
  gboolean is_cbor;
} Fixture;

static GBytes *
octets_new (gsize length)
{
  guint8 *octets = g_malloc (length + 1);

  for (gsize i = 0; i < length; i++)
    octets[i] = (guint8) (i * 37 + length);
  return g_bytes_new_take (octets, length);
}

static MkvSyncMessage *
message_new (MkvSyncOperation operation, const char *id)
{
  MkvSyncMessage *message = mkv_sync_message_new (operation, id);
  g_autoptr (GBytes) root = octets_new (MKV_DIGEST_BYTES);

  mkv_sync_message_set_from (message, "client-a");
  mkv_sync_message_set_state (message, NOW, HORIZON, root, 2000);
  return message;
}

static void
add_prefix (MkvSyncMessage *message, guint32 bits, guint n_bits, guint depth, gsize length)
{
  g_autoptr (GBytes) octets = octets_new (length);

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (bits, n_bits, depth, octets));
}

static void
add_event (MkvSyncMessage *message, const char *key, gsize value_length, gint64 seq)
{
  g_autoptr (GBytes) value = g_bytes_new_take (g_strnfill (value_length, 'v'), value_length);
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, NOW, "n", seq, NULL);

  mkv_sync_message_add_event (message, entry);
}

static void
set_short_ids (MkvSyncMessage *message, guint n_want, guint n_offer)
{
  g_autoptr (GBytes) want = octets_new (n_want * MKV_SHORT_ID_BYTES);
  g_autoptr (GBytes) offer = octets_new (n_offer * MKV_OFFER_BYTES);

  mkv_sync_message_set_want (message, want);
  mkv_sync_message_set_offer (message, offer);
}

static void
add_node (MkvSyncMessage *message, const char *digits, MkvSyncNodeKind kind, gsize length)
{
  g_autoptr (GBytes) octets = octets_new (length);
  g_autoptr (GError) error = NULL;
  MkvSyncNode *node = mkv_sync_node_new (digits, kind, octets, &error);

  g_assert_no_error (error);
  mkv_sync_message_add_node (message, node);
}

static MkvSyncMessage *
try_payload (Fixture *fixture, GBytes *payload, guint n_refused, GError **error)
{
  g_auto (GStrv) refused = NULL;
  MkvSyncMessage *message = mkv_codec_decode_sync (fixture->codec, payload, &refused, error);

  for (guint i = 0; refused != NULL && refused[i] != NULL; i++)
    g_test_message ("%s", refused[i]);
  g_assert_cmpuint (refused != NULL ? g_strv_length (refused) : 0, ==, n_refused);
  return message;
}

static MkvSyncMessage *
decode (Fixture *fixture, GBytes *payload)
{
  g_autoptr (GError) error = NULL;
  MkvSyncMessage *message = try_payload (fixture, payload, 0, &error);

  g_assert_no_error (error);
  return message;
}

static void
assert_returns (Fixture *fixture, MkvSyncMessage *message)
{
  g_autoptr (GError) error = NULL;
  guint n_encoded;
  g_autoptr (GBytes) payload =
      mkv_codec_encode_sync (fixture->codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
  g_autoptr (MkvSyncMessage) decoded = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (n_encoded, ==, mkv_sync_message_get_n_items (message));
  decoded = decode (fixture, payload);
  mkv_test_assert_same_sync (decoded, message);
}

/* A SYNC with all that one can have. */
static MkvSyncMessage *
make_sync (void)
{
  MkvSyncMessage *message = message_new (MKV_SYNC_OPERATION_SYNC, "session \"ü\"");

  add_prefix (message, 0, 0, 6, MKV_CELL_BYTES << 6);
  add_prefix (message, 0x80000000, 1, 1, MKV_CELL_BYTES << 1);
  add_prefix (message, 0xABCDEF00, 24, 8, MKV_CELL_BYTES << 8);
  add_prefix (message, 0xFFFFFFFE, 31, 1, MKV_CELL_BYTES << 1);
  add_prefix (message, 0, 0, 0, 0);
  add_prefix (message, 0xABC00000, 10, 0, 3 * MKV_SHORT_ID_BYTES);
  add_prefix (message, 0xFFFFFFFF, 32, 0, MKV_SHORT_ID_BYTES);
  set_short_ids (message, 3, 2);
  add_event (message, "k", 5, 1);
  add_event (message, "ключ", 0, 2);
  mkv_sync_message_set_more (message, TRUE);
  return message;
}

static MkvSyncMessage *
make_nodes (void)
{
  MkvSyncMessage *message = message_new (MKV_SYNC_OPERATION_NODES, "n");
  g_autofree char *longest = g_strnfill (2 * MKV_DIGEST_BYTES, 'f');

  mkv_sync_message_add_query (message, "");
  mkv_sync_message_add_query (message, "0a");
  mkv_sync_message_add_query (message, longest);
  add_node (message, "", MKV_SYNC_NODE_INNER, 256);
  add_node (message, "0", MKV_SYNC_NODE_LEAF, 0);
  add_node (message, longest, MKV_SYNC_NODE_LEAF, 72);
  return message;
}

static void
test_messages (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = g_strnfill (MKV_MAX_ID_CHARS, 'i');
  g_autoptr (GBytes) cell = octets_new (MKV_CELL_BYTES);
  g_autoptr (MkvSyncMessage) root = message_new (MKV_SYNC_OPERATION_ROOT, NULL);
  g_autoptr (MkvSyncMessage) claim = message_new (MKV_SYNC_OPERATION_CLAIM, NULL);
  g_autoptr (MkvSyncMessage) sync = make_sync ();
  g_autoptr (MkvSyncMessage) ack = message_new (MKV_SYNC_OPERATION_SYNC, id);
  g_autoptr (MkvSyncMessage) nodes = make_nodes ();
  g_autoptr (MkvSyncMessage) done = message_new (MKV_SYNC_OPERATION_DONE, "d");
  g_autoptr (MkvSyncMessage) error = message_new (MKV_SYNC_OPERATION_ERROR, "e");

  g_test_summary ("Messages come back as they were, whatever they hold");
  mkv_sync_message_set_announcement (root, "node-a", cell);
  assert_returns (fixture, root);
  mkv_sync_message_set_to (claim, "client-b");
  assert_returns (fixture, claim);
  assert_returns (fixture, sync);
  mkv_sync_message_set_ack (ack, TRUE);
  assert_returns (fixture, ack);
  assert_returns (fixture, nodes);
  assert_returns (fixture, done);
  mkv_sync_message_set_until (done, MKV_MAX_TIMESTAMP);
  assert_returns (fixture, done);
  assert_returns (fixture, error);
  mkv_sync_message_set_error (error, MKV_ERROR_CODE_RATE_LIMITED, "zu viel\n\"ü\"");
  assert_returns (fixture, error);
}

static void
test_others (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) message = make_sync ();
  g_autoptr (GBytes) cell = octets_new (MKV_CELL_BYTES);
  g_autoptr (GError) error = NULL;
  guint n_encoded;

  g_test_summary ("Fields of another operation are not written, and broken messages not at all");
  mkv_sync_message_set_announcement (message, "node-a", cell);
  mkv_sync_message_set_to (message, "client-b");
  mkv_sync_message_add_query (message, "0");
  mkv_sync_message_set_until (message, 5);
  mkv_sync_message_set_error (message, MKV_ERROR_CODE_TIMEOUT, "text");
  {
    g_autoptr (GBytes) payload =
        mkv_codec_encode_sync (fixture->codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
    g_autoptr (MkvSyncMessage) decoded = decode (fixture, payload);
    g_autoptr (MkvSyncMessage) plain = make_sync ();

    mkv_test_assert_same_sync (decoded, plain);
  }
  mkv_sync_message_set_want (message, cell);
  g_assert_null (mkv_codec_encode_sync (fixture->codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
  g_assert_cmpstr (error->message, ==, "The “want” of a SYNC has to be 8 octets for each short id");
}

static void
extend (GByteArray *all, GBytes *octets)
{
  if (octets != NULL)
    g_byte_array_append (all, g_bytes_get_data (octets, NULL), (guint) g_bytes_get_size (octets));
}

/* Adds what @part has to @whole. */
static void
join (MkvSyncMessage *whole, MkvSyncMessage *part, GByteArray *want, GByteArray *offer)
{
  GPtrArray *prefixes[] = { mkv_sync_message_get_cells (part), mkv_sync_message_get_lists (part) };
  GPtrArray *events = mkv_sync_message_get_events (part);
  GPtrArray *queries = mkv_sync_message_get_queries (part);
  GPtrArray *nodes = mkv_sync_message_get_nodes (part);

  extend (want, mkv_sync_message_get_want (part));
  extend (offer, mkv_sync_message_get_offer (part));
  for (guint j = 0; j < 2; j++)
    for (guint i = 0; prefixes[j] != NULL && i < prefixes[j]->len; i++)
      mkv_sync_message_add_prefix (whole, mkv_sync_prefix_copy (prefixes[j]->pdata[i]));
  for (guint i = 0; events != NULL && i < events->len; i++)
    mkv_sync_message_add_event (whole, events->pdata[i]);
  for (guint i = 0; queries != NULL && i < queries->len; i++)
    mkv_sync_message_add_query (whole, queries->pdata[i]);
  for (guint i = 0; nodes != NULL && i < nodes->len; i++)
    mkv_sync_message_add_node (whole, mkv_sync_node_copy (nodes->pdata[i]));
}

/* Sends @message in as many payloads as it takes, and says in how many. @slack: how
 * long its longest item can be. */
static guint
assert_returns_in_parts (Fixture *fixture, MkvSyncMessage *message, gsize max_bytes, gsize slack)
{
  MkvSyncOperation operation = mkv_sync_message_get_operation (message);
  g_autoptr (MkvSyncMessage) whole = message_new (operation, mkv_sync_message_get_id (message));
  g_autoptr (GByteArray) want = g_byte_array_new ();
  g_autoptr (GByteArray) offer = g_byte_array_new ();
  g_autoptr (GBytes) want_octets = NULL;
  g_autoptr (GBytes) offer_octets = NULL;
  guint first = 0, n_payloads = 0, n_encoded;

  do
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) payload =
          mkv_codec_encode_sync (fixture->codec, message, first, max_bytes, &n_encoded, &error);
      g_autoptr (MkvSyncMessage) part = NULL;
      gboolean is_last;

      g_assert_no_error (error);
      first += n_encoded;
      n_payloads++;
      is_last = first == mkv_sync_message_get_n_items (message);
      part = decode (fixture, payload);
      g_assert_cmpuint (mkv_sync_message_get_n_items (part), ==, n_encoded);
      g_assert_cmpint (mkv_sync_message_get_more (part), ==, operation == MKV_SYNC_OPERATION_SYNC && !is_last);
      g_assert_cmpuint (g_bytes_get_size (payload), <=, MIN (max_bytes, MKV_MAX_SYNC_BYTES));
      /* Another item would not have fit. */
      if (!is_last)
        g_assert_cmpuint (g_bytes_get_size (payload) + slack, >, MIN (max_bytes, MKV_MAX_SYNC_BYTES));
      join (whole, part, want, offer);
    }
  while (first < mkv_sync_message_get_n_items (message));
  want_octets = g_bytes_new (want->data, want->len);
  mkv_sync_message_set_want (whole, want_octets);
  offer_octets = g_bytes_new (offer->data, offer->len);
  mkv_sync_message_set_offer (whole, offer_octets);
  mkv_test_assert_same_sync (whole, message);
  return n_payloads;
}

static void
test_parts (Fixture *fixture, gconstpointer data)
{
  static const gsize limits[] = { MKV_MAX_PAYLOAD_BYTES, MKV_MAX_SYNC_BYTES, 2000 };
  g_autoptr (MkvSyncMessage) sync = message_new (MKV_SYNC_OPERATION_SYNC, "s");
  g_autoptr (MkvSyncMessage) nodes = message_new (MKV_SYNC_OPERATION_NODES, "n");

  g_test_summary ("A message takes as many payloads as it needs, each as full as it can be");
  set_short_ids (sync, 12000, 5000);
  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *digits = g_strdup_printf ("%05x", i);

      add_prefix (sync, i << 20, 12, 2, MKV_CELL_BYTES << 2);
      add_prefix (sync, i << 20 | 0x80000, 13, 0, 2 * MKV_SHORT_ID_BYTES);
      add_event (sync, "k", i % 50, i + 1);
      mkv_sync_message_add_query (nodes, digits);
      if (i < 600)
        add_node (nodes, digits, i % 2 == 0 ? MKV_SYNC_NODE_INNER : MKV_SYNC_NODE_LEAF, i % 2 == 0 ? 256 : 36);
    }
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_assert_cmpuint (assert_returns_in_parts (fixture, sync, limits[i], 300), >, 8);
      g_assert_cmpuint (assert_returns_in_parts (fixture, nodes, limits[i], 600), >, 1);
    }
}

static void
test_parts_large (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) message = make_sync ();
  g_autoptr (GError) error = NULL;
  guint n_items, first = 0, n_encoded;
  gsize length;

  g_test_summary ("A large event goes alone, and one that does not fit can be passed over");
  add_event (message, "large", MKV_MAX_VALUE_BYTES, 3);
  add_event (message, "last", 1, 4);
  mkv_sync_message_set_more (message, FALSE);
  n_items = mkv_sync_message_get_n_items (message);
  for (guint i = 0; first < n_items; i++)
    {
      g_autoptr (GBytes) payload =
          mkv_codec_encode_sync (fixture->codec, message, first, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
      g_autoptr (MkvSyncMessage) part = decode (fixture, payload);

      g_assert_cmpint (mkv_sync_message_get_more (part), ==, i < 2);
      g_assert_cmpuint (n_encoded, ==, i == 0 ? n_items - 2 : 1);
      g_assert_cmpuint (first == n_items - 2, ==, i == 1);
      length = g_bytes_get_size (payload);
      if (i == 1)
        g_assert_cmpuint (length, >, MKV_MAX_VALUE_BYTES);
      else
        g_assert_cmpuint (length, <, MKV_MAX_SYNC_BYTES);
      first += n_encoded;
    }

  g_assert_null (mkv_codec_encode_sync (fixture->codec, message, n_items - 2, MKV_MAX_VALUE_BYTES, &n_encoded,
                                        &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_assert_cmpuint (n_encoded, ==, 0);
  g_clear_error (&error);
  g_assert_null (mkv_codec_encode_sync (fixture->codec, message, 0, 100, &n_encoded, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_clear_pointer (&message, mkv_sync_message_unref);

  message = message_new (MKV_SYNC_OPERATION_ERROR, "e");
  {
    g_autofree char *text = g_strnfill (MKV_MAX_SYNC_BYTES, 't');

    mkv_sync_message_set_error (message, MKV_ERROR_CODE_TIMEOUT, text);
    g_assert_null (mkv_codec_encode_sync (fixture->codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error));
    g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  }
}

#define ROOT_DIGITS "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define CELL_DIGITS "000102030405060708090a0b"
#define STATE                                                                              \
  "\"from\": \"a\", \"timestamp\": 5, \"horizon\": 3600000, \"root\": \"hex:" ROOT_DIGITS \
  "\", \"count\": 7"
#define SYNC_BEGIN "{\"op\": \"SYNC\", \"id\": \"s\", " STATE
#define NODES_BEGIN "{\"op\": \"NODES\", \"id\": \"s\", " STATE
#define SYNC(fields) SYNC_BEGIN fields "}"
#define NODES(fields) NODES_BEGIN fields "}"
#define WRONG(field) "The field “" field "” is not what it has to be"

static MkvSyncMessage *
try_text (Fixture *fixture, const char *text, guint n_refused, GError **error)
{
  g_autoptr (GBytes) payload = mkv_codec_payload_new (text, fixture->is_cbor);

  return try_payload (fixture, payload, n_refused, error);
}

static void
test_malformed (Fixture *fixture, gconstpointer data)
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
    { "{\"op\": \"DONE\", \"id\": \"\", " STATE "}", "The “id” of a DONE has to be a text of 1 to 64 characters" },
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
    { SYNC (", \"want\": \"hex:00010203040506\""), "The “want” of a SYNC has to be 8 octets for each short id" },
    { SYNC (", \"want\": [\"hex:0001020304050607\"]"), WRONG ("want") },
    { SYNC (", \"want\": \"ABCDEFABCDEFABCD\""), WRONG ("want") },
    { SYNC (", \"want\": \"0\""), WRONG ("want") },
    { SYNC (", \"want\": null"), WRONG ("want") },
    { SYNC (", \"offer\": \"hex:0001020304050607\""), "The “offer” of a SYNC has to be 19 octets for each key" },
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
    { SYNC (", \"cells\": [[\"hex:00\", 1, \"hex:" CELL_DIGITS "\"]]"), "Cells 1 bits deeper have 12 octets, not 24" },
    { SYNC (", \"cells\": [[\"hex:00\", 8, \"hex:\"]]"), "Cells 8 bits deeper have 0 octets, not 3072" },
    { SYNC (", \"cells\": [[\"hex:1fffffffff\", 1, \"hex:00\"]]"), "A prefix of 31 bits is not padded with zeros" },
    { SYNC (", \"cells\": [[\"hex:20ffffffff\", 1, \"hex:" CELL_DIGITS CELL_DIGITS "\"]]"),
      "Cells are 1 bits deeper than a prefix of 32 bits; at most 8 bits, 32 in all, are allowed" },
    { SYNC (", \"cells\": [[\"hex:\", 1, \"hex:" CELL_DIGITS CELL_DIGITS "\"]]"),
      "A prefix has no octet with its length" },
    { SYNC (", \"lists\": [[\"hex:0000\", \"hex:\"]]"),
      "A prefix of 0 bits has 2 octets; up to 32 bits are allowed, in as few octets as hold them, and one before" },
    { SYNC (", \"lists\": [[\"hex:09ff\", \"hex:\"]]"),
      "A prefix of 9 bits has 2 octets; up to 32 bits are allowed, in as few octets as hold them, and one before" },
    { SYNC (", \"lists\": [[\"hex:210000000000\", \"hex:\"]]"),
      "A prefix of 33 bits has 6 octets; up to 32 bits are allowed, in as few octets as hold them, and one before" },
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
test_malformed_whole (Fixture *fixture, gconstpointer data)
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
test_unusual (Fixture *fixture, gconstpointer data)
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
test_events (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) message = message_new (MKV_SYNC_OPERATION_SYNC, "s");
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GBytes) changed = NULL;
  g_autoptr (MkvSyncMessage) decoded = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *octets = NULL;
  guint8 *at;
  guint n_encoded;
  gsize length;

  g_test_summary ("A bad event is counted, and the others are there");
  add_event (message, "first", 3, 1);
  add_event (message, "second", 3, 2);
  add_event (message, "third", 3, 3);
  payload = mkv_codec_encode_sync (fixture->codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
  g_assert_no_error (error);
  octets = g_memdup2 (g_bytes_get_data (payload, &length), g_bytes_get_size (payload));
  at = memmem (octets, length, "second", 6);
  g_assert_nonnull (at);
  *at = 'S';
  changed = g_bytes_new (octets, length);
  decoded = try_payload (fixture, changed, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mkv_sync_message_get_events (decoded)->len, ==, 2);
  g_assert_cmpstr (mkv_entry_get_key (mkv_sync_message_get_events (decoded)->pdata[1]), ==, "third");
  g_clear_pointer (&decoded, mkv_sync_message_unref);

  decoded = try_text (fixture, SYNC (", \"events\": [5, {}, [1]]"), 3, &error);
  g_assert_no_error (error);
  g_assert_null (mkv_sync_message_get_events (decoded));
}

static void
test_length (Fixture *fixture, gconstpointer data)
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

static void
test_cut (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MkvSyncMessage) sync = make_sync ();
  g_autoptr (MkvSyncMessage) nodes = make_nodes ();
  MkvSyncMessage *messages[] = { sync, nodes };

  g_test_summary ("A message that ends early is refused, wherever it ends");
  for (guint j = 0; j < G_N_ELEMENTS (messages); j++)
    {
      guint n_encoded;
      g_autoptr (GBytes) payload =
          mkv_codec_encode_sync (fixture->codec, messages[j], 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
      const char *octets = g_bytes_get_data (payload, NULL);

      for (gsize i = 0; i < g_bytes_get_size (payload); i++)
        {
          g_autoptr (GBytes) cut = g_bytes_new (octets, i);
          g_autoptr (GError) error = NULL;

          g_assert_null (try_payload (fixture, cut, 0, &error));
          g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
        }
    }
}

static void
test_noise (Fixture *fixture, gconstpointer data)
{
  guint32 seed = g_test_rand_int_range (1, G_MAXINT32);
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autoptr (MkvSyncMessage) sync = make_sync ();
  g_autofree guint8 *octets = NULL;
  g_autoptr (GBytes) payload = NULL;
  guint n_encoded;
  gsize length;

  g_test_summary ("Octets that changed on the way make another message or none, which then comes back the same");
  g_test_message ("seed %u", seed);
  payload = mkv_codec_encode_sync (fixture->codec, sync, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  octets = g_memdup2 (g_bytes_get_data (payload, &length), g_bytes_get_size (payload));
  for (guint i = 0; i < 3000; i++)
    {
      gsize at = (gsize) g_rand_int_range (random, 0, (gint32) length);
      guint8 before = octets[at];
      g_autoptr (GBytes) changed = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvSyncMessage) decoded = NULL;

      octets[at] = (guint8) g_rand_int (random);
      changed = g_bytes_new (octets, length);
      octets[at] = before;
      decoded = mkv_codec_decode_sync (fixture->codec, changed, &refused, &error);
      if (decoded != NULL)
        assert_returns (fixture, decoded);
      else
        g_assert_true (error->domain == MKV_ERROR);
    }
}

static void
test_locked_spec (void)
{
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  g_autoptr (MkvSyncMessage) message = make_sync ();
  g_autoptr (GBytes) payload = mkv_test_bytes ("pg==");
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  guint n_encoded;

  g_test_summary ("A codec of events alone says that it does not know anti-entropy");
  g_assert_false (mkv_codec_has_sync (codec));
  g_assert_null (mkv_codec_encode_sync (codec, message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mkv_codec_decode_sync (codec, payload, &refused, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->is_cbor = g_str_equal (data, "cbor");
  fixture->codec = g_object_new (fixture->is_cbor ? MKV_TYPE_CODEC_CBOR : MKV_TYPE_CODEC_JSON, NULL);
  g_assert_true (mkv_codec_has_sync (fixture->codec));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->codec);
}

static void
add_tests (const char *codec)
{
  static const struct
  {
    const char *name;
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "messages", test_messages },
    { "others", test_others },
    { "parts", test_parts },
    { "parts/large", test_parts_large },
    { "malformed", test_malformed },
    { "malformed/whole", test_malformed_whole },
    { "unusual", test_unusual },
    { "events", test_events },
    { "length", test_length },
    { "cut", test_cut },
    { "noise", test_noise },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/codec/%s/sync/%s", codec, tests[i].name);

      g_test_add (path, Fixture, codec, set_up, tests[i].test, tear_down);
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  add_tests ("cbor");
  add_tests ("json");
  g_test_add_func ("/codec/locked-spec/sync", test_locked_spec);
  return g_test_run ();
}
