/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-syncer-core-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-store-private.h"

/* In us. */
#define MAX_KNOWN_TIME (24 * 3600 * (gint64) G_USEC_PER_SEC)

/* Sessions answered at once. */
#define MAX_ANSWERED 4

/* A session of a stranger that made no progress for so long gives way to one of
 * a peer that is known. In us. */
#define GIVE_WAY_TIME (1 * G_USEC_PER_SEC)

/* Sessions refused in a second that are told so. */
#define MAX_REFUSALS 50

/* Messages of a session that wait until what came before is in the store: four
 * parts of a turn, and what belongs to nothing. */
#define MAX_WAITING 8

/* What is sent in one go: then others have their turn. */
#define SENT_AT_ONCE (32 * 1024)

/* A session that brought more than that is not told to others. */
#define MAX_PUBLISHED 4096
#define MAX_PUBLISHED_BYTES (8 * 1024 * 1024)

static void pump (MkvSyncerSession *session);

static void
handle (MkvMessage **mqtt)
{
  g_autoptr (MkvMessage) message = g_steal_pointer (mqtt);

  if (message != NULL)
    mkv_message_handled (message);
}

static void
arrival_free (gpointer data)
{
  MkvSyncerArrival *arrival = data;

  handle (&arrival->mqtt);
  mkv_sync_message_unref (arrival->message);
  g_free (arrival);
}

void
mkv_syncer_session_unref (gpointer data)
{
  MkvSyncerSession *session = data;

  if (--session->ref_count > 0)
    return;
  mkv_sync_session_free (session->session);
  g_queue_clear_full (&session->waiting, arrival_free);
  g_clear_pointer (&session->brought, g_ptr_array_unref);
  g_free (session->name);
  g_free (session);
}

/* Sessions. */

/* NULL where whoever is told of it ends it at once. */
static MkvSyncerSession *
session_new (MkvSyncer *self, const char *id, const char *peer, gboolean starter)
{
  MkvSyncerSession *session = g_new0 (MkvSyncerSession, 1);

  session->ref_count = 1;
  session->syncer = self;
  session->session = mkv_sync_session_new (id, peer, starter);
  session->name = g_strconcat (peer, "\n", id, NULL);
  session->brought = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  session->progress_at = mkv_syncer_get_now (self);
  mkv_contents_get_root (self->contents, session->first_root);
  g_hash_table_insert (self->sessions, session->name, session);
  if (starter)
    {
      self->started = session;
      mkv_sync_schedule_set_busy (self->schedule, TRUE);
    }
  else
    self->n_answered++;
  session->ref_count++;
  g_signal_emit (self, mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_STARTED], 0, peer, starter);
  if (session->syncer == NULL)
    {
      mkv_syncer_session_unref (session);
      return NULL;
    }
  session->ref_count--;
  return session;
}

/* What it brought may be what others lack who were where this node was. */
static void
publish_brought (MkvSyncer *self, MkvSyncerSession *session)
{
  static const guint8 empty[MKV_DIGEST_BYTES];
  gint64 since = mkv_syncer_get_now (self) - 2 * self->max_interval;

  if (self->publish != NULL && session->brought != NULL && session->brought->len > 0 &&
      memcmp (session->first_root, empty, sizeof empty) != 0 &&
      mkv_sync_contacts_has_root (self->peers, session->first_root, since,
                               mkv_sync_session_get_peer (session->session)))
    self->publish (session->brought, self->publish_data);
}

static const char *
explain (const MkvSyncFigures *figures, MkvSyncSession *session)
{
  switch (mkv_sync_session_get_end (session))
    {
    case MKV_SYNC_END_NOT_YET:
      return _("its last session ended without an answer");
    case MKV_SYNC_END_ERROR:
      return _("it refused the last session");
    case MKV_SYNC_END_HORIZON:
      return _("its clock and this node's differ too much");
    case MKV_SYNC_END_DONE:
    default:
      if (figures->n_quarantined > 0)
        return _("entries with a time too far in the future are left out");
      if (figures->n_withheld > 0)
        return _("entries were just written, and are on their way as events");
      if (figures->n_too_large > 0)
        return _("entries are too large for the connection");
      return _("contents changed while they were compared");
    }
}

static void
note_end (MkvSyncer *self, MkvSyncContact *peer, gboolean of_use, const guint8 *mine, const guint8 *theirs)
{
  gint64 now = mkv_syncer_get_now (self);

  mkv_sync_schedule_session_ended (self->schedule, now, peer->client_id, of_use, mine, theirs);
  mkv_syncer_set_mark (self, peer, MKV_SYNC_MARK_ALONE,
                       mkv_sync_schedule_is_left_alone (self->schedule, now, peer->client_id, mine, theirs));
}

static void
settle_roots (MkvSyncer *self, MkvSyncerSession *session, MkvSyncContact *peer)
{
  const MkvSyncFigures *figures = mkv_sync_session_get_figures (session->session);
  MkvSyncMessage *error = mkv_sync_session_get_error (session->session);
  GBytes *root = mkv_sync_session_get_peer_root (session->session);
  gint64 until = mkv_sync_session_get_until (session->session);
  gint64 now = mkv_syncer_get_now (self);
  guint8 mine[MKV_DIGEST_BYTES];
  const guint8 *theirs;
  MkvContentsState state;
  gboolean of_use;

  mkv_contents_get_root (self->contents, mine);
  if (root == NULL)
    {
      mkv_syncer_set_equal (self, peer, FALSE, explain (figures, session->session));
      /* Who announces and does not answer is not asked for ever. */
      if (mkv_router_is_connected (self->router) && peer->root != NULL)
        note_end (self, peer, FALSE, mine, g_bytes_get_data (mkv_sync_message_get_root (peer->root), NULL));
      return;
    }
  mkv_contents_get_state (self->contents, &state);
  if (mkv_sync_session_get_end (session->session) == MKV_SYNC_END_DONE &&
      mkv_sync_session_get_peer_horizon (session->session) != state.horizon)
    {
      /* Neither equal nor different: whoever is behind has to hear of it. */
      mkv_syncer_set_equal (self, peer, FALSE, explain (figures, session->session));
      mkv_sync_schedule_fall_back (self->schedule, now);
      return;
    }
  theirs = g_bytes_get_data (root, NULL);
  if (memcmp (mine, theirs, sizeof mine) == 0)
    {
      mkv_syncer_set_equal (self, peer, TRUE, NULL);
      note_end (self, peer, TRUE, mine, theirs);
      mkv_syncer_note_equal (self);
      return;
    }
  mkv_syncer_set_equal (self, peer, FALSE, explain (figures, session->session));
  if (until > mkv_clock_get_time (self->clock))
    mkv_sync_schedule_remember (self->schedule, mine, theirs,
                                now + MIN ((until - mkv_clock_get_time (self->clock)) * 1000, MAX_KNOWN_TIME));
  of_use = figures->n_applied + figures->n_pushed > 0 ||
           (error != NULL && mkv_sync_message_get_error_code (error) == MKV_ERROR_CODE_RATE_LIMITED);
  note_end (self, peer, of_use, mine, theirs);
}

static void
update_conditions (MkvSyncer *self, MkvSyncerSession *session, MkvSyncContact *peer)
{
  const MkvSyncFigures *figures = mkv_sync_session_get_figures (session->session);
  MkvSyncMessage *error = mkv_sync_session_get_error (session->session);

  if (figures->n_ignored > 0)
    mkv_observer_count (self->observer, MKV_COUNTER_SYNC_IGNORED, (guint) figures->n_ignored);
  if (figures->n_too_large > 0)
    mkv_observer_set_condition (self->observer, "sync-too-large", MKV_HEALTH_DEGRADED,
                                g_dngettext (GETTEXT_PACKAGE,
                                             "%" PRIu64 " entry is too large for this connection and stays away "
                                             "from %s: raise the broker's limit for a packet",
                                             "%" PRIu64 " entries are too large for this connection and stay away "
                                             "from %s: raise the broker's limit for a packet",
                                             (gulong) figures->n_too_large),
                                figures->n_too_large, peer->client_id);
  else if (peer->equal)
    mkv_observer_clear_condition (self->observer, "sync-too-large");
  if (mkv_sync_session_get_end (session->session) == MKV_SYNC_END_HORIZON ||
      (error != NULL && mkv_syncer_is_too_late (self, error)))
    mkv_syncer_set_mark (self, peer, MKV_SYNC_MARK_CLOCK, TRUE);
  else if (peer->equal)
    mkv_syncer_set_mark (self, peer, MKV_SYNC_MARK_CLOCK, FALSE);
}

static void
finish (MkvSyncerSession *session)
{
  g_autoptr (MkvSyncer) self = g_object_ref (session->syncer);
  const MkvSyncFigures *figures = mkv_sync_session_get_figures (session->session);
  const char *client_id = mkv_sync_session_get_peer (session->session);
  gboolean was_stopped = self->stopped;
  MkvSyncContact *peer;
  gboolean equal;

  session->ref_count++;
  if (self->started == session)
    {
      self->started = NULL;
      mkv_sync_schedule_set_busy (self->schedule, FALSE);
    }
  else
    self->n_answered--;
  g_hash_table_remove (self->sessions, session->name);
  session->syncer = NULL;
  if (session->is_waiting)
    g_queue_remove (&self->busy, session);
  if (self->worker != NULL && g_queue_is_empty (&self->busy))
    {
      g_source_destroy (self->worker);
      g_clear_pointer (&self->worker, g_source_unref);
    }
  mkv_observer_count (self->observer, MKV_COUNTER_SYNC_SESSIONS, 1);
  /* Whoever said nothing may not even exist. */
  if (figures->messages_received > 0)
    peer = mkv_syncer_hear (self, client_id);
  else
    peer = mkv_sync_contacts_look_up (self->peers, client_id);
  if (peer != NULL)
    {
      mkv_sync_contact_note_session (peer, figures);
      settle_roots (self, session, peer);
      update_conditions (self, session, peer);
    }
  equal = peer != NULL && peer->equal;
  publish_brought (self, session);
  for (GList *l = self->requests.head; l != NULL; l = l->next)
    if (((MkvSyncerRequest *) l->data)->asked && g_strcmp0 (((MkvSyncerRequest *) l->data)->peer, client_id) == 0)
      ((MkvSyncerRequest *) l->data)->ended = TRUE;
  /* Nobody is told any more where that was stopped by who was told of the roots. */
  if (self->stopped == was_stopped)
    g_signal_emit (self, mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_ENDED], 0, client_id, figures->n_applied,
                   equal);
  mkv_syncer_session_unref (session);
  mkv_syncer_look_at_requests (self);
}

static void
keep_brought (MkvSyncerSession *session, GPtrArray *applied)
{
  if (session->brought == NULL || applied == NULL)
    return;
  for (guint i = 0; i < applied->len; i++)
    {
      gsize length;

      mkv_entry_peek_value (applied->pdata[i], &length);
      session->n_brought += length;
    }
  if (session->brought->len + applied->len > MAX_PUBLISHED || session->n_brought > MAX_PUBLISHED_BYTES)
    g_clear_pointer (&session->brought, g_ptr_array_unref);
  else
    for (guint i = 0; i < applied->len; i++)
      g_ptr_array_add (session->brought, mkv_entry_ref (applied->pdata[i]));
}

static void
on_applied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvSyncerSession *session = user_data;
  g_autoptr (MkvSyncer) self = session->syncer != NULL ? g_object_ref (session->syncer) : NULL;
  MkvWrite *write = mkv_store_submit_finish (MKV_STORE (source), result);

  session->is_applying = FALSE;
  handle (&session->applying);
  if (self != NULL && write->error == NULL)
    {
      self->n_applied += write->n_applied;
      mkv_observer_count (self->observer, MKV_COUNTER_SYNC_APPLIED, write->n_applied);
      keep_brought (session, write->applied);
      mkv_sync_session_applied (session->session, &self->view, write->n_applied, write->winners);
      pump (session);
    }
  else if (self != NULL)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_EVENTS_NOT_STORED,
                         _("What %s brought can't be stored: %s; it will come again"),
                         mkv_sync_session_get_peer (session->session), write->error->message);
      mkv_syncer_send_error (self, mkv_sync_session_get_peer (session->session),
                             mkv_sync_session_get_id (session->session), MKV_ERROR_CODE_UNAVAILABLE,
                             _("The storage fails"));
      if (session->syncer != NULL)
        finish (session);
    }
  mkv_write_free (write);
  mkv_syncer_session_unref (session);
  if (self != NULL)
    mkv_syncer_arm (self);
}

static void
take (MkvSyncerSession *session, MkvSyncerArrival *arrival)
{
  MkvSyncer *self = session->syncer;
  GPtrArray *events = mkv_sync_session_receive (session->session, &self->view, arrival->message, arrival->n_octets);
  MkvWrite *write;

  if (events == NULL)
    return;
  write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);
  write->origin = MKV_ORIGIN_SYNC;
  write->entries = events;
  write->want_outcome = TRUE;
  session->is_applying = TRUE;
  session->applying = g_steal_pointer (&arrival->mqtt);
  session->ref_count++;
  mkv_store_submit_async (MKV_STORE (self->store), write, NULL, on_applied, session);
}

static void
note_progress (MkvSyncerSession *session)
{
  const MkvSyncFigures *figures = mkv_sync_session_get_figures (session->session);

  if (figures->progress == session->progress)
    return;
  session->progress = figures->progress;
  session->progress_at = mkv_syncer_get_now (session->syncer);
  g_signal_emit (session->syncer, mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_PROGRESS], 0,
                 mkv_sync_session_get_peer (session->session), figures->n_applied);
}

/* What has come waits for longer than the store takes. */
static void
let_go (MkvSyncerSession *session)
{
  for (GList *l = session->waiting.head; l != NULL; l = l->next)
    handle (&((MkvSyncerArrival *) l->data)->mqtt);
}

/* A piece of work of one session in each iteration of the loop. */
static gboolean
on_work (gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);
  MkvSyncerSession *session = g_queue_pop_head (&self->busy);

  session->is_waiting = FALSE;
  pump (session);
  mkv_syncer_arm (self);
  /* It may be another source by now, or none. */
  if (!g_queue_is_empty (&self->busy) && self->worker == g_main_current_source ())
    return G_SOURCE_CONTINUE;
  if (self->worker == g_main_current_source ())
    g_clear_pointer (&self->worker, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
work_later (MkvSyncerSession *session)
{
  MkvSyncer *self = session->syncer;

  let_go (session);
  if (session->is_waiting)
    return;
  session->is_waiting = TRUE;
  g_queue_push_tail (&self->busy, session);
  if (self->worker != NULL)
    return;
  self->worker = g_idle_source_new ();
  g_source_set_priority (self->worker, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->worker, on_work, self, NULL);
  g_source_set_name (self->worker, "merklekv-sessions");
  g_source_attach (self->worker, self->context);
}

/* Takes what waits, sends what can be sent, ends what is over: for some
 * milliseconds at most, then it goes on in another iteration. Whoever is told of
 * it, and a connection that breaks, may end the session on the way. */
static void
pump (MkvSyncerSession *session)
{
  g_autoptr (MkvSyncer) self = g_object_ref (session->syncer);
  gsize n_sent = 0;
  g_autofree char *topic = mkv_router_get_sync_topic (self->router, mkv_sync_session_get_peer (session->session));

  session->ref_count++;
  while (session->syncer != NULL && !session->is_applying)
    {
      g_autoptr (GBytes) payload = NULL;
      MkvSyncerArrival *arrival;

      if (!mkv_syncer_has_credit (self))
        {
          let_go (session);
          break;
        }
      payload = mkv_sync_session_next (session->session, &self->view, self->codec, mkv_syncer_get_max_payload (self));
      if (payload != NULL)
        {
          self->credit -= (double) g_bytes_get_size (payload);
          mkv_syncer_send_payload (self, topic, payload);
          n_sent += g_bytes_get_size (payload);
          if (n_sent < SENT_AT_ONCE)
            continue;
          if (session->syncer != NULL)
            work_later (session);
          break;
        }
      if (mkv_sync_session_is_busy (session->session))
        {
          work_later (session);
          break;
        }
      if (mkv_sync_session_get_end (session->session) != MKV_SYNC_END_NOT_YET)
        {
          note_progress (session);
          if (session->syncer != NULL)
            finish (session);
          break;
        }
      arrival = g_queue_pop_head (&session->waiting);
      if (arrival == NULL)
        break;
      take (session, arrival);
      arrival_free (arrival);
    }
  if (session->syncer != NULL)
    note_progress (session);
  mkv_syncer_session_unref (session);
}

gboolean
mkv_syncer_start_session (MkvSyncer *self, const char *peer, MkvSyncMessage *root)
{
  g_autofree char *id = g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  MkvSyncerSession *session;

  if (self->stopped || !mkv_sync_schedule_take_session (self->schedule, mkv_syncer_get_now (self), TRUE))
    return FALSE;
  mkv_syncer_claim (self, peer);
  session = session_new (self, id, peer, TRUE);
  if (session == NULL)
    return TRUE;
  mkv_sync_session_start (session->session, &self->view, root);
  pump (session);
  return TRUE;
}

/* Whether one more that is refused is told so: a flood is not answered by a flood. */
static gboolean
may_tell_refusal (MkvSyncer *self)
{
  gint64 now = mkv_syncer_get_now (self);

  if (now - self->refused_since >= G_USEC_PER_SEC)
    {
      self->refused_since = now;
      self->n_refused = 0;
    }
  return self->n_refused++ < MAX_REFUSALS && mkv_syncer_has_credit (self);
}

static void
refuse (MkvSyncer *self, const char *peer, const char *id)
{
  mkv_observer_drop (self->observer, MKV_COUNTER_SYNC_REFUSED,
                     _("A session of %s is refused: others are under way"), peer);
  if (may_tell_refusal (self))
    mkv_syncer_send_error (self, peer, id, MKV_ERROR_CODE_RATE_LIMITED,
                           _("Too many sessions at once: try again later"));
}

static gboolean
gives_way (MkvSyncerSession *session, const MkvSyncContact *asking)
{
  MkvSyncer *self = session->syncer;
  const char *peer = mkv_sync_session_get_peer (session->session);

  return !session->is_applying && !session->is_waiting &&
         mkv_syncer_get_now (self) - session->progress_at >= GIVE_WAY_TIME &&
         mkv_sync_contact_is_before (asking, mkv_sync_contacts_look_up (self->peers, peer));
}

void
mkv_syncer_make_way (MkvSyncer *self, const MkvSyncContact *peer)
{
  const char *other = mkv_sync_schedule_get_start (self->schedule);

  if (other != NULL && mkv_sync_contact_is_before (peer, mkv_sync_contacts_look_up (self->peers, other)))
    mkv_sync_schedule_cancel_start (self->schedule);
  if (self->started != NULL && gives_way (self->started, peer))
    finish (self->started);
}

/* Whether one more may be answered. Without a network key anyone may ask under
 * any name: who was equal before comes before those who were not, or not yet then,
 * and leave their sessions lying about. */
static gboolean
make_room (MkvSyncer *self, const MkvSyncContact *asking)
{
  MkvSyncerSession *idle = NULL;
  GHashTableIter iter;
  gpointer session;

  if (self->n_answered < MAX_ANSWERED)
    return TRUE;
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &session))
    if (session != self->started && gives_way (session, asking) &&
        (idle == NULL || ((MkvSyncerSession *) session)->progress_at < idle->progress_at))
      idle = session;
  if (idle == NULL)
    return FALSE;
  refuse (self, mkv_sync_session_get_peer (idle->session), mkv_sync_session_get_id (idle->session));
  if (idle->syncer != NULL)
    finish (idle);
  return !self->stopped && self->n_answered < MAX_ANSWERED;
}

/* The session of @message; a new one where it has to be answered and may be. */
static MkvSyncerSession *
find_session (MkvSyncer *self, MkvSyncMessage *message)
{
  const char *from = mkv_sync_message_get_from (message), *id = mkv_sync_message_get_id (message);
  g_autofree char *name = NULL;
  MkvSyncContact *peer = mkv_sync_contacts_look_up (self->peers, from);
  MkvSyncerSession *session;
  gboolean is_known = peer != NULL && peer->known_at > 0;

  if (id == NULL)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_SYNC_IGNORED, _("A message of a session has no id"));
      return NULL;
    }
  name = g_strconcat (from, "\n", id, NULL);
  session = g_hash_table_lookup (self->sessions, name);
  if (session != NULL)
    return session;
  if (!mkv_sync_session_is_answered (message))
    {
      /* Usual where a session has ended at the other side first: no log. */
      mkv_observer_count (self->observer, MKV_COUNTER_SYNC_IGNORED, 1);
      return NULL;
    }
  if (make_room (self, peer) &&
      mkv_sync_schedule_take_session (self->schedule, mkv_syncer_get_now (self), is_known))
    return session_new (self, id, from, FALSE);
  refuse (self, from, id);
  return NULL;
}

void
mkv_syncer_take_message (MkvSyncer *self, MkvSyncMessage *message, gsize n_octets, MkvMessage *mqtt)
{
  MkvSyncerSession *session = find_session (self, message);
  MkvSyncerArrival *arrival;

  if (session == NULL)
    return;
  if (session->waiting.length >= MAX_WAITING)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_SYNC_IGNORED,
                         _("%s sends more than it may before it is answered"),
                         mkv_sync_message_get_from (message));
      return;
    }
  arrival = g_new (MkvSyncerArrival, 1);
  arrival->message = mkv_sync_message_ref (message);
  arrival->n_octets = n_octets;
  arrival->mqtt = mkv_message_ref (mqtt);
  mkv_message_claim (mqtt);
  g_queue_push_tail (&session->waiting, arrival);
  if (!session->is_waiting)
    pump (session);
}

/* Any of them may end, and with it others, while one is looked at. */
static void
for_each_session (MkvSyncer *self, void (*func) (MkvSyncerSession *session, gint64 now))
{
  g_autoptr (MkvSyncer) alive = g_object_ref (self);
  gint64 now = mkv_syncer_get_now (alive);
  g_autoptr (GList) all = g_hash_table_get_values (self->sessions);

  for (GList *l = all; l != NULL; l = l->next)
    ((MkvSyncerSession *) l->data)->ref_count++;
  for (GList *l = all; l != NULL; l = l->next)
    {
      if (((MkvSyncerSession *) l->data)->syncer != NULL)
        func (l->data, now);
      mkv_syncer_session_unref (l->data);
    }
}

static void
look_at (MkvSyncerSession *session, gint64 now)
{
  if (now - session->progress_at >= MKV_SYNCER_SESSION_TIMEOUT && !session->is_applying)
    finish (session);
  else if (!session->is_applying && !session->is_waiting)
    pump (session);
}

void
mkv_syncer_look_at_sessions (MkvSyncer *self)
{
  for_each_session (self, look_at);
}

static void
end (MkvSyncerSession *session, gint64 now)
{
  finish (session);
}

void
mkv_syncer_end_sessions (MkvSyncer *self)
{
  for_each_session (self, end);
}
