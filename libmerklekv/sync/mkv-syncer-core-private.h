/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "sync/mkv-sync-contacts-private.h"
#include "sync/mkv-sync-schedule-private.h"
#include "sync/mkv-syncer-private.h"

G_BEGIN_DECLS

/* What the files of the syncer share: mkv-syncer.c hears and keeps time,
 * mkv-syncer-send.c sends, mkv-syncer-sessions.c runs the sessions,
 * mkv-syncer-requests.c is for those who ask for a sync. */

/* In us. */
#define MKV_SYNCER_SESSION_TIMEOUT (30 * G_USEC_PER_SEC)
#define MKV_SYNCER_CONGESTION_PAUSE (G_USEC_PER_SEC / 20)
#define MKV_SYNCER_REQUEST_QUIET (3 * G_USEC_PER_SEC)

/* A peer that was asked for has to say something by then. */
#define MKV_SYNCER_REQUEST_TIMEOUT (10 * G_USEC_PER_SEC)

/* When who waits for all that differ gets what there is: before the caller of
 * SYNC stops to wait. */
#define MKV_SYNCER_REQUEST_MAX (25 * G_USEC_PER_SEC)

typedef struct
{
  gint ref_count;
  MkvSyncer *syncer; /* NULL once it is over */
  MkvSyncSession *session;
  char *name; /* in the table: who and which */
  gboolean is_applying;
  MkvMessage *applying; /* what brought it, claimed */
  gboolean is_waiting; /* in the queue of those that have work left */
  GQueue waiting; /* of MkvSyncerArrival */
  GPtrArray *brought; /* of MkvEntry; NULL when there were too many */
  gsize n_brought;    /* octets of their values */
  guint8 first_root[MKV_DIGEST_BYTES];
  guint64 progress;
  gint64 progress_at;
} MkvSyncerSession;

/* Claimed while it only waits for what came before to be in the store: so a
 * crash loses nothing of it. What waits longer is handled, or the transport
 * would wait, too. */
typedef struct
{
  MkvSyncMessage *message;
  gsize n_octets;
  MkvMessage *mqtt; /* NULL once it is handled */
} MkvSyncerArrival;

/* Who waits for a sync. */
typedef struct
{
  GTask *task;
  char *peer; /* NULL for any */
  guint64 n_before;
  gint64 begun_at;
  gboolean asked; /* a session with the peer was started, */
  gboolean ended; /* and has ended */
} MkvSyncerRequest;

struct _MkvSyncer
{
  GObject parent_instance;

  MkvLocalStore *store;
  MkvContents *contents; /* the store's */
  MkvRouter *router;
  MkvCodec *codec;
  MkvClock *clock;
  MkvObserver *observer;
  GMainContext *context;
  MkvSyncPublishFunc publish;
  gpointer publish_data;

  MkvSyncView view;
  MkvSyncSchedule *schedule;
  MkvSyncContacts *peers;
  GHashTable *sessions; /* name: MkvSyncerSession */
  MkvSyncerSession *started;     /* the one of this node, in the table; or NULL */
  guint n_answered;
  GQueue busy;     /* of MkvSyncerSession that have work left */
  GSource *worker; /* for these, one at a time; NULL if there is none */
  guint n_refused; /* sessions, that were told so since */
  gint64 refused_since;
  GQueue requests; /* of MkvSyncerRequest */
  guint64 n_applied;
  gint64 max_interval;

  gboolean has_equal;
  guint64 equal_generation; /* of the contents that a peer's were equal to */

  /* A different root that came while the contents changed. */
  MkvSyncMessage *deferred;
  gint64 unrest_since;
  gboolean is_forced; /* the next start, by too much unrest */

  gboolean marks[MKV_SYNC_N_MARKS]; /* that health tells of */

  guint64 rate;   /* octets a second; 0 for any number */
  double credit;  /* octets that may be sent now */
  gint64 credit_at;

  GSource *timer;
  gint64 timer_at;
  GSource *teller; /* of other peers; NULL while there is nothing to tell */
  gboolean stopped;
};

enum
{
  MKV_SYNCER_SIGNAL_SESSION_STARTED,
  MKV_SYNCER_SIGNAL_SESSION_PROGRESS,
  MKV_SYNCER_SIGNAL_SESSION_ENDED,
  MKV_SYNCER_SIGNAL_STATE_CHANGED,
  MKV_SYNCER_SIGNAL_PEERS_CHANGED,
  MKV_SYNCER_N_SIGNALS
};

extern guint mkv_syncer_signals[MKV_SYNCER_N_SIGNALS];

static inline gint64
mkv_syncer_get_now (MkvSyncer *self)
{
  return mkv_clock_get_monotonic_time (self->clock);
}

/* Sees to it that the timer comes when something is due. */
void mkv_syncer_arm (MkvSyncer *self);

/* A peer's contents are equal to this node's just now. */
void mkv_syncer_note_equal (MkvSyncer *self);

/* Whether this node's horizon is later than the clock of who sent @message allows. */
gboolean mkv_syncer_is_too_late (MkvSyncer *self, MkvSyncMessage *message);

/* Tells everyone the root. */
void mkv_syncer_announce (MkvSyncer *self);

/* Says that a session with @peer is begun. */
void mkv_syncer_claim (MkvSyncer *self, const char *peer);

void mkv_syncer_send_payload (MkvSyncer *self, const char *topic, GBytes *payload);
void mkv_syncer_send_error (MkvSyncer *self, const char *peer, const char *id, MkvErrorCode code, const char *text);
gsize mkv_syncer_get_max_payload (MkvSyncer *self);

/* Whether octets may be sent now: by `sync-rate`, and because the broker takes
 * them. */
gboolean mkv_syncer_has_credit (MkvSyncer *self);

/* That client was heard of. */
MkvSyncContact *mkv_syncer_hear (MkvSyncer *self, const char *client_id);

/* Its root is, or was, equal or not. */
void mkv_syncer_set_equal (MkvSyncer *self, MkvSyncContact *peer, gboolean equal, const char *reason);

/* It has the mark, or not any more; the node's health says so. */
void mkv_syncer_set_mark (MkvSyncer *self, MkvSyncContact *peer, MkvSyncMark mark, gboolean marked);

/* Starts a session with @peer; @root is its ROOT, or NULL. FALSE if there are
 * too many. */
gboolean mkv_syncer_start_session (MkvSyncer *self, const char *peer, MkvSyncMessage *root);

/* Takes a message of a session in, where there is one or has to be one; @mqtt is
 * what it came in. */
void mkv_syncer_take_message (MkvSyncer *self, MkvSyncMessage *message, gsize n_octets, MkvMessage *mqtt);

/* @peer has another root: a session that this node has begun, or is to begin, with
 * a stranger who does not answer gives way. */
void mkv_syncer_make_way (MkvSyncer *self, const MkvSyncContact *peer);

/* Ends sessions without progress, and goes on with those that could not send. */
void mkv_syncer_look_at_sessions (MkvSyncer *self);
void mkv_syncer_end_sessions (MkvSyncer *self);

void mkv_syncer_session_unref (gpointer session);

/* Answers requests that are settled; starts what they ask for. */
void mkv_syncer_look_at_requests (MkvSyncer *self);
void mkv_syncer_fail_requests (MkvSyncer *self);

G_END_DECLS
