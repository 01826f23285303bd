/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "delivery/mkv-router-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "delivery/mkv-subscriber-private.h"
#include "model/mkv-names.h"

/* What may be under way at once of those messages that nobody waits for: their
 * senders don't hold themselves back. */
#define MAX_UNWATCHED 1024
#define MAX_UNWATCHED_BYTES (16 * 1024 * 1024)

/* Shorter ones gain nothing worth the time. */
#define MIN_COMPRESSED_BYTES 1024

#define REASON_REFUSED 0x80

typedef struct
{
  MkvRouteFunc func;
  gpointer user_data;
} Handler;

/* A message that the broker has not answered yet. */
typedef struct
{
  MkvSentFunc func; /* NULL if nobody waits, */
  gpointer user_data;
  gsize n_bytes; /* only then counted */
} Sent;

struct _MkvRouter
{
  GObject parent_instance;

  MkvTransport *transport;
  MkvCodec *json;
  MkvCodec *cbor;
  MkvCodec *locked_spec;
  MkvClock *clock;
  MkvObserver *observer;
  char *client_id;
  char *prefix; /* with a slash at its end */
  char *topics[MKV_N_ROUTES];
  MkvSubscriber *subscriber; /* NULL once disposed */
  Handler handlers[MKV_N_ROUTES];

  gboolean started;
  MkvTransportState state;
  GError *error; /* why there is no connection */
  gboolean had_session;

  GHashTable *under_way; /* id: Sent */
  guint last_id;
  guint n_unwatched;
  gsize unwatched_bytes;
};

G_DEFINE_FINAL_TYPE (MkvRouter, mkv_router, G_TYPE_OBJECT)

enum
{
  SIGNAL_CONNECTED,
  SIGNAL_DISCONNECTED,
  SIGNAL_STATE_CHANGED,
  SIGNAL_STOPPED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/* Takes @sent out of the books and tells whoever waits for it. */
static void
finish_sent (MkvRouter *self, Sent *sent, gint reason)
{
  MkvSentFunc func = sent->func;
  gpointer user_data = sent->user_data;

  if (func == NULL)
    {
      self->n_unwatched--;
      self->unwatched_bytes -= sent->n_bytes;
    }
  g_free (sent);
  if (func != NULL)
    func (reason, user_data);
  else if (reason < 0 || reason >= REASON_REFUSED)
    mkv_observer_drop (self->observer, MKV_COUNTER_MESSAGES_NOT_SENT, _("A message did not get through: %s"),
                       reason < 0 ? _("the connection was lost") : _("the broker refused it"));
}

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  guint x = GPOINTER_TO_UINT (a), y = GPOINTER_TO_UINT (b);

  return x < y ? -1 : x > y;
}

static void
lose_all (MkvRouter *self)
{
  /* A function may send again, over the next connection: not over this one. */
  g_autoptr (GHashTable) lost = g_steal_pointer (&self->under_way);
  g_autoptr (GList) ids = g_list_sort (g_hash_table_get_keys (lost), compare_ids);

  self->under_way = g_hash_table_new (NULL, NULL);
  for (GList *l = ids; l != NULL; l = l->next)
    finish_sent (self, g_hash_table_lookup (lost, l->data), MKV_TRANSPORT_REASON_LOST);
}

static void
on_published (MkvTransport *transport, guint id, gint reason, gpointer user_data)
{
  MkvRouter *self = user_data;
  gpointer sent;

  if (g_hash_table_steal_extended (self->under_way, GUINT_TO_POINTER (id), NULL, &sent))
    finish_sent (self, sent, reason);
}

static void
on_subscribed (MkvTransport *transport, const char *topic, const GError *error, gpointer user_data)
{
  MkvRouter *self = user_data;

  mkv_subscriber_answered (self->subscriber, topic, error);
}

static void
update_transport_condition (MkvRouter *self)
{
  const char *why = self->error != NULL ? self->error->message : _("nobody knows why");

  if (self->state == MKV_TRANSPORT_WAITING)
    mkv_observer_set_condition (self->observer, "transport", MKV_HEALTH_DEGRADED, _("Not connected: %s"), why);
  else if (self->state == MKV_TRANSPORT_FAILED)
    mkv_observer_set_condition (self->observer, "transport", MKV_HEALTH_FAILED, _("Not connected: %s"), why);
  else if (self->state != MKV_TRANSPORT_CONNECTING)
    mkv_observer_clear_condition (self->observer, "transport");
}

static void
welcome (MkvRouter *self, gboolean session_present)
{
  if (self->had_session && !session_present && self->handlers[MKV_ROUTE_EVENTS].func != NULL)
    mkv_observer_set_condition (self->observer, "missed-events", MKV_HEALTH_DEGRADED,
                                _("Events may have been missed while this node was away: the broker did not keep "
                                  "its session; anti-entropy has to bring them"));
  self->had_session = TRUE;
  mkv_subscriber_connected (self->subscriber, session_present);
}

static void
on_state (MkvTransport *transport, MkvTransportState state, gboolean session_present, const GError *error,
          gpointer user_data)
{
  g_autoptr (MkvRouter) self = g_object_ref (user_data);
  gboolean was_connected = self->state == MKV_TRANSPORT_CONNECTED;
  gboolean was_connecting = self->state == MKV_TRANSPORT_CONNECTING;

  self->state = state;
  if (state == MKV_TRANSPORT_STOPPED)
    self->started = FALSE;
  /* An attempt does not make better what made it necessary. */
  if (state != MKV_TRANSPORT_CONNECTING)
    {
      g_clear_error (&self->error);
      self->error = error != NULL ? g_error_copy (error) : NULL;
    }
  update_transport_condition (self);
  if (was_connected)
    {
      mkv_subscriber_disconnected (self->subscriber);
      lose_all (self);
      g_signal_emit (self, signals[SIGNAL_DISCONNECTED], 0);
    }
  else if (was_connecting && state != MKV_TRANSPORT_CONNECTED && self->subscriber != NULL)
    mkv_subscriber_refused (self->subscriber);
  /* From here on, what was called may have stopped the transport or dropped the
   * router: then there is a newer state than this. */
  if (self->subscriber != NULL && self->state == state && state == MKV_TRANSPORT_CONNECTED)
    welcome (self, session_present);
  g_signal_emit (self, signals[SIGNAL_STATE_CHANGED], 0);
  if (self->state != state)
    return;
  if (state == MKV_TRANSPORT_CONNECTED)
    g_signal_emit (self, signals[SIGNAL_CONNECTED], 0, session_present);
  else if (state == MKV_TRANSPORT_STOPPED)
    g_signal_emit (self, signals[SIGNAL_STOPPED], 0);
}

/* Finds the codec of @payload, which is replaced by what it inflates to;
 * @inflated keeps that alive. */
static MkvCodec *
open_payload (MkvRouter *self, MkvRoute route, GBytes **payload, GBytes **inflated, GError **error)
{
  MkvPayloadFormat format;

  if (g_bytes_get_size (*payload) > MKV_MAX_PAYLOAD_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The payload has %zu octets, at most %d are allowed"), g_bytes_get_size (*payload),
                   MKV_MAX_PAYLOAD_BYTES);
      return NULL;
    }
  format = mkv_payload_sniff (*payload);
  if (format == MKV_PAYLOAD_ZLIB)
    {
      *inflated = mkv_payload_inflate (*payload, MKV_MAX_PAYLOAD_BYTES, error);
      if (*inflated == NULL)
        return NULL;
      *payload = *inflated;
      format = mkv_payload_sniff (*payload);
    }
  if (format == MKV_PAYLOAD_CBOR && self->cbor != NULL)
    return self->cbor;
  if (format == MKV_PAYLOAD_JSON && self->json != NULL)
    return self->json;
  if (format == MKV_PAYLOAD_LOCKED_SPEC && self->locked_spec != NULL && route == MKV_ROUTE_EVENTS)
    return self->locked_spec;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                       format == MKV_PAYLOAD_ZLIB ? _("The payload inflates to what is compressed again")
                                                  : _("The payload is in no format that belongs here"));
  return NULL;
}

static MkvRoute
find_route (MkvRouter *self, const char *topic)
{
  /* By how much is to be expected there. */
  if (g_str_equal (topic, self->topics[MKV_ROUTE_EVENTS]))
    return MKV_ROUTE_EVENTS;
  if (g_str_equal (topic, self->topics[MKV_ROUTE_COMMANDS]))
    return MKV_ROUTE_COMMANDS;
  if (g_str_equal (topic, self->topics[MKV_ROUTE_RESPONSES]))
    return MKV_ROUTE_RESPONSES;
  if (g_str_equal (topic, self->topics[MKV_ROUTE_SYNC]))
    return MKV_ROUTE_SYNC;
  if (g_str_equal (topic, self->topics[MKV_ROUTE_SYNC_ALL]))
    return MKV_ROUTE_SYNC_ALL;
  return MKV_N_ROUTES;
}

static void
on_message (MkvTransport *transport, MkvMessage *message, gpointer user_data)
{
  MkvRouter *self = user_data;
  MkvRoute route = find_route (self, mkv_message_get_topic (message));
  GBytes *payload = mkv_message_get_payload (message);
  g_autoptr (GBytes) inflated = NULL;
  g_autoptr (GError) error = NULL;
  MkvCodec *codec;
  Handler handler;

  mkv_observer_count (self->observer, MKV_COUNTER_MESSAGES_RECEIVED, 1);
  mkv_observer_count (self->observer, MKV_COUNTER_BYTES_RECEIVED, (guint) g_bytes_get_size (payload));
  if (route == MKV_N_ROUTES)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_TOPIC,
                         _("A message came on a topic that is none of this node's"));
      return;
    }
  if (mkv_message_get_retain (message))
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_RETAINED, _("A retained message came on %s"),
                         self->topics[route]);
      return;
    }
  if (route == MKV_ROUTE_RESPONSES && mkv_subscriber_hear (self->subscriber, payload))
    return;
  handler = self->handlers[route];
  if (handler.func == NULL)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_TOPIC,
                         _("A message came on %s, where nobody listens"), self->topics[route]);
      return;
    }
  codec = open_payload (self, route, &payload, &inflated, &error);
  if (codec == NULL)
    mkv_observer_drop (self->observer,
                       g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE) ? MKV_COUNTER_DROPPED_TOO_LARGE
                                                                               : MKV_COUNTER_DROPPED_MALFORMED,
                       _("A message came on %s: %s"), self->topics[route], error->message);
  handler.func (message, codec, codec != NULL ? payload : NULL, error, handler.user_data);
}

static void
mkv_router_dispose (GObject *object)
{
  MkvRouter *self = MKV_ROUTER (object);

  if (self->subscriber != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->transport, self);
      g_clear_pointer (&self->subscriber, mkv_subscriber_free);
      memset (self->handlers, 0, sizeof self->handlers);
      self->state = MKV_TRANSPORT_STOPPED;
      mkv_transport_stop (self->transport);
      lose_all (self);
    }
  G_OBJECT_CLASS (mkv_router_parent_class)->dispose (object);
}

static void
mkv_router_finalize (GObject *object)
{
  MkvRouter *self = MKV_ROUTER (object);

  g_clear_object (&self->transport);
  g_clear_object (&self->json);
  g_clear_object (&self->cbor);
  g_clear_object (&self->locked_spec);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_free (self->client_id);
  g_free (self->prefix);
  for (guint i = 0; i < MKV_N_ROUTES; i++)
    g_free (self->topics[i]);
  g_clear_error (&self->error);
  g_hash_table_unref (self->under_way);
  G_OBJECT_CLASS (mkv_router_parent_class)->finalize (object);
}

static void
mkv_router_class_init (MkvRouterClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = mkv_router_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_router_finalize;

  signals[SIGNAL_CONNECTED] = g_signal_new ("connected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                            1, G_TYPE_BOOLEAN);
  signals[SIGNAL_DISCONNECTED] = g_signal_new ("disconnected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                               G_TYPE_NONE, 0);
  signals[SIGNAL_STATE_CHANGED] = g_signal_new ("state-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                G_TYPE_NONE, 0);
  signals[SIGNAL_STOPPED] = g_signal_new ("stopped", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
mkv_router_init (MkvRouter *self)
{
  self->under_way = g_hash_table_new (NULL, NULL);
}

static MkvCodec *
ref_codec (MkvCodec *codec)
{
  return codec != NULL ? g_object_ref (codec) : NULL;
}

MkvRouter *
mkv_router_new (MkvTransport *transport, MkvCodec *json, MkvCodec *cbor, MkvCodec *locked_spec, const char *prefix,
                const char *client_id, const char *node_id, MkvClock *clock, MkvObserver *observer)
{
  MkvRouter *self = g_object_new (MKV_TYPE_ROUTER, NULL);

  self->transport = g_object_ref (transport);
  self->json = ref_codec (json);
  self->cbor = ref_codec (cbor);
  self->locked_spec = ref_codec (locked_spec);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->client_id = g_strdup (client_id);
  self->prefix = g_strconcat (prefix, "/", NULL);
  self->topics[MKV_ROUTE_COMMANDS] = mkv_router_get_command_topic (self, client_id);
  self->topics[MKV_ROUTE_RESPONSES] = mkv_router_get_response_topic (self, client_id);
  self->topics[MKV_ROUTE_EVENTS] = g_strconcat (prefix, "/replication/events", NULL);
  self->topics[MKV_ROUTE_SYNC] = mkv_router_get_sync_topic (self, client_id);
  self->topics[MKV_ROUTE_SYNC_ALL] = mkv_router_get_sync_topic (self, NULL);
  self->subscriber = mkv_subscriber_new (transport, self->topics[MKV_ROUTE_RESPONSES], node_id, clock, observer);
  g_signal_connect (transport, "message", G_CALLBACK (on_message), self);
  g_signal_connect (transport, "published", G_CALLBACK (on_published), self);
  g_signal_connect (transport, "subscribed", G_CALLBACK (on_subscribed), self);
  g_signal_connect (transport, "state", G_CALLBACK (on_state), self);
  return self;
}

void
mkv_router_set_handler (MkvRouter *self, MkvRoute route, MkvRouteFunc func, gpointer user_data)
{
  self->handlers[route].func = func;
  self->handlers[route].user_data = user_data;
}

gboolean
mkv_router_start (MkvRouter *self, GVariant *options, GError **error)
{
  g_autoptr (MkvMessage) will = mkv_subscriber_make_will (self->subscriber);
  g_autoptr (GVariant) all = NULL;
  gboolean was_started = self->started;
  GVariantDict dict;

  g_variant_dict_init (&dict, options);
  g_variant_dict_insert (&dict, "client-id", "s", self->client_id);
  all = g_variant_ref_sink (g_variant_dict_end (&dict));
  /* Its first state may come before this returns. */
  self->started = TRUE;
  mkv_subscriber_reset (self->subscriber);
  for (guint i = 0; i < MKV_N_ROUTES; i++)
    if (i != MKV_ROUTE_RESPONSES && self->handlers[i].func != NULL)
      mkv_subscriber_add_topic (self->subscriber, self->topics[i]);
  if (mkv_transport_start (self->transport, all, will, self->clock, error))
    return TRUE;
  self->started = was_started;
  return FALSE;
}

void
mkv_router_stop (MkvRouter *self)
{
  if (self->started)
    mkv_transport_stop (self->transport);
  else
    g_signal_emit (self, signals[SIGNAL_STOPPED], 0);
}

void
mkv_router_set_had_session (MkvRouter *self, gboolean had_session)
{
  self->had_session = had_session;
}

void
mkv_router_clear_missed_events (MkvRouter *self)
{
  mkv_observer_clear_condition (self->observer, "missed-events");
}

MkvTransportState
mkv_router_get_state (MkvRouter *self)
{
  return self->state;
}

gboolean
mkv_router_is_connected (MkvRouter *self)
{
  return self->state == MKV_TRANSPORT_CONNECTED;
}

const GError *
mkv_router_get_error (MkvRouter *self)
{
  return self->error;
}

void
mkv_router_get_limits (MkvRouter *self, guint *max_inflight, guint *max_payload)
{
  mkv_transport_get_limits (self->transport, max_inflight, max_payload);
}

const char *
mkv_router_get_client_id (MkvRouter *self)
{
  return self->client_id;
}

char *
mkv_router_get_command_topic (MkvRouter *self, const char *client_id)
{
  return g_strconcat (self->prefix, client_id, "/cmd", NULL);
}

char *
mkv_router_get_response_topic (MkvRouter *self, const char *client_id)
{
  return g_strconcat (self->prefix, client_id, "/res", NULL);
}

const char *
mkv_router_get_events_topic (MkvRouter *self)
{
  return self->topics[MKV_ROUTE_EVENTS];
}

char *
mkv_router_get_sync_topic (MkvRouter *self, const char *client_id)
{
  return g_strconcat (self->prefix, "antientropy/", client_id != NULL ? client_id : "global", NULL);
}

gboolean
mkv_router_is_response_topic (MkvRouter *self, const char *topic)
{
  char client_id[MKV_MAX_NAME_BYTES + 1];
  const char *start, *end;
  gsize length;

  if (!g_str_has_prefix (topic, self->prefix))
    return FALSE;
  start = topic + strlen (self->prefix);
  end = strchr (start, '/');
  if (end == NULL || !g_str_equal (end, "/res"))
    return FALSE;
  length = (gsize) (end - start);
  if (length > MKV_MAX_NAME_BYTES)
    return FALSE;
  memcpy (client_id, start, length);
  client_id[length] = 0;
  return mkv_name_check (client_id, NULL);
}

/* NULL where it does not pay. */
static GBytes *
compress (GBytes *payload, MkvCompression compression)
{
  gsize size = g_bytes_get_size (payload);
  g_autoptr (GBytes) deflated = NULL;

  if (compression == MKV_COMPRESSION_OFF || (compression == MKV_COMPRESSION_AUTO && size < MIN_COMPRESSED_BYTES))
    return NULL;
  deflated = mkv_payload_deflate (payload);
  if (g_bytes_get_size (deflated) >= size)
    return NULL;
  if (compression == MKV_COMPRESSION_AUTO && g_bytes_get_size (deflated) > size - size / 10)
    return NULL;
  return g_steal_pointer (&deflated);
}

MkvMessage *
mkv_router_message_new (MkvRouter *self, const char *topic, MkvCodec *codec, GBytes *payload,
                        MkvCompression compression)
{
  g_autoptr (GBytes) deflated = compress (payload, compression);
  MkvMessage *message = mkv_message_new (topic, deflated != NULL ? deflated : payload);

  mkv_message_set_content_type (message, mkv_codec_get_content_type (codec));
  if (deflated != NULL)
    mkv_message_set_user_property (message, "encoding", "zlib");
  return message;
}

static gboolean
check_sendable (MkvRouter *self, gsize n_bytes, gboolean watched, GError **error)
{
  if (self->state != MKV_TRANSPORT_CONNECTED)
    {
      if (self->error != NULL)
        g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("There is no connection to the broker: %s"),
                     self->error->message);
      else
        g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("There is no connection to the broker"));
      return FALSE;
    }
  if (!watched && (self->n_unwatched >= MAX_UNWATCHED || self->unwatched_bytes + n_bytes > MAX_UNWATCHED_BYTES))
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_RATE_LIMITED,
                         _("A message was not sent: too many wait for the broker, %u"), self->n_unwatched);
      g_set_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED,
                   _("Too many messages wait for the broker, %u with %zu octets: no more are taken"),
                   self->n_unwatched, self->unwatched_bytes);
      return FALSE;
    }
  return TRUE;
}

gboolean
mkv_router_is_congested (MkvRouter *self)
{
  return self->n_unwatched >= MAX_UNWATCHED / 4 || self->unwatched_bytes >= MAX_UNWATCHED_BYTES / 4;
}

static guint
make_id (MkvRouter *self)
{
  /* 0 is for messages that no signal comes back for. */
  do
    self->last_id++;
  while (self->last_id == 0 || g_hash_table_contains (self->under_way, GUINT_TO_POINTER (self->last_id)));
  return self->last_id;
}

gboolean
mkv_router_send (MkvRouter *self, MkvMessage *message, MkvSentFunc func, gpointer user_data, GError **error)
{
  gsize n_bytes = g_bytes_get_size (mkv_message_get_payload (message));
  g_autoptr (GError) local_error = NULL;
  Sent *sent;
  guint id;

  if (!check_sendable (self, n_bytes, func != NULL, error))
    return FALSE;
  id = make_id (self);
  sent = g_new0 (Sent, 1);
  sent->func = func;
  sent->user_data = user_data;
  if (func == NULL)
    {
      sent->n_bytes = n_bytes;
      self->n_unwatched++;
      self->unwatched_bytes += n_bytes;
    }
  /* The answer may come before the transport returns. */
  g_hash_table_insert (self->under_way, GUINT_TO_POINTER (id), sent);
  if (!mkv_transport_publish (self->transport, message, id, &local_error)
      && g_hash_table_remove (self->under_way, GUINT_TO_POINTER (id)))
    {
      if (func == NULL)
        {
          self->n_unwatched--;
          self->unwatched_bytes -= n_bytes;
        }
      g_free (sent);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  mkv_observer_count (self->observer, MKV_COUNTER_MESSAGES_SENT, 1);
  mkv_observer_count (self->observer, MKV_COUNTER_BYTES_SENT, (guint) n_bytes);
  return TRUE;
}
