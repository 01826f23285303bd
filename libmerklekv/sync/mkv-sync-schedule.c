/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-schedule-private.h"

#include <string.h>

/* All in us. */
#define DEFAULT_MIN (2 * G_USEC_PER_SEC)
#define DEFAULT_MAX (128 * G_USEC_PER_SEC)
#define DEFAULT_MAX_WAIT (G_USEC_PER_SEC / 2)
#define CLAIM_TIME (5 * G_USEC_PER_SEC)
#define CLAIM_GATHER_TIME (1 * G_USEC_PER_SEC)
#define ALONE_MIN (60 * (gint64) G_USEC_PER_SEC)
#define ALONE_MAX (3600 * (gint64) G_USEC_PER_SEC)

/* After so many claims without an equal root a node starts regardless. */
#define MAX_CLAIMS 2

/* After so many sessions of no use in a row a client is left alone. */
#define MAX_FRUITLESS 3

#define DEFAULT_SESSION_RATE 5
#define SESSION_BURST 2 /* seconds' worth */
#define SESSION_RESERVE 0.4 /* seconds' worth that strangers leave to peers that are known */

#define MAX_PEERS 1024
#define MAX_PAIRS 64

typedef struct
{
  char *client_id;
  gint64 heard_at;

  /* As who claims. */
  char *claims; /* whom; NULL for nobody */
  gint64 claims_until;

  /* As who is claimed, since its root was equal last. */
  guint n_claims;
  gint64 counted_at; /* the last of them */

  /* As who is left alone, while the roots are these. */
  guint n_fruitless;
  gint64 alone_time;
  gint64 alone_until;
  guint8 mine[MKV_DIGEST_BYTES];
  guint8 theirs[MKV_DIGEST_BYTES];
} Peer;

typedef struct
{
  guint8 mine[MKV_DIGEST_BYTES];
  guint8 theirs[MKV_DIGEST_BYTES];
  gint64 until;
} Pair;

struct _MkvSyncSchedule
{
  GRand *random;
  gint64 min, max, max_wait;
  gboolean is_connected;

  /* Trickle. */
  gint64 interval;
  gint64 begin;
  gint64 announce_at; /* G_MAXINT64 once that is settled */
  gboolean heard;     /* an equal root in this interval */

  /* The start that waits. */
  char *start_with;
  gint64 start_at;
  gboolean busy;

  double session_rate;
  double tokens; /* sessions that may begin, at `tokens_at` */
  gint64 tokens_at;

  GHashTable *peers; /* client id: Peer */
  GArray *pairs;
};

static void
peer_free (gpointer data)
{
  Peer *peer = data;

  g_free (peer->client_id);
  g_free (peer->claims);
  g_free (peer);
}

MkvSyncSchedule *
mkv_sync_schedule_new (guint32 seed)
{
  MkvSyncSchedule *self = g_new0 (MkvSyncSchedule, 1);

  self->random = g_rand_new_with_seed (seed);
  self->min = self->interval = DEFAULT_MIN;
  self->max = DEFAULT_MAX;
  self->max_wait = DEFAULT_MAX_WAIT;
  self->session_rate = DEFAULT_SESSION_RATE;
  self->tokens = DEFAULT_SESSION_RATE * SESSION_BURST;
  self->announce_at = G_MAXINT64;
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, peer_free);
  self->pairs = g_array_new (FALSE, FALSE, sizeof (Pair));
  return self;
}

void
mkv_sync_schedule_free (MkvSyncSchedule *self)
{
  g_rand_free (self->random);
  g_free (self->start_with);
  g_hash_table_unref (self->peers);
  g_array_unref (self->pairs);
  g_free (self);
}

/* Of those that were heard of, the one that was longest ago makes room. */
static Peer *
get_peer (MkvSyncSchedule *self, gint64 now, const char *client_id)
{
  Peer *peer = g_hash_table_lookup (self->peers, client_id);

  if (peer == NULL)
    {
      if (g_hash_table_size (self->peers) >= MAX_PEERS)
        {
          Peer *oldest = NULL;
          GHashTableIter iter;
          gpointer value;

          g_hash_table_iter_init (&iter, self->peers);
          while (g_hash_table_iter_next (&iter, NULL, &value))
            if (oldest == NULL || ((Peer *) value)->heard_at < oldest->heard_at)
              oldest = value;
          g_hash_table_remove (self->peers, oldest->client_id);
        }
      peer = g_new0 (Peer, 1);
      peer->client_id = g_strdup (client_id);
      g_hash_table_insert (self->peers, peer->client_id, peer);
    }
  peer->heard_at = now;
  return peer;
}

/* Trickle. */

static void
begin_interval (MkvSyncSchedule *self, gint64 now)
{
  gint64 half = self->interval / 2;

  self->begin = now;
  self->heard = FALSE;
  self->announce_at = now + half + (gint64) (g_rand_double (self->random) * (double) half);
}

void
mkv_sync_schedule_fall_back (MkvSyncSchedule *self, gint64 now)
{
  if (!self->is_connected || self->interval == self->min)
    return;
  self->interval = self->min;
  begin_interval (self, now);
}

void
mkv_sync_schedule_set_intervals (MkvSyncSchedule *self, gint64 min, gint64 max)
{
  self->min = min;
  self->max = MAX (min, max);
  self->interval = CLAMP (self->interval, self->min, self->max);
}

void
mkv_sync_schedule_set_session_rate (MkvSyncSchedule *self, guint per_second)
{
  self->session_rate = per_second;
  self->tokens = MIN (self->tokens, self->session_rate * SESSION_BURST);
}

void
mkv_sync_schedule_set_max_wait (MkvSyncSchedule *self, gint64 max_wait)
{
  self->max_wait = max_wait;
}

static void
cancel_start (MkvSyncSchedule *self)
{
  g_clear_pointer (&self->start_with, g_free);
}

void
mkv_sync_schedule_connected (MkvSyncSchedule *self, gint64 now)
{
  self->is_connected = TRUE;
  self->interval = self->min;
  begin_interval (self, now);
}

void
mkv_sync_schedule_disconnected (MkvSyncSchedule *self)
{
  self->is_connected = FALSE;
  cancel_start (self);
}

/* Differences. */

static gboolean
is_pair (const guint8 *mine, const guint8 *theirs, const guint8 *other_mine, const guint8 *other_theirs)
{
  return memcmp (mine, other_mine, MKV_DIGEST_BYTES) == 0 && memcmp (theirs, other_theirs, MKV_DIGEST_BYTES) == 0;
}

static gboolean
is_known (MkvSyncSchedule *self, gint64 now, const guint8 *mine, const guint8 *theirs)
{
  for (guint i = self->pairs->len; i > 0; i--)
    {
      const Pair *pair = &g_array_index (self->pairs, Pair, i - 1);

      if (pair->until <= now)
        g_array_remove_index_fast (self->pairs, i - 1);
      else if (is_pair (pair->mine, pair->theirs, mine, theirs))
        return TRUE;
    }
  return FALSE;
}

void
mkv_sync_schedule_remember (MkvSyncSchedule *self, const guint8 *mine, const guint8 *theirs, gint64 until)
{
  Pair pair = { .until = until };

  memcpy (pair.mine, mine, MKV_DIGEST_BYTES);
  memcpy (pair.theirs, theirs, MKV_DIGEST_BYTES);
  if (self->pairs->len == MAX_PAIRS)
    g_array_remove_index (self->pairs, 0);
  g_array_append_val (self->pairs, pair);
}

static gboolean
is_alone (const Peer *peer, gint64 now, const guint8 *mine, const guint8 *theirs)
{
  return peer->alone_until > now && is_pair (peer->mine, peer->theirs, mine, theirs);
}

gboolean
mkv_sync_schedule_is_left_alone (MkvSyncSchedule *self, gint64 now, const char *client_id, const guint8 *mine,
                                 const guint8 *theirs)
{
  const Peer *peer = g_hash_table_lookup (self->peers, client_id);

  return peer != NULL && is_alone (peer, now, mine, theirs);
}

gboolean
mkv_sync_schedule_heard_root (MkvSyncSchedule *self, gint64 now, const char *client_id, const guint8 *mine,
                              const guint8 *theirs)
{
  Peer *peer = get_peer (self, now, client_id);
  GHashTableIter iter;
  gpointer value;

  /* It is free again, whoever had claimed it. */
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_strcmp0 (((Peer *) value)->claims, client_id) == 0)
      g_clear_pointer (&((Peer *) value)->claims, g_free);

  if (memcmp (mine, theirs, MKV_DIGEST_BYTES) == 0 || is_known (self, now, mine, theirs))
    {
      self->heard = TRUE;
      peer->n_claims = 0;
      peer->n_fruitless = 0;
      peer->alone_time = peer->alone_until = 0;
      if (g_strcmp0 (self->start_with, client_id) == 0)
        cancel_start (self);
      return FALSE;
    }
  if (is_alone (peer, now, mine, theirs))
    return FALSE;
  mkv_sync_schedule_fall_back (self, now);
  if (self->start_with == NULL && !self->busy)
    {
      self->start_with = g_strdup (client_id);
      self->start_at = now + (gint64) (g_rand_double (self->random) * (double) self->max_wait);
    }
  return TRUE;
}

const char *
mkv_sync_schedule_get_start (const MkvSyncSchedule *self)
{
  return self->start_with;
}

void
mkv_sync_schedule_cancel_start (MkvSyncSchedule *self)
{
  cancel_start (self);
}

/* When the last claim for @client_id is over; 0 if there is none. */
static gint64
get_claimed_until (const MkvSyncSchedule *self, const char *client_id)
{
  GHashTableIter iter;
  gpointer value;
  gint64 until = 0;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_strcmp0 (((Peer *) value)->claims, client_id) == 0)
      until = MAX (until, ((Peer *) value)->claims_until);
  return until;
}

void
mkv_sync_schedule_heard_claim (MkvSyncSchedule *self, gint64 now, const char *from, const char *to)
{
  Peer *claimer = get_peer (self, now, from);
  Peer *claimed;

  g_free (claimer->claims);
  claimer->claims = g_strdup (to);
  claimer->claims_until = now + CLAIM_TIME;
  claimed = get_peer (self, now, to);
  /* Those who start at the same moment, before they can hear of each other, are
   * as one: else a claim would hold nobody back where there are many. */
  if (claimed->n_claims > 0 && now - claimed->counted_at < CLAIM_GATHER_TIME)
    return;
  claimed->n_claims = MIN (claimed->n_claims + 1, MAX_CLAIMS + 1);
  claimed->counted_at = now;
}

gboolean
mkv_sync_schedule_take_session (MkvSyncSchedule *self, gint64 now, gboolean is_known)
{
  self->tokens += (double) (now - self->tokens_at) / G_USEC_PER_SEC * self->session_rate;
  self->tokens = MIN (self->tokens, self->session_rate * SESSION_BURST);
  self->tokens_at = now;
  if (self->tokens < (is_known ? 1 : 1 + self->session_rate * SESSION_RESERVE))
    return FALSE;
  self->tokens--;
  return TRUE;
}

void
mkv_sync_schedule_set_busy (MkvSyncSchedule *self, gboolean busy)
{
  self->busy = busy;
}

void
mkv_sync_schedule_session_ended (MkvSyncSchedule *self, gint64 now, const char *client_id, gboolean of_use,
                                 const guint8 *mine, const guint8 *theirs)
{
  Peer *peer = get_peer (self, now, client_id);

  if (of_use)
    {
      peer->n_fruitless = 0;
      peer->alone_time = peer->alone_until = 0;
      peer->n_claims = 0;
      return;
    }
  if (!is_pair (peer->mine, peer->theirs, mine, theirs))
    {
      peer->n_fruitless = 0;
      peer->alone_time = peer->alone_until = 0;
    }
  memcpy (peer->mine, mine, MKV_DIGEST_BYTES);
  memcpy (peer->theirs, theirs, MKV_DIGEST_BYTES);
  if (++peer->n_fruitless < MAX_FRUITLESS)
    return;
  peer->alone_time = peer->alone_time == 0 ? ALONE_MIN : MIN (2 * peer->alone_time, ALONE_MAX);
  peer->alone_until = now + peer->alone_time;
  /* Once it is asked again, one more tells whether anything has changed. */
  peer->n_fruitless = MAX_FRUITLESS - 1;
}

gint64
mkv_sync_schedule_get_next (const MkvSyncSchedule *self)
{
  gint64 next;

  if (!self->is_connected)
    return G_MAXINT64;
  next = MIN (self->announce_at, self->begin + self->interval);
  if (self->start_with != NULL && !self->busy)
    next = MIN (next, self->start_at);
  return next;
}

static gboolean
is_start_due (MkvSyncSchedule *self, gint64 now)
{
  const Peer *peer;
  gint64 claimed_until;

  if (self->start_with == NULL || self->busy || self->start_at > now)
    return FALSE;
  peer = g_hash_table_lookup (self->peers, self->start_with);
  claimed_until = get_claimed_until (self, self->start_with);
  if (claimed_until <= now || (peer != NULL && peer->n_claims > MAX_CLAIMS))
    return TRUE;
  self->start_at = claimed_until;
  return FALSE;
}

MkvSyncDue
mkv_sync_schedule_poll (MkvSyncSchedule *self, gint64 now, const char **client_id)
{
  MkvSyncDue due = MKV_SYNC_DUE_NOTHING;

  *client_id = NULL;
  if (!self->is_connected)
    return due;
  if (self->announce_at <= now)
    {
      if (!self->heard)
        due |= MKV_SYNC_DUE_ROOT;
      self->announce_at = G_MAXINT64;
    }
  if (self->begin + self->interval <= now)
    {
      self->interval = MIN (2 * self->interval, self->max);
      begin_interval (self, now);
    }
  if (is_start_due (self, now))
    {
      const Peer *peer = get_peer (self, now, self->start_with);

      *client_id = peer->client_id;
      cancel_start (self);
      due |= MKV_SYNC_DUE_START;
    }
  return due;
}
