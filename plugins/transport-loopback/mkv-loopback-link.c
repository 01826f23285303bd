/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-loopback-link.h"

/* Shared by the sources that wake a client, which may outlive the link. */
struct _MkvLoopbackWaker
{
  GWeakRef owner;
  void (*wake) (gpointer owner);
};

MkvLoopbackPacket *
mkv_loopback_packet_new (MkvLoopbackPacketKind kind)
{
  MkvLoopbackPacket *self = g_new0 (MkvLoopbackPacket, 1);

  self->kind = kind;
  return self;
}

void
mkv_loopback_packet_free (MkvLoopbackPacket *self)
{
  g_free (self->filter);
  g_clear_pointer (&self->message, mkv_message_unref);
  g_clear_pointer (&self->delivery, mkv_loopback_delivery_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static void
waker_clear (gpointer data)
{
  g_weak_ref_clear (&((MkvLoopbackWaker *) data)->owner);
}

static void
waker_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, waker_clear);
}

static gboolean
on_wake (gpointer user_data)
{
  MkvLoopbackWaker *waker = user_data;
  g_autoptr (GObject) owner = g_weak_ref_get (&waker->owner);

  if (owner != NULL)
    waker->wake (owner);
  return G_SOURCE_REMOVE;
}

MkvLoopbackLink *
mkv_loopback_link_new (const char *client_id, MkvClock *clock, GMainContext *context, guint expiry, guint window,
                       MkvMessage *will, GObject *owner, void (*wake) (gpointer owner))
{
  MkvLoopbackLink *self = g_new0 (MkvLoopbackLink, 1);

  self->client_id = g_strdup (client_id);
  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref (context);
  self->expiry = expiry;
  self->window = window;
  self->will = will != NULL ? mkv_loopback_message_copy (will) : NULL;
  self->waker = g_atomic_rc_box_new0 (MkvLoopbackWaker);
  g_weak_ref_init (&self->waker->owner, owner);
  self->waker->wake = wake;
  g_queue_init (&self->agenda);
  return self;
}

static void
cancel_wake (MkvLoopbackLink *self)
{
  if (self->wake == NULL)
    return;
  g_source_destroy (self->wake);
  g_clear_pointer (&self->wake, g_source_unref);
}

void
mkv_loopback_link_free (MkvLoopbackLink *self)
{
  cancel_wake (self);
  g_queue_clear_full (&self->agenda, (GDestroyNotify) mkv_loopback_packet_free);
  g_clear_error (&self->lost);
  g_clear_pointer (&self->will, mkv_message_unref);
  waker_unref (self->waker);
  g_main_context_unref (self->context);
  g_object_unref (self->clock);
  g_free (self->client_id);
  g_free (self);
}

gint64
mkv_loopback_link_get_now (MkvLoopbackLink *self)
{
  return mkv_clock_get_monotonic_time (self->clock);
}

static void
wake_at (MkvLoopbackLink *self, gint64 due)
{
  /* Too early does no harm: the client finds nothing due and comes back. */
  if (self->wake != NULL && self->wake_due <= due)
    return;
  cancel_wake (self);
  self->wake_due = due;
  self->wake = mkv_clock_timeout_source_new (self->clock, due - mkv_loopback_link_get_now (self));
  g_source_set_callback (self->wake, on_wake, g_atomic_rc_box_acquire (self->waker), waker_unref);
  g_source_attach (self->wake, self->context);
}

void
mkv_loopback_link_push (MkvLoopbackLink *self, MkvLoopbackPacket *packet, gint64 due)
{
  GList *l;

  packet->due = due;
  for (l = self->agenda.tail; l != NULL; l = l->prev)
    if (((MkvLoopbackPacket *) l->data)->due <= due)
      break;
  g_queue_insert_after (&self->agenda, l, packet);
  wake_at (self, due);
}

void
mkv_loopback_link_break (MkvLoopbackLink *self, GError *error)
{
  MkvLoopbackPacket *last = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_LOST);

  self->lost = error;
  last->error = g_error_copy (error);
  last->due = G_MAXINT64;
  g_queue_push_tail (&self->agenda, last);
  wake_at (self, 0);
}

/* A publisher has to hear of every message, also of those that went nowhere
 * and of those whose acknowledgement was on its way. */
static MkvLoopbackPacket *
pop_of_broken (MkvLoopbackLink *self)
{
  MkvLoopbackPacket *packet;

  while ((packet = g_queue_pop_head (&self->agenda)) != NULL)
    {
      if (packet->kind == MKV_LOOPBACK_PACKET_LOST)
        return packet;
      if (packet->kind == MKV_LOOPBACK_PACKET_PUBLISH || packet->kind == MKV_LOOPBACK_PACKET_PUBACK)
        {
          packet->kind = MKV_LOOPBACK_PACKET_PUBACK;
          packet->reason = -1;
          return packet;
        }
      mkv_loopback_packet_free (packet);
    }
  return NULL;
}

void
mkv_loopback_link_woken (MkvLoopbackLink *self)
{
  cancel_wake (self);
}

void
mkv_loopback_link_wake (MkvLoopbackLink *self)
{
  wake_at (self, 0);
}

MkvLoopbackPacket *
mkv_loopback_link_pop (MkvLoopbackLink *self)
{
  MkvLoopbackPacket *packet;

  if (self->lost != NULL)
    return pop_of_broken (self);
  packet = g_queue_peek_head (&self->agenda);
  if (packet == NULL)
    {
      cancel_wake (self);
      return NULL;
    }
  if (packet->due <= mkv_loopback_link_get_now (self))
    return g_queue_pop_head (&self->agenda);
  cancel_wake (self);
  wake_at (self, packet->due);
  return NULL;
}
