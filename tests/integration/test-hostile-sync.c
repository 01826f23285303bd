/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What a stranger can do to a running node by anti-entropy: it costs the node
 * octets and time within bounds, never data, and honest peers are served
 * afterwards. */
#include <string.h>

#include "base/mkv-limits.h"
#include "mkv-codec-json.h"
#include "mkv-hostile-world.h"
#include "mkv-raw-message.h"
#include "mkv-test.h"

#define SECOND ((gint64) G_USEC_PER_SEC)

typedef MkvHostileWorld World;

static void
tell (World *w, MkvSyncMessage *message)
{
  mkv_stranger_tell (w->stranger, "victim", message);
}

static MkvSyncMessage *
make_sync (World *w, const char *id)
{
  return mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id);
}

static void
add_cells (MkvSyncMessage *message, guint32 bits, guint n_bits, guint depth, guint seed)
{
  g_autoptr (GBytes) cells = mkv_stranger_make_noise (seed, (gsize) MKV_CELL_BYTES << depth);

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (bits, n_bits, depth, cells));
}

static void
be (World *w, const char *id)
{
  g_free (w->stranger->id);
  w->stranger->id = g_strdup (id);
}

/* The id of a session that the victim starts with the stranger. */
static char *
get_started (World *w)
{
  mkv_stranger_tell_root (w->stranger, 1);
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (MkvSyncMessage) message = NULL;

      mkv_hostile_world_run (w, SECOND / 10);
      message = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);
      if (message != NULL)
        return g_strdup (mkv_sync_message_get_id (message));
    }
  g_error ("No session was started");
}

static void
tell_octets (World *w, GByteArray *octets)
{
  mkv_stranger_tell_octets (w->stranger, "victim", octets->data, octets->len);
  g_byte_array_unref (octets);
}

static void
test_figures (World *w, gconstpointer data)
{
  static const gint64 counts[] = { 0, 4999, 5001, G_MAXUINT32, G_MAXINT64 };
  static const gint64 hours[] = { 0, -1, 1, 2, 24 * 365 * 1000 };
  guint n = 0;

  g_test_summary ("Wrong counts, and horizons of whatever time");
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    for (guint j = 0; j < G_N_ELEMENTS (hours); j++)
      {
        g_autofree char *id = g_strdup_printf ("figures-%u", ++n);
        MkvSyncMessage *message;

        w->stranger->count = counts[i];
        w->stranger->horizon = hours[j] > 0 ? (MKV_HOSTILE_NOW / 3600000 + hours[j]) * 3600000 : 0;
        mkv_stranger_tell_root (w->stranger, i);
        message = make_sync (w, id);
        add_cells (message, 0, 0, 6, i);
        tell (w, message);
        mkv_hostile_world_run (w, SECOND);
      }
  w->stranger->horizon = -1;
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 15, 300, 4096);
}

static void
test_endless_parts (World *w, gconstpointer data)
{
  guint64 before = mkv_hostile_world_count (w, MKV_COUNTER_SYNC_SESSIONS);

  g_test_summary ("Parts without end, of cells, wants and offers: acknowledged, and forgotten after 30 s");
  for (guint i = 0; i < 300; i++)
    {
      MkvSyncMessage *message = make_sync (w, "endless");
      g_autoptr (GBytes) wants = mkv_stranger_make_noise (i, 8 * 2000);
      g_autoptr (GBytes) offers = mkv_stranger_make_noise (i, 19 * 500);

      for (guint j = 0; j < 10; j++)
        add_cells (message, (i * 10 + j) << 20, 12, 8, i);
      mkv_sync_message_set_want (message, wants);
      mkv_sync_message_set_offer (message, offers);
      mkv_sync_message_set_more (message, TRUE);
      tell (w, message);
      mkv_hostile_world_settle (w);
    }
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_SYNC), ==, 300);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_SYNC_SESSIONS), ==, before);
  mkv_hostile_world_run (w, 31 * SECOND);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_SYNC_SESSIONS), ==, before + 1);
  mkv_hostile_world_check (w, 1, 320, 16 * 1024);
}

/* Whatever the victim asks, the answer is cells that read as nothing, but for a
 * prefix here and there. Returns how many messages that took. */
static guint
never_read (World *w, const char *id)
{
  guint n = 0;

  while (n < 2000)
    {
      g_autoptr (MkvSyncMessage) message = NULL;
      MkvSyncMessage *answer;

      mkv_hostile_world_settle (w);
      message = mkv_stranger_hear (w->stranger);
      if (message == NULL)
        return n;
      if (mkv_sync_message_get_operation (message) != MKV_SYNC_OPERATION_SYNC ||
          mkv_sync_message_get_more (message))
        continue;
      n++;
      answer = make_sync (w, id);
      add_cells (answer, 0, 0, 8, n);
      tell (w, answer);
    }
  return n;
}

static void
test_never_read (World *w, gconstpointer data)
{
  MkvSyncMessage *message;
  g_autofree char *id = NULL;
  guint n;

  g_test_summary ("Cells that never read, in every answer, as starter and as answerer");
  message = make_sync (w, "forged");
  add_cells (message, 0, 0, 6, 1);
  tell (w, message);
  n = never_read (w, "forged");
  g_test_message ("as answerer %u messages", n);
  g_assert_cmpuint (n, <=, 200);

  id = get_started (w);
  message = make_sync (w, id);
  add_cells (message, 0, 0, 6, 1);
  tell (w, message);
  n = never_read (w, id);
  g_test_message ("as starter %u messages", n);
  g_assert_cmpuint (n, <=, 200);
  mkv_hostile_world_check (w, 0, 1000, 16 * 1024);
}

static void
test_unknown_ids (World *w, gconstpointer data)
{
  g_test_summary ("Half a million short ids that nobody has, in wants and offers of one turn");
  for (guint i = 0; i < 64; i++)
    {
      MkvSyncMessage *message = make_sync (w, "unknown");
      g_autoptr (GBytes) octets = mkv_stranger_make_noise (i, i % 2 == 0 ? 8 * 8000 : 19 * 3400);

      if (i % 2 == 0)
        mkv_sync_message_set_want (message, octets);
      else
        mkv_sync_message_set_offer (message, octets);
      mkv_sync_message_set_more (message, i < 63);
      tell (w, message);
      mkv_hostile_world_settle (w);
    }
  mkv_hostile_world_check (w, 0, 400, 16 * 1024);
}

static void
test_same_wanted (World *w, gconstpointer data)
{
  g_autoptr (GByteArray) same = g_byte_array_new ();
  MkvSyncMessage *message = make_sync (w, "again");
  guint64 before = mkv_hostile_world_count (w, MKV_COUNTER_BYTES_SENT);
  guint n = 0;

  g_test_summary ("One entry that is wanted eight thousand times is sent once");
  add_cells (message, 0x12300000, 12, 1, 1);
  tell (w, message);
  mkv_hostile_world_settle (w);
  {
    g_autoptr (MkvSyncMessage) answer = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);
    const MkvSyncPrefix *list;

    g_assert_nonnull (answer);
    g_assert_nonnull (mkv_sync_message_get_lists (answer));
    list = mkv_sync_message_get_lists (answer)->pdata[0];
    g_assert_cmpuint (g_bytes_get_size (list->octets), >=, 8);
    for (guint i = 0; i < 8000; i++)
      g_byte_array_append (same, g_bytes_get_data (list->octets, NULL), 8);
  }
  message = make_sync (w, "again");
  {
    g_autoptr (GBytes) wants = g_bytes_new (same->data, same->len);

    mkv_sync_message_set_want (message, wants);
  }
  tell (w, message);
  mkv_hostile_world_settle (w);
  for (;;)
    {
      g_autoptr (MkvSyncMessage) answer = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_SYNC);

      if (answer == NULL)
        break;
      if (mkv_sync_message_get_events (answer) != NULL)
        n += mkv_sync_message_get_events (answer)->len;
    }
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_BYTES_SENT), <, before + 4096);
  mkv_hostile_world_check (w, 0, 10, 16 * 1024);
}

static void
test_opened (World *w, gconstpointer data)
{
  g_test_summary ("65,536 prefixes opened at once, and more than that");
  for (guint i = 0; i < 48; i++)
    {
      MkvSyncMessage *message = make_sync (w, "open");

      for (guint j = 0; j < 1800; j++)
        add_cells (message, (i * 1800 + j) << 15, 17, 1, j);
      mkv_sync_message_set_more (message, i < 47);
      tell (w, message);
      mkv_hostile_world_settle (w);
    }
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 2000, 100, 64 * 1024);
}

static void
test_prefixes (World *w, gconstpointer data)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9));
  g_autoptr (GByteArray) million = mkv_raw_make_lists (w->stranger, "many", 1000000, FALSE);
  g_autofree guint8 *deflated = g_malloc (million->len);
  gsize n_read, n_written;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A message with a million prefixes, plain, deflated, or as many as a payload holds");
  mkv_stranger_tell_octets (w->stranger, "victim", million->data, million->len);
  g_converter_convert (compressor, million->data, million->len, deflated, million->len, G_CONVERTER_INPUT_AT_END,
                       &n_read, &n_written, &error);
  g_assert_no_error (error);
  mkv_stranger_tell_octets (w->stranger, "victim", deflated, n_written);
  tell_octets (w, mkv_raw_make_lists (w->stranger, "many", 130000, FALSE));
  mkv_hostile_world_settle (w);
  g_assert_cmpuint (mkv_hostile_world_count_refusals (w), ==, w->refused_before + 3);
  tell_octets (w, mkv_raw_make_lists (w->stranger, "many", 16000, FALSE));
  mkv_hostile_world_settle (w);
  /* One of them counts: that all of the victim's is to be pushed. */
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 16000, 20, 32 * 1024);
}

static void
test_small_prefixes (World *w, gconstpointer data)
{
  g_test_summary ("As many prefixes as a turn takes, as small as can be, in as many sessions as there can be");
  for (guint i = 0; i < 4 * 20; i++)
    {
      g_autofree char *id = g_strdup_printf ("small-%u", i % 4);

      tell_octets (w, mkv_raw_make_lists (w->stranger, id, 16000, TRUE));
      mkv_hostile_world_settle (w);
    }
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 16000, 100, 48 * 1024);
}

static void
test_overlap (World *w, gconstpointer data)
{
  g_test_summary ("Prefixes that overlap: each is read once");
  for (guint i = 0; i < 20; i++)
    {
      MkvSyncMessage *message = make_sync (w, "overlap");

      for (guint j = 0; j < 16; j++)
        add_cells (message, 0, j, 8, j);
      mkv_sync_message_set_more (message, i < 19);
      tell (w, message);
      mkv_hostile_world_settle (w);
    }
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 319, 40, 16 * 1024);
}

static void
test_sessions (World *w, gconstpointer data)
{
  g_test_summary ("10,000 sessions that are opened and left");
  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *id = g_strdup_printf ("left-%u", i);
      MkvSyncMessage *message = make_sync (w, id);

      add_cells (message, 0, 0, 6, i);
      tell (w, message);
      if (i % 100 == 0)
        {
          mkv_hostile_world_settle (w);
          mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ERROR);
        }
    }
  mkv_hostile_world_settle (w);
  mkv_hostile_world_check (w, 9990, 100, 16 * 1024);
}

static void
test_endless_nodes (World *w, gconstpointer data)
{
  g_autofree char *id = get_started (w);
  guint n_asked = 0, n_messages = 0;

  g_test_summary ("Digests that never match, in every answer to NODES, below depth 64 too");
  tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, id));
  for (;;)
    {
      g_autoptr (MkvSyncMessage) question = NULL;
      MkvSyncMessage *answer;
      GPtrArray *queries;

      mkv_hostile_world_settle (w);
      question = mkv_stranger_hear_next (w->stranger, MKV_SYNC_OPERATION_NODES);
      if (question == NULL)
        break;
      queries = mkv_sync_message_get_queries (question);
      g_assert_nonnull (queries);
      n_asked += queries->len;
      n_messages++;
      answer = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, id);
      /* Digits that nobody asked for, too. */
      for (guint i = 0; i < queries->len + 10; i++)
        {
          g_autoptr (GBytes) digests = mkv_stranger_make_noise (n_asked + i, 256);
          g_autofree char *deep = g_strnfill (60 + i % 5, 'a');

          mkv_sync_message_add_node (answer, mkv_sync_node_new (i < queries->len ? queries->pdata[i] : deep, 1,
                                                                digests, NULL));
        }
      tell (w, answer);
    }
  g_test_message ("%u nodes asked for in %u messages", n_asked, n_messages);
  g_assert_cmpuint (n_asked, <=, 65537);
  mkv_hostile_world_check (w, 65536, 3000, 32 * 1024);
}

static void
test_node_lengths (World *w, gconstpointer data)
{
  static const guint lengths[] = { 0, 16, 255, 257, 272, 4096 };
  g_autofree char *id = get_started (w);
  g_autofree char *deep = g_strnfill (65, 'a');

  g_test_summary ("Children and leaves of other lengths, digits beyond depth 64 or of no alphabet: refused whole");
  tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, id));
  mkv_hostile_world_settle (w);
  for (guint kind = 0; kind < 4; kind++)
    for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
      {
        GByteArray *octets = mkv_raw_begin (w->stranger, "NODES", id, 1);
        g_autofree guint8 *zeros = g_malloc0 (lengths[i] + 1);

        mkv_raw_put_text (octets, "nodes");
        mkv_raw_put_head (octets, 4, 1);
        mkv_raw_put_head (octets, 4, 3);
        mkv_raw_put_text (octets, kind == 2 ? deep : kind == 3 ? "G" : "");
        mkv_raw_put_head (octets, 0, kind == 0 ? 0 : 1);
        mkv_raw_put_head (octets, 2, kind == 0 ? lengths[i] + 1 : lengths[i]);
        g_byte_array_append (octets, zeros, kind == 0 ? lengths[i] + 1 : lengths[i]);
        tell_octets (w, octets);
      }
  mkv_hostile_world_settle (w);
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 4 * G_N_ELEMENTS (lengths), 20, 4096);
}

static void
test_questions (World *w, gconstpointer data)
{
  guint n_answers = 0;

  g_test_summary ("NODES for 65,536 digit strings: an answer of one message to each");
  for (guint i = 0; i < 65536;)
    {
      MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, "nodes");

      for (guint j = 0; j < 4096; j++, i++)
        {
          g_autofree char *digits = g_strdup_printf ("%04x", i);

          mkv_sync_message_add_query (message, j % 64 == 0 ? "" : digits);
        }
      tell (w, message);
      mkv_hostile_world_settle (w);
      n_answers += mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_NODES);
    }
  g_assert_cmpuint (n_answers, ==, 16);
  mkv_hostile_world_check (w, 0, 40, 16 * 1024);
}

/* One of each operation, with all fields that it has. */
static MkvSyncMessage *
make_full (World *w, MkvSyncOperation operation)
{
  gboolean is_global = operation == MKV_SYNC_OPERATION_ROOT || operation == MKV_SYNC_OPERATION_CLAIM;
  MkvSyncMessage *message = mkv_stranger_make (w->stranger, operation, is_global ? NULL : "full");
  g_autoptr (GBytes) octets = mkv_stranger_make_noise (1, 256);
  g_autoptr (GBytes) cell = mkv_stranger_make_noise (1, MKV_CELL_BYTES);
  g_autoptr (GBytes) want = mkv_stranger_make_noise (1, MKV_SHORT_ID_BYTES);
  g_autoptr (GBytes) offer = mkv_stranger_make_noise (1, MKV_OFFER_BYTES);

  mkv_sync_message_set_announcement (message, "stranger", cell);
  mkv_sync_message_set_to (message, "somebody");
  mkv_sync_message_set_want (message, want);
  mkv_sync_message_set_offer (message, offer);
  mkv_sync_message_set_until (message, MKV_HOSTILE_NOW);
  mkv_sync_message_set_error (message, MKV_ERROR_CODE_INTERNAL_ERROR, "no");
  add_cells (message, 0, 0, 1, 1);
  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0x80000000, 1, 0, want));
  mkv_sync_message_add_query (message, "a");
  mkv_sync_message_add_node (message, mkv_sync_node_new ("b", 1, octets, NULL));
  return message;
}

static void
test_truncated (World *w, gconstpointer data)
{
  g_autoptr (MkvCodec) json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  MkvCodec *codecs[] = { w->stranger->codec, json };
  guint64 n = 0;

  g_test_summary ("Every beginning of a message of each operation, in CBOR and JSON, to one node and to all");
  for (guint c = 0; c < G_N_ELEMENTS (codecs); c++)
    for (guint o = MKV_SYNC_OPERATION_ROOT; o <= MKV_SYNC_OPERATION_ERROR; o++)
      {
        g_autoptr (MkvSyncMessage) message = make_full (w, (MkvSyncOperation) o);
        g_autoptr (GError) error = NULL;
        g_autoptr (GBytes) payload = NULL;
        guint n_encoded;

        payload = mkv_codec_encode_sync (codecs[c], message, 0, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
        g_assert_no_error (error);
        for (gsize i = 0; i < g_bytes_get_size (payload); i++, n += 2)
          {
            mkv_stranger_tell_octets (w->stranger, "victim", g_bytes_get_data (payload, NULL), i);
            mkv_stranger_tell_octets (w->stranger, NULL, g_bytes_get_data (payload, NULL), i);
          }
        mkv_hostile_world_settle (w);
      }
  g_test_message ("%" G_GUINT64_FORMAT " payloads", n);
  mkv_hostile_world_check (w, n, 10, 8192);
}

static void
test_unknown_fields (World *w, gconstpointer data)
{
  GByteArray *octets;

  g_test_summary ("Unknown fields, whatever they hold, change nothing; nested too deeply they are refused");
  octets = mkv_raw_begin (w->stranger, "SYNC", "fields", 3);
  mkv_raw_put_text (octets, "x");
  for (guint i = 0; i < 14; i++)
    mkv_raw_put_head (octets, 4, 1);
  mkv_raw_put_text (octets, "deep");
  mkv_raw_put_text (octets, "y");
  /* Tags, a float, null, and a map in a map. */
  g_byte_array_append (octets, (const guint8 *) "\xc1\xa1\x61\x61\xfb\x7f\xf0\0\0\0\0\0\0", 13);
  mkv_raw_put_text (octets, "events2");
  mkv_raw_put_head (octets, 2, 40000);
  g_byte_array_set_size (octets, octets->len + 40000);
  memset (octets->data + octets->len - 40000, 0xff, 40000);
  tell_octets (w, octets);
  mkv_hostile_world_settle (w);
  g_assert_cmpuint (mkv_hostile_world_count_refusals (w), ==, w->refused_before);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_DONE), ==, 1);

  octets = mkv_raw_begin (w->stranger, "SYNC", "fields", 1);
  mkv_raw_put_text (octets, "x");
  for (guint i = 0; i < 20; i++)
    mkv_raw_put_head (octets, 4, 1);
  mkv_raw_put_text (octets, "deep");
  tell_octets (w, octets);
  mkv_hostile_world_settle (w);
  mkv_hostile_world_check (w, 1, 20, 4096);
}

static void
test_names (World *w, gconstpointer data)
{
  static const char *const names[] = { "victim", "honest", "nobody" };
  g_autofree char *own = g_strdup (w->stranger->id);

  g_test_summary ("Messages from the node itself, from one that is honest, and from nobody");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      be (w, names[i]);
      mkv_stranger_tell_root (w->stranger, 7);
      mkv_stranger_tell_claim (w->stranger, "victim");
      mkv_stranger_tell_claim (w->stranger, "honest");
      for (guint o = MKV_SYNC_OPERATION_SYNC; o <= MKV_SYNC_OPERATION_ERROR; o++)
        tell (w, make_full (w, (MkvSyncOperation) o));
      mkv_hostile_world_run (w, 2 * SECOND);
    }
  be (w, own);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_DROPPED_OWN), >=, 7);
  mkv_hostile_world_check (w, 7, 60, 4096);
}

static void
test_reserved_names (World *w, gconstpointer data)
{
  static const char *const names[] = { "global", "replication", "antientropy", "a/b", "+", "#", "a\nb", "" };

  g_test_summary ("Names that no client may have, as senders: refused");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *own = g_strdup (w->stranger->id);
      GByteArray *octets;

      be (w, names[i]);
      octets = mkv_raw_begin (w->stranger, "SYNC", "names", 0);
      be (w, own);
      tell_octets (w, octets);
    }
  mkv_hostile_world_settle (w);
  mkv_hostile_world_check (w, G_N_ELEMENTS (names), 2, 4096);
}

static void
test_roots (World *w, gconstpointer data)
{
  g_autofree char *own = g_strdup (w->stranger->id);

  g_test_summary ("ROOTs of 100,000 peers that are made up");
  for (guint i = 0; i < 100000; i++)
    {
      g_autofree char *id = g_strdup_printf ("made-up-%u", i);

      be (w, id);
      mkv_stranger_tell_root (w->stranger, 1 + i % 7);
      if (i % 500 == 0)
        {
          mkv_hostile_world_settle (w);
          mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
        }
    }
  be (w, own);
  mkv_hostile_world_settle (w);
  {
    g_autoptr (GVariant) peers = mkv_node_list_peers (w->victim);

    g_assert_cmpuint (g_variant_n_children (peers), ==, 1024);
  }
  mkv_hostile_world_check (w, 0, 50, 16 * 1024);
}

static void
test_floods (World *w, gconstpointer data)
{
  g_autofree char *own = g_strdup (w->stranger->id);
  guint64 ignored = mkv_hostile_world_count (w, MKV_COUNTER_SYNC_IGNORED);

  g_test_summary ("CLAIMs, and DONEs, ERRORs and acknowledgements of sessions that nobody knows, 20,000 of each");
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *id = g_strdup_printf ("flood-%u", i);
      MkvSyncMessage *message;

      be (w, id);
      mkv_stranger_tell_claim (w->stranger, i % 2 == 0 ? "honest" : id);
      be (w, own);
      tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, id));
      message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_ERROR, id);
      mkv_sync_message_set_error (message, MKV_ERROR_CODE_INTERNAL_ERROR, "no");
      tell (w, message);
      message = make_sync (w, id);
      mkv_sync_message_set_ack (message, TRUE);
      tell (w, message);
      if (i % 500 == 0)
        {
          mkv_hostile_world_settle (w);
          mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_CLAIM);
        }
    }
  mkv_hostile_world_settle (w);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_SYNC_IGNORED), ==, ignored + 60000);
  mkv_hostile_world_check (w, 60000, 10, 16 * 1024);
}

static void
test_no_acknowledgements (World *w, gconstpointer data)
{
  guint64 before = mkv_hostile_world_count (w, MKV_COUNTER_BYTES_SENT);
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  MkvSyncMessage *message;

  g_test_summary ("Who wants everything and acknowledges nothing gets four parts");
  message = make_sync (w, "mute");
  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 0, nothing));
  tell (w, message);
  mkv_hostile_world_run (w, 40 * SECOND);
  g_assert_cmpuint (mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_SYNC), ==, 4);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_BYTES_SENT), <, before + 5 * MKV_MAX_SYNC_BYTES);
  mkv_hostile_world_check (w, 0, 10, 8192);
}

static void
test_congestion (World *w, gconstpointer data)
{
  static const char ping[] = "{\"id\":\"ping\",\"op\":\"PING\"}";
  g_autoptr (GBytes) payload = g_bytes_new_static (ping, strlen (ping));
  g_autoptr (MkvMessage) command = mkv_message_new ("h/victim/cmd", payload);
  guint64 before;

  g_test_summary ("Where the broker is slow, answers to strangers leave room for answers to commands");
  mkv_loopback_broker_set_delay (w->broker, SECOND, SECOND);
  for (guint i = 0; i < 1000; i++)
    {
      MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, "nodes");
      g_autofree char *id = g_strdup_printf ("left-%u", i);

      for (guint j = 0; j < 1000; j++)
        mkv_sync_message_add_query (message, "");
      tell (w, message);
      tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id));
    }
  before = mkv_hostile_world_count (w, MKV_COUNTER_MESSAGES_SENT);
  mkv_loopback_broker_inject (w->broker, command);
  do
    mkv_hostile_world_run (w, 10 * SECOND);
  while (mkv_loopback_broker_get_waiting (w->broker, "victim") > 0);
  g_test_message ("%" G_GUINT64_FORMAT " messages", mkv_hostile_world_count (w, MKV_COUNTER_MESSAGES_SENT) - before);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_COMMANDS), ==, 1);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_RESPONSES_NOT_SENT), ==, 0);
  g_assert_cmpuint (mkv_hostile_world_count (w, MKV_COUNTER_DROPPED_RATE_LIMITED), ==, 0);
  mkv_loopback_broker_set_delay (w->broker, 0, 0);
  mkv_hostile_world_run (w, 31 * SECOND);
  mkv_hostile_world_check (w, 900, 1500, 16 * 1024);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 300);
#define ADD(path, func) \
  g_test_add ("/hostile-sync/" path, World, NULL, mkv_hostile_world_set_up, func, mkv_hostile_world_tear_down)
  ADD ("figures", test_figures);
  ADD ("endless-parts", test_endless_parts);
  ADD ("never-read", test_never_read);
  ADD ("unknown-ids", test_unknown_ids);
  ADD ("same-wanted", test_same_wanted);
  ADD ("opened", test_opened);
  ADD ("prefixes", test_prefixes);
  ADD ("small-prefixes", test_small_prefixes);
  ADD ("overlap", test_overlap);
  ADD ("sessions", test_sessions);
  ADD ("endless-nodes", test_endless_nodes);
  ADD ("node-lengths", test_node_lengths);
  ADD ("questions", test_questions);
  ADD ("truncated", test_truncated);
  ADD ("unknown-fields", test_unknown_fields);
  ADD ("names", test_names);
  ADD ("reserved-names", test_reserved_names);
  ADD ("roots", test_roots);
  ADD ("floods", test_floods);
  ADD ("no-acknowledgements", test_no_acknowledgements);
  ADD ("congestion", test_congestion);
  return g_test_run ();
}
