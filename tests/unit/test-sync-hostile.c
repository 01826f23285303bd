/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What a peer can say that is wrong, too much or not true: it costs octets. */
#include <string.h>

#include "mkv-codec-cbor.h"
#include "mkv-sync-peer.h"
#include "mkv-test.h"
#include "store/mkv-contents-private.h"
#include "sync/mkv-sync-turn-private.h"

#define NOW G_GINT64_CONSTANT (1700000100000)

static MkvCodec *codec;

typedef struct
{
  MkvSyncPeer *peers[2];
  MkvSyncSession *session; /* of the first, as answerer of the second */
  guint n_sent;            /* payloads */
  gsize octets_sent;
  MkvSyncMessage *last; /* that was sent */
} Fixture;

static void
put (MkvSyncPeer *peer, guint i, const char *value, gint64 timestamp)
{
  g_autofree char *key = g_strdup_printf ("key-%u", i);
  g_autoptr (GBytes) octets = value != NULL ? g_bytes_new (value, strlen (value)) : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_entry_new (key, octets, timestamp, peer->name, i + 1, &error);

  g_assert_no_error (error);
  mkv_sync_peer_put (peer, entry);
}

static void
set_up (Fixture *fixture, gconstpointer user_data)
{
  fixture->peers[0] = mkv_sync_peer_new ("me", NOW);
  fixture->peers[1] = mkv_sync_peer_new ("them", NOW);
  for (guint i = 0; i < 2000; i++)
    put (fixture->peers[0], i, "value", NOW - 100000 + i);
  fixture->session = mkv_sync_session_new ("id", "them", FALSE);
}

static void
tear_down (Fixture *fixture, gconstpointer user_data)
{
  mkv_sync_session_free (fixture->session);
  mkv_sync_peer_free (fixture->peers[0]);
  mkv_sync_peer_free (fixture->peers[1]);
  g_clear_pointer (&fixture->last, mkv_sync_message_unref);
}

static MkvSyncMessage *
make (Fixture *fixture, MkvSyncOperation operation)
{
  return mkv_sync_view_make_message (&fixture->peers[1]->view, operation, "id");
}

static const MkvSyncFigures *
get_figures (Fixture *fixture)
{
  return mkv_sync_session_get_figures (fixture->session);
}

/* Takes what there is to send, acknowledging nothing. */
static void
drain (Fixture *fixture)
{
  GBytes *payload;

  while ((payload = mkv_sync_session_next (fixture->session, &fixture->peers[0]->view, codec,
                                           MKV_MAX_PAYLOAD_BYTES)) != NULL ||
         mkv_sync_session_is_busy (fixture->session))
    {
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;

      if (payload == NULL)
        continue;
      g_clear_pointer (&fixture->last, mkv_sync_message_unref);
      fixture->last = mkv_codec_decode_sync (codec, payload, &refused, &error);
      g_assert_no_error (error);
      fixture->n_sent++;
      fixture->octets_sent += g_bytes_get_size (payload);
      g_bytes_unref (payload);
    }
}

/* The message reaches me. */
static void
tell (Fixture *fixture, MkvSyncMessage *message)
{
  GPtrArray *events = mkv_sync_session_receive (fixture->session, &fixture->peers[0]->view, message, 100);

  if (events != NULL)
    {
      mkv_sync_session_applied (fixture->session, &fixture->peers[0]->view, 0, NULL);
      g_ptr_array_unref (events);
    }
  drain (fixture);
  mkv_sync_message_unref (message);
}

/* Octets that mean nothing. */
static GBytes *
make_noise (guint seed, gsize n)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint8 *octets = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    octets[i] = (guint8) g_rand_int (rand);
  return g_bytes_new_take (octets, n);
}

static void
add_cells (MkvSyncMessage *message, guint32 bits, guint n_bits, guint depth, guint seed)
{
  g_autoptr (GBytes) cells = make_noise (seed, (gsize) MKV_CELL_BYTES << depth);

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (bits, n_bits, depth, cells));
}

static void
test_overlap (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);

  g_test_summary ("Prefixes that overlap others are ignored and counted.");

  add_cells (message, 0, 0, 1, 1);
  add_cells (message, 0, 0, 1, 2);
  add_cells (message, 0x40000000, 2, 1, 3);
  tell (fixture, message);
  g_assert_cmpuint (get_figures (fixture)->n_ignored, ==, 2);
  g_assert_cmpuint (fixture->n_sent, ==, 1);
  g_assert_cmpuint (mkv_sync_message_get_cells (fixture->last)->len, >, 0);
}

static void
test_opened (Fixture *fixture, gconstpointer user_data)
{
  g_test_summary ("More prefixes than may be opened, and parts without end, are ignored, counted and acknowledged.");

  for (guint part = 0; part < 1024; part++)
    {
      MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);

      for (guint i = 0; i < 16; i++)
        add_cells (message, (part * 16 + i) << 18, 14, 8, i);
      mkv_sync_message_set_more (message, part < 1023);
      tell (fixture, message);
      g_assert_cmpuint (fixture->n_sent, >, part);
    }
  /* None of the cells that are kept, 4 MiB, reads. */
  g_assert_cmpuint (get_figures (fixture)->n_ignored, >, 250000);
  /* Four parts of the answer; the rest waits for acknowledgements. */
  g_assert_cmpuint (fixture->n_sent, ==, 1023 + 4);
  g_assert_cmpuint (fixture->octets_sent, <, 1023 * 200 + 4 * MKV_MAX_SYNC_BYTES);
}

static void
test_unknown_ids (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);
  g_autoptr (GBytes) wants = make_noise (1, 8 * 4000);
  g_autoptr (GBytes) offers = make_noise (2, 19 * 1000);

  g_test_summary ("Short ids that nobody has are passed over: there is nothing to say.");

  mkv_sync_message_set_want (message, wants);
  mkv_sync_message_set_offer (message, offers);
  tell (fixture, message);
  g_assert_cmpuint (fixture->n_sent, ==, 1);
  g_assert_cmpint (mkv_sync_message_get_operation (fixture->last), ==, MKV_SYNC_OPERATION_DONE);
  g_assert_cmpint (mkv_sync_session_get_end (fixture->session), ==, MKV_SYNC_END_DONE);
}

static void
test_foreign_list (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);
  g_autoptr (GBytes) list = make_noise (1, 8 * 512);

  g_test_summary ("Short ids that don't begin with the prefix of their list are ignored and counted.");

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0x12340000, 16, 0, list));
  tell (fixture, message);
  g_assert_cmpuint (get_figures (fixture)->n_ignored, >, 500);
}

static void
test_acknowledgements (Fixture *fixture, gconstpointer user_data)
{
  g_test_summary ("Acknowledgements of nothing are ignored, and answered by nothing.");

  for (guint i = 0; i < 10; i++)
    {
      MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);

      mkv_sync_message_set_ack (message, TRUE);
      g_assert_false (mkv_sync_session_is_answered (message));
      tell (fixture, message);
    }
  g_assert_cmpuint (fixture->n_sent, ==, 0);
  g_assert_cmpuint (get_figures (fixture)->n_ignored, ==, 10);
}

static void
test_future (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_SYNC);
  g_autoptr (MkvEntry) entry = NULL;
  g_autoptr (GBytes) value = g_bytes_new ("v", 1);

  g_test_summary ("An entry too far in the future is not applied; DONE says until when.");

  entry = mkv_entry_new ("later", value, NOW + 300001, "them", 1, NULL);
  mkv_sync_message_add_event (message, entry);
  g_assert_null (mkv_sync_session_receive (fixture->session, &fixture->peers[0]->view, message, 100));
  mkv_sync_message_unref (message);
  drain (fixture);
  g_assert_cmpuint (get_figures (fixture)->n_quarantined, ==, 1);
  g_assert_cmpint (mkv_sync_message_get_operation (fixture->last), ==, MKV_SYNC_OPERATION_DONE);
  g_assert_cmpint (mkv_sync_message_get_until (fixture->last), ==, NOW + 1);
}

static void
test_horizons (Fixture *fixture, gconstpointer user_data)
{
  gint64 horizon = fixture->peers[0]->horizon;
  MkvSyncMessage *message;

  g_test_summary ("A lower horizon is answered with all cells, a higher one raises, one not allowed is an error.");

  fixture->peers[1]->horizon = horizon - MKV_HORIZON_STEP;
  message = make (fixture, MKV_SYNC_OPERATION_SYNC);
  add_cells (message, 0, 2, 1, 1);
  tell (fixture, message);
  g_assert_cmpint (mkv_sync_message_get_operation (fixture->last), ==, MKV_SYNC_OPERATION_SYNC);
  g_assert_cmpuint (((MkvSyncPrefix *) mkv_sync_message_get_cells (fixture->last)->pdata[0])->n_bits, ==, 0);
  g_assert_cmpint (fixture->peers[0]->horizon, ==, horizon);

  fixture->peers[1]->horizon = mkv_horizon_get_greatest (NOW);
  tell (fixture, make (fixture, MKV_SYNC_OPERATION_SYNC));
  g_assert_cmpint (fixture->peers[0]->horizon, ==, mkv_horizon_get_greatest (NOW));

  mkv_sync_session_free (fixture->session);
  fixture->session = mkv_sync_session_new ("id", "them", FALSE);
  fixture->peers[1]->horizon += MKV_HORIZON_STEP;
  tell (fixture, make (fixture, MKV_SYNC_OPERATION_SYNC));
  g_assert_cmpint (mkv_sync_message_get_operation (fixture->last), ==, MKV_SYNC_OPERATION_ERROR);
  g_assert_cmpint (mkv_sync_message_get_error_code (fixture->last), ==, MKV_ERROR_CODE_INVALID_REQUEST);
  g_assert_cmpint (mkv_sync_session_get_end (fixture->session), ==, MKV_SYNC_END_HORIZON);
}

static void
test_endless_nodes (Fixture *fixture, gconstpointer user_data)
{
  g_autoptr (GBytes) children = make_noise (1, 256);
  guint n_answers = 0, n_asked = 0;
  MkvSyncMessage *message;

  g_test_summary ("Nodes that are made up without end are asked for up to a bound.");

  mkv_sync_session_free (fixture->session);
  fixture->session = mkv_sync_session_new ("id", "them", TRUE);
  mkv_sync_session_start (fixture->session, &fixture->peers[0]->view, NULL);
  drain (fixture);
  tell (fixture, make (fixture, MKV_SYNC_OPERATION_DONE));
  g_assert_true (get_figures (fixture)->nodes);
  while (mkv_sync_message_get_operation (fixture->last) == MKV_SYNC_OPERATION_NODES)
    {
      GPtrArray *queries = mkv_sync_message_get_queries (fixture->last);

      message = make (fixture, MKV_SYNC_OPERATION_NODES);
      for (guint i = 0; i < queries->len; i++)
        mkv_sync_message_add_node (message, mkv_sync_node_new (queries->pdata[i], MKV_SYNC_NODE_INNER, children, NULL));
      mkv_sync_message_add_node (message, mkv_sync_node_new ("abc", MKV_SYNC_NODE_INNER, children, NULL));
      n_asked += queries->len;
      n_answers++;
      tell (fixture, message);
      g_assert_cmpuint (n_answers, <, 4000);
    }
  g_assert_cmpuint (n_asked, <=, 65537);
  g_assert_cmpint (mkv_sync_session_get_end (fixture->session), ==, MKV_SYNC_END_DONE);
}

static void
test_many_questions (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncMessage *message = make (fixture, MKV_SYNC_OPERATION_NODES);

  g_test_summary ("However many nodes are asked for, one message answers.");

  for (guint i = 0; i < 20000; i++)
    mkv_sync_message_add_query (message, "");
  tell (fixture, message);
  g_assert_cmpuint (fixture->n_sent, ==, 1);
  g_assert_cmpuint (fixture->octets_sent, <=, MKV_MAX_SYNC_BYTES);
}

static void
test_forged (Fixture *fixture, gconstpointer user_data)
{
  g_autoptr (GBytes) payload = NULL;
  gpointer id = NULL;
  MkvSyncNet net;
  guint n;

  g_test_summary ("Where a peer's cells hide what differs, NODES find it.");

  for (guint i = 0; i < 2000; i++)
    put (fixture->peers[1], i, i % 10 == 0 ? "other" : "value", NOW - 100000 + i + (i % 20 == 0));
  mkv_sync_session_free (fixture->session);
  fixture->session = mkv_sync_session_new ("id", "them", TRUE);
  mkv_sync_session_start (fixture->session, &fixture->peers[0]->view, NULL);
  drain (fixture);
  /* Nothing to say, it says, with its root. */
  tell (fixture, make (fixture, MKV_SYNC_OPERATION_DONE));
  g_assert_true (get_figures (fixture)->nodes);

  mkv_sync_net_init (&net, fixture->peers[0], fixture->peers[1], codec, 1);
  g_hash_table_insert (fixture->peers[0]->sessions, g_strdup ("id"), fixture->session);
  payload = mkv_codec_encode_sync (codec, fixture->last, 0, MKV_MAX_PAYLOAD_BYTES, &n, NULL);
  mkv_sync_net_deliver (&net, 1, payload);
  while (mkv_sync_net_deliver_next (&net))
    ;
  g_assert_true (mkv_sync_peer_is_equal (fixture->peers[0], fixture->peers[1]));
  g_assert_cmpuint (get_figures (fixture)->n_applied, >, 100);
  g_hash_table_steal_extended (fixture->peers[0]->sessions, "id", &id, NULL);
  g_free (id);
  mkv_sync_net_clear (&net);
}

static void
test_bootstrap (Fixture *fixture, gconstpointer user_data)
{
  MkvSyncNet net;
  guint n_pushed = 0, n_sessions = 0;

  g_test_summary ("A large push that is cut off again and again goes on where it was, for a few parts sent twice.");

  for (guint i = 2000; i < 20000; i++)
    put (fixture->peers[0], i, "a value of some thirty octets or so", NOW - 100000 + i);
  mkv_sync_net_init (&net, fixture->peers[0], fixture->peers[1], codec, 1);
  net.max_messages = 25;
  while (!mkv_sync_peer_is_equal (fixture->peers[0], fixture->peers[1]))
    {
      guint before = g_hash_table_size (fixture->peers[1]->entries);

      mkv_sync_net_run (&net, 1, FALSE);
      g_assert_cmpuint (g_hash_table_size (fixture->peers[1]->entries), >, before);
      g_assert_cmpuint (++n_sessions, <, 20);
    }
  g_assert_cmpuint (n_sessions, >, 2);
  g_assert_cmpuint (net.n_events, <=, 20000 + 4 * n_sessions * MKV_MAX_EVENTS);
  mkv_sync_net_clear (&net);

  /* Without interruption: each once, though at most four parts go ahead. */
  mkv_sync_peer_free (fixture->peers[1]);
  fixture->peers[1] = mkv_sync_peer_new ("them", NOW);
  mkv_sync_net_init (&net, fixture->peers[0], fixture->peers[1], codec, 1);
  mkv_sync_net_run (&net, 0, TRUE);
  n_pushed = (guint) net.figures.n_pushed;
  g_assert_cmpuint (n_pushed, ==, 20000);
  g_assert_true (mkv_sync_peer_is_equal (fixture->peers[0], fixture->peers[1]));
  mkv_sync_net_clear (&net);
}

static void
test_too_large (Fixture *fixture, gconstpointer user_data)
{
  g_autofree char *value = g_strnfill (100000, 'x');
  MkvSyncNet net;

  g_test_summary ("What no payload of the link holds is passed over and counted; the rest comes over.");

  for (guint i = 0; i < 2000; i++)
    put (fixture->peers[1], i, "value", NOW - 100000 + i);
  for (guint i = 0; i < 10; i++)
    put (fixture->peers[0], 10 * i, i == 5 ? value : "newer", NOW);
  mkv_sync_net_init (&net, fixture->peers[0], fixture->peers[1], codec, 1);
  net.max_bytes = 65536;
  mkv_sync_net_run (&net, 0, FALSE);
  g_assert_cmpuint (net.figures.n_too_large, ==, 1);
  g_assert_false (net.figures.nodes);
  g_assert_cmpuint (g_hash_table_size (fixture->peers[1]->entries), ==, 2000);
  net.max_bytes = MKV_MAX_PAYLOAD_BYTES;
  mkv_sync_net_run (&net, 0, TRUE);
  g_assert_true (mkv_sync_peer_is_equal (fixture->peers[0], fixture->peers[1]));
  mkv_sync_net_clear (&net);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/sync/hostile/overlap", test_overlap);
  ADD ("/sync/hostile/opened", test_opened);
  ADD ("/sync/hostile/unknown-ids", test_unknown_ids);
  ADD ("/sync/hostile/foreign-list", test_foreign_list);
  ADD ("/sync/hostile/acknowledgements", test_acknowledgements);
  ADD ("/sync/hostile/future", test_future);
  ADD ("/sync/hostile/horizons", test_horizons);
  ADD ("/sync/hostile/endless-nodes", test_endless_nodes);
  ADD ("/sync/hostile/many-questions", test_many_questions);
  ADD ("/sync/hostile/forged", test_forged);
  ADD ("/sync/push/bootstrap", test_bootstrap);
  ADD ("/sync/push/too-large", test_too_large);
  return g_test_run ();
}
