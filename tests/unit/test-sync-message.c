/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "mkv-sync-compare.h"
#include "mkv-test.h"

/* What a codec's tests do not see of the messages of anti-entropy. */

static void
test_operations (void)
{
  MkvSyncOperation operation;

  g_test_summary ("Operations have names, and no others are known");
  for (MkvSyncOperation i = MKV_SYNC_OPERATION_ROOT; i <= MKV_SYNC_OPERATION_ERROR; i++)
    {
      g_assert_true (mkv_sync_operation_from_wire (mkv_sync_operation_to_wire (i), &operation));
      g_assert_cmpint (operation, ==, i);
    }
  g_assert_false (mkv_sync_operation_from_wire ("root", &operation));
  g_assert_false (mkv_sync_operation_from_wire ("", &operation));
}

static void
test_prefixes (void)
{
  static const struct
  {
    guint32 bits;
    guint n_bits;
    const char *wire;
  } cases[] = {
    { 0, 0, "00" },
    { 0, 1, "0100" },
    { 0x80000000, 1, "0180" },
    { 0xAB000000, 8, "08ab" },
    { 0xAB800000, 9, "09ab80" },
    { 0xABCDEF00, 24, "18abcdef" },
    { 0xABCDEF80, 25, "19abcdef80" },
    { 0xFFFFFFFF, 32, "20ffffffff" },
  };
  g_autoptr (GBytes) octets = g_bytes_new (NULL, 0);

  g_test_summary ("A prefix has as few octets as hold it, and comes back");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkvSyncPrefix) prefix = mkv_sync_prefix_new (cases[i].bits, cases[i].n_bits, 0, octets);
      g_autoptr (GBytes) wire = mkv_sync_prefix_to_wire (prefix);
      g_autoptr (GBytes) expected = mkv_test_unhex (cases[i].wire);
      g_autoptr (GError) error = NULL;
      g_autoptr (MkvSyncPrefix) again = mkv_sync_prefix_new_from_wire (wire, 0, octets, &error);
      g_autoptr (MkvSyncPrefix) copy = NULL;

      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (wire, expected));
      copy = mkv_sync_prefix_copy (again);
      g_assert_cmpuint (copy->bits, ==, cases[i].bits);
      g_assert_cmpuint (copy->n_bits, ==, cases[i].n_bits);
      g_assert_cmpuint (copy->depth, ==, 0);
    }
}

static void
test_malformed_prefixes (void)
{
  static const char *const bad[] = { "", "0000", "01", "0140", "0181", "080100", "0901", "090140", "1f00000001",
                                     "200000", "210000000000", "ff00000000" };
  g_autoptr (GBytes) octets = g_bytes_new (NULL, 0);

  g_test_summary ("A prefix of another length, or with other padding, is malformed");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GBytes) wire = mkv_test_unhex (bad[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_sync_prefix_new_from_wire (wire, 0, octets, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
    }
}

static void
test_depth (void)
{
  g_autoptr (GBytes) whole = mkv_test_unhex ("00");
  g_autoptr (GBytes) octets = g_bytes_new (NULL, 0);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Cells can't be deeper than 8 bits");
  g_assert_null (mkv_sync_prefix_new_from_wire (whole, 9, octets, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_MALFORMED);
  g_assert_cmpstr (error->message, ==,
                   "Cells are 9 bits deeper than a prefix of 0 bits; at most 8 bits, 32 in all, are allowed");
}

static void
test_items (void)
{
  g_autoptr (MkvSyncMessage) message = mkv_sync_message_new (MKV_SYNC_OPERATION_SYNC, "s");
  g_autoptr (MkvSyncMessage) other = mkv_sync_message_new (MKV_SYNC_OPERATION_DONE, "s");
  g_autoptr (MkvSyncMessage) nodes = mkv_sync_message_new (MKV_SYNC_OPERATION_NODES, "s");
  g_autoptr (GBytes) octets = g_bytes_new ("0123456789abcdef", 16);
  g_autoptr (GBytes) none = g_bytes_new (NULL, 0);
  g_autoptr (MkvEntry) entry = mkv_entry_new ("k", none, 1, "n", 1, NULL);

  g_test_summary ("Items are counted, of the message's operation");
  g_assert_cmpuint (mkv_sync_message_get_n_items (message), ==, 0);
  mkv_sync_message_set_want (message, octets);
  mkv_sync_message_set_want (other, octets);
  mkv_sync_message_set_offer (message, none);
  g_assert_cmpuint (mkv_sync_message_get_n_items (message), ==, 2);
  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 0, none));
  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (0, 0, 1, octets));
  g_assert_cmpuint (mkv_sync_message_get_lists (message)->len, ==, 1);
  g_assert_cmpuint (mkv_sync_message_get_cells (message)->len, ==, 1);
  mkv_sync_message_add_event (message, entry);
  mkv_sync_message_add_query (message, "0");
  g_assert_cmpuint (mkv_sync_message_get_n_items (message), ==, 5);
  mkv_sync_message_set_want (message, NULL);
  g_assert_cmpuint (mkv_sync_message_get_n_items (message), ==, 3);
  g_assert_cmpuint (mkv_sync_message_get_n_items (other), ==, 0);
  mkv_sync_message_add_query (nodes, "");
  mkv_sync_message_add_node (nodes, mkv_sync_node_new ("0", MKV_SYNC_NODE_LEAF, none, NULL));
  mkv_sync_message_add_event (nodes, entry);
  g_assert_cmpuint (mkv_sync_message_get_n_items (nodes), ==, 2);
}

static void
test_boxed (void)
{
  MkvSyncMessage *message = mkv_sync_message_new (MKV_SYNC_OPERATION_DONE, "s");
  MkvSyncMessage *same = g_boxed_copy (MKV_TYPE_SYNC_MESSAGE, message);
  g_autoptr (GBytes) none = g_bytes_new (NULL, 0);
  g_autoptr (MkvSyncNode) node = mkv_sync_node_new ("0f", MKV_SYNC_NODE_LEAF, none, NULL);
  MkvSyncNode *node_copy = g_boxed_copy (MKV_TYPE_SYNC_NODE, node);

  g_test_summary ("A copy of a message is the message, a copy of a node another");
  g_assert_true (same == message);
  g_boxed_free (MKV_TYPE_SYNC_MESSAGE, same);
  g_assert_cmpstr (mkv_sync_message_get_id (message), ==, "s");
  g_assert_cmpint (mkv_sync_message_get_until (message), ==, -1);
  mkv_test_assert_same_sync (message, message);
  mkv_sync_message_unref (message);
  g_assert_true (node_copy != node);
  g_assert_cmpstr (node_copy->digits, ==, "0f");
  g_boxed_free (MKV_TYPE_SYNC_NODE, node_copy);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/sync-message/operations", test_operations);
  g_test_add_func ("/sync-message/prefixes", test_prefixes);
  g_test_add_func ("/sync-message/malformed-prefixes", test_malformed_prefixes);
  g_test_add_func ("/sync-message/depth", test_depth);
  g_test_add_func ("/sync-message/items", test_items);
  g_test_add_func ("/sync-message/boxed", test_boxed);
  return g_test_run ();
}
