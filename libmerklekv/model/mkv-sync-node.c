/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-sync-node.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

/* Of an inner node: the first half of the digest of each child. */
#define INNER_BYTES (16 * MKV_DIGEST_BYTES / 2)

/* Of an entry of a leaf: the beginning of its position, and its digest. */
#define LEAF_ENTRY_BYTES (4 + MKV_DIGEST_BYTES)

/* A position is a digest. */
#define MAX_DIGITS (2 * MKV_DIGEST_BYTES)

G_DEFINE_BOXED_TYPE (MkvSyncNode, mkv_sync_node, mkv_sync_node_copy, mkv_sync_node_free)

/**
 * mkv_sync_node_new:
 * @digits: the hexadecimal digits that the positions of its entries begin with
 * @kind: a #MkvSyncNodeKind
 * @octets: what that kind of a node has
 * @error: return location for an error
 *
 * Makes a node of what a message holds, or shall.
 *
 * Returns: (transfer full): the node; %NULL with %MKV_ERROR_MALFORMED if there is
 *   none such
 *
 * Since: 0.1
 */
MkvSyncNode *
mkv_sync_node_new (const char *digits, guint kind, GBytes *octets, GError **error)
{
  gsize length;
  MkvSyncNode *self;

  g_return_val_if_fail (digits != NULL, NULL);
  g_return_val_if_fail (octets != NULL, NULL);

  length = g_bytes_get_size (octets);
  if (!mkv_sync_node_digits_check (digits, error))
    return NULL;
  if (kind > MKV_SYNC_NODE_INNER)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("A node is of kind %u, not 0 or 1"), kind);
      return NULL;
    }
  if (kind == MKV_SYNC_NODE_INNER ? length != INNER_BYTES : length % LEAF_ENTRY_BYTES != 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   kind == MKV_SYNC_NODE_INNER ? _("A node of kind %u has %zu octets, not %d")
                                               : _("A node of kind %u has %zu octets, not a multiple of %d"),
                   kind, length, kind == MKV_SYNC_NODE_INNER ? INNER_BYTES : LEAF_ENTRY_BYTES);
      return NULL;
    }
  self = g_new (MkvSyncNode, 1);
  self->digits = g_strdup (digits);
  self->kind = (MkvSyncNodeKind) kind;
  self->octets = g_bytes_ref (octets);
  return self;
}

/**
 * mkv_sync_node_copy:
 * @self: a node
 *
 * Copies a node.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
MkvSyncNode *
mkv_sync_node_copy (const MkvSyncNode *self)
{
  MkvSyncNode *copy = g_new (MkvSyncNode, 1);

  copy->digits = g_strdup (self->digits);
  copy->kind = self->kind;
  copy->octets = g_bytes_ref (self->octets);
  return copy;
}

/**
 * mkv_sync_node_free:
 * @self: (transfer full): a node
 *
 * Frees a node.
 *
 * Since: 0.1
 */
void
mkv_sync_node_free (MkvSyncNode *self)
{
  g_free (self->digits);
  g_bytes_unref (self->octets);
  g_free (self);
}

/**
 * mkv_sync_node_digits_check:
 * @digits: what may name a node
 * @error: return location for an error
 *
 * Checks the rule for the names of nodes: at most 64 lower-case hexadecimal
 * digits.
 *
 * Returns: whether @digits are that; if not, @error is %MKV_ERROR_MALFORMED
 *
 * Since: 0.1
 */
gboolean
mkv_sync_node_digits_check (const char *digits, GError **error)
{
  gsize length;

  g_return_val_if_fail (digits != NULL, FALSE);

  length = strlen (digits);
  if (length <= MAX_DIGITS && strspn (digits, "0123456789abcdef") == length)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
               _("A node is named by at most %d lower-case hexadecimal digits, not by this text of %zu octets"),
               MAX_DIGITS, length);
  return FALSE;
}
