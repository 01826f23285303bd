/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "mkv-loopback-session.h"

G_BEGIN_DECLS

typedef enum
{
  /* To the broker. */
  MKV_LOOPBACK_PACKET_CONNECT,
  MKV_LOOPBACK_PACKET_PUBLISH,
  MKV_LOOPBACK_PACKET_SUBSCRIBE,
  /* To the client. */
  MKV_LOOPBACK_PACKET_CONNACK,
  MKV_LOOPBACK_PACKET_PUBACK,
  MKV_LOOPBACK_PACKET_SUBACK,
  MKV_LOOPBACK_PACKET_MESSAGE,
  MKV_LOOPBACK_PACKET_LOST, /* the last of a connection */
} MkvLoopbackPacketKind;

typedef struct
{
  MkvLoopbackPacketKind kind;
  gint64 due;                    /* of the client's monotonic clock */
  guint id;                      /* of PUBLISH and PUBACK */
  gint reason;                   /* of PUBACK */
  gboolean flag;                 /* own messages of SUBSCRIBE, session present of CONNACK */
  guint expiry;                  /* of MESSAGE: the seconds that are left, 0 for ever */
  char *filter;                  /* of SUBSCRIBE and SUBACK */
  MkvMessage *message;           /* of PUBLISH */
  MkvLoopbackDelivery *delivery; /* of MESSAGE */
  GError *error;                 /* of SUBACK and LOST */
} MkvLoopbackPacket;

MkvLoopbackPacket *mkv_loopback_packet_new (MkvLoopbackPacketKind kind);
void mkv_loopback_packet_free (MkvLoopbackPacket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLoopbackPacket, mkv_loopback_packet_free)

typedef struct _MkvLoopbackWaker MkvLoopbackWaker;

/* One connection, or the attempt to make one: what is on its way between a
 * client and the broker. The client owns it; all but the constants are guarded
 * by the broker's mutex. */
struct _MkvLoopbackLink
{
  char *client_id;
  MkvClock *clock;
  GMainContext *context; /* the client's */
  guint expiry;          /* of the session, in seconds; G_MAXUINT32 for never */
  guint window;          /* how many messages the client takes before it has handled one */
  MkvMessage *will;      /* NULL if there is none */
  MkvLoopbackWaker *waker;

  MkvLoopbackSession *session; /* NULL before it is accepted and after it is broken */
  GError *lost;                /* why it is broken; what is still in the agenda is lost */
  GQueue agenda;               /* of MkvLoopbackPacket, by due time, first come first */
  gint64 due_up, due_down;     /* no packet of that direction overtakes this */
  GSource *wake;               /* NULL if nothing is to come */
  gint64 wake_due;
};

/* @wake is called with @owner in @context when the agenda has something due; a
 * link does not keep its owner alive. */
MkvLoopbackLink *mkv_loopback_link_new (const char *client_id, MkvClock *clock, GMainContext *context,
                                        guint expiry, guint window, MkvMessage *will, GObject *owner,
                                        void (*wake) (gpointer owner));
void mkv_loopback_link_free (MkvLoopbackLink *self);

gint64 mkv_loopback_link_get_now (MkvLoopbackLink *self);

/* Takes @packet, and sees to it that the client wakes. */
void mkv_loopback_link_push (MkvLoopbackLink *self, MkvLoopbackPacket *packet, gint64 due);

/* From now on nothing passes, and the client gets to know. */
void mkv_loopback_link_break (MkvLoopbackLink *self, GError *error);

/* To be called when the client woke, so that it wakes again for what comes
 * from now on, even while it is busy with what was due; and to wake it for what
 * it leaves. */
void mkv_loopback_link_woken (MkvLoopbackLink *self);
void mkv_loopback_link_wake (MkvLoopbackLink *self);

/* The next packet that is due, or NULL: then the client wakes when one is. Of a
 * broken link, all that the client has to know. */
MkvLoopbackPacket *mkv_loopback_link_pop (MkvLoopbackLink *self);

G_END_DECLS
