/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-loopback-session.h"

#include <string.h>

typedef struct
{
  char *filter;
  gboolean own_messages;
} Subscription;

static void
subscription_free (gpointer data)
{
  Subscription *subscription = data;

  g_free (subscription->filter);
  g_free (subscription);
}

MkvLoopbackDelivery *
mkv_loopback_delivery_new (MkvMessage *message, gint64 now)
{
  MkvLoopbackDelivery *self = g_atomic_rc_box_new0 (MkvLoopbackDelivery);

  self->message = mkv_message_ref (message);
  self->stored_at = now;
  return self;
}

MkvLoopbackDelivery *
mkv_loopback_delivery_ref (MkvLoopbackDelivery *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
delivery_clear (gpointer data)
{
  mkv_message_unref (((MkvLoopbackDelivery *) data)->message);
}

void
mkv_loopback_delivery_unref (MkvLoopbackDelivery *self)
{
  g_atomic_rc_box_release_full (self, delivery_clear);
}

MkvLoopbackSession *
mkv_loopback_session_new (const char *client_id, MkvClock *clock)
{
  MkvLoopbackSession *self = g_new0 (MkvLoopbackSession, 1);

  self->client_id = g_strdup (client_id);
  self->clock = g_object_ref (clock);
  self->subscriptions = g_ptr_array_new_with_free_func (subscription_free);
  g_queue_init (&self->queue);
  g_queue_init (&self->unhandled);
  return self;
}

void
mkv_loopback_session_free (MkvLoopbackSession *self)
{
  g_queue_clear_full (&self->queue, (GDestroyNotify) mkv_loopback_delivery_unref);
  g_queue_clear_full (&self->unhandled, (GDestroyNotify) mkv_loopback_delivery_unref);
  g_ptr_array_unref (self->subscriptions);
  g_object_unref (self->clock);
  g_free (self->client_id);
  g_free (self);
}

gboolean
mkv_loopback_session_is_expired (MkvLoopbackSession *self)
{
  if (self->link != NULL || self->expiry == G_MAXUINT32)
    return FALSE;
  return mkv_clock_get_monotonic_time (self->clock) - self->left_at >= (gint64) self->expiry * G_USEC_PER_SEC;
}

void
mkv_loopback_session_subscribe (MkvLoopbackSession *self, const char *filter, gboolean own_messages)
{
  Subscription *subscription = NULL;

  for (guint i = 0; i < self->subscriptions->len && subscription == NULL; i++)
    if (g_str_equal (((Subscription *) self->subscriptions->pdata[i])->filter, filter))
      subscription = self->subscriptions->pdata[i];
  if (subscription == NULL)
    {
      subscription = g_new0 (Subscription, 1);
      subscription->filter = g_strdup (filter);
      g_ptr_array_add (self->subscriptions, subscription);
    }
  subscription->own_messages = own_messages;
}

gboolean
mkv_loopback_session_wants (MkvLoopbackSession *self, const char *topic, gboolean own)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      const Subscription *subscription = self->subscriptions->pdata[i];

      if ((!own || subscription->own_messages) && mkv_loopback_filter_matches (subscription->filter, topic))
        return TRUE;
    }
  return FALSE;
}

void
mkv_loopback_session_requeue (MkvLoopbackSession *self)
{
  gpointer delivery;

  while ((delivery = g_queue_pop_tail (&self->unhandled)) != NULL)
    g_queue_push_head (&self->queue, delivery);
}

gboolean
mkv_loopback_session_settle (MkvLoopbackSession *self, MkvLoopbackDelivery *delivery)
{
  if (!g_queue_remove (&self->unhandled, delivery))
    return FALSE;
  mkv_loopback_delivery_unref (delivery);
  return TRUE;
}

/* A wildcard stands alone in its level, and # in the last one. */
gboolean
mkv_loopback_filter_is_valid (const char *filter)
{
  if (*filter == 0)
    return FALSE;
  for (const char *p = filter; *p != 0; p++)
    {
      if (*p != '+' && *p != '#')
        continue;
      if (p > filter && p[-1] != '/')
        return FALSE;
      if (p[1] != 0 && (*p == '#' || p[1] != '/'))
        return FALSE;
    }
  return TRUE;
}

gboolean
mkv_loopback_filter_matches (const char *filter, const char *topic)
{
  if (*topic == '$' && *filter != '$')
    return FALSE;
  for (;;)
    {
      if (*filter == '#')
        return TRUE;
      if (*filter == '+')
        {
          filter++;
          while (*topic != 0 && *topic != '/')
            topic++;
        }
      /* "a/#" is for "a" too. */
      if (*topic == 0)
        return *filter == 0 || g_str_equal (filter, "/#");
      if (*filter != *topic)
        return FALSE;
      filter++;
      topic++;
    }
}

MkvMessage *
mkv_loopback_message_copy (MkvMessage *message)
{
  MkvMessage *copy = mkv_message_new (mkv_message_get_topic (message), mkv_message_get_payload (message));
  g_auto (GStrv) properties = mkv_message_list_user_properties (message);

  mkv_message_set_content_type (copy, mkv_message_get_content_type (message));
  mkv_message_set_response_topic (copy, mkv_message_get_response_topic (message));
  mkv_message_set_correlation_data (copy, mkv_message_get_correlation_data (message));
  mkv_message_set_expiry (copy, mkv_message_get_expiry (message));
  mkv_message_set_retain (copy, mkv_message_get_retain (message));
  for (guint i = 0; properties[i] != NULL; i += 2)
    mkv_message_set_user_property (copy, properties[i], properties[i + 1]);
  return copy;
}
