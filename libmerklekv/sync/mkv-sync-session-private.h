/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"
#include "sync/mkv-sync-view-private.h"

G_BEGIN_DECLS

/* One session with a peer, as its starter or as its answerer: messages go in,
 * payloads come out. No transport, no timers, no thread of its own:
 *
 *   session = mkv_sync_session_new (id, peer, starter);
 *   mkv_sync_session_start (session, view, root);      if it is the starter's
 *
 *   events = mkv_sync_session_receive (session, view, message, octets);
 *   if (events != NULL)
 *     { put them into the store, then:
 *       mkv_sync_session_applied (session, view, n_changed, winners); }
 *   while ((payload = mkv_sync_session_next (session, view, codec, max_bytes)) != NULL ||
 *          mkv_sync_session_is_busy (session))
 *     send it, if there is one, and let others have their turn;
 *   if (mkv_sync_session_get_end (session) != MKV_SYNC_END_NOT_YET)
 *     forget it;
 *
 * Each of these calls takes a few milliseconds at most, however much there is to
 * be read: then it goes on in the next.
 *
 * Messages of one session are received one after the other: none between a
 * receive() that returned events and its applied(), and none while it is busy. What it remembers is only a
 * saving: the answer to any message follows from that message and the tree, so
 * for an id that nobody knows an answerer's session is made. Its memory has a
 * bound, whatever a peer sends. */
typedef struct _MkvSyncSession MkvSyncSession;

typedef enum
{
  MKV_SYNC_END_NOT_YET,
  MKV_SYNC_END_DONE,    /* one of the two had nothing more to say */
  MKV_SYNC_END_ERROR,   /* the peer ended it with an ERROR */
  MKV_SYNC_END_HORIZON, /* I did, because the peer's horizon is not allowed: our clocks differ */
} MkvSyncEnd;

/* What went on so far. */
typedef struct
{
  guint64 octets_received;
  guint64 octets_sent;
  guint messages_received;
  guint messages_sent;
  guint turns;           /* one-way messages, the parts of one counted once and without acknowledgements */
  guint64 n_applied;     /* entries that changed the contents here */
  guint64 n_pushed;      /* entries sent */
  guint64 n_quarantined; /* entries of the peer that are too far in the future */
  guint64 n_withheld;    /* own entries not pushed because they are young */
  guint64 n_too_large;   /* own entries that no payload holds, passed over */
  guint64 n_ignored;     /* what broke a rule or passed a bound in the peer's messages */
  guint64 progress;      /* grows with each entry applied, prefix closed and part acknowledged */
  gboolean nodes;        /* whether it had to go through NODES */
} MkvSyncFigures;

/* Whether a message with an id that nobody knows has to be answered. */
gboolean mkv_sync_session_is_answered (const MkvSyncMessage *message);

MkvSyncSession *mkv_sync_session_new (const char *id, const char *peer, gboolean starter);
void mkv_sync_session_free (MkvSyncSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncSession, mkv_sync_session_free)

const char *mkv_sync_session_get_id (const MkvSyncSession *self);
const char *mkv_sync_session_get_peer (const MkvSyncSession *self);
gboolean mkv_sync_session_is_starter (const MkvSyncSession *self);
const MkvSyncFigures *mkv_sync_session_get_figures (const MkvSyncSession *self);

/* The starter's first turn. @root is the ROOT that was heard of the peer; NULL
 * where none was. */
void mkv_sync_session_start (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *root);

/* Takes a message of the peer in: @octets is how long it was. Returns the
 * entries that have to be put into the store first, (transfer full) (nullable)
 * (element-type MkvEntry); where that is NULL the session has gone on already. */
GPtrArray *mkv_sync_session_receive (MkvSyncSession *self, const MkvSyncView *view, MkvSyncMessage *message,
                                     gsize octets);

/* They have been. @n_changed is how many changed the contents, @winners
 * (element-type MkvEntry) (nullable) the own entries that others of them lost
 * to. */
void mkv_sync_session_applied (MkvSyncSession *self, const MkvSyncView *view, guint n_changed, GPtrArray *winners);

/* The next payload for the peer; NULL where there is none for now: ask again
 * after the next message, or, where the session is busy, soon. At most 4 parts of a turn go ahead of their
 * acknowledgements. @max_bytes is what the link takes, MKV_MAX_PAYLOAD_BYTES or
 * less. */
GBytes *mkv_sync_session_next (MkvSyncSession *self, const MkvSyncView *view, MkvCodec *codec, gsize max_bytes);

/* Whether there is work left before the next payload, which next() does a piece
 * of. */
gboolean mkv_sync_session_is_busy (const MkvSyncSession *self);

/* Whether it is over: to be asked when there is no next payload, and it is not
 * busy. */
MkvSyncEnd mkv_sync_session_get_end (const MkvSyncSession *self);

/* The ERROR that ended it, or NULL. */
MkvSyncMessage *mkv_sync_session_get_error (const MkvSyncSession *self);

/* The peer's root in its last message; NULL before the first. */
GBytes *mkv_sync_session_get_peer_root (const MkvSyncSession *self);

/* The horizon that it is the root of; -1 before. */
gint64 mkv_sync_session_get_peer_horizon (const MkvSyncSession *self);

/* Until when what is left is only quarantined or young entries, in ms, as this
 * side or the other said in its DONE; -1 if nobody did. It is a stranger's
 * number. */
gint64 mkv_sync_session_get_until (const MkvSyncSession *self);

G_END_DECLS
