/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-sync-session-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "base/mkv-error.h"
#include "store/mkv-contents-private.h"
#include "sync/mkv-sync-sender-private.h"
#include "sync/mkv-sync-turn-private.h"
#include "sync/mkv-sync-walk-private.h"

/* How many winners a session tells: what else loses learns it in another. */
#define MAX_TOLD (65536)

/* After so many turns of the peer in which no entry went either way there is no
 * end to be expected: a prefix has 32 bits. */
#define MAX_IDLE_TURNS (64)

/* What a prefix of the peer takes beside its cells, as a rule. */
#define PREFIX_BYTES (64)

struct _MkvSyncSession
{
  char *id;
  char *peer;
  gboolean is_starter;
  MkvSyncFigures figures;
  MkvSyncEnd end;
  MkvSyncMessage *error;
  MkvSyncSender *sender;

  /* What both held when it began, and what the peer held last. */
  GBytes *first_root;
  GBytes *first_peer_root;
  GBytes *peer_root;
  gint64 peer_horizon;
  gint64 until; /* of this side, then of the peer; -1 */

  /* The peer's turn, as far as it is here. */
  MkvSyncHeard heard;
  gsize n_octets;
  gboolean is_part;   /* the message whose events are being applied has `more` */
  gboolean is_behind; /* the peer's horizon is below mine: nothing of its turn is read */

  guint n_idle; /* turns since an entry went either way, */
  guint64 n_moved; /* when so many had */

  MkvSyncTurn *turn;   /* the answer that is being made; NULL if none is */
  gboolean is_saying;  /* the sender reads the first part of an answer, */
  gboolean is_opening; /* which is the first of the session */

  GPtrArray *winners; /* keys still to be told */
  GHashTable *told;   /* keys told, these among them */

  MkvSyncWalk *walk;
  gboolean is_walking; /* it has nodes to read */
  MkvSyncAnswer found; /* by the walk */
};

gboolean
mkv_sync_session_is_answered (const MkvSyncMessage *message)
{
  MkvSyncOperation operation = mkv_sync_message_get_operation (message);

  return (operation == MKV_SYNC_OPERATION_SYNC && !mkv_sync_message_get_ack (message)) ||
         (operation == MKV_SYNC_OPERATION_NODES && mkv_sync_message_get_queries (message) != NULL);
}

MkvSyncSession *
mkv_sync_session_new (const char *id, const char *peer, gboolean starter)
{
  MkvSyncSession *self = g_new0 (MkvSyncSession, 1);

  self->id = g_strdup (id);
  self->peer = g_strdup (peer);
  self->is_starter = starter;
  self->sender = mkv_sync_sender_new (id, &self->figures);
  self->until = -1;
  self->peer_horizon = -1;
  mkv_sync_heard_init (&self->heard);
  self->winners = g_ptr_array_new_with_free_func (g_free);
  self->told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  mkv_sync_answer_init (&self->found);
  return self;
}

void
mkv_sync_session_free (MkvSyncSession *self)
{
  mkv_sync_sender_free (self->sender);
  mkv_sync_answer_clear (&self->found);
  g_clear_pointer (&self->walk, mkv_sync_walk_free);
  g_clear_pointer (&self->error, mkv_sync_message_unref);
  g_clear_pointer (&self->first_root, g_bytes_unref);
  g_clear_pointer (&self->first_peer_root, g_bytes_unref);
  g_clear_pointer (&self->peer_root, g_bytes_unref);
  mkv_sync_heard_clear (&self->heard);
  g_clear_pointer (&self->turn, mkv_sync_turn_free);
  g_ptr_array_unref (self->winners);
  g_hash_table_unref (self->told);
  g_free (self->id);
  g_free (self->peer);
  g_free (self);
}

const char *
mkv_sync_session_get_id (const MkvSyncSession *self)
{
  return self->id;
}

const char *
mkv_sync_session_get_peer (const MkvSyncSession *self)
{
  return self->peer;
}

gboolean
mkv_sync_session_is_starter (const MkvSyncSession *self)
{
  return self->is_starter;
}

const MkvSyncFigures *
mkv_sync_session_get_figures (const MkvSyncSession *self)
{
  return &self->figures;
}

MkvSyncEnd
mkv_sync_session_get_end (const MkvSyncSession *self)
{
  return self->end;
}

MkvSyncMessage *
mkv_sync_session_get_error (const MkvSyncSession *self)
{
  return self->error;
}

GBytes *
mkv_sync_session_get_peer_root (const MkvSyncSession *self)
{
  return self->peer_root;
}

gint64
mkv_sync_session_get_peer_horizon (const MkvSyncSession *self)
{
  return self->peer_horizon;
}

gint64
mkv_sync_session_get_until (const MkvSyncSession *self)
{
  return self->until;
}

static void
note_until (MkvSyncSession *self, gint64 until)
{
  if (until >= 0)
    self->until = self->until < 0 ? until : MIN (self->until, until);
}

static void
note_peer_root (MkvSyncSession *self, MkvSyncMessage *message)
{
  GBytes *root = g_bytes_ref (mkv_sync_message_get_root (message));

  if (self->first_peer_root == NULL)
    self->first_peer_root = g_bytes_ref (root);
  g_clear_pointer (&self->peer_root, g_bytes_unref);
  self->peer_root = root;
  self->peer_horizon = mkv_sync_message_get_horizon (message);
}

/* Whether this side goes down the trees: the roots are unequal, and nothing
 * explains it. @message has mine. */
static gboolean
has_to_walk (const MkvSyncSession *self, const MkvSyncMessage *message)
{
  const MkvSyncFigures *figures = &self->figures;
  GBytes *root = mkv_sync_message_get_root (message);

  return self->is_starter && !figures->nodes && self->until < 0 && self->peer_root != NULL &&
         self->peer_horizon == mkv_sync_message_get_horizon (message) &&
         !g_bytes_equal (root, self->peer_root) && g_bytes_equal (root, self->first_root) &&
         g_bytes_equal (self->peer_root, self->first_peer_root) && figures->n_applied == 0 &&
         figures->n_pushed == 0 && figures->n_withheld == 0 && figures->n_quarantined == 0 &&
         figures->n_too_large == 0;
}

/* Asks the next nodes; FALSE if the walk is over. */
static gboolean
walk_on (MkvSyncSession *self, const MkvSyncView *view)
{
  g_autoptr (MkvSyncMessage) message = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_NODES, self->id);

  if (!mkv_sync_walk_ask (self->walk, message))
    return FALSE;
  mkv_sync_sender_add (self->sender, g_steal_pointer (&message));
  self->figures.turns++;
  return TRUE;
}

/* Nothing more to say. */
static void
say_done (MkvSyncSession *self, const MkvSyncView *view, gboolean is_told)
{
  g_autoptr (MkvSyncMessage) message = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_DONE, self->id);
  GBytes *root = mkv_sync_message_get_root (message);

  if (has_to_walk (self, message))
    {
      self->figures.nodes = TRUE;
      self->walk = mkv_sync_walk_new ();
      walk_on (self, view);
      return;
    }
  self->end = MKV_SYNC_END_DONE;
  if (is_told)
    return;
  if (self->figures.n_withheld > 0)
    note_until (self, mkv_sync_message_get_timestamp (message) + MKV_SYNC_YOUNG_TIME);
  if (self->until >= 0 && (self->peer_root == NULL || !g_bytes_equal (root, self->peer_root)))
    mkv_sync_message_set_until (message, self->until);
  mkv_sync_sender_add (self->sender, g_steal_pointer (&message));
  self->figures.turns++;
}

/* Sends @message with what @answer pushes, when that was read. */
static void
say (MkvSyncSession *self, MkvSyncMessage *message, MkvSyncAnswer *answer)
{
  mkv_sync_sender_begin (self->sender, message, g_steal_pointer (&answer->pushes), self->winners);
  self->is_saying = TRUE;
}

/* Says that the peer should look at the whole. */
static void
say_whole (MkvSyncSession *self, const MkvSyncView *view)
{
  MkvSyncMessage *message = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id);
  MkvSyncAnswer nothing;

  mkv_sync_answer_init (&nothing);
  mkv_sync_turn_write_whole (view, MKV_SYNC_FIRST_DEPTH, message);
  say (self, message, &nothing);
  mkv_sync_answer_clear (&nothing);
}

static gboolean
is_saying_something (const MkvSyncSession *self)
{
  return self->turn != NULL || mkv_sync_sender_is_busy (self->sender);
}

static void
forget_turn (MkvSyncSession *self)
{
  mkv_sync_heard_clear (&self->heard);
  mkv_sync_heard_init (&self->heard);
  self->n_octets = 0;
  self->is_behind = FALSE;
}

/* The peer's turn is here: the answer to it is begun. */
static void
take_turn (MkvSyncSession *self, const MkvSyncView *view)
{
  /* A peer has its turn when mine has gone: this is one of another order, or
   * sent twice. */
  if (is_saying_something (self))
    {
      self->figures.n_ignored++;
      return;
    }
  if (self->n_moved != self->figures.n_applied + self->figures.n_pushed)
    self->n_idle = 0;
  self->n_moved = self->figures.n_applied + self->figures.n_pushed;
  self->figures.turns++;
  if (++self->n_idle > MAX_IDLE_TURNS)
    {
      self->figures.n_ignored++;
      self->end = MKV_SYNC_END_DONE;
      mkv_sync_sender_add (self->sender, mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_DONE, self->id));
    }
  else if (self->is_behind)
    say_whole (self, view);
  else
    self->turn = mkv_sync_turn_new (mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id),
                                    self->figures.turns, &self->heard);
}

void
mkv_sync_session_start (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *root)
{
  MkvSyncMessage *message = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id);

  g_clear_pointer (&self->first_root, g_bytes_unref);
  self->first_root = g_bytes_ref (mkv_sync_message_get_root (message));
  self->is_opening = TRUE;
  if (root != NULL)
    note_peer_root (self, root);
  if (root == NULL || mkv_sync_message_get_count (message) == 0 ||
      mkv_sync_message_get_horizon (root) != mkv_sync_message_get_horizon (message))
    {
      mkv_sync_message_unref (message);
      say_whole (self, view);
    }
  else
    self->turn = mkv_sync_turn_new_for_root (
      message, mkv_cell_read (g_bytes_get_data (mkv_sync_message_get_cell (root), NULL)));
}

/* The answer is made, but for the entries in it. */
static void
end_turn (MkvSyncSession *self)
{
  MkvSyncTurn *turn = g_steal_pointer (&self->turn);
  MkvSyncAnswer *answer = mkv_sync_turn_get_answer (turn);

  /* Of a ROOT, nothing is closed by it yet. */
  self->figures.progress += self->is_opening ? 0 : answer->n_closed;
  self->figures.n_ignored += answer->n_ignored;
  self->figures.n_quarantined += answer->n_future;
  note_until (self, answer->until);
  say (self, mkv_sync_turn_steal_message (turn), answer);
  mkv_sync_turn_free (turn);
}

/* So are they. */
static void
end_saying (MkvSyncSession *self, const MkvSyncView *view)
{
  gboolean is_opening = self->is_opening;

  self->is_saying = self->is_opening = FALSE;
  if (!mkv_sync_sender_drop_empty (self->sender))
    self->figures.turns++;
  else if (is_opening)
    /* The one entry is young, or has gone: what else is there? */
    say_whole (self, view);
  else
    say_done (self, view, FALSE);
}

/* Adds what a part of a turn has to the parts before. */
static void
hear_part (MkvSyncSession *self, MkvSyncMessage *message)
{
  GPtrArray *arrays[] = { mkv_sync_message_get_cells (message), mkv_sync_message_get_lists (message) };
  GBytes *wants = mkv_sync_message_get_want (message), *offers = mkv_sync_message_get_offer (message);

  for (guint a = 0; a < G_N_ELEMENTS (arrays); a++)
    for (guint i = 0; arrays[a] != NULL && i < arrays[a]->len; i++)
      {
        const MkvSyncPrefix *prefix = arrays[a]->pdata[i];

        self->n_octets += g_bytes_get_size (prefix->octets) + PREFIX_BYTES;
        if (self->n_octets <= MKV_SYNC_MAX_TURN_BYTES)
          g_ptr_array_add (self->heard.prefixes, mkv_sync_prefix_copy (prefix));
        else
          self->figures.n_ignored++;
      }
  self->n_octets += (wants != NULL ? g_bytes_get_size (wants) : 0) + (offers != NULL ? g_bytes_get_size (offers) : 0);
  if (self->n_octets > MKV_SYNC_MAX_TURN_BYTES)
    {
      self->figures.n_ignored++;
      return;
    }
  if (wants != NULL)
    g_byte_array_append (self->heard.wants, g_bytes_get_data (wants, NULL), (guint) g_bytes_get_size (wants));
  if (offers != NULL)
    g_byte_array_append (self->heard.offers, g_bytes_get_data (offers, NULL), (guint) g_bytes_get_size (offers));
}

/* The events that may be applied; NULL if there are none. */
static GPtrArray *
choose_events (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message)
{
  GPtrArray *events = mkv_sync_message_get_events (message);
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  for (guint i = 0; events != NULL && i < events->len; i++)
    {
      gint64 timestamp = mkv_entry_get_stamp (events->pdata[i])->timestamp;

      if (mkv_sync_view_is_future (view, timestamp))
        {
          self->figures.n_quarantined++;
          note_until (self, timestamp - view->skew_max_future);
        }
      else
        g_ptr_array_add (chosen, mkv_entry_ref (events->pdata[i]));
    }
  return chosen->len > 0 ? g_steal_pointer (&chosen) : NULL;
}

/* A time of a clock, which may be any. */
static char *
describe_time (gint64 ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (ms / 1000);

  return time != NULL ? g_date_time_format_iso8601 (time) : g_strdup_printf ("%" PRId64 " ms", ms);
}

/* Brings both horizons together; FALSE if the session is over by that. */
static gboolean
compare_horizons (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message, gboolean *is_behind)
{
  gint64 theirs = mkv_sync_message_get_horizon (message), mine = view->get_horizon (view->user_data);
  gint64 now = view->get_time (view->user_data);
  g_autofree char *their_clock = NULL, *my_clock = NULL, *text = NULL;
  MkvSyncMessage *error;

  *is_behind = theirs < mine;
  if (theirs <= mine)
    return TRUE;
  if (theirs <= mkv_horizon_get_greatest (now))
    {
      view->raise_horizon (theirs, view->user_data);
      return TRUE;
    }
  their_clock = describe_time (mkv_sync_message_get_timestamp (message));
  my_clock = describe_time (now);
  text = g_strdup_printf (_("The horizon is later than this clock allows: it is %s there, and %s here"), their_clock,
                          my_clock);
  error = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_ERROR, self->id);
  mkv_sync_message_set_error (error, MKV_ERROR_CODE_INVALID_REQUEST, text);
  mkv_sync_sender_add (self->sender, error);
  self->end = MKV_SYNC_END_HORIZON;
  return FALSE;
}

static GPtrArray *
receive_sync (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message)
{
  GPtrArray *events = NULL;
  gboolean is_behind;

  if (mkv_sync_message_get_ack (message))
    {
      if (mkv_sync_sender_acknowledge (self->sender))
        self->figures.progress++;
      else
        self->figures.n_ignored++;
      return NULL;
    }
  if (!compare_horizons (self, view, message, &is_behind))
    return NULL;
  self->is_part = mkv_sync_message_get_more (message);
  self->is_behind |= is_behind;
  if (!is_behind)
    {
      hear_part (self, message);
      events = choose_events (self, view, message);
    }
  if (events == NULL)
    mkv_sync_session_applied (self, view, 0, NULL);
  return events;
}

static void
receive_nodes (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message)
{
  MkvSyncMessage *answer;
  gboolean is_behind;

  if (!compare_horizons (self, view, message, &is_behind))
    return;
  if (mkv_sync_message_get_queries (message) != NULL)
    {
      self->figures.turns += 2;
      answer = mkv_sync_view_make_message (view, is_behind ? MKV_SYNC_OPERATION_SYNC : MKV_SYNC_OPERATION_NODES,
                                           self->id);
      if (is_behind)
        mkv_sync_turn_write_whole (view, MKV_SYNC_FIRST_DEPTH, answer);
      else
        mkv_sync_walk_answer (view, message, answer);
      mkv_sync_sender_add (self->sender, answer);
      return;
    }
  if (self->walk == NULL || is_behind)
    {
      self->figures.n_ignored++;
      return;
    }
  self->figures.turns++;
  mkv_sync_walk_hear (self->walk, message, &self->found);
  self->figures.progress++;
  self->is_walking = TRUE;
}

/* What the peer told has been read: there are more questions, or an answer. */
static void
end_step (MkvSyncSession *self, const MkvSyncView *view)
{
  self->is_walking = FALSE;
  if (walk_on (self, view))
    return;
  g_clear_pointer (&self->walk, mkv_sync_walk_free);
  if (is_saying_something (self))
    self->figures.n_ignored += self->found.n_ignored;
  else
    self->turn = mkv_sync_turn_new_for_answer (mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id),
                                               self->figures.turns, &self->found);
}

GPtrArray *
mkv_sync_session_receive (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message, gsize octets)
{
  self->figures.messages_received++;
  self->figures.octets_received += octets;
  if (self->end != MKV_SYNC_END_NOT_YET)
    {
      self->figures.n_ignored++;
      return NULL;
    }
  note_peer_root (self, message);
  switch (mkv_sync_message_get_operation (message))
    {
    case MKV_SYNC_OPERATION_SYNC:
      return receive_sync (self, view, message);

    case MKV_SYNC_OPERATION_NODES:
      receive_nodes (self, view, message);
      return NULL;

    case MKV_SYNC_OPERATION_DONE:
      self->figures.turns++;
      note_until (self, mkv_sync_message_get_until (message));
      say_done (self, view, TRUE);
      return NULL;

    case MKV_SYNC_OPERATION_ERROR:
      self->end = MKV_SYNC_END_ERROR;
      self->error = mkv_sync_message_ref (message);
      return NULL;

    case MKV_SYNC_OPERATION_ROOT:
    case MKV_SYNC_OPERATION_CLAIM:
    default:
      self->figures.n_ignored++;
      return NULL;
    }
}

void
mkv_sync_session_applied (MkvSyncSession *self, const MkvSyncView *view, guint n_changed, GPtrArray *winners)
{
  self->figures.n_applied += n_changed;
  self->figures.progress += n_changed;
  for (guint i = 0; winners != NULL && i < winners->len; i++)
    {
      const char *key = mkv_entry_get_key (winners->pdata[i]);

      if (g_hash_table_size (self->told) >= MAX_TOLD)
        self->figures.n_ignored++;
      else if (g_hash_table_add (self->told, g_strdup (key)))
        g_ptr_array_add (self->winners, g_strdup (key));
    }
  if (self->is_part)
    {
      MkvSyncMessage *message = mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id);

      mkv_sync_message_set_ack (message, TRUE);
      mkv_sync_sender_add (self->sender, message);
      return;
    }
  take_turn (self, view);
  forget_turn (self);
}

gboolean
mkv_sync_session_is_busy (const MkvSyncSession *self)
{
  return self->end == MKV_SYNC_END_NOT_YET &&
         (self->is_walking || self->turn != NULL || !mkv_sync_sender_is_full (self->sender));
}

/* Does a piece of the work that there is; whether that is all. */
static gboolean
work (MkvSyncSession *self, const MkvSyncView *view)
{
  if (self->is_walking)
    {
      if (!mkv_sync_walk_step (self->walk, view, &self->found))
        return FALSE;
      end_step (self, view);
    }
  if (self->turn != NULL)
    {
      if (!mkv_sync_turn_step (self->turn, view))
        return FALSE;
      end_turn (self);
    }
  while (!mkv_sync_sender_is_full (self->sender) || self->is_saying)
    {
      if (!mkv_sync_sender_fill (self->sender, view))
        return FALSE;
      if (self->is_saying)
        end_saying (self, view);
    }
  return TRUE;
}

GBytes *
mkv_sync_session_next (MkvSyncSession *self, const MkvSyncView *view, MkvCodec *codec, gsize max_bytes)
{
  if (mkv_sync_session_is_busy (self) && !work (self, view))
    return NULL;
  return mkv_sync_sender_next (self->sender, view, codec, max_bytes);
}
