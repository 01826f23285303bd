/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "merkle/mkv-tree-builder-private.h"
#include "merkle/mkv-tree-private.h"
#include "mkv-test.h"
#include "mkv-tree-model.h"

static GRand *rand_source;

/* A tree, and what should be in it. */
typedef struct
{
  MkvTree *tree;
  MkvTreeModel *model;
} Pair;

static const MkvTreePositionFunc position_funcs[] = { mkv_tree_model_true_position, mkv_tree_model_near_position };

static Pair
pair_new (MkvTreePositionFunc get_position)
{
  return (Pair){ mkv_tree_new_with_positions (get_position), mkv_tree_model_new (get_position) };
}

static void
pair_clear (Pair *pair)
{
  mkv_tree_free (pair->tree);
  mkv_tree_model_free (pair->model);
}

static void
pair_put (Pair *pair, guint i)
{
  g_autofree char *key = mkv_tree_model_make_key (i);
  guint8 digest[MKV_DIGEST_BYTES];

  mkv_tree_model_make_digest (rand_source, digest);
  /* Some entries of different keys have the same short id. */
  if (i % 4 == 0)
    memset (digest, 0, 4);
  g_assert_true (mkv_tree_put (pair->tree, key, digest));
  g_assert_false (mkv_tree_put (pair->tree, key, digest));
  mkv_tree_model_put (pair->model, key, digest);
}

static void
pair_remove (Pair *pair, guint i)
{
  g_autofree char *key = mkv_tree_model_make_key (i);
  gboolean there = g_hash_table_contains (pair->model->digests, key);

  g_assert_cmpint (mkv_tree_remove (pair->tree, key), ==, there);
  g_assert_false (mkv_tree_remove (pair->tree, key));
  mkv_tree_model_remove (pair->model, key);
}

static void
assert_same_root (MkvTree *a, MkvTree *b)
{
  guint8 root_a[MKV_DIGEST_BYTES], root_b[MKV_DIGEST_BYTES];

  mkv_tree_get_root (a, root_a);
  mkv_tree_get_root (b, root_b);
  g_assert_cmpmem (root_a, sizeof root_a, root_b, sizeof root_b);
}

static void
pair_check (const Pair *pair)
{
  g_autoptr (GArray) entries = mkv_tree_model_get_entries (pair->model, MKV_PREFIX_ALL);
  MkvCell cell = mkv_tree_get_cell (pair->tree, MKV_PREFIX_ALL);
  MkvCell wanted_cell = mkv_tree_model_get_cell (entries, MKV_PREFIX_ALL);
  guint8 root[MKV_DIGEST_BYTES], wanted[MKV_DIGEST_BYTES];

  g_assert_cmpuint (mkv_tree_get_count (pair->tree), ==, entries->len);
  g_assert_cmpuint (cell.s, ==, wanted_cell.s);
  g_assert_cmpuint (cell.k, ==, wanted_cell.k);
  mkv_tree_get_root (pair->tree, root);
  mkv_tree_model_get_root (pair->model, wanted);
  g_assert_cmpmem (root, sizeof root, wanted, sizeof wanted);
}

static gint
compare_random (gconstpointer a, gconstpointer b)
{
  return g_rand_boolean (rand_source) ? 1 : -1;
}

/* A tree of the same contents, put in one by one in any order or built. */
static MkvTree *
make_afresh (const Pair *pair, gboolean build)
{
  MkvTree *tree = mkv_tree_new_with_positions (pair->model->get_position);
  MkvTreeBuilder *builder = build ? mkv_tree_builder_new (tree) : NULL;
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (pair->model->digests), compare_random);

  for (GList *l = keys; l != NULL; l = l->next)
    {
      const guint8 *digest = g_bytes_get_data (g_hash_table_lookup (pair->model->digests, l->data), NULL);

      if (build)
        mkv_tree_builder_add (builder, l->data, digest);
      else
        g_assert_true (mkv_tree_put (tree, l->data, digest));
    }
  if (build)
    mkv_tree_builder_finish (builder);
  return tree;
}

static Pair
make_pair (MkvTreePositionFunc get_position, guint n)
{
  Pair pair = pair_new (get_position);

  for (guint i = 0; i < n; i++)
    pair_put (&pair, i);
  return pair;
}

static void
test_edits (void)
{
  g_test_summary ("After random writes and removals the tree is the one that the protocol describes, and one made "
                  "afresh of the same entries, in any order, has its root");
  for (guint round = 0; round < 8; round++)
    {
      Pair pair = pair_new (position_funcs[round % 2]);
      guint n_keys = (guint) g_rand_int_range (rand_source, 1, round < 4 ? 200 : 3000);
      guint n_edits = 2 * n_keys;

      for (guint i = 0; i < n_edits; i++)
        {
          /* Towards the end more goes than comes. */
          if ((guint) g_rand_int_range (rand_source, 0, (gint32) n_edits) < i / 2)
            pair_remove (&pair, (guint) g_rand_int_range (rand_source, 0, (gint32) n_keys));
          else
            pair_put (&pair, (guint) g_rand_int_range (rand_source, 0, (gint32) n_keys));
          if (i % (n_edits / 4 + 1) == 0)
            pair_check (&pair);
        }
      pair_check (&pair);
      for (guint i = 0; i < 4; i++)
        {
          g_autoptr (MkvTree) afresh = make_afresh (&pair, i % 2 == 0);

          assert_same_root (pair.tree, afresh);
          g_assert_cmpuint (mkv_tree_get_count (pair.tree), ==, mkv_tree_get_count (afresh));
        }
      pair_clear (&pair);
    }
}

static void
test_builder (void)
{
  static const guint sizes[] = { 0, 1, 64, 65, 500, 9000, 20000 };

  g_test_summary ("A tree that is built has the root of one that entries were put into, and takes edits");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (position_funcs); j++)
      {
        Pair pair = make_pair (position_funcs[j], sizes[i]);
        g_autoptr (MkvTree) built = make_afresh (&pair, TRUE);

        assert_same_root (pair.tree, built);
        for (guint k = 0; k < sizes[i]; k += 3)
          {
            g_autofree char *key = mkv_tree_model_make_key (k);

            g_assert_true (mkv_tree_remove (pair.tree, key));
            g_assert_true (mkv_tree_remove (built, key));
          }
        assert_same_root (pair.tree, built);
        pair_clear (&pair);
      }
}

static void
test_unfinished_builder (void)
{
  g_autoptr (MkvTree) tree = mkv_tree_new ();
  g_autoptr (MkvTreeBuilder) builder = mkv_tree_builder_new (tree);
  guint8 digest[MKV_DIGEST_BYTES] = { 1 };

  g_test_summary ("A builder that is dropped leaves the tree empty");
  mkv_tree_builder_add (builder, "key", digest);
  g_clear_pointer (&builder, mkv_tree_builder_free);
  g_assert_cmpuint (mkv_tree_get_count (tree), ==, 0);
}

static void
test_boundary (void)
{
  static const guint8 nothing[MKV_DIGEST_BYTES];
  guint8 root[MKV_DIGEST_BYTES];
  MkvTreeNodeKind kind;

  g_test_summary ("64 entries are a leaf, one more makes an inner node, and back, down to nothing");
  for (guint j = 0; j < G_N_ELEMENTS (position_funcs); j++)
    {
      Pair pair = make_pair (position_funcs[j], 63);

      for (guint round = 0; round < 20; round++)
        {
          g_autoptr (GByteArray) octets = g_byte_array_new ();
          guint n = (guint) mkv_tree_get_count (pair.tree);

          g_assert_true (mkv_tree_get_node (pair.tree, "", &kind, octets));
          g_assert_cmpint (kind, ==, n <= 64 ? MKV_TREE_LEAF : MKV_TREE_INNER);
          g_assert_cmpuint (octets->len, ==, n <= 64 ? n * 36 : 16 * 16);
          pair_check (&pair);
          if (round % 4 < 2)
            pair_put (&pair, n);
          else
            pair_remove (&pair, n - 1);
        }
      for (guint i = 64; i-- > 0;)
        pair_remove (&pair, i);
      mkv_tree_get_root (pair.tree, root);
      g_assert_cmpmem (root, sizeof root, nothing, sizeof nothing);
      pair_check (&pair);
      for (guint i = 0; i < 3000; i++)
        pair_put (&pair, i);
      mkv_tree_clear (pair.tree);
      mkv_tree_get_root (pair.tree, root);
      g_assert_cmpmem (root, sizeof root, nothing, sizeof nothing);
      g_assert_cmpuint (mkv_tree_get_count (pair.tree), ==, 0);
      pair_clear (&pair);
    }
}

static void
test_near (void)
{
  Pair pair = pair_new (mkv_tree_model_near_position);

  g_test_summary ("Keys whose positions begin with the same 20 octets make a deep tree, which goes when they go");
  for (guint i = 0; i < 200; i++)
    {
      pair_put (&pair, 15 * i + 14);
      if (i > 60 && i < 70)
        pair_check (&pair);
    }
  pair_check (&pair);
  for (guint i = 0; i < 199; i++)
    {
      pair_remove (&pair, 15 * i + 14);
      if (i > 130 && i < 140)
        pair_check (&pair);
    }
  pair_check (&pair);
  g_assert_cmpuint (mkv_tree_get_count (pair.tree), ==, 1);
  pair_clear (&pair);
}

/* All prefixes that some entries have, and some that none has. */
static GArray *
choose_prefixes (GArray *entries)
{
  GArray *prefixes = g_array_new (FALSE, FALSE, sizeof (MkvPrefix));

  for (guint length = 0; length <= MKV_MAX_PREFIX_BITS; length++)
    for (guint i = 0; i < 6; i++)
      {
        MkvPrefix prefix = { g_rand_int (rand_source), (guint8) length };

        if (i > 1 && entries->len > 0)
          {
            guint chosen = (guint) g_rand_int_range (rand_source, 0, (gint32) entries->len);

            prefix.bits = mkv_short_id_get_position (g_array_index (entries, MkvTreeModelEntry, chosen).short_id);
          }
        prefix.bits &= mkv_prefix_get_mask (prefix);
        g_array_append_val (prefixes, prefix);
      }
  return prefixes;
}

static void
check_cells (const Pair *pair, GArray *entries, MkvPrefix prefix)
{
  MkvCell cells[1 << MKV_MAX_CELL_DEPTH];
  guint depth = (guint) g_rand_int_range (rand_source, 0, MIN (MKV_MAX_CELL_DEPTH, 32 - prefix.length) + 1);

  mkv_tree_get_cells (pair->tree, prefix, depth, cells);
  for (guint i = 0; i < 1u << depth; i++)
    {
      MkvPrefix child = mkv_prefix_get_child (prefix, depth, i);
      MkvCell wanted = mkv_tree_model_get_cell (entries, child);
      MkvCell alone = mkv_tree_get_cell (pair->tree, child);

      g_assert_cmpuint (cells[i].s, ==, wanted.s);
      g_assert_cmpuint (cells[i].k, ==, wanted.k);
      g_assert_cmpuint (alone.s, ==, wanted.s);
      g_assert_cmpuint (alone.k, ==, wanted.k);
    }
}

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  const guint64 *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

static void
check_list (const Pair *pair, GArray *entries, MkvPrefix prefix)
{
  g_autoptr (GArray) listed = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint64 before = G_MAXUINT64;

  /* What is in the array before stays where it is. */
  g_array_append_val (listed, before);
  mkv_tree_list (pair->tree, prefix, listed);
  g_assert_cmpuint (g_array_index (listed, guint64, 0), ==, before);
  for (guint i = 0; i < entries->len; i++)
    g_array_append_val (wanted, g_array_index (entries, MkvTreeModelEntry, i).short_id);
  g_array_sort (wanted, compare_ids);
  g_assert_cmpmem (listed->data + sizeof before, (listed->len - 1) * sizeof (guint64), wanted->data,
                   wanted->len * sizeof (guint64));
}

typedef struct
{
  GArray *entries;
  guint next, stop;
} Walk;

static gboolean
check_entry (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  Walk *walk = user_data;
  const MkvTreeModelEntry *entry = &g_array_index (walk->entries, MkvTreeModelEntry, walk->next);

  g_assert_cmpuint (walk->next, <, walk->entries->len);
  g_assert_cmpstr (key, ==, entry->key);
  g_assert_cmpuint (short_id, ==, entry->short_id);
  g_assert_cmpmem (digest, MKV_DIGEST_BYTES, entry->digest, MKV_DIGEST_BYTES);
  return ++walk->next != walk->stop;
}

static void
check_walk (const Pair *pair, GArray *entries, MkvPrefix prefix)
{
  Walk walk = { entries, 0, G_MAXUINT };
  g_autofree char *after = mkv_tree_model_make_key ((guint) g_rand_int_range (rand_source, 0, 6000));
  guint8 position[MKV_DIGEST_BYTES];

  g_assert_true (mkv_tree_foreach (pair->tree, prefix, NULL, check_entry, &walk));
  g_assert_cmpuint (walk.next, ==, entries->len);
  if (entries->len > 0)
    {
      walk.stop = (guint) g_rand_int_range (rand_source, 1, (gint32) entries->len + 1);
      walk.next = 0;
      g_assert_false (mkv_tree_foreach (pair->tree, prefix, NULL, check_entry, &walk));
      g_assert_cmpuint (walk.next, ==, walk.stop);
      walk.stop = G_MAXUINT;
      g_assert_true (mkv_tree_foreach (pair->tree, prefix,
                                       g_array_index (entries, MkvTreeModelEntry, walk.next - 1).key, check_entry,
                                       &walk));
      g_assert_cmpuint (walk.next, ==, entries->len);
    }
  /* A key that is perhaps not there. */
  pair->model->get_position (after, strlen (after), position);
  for (walk.next = 0; walk.next < entries->len; walk.next++)
    if (memcmp (g_array_index (entries, MkvTreeModelEntry, walk.next).position, position, sizeof position) > 0)
      break;
  g_assert_true (mkv_tree_foreach (pair->tree, prefix, after, check_entry, &walk));
  g_assert_cmpuint (walk.next, ==, entries->len);
}

static void
test_prefixes (void)
{
  static const guint sizes[] = { 0, 1, 50, 300, 3000 };

  g_test_summary ("Counts, cells, lists and walks of prefixes of every length are what looking at each entry gives");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (position_funcs); j++)
      {
        Pair pair = make_pair (position_funcs[j], sizes[i]);
        g_autoptr (GArray) all = mkv_tree_model_get_entries (pair.model, MKV_PREFIX_ALL);
        g_autoptr (GArray) prefixes = choose_prefixes (all);

        for (guint k = 0; k < prefixes->len; k++)
          {
            MkvPrefix prefix = g_array_index (prefixes, MkvPrefix, k);
            g_autoptr (GArray) entries = mkv_tree_model_get_entries (pair.model, prefix);

            g_assert_cmpuint (mkv_tree_count_prefix (pair.tree, prefix), ==, entries->len);
            check_cells (&pair, entries, prefix);
            check_list (&pair, entries, prefix);
            check_walk (&pair, entries, prefix);
          }
        pair_clear (&pair);
      }
}

static gboolean
count_entry (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  Walk *walk = user_data;
  gboolean found = FALSE;

  for (guint i = 0; i < walk->entries->len; i++)
    {
      const MkvTreeModelEntry *entry = &g_array_index (walk->entries, MkvTreeModelEntry, i);

      found = found || (g_str_equal (entry->key, key) && entry->short_id == short_id);
    }
  g_assert_true (found);
  return ++walk->next != walk->stop;
}

static void
test_short_ids (void)
{
  Pair pair = make_pair (mkv_tree_model_near_position, 1500);
  g_autoptr (GArray) all = mkv_tree_model_get_entries (pair.model, MKV_PREFIX_ALL);
  guint n_shared = 0;

  g_test_summary ("A short id leads to all entries that have it, and to no others");
  for (guint i = 0; i < all->len; i++)
    {
      guint64 short_id = g_array_index (all, MkvTreeModelEntry, i).short_id;
      Walk walk = { all, 0, G_MAXUINT };
      guint n = 0;

      for (guint j = 0; j < all->len; j++)
        n += g_array_index (all, MkvTreeModelEntry, j).short_id == short_id;
      n_shared += n > 1;
      g_assert_true (mkv_tree_has_short_id (pair.tree, short_id));
      g_assert_true (mkv_tree_foreach_short_id (pair.tree, short_id, count_entry, &walk));
      g_assert_cmpuint (walk.next, ==, n);
      walk.next = 0;
      walk.stop = 1;
      g_assert_false (mkv_tree_foreach_short_id (pair.tree, short_id, count_entry, &walk));
      g_assert_false (mkv_tree_has_short_id (pair.tree, short_id ^ 1));
      g_assert_true (mkv_tree_foreach_short_id (pair.tree, short_id ^ 1, count_entry, &walk));
    }
  g_assert_cmpuint (n_shared, >, 0);
  pair_clear (&pair);
}

static void
check_node (const Pair *pair, const char *digits)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autoptr (GByteArray) wanted = g_byte_array_new ();
  MkvTreeNodeKind kind;

  g_assert_true (mkv_tree_get_node (pair->tree, digits, &kind, octets));
  g_assert_cmpint (kind, ==, mkv_tree_model_get_node (pair->model, digits, wanted));
  g_assert_cmpmem (octets->data, octets->len, wanted->data, wanted->len);
}

static void
test_nodes (void)
{
  static const guint sizes[] = { 0, 1, 64, 65, 3000 };

  g_test_summary ("There is a node for every string of digits, and it is what the protocol says");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (position_funcs); j++)
      {
        Pair pair = make_pair (position_funcs[j], sizes[i]);
        g_autoptr (GArray) all = mkv_tree_model_get_entries (pair.model, MKV_PREFIX_ALL);

        for (guint k = 0; k < 60; k++)
          {
            char digits[MKV_TREE_DIGITS + 1] = "";
            guint n_digits = (guint) g_rand_int_range (rand_source, 0, k < 40 ? 6 : MKV_TREE_DIGITS + 1);
            guint8 position[MKV_DIGEST_BYTES];

            mkv_tree_model_make_digest (rand_source, position);
            if (all->len > 0 && k % 4 != 0)
              memcpy (position, g_array_index (all, MkvTreeModelEntry, (guint) g_rand_int_range (rand_source, 0,
                                               (gint32) all->len)).position, sizeof position);
            for (guint d = 0; d < n_digits; d++)
              digits[d] = "0123456789abcdef"[d % 2 == 0 ? position[d / 2] >> 4 : position[d / 2] & 0xF];
            check_node (&pair, digits);
            /* A write makes digests stale, and the next node has them new. */
            pair_put (&pair, k);
          }
        pair_clear (&pair);
      }
}

static void
test_bad_digits (void)
{
  g_autoptr (MkvTree) tree = mkv_tree_new ();
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autofree char *longest = g_strnfill (MKV_TREE_DIGITS, 'f');
  g_autofree char *too_long = g_strnfill (MKV_TREE_DIGITS + 1, 'f');
  const char *const bad[] = { "g", "A", "0x", " ", "1 ", "-1", "\xc3\xa4", too_long };
  MkvTreeNodeKind kind;

  g_test_summary ("What is no string of at most 64 digits has no node");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mkv_tree_get_node (tree, bad[i], &kind, octets));
  g_assert_true (mkv_tree_get_node (tree, longest, &kind, octets));
  g_assert_cmpint (kind, ==, MKV_TREE_LEAF);
  g_assert_cmpuint (octets->len, ==, 0);
}

static void
test_prefix_order (void)
{
  const MkvPrefix one = mkv_prefix_get_child (MKV_PREFIX_ALL, 1, 1), whole = { 0xDEADBEEF, 32 };

  g_test_summary ("Prefixes contain and overlap each other as their bits say");
  g_assert_cmpuint (one.bits, ==, 0x80000000);
  g_assert_true (mkv_prefix_contains (MKV_PREFIX_ALL, MKV_PREFIX_ALL));
  g_assert_true (mkv_prefix_contains (MKV_PREFIX_ALL, whole));
  g_assert_false (mkv_prefix_contains (whole, MKV_PREFIX_ALL));
  g_assert_true (mkv_prefix_overlaps (whole, MKV_PREFIX_ALL));
  g_assert_true (mkv_prefix_contains (one, whole));
  g_assert_true (mkv_prefix_overlaps (whole, one));
  g_assert_false (mkv_prefix_overlaps (mkv_prefix_get_child (MKV_PREFIX_ALL, 1, 0), whole));
  g_assert_true (mkv_prefix_contains (whole, whole));
  g_assert_false (mkv_prefix_overlaps ((MkvPrefix){ 0xDEADBEEE, 32 }, whole));
  g_assert_cmpuint (mkv_prefix_get_child ((MkvPrefix){ 0xDEADBE00, 24 }, 8, 0xEF).bits, ==, whole.bits);
  g_assert_cmpuint (mkv_prefix_get_child (whole, 0, 0).bits, ==, whole.bits);
}

static void
test_cell_wire (void)
{
  static const guint8 octets[] = { 0x2f, 0x5d, 0xe0, 0x91, 0x52, 0xfc, 0xc2, 0x6b, 0x0b, 0x03, 0x44, 0x10 };
  guint8 written[MKV_CELL_BYTES];
  MkvCell cell = mkv_cell_read (octets);

  g_test_summary ("A cell is 12 octets, big-endian, and that of an entry its short id with the check");
  g_assert_cmpuint (cell.s, ==, G_GUINT64_CONSTANT (0x2f5de09152fcc26b));
  g_assert_cmpuint (cell.k, ==, 0x0b034410);
  g_assert_cmpuint (mkv_cell_of (cell.s).k, ==, cell.k);
  mkv_cell_write (cell, written);
  g_assert_cmpmem (written, sizeof written, octets, sizeof octets);
  g_assert_true (mkv_cell_is_zero (mkv_cell_subtract (cell, cell)));
  g_assert_cmpuint (mkv_cell_add (mkv_cell_subtract ((MkvCell){ 0, 0 }, cell), cell).s, ==, 0);
}

int
main (int argc, char **argv)
{
  int result;

  mkv_test_init (&argc, &argv, 120);
  rand_source = g_rand_new_with_seed (mkv_tree_model_get_seed ());
  g_test_add_func ("/tree/edits", test_edits);
  g_test_add_func ("/tree/builder", test_builder);
  g_test_add_func ("/tree/unfinished-builder", test_unfinished_builder);
  g_test_add_func ("/tree/boundary", test_boundary);
  g_test_add_func ("/tree/near", test_near);
  g_test_add_func ("/tree/prefixes", test_prefixes);
  g_test_add_func ("/tree/short-ids", test_short_ids);
  g_test_add_func ("/tree/nodes", test_nodes);
  g_test_add_func ("/tree/bad-digits", test_bad_digits);
  g_test_add_func ("/tree/prefix-order", test_prefix_order);
  g_test_add_func ("/tree/cell-wire", test_cell_wire);
  result = g_test_run ();
  g_rand_free (rand_source);
  return result;
}
