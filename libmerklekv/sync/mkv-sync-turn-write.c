/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-turn-core-private.h"

#include <string.h>

static MkvSyncPrefix *
make_list (const MkvTree *tree, MkvPrefix prefix, gint64 *work)
{
  g_autoptr (GArray) short_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GBytes) octets = NULL;
  guint8 *list;

  mkv_tree_list (tree, prefix, short_ids);
  *work -= MKV_SYNC_WORK_SHORT_ID * (gint64) short_ids->len;
  list = g_malloc ((gsize) short_ids->len * MKV_SHORT_ID_BYTES);
  for (guint i = 0; i < short_ids->len; i++)
    mkv_short_id_write (g_array_index (short_ids, guint64, i), list + i * MKV_SHORT_ID_BYTES);
  octets = g_bytes_new_take (list, (gsize) short_ids->len * MKV_SHORT_ID_BYTES);
  return mkv_sync_prefix_new (prefix.bits, prefix.length, 0, octets);
}

static MkvSyncPrefix *
make_cells (const MkvTree *tree, MkvPrefix prefix, guint depth)
{
  MkvCell cells[1 << MKV_MAX_CELL_DEPTH];
  guint8 octets[MKV_CELL_BYTES << MKV_MAX_CELL_DEPTH];
  g_autoptr (GBytes) bytes = NULL;

  mkv_tree_get_cells (tree, prefix, depth, cells);
  for (guint i = 0; i < 1u << depth; i++)
    mkv_cell_write (cells[i], octets + i * MKV_CELL_BYTES);
  bytes = g_bytes_new (octets, (gsize) MKV_CELL_BYTES << depth);
  return mkv_sync_prefix_new (prefix.bits, prefix.length, depth, bytes);
}

/* An entry that has gone meanwhile is not offered. */
static void
add_offer (GByteArray *offers, const MkvSyncView *view, const MkvSyncOffer *offer)
{
  g_autoptr (GPtrArray) entries = mkv_sync_view_get_entries (view, offer->mine);
  guint8 octets[MKV_OFFER_BYTES];
  gint64 timestamp;

  if (entries->len == 0)
    return;
  timestamp = mkv_entry_get_stamp (entries->pdata[0])->timestamp;
  mkv_short_id_write (offer->theirs, octets);
  memcpy (octets + MKV_SHORT_ID_BYTES, mkv_entry_peek_digest (entries->pdata[0]), 4);
  for (guint n = 0; n < 7; n++)
    octets[MKV_SHORT_ID_BYTES + 4 + n] = (guint8) (timestamp >> (48 - 8 * n));
  g_byte_array_append (offers, octets, sizeof octets);
}

/* Wants need no looking up. */
static void
write_wants (const GArray *wants, MkvSyncMessage *message)
{
  gsize length = (gsize) wants->len * MKV_SHORT_ID_BYTES;
  guint8 *octets = g_malloc (length);
  g_autoptr (GBytes) bytes = NULL;

  for (guint i = 0; i < wants->len; i++)
    mkv_short_id_write (g_array_index (wants, guint64, i), octets + i * MKV_SHORT_ID_BYTES);
  bytes = g_bytes_new_take (octets, length);
  mkv_sync_message_set_want (message, bytes);
}

gboolean
mkv_sync_turn_write_offers (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GArray *offers = self->answer.offers;

  for (; self->next < offers->len && *work > 0; self->next++)
    {
      add_offer (self->offers, view, &g_array_index (offers, MkvSyncOffer, self->next));
      *work -= MKV_SYNC_WORK_ENTRY;
    }
  if (self->next < offers->len)
    return FALSE;
  if (self->offers->len > 0)
    {
      g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->offers));

      self->offers = g_byte_array_new ();
      mkv_sync_message_set_offer (self->message, bytes);
    }
  if (self->answer.wants->len > 0)
    write_wants (self->answer.wants, self->message);
  return TRUE;
}

gboolean
mkv_sync_turn_count_opened (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GArray *opened = self->answer.opened;
  const MkvTree *tree = view->lock_tree (view->user_data);

  for (; self->next < opened->len && *work > 0; self->next++)
    {
      self->n_opened += (double) mkv_tree_count_prefix (tree, g_array_index (opened, MkvPrefix, self->next));
      *work -= MKV_SYNC_WORK_LOOKUP;
    }
  view->unlock_tree (view->user_data);
  if (self->next < opened->len)
    return FALSE;
  self->depth = mkv_sync_spread_choose_depth (&self->answer.spread, opened->len,
                                              self->n_opened / MAX (opened->len, 1), self->number);
  return TRUE;
}

/* Two halves of a prefix whose cells are equally deep are one item with a bit
 * more: that saves a head. */
static void
add_cells (GArray *items, MkvPrefix prefix, guint depth)
{
  MkvSyncCells cells = { prefix, depth };

  while (items->len > 0 && cells.depth < MKV_MAX_CELL_DEPTH && cells.prefix.length > 0)
    {
      const MkvSyncCells *last = &g_array_index (items, MkvSyncCells, items->len - 1);
      guint length = cells.prefix.length;

      if (last->depth != cells.depth || last->prefix.length != length ||
          (last->prefix.bits ^ cells.prefix.bits) != (guint32) 1 << (32 - length))
        break;
      cells.prefix.bits = MIN (last->prefix.bits, cells.prefix.bits);
      cells.prefix.length--;
      cells.depth++;
      g_array_set_size (items, items->len - 1);
    }
  g_array_append_val (items, cells);
}

/* Lists are written; cells are only chosen, because their neighbours may join
 * them. */
gboolean
mkv_sync_turn_write_opened (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GArray *opened = self->answer.opened;
  const MkvTree *tree = view->lock_tree (view->user_data);

  for (; self->next < opened->len && *work > 0; self->next++)
    {
      MkvPrefix prefix = g_array_index (opened, MkvPrefix, self->next);
      guint e = MIN (self->depth, (guint) MKV_MAX_PREFIX_BITS - prefix.length);
      gsize limit = mkv_sync_get_cells_size (prefix.length, MAX (e, 2));

      *work -= MKV_SYNC_WORK_LOOKUP;
      if (e == 0 || mkv_sync_get_list_size (prefix.length, mkv_tree_count_prefix (tree, prefix)) <= limit)
        mkv_sync_message_add_prefix (self->message, make_list (tree, prefix, work));
      else
        add_cells (self->cells, prefix, e);
    }
  view->unlock_tree (view->user_data);
  return self->next == opened->len;
}

gboolean
mkv_sync_turn_write_cells (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const MkvTree *tree = view->lock_tree (view->user_data);

  for (; self->next < self->cells->len && *work > 0; self->next++)
    {
      const MkvSyncCells *cells = &g_array_index (self->cells, MkvSyncCells, self->next);

      mkv_sync_message_add_prefix (self->message, make_cells (tree, cells->prefix, cells->depth));
      *work -= MKV_SYNC_WORK_ITEM + (MKV_SYNC_WORK_CELL << cells->depth);
    }
  view->unlock_tree (view->user_data);
  return self->next == self->cells->len;
}

gboolean
mkv_sync_turn_write_missing (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GArray *missing = self->answer.missing;
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);

  for (; self->next < missing->len && *work > 0; self->next++)
    {
      MkvPrefix prefix = g_array_index (missing, MkvPrefix, self->next);

      mkv_sync_message_add_prefix (self->message, mkv_sync_prefix_new (prefix.bits, prefix.length, 0, nothing));
      *work -= MKV_SYNC_WORK_ITEM;
    }
  return self->next == missing->len;
}

void
mkv_sync_turn_write_whole (const MkvSyncView *view, guint depth, MkvSyncMessage *message)
{
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  const MkvTree *tree = view->lock_tree (view->user_data);

  mkv_sync_message_add_prefix (message, mkv_tree_get_count (tree) > 0 ? make_cells (tree, MKV_PREFIX_ALL, depth)
                                                                      : mkv_sync_prefix_new (0, 0, 0, nothing));
  view->unlock_tree (view->user_data);
}
