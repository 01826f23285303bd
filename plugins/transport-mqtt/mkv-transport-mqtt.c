/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-transport-mqtt.h"

#include <glib/gi18n-lib.h>
#include <mosquitto.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-mqtt-connection.h"
#include "mkv-mqtt-error.h"
#include "plugin/mkv-plugin-descriptor.h"

/* Between attempts: 1, 2, 4 ... 32 s, each 20 % more or less. */
#define MAX_BACKOFF 32
#define JITTER 0.2

/* A connection that lasted so long starts the backoff anew. */
#define LASTING_CONNECTION (60 * G_USEC_PER_SEC)

/* Short connections that the broker ended without a word, one after the other,
 * from which on another client with the same id is supposed. */
#define MANY_HANG_UPS 3

/* Connecting goes: dialling (a thread may be at it), a connection that shakes
 * hands, and CONNACK. Each attempt has a cancellable, a client of libmosquitto
 * and a connection of its own. */
struct _MkvTransportMqtt
{
  GObject parent_instance;

  MkvMqttOptions *options; /* of the last start */
  MkvClock *clock;
  GMainContext *context;
  GRand *rand;

  MkvTransportState state;
  guint serial;                  /* counts changes of the state: handlers may cause some */
  GCancellable *dialling;        /* NULL but while dialling */
  MkvMqttConnection *connection; /* NULL while dialling and between attempts */
  gboolean leaving;              /* stopped, but that the broker closes the connection is still to come */
  gboolean mqtt_311;             /* configured, or the broker knows nothing else */
  GSource *timer;                /* time limit of an attempt, or the next one */
  guint n_failures;
  guint n_hang_ups;    /* in a row */
  gint64 connected_at; /* monotonic; 0 for not */
};

/* An attempt to connect; it may outlast the transport's interest in it. */
typedef struct
{
  GWeakRef transport;
  GCancellable *cancellable;
} Dial;

static void mkv_transport_mqtt_iface_init (MkvTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvTransportMqtt, mkv_transport_mqtt, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_TRANSPORT, mkv_transport_mqtt_iface_init))

static void attempt (MkvTransportMqtt *self);

static void
clear_timer (MkvTransportMqtt *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static void
set_timer (MkvTransportMqtt *self, gint64 delay, GSourceFunc func)
{
  clear_timer (self);
  self->timer = mkv_clock_add_timeout (self->clock, delay, self->context, func, self);
}

static void
stop_dialling (MkvTransportMqtt *self)
{
  if (self->dialling != NULL)
    g_cancellable_cancel (self->dialling);
  g_clear_object (&self->dialling);
}

/* Ends whatever is going on. Each message that was under way is told to be lost,
 * and then the new state, unless a handler has changed it again. */
static void
fall_to (MkvTransportMqtt *self, MkvTransportState state, const GError *error)
{
  g_autoptr (MkvTransport) transport = MKV_TRANSPORT (g_object_ref (self));
  g_autoptr (GArray) lost = NULL;
  guint serial = ++self->serial;

  stop_dialling (self);
  if (self->connection != NULL)
    lost = mkv_mqtt_connection_drop (g_steal_pointer (&self->connection));
  self->state = state;
  self->leaving = FALSE;
  self->connected_at = 0;
  for (guint i = 0; lost != NULL && i < lost->len; i++)
    mkv_transport_report_published (transport, g_array_index (lost, guint, i), MKV_TRANSPORT_REASON_LOST);
  if (self->serial == serial)
    mkv_transport_report_state (transport, state, FALSE, error);
}

static gboolean
on_retry (gpointer user_data)
{
  MkvTransportMqtt *self = user_data;

  clear_timer (self);
  attempt (self);
  return G_SOURCE_REMOVE;
}

static gboolean
has_lasted (MkvTransportMqtt *self)
{
  return self->connected_at != 0 &&
         mkv_clock_get_monotonic_time (self->clock) - self->connected_at >= LASTING_CONNECTION;
}

/* Waits for the next attempt. Where trying again alone won't mend it, it is a
 * long wait: others may suffer from each attempt, such as the client that we
 * take the id from. */
static void
wait_after (MkvTransportMqtt *self, const GError *error)
{
  gboolean lasting = mkv_mqtt_error_is_lasting (error);
  double seconds;

  if (has_lasted (self))
    self->n_failures = 0;
  if (lasting)
    seconds = MAX_BACKOFF * g_rand_double_range (self->rand, 1, 1 + JITTER);
  else
    seconds = MIN (MAX_BACKOFF, 1 << MIN (self->n_failures, 16)) *
              g_rand_double_range (self->rand, 1 - JITTER, 1 + JITTER);
  self->n_failures++;
  set_timer (self, (gint64) (seconds * G_USEC_PER_SEC), on_retry);
  fall_to (self, lasting ? MKV_TRANSPORT_FAILED : MKV_TRANSPORT_WAITING, error);
}

static gboolean
on_attempt_timeout (gpointer user_data)
{
  MkvTransportMqtt *self = user_data;
  g_autoptr (GError) error = NULL;

  if (self->connection != NULL)
    error = g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT,
                         _("%s accepts connections, but no MQTT broker answered there within %u s: check the port "
                           "in transport.broker"), self->options->broker, self->options->connect_timeout);
  else
    error = g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT,
                         _("The broker at %s did not answer within %u s: check transport.broker, the network and "
                           "firewalls, or raise transport.connect-timeout"), self->options->broker,
                         self->options->connect_timeout);
  self->n_hang_ups = 0;
  wait_after (self, error);
  return G_SOURCE_REMOVE;
}

static void
on_connected (gboolean session_present, gpointer owner)
{
  MkvTransportMqtt *self = owner;

  clear_timer (self);
  self->serial++;
  self->state = MKV_TRANSPORT_CONNECTED;
  self->connected_at = mkv_clock_get_monotonic_time (self->clock);
  mkv_transport_report_state (MKV_TRANSPORT (self), self->state, session_present, NULL);
}

static void
go_on_with_311 (MkvTransportMqtt *self)
{
  g_message (_("The broker at %s does not know MQTT 5: going on with MQTT 3.1.1"), self->options->broker);
  self->mqtt_311 = TRUE;
  g_array_unref (mkv_mqtt_connection_drop (g_steal_pointer (&self->connection)));
  attempt (self);
}

static void
on_closed (MkvMqttEnd end, const GError *error, gpointer owner)
{
  MkvTransportMqtt *self = owner;
  g_autoptr (GError) twin_error = NULL;

  switch (end)
    {
    case MKV_MQTT_LEFT:
      fall_to (self, MKV_TRANSPORT_STOPPED, NULL);
      return;
    case MKV_MQTT_VERSION_REFUSED:
      go_on_with_311 (self);
      return;
    case MKV_MQTT_HUNG_UP:
      self->n_hang_ups = has_lasted (self) ? 0 : self->n_hang_ups + 1;
      if (self->n_hang_ups >= MANY_HANG_UPS)
        error = twin_error = mkv_mqtt_error_new_twin (self->options, self->n_hang_ups);
      break;
    case MKV_MQTT_OTHER_END:
    default:
      self->n_hang_ups = 0;
      break;
    }
  wait_after (self, error);
}

static const MkvMqttConnectionFuncs connection_funcs = { on_connected, on_closed };

static void
dial_free (Dial *dial)
{
  g_weak_ref_clear (&dial->transport);
  g_object_unref (dial->cancellable);
  g_free (dial);
}

static void
on_dialled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Dial *dial = user_data;
  g_autoptr (MkvTransportMqtt) self = g_weak_ref_get (&dial->transport);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvMqttClient) client = mkv_mqtt_client_connect_finish (result, &error);
  gboolean wanted = self != NULL && self->dialling == dial->cancellable;

  dial_free (dial);
  if (!wanted)
    return;
  g_clear_object (&self->dialling);
  if (client == NULL)
    {
      self->n_hang_ups = 0;
      wait_after (self, error);
      return;
    }
  if (self->options->insecure_credentials)
    g_warning (_("Credentials go to the broker at %s without TLS, for everyone on the way to read: use mqtts://, "
                 "or unset transport.allow-insecure-credentials"), self->options->broker);
  self->connection = mkv_mqtt_connection_new (g_steal_pointer (&client), MKV_TRANSPORT (self), self->clock,
                                              self->context, &connection_funcs, self);
}

static void
attempt (MkvTransportMqtt *self)
{
  Dial *dial = g_new0 (Dial, 1);
  gboolean again = self->state == MKV_TRANSPORT_CONNECTING;

  self->dialling = g_cancellable_new ();
  g_weak_ref_init (&dial->transport, self);
  dial->cancellable = g_object_ref (self->dialling);
  g_main_context_push_thread_default (self->context);
  mkv_mqtt_client_connect_async (self->options, self->mqtt_311, self->dialling, on_dialled, dial);
  g_main_context_pop_thread_default (self->context);
  set_timer (self, self->options->connect_timeout * G_USEC_PER_SEC, on_attempt_timeout);
  self->serial++;
  self->state = MKV_TRANSPORT_CONNECTING;
  if (!again)
    mkv_transport_report_state (MKV_TRANSPORT (self), self->state, FALSE, NULL);
}

static gboolean
mkv_transport_mqtt_start (MkvTransport *transport, GVariant *options, MkvMessage *will, MkvClock *clock,
                          GError **error)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);
  g_autoptr (MkvMqttOptions) parsed = NULL;

  if (self->state != MKV_TRANSPORT_STOPPED)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The transport of “%s” is started already"),
                   self->options->client_id);
      return FALSE;
    }
  parsed = mkv_mqtt_options_new (options, will, error);
  if (parsed == NULL)
    return FALSE;
  if (self->leaving)
    fall_to (self, MKV_TRANSPORT_STOPPED, NULL);
  g_clear_pointer (&self->options, mkv_mqtt_options_unref);
  self->options = g_steal_pointer (&parsed);
  g_set_object (&self->clock, clock);
  g_clear_pointer (&self->context, g_main_context_unref);
  self->context = g_main_context_ref_thread_default ();
  self->mqtt_311 = self->options->mqtt_311;
  self->n_failures = 0;
  self->n_hang_ups = 0;
  attempt (self);
  return TRUE;
}

static void
mkv_transport_mqtt_stop (MkvTransport *transport)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);

  if (self->state == MKV_TRANSPORT_STOPPED)
    return;
  clear_timer (self);
  if (self->state != MKV_TRANSPORT_CONNECTED)
    {
      fall_to (self, MKV_TRANSPORT_STOPPED, NULL);
      return;
    }
  self->serial++;
  self->state = MKV_TRANSPORT_STOPPED;
  self->leaving = TRUE;
  mkv_mqtt_connection_leave (self->connection);
}

static gboolean
check_connected (MkvTransportMqtt *self, GError **error)
{
  if (self->state == MKV_TRANSPORT_CONNECTED)
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("There is no connection to the broker"));
  return FALSE;
}

static gboolean
mkv_transport_mqtt_publish (MkvTransport *transport, MkvMessage *message, guint id, GError **error)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);
  const char *topic = mkv_message_get_topic (message);
  gsize size = g_bytes_get_size (mkv_message_get_payload (message));
  guint max_payload;

  if (!check_connected (self, error))
    return FALSE;
  if (*topic == 0 || mosquitto_pub_topic_check (topic) != MOSQ_ERR_SUCCESS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("“%s” is no topic to publish on: it must not be empty nor hold + or #"), topic);
      return FALSE;
    }
  max_payload = mkv_mqtt_connection_get_max_payload (self->connection);
  if (size > max_payload)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   max_payload < self->options->max_payload
                       ? _("The payload has %zu octets, the broker takes at most %u")
                       : _("The payload has %zu octets, transport.max-payload allows at most %u"),
                   size, max_payload);
      return FALSE;
    }
  mkv_mqtt_connection_publish (self->connection, message, id);
  return TRUE;
}

static gboolean
mkv_transport_mqtt_subscribe (MkvTransport *transport, const char *topic, gboolean own_messages, GError **error)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);

  return check_connected (self, error) &&
         mkv_mqtt_connection_subscribe (self->connection, topic, own_messages, error);
}

static void
mkv_transport_mqtt_acknowledge (MkvTransport *transport, MkvMessage *message)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);

  if (self->connection != NULL)
    mkv_mqtt_connection_acknowledge (self->connection, message);
}

static void
mkv_transport_mqtt_get_limits (MkvTransport *transport, guint *max_inflight, guint *max_payload)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (transport);

  if (self->connection != NULL)
    {
      *max_inflight = mkv_mqtt_connection_get_max_inflight (self->connection);
      *max_payload = mkv_mqtt_connection_get_max_payload (self->connection);
    }
  else if (self->options != NULL)
    {
      *max_inflight = self->options->max_inflight;
      *max_payload = self->options->max_payload;
    }
}

/* Who goes without mkv_transport_stop() has crashed, to the broker. */
static void
mkv_transport_mqtt_dispose (GObject *object)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (object);

  self->state = MKV_TRANSPORT_STOPPED;
  clear_timer (self);
  stop_dialling (self);
  if (self->connection != NULL)
    g_array_unref (mkv_mqtt_connection_drop (g_steal_pointer (&self->connection)));
  G_OBJECT_CLASS (mkv_transport_mqtt_parent_class)->dispose (object);
}

static void
mkv_transport_mqtt_finalize (GObject *object)
{
  MkvTransportMqtt *self = MKV_TRANSPORT_MQTT (object);

  g_clear_pointer (&self->options, mkv_mqtt_options_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_object (&self->clock);
  g_rand_free (self->rand);
  G_OBJECT_CLASS (mkv_transport_mqtt_parent_class)->finalize (object);
}

static void
mkv_transport_mqtt_class_init (MkvTransportMqttClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_transport_mqtt_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_transport_mqtt_finalize;
}

static void
mkv_transport_mqtt_iface_init (MkvTransportInterface *iface)
{
  iface->start = mkv_transport_mqtt_start;
  iface->stop = mkv_transport_mqtt_stop;
  iface->publish = mkv_transport_mqtt_publish;
  iface->subscribe = mkv_transport_mqtt_subscribe;
  iface->acknowledge = mkv_transport_mqtt_acknowledge;
  iface->get_limits = mkv_transport_mqtt_get_limits;
}

static void
mkv_transport_mqtt_init (MkvTransportMqtt *self)
{
  self->rand = g_rand_new ();
}

MKV_DEFINE_PLUGIN (transport, mqtt, "mqtt", "0.1", "LGPL-2.1-or-later",
                   N_(N_("Any MQTT broker, version 5 or 3.1.1, with libmosquitto")), mkv_transport_mqtt_get_type)
