/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-turn-core-private.h"

/* Where a list is this much shorter than what is here, more cells say more. */
#define MAX_LISTED_PUSHES (65536)

void
mkv_sync_heard_init (MkvSyncHeard *self)
{
  self->prefixes = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_sync_prefix_free);
  self->wants = g_byte_array_new ();
  self->offers = g_byte_array_new ();
}

void
mkv_sync_heard_clear (MkvSyncHeard *self)
{
  g_clear_pointer (&self->prefixes, g_ptr_array_unref);
  g_clear_pointer (&self->wants, g_byte_array_unref);
  g_clear_pointer (&self->offers, g_byte_array_unref);
}

static MkvSyncTurn *
turn_new (MkvSyncMessage *message, guint number)
{
  MkvSyncTurn *self = g_new0 (MkvSyncTurn, 1);

  self->message = message;
  self->number = number;
  self->last = MKV_PREFIX_ALL;
  self->budget = MKV_READING_BUDGET;
  self->offers = g_byte_array_new ();
  self->cells = g_array_new (FALSE, FALSE, sizeof (MkvSyncCells));
  mkv_sync_heard_init (&self->heard);
  mkv_sync_answer_init (&self->answer);
  return self;
}

void
mkv_sync_turn_free (MkvSyncTurn *self)
{
  mkv_sync_sort_clear (&self->sort);
  mkv_sync_heard_clear (&self->heard);
  mkv_sync_answer_clear (&self->answer);
  g_clear_pointer (&self->message, mkv_sync_message_unref);
  g_byte_array_unref (self->offers);
  g_array_unref (self->cells);
  g_free (self);
}

MkvSyncAnswer *
mkv_sync_turn_get_answer (MkvSyncTurn *self)
{
  return &self->answer;
}

MkvSyncMessage *
mkv_sync_turn_steal_message (MkvSyncTurn *self)
{
  return g_steal_pointer (&self->message);
}

/* Reading. */

static void
take_reading (MkvSyncAnswer *self, MkvPrefix prefix, MkvReading reading)
{
  switch (reading.what)
    {
    case MKV_READING_EQUAL:
      break;

    case MKV_READING_PUSH_ALL:
      mkv_sync_answer_push_all (self, prefix);
      break;

    case MKV_READING_WANT_ALL:
      mkv_sync_answer_miss (self, prefix);
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
      mkv_sync_answer_open (self, prefix);
      return;

    default:
      g_assert_not_reached ();
    }
  self->n_closed++;
}

/* Goes on with the search that there is; whether that is over. */
static gboolean
search_on (MkvSyncTurn *self, const MkvTree *tree, gint64 *work, MkvReading *reading)
{
  guint64 n = (guint64) MAX (*work, 1);

  self->is_searching = !mkv_reading_search (tree, &self->search, &n, reading);
  *work -= (gint64) n;
  return !self->is_searching;
}

/* Whether all cells have been read. */
static gboolean
read_cells (MkvSyncTurn *self, const MkvTree *tree, const MkvSyncPrefix *cells, gint64 *work)
{
  MkvPrefix prefix = { cells->bits, cells->n_bits };
  const guint8 *octets = g_bytes_get_data (cells->octets, NULL);
  guint n_cells = 1u << cells->depth;
  MkvCell mine[1 << MKV_MAX_CELL_DEPTH];

  mkv_tree_get_cells (tree, prefix, cells->depth, mine);
  *work -= MKV_SYNC_WORK_LOOKUP;
  while (self->next_cell < n_cells && *work > 0)
    {
      guint i = self->next_cell;
      MkvPrefix child = mkv_prefix_get_child (prefix, cells->depth, i);
      MkvCell theirs = mkv_cell_read (octets + i * MKV_CELL_BYTES);
      MkvReading reading;

      *work -= MKV_SYNC_WORK_CELL;
      if (!self->is_searching &&
          !mkv_reading_begin (tree, child, mine[i], theirs, &self->budget, &reading, &self->search))
        self->is_searching = TRUE;
      if (self->is_searching && !search_on (self, tree, work, &reading))
        break;
      mkv_sync_spread_add (&self->answer.spread, reading.what, mine[i], theirs);
      take_reading (&self->answer, child, reading);
      self->next_cell++;
    }
  return self->next_cell == n_cells;
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

/* One list is read at once: it came in one payload, and more than so many entries
 * are not compared with it. */
static void
read_list (MkvSyncTurn *self, const MkvTree *tree, const MkvSyncPrefix *list, gint64 *work)
{
  MkvPrefix prefix = { list->bits, list->n_bits };
  gsize length;
  const guint8 *octets = g_bytes_get_data (list->octets, &length);
  g_autoptr (GArray) mine = NULL;
  g_autoptr (GArray) theirs = NULL;

  *work -= MKV_SYNC_WORK_LOOKUP;
  if (length == 0)
    {
      self->answer.n_closed++;
      mkv_sync_answer_push_all (&self->answer, prefix);
      return;
    }
  if (mkv_tree_count_prefix (tree, prefix) > length / MKV_SHORT_ID_BYTES + MAX_LISTED_PUSHES)
    {
      mkv_sync_answer_open (&self->answer, prefix);
      return;
    }
  self->answer.n_closed++;
  mine = g_array_new (FALSE, FALSE, sizeof (guint64));
  theirs = g_array_sized_new (FALSE, FALSE, sizeof (guint64), (guint) (length / MKV_SHORT_ID_BYTES));
  for (gsize i = 0; i < length; i += MKV_SHORT_ID_BYTES)
    {
      guint64 short_id = mkv_short_id_read (octets + i);

      if (mkv_prefix_has_position (prefix, mkv_short_id_get_position (short_id)))
        g_array_append_val (theirs, short_id);
      else
        self->answer.n_ignored++;
    }
  g_array_sort (theirs, compare_short_ids);
  mkv_tree_list (tree, prefix, mine);
  compare_lists (&self->answer, mine, theirs);
  *work -= MKV_SYNC_WORK_SHORT_ID * (gint64) (mine->len + 4 * theirs->len);
}

static gint
compare_prefixes (gconstpointer a, gconstpointer b)
{
  const MkvSyncPrefix *x = *(const MkvSyncPrefix **) a, *y = *(const MkvSyncPrefix **) b;

  return x->bits < y->bits ? -1 : x->bits > y->bits ? 1 : (gint) x->n_bits - (gint) y->n_bits;
}

static gboolean
sort_on (MkvSyncTurn *self, gint64 *work)
{
  guint n = (guint) CLAMP (*work / MKV_SYNC_WORK_SHORT_ID, 1, G_MAXINT);
  gboolean is_done = mkv_sync_sort_step (&self->sort, n);

  if (is_done)
    mkv_sync_sort_clear (&self->sort);
  else
    *work = 0;
  return is_done;
}

/* Those with the same beginning lie together then, the shortest first. */
static gboolean
sort_prefixes (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  GPtrArray *prefixes = self->heard.prefixes;

  if (self->next++ == 0)
    mkv_sync_sort_init (&self->sort, prefixes->pdata, prefixes->len, sizeof (gpointer), compare_prefixes);
  return sort_on (self, work);
}

static gboolean
read_prefixes (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  GPtrArray *prefixes = self->heard.prefixes;
  const MkvTree *tree = view->lock_tree (view->user_data);

  while (self->next < prefixes->len && *work > 0)
    {
      const MkvSyncPrefix *item = prefixes->pdata[self->next];
      MkvPrefix prefix = { item->bits, item->n_bits };

      if (self->next > 0 && self->next_cell == 0 && !self->is_searching && mkv_prefix_contains (self->last, prefix))
        {
          self->answer.n_ignored++;
          self->next++;
          *work -= MKV_SYNC_WORK_SHORT_ID;
          continue;
        }
      if (item->depth > 0 && !read_cells (self, tree, item, work))
        break;
      if (item->depth == 0)
        read_list (self, tree, item, work);
      self->last = prefix;
      self->next_cell = 0;
      self->next++;
    }
  view->unlock_tree (view->user_data);
  return self->next == prefixes->len;
}

static gboolean
read_root (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const MkvTree *tree;
  MkvReading reading;
  gboolean is_read;

  if (!self->is_root)
    return TRUE;
  tree = view->lock_tree (view->user_data);
  is_read = !self->is_searching &&
            mkv_reading_begin (tree, MKV_PREFIX_ALL, mkv_tree_get_cell (tree, MKV_PREFIX_ALL), self->theirs,
                               &self->budget, &reading, &self->search);
  if (!is_read)
    is_read = search_on (self, tree, work, &reading);
  view->unlock_tree (view->user_data);
  if (!is_read)
    return FALSE;
  if (reading.what == MKV_READING_PUSH_ONE || reading.what == MKV_READING_WANT_ONE ||
      reading.what == MKV_READING_TWO_VERSIONS)
    take_reading (&self->answer, MKV_PREFIX_ALL, reading);
  else
    mkv_sync_turn_write_whole (view, MKV_SYNC_FIRST_DEPTH, self->message);
  return TRUE;
}

static gboolean
read_wants (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GByteArray *wants = self->heard.wants;

  for (; self->next + MKV_SHORT_ID_BYTES <= wants->len && *work > 0; self->next += MKV_SHORT_ID_BYTES)
    {
      mkv_sync_answer_push_one (&self->answer, mkv_short_id_read (wants->data + self->next), TRUE);
      *work -= MKV_SYNC_WORK_SHORT_ID;
    }
  return self->next + MKV_SHORT_ID_BYTES > wants->len;
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

static gboolean
read_offers (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  const GByteArray *offers = self->heard.offers;

  for (; self->next + MKV_OFFER_BYTES <= offers->len && *work > 0; self->next += MKV_OFFER_BYTES)
    {
      read_offer (&self->answer, view, offers->data + self->next);
      *work -= MKV_SYNC_WORK_ENTRY;
    }
  return self->next + MKV_OFFER_BYTES > offers->len;
}

/* Pushes. */

static gboolean
sort_pushes (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  GArray *pushes = self->answer.pushes;

  if (self->next++ == 0)
    mkv_sync_sort_init (&self->sort, pushes->data, pushes->len, sizeof (MkvSyncPush), mkv_sync_answer_compare_pushes);
  return sort_on (self, work);
}

/* What is wanted a thousand times is sent once. */
static gboolean
drop_same_pushes (MkvSyncTurn *self, const MkvSyncView *view, gint64 *work)
{
  MkvSyncPush *pushes = (MkvSyncPush *) (gpointer) self->answer.pushes->data;

  for (; self->next < self->answer.pushes->len && *work > 0; self->next++)
    {
      const MkvSyncPush *push = &pushes[self->next];

      if (self->n_kept == 0 || pushes[self->n_kept - 1].start != push->start ||
          pushes[self->n_kept - 1].length != push->length)
        pushes[self->n_kept++] = *push;
      *work -= MKV_SYNC_WORK_SHORT_ID;
    }
  if (self->next < self->answer.pushes->len)
    return FALSE;
  g_array_set_size (self->answer.pushes, self->n_kept);
  return TRUE;
}

static const MkvSyncStage stages[] = {
  sort_prefixes,
  read_prefixes,
  read_root,
  read_wants,
  read_offers,
  sort_pushes,
  drop_same_pushes,
  mkv_sync_turn_write_offers,
  mkv_sync_turn_count_opened,
  mkv_sync_turn_write_opened,
  mkv_sync_turn_write_cells,
  mkv_sync_turn_write_missing,
};

MkvSyncTurn *
mkv_sync_turn_new (MkvSyncMessage *message, guint number, MkvSyncHeard *heard)
{
  MkvSyncTurn *self = turn_new (message, number);
  MkvSyncHeard nothing = self->heard;

  self->heard = *heard;
  *heard = nothing;
  return self;
}

MkvSyncTurn *
mkv_sync_turn_new_for_root (MkvSyncMessage *message, MkvCell theirs)
{
  MkvSyncTurn *self = turn_new (message, 1);

  self->is_root = TRUE;
  self->theirs = theirs;
  return self;
}

MkvSyncTurn *
mkv_sync_turn_new_for_answer (MkvSyncMessage *message, guint number, MkvSyncAnswer *answer)
{
  MkvSyncTurn *self = turn_new (message, number);
  MkvSyncAnswer nothing = self->answer;

  self->answer = *answer;
  *answer = nothing;
  return self;
}

gboolean
mkv_sync_turn_step (MkvSyncTurn *self, const MkvSyncView *view)
{
  gint64 work = MKV_SYNC_WORK_AT_ONCE;

  while (self->stage < G_N_ELEMENTS (stages) && work > 0)
    if (stages[self->stage](self, view, &work))
      {
        self->stage++;
        self->next = 0;
      }
  return self->stage == G_N_ELEMENTS (stages);
}
