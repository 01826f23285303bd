/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-transport-loopback.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-loopback-broker-private.h"
#include "plugin/mkv-plugin-descriptor.h"

#define DEFAULT_URI "loopback://default"
#define DEFAULT_SESSION_EXPIRY 86400
#define DEFAULT_MAX_INFLIGHT 100

#define RETRY_DELAY (1 * G_USEC_PER_SEC)
/* Where trying again alone won't mend it. */
#define SELDOM_RETRY_DELAY (60 * G_USEC_PER_SEC)

/* Then others in the context get their turn. */
#define MAX_PACKETS_AT_ONCE 64

struct _MkvTransportLoopback
{
  GObject parent_instance;

  char *client_id;
  guint expiry;
  guint max_inflight;
  guint max_payload;
  MkvMessage *will;
  MkvClock *clock;
  GMainContext *context;
  MkvLoopbackBroker *broker; /* NULL while stopped */

  MkvTransportState state;
  MkvLoopbackLink *link; /* NULL between attempts */
  GSource *retry;        /* NULL but between attempts */
  GHashTable *unhandled; /* MkvMessage of this connection, not owned: MkvLoopbackDelivery */
};

static void mkv_transport_loopback_iface_init (MkvTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvTransportLoopback, mkv_transport_loopback, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_TRANSPORT, mkv_transport_loopback_iface_init))

static void on_wake (gpointer owner);

static void
report_state (MkvTransportLoopback *self, MkvTransportState state, gboolean session_present, const GError *error)
{
  self->state = state;
  mkv_transport_report_state (MKV_TRANSPORT (self), state, session_present, error);
}

static void
close_link (MkvTransportLoopback *self)
{
  g_hash_table_remove_all (self->unhandled);
  if (self->link != NULL)
    mkv_loopback_broker_close_link (self->broker, g_steal_pointer (&self->link));
}

static void
cancel_retry (MkvTransportLoopback *self)
{
  if (self->retry == NULL)
    return;
  g_source_destroy (self->retry);
  g_clear_pointer (&self->retry, g_source_unref);
}

static void
attempt (MkvTransportLoopback *self)
{
  self->link = mkv_loopback_link_new (self->client_id, self->clock, self->context, self->expiry,
                                      self->max_inflight, self->will, G_OBJECT (self), on_wake);
  mkv_loopback_broker_connect_link (self->broker, self->link);
  report_state (self, MKV_TRANSPORT_CONNECTING, FALSE, NULL);
}

static gboolean
on_retry (gpointer user_data)
{
  MkvTransportLoopback *self = user_data;

  g_clear_pointer (&self->retry, g_source_unref);
  attempt (self);
  return G_SOURCE_REMOVE;
}

static void
on_lost (MkvTransportLoopback *self, const GError *error)
{
  gboolean passing = g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED);

  close_link (self);
  self->retry = mkv_clock_add_timeout (self->clock, passing ? RETRY_DELAY : SELDOM_RETRY_DELAY, self->context,
                                       on_retry, self);
  report_state (self, passing ? MKV_TRANSPORT_WAITING : MKV_TRANSPORT_FAILED, FALSE, error);
}

static void
on_message (MkvTransportLoopback *self, MkvLoopbackPacket *packet)
{
  g_autoptr (MkvMessage) message = mkv_loopback_message_copy (packet->delivery->message);

  mkv_message_set_expiry (message, packet->expiry);
  g_hash_table_insert (self->unhandled, message, mkv_loopback_delivery_ref (packet->delivery));
  mkv_transport_receive (MKV_TRANSPORT (self), message);
}

static void
on_packet (MkvTransportLoopback *self, MkvLoopbackPacket *packet)
{
  switch (packet->kind)
    {
    case MKV_LOOPBACK_PACKET_CONNACK:
      report_state (self, MKV_TRANSPORT_CONNECTED, packet->flag, NULL);
      break;
    case MKV_LOOPBACK_PACKET_PUBACK:
      /* The connection is broken, which is to be told last: until then nobody
       * shall send on it. */
      if (packet->reason == MKV_TRANSPORT_REASON_LOST)
        self->state = MKV_TRANSPORT_WAITING;
      mkv_transport_report_published (MKV_TRANSPORT (self), packet->id, packet->reason);
      break;
    case MKV_LOOPBACK_PACKET_SUBACK:
      mkv_transport_report_subscribed (MKV_TRANSPORT (self), packet->filter, packet->error);
      break;
    case MKV_LOOPBACK_PACKET_MESSAGE:
      on_message (self, packet);
      break;
    case MKV_LOOPBACK_PACKET_LOST:
      on_lost (self, packet->error);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* Every signal handler may stop this transport, or start it again. */
static void
on_wake (gpointer owner)
{
  MkvTransportLoopback *self = owner;
  MkvLoopbackLink *link = self->link;

  if (link == NULL)
    return;
  mkv_loopback_broker_begin (self->broker, link);
  for (guint i = 0; i < MAX_PACKETS_AT_ONCE; i++)
    {
      g_autoptr (MkvLoopbackPacket) packet = mkv_loopback_broker_next (self->broker, link);

      if (packet == NULL)
        return;
      on_packet (self, packet);
      if (self->link != link)
        return;
    }
  mkv_loopback_broker_leave (self->broker, link);
}

static guint
lookup_uint (GVariant *options, const char *key, guint otherwise)
{
  guint32 value;

  return g_variant_lookup (options, key, "u", &value) ? value : otherwise;
}

static gboolean
mkv_transport_loopback_start (MkvTransport *transport, GVariant *options, MkvMessage *will, MkvClock *clock,
                              GError **error)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);
  g_autofree char *client_id = NULL;
  g_autofree char *uri = NULL;

  if (self->broker != NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The transport of “%s” is started already"),
                   self->client_id);
      return FALSE;
    }
  if (!g_variant_lookup (options, "client-id", "s", &client_id) || *client_id == 0)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("The option client-id is missing"));
      return FALSE;
    }
  if (!g_variant_lookup (options, "broker", "s", &uri) || *uri == 0)
    {
      g_free (uri);
      uri = g_strdup (DEFAULT_URI);
    }
  if (!g_str_has_prefix (uri, "loopback://"))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("“%s” is no broker of the loopback transport: it would be like loopback://name"), uri);
      return FALSE;
    }

  g_free (self->client_id);
  self->client_id = g_steal_pointer (&client_id);
  self->expiry = lookup_uint (options, "session-expiry", DEFAULT_SESSION_EXPIRY);
  self->max_inflight = MAX (1, lookup_uint (options, "max-inflight", DEFAULT_MAX_INFLIGHT));
  self->max_payload = MIN (MKV_MAX_PAYLOAD_BYTES, lookup_uint (options, "max-payload", MKV_MAX_PAYLOAD_BYTES));
  g_clear_pointer (&self->will, mkv_message_unref);
  self->will = will != NULL ? mkv_message_ref (will) : NULL;
  g_set_object (&self->clock, clock);
  g_clear_pointer (&self->context, g_main_context_unref);
  self->context = g_main_context_ref_thread_default ();
  self->broker = mkv_loopback_broker_get (uri);
  attempt (self);
  return TRUE;
}

static void
mkv_transport_loopback_stop (MkvTransport *transport)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);
  g_autoptr (MkvLoopbackBroker) broker = g_steal_pointer (&self->broker);
  g_autoptr (GArray) lost = g_array_new (FALSE, FALSE, sizeof (guint));

  if (broker == NULL)
    return;
  self->state = MKV_TRANSPORT_STOPPED;
  cancel_retry (self);
  g_hash_table_remove_all (self->unhandled);
  if (self->link != NULL)
    mkv_loopback_broker_take_leave (broker, g_steal_pointer (&self->link), lost);
  for (guint i = 0; i < lost->len; i++)
    mkv_transport_report_published (transport, g_array_index (lost, guint, i), MKV_TRANSPORT_REASON_LOST);
  report_state (self, MKV_TRANSPORT_STOPPED, FALSE, NULL);
}

static gboolean
check_connected (MkvTransportLoopback *self, GError **error)
{
  if (self->state == MKV_TRANSPORT_CONNECTED)
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("There is no connection to the broker"));
  return FALSE;
}

static gboolean
mkv_transport_loopback_publish (MkvTransport *transport, MkvMessage *message, guint id, GError **error)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);
  const char *topic = mkv_message_get_topic (message);
  gsize size = g_bytes_get_size (mkv_message_get_payload (message));

  if (!check_connected (self, error))
    return FALSE;
  if (*topic == 0 || strpbrk (topic, "+#") != NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("“%s” is no topic to publish on: it must not be empty nor hold + or #"), topic);
      return FALSE;
    }
  if (size > self->max_payload)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The payload has %zu octets, at most %u are allowed"), size, self->max_payload);
      return FALSE;
    }
  mkv_loopback_broker_publish (self->broker, self->link, message, id);
  return TRUE;
}

static gboolean
mkv_transport_loopback_subscribe (MkvTransport *transport, const char *topic, gboolean own_messages,
                                  GError **error)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);

  if (!check_connected (self, error))
    return FALSE;
  if (!mkv_loopback_filter_is_valid (topic))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("“%s” is no topic filter: + takes a whole level, # the last ones"), topic);
      return FALSE;
    }
  mkv_loopback_broker_subscribe (self->broker, self->link, topic, own_messages);
  return TRUE;
}

/* One that came on an earlier connection is not in the table any more: it comes
 * again, as the broker never learns of this. */
static void
mkv_transport_loopback_acknowledge (MkvTransport *transport, MkvMessage *message)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);
  gpointer delivery;

  if (g_hash_table_steal_extended (self->unhandled, message, NULL, &delivery))
    {
      mkv_loopback_broker_acknowledge (self->broker, self->link, delivery);
      mkv_loopback_delivery_unref (delivery);
    }
}

static void
mkv_transport_loopback_get_limits (MkvTransport *transport, guint *max_inflight, guint *max_payload)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (transport);

  *max_inflight = self->max_inflight;
  *max_payload = self->max_payload;
}

/* Who goes without mkv_transport_stop() has crashed, to the broker. */
static void
mkv_transport_loopback_dispose (GObject *object)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (object);

  self->state = MKV_TRANSPORT_STOPPED;
  cancel_retry (self);
  close_link (self);
  g_clear_object (&self->broker);
  G_OBJECT_CLASS (mkv_transport_loopback_parent_class)->dispose (object);
}

static void
mkv_transport_loopback_finalize (GObject *object)
{
  MkvTransportLoopback *self = MKV_TRANSPORT_LOOPBACK (object);

  g_hash_table_unref (self->unhandled);
  g_clear_pointer (&self->will, mkv_message_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_object (&self->clock);
  g_free (self->client_id);
  G_OBJECT_CLASS (mkv_transport_loopback_parent_class)->finalize (object);
}

static void
mkv_transport_loopback_class_init (MkvTransportLoopbackClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_transport_loopback_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_transport_loopback_finalize;
}

static void
mkv_transport_loopback_iface_init (MkvTransportInterface *iface)
{
  iface->start = mkv_transport_loopback_start;
  iface->stop = mkv_transport_loopback_stop;
  iface->publish = mkv_transport_loopback_publish;
  iface->subscribe = mkv_transport_loopback_subscribe;
  iface->acknowledge = mkv_transport_loopback_acknowledge;
  iface->get_limits = mkv_transport_loopback_get_limits;
}

static void
mkv_transport_loopback_init (MkvTransportLoopback *self)
{
  self->max_inflight = DEFAULT_MAX_INFLIGHT;
  self->max_payload = MKV_MAX_PAYLOAD_BYTES;
  self->unhandled = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) mkv_loopback_delivery_unref);
}

MKV_DEFINE_PLUGIN (transport, loopback, "loopback", "0.1", "LGPL-2.1-or-later",
                   N_(N_("A broker inside the process, for tests and demonstrations")),
                   mkv_transport_loopback_get_type)
