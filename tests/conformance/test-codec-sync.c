/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-codec-fixture.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-sync-compare.h"
#include "mkv-test.h"

/* What every codec of anti-entropy has to do. */

#define NOW G_GINT64_CONSTANT (1700000100000)
#define HORIZON (NOW / MKV_HORIZON_STEP * MKV_HORIZON_STEP)

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
decode (MkvCodecFixture *fixture, GBytes *payload)
{
  g_autoptr (GError) error = NULL;
  MkvSyncMessage *message = mkv_codec_fixture_decode_sync (fixture, payload, 0, &error);

  g_assert_no_error (error);
  return message;
}

static void
assert_returns (MkvCodecFixture *fixture, MkvSyncMessage *message)
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
test_messages (MkvCodecFixture *fixture, gconstpointer data)
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
test_others (MkvCodecFixture *fixture, gconstpointer data)
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
assert_returns_in_parts (MkvCodecFixture *fixture, MkvSyncMessage *message, gsize max_bytes, gsize slack)
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
test_parts (MkvCodecFixture *fixture, gconstpointer data)
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
test_parts_large (MkvCodecFixture *fixture, gconstpointer data)
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

static void
test_events (MkvCodecFixture *fixture, gconstpointer data)
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
  decoded = mkv_codec_fixture_decode_sync (fixture, changed, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mkv_sync_message_get_events (decoded)->len, ==, 2);
  g_assert_cmpstr (mkv_entry_get_key (mkv_sync_message_get_events (decoded)->pdata[1]), ==, "third");
}

static void
test_cut (MkvCodecFixture *fixture, gconstpointer data)
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

          g_assert_null (mkv_codec_fixture_decode_sync (fixture, cut, 0, &error));
          g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
        }
    }
}

static void
test_noise (MkvCodecFixture *fixture, gconstpointer data)
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

int
main (int argc, char **argv)
{
  static const MkvCodecTest tests[] = {
    { "sync/messages", test_messages },
    { "sync/others", test_others },
    { "sync/parts", test_parts },
    { "sync/parts/large", test_parts_large },
    { "sync/events", test_events },
    { "sync/cut", test_cut },
    { "sync/noise", test_noise },
  };

  mkv_test_init (&argc, &argv, 60);
  mkv_codec_add_tests (tests, G_N_ELEMENTS (tests));
  g_test_add_func ("/codec/locked-spec/sync", test_locked_spec);
  return g_test_run ();
}
