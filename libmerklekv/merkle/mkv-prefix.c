/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "merkle/mkv-prefix-private.h"

#include <string.h>

gboolean
mkv_prefix_read (const guint8 *octets, gsize length, MkvPrefix *prefix)
{
  guint8 bits[4] = { 0 };
  MkvPrefix read;

  if (length < 1 || octets[0] > MKV_MAX_PREFIX_BITS || length != 1 + (octets[0] + 7u) / 8)
    return FALSE;
  memcpy (bits, octets + 1, length - 1);
  read.length = octets[0];
  read.bits = (guint32) bits[0] << 24 | (guint32) bits[1] << 16 | (guint32) bits[2] << 8 | bits[3];
  if ((read.bits & ~mkv_prefix_get_mask (read)) != 0)
    return FALSE;
  *prefix = read;
  return TRUE;
}

gsize
mkv_prefix_write (MkvPrefix self, guint8 octets[MKV_PREFIX_MAX_BYTES])
{
  gsize n_octets = (self.length + 7u) / 8;

  octets[0] = self.length;
  for (gsize i = 0; i < n_octets; i++)
    octets[1 + i] = (guint8) (self.bits >> (24 - 8 * i));
  return 1 + n_octets;
}
