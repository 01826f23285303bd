/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Octets and one-way messages of a session, from the ROOT heard to DONE, against
 * the number of differences; the octets of the events themselves left out. A
 * turn of several parts counts as one message. The bars hold for random
 * differences, each an addition or a newer version on one of the two sides, and
 * for a starter whose keys are stale; an answerer's stale keys, which take a want
 * and a message more, are reported beside them. Against two simpler methods in the
 * same run: all keys with their digests, and a descent by digests alone.
 *
 * `bench-sync-octets FILE` writes the plot of it as SVG. */
#include <math.h>
#include <string.h>

#include "mkv-bench.h"
#include "mkv-codec-cbor.h"
#include "mkv-sync-peer.h"

#define N_RUNS (20)
#define NOW G_GINT64_CONSTANT (1700000100000)

/* What a message of the simpler methods has around its items: the other fields. */
#define HEAD_OCTETS (120)

static const guint numbers[] = { 1, 10, 100, 1000, 10000 };
static const double octet_bars[] = { 500, 2000, 7500, 60000, 600000 };
static const double message_bars[] = { 3, 10, 10, 10, 10 };

typedef enum
{
  RANDOM,
  STALE_STARTER,
  STALE_ANSWERER,
  N_KINDS
} Kind;

static const char *const kind_names[] = { "random", "stale at the starter", "stale at the answerer" };

typedef struct
{
  double octets;
  double messages; /* one-way */
  double payloads;
} Cost;

static MkvCodec *codec;
static GRand *rand_;
static gint64 last_seq;

static MkvEntry *
make_entry (const char *key, const char *node)
{
  char octets[101];
  g_autoptr (GBytes) value = NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry;

  last_seq++;
  g_snprintf (octets, sizeof octets, "%-100" G_GINT64_FORMAT, last_seq);
  value = g_bytes_new (octets, 100);
  entry = mkv_entry_new (key, value, NOW - 80000000 + last_seq, node, last_seq, &error);
  g_assert_no_error (error);
  return entry;
}

static void
put (MkvSyncPeer *peer, const char *key)
{
  g_autoptr (MkvEntry) entry = make_entry (key, peer->name);

  mkv_sync_peer_put (peer, entry);
}

/* Makes @d differences in random keys; returns the keys. */
static void
differ (MkvSyncPeer *peers[2], GPtrArray *keys, guint d, Kind kind)
{
  g_autoptr (GHashTable) chosen = g_hash_table_new (g_direct_hash, g_direct_equal);
  guint n_keys = keys->len;

  for (guint i = 0; i < d; i++)
    {
      MkvSyncPeer *newer = peers[kind == STALE_STARTER    ? 1
                                 : kind == STALE_ANSWERER ? 0
                                                          : g_rand_int_range (rand_, 0, 2)];
      gint index;

      if (kind == RANDOM && g_rand_int_range (rand_, 0, 3) == 0)
        {
          g_ptr_array_add (keys, g_strdup_printf ("new%013" G_GINT64_FORMAT, last_seq));
          put (newer, g_ptr_array_index (keys, keys->len - 1));
          continue;
        }
      do
        index = g_rand_int_range (rand_, 0, (gint) n_keys);
      while (!g_hash_table_add (chosen, GINT_TO_POINTER (index + 1)));
      put (newer, keys->pdata[index]);
    }
}

static Cost
get_median (const Cost *costs)
{
  double octets[N_RUNS], messages[N_RUNS], payloads[N_RUNS];

  for (guint i = 0; i < N_RUNS; i++)
    {
      octets[i] = costs[i].octets;
      messages[i] = costs[i].messages;
      payloads[i] = costs[i].payloads;
    }
  return (Cost){ mkv_bench_median (octets, N_RUNS), mkv_bench_median (messages, N_RUNS),
                 mkv_bench_median (payloads, N_RUNS) };
}

static guint64
get_node_octets (MkvTree *tree, const char *digits, MkvTreeNodeKind *kind, GByteArray *octets)
{
  g_assert_true (mkv_tree_get_node (tree, digits, kind, octets));
  /* The question, and the answer with digits, kind and octets. */
  return 1 + strlen (digits) + 1 + 1 + strlen (digits) + 1 + 3 + octets->len;
}

/* What a descent by digests alone takes, level by level. */
static Cost
descend (MkvSyncPeer *peers[2], guint d)
{
  g_autoptr (GPtrArray) level = g_ptr_array_new_with_free_func (g_free);
  Cost cost = { 0 };

  g_ptr_array_add (level, g_strdup (""));
  while (level->len > 0)
    {
      GPtrArray *next = g_ptr_array_new_with_free_func (g_free);
      double octets = 0;

      for (guint i = 0; i < level->len; i++)
        {
          const char *digits = level->pdata[i];
          g_autoptr (GByteArray) mine = g_byte_array_new ();
          g_autoptr (GByteArray) theirs = g_byte_array_new ();
          MkvTreeNodeKind kinds[2];

          get_node_octets (peers[0]->tree, digits, &kinds[0], mine);
          octets += (double) get_node_octets (peers[1]->tree, digits, &kinds[1], theirs);
          if (kinds[1] == MKV_TREE_LEAF)
            continue;
          for (guint child = 0; child < 16; child++)
            if (kinds[0] == MKV_TREE_LEAF ||
                memcmp (mine->data + 16 * child, theirs->data + 16 * child, 16) != 0)
              g_ptr_array_add (next, g_strdup_printf ("%s%x", digits, child));
        }
      cost.octets += octets + 2 * HEAD_OCTETS;
      cost.messages += 2;
      cost.payloads += 2 + (double) (guint) (octets / MKV_MAX_SYNC_BYTES);
      g_ptr_array_unref (level);
      level = next;
    }
  /* Then what differs is asked for, sent, and DONE. */
  cost.octets += 3 * HEAD_OCTETS + MKV_SHORT_ID_BYTES * (double) d;
  cost.messages += 3;
  cost.payloads += 3;
  return cost;
}

/* What the list of all keys with their digests takes: in CBOR an array of two,
 * a text of 16, octets of 32. The keys that differ are asked for, sent, DONE. */
static Cost
list_keys (guint64 n, guint d)
{
  double octets = (double) n * (1 + 17 + 34), payloads = (double) (guint) (octets / MKV_MAX_SYNC_BYTES) + 1;

  return (Cost){ octets + payloads * HEAD_OCTETS + 17.0 * d + 3 * HEAD_OCTETS, 4, payloads + 3 };
}

static Cost
measure (MkvSyncPeer *peers[2], GPtrArray *keys, guint d, Kind kind, Cost *by_digests, guint *most)
{
  Cost costs[N_RUNS], descents[N_RUNS] = { 0 };

  *most = 0;
  for (guint i = 0; i < N_RUNS; i++)
    {
      MkvSyncNet net;

      differ (peers, keys, d, kind);
      if (by_digests != NULL)
        descents[i] = descend (peers, d);
      mkv_sync_net_init (&net, peers[0], peers[1], codec, 1);
      mkv_sync_net_run (&net, 0, TRUE);
      g_assert_true (mkv_sync_peer_is_equal (peers[0], peers[1]));
      costs[i] = (Cost){ (double) (net.octets - net.event_octets), net.n_turns, net.n_payloads };
      *most = MAX (*most, net.n_turns);
      mkv_sync_net_clear (&net);
    }
  if (by_digests != NULL)
    *by_digests = get_median (descents);
  return get_median (costs);
}

static void
fill (MkvSyncPeer *peers[2], GPtrArray *keys, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      char *key = g_strdup_printf ("k%015u", i);
      g_autoptr (MkvEntry) entry = make_entry (key, "base");

      g_ptr_array_add (keys, key);
      mkv_sync_peer_put (peers[0], entry);
      mkv_sync_peer_put (peers[1], entry);
    }
}

/* One of two plots side by side, both axes logarithmic. */
static void
draw (GString *svg, double left, const char *title, const Cost costs[3][G_N_ELEMENTS (numbers)], gboolean octets,
      double decades)
{
  static const char *const colours[] = { "#1a5fb4", "#c64600", "#5e5c64" };
  double width = 340, height = 300, top = 60, bottom = top + height;

  g_string_append_printf (svg, "<text x='%g' y='40' class='title'>%s</text>\n", left, title);
  for (guint i = 0; i <= (guint) decades; i++)
    {
      static const char *const labels[] = { "1", "10", "100", "1 k", "10 k", "100 k", "1 M", "10 M", "100 M" };
      double y = bottom - height * i / decades;

      g_string_append_printf (svg, "<path d='M%g %gh%g' class='grid'/><text x='%g' y='%g' class='y'>%s</text>\n",
                              left, y, width, left - 6, y + 4, labels[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_string_append_printf (svg, "<text x='%g' y='%g' class='x'>%u</text>\n",
                            left + width * i / (G_N_ELEMENTS (numbers) - 1), bottom + 18, numbers[i]);
  for (guint m = 0; m < 3; m++)
    {
      g_string_append_printf (svg, "<polyline fill='none' stroke-width='2' stroke='%s' points='", colours[m]);
      for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
        {
          double value = octets ? costs[m][i].octets : costs[m][i].payloads;

          g_string_append_printf (svg, "%.1f,%.1f ", left + width * i / (G_N_ELEMENTS (numbers) - 1),
                                  bottom - height * log10 (value) / decades);
        }
      g_string_append (svg, "'/>\n");
    }
}

static void
write_plot (const char *file, const Cost costs[3][G_N_ELEMENTS (numbers)])
{
  g_autoptr (GString) svg = g_string_new (
      "<svg xmlns='http://www.w3.org/2000/svg' width='860' height='440' font-family='sans-serif' font-size='12'>\n"
      "<!-- SPDX-License-Identifier: LGPL-2.1-or-later; made by bench-sync-octets -->\n"
      "<style>.grid{stroke:#ddd}.title{font-size:14px}.y{text-anchor:end}.x{text-anchor:middle}</style>\n"
      "<rect width='860' height='440' fill='white'/>\n");
  g_autoptr (GError) error = NULL;

  draw (svg, 70, "octets without events, by stale keys of 1,000,000", costs, TRUE, 8);
  draw (svg, 490, "messages, parts of a turn and acknowledgements each", costs, FALSE, 4);
  g_string_append (svg, "<g><text x='70' y='425' fill='#1a5fb4'>cells (MerkleKV)</text>"
                        "<text x='230' y='425' fill='#c64600'>digests alone</text>"
                        "<text x='370' y='425' fill='#5e5c64'>all keys</text></g>\n</svg>\n");
  g_file_set_contents (file, svg->str, -1, &error);
  g_assert_no_error (error);
}

static gboolean
report (const char *name, guint d, const char *method, const char *unit, double value, double bar)
{
  g_autofree char *full = g_strdup_printf ("%s: d = %u, %s", name, d, method);

  return mkv_bench_report (full, unit, value, 0, bar > 0 ? "at-most" : NULL, bar);
}

int
main (int argc, char **argv)
{
  MkvSyncPeer *peers[2] = { mkv_sync_peer_new ("desk", NOW), mkv_sync_peer_new ("shed", NOW) };
  MkvSyncPeer *few[2] = { mkv_sync_peer_new ("desk", NOW), mkv_sync_peer_new ("shed", NOW) };
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) few_keys = g_ptr_array_new_with_free_func (g_free);
  Cost costs[3][G_N_ELEMENTS (numbers)], cost;
  gboolean met = TRUE;
  guint most;

  codec = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  rand_ = g_rand_new_with_seed (42);
  fill (peers, keys, 1000000);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      guint d = numbers[i];

      for (Kind kind = 0; kind < N_KINDS; kind++)
        {
          gboolean is_held = kind != STALE_ANSWERER;

          cost = measure (peers, keys, d, kind, kind == STALE_STARTER ? &costs[1][i] : NULL, &most);
          met &= report ("sync octets", d, kind_names[kind], "B", cost.octets, is_held ? octet_bars[i] : 0);
          met &= report ("sync one-way messages", d, kind_names[kind], "messages", cost.messages,
                         is_held ? message_bars[i] : 0);
          report ("sync one-way messages, most", d, kind_names[kind], "messages", most, 0);
          report ("sync payloads", d, kind_names[kind], "messages", cost.payloads, 0);
          if (kind == STALE_STARTER)
            costs[0][i] = cost;
        }
      costs[2][i] = list_keys (keys->len, d);
      report ("sync octets", d, "digests alone", "B", costs[1][i].octets, 0);
      report ("sync one-way messages", d, "digests alone", "messages", costs[1][i].messages, 0);
      report ("sync octets", d, "all keys", "B", costs[2][i].octets, 0);
    }
  fill (few, few_keys, 10000);
  cost = measure (few, few_keys, 100, STALE_STARTER, NULL, &most);
  met &= mkv_bench_report ("sync octets: d = 100, n = 10,000", "B", cost.octets, costs[0][2].octets, "at-most", 1.15);
  if (argc > 1)
    write_plot (argv[1], (const Cost (*)[G_N_ELEMENTS (numbers)]) costs);

  for (guint i = 0; i < 2; i++)
    {
      mkv_sync_peer_free (peers[i]);
      mkv_sync_peer_free (few[i]);
    }
  g_rand_free (rand_);
  g_object_unref (codec);
  return met ? 0 : 1;
}
