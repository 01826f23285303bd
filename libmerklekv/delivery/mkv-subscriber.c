/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "delivery/mkv-subscriber-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

/* Own presence makes one round trip. */
#define HEAR_TIMEOUT (10 * G_USEC_PER_SEC)

/* How often what does not work is tried again: an administrator may mend the
 * broker's rules without breaking the connection. */
#define RETRY_INTERVAL (60 * G_USEC_PER_SEC)

#define ONLINE "{\"status\":\"online\""
#define OFFLINE "{\"status\":\"offline\""

typedef struct
{
  char *topic;
  gboolean good; /* the broker granted it; holds as long as the session does */
  GError *error; /* the last answer */
} Subscription;

struct _MkvSubscriber
{
  MkvTransport *transport;
  MkvClock *clock;
  MkvObserver *observer;
  GMainContext *context;
  GPtrArray *subscriptions; /* of Subscription; the response topic is the first */
  char *online_end;         /* how a presence of this node ends */
  gboolean listening;       /* for own presence */
  GSource *check;           /* NULL if there is nothing to find out */
};

static void
subscription_free (gpointer data)
{
  Subscription *subscription = data;

  g_free (subscription->topic);
  g_clear_error (&subscription->error);
  g_free (subscription);
}

static Subscription *
get_response_subscription (MkvSubscriber *self)
{
  return self->subscriptions->pdata[0];
}

MkvSubscriber *
mkv_subscriber_new (MkvTransport *transport, const char *response_topic, const char *node_id, MkvClock *clock,
                    MkvObserver *observer)
{
  MkvSubscriber *self = g_new0 (MkvSubscriber, 1);

  self->transport = g_object_ref (transport);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->context = g_main_context_ref_thread_default ();
  self->subscriptions = g_ptr_array_new_with_free_func (subscription_free);
  /* Ids have no character that JSON would escape. */
  self->online_end = g_strdup_printf (",\"node_id\":\"%s\"}", node_id);
  mkv_subscriber_add_topic (self, response_topic);
  return self;
}

static void
cancel_check (MkvSubscriber *self)
{
  if (self->check == NULL)
    return;
  g_source_destroy (self->check);
  g_clear_pointer (&self->check, g_source_unref);
}

void
mkv_subscriber_free (MkvSubscriber *self)
{
  cancel_check (self);
  g_ptr_array_unref (self->subscriptions);
  g_object_unref (self->transport);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  g_main_context_unref (self->context);
  g_free (self->online_end);
  g_free (self);
}

void
mkv_subscriber_reset (MkvSubscriber *self)
{
  g_ptr_array_set_size (self->subscriptions, 1);
  get_response_subscription (self)->good = FALSE;
}

void
mkv_subscriber_add_topic (MkvSubscriber *self, const char *topic)
{
  Subscription *subscription = g_new0 (Subscription, 1);

  subscription->topic = g_strdup (topic);
  g_ptr_array_add (self->subscriptions, subscription);
}

static MkvMessage *
make_presence (MkvSubscriber *self, const char *start, const char *end)
{
  char *text = g_strdup_printf ("%s,\"timestamp_ms\":%" G_GINT64_FORMAT "%s", start,
                                mkv_clock_get_time (self->clock), end);
  g_autoptr (GBytes) payload = g_bytes_new_take (text, strlen (text));
  MkvMessage *message = mkv_message_new (get_response_subscription (self)->topic, payload);

  mkv_message_set_content_type (message, "application/json");
  return message;
}

MkvMessage *
mkv_subscriber_make_will (MkvSubscriber *self)
{
  return make_presence (self, OFFLINE, "}");
}

static void
publish_presence (MkvSubscriber *self)
{
  g_autoptr (MkvMessage) message = make_presence (self, ONLINE, self->online_end);
  g_autoptr (GError) error = NULL;

  if (!mkv_transport_publish (self->transport, message, 0, &error))
    {
      g_info (_("Presence was not published: %s"), error->message);
      return;
    }
  mkv_observer_count (self->observer, MKV_COUNTER_MESSAGES_SENT, 1);
  mkv_observer_count (self->observer, MKV_COUNTER_BYTES_SENT,
                      (guint) g_bytes_get_size (mkv_message_get_payload (message)));
}

static void
update_condition (MkvSubscriber *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      const Subscription *subscription = self->subscriptions->pdata[i];

      if (subscription->error != NULL)
        g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", subscription->topic,
                                subscription->error->message);
    }
  if (text->len > 0)
    mkv_observer_set_condition (self->observer, "subscription", MKV_HEALTH_DEGRADED,
                                _("Not everything arrives as it should: %s"), text->str);
  else
    mkv_observer_clear_condition (self->observer, "subscription");
}

static void
subscribe (MkvSubscriber *self, Subscription *subscription, gboolean own_messages)
{
  GError *error = NULL;

  subscription->good = FALSE;
  if (mkv_transport_subscribe (self->transport, subscription->topic, own_messages, &error))
    return;
  /* A connection that is just going says so itself. */
  if (!g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED))
    mkv_subscriber_answered (self, subscription->topic, error);
  g_error_free (error);
}

/* Subscribes to what the session is not known to have. */
static void
subscribe_missing (MkvSubscriber *self)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      Subscription *subscription = self->subscriptions->pdata[i];

      if (!subscription->good)
        subscribe (self, subscription, self->listening && i == 0);
    }
}

static gboolean
is_all_good (MkvSubscriber *self)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    if (!((Subscription *) self->subscriptions->pdata[i])->good)
      return FALSE;
  return !self->listening;
}

static gboolean
on_check (gpointer user_data)
{
  MkvSubscriber *self = user_data;
  Subscription *responses = get_response_subscription (self);

  g_clear_pointer (&self->check, g_source_unref);
  if (is_all_good (self))
    return G_SOURCE_REMOVE;
  self->check = mkv_clock_add_timeout (self->clock, RETRY_INTERVAL, self->context, on_check, self);
  if (self->listening && responses->error == NULL)
    mkv_observer_set_condition (self->observer, "deaf-subscription", MKV_HEALTH_DEGRADED,
                                _("This node does not hear what it publishes on %s: probably the broker's access "
                                  "rules (ACL) don't let it publish or subscribe there, and nothing else arrives "
                                  "either"), responses->topic);
  if (self->listening)
    responses->good = FALSE;
  subscribe_missing (self);
  if (self->listening)
    publish_presence (self);
  return G_SOURCE_REMOVE;
}

void
mkv_subscriber_connected (MkvSubscriber *self, gboolean session_present)
{
  for (guint i = 0; i < self->subscriptions->len && !session_present; i++)
    ((Subscription *) self->subscriptions->pdata[i])->good = FALSE;
  self->listening = !get_response_subscription (self)->good;
  cancel_check (self);
  if (!is_all_good (self))
    self->check = mkv_clock_add_timeout (self->clock, HEAR_TIMEOUT, self->context, on_check, self);
  subscribe_missing (self);
  publish_presence (self);
}

void
mkv_subscriber_disconnected (MkvSubscriber *self)
{
  cancel_check (self);
  self->listening = FALSE;
}

void
mkv_subscriber_refused (MkvSubscriber *self)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    ((Subscription *) self->subscriptions->pdata[i])->good = FALSE;
}

void
mkv_subscriber_answered (MkvSubscriber *self, const char *topic, const GError *error)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      Subscription *subscription = self->subscriptions->pdata[i];

      if (!g_str_equal (subscription->topic, topic))
        continue;
      subscription->good = error == NULL;
      g_clear_error (&subscription->error);
      subscription->error = error != NULL ? g_error_copy (error) : NULL;
      update_condition (self);
    }
}

static gboolean
has_prefix (GBytes *payload, const char *prefix)
{
  gsize size, length = strlen (prefix);
  const char *octets = g_bytes_get_data (payload, &size);

  return size >= length && memcmp (octets, prefix, length) == 0;
}

static gboolean
has_suffix (GBytes *payload, const char *suffix)
{
  gsize size, length = strlen (suffix);
  const char *octets = g_bytes_get_data (payload, &size);

  return size >= length && memcmp (octets + size - length, suffix, length) == 0;
}

/* Presence on this topic is written by this program alone, so its octets are
 * known; whatever else claims to be presence is an answer that nobody waits for. */
gboolean
mkv_subscriber_hear (MkvSubscriber *self, GBytes *payload)
{
  gboolean online = has_prefix (payload, ONLINE);

  if (!online && !has_prefix (payload, OFFLINE))
    return FALSE;
  if (!self->listening || !online || !has_suffix (payload, self->online_end))
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_OWN, _("Presence came back on %s"),
                         get_response_subscription (self)->topic);
      return TRUE;
    }
  self->listening = FALSE;
  mkv_observer_clear_condition (self->observer, "deaf-subscription");
  /* That was all there is to hear of oneself. */
  subscribe (self, get_response_subscription (self), FALSE);
  return TRUE;
}
