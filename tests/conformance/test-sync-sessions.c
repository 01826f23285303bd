/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The recorded sessions of tests/vectors, or of MKV_TEST_VECTORS. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-sync-peer.h"
#include "mkv-test.h"

#define NOW G_GINT64_CONSTANT (1700000100000)

static MkvCodec *cbor, *json;

static void
put (MkvSyncPeer *peer, const char *key, gint64 timestamp, const char *node, gint64 seq, const char *value)
{
  g_autoptr (GBytes) octets = g_bytes_new (value, strlen (value));
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, octets, timestamp, node, seq, &error);

  g_assert_no_error (error);
  mkv_sync_peer_put (peer, entry);
}

/* As the recipe in the vectors says; @keys are "key-N-{i}". */
static void
fill (MkvSyncPeer *starter, MkvSyncPeer *answerer, JsonObject *vector)
{
  JsonObject *both = json_object_get_object_member (json_object_get_object_member (vector, "recipe"), "both");
  const char *difference = json_object_get_string_member (vector, "difference");
  JsonArray *changed = json_object_get_array_member (vector, "changed");
  g_auto (GStrv) parts = g_strsplit (json_object_get_string_member (both, "key"), "{i}", 2);
  g_autofree char *new_part = g_strdup_printf ("new%s", parts[0] + strlen ("key"));
  gint64 n = json_object_get_int_member (both, "n"), base = NOW - 100000;

  for (gint64 i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%s%" G_GINT64_FORMAT, parts[0], i);
      g_autofree char *value = g_strdup_printf ("v%" G_GINT64_FORMAT, i);

      put (starter, key, base + i, "a", i + 1, value);
      put (answerer, key, base + i, "a", i + 1, value);
    }
  for (guint q = 0; q < json_array_get_length (changed); q++)
    {
      gint64 i = json_array_get_int_element (changed, q);
      gboolean is_both = g_str_equal (difference, "both");
      gboolean is_new = g_str_equal (difference, "add") || (is_both && q % 3 == 0);
      g_autofree char *key = g_strdup_printf ("%s%" G_GINT64_FORMAT, is_new ? new_part : parts[0], i);
      g_autofree char *value = g_strdup_printf ("w%" G_GINT64_FORMAT, i);

      put (is_both && q % 2 == 0 ? starter : answerer, key, base + i + 1, "b", i + 1, value);
    }
}

static void
assert_root (MkvSyncPeer *peer, JsonObject *vector, const char *field)
{
  g_autoptr (GBytes) expected = mkv_test_unhex (json_object_get_string_member (vector, field));
  guint8 root[MKV_DIGEST_BYTES];

  mkv_tree_get_root (peer->tree, root);
  g_assert_cmpmem (root, sizeof root, g_bytes_get_data (expected, NULL), g_bytes_get_size (expected));
}

static MkvSyncMessage *
decode (MkvCodec *codec, GBytes *payload)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  MkvSyncMessage *message = mkv_codec_decode_sync (codec, payload, &refused, &error);

  g_assert_no_error (error);
  g_assert_null (refused);
  return message;
}

static void
add_octets (GHashTable *set, char kind, GBytes *octets, gsize each)
{
  for (gsize i = 0; octets != NULL && i < g_bytes_get_size (octets); i += each)
    {
      GString *item = g_string_new (NULL);

      g_string_append_c (item, kind);
      for (gsize o = 0; o < each; o++)
        g_string_append_printf (item, "%02x", ((const guint8 *) g_bytes_get_data (octets, NULL))[i + o]);
      g_assert_true (g_hash_table_add (set, g_string_free (item, FALSE)));
    }
}

/* What a message pushes, wants and offers. */
static void
add_items (GHashTable *set, MkvSyncMessage *message)
{
  GPtrArray *events = mkv_sync_message_get_events (message);

  add_octets (set, 'w', mkv_sync_message_get_want (message), MKV_SHORT_ID_BYTES);
  add_octets (set, 'o', mkv_sync_message_get_offer (message), MKV_OFFER_BYTES);
  for (guint i = 0; events != NULL && i < events->len; i++)
    {
      g_autoptr (GBytes) digest = mkv_entry_get_digest (events->pdata[i]);

      add_octets (set, 'e', digest, MKV_DIGEST_BYTES);
    }
}

static void
assert_same_items (GHashTable *mine, GHashTable *theirs)
{
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, theirs);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    if (!g_hash_table_contains (mine, item))
      g_error ("%s is missing", (char *) item);
  g_assert_cmpuint (g_hash_table_size (mine), ==, g_hash_table_size (theirs));
}

static GHashTable *
take_items (MkvSyncSession *session, MkvSyncPeer *peer)
{
  GHashTable *items = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GBytes *payload;

  while ((payload = mkv_sync_session_next (session, &peer->view, cbor, MKV_MAX_PAYLOAD_BYTES)) != NULL ||
         mkv_sync_session_is_busy (session))
    {
      g_autoptr (MkvSyncMessage) message = NULL;

      if (payload == NULL)
        continue;
      message = decode (cbor, payload);
      add_items (items, message);
      g_bytes_unref (payload);
    }
  return items;
}

/* As if nothing was known of its session. */
static GHashTable *
answer (MkvSyncPeer *peer, MkvSyncMessage *message)
{
  g_autoptr (MkvSyncSession) session = mkv_sync_session_new (mkv_sync_message_get_id (message),
                                                             mkv_sync_message_get_from (message), FALSE);
  g_autoptr (GPtrArray) events = NULL;
  guint n = 0;

  g_assert_true (mkv_sync_session_is_answered (message));
  events = mkv_sync_session_receive (session, &peer->view, message, 0);
  for (guint i = 0; events != NULL && i < events->len; i++)
    n += mkv_sync_peer_apply (peer, events->pdata[i], NULL);
  if (events != NULL)
    mkv_sync_session_applied (session, &peer->view, n, NULL);
  return take_items (session, peer);
}

static void
replay (JsonObject *vector, gboolean is_json)
{
  g_autoptr (MkvSyncPeer) starter = mkv_sync_peer_new ("client-a", NOW);
  g_autoptr (MkvSyncPeer) answerer = mkv_sync_peer_new ("client-b", NOW);
  MkvSyncPeer *peers[] = { answerer, starter };
  JsonArray *messages = json_object_get_array_member (vector, is_json ? "messages_json" : "messages");
  g_autoptr (GBytes) announcement = mkv_test_unhex (json_object_get_string_member (vector, "announcement"));
  g_autoptr (MkvSyncMessage) root = decode (cbor, announcement);
  g_autoptr (MkvSyncSession) first = mkv_sync_session_new ("3f1c", "client-b", TRUE);
  g_autoptr (GHashTable) items = NULL;

  fill (starter, answerer, vector);
  assert_root (starter, vector, "root_starter");
  assert_root (answerer, vector, "root_answerer");
  mkv_sync_session_start (first, &starter->view, root);
  items = take_items (first, starter);
  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      g_autoptr (GHashTable) theirs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_autofree char *text = is_json ? json_to_string (json_array_get_element (messages, i), FALSE) : NULL;
      g_autoptr (GBytes) payload = is_json ? mkv_test_bytes (text)
                                           : mkv_test_unhex (json_array_get_string_element (messages, i));
      g_autoptr (MkvSyncMessage) message = decode (is_json ? json : cbor, payload);

      add_items (theirs, message);
      assert_same_items (items, theirs);
      g_hash_table_unref (items);
      items = answer (peers[i % 2], message);
    }
  g_assert_cmpuint (g_hash_table_size (items), ==, 0);
  assert_root (starter, vector, "root_after");
  assert_root (answerer, vector, "root_after");
}

static void
test_replay (gconstpointer user_data)
{
  JsonArray *vectors = (JsonArray *) user_data;

  g_test_summary ("Each recorded message is answered with the same pushes, wants and offers, till both are equal.");

  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);

      replay (vector, FALSE);
      if (json_object_has_member (vector, "messages_json"))
        replay (vector, TRUE);
    }
}

static void
test_own (gconstpointer user_data)
{
  JsonArray *vectors = (JsonArray *) user_data;

  g_test_summary ("Sessions of one's own between the same replicas end equal, in one go.");

  for (guint i = 0; i < json_array_get_length (vectors); i++)
    for (guint side = 0; side < 2; side++)
      {
        JsonObject *vector = json_array_get_object_element (vectors, i);
        g_autoptr (MkvSyncPeer) starter = mkv_sync_peer_new ("client-a", NOW);
        g_autoptr (MkvSyncPeer) answerer = mkv_sync_peer_new ("client-b", NOW);
        MkvSyncNet net;

        fill (starter, answerer, vector);
        mkv_sync_net_init (&net, starter, answerer, side == 0 ? cbor : json, 1);
        mkv_sync_net_run (&net, side, TRUE);
        assert_root (starter, vector, "root_after");
        assert_root (answerer, vector, "root_after");
        g_assert_cmpuint (net.n_turns, <=, 10);
        mkv_sync_net_clear (&net);
      }
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  const char *folder = g_getenv ("MKV_TEST_VECTORS");
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  JsonArray *vectors;

  mkv_test_init (&argc, &argv, 120);
  cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  file = folder != NULL ? g_build_filename (folder, "sessions.json", NULL)
                        : g_test_build_filename (G_TEST_DIST, "vectors", "sessions.json", NULL);
  json_parser_load_from_file (parser, file, &error);
  g_assert_no_error (error);
  vectors = json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "vectors");
  g_test_add_data_func ("/sync/sessions/replay", vectors, test_replay);
  g_test_add_data_func ("/sync/sessions/own", vectors, test_own);
  return g_test_run ();
}
