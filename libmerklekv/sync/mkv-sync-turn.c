/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-turn-private.h"

#include <string.h>

/* Where a list is this much shorter than what is here, more cells say more. */
#define MAX_LISTED_PUSHES (65536)

void
mkv_sync_answer_init (MkvSyncAnswer *self)
{
  memset (self, 0, sizeof *self);
  self->pushes = g_array_new (FALSE, FALSE, sizeof (MkvSyncPush));
  self->wants = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->offers = g_array_new (FALSE, FALSE, sizeof (MkvSyncOffer));
  self->opened = g_array_new (FALSE, FALSE, sizeof (MkvPrefix));
  self->missing = g_array_new (FALSE, FALSE, sizeof (MkvPrefix));
  self->until = -1;
}

void
mkv_sync_answer_clear (MkvSyncAnswer *self)
{
  g_clear_pointer (&self->pushes, g_array_unref);
  g_clear_pointer (&self->wants, g_array_unref);
  g_clear_pointer (&self->offers, g_array_unref);
  g_clear_pointer (&self->opened, g_array_unref);
  g_clear_pointer (&self->missing, g_array_unref);
}

void
mkv_sync_answer_push_one (MkvSyncAnswer *self, guint64 short_id, gboolean is_asked)
{
  MkvSyncPush push = { short_id, MKV_SYNC_PUSH_ONE, is_asked };

  g_array_append_val (self->pushes, push);
}

static void
push_all (MkvSyncAnswer *self, MkvPrefix prefix)
{
  MkvSyncPush push = { (guint64) prefix.bits << 32, prefix.length, FALSE };

  g_array_append_val (self->pushes, push);
}

void
mkv_sync_answer_offer (MkvSyncAnswer *self, guint64 mine, guint64 theirs)
{
  MkvSyncOffer offer = { mine, theirs };

  g_array_append_val (self->offers, offer);
}

void
mkv_sync_answer_want (MkvSyncAnswer *self, guint64 short_id)
{
  g_array_append_val (self->wants, short_id);
}

static gint
compare_pushes (gconstpointer a, gconstpointer b)
{
  const MkvSyncPush *x = a, *y = b;

  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  return x->length != y->length ? (gint) x->length - (gint) y->length : (gint) y->is_asked - (gint) x->is_asked;
}

/* What is wanted a thousand times is sent once. */
void
mkv_sync_answer_sort (MkvSyncAnswer *self)
{
  MkvSyncPush *pushes;
  guint n = 0;

  g_array_sort (self->pushes, compare_pushes);
  pushes = (MkvSyncPush *) (gpointer) self->pushes->data;
  for (guint i = 0; i < self->pushes->len; i++)
    if (n == 0 || pushes[i].start != pushes[n - 1].start || pushes[i].length != pushes[n - 1].length)
      pushes[n++] = pushes[i];
  g_array_set_size (self->pushes, n);
}

/* To one of the two arrays of prefixes that the answer has. */
static void
open_prefix (MkvSyncAnswer *self, GArray *prefixes, MkvPrefix prefix)
{
  if (self->opened->len + self->missing->len < MKV_SYNC_MAX_OPENED)
    g_array_append_val (prefixes, prefix);
  else
    self->n_ignored++;
}

static void
read_cell (MkvSyncAnswer *self, const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget)
{
  MkvReading reading = mkv_reading_make (tree, prefix, mine, theirs, budget);

  mkv_sync_spread_add (&self->spread, reading.what, mine, theirs);
  switch (reading.what)
    {
    case MKV_READING_EQUAL:
      break;

    case MKV_READING_PUSH_ALL:
      push_all (self, prefix);
      break;

    case MKV_READING_WANT_ALL:
      open_prefix (self, self->missing, prefix);
      break;

    case MKV_READING_PUSH_ONE:
      mkv_sync_answer_push_one (self, reading.mine, FALSE);
      break;

    case MKV_READING_WANT_ONE:
      mkv_sync_answer_want (self, reading.theirs);
      break;

    case MKV_READING_TWO_VERSIONS:
      mkv_sync_answer_offer (self, reading.mine, reading.theirs);
      break;

    case MKV_READING_SEVERAL:
      open_prefix (self, self->opened, prefix);
      return;

    default:
      g_assert_not_reached ();
    }
  self->n_closed++;
}

static void
read_cells (MkvSyncAnswer *self, const MkvTree *tree, const MkvSyncPrefix *cells, guint64 *budget)
{
  MkvPrefix prefix = { cells->bits, cells->n_bits };
  const guint8 *octets = g_bytes_get_data (cells->octets, NULL);
  MkvCell mine[1 << MKV_MAX_CELL_DEPTH];

  mkv_tree_get_cells (tree, prefix, cells->depth, mine);
  for (guint i = 0; i < 1u << cells->depth; i++)
    read_cell (self, tree, mkv_prefix_get_child (prefix, cells->depth, i), mine[i],
               mkv_cell_read (octets + i * MKV_CELL_BYTES), budget);
}

void
mkv_sync_answer_compare (MkvSyncAnswer *self, const guint64 *mine, guint n_mine, const guint64 *theirs, guint n_theirs)
{
  if (n_mine == 1 && n_theirs == 1)
    {
      mkv_sync_answer_offer (self, mine[0], theirs[0]);
      return;
    }
  for (guint i = 0; i < n_mine; i++)
    mkv_sync_answer_push_one (self, mine[i], FALSE);
  for (guint i = 0; i < n_theirs; i++)
    mkv_sync_answer_want (self, theirs[i]);
}

static gint
compare_short_ids (gconstpointer a, gconstpointer b)
{
  const guint64 *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

/* Of two ascending arrays, what only one has, a position at a time. */
static void
compare_lists (MkvSyncAnswer *self, GArray *mine, GArray *theirs)
{
  const guint64 *m = (const guint64 *) (gpointer) mine->data, *t = (const guint64 *) (gpointer) theirs->data;
  g_autoptr (GArray) only_mine = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) only_theirs = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint i = 0, j = 0;

  while (i < mine->len || j < theirs->len)
    {
      guint32 position = mkv_short_id_get_position (j == theirs->len || (i < mine->len && m[i] < t[j]) ? m[i] : t[j]);

      g_array_set_size (only_mine, 0);
      g_array_set_size (only_theirs, 0);
      for (;;)
        {
          gboolean has_mine = i < mine->len && mkv_short_id_get_position (m[i]) == position;
          gboolean has_theirs = j < theirs->len && mkv_short_id_get_position (t[j]) == position;

          if (!has_mine && !has_theirs)
            break;
          if (has_mine && has_theirs && m[i] == t[j])
            i++, j++;
          else if (has_mine && (!has_theirs || m[i] < t[j]))
            g_array_append_val (only_mine, m[i++]);
          else
            g_array_append_val (only_theirs, t[j++]);
        }
      mkv_sync_answer_compare (self, (const guint64 *) (gpointer) only_mine->data, only_mine->len,
                               (const guint64 *) (gpointer) only_theirs->data, only_theirs->len);
    }
}

static void
read_list (MkvSyncAnswer *self, const MkvTree *tree, const MkvSyncPrefix *list)
{
  MkvPrefix prefix = { list->bits, list->n_bits };
  gsize length;
  const guint8 *octets = g_bytes_get_data (list->octets, &length);
  g_autoptr (GArray) mine = NULL;
  g_autoptr (GArray) theirs = NULL;

  self->n_closed++;
  if (length == 0)
    {
      push_all (self, prefix);
      return;
    }
  if (mkv_tree_count_prefix (tree, prefix) > length / MKV_SHORT_ID_BYTES + MAX_LISTED_PUSHES)
    {
      self->n_closed--;
      open_prefix (self, self->opened, prefix);
      return;
    }
  mine = g_array_new (FALSE, FALSE, sizeof (guint64));
  theirs = g_array_sized_new (FALSE, FALSE, sizeof (guint64), (guint) (length / MKV_SHORT_ID_BYTES));
  for (gsize i = 0; i < length; i += MKV_SHORT_ID_BYTES)
    {
      guint64 short_id = mkv_short_id_read (octets + i);

      if (mkv_prefix_has_position (prefix, mkv_short_id_get_position (short_id)))
        g_array_append_val (theirs, short_id);
      else
        self->n_ignored++;
    }
  g_array_sort (theirs, compare_short_ids);
  mkv_tree_list (tree, prefix, mine);
  compare_lists (self, mine, theirs);
}

static gint
compare_prefixes (gconstpointer a, gconstpointer b)
{
  const MkvSyncPrefix *x = *(const MkvSyncPrefix **) a, *y = *(const MkvSyncPrefix **) b;

  return x->bits < y->bits ? -1 : x->bits > y->bits ? 1 : (gint) x->n_bits - (gint) y->n_bits;
}

/* Those with the same beginning lie together, the shortest first. */
static void
read_prefixes (MkvSyncAnswer *self, const MkvTree *tree, GPtrArray *prefixes)
{
  guint64 budget = MKV_READING_BUDGET;
  MkvPrefix last = MKV_PREFIX_ALL;

  g_ptr_array_sort (prefixes, compare_prefixes);
  for (guint i = 0; i < prefixes->len; i++)
    {
      const MkvSyncPrefix *item = prefixes->pdata[i];
      MkvPrefix prefix = { item->bits, item->n_bits };

      if (i > 0 && mkv_prefix_contains (last, prefix))
        {
          self->n_ignored++;
          continue;
        }
      last = prefix;
      if (item->depth > 0)
        read_cells (self, tree, item, &budget);
      else
        read_list (self, tree, item);
    }
}

/* One offer of theirs: they have a version with the digest and the time that it
 * tells, and know of mine. */
static void
read_offer (MkvSyncAnswer *self, const MkvSyncView *view, const guint8 *octets)
{
  guint64 mine = mkv_short_id_read (octets);
  g_autoptr (GPtrArray) entries = mkv_sync_view_get_entries (view, mine);
  guint64 theirs = mine & ~(guint64) G_MAXUINT32;
  gint64 timestamp = 0;

  for (guint i = 0; i < 4; i++)
    theirs |= (guint64) octets[MKV_SHORT_ID_BYTES + i] << (24 - 8 * i);
  for (guint i = 0; i < 7; i++)
    timestamp = timestamp << 8 | octets[MKV_SHORT_ID_BYTES + 4 + i];
  if (timestamp > MKV_MAX_TIMESTAMP)
    {
      self->n_ignored++;
      return;
    }
  for (guint i = 0; i < entries->len; i++)
    {
      if (mkv_entry_get_stamp (entries->pdata[i])->timestamp > timestamp)
        mkv_sync_answer_push_one (self, mine, TRUE);
      else if (!mkv_sync_view_is_future (view, timestamp))
        mkv_sync_answer_want (self, theirs);
      else
        {
          gint64 until = timestamp - view->skew_max_future;

          self->n_future++;
          self->until = self->until < 0 ? until : MIN (self->until, until);
          continue;
        }
      return;
    }
}

void
mkv_sync_turn_take (const MkvSyncView *view, GPtrArray *prefixes, const GByteArray *wants, const GByteArray *offers,
                    MkvSyncAnswer *answer)
{
  read_prefixes (answer, view->lock_tree (view->user_data), prefixes);
  view->unlock_tree (view->user_data);
  for (guint i = 0; i + MKV_SHORT_ID_BYTES <= wants->len; i += MKV_SHORT_ID_BYTES)
    mkv_sync_answer_push_one (answer, mkv_short_id_read (wants->data + i), TRUE);
  for (guint i = 0; i + MKV_OFFER_BYTES <= offers->len; i += MKV_OFFER_BYTES)
    read_offer (answer, view, offers->data + i);
  mkv_sync_answer_sort (answer);
}

static MkvSyncPrefix *
make_list (const MkvTree *tree, MkvPrefix prefix)
{
  g_autoptr (GArray) short_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GBytes) octets = NULL;
  guint8 *list;

  mkv_tree_list (tree, prefix, short_ids);
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

typedef struct
{
  MkvPrefix prefix;
  guint depth;
} Cells;

/* Two halves of a prefix whose cells are equally deep are one item with a bit
 * more: that saves a head. */
static void
add_cells (GArray *items, MkvPrefix prefix, guint depth)
{
  Cells cells = { prefix, depth };

  while (items->len > 0 && cells.depth < MKV_MAX_CELL_DEPTH && cells.prefix.length > 0)
    {
      const Cells *last = &g_array_index (items, Cells, items->len - 1);
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

static void
write_opened (const MkvTree *tree, const MkvSyncAnswer *answer, guint turn, MkvSyncMessage *message)
{
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (Cells));
  double n_entries = 0;
  guint depth;

  for (guint i = 0; i < answer->opened->len; i++)
    n_entries += (double) mkv_tree_count_prefix (tree, g_array_index (answer->opened, MkvPrefix, i));
  depth = mkv_sync_spread_choose_depth (&answer->spread, answer->opened->len,
                                        n_entries / MAX (answer->opened->len, 1), turn);
  for (guint i = 0; i < answer->opened->len; i++)
    {
      MkvPrefix prefix = g_array_index (answer->opened, MkvPrefix, i);
      guint e = MIN (depth, (guint) MKV_MAX_PREFIX_BITS - prefix.length);
      gsize limit = mkv_sync_get_cells_size (prefix.length, MAX (e, 2));

      if (e == 0 || mkv_sync_get_list_size (prefix.length, mkv_tree_count_prefix (tree, prefix)) <= limit)
        mkv_sync_message_add_prefix (message, make_list (tree, prefix));
      else
        add_cells (items, prefix, e);
    }
  for (guint i = 0; i < items->len; i++)
    {
      const Cells *cells = &g_array_index (items, Cells, i);

      mkv_sync_message_add_prefix (message, make_cells (tree, cells->prefix, cells->depth));
    }
}

static GBytes *
make_wants (const MkvSyncAnswer *answer)
{
  gsize length = (gsize) answer->wants->len * MKV_SHORT_ID_BYTES;
  guint8 *octets = g_malloc (length);

  for (guint i = 0; i < answer->wants->len; i++)
    mkv_short_id_write (g_array_index (answer->wants, guint64, i), octets + i * MKV_SHORT_ID_BYTES);
  return g_bytes_new_take (octets, length);
}

/* An entry that has gone meanwhile is not offered. */
static GBytes *
make_offers (const MkvSyncView *view, const MkvSyncAnswer *answer)
{
  GByteArray *offers = g_byte_array_new ();

  for (guint i = 0; i < answer->offers->len; i++)
    {
      const MkvSyncOffer *offer = &g_array_index (answer->offers, MkvSyncOffer, i);
      g_autoptr (GPtrArray) entries = mkv_sync_view_get_entries (view, offer->mine);
      guint8 octets[MKV_OFFER_BYTES];
      gint64 timestamp;

      if (entries->len == 0)
        continue;
      timestamp = mkv_entry_get_stamp (entries->pdata[0])->timestamp;
      mkv_short_id_write (offer->theirs, octets);
      memcpy (octets + MKV_SHORT_ID_BYTES, mkv_entry_peek_digest (entries->pdata[0]), 4);
      for (guint n = 0; n < 7; n++)
        octets[MKV_SHORT_ID_BYTES + 4 + n] = (guint8) (timestamp >> (48 - 8 * n));
      g_byte_array_append (offers, octets, sizeof octets);
    }
  return g_byte_array_free_to_bytes (offers);
}

void
mkv_sync_turn_write (const MkvSyncView *view, const MkvSyncAnswer *answer, guint turn, MkvSyncMessage *message)
{
  g_autoptr (GBytes) wants = make_wants (answer);
  g_autoptr (GBytes) offers = make_offers (view, answer);
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);

  write_opened (view->lock_tree (view->user_data), answer, turn, message);
  view->unlock_tree (view->user_data);
  for (guint i = 0; i < answer->missing->len; i++)
    {
      MkvPrefix prefix = g_array_index (answer->missing, MkvPrefix, i);

      mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (prefix.bits, prefix.length, 0, nothing));
    }
  if (g_bytes_get_size (wants) > 0)
    mkv_sync_message_set_want (message, wants);
  if (g_bytes_get_size (offers) > 0)
    mkv_sync_message_set_offer (message, offers);
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
