/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "model/mkv-stamp.h"

#include <string.h>

G_DEFINE_BOXED_TYPE (MkvStamp, mkv_stamp, mkv_stamp_copy, mkv_stamp_free)

/**
 * mkv_stamp_new:
 * @timestamp: ms since 1970-01-01 UTC
 * @node_id: the writer
 * @seq: the number of the write
 *
 * Makes a stamp.
 *
 * Returns: (transfer full): the stamp
 *
 * Since: 0.1
 */
MkvStamp *
mkv_stamp_new (gint64 timestamp, const char *node_id, gint64 seq)
{
  MkvStamp *self;
  gsize length;

  g_return_val_if_fail (node_id != NULL, NULL);

  length = strlen (node_id) + 1;
  self = g_malloc (sizeof (MkvStamp) + length);
  self->timestamp = timestamp;
  self->seq = seq;
  self->node_id = memcpy (self + 1, node_id, length);
  return self;
}

/**
 * mkv_stamp_copy:
 * @self: a stamp
 *
 * Copies a stamp.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
MkvStamp *
mkv_stamp_copy (const MkvStamp *self)
{
  return mkv_stamp_new (self->timestamp, self->node_id, self->seq);
}

/**
 * mkv_stamp_free:
 * @self: (transfer full): a stamp made by [ctor@Stamp.new] or a copy
 *
 * Frees a stamp.
 *
 * Since: 0.1
 */
void
mkv_stamp_free (MkvStamp *self)
{
  g_free (self);
}

/**
 * mkv_stamp_compare:
 * @a: a stamp
 * @b: a stamp
 *
 * Compares by timestamp, then node id in bytewise order, then seq.
 *
 * Returns: below 0 if @a is less, 0 if both are equal, above 0 if @a is greater
 *
 * Since: 0.1
 */
gint
mkv_stamp_compare (const MkvStamp *a, const MkvStamp *b)
{
  gint order;

  if (a->timestamp != b->timestamp)
    return a->timestamp < b->timestamp ? -1 : 1;
  /* strcmp() compares as unsigned char: bytewise. */
  order = strcmp (a->node_id, b->node_id);
  if (order != 0)
    return order;
  return a->seq < b->seq ? -1 : a->seq > b->seq;
}
