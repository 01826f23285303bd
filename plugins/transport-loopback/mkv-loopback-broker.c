/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-loopback-broker-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "mkv-loopback-road.h"
#include "mkv-loopback-rules.h"

#define DEFAULT_SESSION_QUEUE 10000

#define REASON_GRANTED_QOS_0 0x00
#define REASON_GRANTED_QOS_1 0x01
#define REASON_REFUSED 0x80
#define REASON_BAD_CREDENTIALS 0x86
#define REASON_NOT_AUTHORIZED 0x87

struct _MkvLoopbackBroker
{
  GObject parent_instance;

  char *uri;

  /* Guards all below and, but for their constants, the sessions and links. No
   * code of a client runs under it; the registry's mutex is not taken under it. */
  GMutex mutex;
  GPtrArray *sessions; /* of MkvLoopbackSession: an array, so that their order is always the same */
  MkvLoopbackRules *rules;
  GHashTable *cut;     /* client ids */
  gboolean all_cut;
  GHashTable *groups;  /* client id to its group, where that is not 0 */
  MkvLoopbackRoad *road;
  guint session_queue;
  MkvLoopbackCounts counts;
};

G_DEFINE_FINAL_TYPE (MkvLoopbackBroker, mkv_loopback_broker, G_TYPE_OBJECT)

/* Every broker that somebody holds, by URI, as GWeakRef: an entry may be of one
 * that is just being finalized. */
static GMutex registry_mutex;
static GHashTable *registry;

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
mkv_loopback_broker_finalize (GObject *object)
{
  MkvLoopbackBroker *self = MKV_LOOPBACK_BROKER (object);

  g_ptr_array_unref (self->sessions);
  mkv_loopback_rules_free (self->rules);
  g_hash_table_unref (self->cut);
  g_hash_table_unref (self->groups);
  mkv_loopback_road_free (self->road);
  g_free (self->uri);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (mkv_loopback_broker_parent_class)->finalize (object);
}

static void
mkv_loopback_broker_class_init (MkvLoopbackBrokerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_loopback_broker_finalize;
}

static void
mkv_loopback_broker_init (MkvLoopbackBroker *self)
{
  g_mutex_init (&self->mutex);
  self->sessions = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_loopback_session_free);
  self->rules = mkv_loopback_rules_new ();
  self->cut = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->road = mkv_loopback_road_new ();
  self->session_queue = DEFAULT_SESSION_QUEUE;
}

MkvLoopbackBroker *
mkv_loopback_broker_get (const char *uri)
{
  MkvLoopbackBroker *self;
  GWeakRef *entry;

  g_mutex_lock (&registry_mutex);
  if (registry == NULL)
    registry = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, weak_ref_free);
  entry = g_hash_table_lookup (registry, uri);
  self = entry != NULL ? g_weak_ref_get (entry) : NULL;
  if (self == NULL)
    {
      self = g_object_new (MKV_TYPE_LOOPBACK_BROKER, NULL);
      self->uri = g_strdup (uri);
      entry = g_new0 (GWeakRef, 1);
      g_weak_ref_init (entry, self);
      g_hash_table_insert (registry, g_strdup (uri), entry);
    }
  g_mutex_unlock (&registry_mutex);
  return self;
}

static void
push_delivery (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvLoopbackDelivery *delivery)
{
  if (mkv_loopback_road_deliver (self->road, link, delivery))
    self->counts.reordered++;
}

/* Sends what waits, as far as the client's window allows. */
static void
pump (MkvLoopbackBroker *self, MkvLoopbackSession *session)
{
  MkvLoopbackDelivery *delivery;

  while (session->link != NULL && session->unhandled.length < session->link->window
         && (delivery = g_queue_pop_head (&session->queue)) != NULL)
    {
      g_queue_push_tail (&session->unhandled, delivery);
      push_delivery (self, session->link, delivery);
      if (mkv_loopback_road_happens (self->road, self->road->duplication))
        {
          self->counts.duplicated++;
          push_delivery (self, session->link, delivery);
        }
    }
}

static void
forget_expired_sessions (MkvLoopbackBroker *self)
{
  for (guint i = self->sessions->len; i > 0; i--)
    if (mkv_loopback_session_is_expired (self->sessions->pdata[i - 1]))
      g_ptr_array_remove_index (self->sessions, i - 1);
}

/* Whoever nobody knows is in every group. */
static gboolean
is_parted (MkvLoopbackBroker *self, const char *client_id, const char *other_id)
{
  return client_id != NULL && g_hash_table_size (self->groups) > 0
         && g_hash_table_lookup (self->groups, client_id) != g_hash_table_lookup (self->groups, other_id);
}

/* Hands @message, of @client_id or, if NULL, of nobody known, to every session
 * that wants it. */
static void
fan_out (MkvLoopbackBroker *self, const char *client_id, MkvMessage *message)
{
  const char *topic = mkv_message_get_topic (message);

  forget_expired_sessions (self);
  for (guint i = 0; i < self->sessions->len; i++)
    {
      MkvLoopbackSession *session = self->sessions->pdata[i];

      if (!mkv_loopback_session_wants (session, topic, g_strcmp0 (session->client_id, client_id) == 0))
        continue;
      if (mkv_loopback_rules_find (self->rules, MKV_LOOPBACK_RECEIVE, session->client_id, topic, 0)
          >= REASON_REFUSED)
        continue;
      if (is_parted (self, client_id, session->client_id))
        self->counts.parted++;
      else if (mkv_loopback_road_happens (self->road, self->road->loss))
        self->counts.lost++;
      else if (session->queue.length >= self->session_queue)
        self->counts.overflowed++;
      else
        {
          gint64 now = mkv_clock_get_monotonic_time (session->clock);

          g_queue_push_tail (&session->queue, mkv_loopback_delivery_new (message, now));
          pump (self, session);
        }
    }
}

static MkvLoopbackSession *
find_session (MkvLoopbackBroker *self, const char *client_id)
{
  for (guint i = 0; i < self->sessions->len; i++)
    if (g_str_equal (((MkvLoopbackSession *) self->sessions->pdata[i])->client_id, client_id))
      return self->sessions->pdata[i];
  return NULL;
}

/* The connection of @client_id, or of anybody if that is NULL. */
static MkvLoopbackLink *
find_link (MkvLoopbackBroker *self, const char *client_id)
{
  for (guint i = 0; i < self->sessions->len; i++)
    {
      const MkvLoopbackSession *session = self->sessions->pdata[i];

      if (session->link != NULL && (client_id == NULL || g_str_equal (session->client_id, client_id)))
        return session->link;
    }
  return NULL;
}

static void
detach (MkvLoopbackBroker *self, MkvLoopbackLink *link, gboolean publish_will)
{
  MkvLoopbackSession *session = g_steal_pointer (&link->session);

  if (session == NULL)
    return;
  session->link = NULL;
  session->left_at = mkv_clock_get_monotonic_time (session->clock);
  if (publish_will && link->will != NULL)
    {
      self->counts.wills++;
      fan_out (self, link->client_id, link->will);
    }
}

static void
break_link (MkvLoopbackBroker *self, MkvLoopbackLink *link, gboolean publish_will)
{
  detach (self, link, publish_will);
  mkv_loopback_link_break (link, g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                                              _("The connection to the broker %s was lost"), self->uri));
}

static void
accept_link (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  guint reason = mkv_loopback_rules_find (self->rules, MKV_LOOPBACK_CONNECT, link->client_id, NULL, 0);
  MkvLoopbackPacket *answer;
  MkvLoopbackSession *session;

  if (self->all_cut || g_hash_table_contains (self->cut, link->client_id))
    {
      mkv_loopback_link_break (link, g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                                                  _("The broker %s can't be reached"), self->uri));
      return;
    }
  if (reason >= REASON_REFUSED)
    {
      gboolean denied = reason == REASON_BAD_CREDENTIALS || reason == REASON_NOT_AUTHORIZED;

      self->counts.refused++;
      mkv_loopback_link_break (link, g_error_new (MKV_ERROR,
                                                  denied ? MKV_ERROR_UNAUTHORIZED : MKV_ERROR_NOT_CONNECTED,
                                                  _("The broker %s refused the connection with reason 0x%02x"),
                                                  self->uri, reason));
      return;
    }

  forget_expired_sessions (self);
  session = find_session (self, link->client_id);
  answer = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_CONNACK);
  answer->flag = session != NULL;
  if (session == NULL)
    {
      session = mkv_loopback_session_new (link->client_id, link->clock);
      g_ptr_array_add (self->sessions, session);
    }
  else if (session->link != NULL)
    {
      MkvLoopbackLink *other = session->link;

      /* The session lives on: no will. */
      detach (self, other, FALSE);
      mkv_loopback_link_break (other, g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                                                   _("Another client has connected to %s as “%s”: every client "
                                                     "needs an id of its own"), self->uri, link->client_id));
    }
  g_set_object (&session->clock, link->clock);
  session->expiry = link->expiry;
  session->link = link;
  link->session = session;
  mkv_loopback_road_push_down (self->road, link, answer);
  mkv_loopback_session_requeue (session);
  pump (self, session);
}

static void
take_publish (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet)
{
  MkvLoopbackPacket *answer = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_PUBACK);
  guint reason = mkv_loopback_rules_find (self->rules, MKV_LOOPBACK_PUBLISH, link->client_id,
                                          mkv_message_get_topic (packet->message), 0);

  answer->id = packet->id;
  answer->reason = (gint) reason;
  mkv_loopback_road_push_down (self->road, link, answer);
  if (reason >= REASON_REFUSED)
    self->counts.refused++;
  else
    {
      self->counts.published++;
      fan_out (self, link->client_id, packet->message);
    }
}

static void
take_subscribe (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet)
{
  MkvLoopbackPacket *answer = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_SUBACK);
  guint reason = mkv_loopback_rules_find (self->rules, MKV_LOOPBACK_SUBSCRIBE, link->client_id,
                                          packet->filter, REASON_GRANTED_QOS_1);

  if (reason >= REASON_REFUSED)
    {
      self->counts.refused++;
      answer->error = g_error_new (MKV_ERROR, MKV_ERROR_FORBIDDEN,
                                   _("The broker refused the subscription with reason 0x%02x"), reason);
    }
  else
    {
      mkv_loopback_session_subscribe (link->session, packet->filter, packet->flag);
      if (reason == REASON_GRANTED_QOS_0)
        answer->error = g_error_new_literal (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                                             _("The broker granted QoS 0 instead of 1: messages may be lost"));
    }
  answer->filter = g_steal_pointer (&packet->filter);
  mkv_loopback_road_push_down (self->road, link, answer);
}

/* Whether the message still is to be delivered. */
static gboolean
check_expiry (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvLoopbackPacket *packet)
{
  guint expiry = mkv_message_get_expiry (packet->delivery->message);
  gint64 waited = (mkv_loopback_link_get_now (link) - packet->delivery->stored_at) / G_USEC_PER_SEC;

  if (expiry == 0 || waited < expiry)
    {
      packet->expiry = expiry == 0 ? 0 : expiry - (guint) waited;
      return TRUE;
    }
  self->counts.expired++;
  if (mkv_loopback_session_settle (link->session, packet->delivery))
    pump (self, link->session);
  return FALSE;
}

void
mkv_loopback_broker_connect_link (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  g_mutex_lock (&self->mutex);
  mkv_loopback_road_push_up (self->road, link, mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_CONNECT));
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_close_link (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  g_mutex_lock (&self->mutex);
  detach (self, link, TRUE);
  g_mutex_unlock (&self->mutex);
  mkv_loopback_link_free (link);
}

void
mkv_loopback_broker_take_leave (MkvLoopbackBroker *self, MkvLoopbackLink *link, GArray *lost)
{
  MkvLoopbackPacket *packet;

  g_mutex_lock (&self->mutex);
  while ((packet = g_queue_pop_head (&link->agenda)) != NULL)
    {
      if (packet->kind == MKV_LOOPBACK_PACKET_PUBLISH && link->session != NULL)
        take_publish (self, link, packet); /* its PUBACK comes by here later */
      else if (packet->kind == MKV_LOOPBACK_PACKET_SUBSCRIBE && link->session != NULL)
        take_subscribe (self, link, packet);
      else if (packet->id != 0)
        g_array_append_val (lost, packet->id);
      mkv_loopback_packet_free (packet);
    }
  detach (self, link, FALSE);
  g_mutex_unlock (&self->mutex);
  mkv_loopback_link_free (link);
}

void
mkv_loopback_broker_publish (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvMessage *message, guint id)
{
  MkvLoopbackPacket *packet = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_PUBLISH);

  packet->id = id;
  packet->message = mkv_loopback_message_copy (message);
  g_mutex_lock (&self->mutex);
  mkv_loopback_road_push_up (self->road, link, packet);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_subscribe (MkvLoopbackBroker *self, MkvLoopbackLink *link, const char *filter,
                               gboolean own_messages)
{
  MkvLoopbackPacket *packet = mkv_loopback_packet_new (MKV_LOOPBACK_PACKET_SUBSCRIBE);

  packet->filter = g_strdup (filter);
  packet->flag = own_messages;
  g_mutex_lock (&self->mutex);
  mkv_loopback_road_push_up (self->road, link, packet);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_acknowledge (MkvLoopbackBroker *self, MkvLoopbackLink *link, MkvLoopbackDelivery *delivery)
{
  g_mutex_lock (&self->mutex);
  if (link->session != NULL && mkv_loopback_session_settle (link->session, delivery))
    {
      self->counts.handled++;
      pump (self, link->session);
    }
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_begin (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  g_mutex_lock (&self->mutex);
  mkv_loopback_link_woken (link);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_leave (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  g_mutex_lock (&self->mutex);
  mkv_loopback_link_wake (link);
  g_mutex_unlock (&self->mutex);
}

/* The next packet for the client; those to the broker take effect here. */
MkvLoopbackPacket *
mkv_loopback_broker_next (MkvLoopbackBroker *self, MkvLoopbackLink *link)
{
  MkvLoopbackPacket *packet;
  gboolean for_client = FALSE;

  g_mutex_lock (&self->mutex);
  while (!for_client && (packet = mkv_loopback_link_pop (link)) != NULL)
    {
      switch (packet->kind)
        {
        case MKV_LOOPBACK_PACKET_CONNECT:
          accept_link (self, link);
          break;
        case MKV_LOOPBACK_PACKET_PUBLISH:
          take_publish (self, link, packet);
          break;
        case MKV_LOOPBACK_PACKET_SUBSCRIBE:
          take_subscribe (self, link, packet);
          break;
        case MKV_LOOPBACK_PACKET_MESSAGE:
          for_client = check_expiry (self, link, packet);
          self->counts.delivered += for_client ? 1 : 0;
          break;
        default:
          for_client = TRUE;
          break;
        }
      if (!for_client)
        mkv_loopback_packet_free (packet);
    }
  g_mutex_unlock (&self->mutex);
  return packet;
}

void
mkv_loopback_broker_set_seed (MkvLoopbackBroker *self, guint32 seed)
{
  g_mutex_lock (&self->mutex);
  g_rand_set_seed (self->road->rand, seed);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_delay (MkvLoopbackBroker *self, gint64 min_us, gint64 max_us)
{
  g_mutex_lock (&self->mutex);
  self->road->min_delay = min_us;
  self->road->max_delay = max_us;
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_loss (MkvLoopbackBroker *self, double probability)
{
  g_mutex_lock (&self->mutex);
  self->road->loss = probability;
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_duplication (MkvLoopbackBroker *self, double probability)
{
  g_mutex_lock (&self->mutex);
  self->road->duplication = probability;
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_reordering (MkvLoopbackBroker *self, double probability, gint64 window_us)
{
  g_mutex_lock (&self->mutex);
  self->road->reordering = probability;
  self->road->reordering_window = window_us;
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_session_queue (MkvLoopbackBroker *self, guint n_messages)
{
  g_mutex_lock (&self->mutex);
  self->session_queue = n_messages;
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_reason (MkvLoopbackBroker *self, MkvLoopbackAction action, const char *client_id,
                                const char *filter, guint8 reason)
{
  g_mutex_lock (&self->mutex);
  mkv_loopback_rules_set (self->rules, action, client_id, filter, reason);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_clear_reasons (MkvLoopbackBroker *self)
{
  g_mutex_lock (&self->mutex);
  mkv_loopback_rules_clear (self->rules);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_cut (MkvLoopbackBroker *self, const char *client_id)
{
  MkvLoopbackLink *link;

  g_mutex_lock (&self->mutex);
  if (client_id == NULL)
    self->all_cut = TRUE;
  else
    g_hash_table_add (self->cut, g_strdup (client_id));
  while ((link = find_link (self, client_id)) != NULL)
    break_link (self, link, TRUE);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_heal (MkvLoopbackBroker *self, const char *client_id)
{
  g_mutex_lock (&self->mutex);
  if (client_id == NULL)
    {
      self->all_cut = FALSE;
      g_hash_table_remove_all (self->cut);
    }
  else
    g_hash_table_remove (self->cut, client_id);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_set_group (MkvLoopbackBroker *self, const char *client_id, guint group)
{
  g_mutex_lock (&self->mutex);
  if (client_id == NULL)
    g_hash_table_remove_all (self->groups);
  else if (group == 0)
    g_hash_table_remove (self->groups, client_id);
  else
    g_hash_table_insert (self->groups, g_strdup (client_id), GUINT_TO_POINTER (group));
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_drop_sessions (MkvLoopbackBroker *self)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->sessions->len; i++)
    {
      MkvLoopbackSession *session = self->sessions->pdata[i];

      if (session->link != NULL)
        break_link (self, session->link, FALSE);
    }
  g_ptr_array_set_size (self->sessions, 0);
  g_mutex_unlock (&self->mutex);
}

void
mkv_loopback_broker_inject (MkvLoopbackBroker *self, MkvMessage *message)
{
  g_autoptr (MkvMessage) copy = mkv_loopback_message_copy (message);

  g_mutex_lock (&self->mutex);
  fan_out (self, NULL, copy);
  g_mutex_unlock (&self->mutex);
}

gboolean
mkv_loopback_broker_is_connected (MkvLoopbackBroker *self, const char *client_id)
{
  gboolean connected;

  g_mutex_lock (&self->mutex);
  connected = find_link (self, client_id) != NULL;
  g_mutex_unlock (&self->mutex);
  return connected;
}

guint
mkv_loopback_broker_get_waiting (MkvLoopbackBroker *self, const char *client_id)
{
  MkvLoopbackSession *session;
  guint waiting;

  g_mutex_lock (&self->mutex);
  session = find_session (self, client_id);
  waiting = session != NULL ? session->queue.length + session->unhandled.length : 0;
  g_mutex_unlock (&self->mutex);
  return waiting;
}

void
mkv_loopback_broker_get_counts (MkvLoopbackBroker *self, MkvLoopbackCounts *counts)
{
  g_mutex_lock (&self->mutex);
  *counts = self->counts;
  g_mutex_unlock (&self->mutex);
}
