/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-sync-prefix.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

G_DEFINE_BOXED_TYPE (MkvSyncPrefix, mkv_sync_prefix, mkv_sync_prefix_copy, mkv_sync_prefix_free)

/**
 * mkv_sync_prefix_new:
 * @bits: the first bits of a position, left-aligned, zero-padded
 * @n_bits: how many of them count, 0 to 32
 * @depth: 0 for a list, or how many bits deeper the cells are, 1 to 8
 * @octets: the list or the cells
 *
 * Makes what a SYNC says about the entries whose positions begin with some bits.
 *
 * Returns: (transfer full): the prefix
 *
 * Since: 0.1
 */
MkvSyncPrefix *
mkv_sync_prefix_new (guint32 bits, guint n_bits, guint depth, GBytes *octets)
{
  MkvSyncPrefix *self;

  g_return_val_if_fail (octets != NULL, NULL);

  self = g_new (MkvSyncPrefix, 1);
  self->bits = bits;
  self->n_bits = (guint8) n_bits;
  self->depth = (guint8) depth;
  self->octets = g_bytes_ref (octets);
  return self;
}

static gboolean
check (guint n_bits, guint depth, GBytes *octets, GError **error)
{
  gsize length = g_bytes_get_size (octets);

  if (depth == 0)
    {
      if (length % MKV_SHORT_ID_BYTES == 0)
        return TRUE;
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   _("A list of short ids has %zu octets, which is no multiple of %d"), length,
                   MKV_SHORT_ID_BYTES);
      return FALSE;
    }
  if (depth > MKV_MAX_CELL_DEPTH || n_bits + depth > MKV_MAX_PREFIX_BITS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   _("Cells are %u bits deeper than a prefix of %u bits; at most %d bits, %d in all, are allowed"),
                   depth, n_bits, MKV_MAX_CELL_DEPTH, MKV_MAX_PREFIX_BITS);
      return FALSE;
    }
  if (length == (gsize) MKV_CELL_BYTES << depth)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
               _("Cells %u bits deeper have %zu octets, not %d"), depth, length, MKV_CELL_BYTES << depth);
  return FALSE;
}

/**
 * mkv_sync_prefix_new_from_wire:
 * @prefix: an octet with the number of bits, then the bits in as few octets as hold
 *   them, left-aligned, zero-padded
 * @depth: 0 for a list, or how many bits deeper the cells are
 * @octets: the list or the cells
 * @error: return location for an error
 *
 * Makes a prefix of what a message holds, which has to keep every rule.
 *
 * Returns: (transfer full): the prefix; %NULL with %MKV_ERROR_MALFORMED if it is
 *   none
 *
 * Since: 0.1
 */
MkvSyncPrefix *
mkv_sync_prefix_new_from_wire (GBytes *prefix, guint depth, GBytes *octets, GError **error)
{
  gsize length;
  const guint8 *wire;
  guint32 bits = 0;
  guint n_bits;

  g_return_val_if_fail (prefix != NULL, NULL);
  g_return_val_if_fail (octets != NULL, NULL);

  wire = g_bytes_get_data (prefix, &length);
  if (length == 0)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("A prefix has no octet with its length"));
      return NULL;
    }
  n_bits = wire[0];
  if (n_bits > MKV_MAX_PREFIX_BITS || length != 1 + (n_bits + 7) / 8)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   _("A prefix of %u bits has %zu octets; up to %d bits are allowed, in as few octets as hold "
                     "them, and one before"), n_bits, length, MKV_MAX_PREFIX_BITS);
      return NULL;
    }
  for (gsize i = 1; i < length; i++)
    bits |= (guint32) wire[i] << (32 - 8 * i);
  if (n_bits < 32 && (bits & G_MAXUINT32 >> n_bits) != 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("A prefix of %u bits is not padded with zeros"),
                   n_bits);
      return NULL;
    }
  return check (n_bits, depth, octets, error) ? mkv_sync_prefix_new (bits, n_bits, depth, octets) : NULL;
}

/**
 * mkv_sync_prefix_copy:
 * @self: a prefix
 *
 * Copies a prefix.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
MkvSyncPrefix *
mkv_sync_prefix_copy (const MkvSyncPrefix *self)
{
  return mkv_sync_prefix_new (self->bits, self->n_bits, self->depth, self->octets);
}

/**
 * mkv_sync_prefix_free:
 * @self: (transfer full): a prefix
 *
 * Frees a prefix.
 *
 * Since: 0.1
 */
void
mkv_sync_prefix_free (MkvSyncPrefix *self)
{
  g_bytes_unref (self->octets);
  g_free (self);
}

/**
 * mkv_sync_prefix_to_wire:
 * @self: a prefix
 *
 * Writes the bits as messages hold them.
 *
 * Returns: (transfer full): an octet with the number of bits, then the bits
 *
 * Since: 0.1
 */
GBytes *
mkv_sync_prefix_to_wire (const MkvSyncPrefix *self)
{
  guint8 prefix[] = {
    self->n_bits, (guint8) (self->bits >> 24), (guint8) (self->bits >> 16), (guint8) (self->bits >> 8),
    (guint8) self->bits,
  };

  return g_bytes_new (prefix, 1 + (self->n_bits + 7u) / 8);
}
