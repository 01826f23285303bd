/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-syncer-core-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

/* In us. */
#define UNREST_QUIET (2 * G_USEC_PER_SEC)
#define UNREST_MAX (30 * G_USEC_PER_SEC)

/* A peer that says nothing for so long is no matter of health any more. */
#define MARK_TIME (3600 * (gint64) G_USEC_PER_SEC)

guint mkv_syncer_signals[MKV_SYNCER_N_SIGNALS];

G_DEFINE_FINAL_TYPE (MkvSyncer, mkv_syncer, G_TYPE_OBJECT)

/* The view that sessions have of the store. */

static MkvTree *
lock_tree (gpointer user_data)
{
  return mkv_contents_lock (((MkvSyncer *) user_data)->contents, NULL);
}

static void
unlock_tree (gpointer user_data)
{
  mkv_contents_unlock (((MkvSyncer *) user_data)->contents);
}

static gint64
get_time (gpointer user_data)
{
  return mkv_clock_get_time (((MkvSyncer *) user_data)->clock);
}

static gint64
get_horizon (gpointer user_data)
{
  MkvContentsState state;

  mkv_contents_get_state (((MkvSyncer *) user_data)->contents, &state);
  return state.horizon;
}

static void
raise_horizon (gint64 horizon, gpointer user_data)
{
  mkv_contents_raise_horizon (((MkvSyncer *) user_data)->contents, horizon);
}

static MkvEntry *
get_entry (const char *key, gpointer user_data)
{
  MkvSyncer *self = user_data;

  /* What can't be read is for the store to complain of. */
  return mkv_storage_get (mkv_local_store_get_storage (self->store), key, NULL);
}

static gboolean
is_young (const char *key, gpointer user_data)
{
  return mkv_contents_is_young (((MkvSyncer *) user_data)->contents, key);
}

/* In sync or not. */

void
mkv_syncer_note_equal (MkvSyncer *self)
{
  MkvContentsState state;

  mkv_contents_get_state (self->contents, &state);
  self->has_equal = TRUE;
  self->equal_generation = state.generation;
  mkv_router_clear_missed_events (self->router);
  g_signal_emit (self, mkv_syncer_signals[MKV_SYNCER_SIGNAL_STATE_CHANGED], 0);
}

gboolean
mkv_syncer_is_in_sync (MkvSyncer *self)
{
  MkvContentsState state;

  if (!self->has_equal || self->stopped)
    return FALSE;
  mkv_contents_get_state (self->contents, &state);
  return state.generation == self->equal_generation;
}

/* What health tells of peers. */

static const char *
get_condition (MkvSyncMark mark)
{
  return mark == MKV_SYNC_MARK_ALONE ? "sync-alone" : "sync-clock";
}

static void
tell_mark (MkvSyncer *self, MkvSyncMark mark)
{
  MkvSyncContact *peer = mkv_sync_contacts_find_marked (self->peers, mark, mkv_syncer_get_now (self) - MARK_TIME);

  self->marks[mark] = peer != NULL;
  if (peer == NULL)
    mkv_observer_clear_condition (self->observer, get_condition (mark));
  else if (mark == MKV_SYNC_MARK_ALONE)
    mkv_observer_set_condition (self->observer, get_condition (mark), MKV_HEALTH_DEGRADED,
                                _("What %s holds and what this node holds stay different, and no session has "
                                  "changed that: it is left alone until either changes, and tried again now and "
                                  "then"), peer->client_id);
  else
    mkv_observer_set_condition (self->observer, get_condition (mark), MKV_HEALTH_DEGRADED,
                                _("The clock of %s and this node's differ so much that they can't compare what "
                                  "they hold: set the one that is wrong"), peer->client_id);
}

/* Those that were marked may be forgotten. */
static void
look_at_marks (MkvSyncer *self)
{
  for (MkvSyncMark mark = 0; mark < MKV_SYNC_N_MARKS; mark++)
    if (self->marks[mark])
      tell_mark (self, mark);
}

void
mkv_syncer_set_mark (MkvSyncer *self, MkvSyncContact *peer, MkvSyncMark mark, gboolean marked)
{
  /* Stopped, it has no say in the node's health any more. */
  if (peer->marks[mark] == marked || self->stopped)
    return;
  peer->marks[mark] = marked;
  tell_mark (self, mark);
}

static gboolean
on_peers_changed (gpointer user_data)
{
  MkvSyncer *self = user_data;

  g_clear_pointer (&self->teller, g_source_unref);
  g_signal_emit (self, mkv_syncer_signals[MKV_SYNCER_SIGNAL_PEERS_CHANGED], 0);
  return G_SOURCE_REMOVE;
}

/* Once for all that happens in a turn of the loop. */
static void
note_peers_changed (MkvSyncer *self)
{
  if (self->teller != NULL || self->stopped)
    return;
  self->teller = g_idle_source_new ();
  g_source_set_priority (self->teller, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->teller, on_peers_changed, self, NULL);
  g_source_attach (self->teller, self->context);
}

MkvSyncContact *
mkv_syncer_hear (MkvSyncer *self, const char *client_id)
{
  gboolean is_known = mkv_sync_contacts_look_up (self->peers, client_id) != NULL;
  MkvSyncContact *peer = mkv_sync_contacts_hear (self->peers, client_id, mkv_syncer_get_now (self), get_time (self));

  if (!is_known)
    note_peers_changed (self);
  look_at_marks (self);
  return peer;
}

void
mkv_syncer_set_equal (MkvSyncer *self, MkvSyncContact *peer, gboolean equal, const char *reason)
{
  if (peer->equal != equal || g_strcmp0 (peer->reason, reason) != 0)
    note_peers_changed (self);
  mkv_sync_contact_set_equal (peer, mkv_syncer_get_now (self), equal, reason);
}

/* Hearing. */

gboolean
mkv_syncer_is_too_late (MkvSyncer *self, MkvSyncMessage *message)
{
  return get_horizon (self) > mkv_horizon_get_greatest (mkv_sync_message_get_timestamp (message));
}

/* Whether both horizons are the same now. Where they can't be, both find out:
 * nobody answers a ROOT. */
static gboolean
settle_horizons (MkvSyncer *self, MkvSyncContact *peer, MkvSyncMessage *message)
{
  gint64 theirs = mkv_sync_message_get_horizon (message), mine = get_horizon (self);
  gboolean is_wrong = theirs > mine && !mkv_contents_raise_horizon (self->contents, theirs);

  mkv_syncer_set_mark (self, peer, MKV_SYNC_MARK_CLOCK,
                       is_wrong || (theirs < mine && mkv_syncer_is_too_late (self, message)));
  if (is_wrong)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_SYNC_IGNORED,
                         _("A root of %s is ignored: its horizon is later than this node's clock allows"),
                         peer->client_id);
      return FALSE;
    }
  if (theirs < mine)
    {
      mkv_sync_schedule_fall_back (self->schedule, mkv_syncer_get_now (self));
      return FALSE;
    }
  return TRUE;
}

static gboolean
defer (MkvSyncer *self, MkvSyncMessage *message)
{
  gint64 now = mkv_syncer_get_now (self);
  MkvContentsState state;

  mkv_contents_get_state (self->contents, &state);
  if (now - state.last_change >= UNREST_QUIET || (self->deferred != NULL && now - self->unrest_since >= UNREST_MAX))
    return FALSE;
  if (self->deferred == NULL)
    self->unrest_since = now;
  else
    mkv_sync_message_unref (self->deferred);
  self->deferred = mkv_sync_message_ref (message);
  return TRUE;
}

/* Whoever has started it. */
static gboolean
has_session_with (MkvSyncer *self, const char *client_id)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_str_equal (mkv_sync_session_get_peer (((MkvSyncerSession *) value)->session), client_id))
      return TRUE;
  return FALSE;
}

/* The schedule says so: if the roots are still different. A second session with
 * the same peer would move all over again what the first one has not moved yet. */
static void
start_due (MkvSyncer *self, const char *client_id)
{
  MkvSyncContact *peer = mkv_sync_contacts_look_up (self->peers, client_id);
  gboolean is_forced = self->is_forced;
  guint8 mine[MKV_DIGEST_BYTES];

  self->is_forced = FALSE;
  if (peer == NULL || peer->root == NULL || has_session_with (self, client_id))
    return;
  mkv_contents_get_root (self->contents, mine);
  if (memcmp (mine, g_bytes_get_data (mkv_sync_message_get_root (peer->root), NULL), sizeof mine) != 0 &&
      (is_forced || !defer (self, peer->root)))
    mkv_syncer_start_session (self, peer->client_id, peer->root);
}

/* @is_news: it has just come. */
static void
compare_root (MkvSyncer *self, MkvSyncMessage *message, gboolean is_news)
{
  const char *from = mkv_sync_message_get_from (message);
  const guint8 *theirs = g_bytes_get_data (mkv_sync_message_get_root (message), NULL);
  gint64 now = mkv_syncer_get_now (self);
  guint8 mine[MKV_DIGEST_BYTES];
  MkvSyncContact *peer;

  if (is_news)
    mkv_sync_contact_set_root (mkv_syncer_hear (self, from), message);
  peer = mkv_sync_contacts_look_up (self->peers, from);
  if (peer == NULL)
    return;
  if (!settle_horizons (self, peer, message))
    return;
  mkv_contents_get_root (self->contents, mine);
  if (memcmp (mine, theirs, sizeof mine) == 0)
    {
      mkv_syncer_set_equal (self, peer, TRUE, NULL);
      mkv_syncer_note_equal (self);
    }
  else
    {
      mkv_syncer_set_equal (self, peer, FALSE,
                            peer->reason != NULL ? peer->reason : _("they have not been compared yet"));
      if (defer (self, message))
        return;
    }
  if (!mkv_sync_schedule_is_left_alone (self->schedule, now, from, mine, theirs))
    mkv_syncer_set_mark (self, peer, MKV_SYNC_MARK_ALONE, FALSE);
  if (!peer->equal)
    mkv_syncer_make_way (self, peer);
  mkv_sync_schedule_heard_root (self->schedule, now, from, mine, theirs);
}

static gint64
get_deferred_due (MkvSyncer *self)
{
  MkvContentsState state;

  if (self->deferred == NULL)
    return G_MAXINT64;
  mkv_contents_get_state (self->contents, &state);
  return MIN (state.last_change + UNREST_QUIET, self->unrest_since + UNREST_MAX);
}

static void
look_again (MkvSyncer *self)
{
  MkvSyncContact *peer = mkv_sync_contacts_look_up (self->peers, mkv_sync_message_get_from (self->deferred));
  /* It may have said another one since. */
  g_autoptr (MkvSyncMessage) message =
      mkv_sync_message_ref (peer != NULL && peer->root != NULL ? peer->root : self->deferred);

  /* A start that comes of this is not put off again, or it might be for ever. */
  self->is_forced = mkv_syncer_get_now (self) - self->unrest_since >= UNREST_MAX;
  /* compare_root() sees from this that there was enough of it. */
  self->unrest_since = mkv_syncer_get_now (self) - UNREST_MAX;
  compare_root (self, message, FALSE);
  g_clear_pointer (&self->deferred, mkv_sync_message_unref);
}

/* NULL, and counted, where it is no message of another node. */
static MkvSyncMessage *
read_message (MkvSyncer *self, MkvCodec *codec, GBytes *payload)
{
  g_autoptr (MkvSyncMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) refused = NULL;

  message = mkv_codec_decode_sync (codec, payload, &refused, &error);
  for (guint i = 0; refused != NULL && refused[i] != NULL; i++)
    mkv_observer_drop (self->observer, MKV_COUNTER_EVENTS_REFUSED, _("An event is refused: %s"), refused[i]);
  if (message == NULL)
    mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_MALFORMED,
                       _("A message of anti-entropy is refused: %s"), error->message);
  else if (g_str_equal (mkv_sync_message_get_from (message), mkv_router_get_client_id (self->router)))
    mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_OWN,
                       _("A message of anti-entropy of this node itself came back"));
  else
    {
      /* Whatever it says, if the clock allows it. */
      mkv_contents_raise_horizon (self->contents, mkv_sync_message_get_horizon (message));
      return g_steal_pointer (&message);
    }
  return NULL;
}

static void
on_global (MkvMessage *mqtt, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);
  g_autoptr (MkvSyncMessage) message = error == NULL ? read_message (self, codec, payload) : NULL;

  if (message == NULL)
    return;
  switch (mkv_sync_message_get_operation (message))
    {
    case MKV_SYNC_OPERATION_ROOT:
      compare_root (self, message, TRUE);
      break;
    case MKV_SYNC_OPERATION_CLAIM:
      if (!g_str_equal (mkv_sync_message_get_to (message), mkv_router_get_client_id (self->router)))
        mkv_sync_schedule_heard_claim (self->schedule, mkv_syncer_get_now (self), mkv_sync_message_get_from (message),
                                       mkv_sync_message_get_to (message));
      break;
    default:
      mkv_observer_drop (self->observer, MKV_COUNTER_SYNC_IGNORED, _("A message to one node came to all"));
      break;
    }
  mkv_syncer_look_at_requests (self);
  mkv_syncer_arm (self);
}

static void
on_own (MkvMessage *mqtt, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);
  g_autoptr (MkvSyncMessage) message = error == NULL ? read_message (self, codec, payload) : NULL;

  if (message == NULL)
    return;
  mkv_syncer_take_message (self, message, g_bytes_get_size (payload), mqtt);
  mkv_syncer_arm (self);
}

/* Time. */

static gint64
get_next (MkvSyncer *self)
{
  static const gint64 looks[] = { MKV_SYNCER_REQUEST_QUIET, MKV_SYNCER_REQUEST_TIMEOUT, MKV_SYNCER_REQUEST_MAX };
  gint64 next = MIN (mkv_sync_schedule_get_next (self->schedule), get_deferred_due (self));
  gint64 now = mkv_syncer_get_now (self);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!((MkvSyncerSession *) value)->is_applying)
      next = MIN (next, ((MkvSyncerSession *) value)->progress_at + MKV_SYNCER_SESSION_TIMEOUT);
  if (self->rate > 0 && self->credit <= 0 && g_hash_table_size (self->sessions) > 0)
    next = MIN (next, self->credit_at + (gint64) ((1 - self->credit) * G_USEC_PER_SEC / (double) self->rate) + 1);
  if (g_hash_table_size (self->sessions) > 0 && mkv_router_is_congested (self->router))
    next = MIN (next, now + MKV_SYNCER_CONGESTION_PAUSE);
  for (GList *l = self->requests.head; l != NULL; l = l->next)
    for (guint i = 0; i < G_N_ELEMENTS (looks); i++)
      if (((MkvSyncerRequest *) l->data)->begun_at + looks[i] > now)
        next = MIN (next, ((MkvSyncerRequest *) l->data)->begun_at + looks[i]);
  return next;
}

static gboolean
on_timer (gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);
  gint64 now = mkv_syncer_get_now (self);
  const char *client_id;
  MkvSyncDue due;

  g_clear_pointer (&self->timer, g_source_unref);
  if (get_deferred_due (self) <= now)
    look_again (self);
  due = mkv_sync_schedule_poll (self->schedule, now, &client_id);
  if ((due & MKV_SYNC_DUE_ROOT) != 0)
    mkv_syncer_announce (self);
  if ((due & MKV_SYNC_DUE_START) != 0)
    start_due (self, client_id);
  mkv_syncer_look_at_sessions (self);
  mkv_syncer_look_at_requests (self);
  look_at_marks (self);
  mkv_syncer_arm (self);
  return G_SOURCE_REMOVE;
}

static void
clear_timer (MkvSyncer *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

void
mkv_syncer_arm (MkvSyncer *self)
{
  gint64 next = self->stopped ? G_MAXINT64 : get_next (self);

  if (self->timer != NULL && self->timer_at == next)
    return;
  clear_timer (self);
  if (next == G_MAXINT64)
    return;
  self->timer_at = next;
  self->timer = mkv_clock_add_timeout (self->clock, MAX (next - mkv_syncer_get_now (self), 0), self->context, on_timer, self);
}

/* Life. */

static void
on_connected (MkvRouter *router, gboolean session_present, gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);

  mkv_sync_schedule_connected (self->schedule, mkv_syncer_get_now (self));
  mkv_syncer_arm (self);
}

static void
on_disconnected (MkvRouter *router, gpointer user_data)
{
  g_autoptr (MkvSyncer) self = g_object_ref (user_data);

  mkv_sync_schedule_disconnected (self->schedule);
  mkv_syncer_fail_requests (self);
  mkv_syncer_end_sessions (self);
  mkv_syncer_arm (self);
}

void
mkv_syncer_stop (MkvSyncer *self)
{
  if (self->stopped)
    return;
  self->stopped = TRUE;
  mkv_router_set_handler (self->router, MKV_ROUTE_SYNC, NULL, NULL);
  mkv_router_set_handler (self->router, MKV_ROUTE_SYNC_ALL, NULL, NULL);
  g_signal_handlers_disconnect_by_data (self->router, self);
  self->publish = NULL;
  mkv_syncer_fail_requests (self);
  mkv_syncer_end_sessions (self);
  clear_timer (self);
  if (self->teller != NULL)
    g_source_destroy (self->teller);
  g_clear_pointer (&self->teller, g_source_unref);
  for (MkvSyncMark mark = 0; mark < MKV_SYNC_N_MARKS; mark++)
    mkv_observer_clear_condition (self->observer, get_condition (mark));
  mkv_observer_clear_condition (self->observer, "sync-too-large");
}

static void
mkv_syncer_dispose (GObject *object)
{
  mkv_syncer_stop (MKV_SYNCER (object));
  G_OBJECT_CLASS (mkv_syncer_parent_class)->dispose (object);
}

static void
mkv_syncer_finalize (GObject *object)
{
  MkvSyncer *self = MKV_SYNCER (object);

  g_hash_table_unref (self->sessions);
  mkv_sync_contacts_free (self->peers);
  mkv_sync_schedule_free (self->schedule);
  g_clear_pointer (&self->deferred, mkv_sync_message_unref);
  g_object_unref (self->store);
  g_object_unref (self->router);
  g_object_unref (self->codec);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (mkv_syncer_parent_class)->finalize (object);
}

static void
mkv_syncer_class_init (MkvSyncerClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = mkv_syncer_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_syncer_finalize;

  mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_STARTED] =
      g_signal_new ("session-started", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
  mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_PROGRESS] =
      g_signal_new ("session-progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_UINT64);
  mkv_syncer_signals[MKV_SYNCER_SIGNAL_SESSION_ENDED] =
      g_signal_new ("session-ended", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_UINT64, G_TYPE_BOOLEAN);
  mkv_syncer_signals[MKV_SYNCER_SIGNAL_STATE_CHANGED] =
      g_signal_new ("state-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  mkv_syncer_signals[MKV_SYNCER_SIGNAL_PEERS_CHANGED] =
      g_signal_new ("peers-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
mkv_syncer_init (MkvSyncer *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->peers = mkv_sync_contacts_new ();
  self->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, mkv_syncer_session_unref);
}

MkvSyncer *
mkv_syncer_new (MkvLocalStore *store, MkvRouter *router, MkvCodec *codec, MkvClock *clock, MkvObserver *observer)
{
  MkvSyncer *self = g_object_new (MKV_TYPE_SYNCER, NULL);
  /* Replicas that start together must not choose alike; in virtual time they
   * have to choose the same in every run. */
  guint32 seed = g_str_hash (mkv_router_get_client_id (router)) ^ (guint32) mkv_clock_get_time (clock);

  self->store = g_object_ref (store);
  self->contents = mkv_local_store_get_contents (store);
  self->router = g_object_ref (router);
  self->codec = g_object_ref (codec);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->schedule = mkv_sync_schedule_new (seed);
  self->max_interval = 128 * G_USEC_PER_SEC;
  self->view = (MkvSyncView){
    .client_id = mkv_router_get_client_id (router),
    .skew_max_future = 300000,
    .lock_tree = lock_tree,
    .unlock_tree = unlock_tree,
    .get_time = get_time,
    .get_horizon = get_horizon,
    .raise_horizon = raise_horizon,
    .get_entry = get_entry,
    .is_young = is_young,
    .user_data = self,
  };
  mkv_router_set_handler (router, MKV_ROUTE_SYNC, on_own, self);
  mkv_router_set_handler (router, MKV_ROUTE_SYNC_ALL, on_global, self);
  g_signal_connect (router, "connected", G_CALLBACK (on_connected), self);
  g_signal_connect (router, "disconnected", G_CALLBACK (on_disconnected), self);
  return self;
}

void
mkv_syncer_set_codec (MkvSyncer *self, MkvCodec *codec)
{
  g_set_object (&self->codec, codec);
}

void
mkv_syncer_set_publish_func (MkvSyncer *self, MkvSyncPublishFunc func, gpointer user_data)
{
  self->publish = func;
  self->publish_data = user_data;
}

void
mkv_syncer_set_policy (MkvSyncer *self, gint64 min, gint64 max, guint sessions_per_second,
                       guint64 octets_per_second, gint64 skew_max_future)
{
  mkv_sync_schedule_set_intervals (self->schedule, min, max);
  mkv_sync_schedule_set_session_rate (self->schedule, sessions_per_second);
  self->max_interval = MAX (min, max);
  self->rate = octets_per_second;
  self->view.skew_max_future = skew_max_future;
  mkv_syncer_arm (self);
}

void
mkv_syncer_set_max_wait (MkvSyncer *self, gint64 max_wait)
{
  mkv_sync_schedule_set_max_wait (self->schedule, max_wait);
}

GVariant *
mkv_syncer_list_peers (MkvSyncer *self)
{
  return mkv_sync_contacts_list (self->peers);
}
