/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <json-glib/json-glib.h>

#include "merkle/mkv-reading-private.h"
#include "mkv-test.h"
#include "model/mkv-entry.h"
#include "model/mkv-sync-prefix.h"

/* The trees of tests/vectors, or of MKV_TEST_VECTORS, which another
 * implementation made. */

static JsonParser *
load_vectors (const char *name)
{
  const char *folder = g_getenv ("MKV_TEST_VECTORS");
  g_autofree char *file = folder != NULL ? g_build_filename (folder, name, NULL)
                                         : g_test_build_filename (G_TEST_DIST, "vectors", name, NULL);
  g_autoptr (GError) error = NULL;
  JsonParser *parser = json_parser_new_immutable ();

  json_parser_load_from_file (parser, file, &error);
  g_assert_no_error (error);
  return parser;
}

/* "key-{i}" with the number in it. */
static char *
fill_in (const char *recipe, guint i)
{
  g_autofree char *number = g_strdup_printf ("%u", i);
  g_autoptr (GString) text = g_string_new (recipe);

  g_string_replace (text, "{i}", number, 0);
  return g_strdup (text->str);
}

/* The recipe that all vectors share, but for the key. */
static MkvTree *
make_tree (JsonObject *recipe, guint n)
{
  static const char *const fixed[][2] = {
    { "timestamp", "1700000000000+i*7" },
    { "node_id", "node-{i%3}" },
    { "seq", "i+1" },
    { "value", "null where i%11==10 else value-{i}" },
    { "i", "0..n-1" },
  };
  MkvTree *tree = mkv_tree_new ();

  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    g_assert_cmpstr (json_object_get_string_member (recipe, fixed[i][0]), ==, fixed[i][1]);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = fill_in (json_object_get_string_member (recipe, "key"), i);
      g_autofree char *node_id = g_strdup_printf ("node-%u", i % 3);
      g_autofree char *text = g_strdup_printf ("value-%u", i);
      g_autoptr (GBytes) value = i % 11 == 10 ? NULL : mkv_test_bytes (text);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvEntry) entry = mkv_entry_new (key, value, G_GINT64_CONSTANT (1700000000000) + i * 7, node_id,
                                                  i + 1, &error);

      g_assert_no_error (error);
      g_assert_true (mkv_tree_put (tree, key, mkv_entry_peek_digest (entry)));
    }
  return tree;
}

static void
assert_octets (const guint8 *octets, gsize length, const char *hex)
{
  g_autoptr (GBytes) wanted = mkv_test_unhex (hex);

  g_assert_cmpmem (octets, length, g_bytes_get_data (wanted, NULL), g_bytes_get_size (wanted));
}

static void
assert_cell (MkvCell cell, const char *hex)
{
  guint8 octets[MKV_CELL_BYTES];

  mkv_cell_write (cell, octets);
  assert_octets (octets, sizeof octets, hex);
}

static void
check_children (MkvTree *tree, JsonObject *children)
{
  g_autoptr (GList) names = json_object_get_members (children);

  for (GList *l = names; l != NULL; l = l->next)
    {
      g_autoptr (GByteArray) octets = g_byte_array_new ();
      JsonArray *digests = json_object_get_array_member (children, l->data);
      MkvTreeNodeKind kind;

      g_assert_true (mkv_tree_get_node (tree, l->data, &kind, octets));
      g_assert_cmpint (kind, ==, MKV_TREE_INNER);
      g_assert_cmpuint (octets->len, ==, 16 * MKV_TREE_CHILD_BYTES);
      for (guint i = 0; i < 16; i++)
        {
          g_autofree char *half = g_strndup (json_array_get_string_element (digests, i), 2 * MKV_TREE_CHILD_BYTES);

          assert_octets (octets->data + MKV_TREE_CHILD_BYTES * i, MKV_TREE_CHILD_BYTES, half);
        }
    }
}

static void
check_leaves (MkvTree *tree, JsonObject *leaves)
{
  g_autoptr (GList) names = json_object_get_members (leaves);

  for (GList *l = names; l != NULL; l = l->next)
    {
      g_autoptr (GByteArray) octets = g_byte_array_new ();
      JsonArray *digests = json_object_get_array_member (leaves, l->data);
      MkvTreeNodeKind kind;

      g_assert_true (mkv_tree_get_node (tree, l->data, &kind, octets));
      g_assert_cmpint (kind, ==, MKV_TREE_LEAF);
      g_assert_cmpuint (octets->len, ==, MKV_TREE_ENTRY_BYTES * json_array_get_length (digests));
      for (guint i = 0; i < json_array_get_length (digests); i++)
        assert_octets (octets->data + MKV_TREE_ENTRY_BYTES * i + 4, MKV_DIGEST_BYTES,
                       json_array_get_string_element (digests, i));
    }
}

static void
check_cells (MkvTree *tree, JsonArray *cells)
{
  for (guint i = 0; i < json_array_get_length (cells); i++)
    {
      JsonObject *cell = json_array_get_object_element (cells, i);
      g_autoptr (GBytes) octets = mkv_test_unhex (json_object_get_string_member (cell, "prefix"));
      g_autoptr (GBytes) none = g_bytes_new_static ("", 0);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvSyncPrefix) read = mkv_sync_prefix_new_from_wire (octets, 0, none, &error);
      g_autoptr (GBytes) written = NULL;
      MkvPrefix prefix;

      g_assert_no_error (error);
      written = mkv_sync_prefix_to_wire (read);
      g_assert_true (g_bytes_equal (written, octets));
      prefix = (MkvPrefix){ read->bits, read->n_bits };
      assert_cell (mkv_tree_get_cell (tree, prefix), json_object_get_string_member (cell, "cell"));
      g_assert_cmpint ((gint64) mkv_tree_count_prefix (tree, prefix), ==,
                       json_object_get_int_member (cell, "count"));
    }
}

static void
test_trees (void)
{
  g_autoptr (JsonParser) parser = load_vectors ("trees.json");
  JsonArray *vectors = json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "vectors");

  g_test_summary ("Roots, cells, digests of inner nodes' children, and leaves are those of the vectors");
  g_assert_cmpuint (json_array_get_length (vectors), >, 0);
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    {
      JsonObject *vector = json_array_get_object_element (vectors, i);
      guint n = (guint) json_object_get_int_member (vector, "n");
      g_autoptr (MkvTree) tree = make_tree (json_object_get_object_member (vector, "recipe"), n);
      guint8 root[MKV_DIGEST_BYTES];

      g_assert_cmpuint (mkv_tree_get_count (tree), ==, n);
      mkv_tree_get_root (tree, root);
      assert_octets (root, sizeof root, json_object_get_string_member (vector, "root"));
      assert_cell (mkv_tree_get_cell (tree, MKV_PREFIX_ALL), json_object_get_string_member (vector, "cell"));
      if (json_object_has_member (vector, "children"))
        check_children (tree, json_object_get_object_member (vector, "children"));
      if (json_object_has_member (vector, "leaves"))
        check_leaves (tree, json_object_get_object_member (vector, "leaves"));
      if (json_object_has_member (vector, "cells"))
        check_cells (tree, json_object_get_array_member (vector, "cells"));
    }
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/tree/vectors", test_trees);
  return g_test_run ();
}
