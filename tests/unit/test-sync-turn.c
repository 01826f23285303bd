/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A turn is taken in steps: each does a bounded piece of work, and what happens
 * in between harms nothing. */
#include <string.h>

#include "mkv-codec-cbor.h"
#include "mkv-sync-peer.h"
#include "mkv-test.h"
#include "sync/mkv-sync-sort-private.h"

#define NOW G_GINT64_CONSTANT (1700000100000)
#define N_ENTRIES 300000

static GRand *rand_source;

/* A number to go by, and one to tell equal ones apart. */
typedef struct
{
  guint32 number;
  guint32 place;
} Element;

static gint
compare_elements (gconstpointer a, gconstpointer b)
{
  const Element *x = a, *y = b;

  return x->number < y->number ? -1 : x->number > y->number;
}

static void
test_sort (void)
{
  g_test_summary ("An array of any length is sorted stably, in steps of any length");
  for (guint round = 0; round < 400; round++)
    {
      guint n = round < 20 ? round : (guint) g_rand_int_range (rand_source, 0, 3000);
      guint range = (guint) g_rand_int_range (rand_source, 1, 5000), n_steps = 0;
      guint at_once = (guint) g_rand_int_range (rand_source, 1, 1000);
      g_autofree Element *elements = g_new (Element, n + 1);
      MkvSyncSort sort;

      for (guint i = 0; i < n; i++)
        elements[i] = (Element){ round % 5 == 0 ? i : (guint32) g_rand_int_range (rand_source, 0, (gint) range), i };
      mkv_sync_sort_init (&sort, elements, n, sizeof (Element), compare_elements);
      while (!mkv_sync_sort_step (&sort, at_once))
        g_assert_cmpuint (n_steps++, <, 100000);
      mkv_sync_sort_clear (&sort);
      for (guint i = 1; i < n; i++)
        {
          g_assert_cmpuint (elements[i - 1].number, <=, elements[i].number);
          if (elements[i - 1].number == elements[i].number)
            g_assert_cmpuint (elements[i - 1].place, <, elements[i].place);
        }
    }
}

static void
test_sort_cleared (void)
{
  Element elements[1000];
  MkvSyncSort sort;

  g_test_summary ("A sort that is given up leaves nothing behind");
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    elements[i] = (Element){ 1000 - i, i };
  mkv_sync_sort_init (&sort, elements, G_N_ELEMENTS (elements), sizeof (Element), compare_elements);
  for (guint i = 0; i < 10; i++)
    g_assert_false (mkv_sync_sort_step (&sort, 100));
  mkv_sync_sort_clear (&sort);
}

static MkvEntry *
make_entry (guint i, gint64 timestamp, const char *node)
{
  g_autofree char *key = g_strdup_printf ("key%u", i);
  g_autoptr (GBytes) value = g_bytes_new_static ("value", 5);
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, value, timestamp, node, 1 + timestamp % 1000, &error);

  g_assert_no_error (error);
  return entry;
}

static MkvSyncPeer *
make_peer (const char *name)
{
  MkvSyncPeer *peer = mkv_sync_peer_new (name, NOW);

  for (guint i = 0; i < N_ENTRIES; i++)
    {
      g_autoptr (MkvEntry) entry = make_entry (i, NOW - 1000000, "base");

      mkv_sync_peer_put (peer, entry);
    }
  return peer;
}

/* How often the session has to be called until it has something to say. */
static guint
count_steps (MkvSyncSession *session, MkvSyncPeer *peer, MkvCodec *codec, GBytes **payload, guint n_writes)
{
  guint n = 0;

  while ((*payload = mkv_sync_session_next (session, &peer->view, codec, MKV_MAX_PAYLOAD_BYTES)) == NULL &&
         mkv_sync_session_is_busy (session))
    {
      for (guint i = 0; i < n_writes; i++)
        {
          g_autoptr (MkvEntry) entry = make_entry ((guint) g_rand_int_range (rand_source, 0, N_ENTRIES), NOW - 1000 + n,
                                                   peer->name);

          mkv_sync_peer_put (peer, entry);
        }
      n++;
    }
  return n + 1;
}

/* Cells of which each may be one key in two versions, and none is. */
static MkvSyncMessage *
make_search (MkvSyncPeer *peer, MkvSyncPeer *from)
{
  MkvSyncMessage *message = mkv_sync_view_make_message (&from->view, MKV_SYNC_OPERATION_SYNC, "id");
  guint8 octets[MKV_CELL_BYTES << 6];
  g_autoptr (GBytes) bytes = NULL;
  MkvCell cells[64];

  mkv_tree_get_cells (peer->tree, MKV_PREFIX_ALL, 6, cells);
  for (guint i = 0; i < 64; i++)
    {
      cells[i].s -= 12345 + i;
      mkv_cell_write (cells[i], octets + i * MKV_CELL_BYTES);
    }
  bytes = g_bytes_new (octets, sizeof octets);
  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 6, bytes));
  return message;
}

static void
test_steps (void)
{
  g_autoptr (MkvSyncPeer) me = make_peer ("me");
  g_autoptr (MkvSyncPeer) them = mkv_sync_peer_new ("them", NOW);
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);

  g_test_summary ("A turn with 300,000 entries to be searched takes several steps, and other messages meanwhile are "
                  "not answered");
  for (guint n_writes = 0; n_writes < 200; n_writes += 100)
    {
      g_autoptr (MkvSyncSession) session = mkv_sync_session_new ("id", "them", FALSE);
      g_autoptr (MkvSyncMessage) message = make_search (me, them);
      g_autoptr (GBytes) payload = NULL;

      g_assert_null (mkv_sync_session_receive (session, &me->view, message, 100));
      g_assert_true (mkv_sync_session_is_busy (session));
      g_assert_null (mkv_sync_session_next (session, &me->view, codec, MKV_MAX_PAYLOAD_BYTES));
      /* It should not have been sent. */
      g_assert_null (mkv_sync_session_receive (session, &me->view, message, 100));
      g_assert_cmpuint (mkv_sync_session_get_figures (session)->n_ignored, ==, 1);
      g_assert_cmpuint (count_steps (session, me, codec, &payload, n_writes), >=, 2);
      g_assert_nonnull (payload);
      g_assert_false (mkv_sync_session_is_busy (session));
      g_assert_cmpint (mkv_sync_session_get_end (session), ==, MKV_SYNC_END_NOT_YET);
    }
}

static void
test_ended (void)
{
  g_autoptr (MkvSyncPeer) me = make_peer ("me");
  g_autoptr (MkvSyncPeer) them = mkv_sync_peer_new ("them", NOW);
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  static const MkvSyncOperation ends[] = { MKV_SYNC_OPERATION_DONE, MKV_SYNC_OPERATION_ERROR };

  g_test_summary ("A session may be over, or gone, in the middle of a turn");
  for (guint i = 0; i <= G_N_ELEMENTS (ends); i++)
    {
      g_autoptr (MkvSyncSession) session = mkv_sync_session_new ("id", "them", FALSE);
      g_autoptr (MkvSyncMessage) message = make_search (me, them);
      g_autoptr (MkvSyncMessage) end = NULL;

      g_assert_null (mkv_sync_session_receive (session, &me->view, message, 100));
      g_assert_null (mkv_sync_session_next (session, &me->view, codec, MKV_MAX_PAYLOAD_BYTES));
      g_assert_true (mkv_sync_session_is_busy (session));
      if (i == G_N_ELEMENTS (ends))
        continue;
      end = mkv_sync_view_make_message (&them->view, ends[i], "id");
      if (ends[i] == MKV_SYNC_OPERATION_ERROR)
        mkv_sync_message_set_error (end, MKV_ERROR_CODE_UNAVAILABLE, "no");
      g_assert_null (mkv_sync_session_receive (session, &me->view, end, 100));
      g_assert_false (mkv_sync_session_is_busy (session));
      g_assert_null (mkv_sync_session_next (session, &me->view, codec, MKV_MAX_PAYLOAD_BYTES));
      g_assert_cmpint (mkv_sync_session_get_end (session), !=, MKV_SYNC_END_NOT_YET);
    }
}

static void
test_start (void)
{
  g_autoptr (MkvSyncPeer) me = make_peer ("me");
  g_autoptr (MkvSyncPeer) them = make_peer ("them");
  g_autoptr (MkvCodec) codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvSyncMessage) root = NULL;

  g_test_summary ("The one key that differs is found by the first message, though that takes several steps");
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (MkvSyncSession) session = mkv_sync_session_new ("id", "them", TRUE);
      g_autoptr (MkvEntry) entry = make_entry ((guint) g_rand_int_range (rand_source, 0, N_ENTRIES), NOW - 1000 + i, "me");
      g_autoptr (GBytes) payload = NULL;
      g_autoptr (MkvSyncMessage) message = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GError) error = NULL;

      g_clear_pointer (&root, mkv_sync_message_unref);
      root = mkv_sync_view_make_root (&them->view, "them");
      mkv_sync_peer_put (me, entry);
      mkv_sync_session_start (session, &me->view, root);
      g_assert_cmpuint (count_steps (session, me, codec, &payload, 0), <=, 4);
      message = mkv_codec_decode_sync (codec, payload, &refused, &error);
      g_assert_no_error (error);
      g_assert_nonnull (mkv_sync_message_get_offer (message));
      g_assert_cmpuint (g_bytes_get_size (mkv_sync_message_get_offer (message)), ==, MKV_OFFER_BYTES);
      g_assert_null (mkv_sync_message_get_cells (message));
      mkv_sync_peer_put (them, entry);
    }
}

int
main (int argc, char **argv)
{
  guint32 seed = g_random_int ();
  int result;

  mkv_test_init (&argc, &argv, 100);
  g_test_message ("seed %u", seed);
  rand_source = g_rand_new_with_seed (seed);
  g_test_add_func ("/sync-turn/sort", test_sort);
  g_test_add_func ("/sync-turn/sort-cleared", test_sort_cleared);
  g_test_add_func ("/sync-turn/steps", test_steps);
  g_test_add_func ("/sync-turn/ended", test_ended);
  g_test_add_func ("/sync-turn/start", test_start);
  result = g_test_run ();
  g_rand_free (rand_source);
  return result;
}
