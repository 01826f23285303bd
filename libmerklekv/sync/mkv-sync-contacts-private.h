/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-sync-message.h"
#include "sync/mkv-sync-session-private.h"

G_BEGIN_DECLS

/* What is known of the other replicas, for people and for the schedule. Of as
 * many as fit: who was heard of longest ago makes room, strangers first. */
typedef struct _MkvSyncContacts MkvSyncContacts;

/* Why a peer is worth a word in the node's health. */
typedef enum
{
  MKV_SYNC_MARK_ALONE, /* sessions with it were of no use */
  MKV_SYNC_MARK_CLOCK, /* its horizon is later than this node's clock allows */
  MKV_SYNC_N_MARKS
} MkvSyncMark;

typedef struct
{
  char *client_id;
  gint64 heard_at;      /* monotonic, us */
  gint64 last_seen;     /* wall clock, ms */
  MkvSyncMessage *root; /* its last ROOT; NULL before the first */
  gint64 root_at;       /* when that came; monotonic, us */
  gboolean equal;       /* when it was heard of last, or a session with it ended */
  gint64 known_at;      /* when it was equal first; monotonic, us; 0 for a stranger */
  char *reason;         /* why not; NULL where nothing is known */
  gboolean marks[MKV_SYNC_N_MARKS];

  /* The last session with it; 0 before the first. */
  guint64 n_differed; /* entries that went either way */
  guint64 n_octets;
  guint n_messages;
} MkvSyncContact;

MkvSyncContacts *mkv_sync_contacts_new (void);
void mkv_sync_contacts_free (MkvSyncContacts *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncContacts, mkv_sync_contacts_free)

/* It was heard of now. */
MkvSyncContact *mkv_sync_contacts_hear (MkvSyncContacts *self, const char *client_id, gint64 now, gint64 wall);

MkvSyncContact *mkv_sync_contacts_look_up (MkvSyncContacts *self, const char *client_id);

/* It has just announced @root. */
void mkv_sync_contact_set_root (MkvSyncContact *peer, MkvSyncMessage *root);
void mkv_sync_contact_set_equal (MkvSyncContact *peer, gint64 now, gboolean equal, const char *reason);

/* Whether what @peer asks comes before what @other does: it was equal before, and
 * that for longer. Names that are made up are younger than those of replicas that
 * were there before. Either may be NULL. */
gboolean mkv_sync_contact_is_before (const MkvSyncContact *peer, const MkvSyncContact *other);

void mkv_sync_contact_note_session (MkvSyncContact *peer, const MkvSyncFigures *figures);

/* Whether one that is not @except announced @root at @since or later. */
gboolean mkv_sync_contacts_has_root (MkvSyncContacts *self, const guint8 *root, gint64 since, const char *except);

/* One whose root was another when it was heard of, at @since or later. */
MkvSyncContact *mkv_sync_contacts_find_unequal (MkvSyncContacts *self, gint64 since);

/* One with @mark that was heard of at @since or later. */
MkvSyncContact *mkv_sync_contacts_find_marked (MkvSyncContacts *self, MkvSyncMark mark, gint64 since);

/* As mkv_syncer_list_peers(). */
GVariant *mkv_sync_contacts_list (MkvSyncContacts *self);

G_END_DECLS
