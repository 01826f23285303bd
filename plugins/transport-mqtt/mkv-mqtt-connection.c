/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-connection.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/mkv-error.h"
#include "mkv-mqtt-inbox.h"
#include "mkv-mqtt-socket.h"
#include "mkv-mqtt-window.h"

/* A batch of received messages ends here, so that it does not fill the memory. */
#define MAX_BATCH_BYTES (1024 * 1024)

/* From so many packets on, holding back TCP's segments pays for two system calls. */
#define MIN_CORKED_PACKETS 2

/* How long the broker may take to close the connection after DISCONNECT. */
#define LEAVE_TIMEOUT (2 * G_USEC_PER_SEC)

/* Looks at the keep alive so often in its time. */
#define TICKS_PER_KEEP_ALIVE 8

typedef enum
{
  PHASE_HANDSHAKE, /* until CONNACK */
  PHASE_OPEN,
  PHASE_LEAVING,   /* DISCONNECT goes when what is half written is written */
  PHASE_LINGERING, /* DISCONNECT is sent; what comes is thrown away until the broker closes */
  PHASE_OVER,
} Phase;

/* The rule that shapes all of this: libmosquitto queues a PUBACK for each
 * message when it comes in, and mosquitto_loop_write() sends all that is queued.
 * So nothing may be written while a received message is unhandled; and so that
 * this ends soon, nothing is read then either. A batch of messages is read, given
 * out, waited for, and acknowledged as a whole. */
struct _MkvMqttConnection
{
  grefcount ref_count;
  MkvMqttClient *client;  /* NULL when the owner has let go, in PHASE_OVER */
  struct mosquitto *mosq; /* the client's */
  MkvMqttOptions *options;
  MkvTransport *transport;
  MkvClock *clock;
  GMainContext *context;
  const MkvMqttConnectionFuncs *funcs;
  gpointer owner;

  Phase phase;
  int fd;
  GSource *socket;
  GSource *timer; /* keep alive, or the time limit for leaving */

  /* Why it is over. `ended` is set wherever that turns out, the owner is told by drain(). */
  gboolean ended;
  MkvMqttEnding ending;

  MkvMqttInbox *inbox;
  gboolean draining;
  gboolean more;          /* a batch ended before the socket was empty */
  gboolean hung_up;       /* by the broker; nobody hears an acknowledgement any more */
  gboolean clean;         /* nothing was half written when the batch began */
  gint64 unhandled_since; /* monotonic, when the batch began */

  MkvMqttWindow *window;
  GHashTable *subscriptions; /* mid: topic */
  guint n_unwritten;         /* packets that libmosquitto was given since the last flush */
  guint n_unwritten_acks;    /* PUBACKs among them */
  gboolean written;          /* in this iteration of the main loop */

  guint max_inflight;
  guint max_payload;
  guint keep_alive;
};

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
connection_unref (MkvMqttConnection *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  mkv_mqtt_inbox_free (self->inbox);
  mkv_mqtt_window_free (self->window);
  g_hash_table_unref (self->subscriptions);
  g_clear_error (&self->ending.error);
  g_main_context_unref (self->context);
  g_object_unref (self->clock);
  mkv_mqtt_options_unref (self->options);
  g_free (self);
}

/* What libmosquitto calls. */

static void
on_connect (struct mosquitto *mosq, void *user_data, int code, int flags, const mosquitto_property *properties)
{
  MkvMqttConnection *self = ((MkvMqttClient *) user_data)->connection;
  uint16_t receive_maximum = G_MAXUINT16;
  uint16_t keep_alive = (uint16_t) self->keep_alive;
  uint32_t max_packet = 0;

  if (code != 0)
    {
      self->ending.refused = code;
      return;
    }
  mosquitto_property_read_int16 (properties, MQTT_PROP_RECEIVE_MAXIMUM, &receive_maximum, false);
  mosquitto_property_read_int16 (properties, MQTT_PROP_SERVER_KEEP_ALIVE, &keep_alive, false);
  mosquitto_property_read_int32 (properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, &max_packet, false);
  self->max_inflight = MIN (self->max_inflight, MAX (receive_maximum, 1));
  mkv_mqtt_window_set_size (self->window, self->max_inflight);
  if (max_packet != 0)
    self->max_payload = MIN (self->max_payload, max_packet - MIN (max_packet, MKV_MQTT_PACKET_OVERHEAD));
  if (keep_alive != 0)
    self->keep_alive = keep_alive;
  mkv_mqtt_inbox_push (self->inbox, MKV_MQTT_CONNECTED, 0, flags & 1);
}

static void
on_disconnect (struct mosquitto *mosq, void *user_data, int code, const mosquitto_property *properties)
{
  MkvMqttConnection *self = ((MkvMqttClient *) user_data)->connection;

  /* After the broker's DISCONNECT libmosquitto finds that the socket is gone, too. */
  if (self->ended)
    return;
  self->ended = TRUE;
  self->ending.code = code;
  self->ending.saved_errno = errno;
}

/* Sending. */

/* A TLS handshake that fails closes the socket and calls nothing back. */
static void
note_result (MkvMqttConnection *self, int rc)
{
  int saved_errno = errno;

  if (self->ended || (rc == MOSQ_ERR_SUCCESS && mosquitto_socket (self->mosq) >= 0))
    return;
  self->ended = TRUE;
  self->ending.code = rc != MOSQ_ERR_SUCCESS ? rc : MOSQ_ERR_CONN_LOST;
  self->ending.saved_errno = saved_errno;
}

static void
set_corked (MkvMqttConnection *self, int corked)
{
  setsockopt (self->fd, IPPROTO_TCP, TCP_CORK, &corked, sizeof corked);
}

/* Writes all that is queued and that the socket takes, if it may. */
static void
flush (MkvMqttConnection *self)
{
  gboolean cork = self->n_unwritten >= MIN_CORKED_PACKETS;

  if (self->ended || self->hung_up || self->phase >= PHASE_LINGERING || mkv_mqtt_inbox_has_unhandled (self->inbox))
    return;
  self->n_unwritten = 0;
  self->n_unwritten_acks = 0;
  self->written = TRUE;
  if (cork)
    set_corked (self, 1);
  note_result (self, mosquitto_loop_write (self->mosq, 1));
  if (cork && !self->ended)
    set_corked (self, 0);
}

/* What comes first in an iteration of the main loop is written at once; what
 * comes on top of it goes out together, when the iteration ends. */
static void
flush_soon (MkvMqttConnection *self)
{
  if (!self->draining && !self->written)
    flush (self);
}

/* Sends what the window lets through. */
static void
pump (MkvMqttConnection *self)
{
  if (self->phase == PHASE_OPEN && !self->ended)
    self->n_unwritten += mkv_mqtt_window_pump (self->window);
}

/* By hand: libmosquitto would send PUBACKs first, also for what was not handled. */
static void
send_disconnect (MkvMqttConnection *self)
{
  static const guint8 packet[] = { CMD_DISCONNECT, 0 };
  SSL *ssl = mosquitto_ssl_get (self->mosq);
  gssize n;

  if (ssl != NULL)
    n = SSL_write (ssl, packet, sizeof packet);
  else
    n = send (self->fd, packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n == sizeof packet)
    self->phase = PHASE_LINGERING;
  else
    self->ended = TRUE;
}

static void
try_to_leave (MkvMqttConnection *self)
{
  gboolean unhandled = mkv_mqtt_inbox_has_unhandled (self->inbox);

  flush (self);
  if (self->ended)
    return;
  if (unhandled ? self->clean : !mosquitto_want_write (self->mosq))
    send_disconnect (self);
  else if (unhandled)
    self->ended = TRUE;
}

/* Receiving. */

static void
deliver_subscribed (MkvMqttConnection *self, const MkvMqttEvent *event)
{
  g_autofree char *topic = NULL;
  g_autoptr (GError) error = NULL;

  if (!g_hash_table_steal_extended (self->subscriptions, GINT_TO_POINTER (event->mid), NULL, (gpointer *) &topic))
    return;
  if (event->code >= MQTT_RC_UNSPECIFIED)
    error = g_error_new (MKV_ERROR, MKV_ERROR_FORBIDDEN,
                         _("The broker at %s refused the subscription to %s (%s): its access list has to let "
                           "client “%s” read there"), self->options->broker, topic,
                         mosquitto_reason_string (event->code), self->options->client_id);
  else if (event->code < 1)
    error = g_error_new (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                         _("The broker at %s granted QoS 0 instead of 1 for %s: messages may get lost"),
                         self->options->broker, topic);
  mkv_transport_report_subscribed (self->transport, topic, error);
}

static void
deliver (MkvMqttConnection *self, const MkvMqttEvent *event)
{
  guint id;

  switch (event->kind)
    {
    case MKV_MQTT_CONNECTED:
      /* A broker must say it only once, but libmosquitto takes it at any time. */
      if (self->phase != PHASE_HANDSHAKE)
        break;
      self->phase = PHASE_OPEN;
      mkv_mqtt_client_end_log (self->client);
      self->funcs->connected (event->code != 0, self->owner);
      break;
    case MKV_MQTT_MESSAGE:
      /* Who has left may have nobody any more who claims a message. */
      if (self->phase == PHASE_OPEN)
        mkv_transport_receive (self->transport, event->message);
      break;
    case MKV_MQTT_PUBLISHED:
      if (mkv_mqtt_window_settle (self->window, event->mid, &id))
        mkv_transport_report_published (self->transport, id, event->code);
      break;
    case MKV_MQTT_SUBSCRIBED:
      deliver_subscribed (self, event);
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
close_down (MkvMqttConnection *self)
{
  MkvMqttEnd end = MKV_MQTT_LEFT;
  g_autoptr (GError) error = NULL;

  if (self->phase < PHASE_LEAVING)
    {
      end = mkv_mqtt_ending_get_kind (&self->ending, self->phase == PHASE_OPEN, self->client->mqtt_311);
      error = mkv_mqtt_ending_take_error (&self->ending, self->options,
                                          self->phase == PHASE_HANDSHAKE ? self->client->tls : NULL);
    }
  self->phase = PHASE_OVER;
  self->funcs->closed (end, error, self->owner);
}

/* Gives out what came. Handlers may publish, acknowledge, leave and let go. */
static void
drain (MkvMqttConnection *self)
{
  MkvMqttEvent event;

  self->draining = TRUE;
  while (self->phase < PHASE_OVER && mkv_mqtt_inbox_pop (self->inbox, &event))
    {
      deliver (self, &event);
      g_clear_pointer (&event.message, mkv_message_unref);
    }
  self->draining = FALSE;
  if (self->phase == PHASE_OVER)
    return;
  pump (self);
  /* PUBACKs alone are left to on_prepare(): with what the application sends as
   * soon as it has its answer they make one segment, and wake the broker once. */
  if (self->n_unwritten > self->n_unwritten_acks)
    flush (self);
  if (self->ended && mkv_mqtt_inbox_is_empty (self->inbox))
    close_down (self);
}

/* The socket. */

static void
read_batch (MkvMqttConnection *self)
{
  guint max_messages = self->options->max_inflight;
  guint n_pushed;

  self->clean = !mosquitto_want_write (self->mosq);
  self->unhandled_since = mkv_clock_get_monotonic_time (self->clock);
  self->more = TRUE;
  /* libmosquitto reads as many packets as it likes. When it has called nothing
   * back, the socket was empty, or what is in it is only a part of a packet. */
  do
    {
      n_pushed = mkv_mqtt_inbox_get_n_pushed (self->inbox);
      note_result (self, mosquitto_loop_read (self->mosq, 1));
      if (self->ended || mkv_mqtt_inbox_get_n_pushed (self->inbox) == n_pushed)
        self->more = FALSE;
    }
  while (self->more && mkv_mqtt_inbox_get_n_messages (self->inbox) < max_messages &&
         mkv_mqtt_inbox_get_n_bytes (self->inbox) < MAX_BATCH_BYTES);
  self->n_unwritten += mkv_mqtt_inbox_get_n_messages (self->inbox);
  self->n_unwritten_acks += mkv_mqtt_inbox_get_n_messages (self->inbox);
}

static gboolean
has_input (MkvMqttConnection *self)
{
  struct pollfd poll_fd = { self->fd, POLLIN | POLLRDHUP, 0 };

  return poll (&poll_fd, 1, 0) > 0;
}

static void
shake_hands (MkvMqttConnection *self)
{
  note_result (self, mosquitto_loop_read (self->mosq, 1));
  /* A broker that refuses our certificate says so when the handshake is done for
   * us, and hangs up. Who writes first then never hears what it said. */
  if (!self->ended && self->client->tls != NULL && has_input (self))
    note_result (self, mosquitto_loop_read (self->mosq, 1));
  /* Does nothing until TLS is there; then it sends CONNECT. */
  flush (self);
}

static void
throw_away (MkvMqttConnection *self)
{
  char octets[4096];
  gssize n;

  do
    n = recv (self->fd, octets, sizeof octets, MSG_DONTWAIT);
  while (n > 0);
  if (n == 0 || (errno != EAGAIN && errno != EINTR))
    self->ended = TRUE;
}

static gushort
get_wanted_events (MkvMqttConnection *self)
{
  SSL *ssl = mosquitto_ssl_get (self->mosq);

  switch (self->phase)
    {
    case PHASE_HANDSHAKE:
      /* TLS must not be asked to go on before what it waits for is there: it
       * would keep a core busy and get nowhere. */
      if (ssl != NULL && SSL_in_init (ssl))
        return SSL_want_write (ssl) ? G_IO_OUT : G_IO_IN;
      return mosquitto_want_write (self->mosq) ? G_IO_IN | G_IO_OUT : G_IO_IN;
    case PHASE_OPEN:
      if (mkv_mqtt_inbox_has_unhandled (self->inbox))
        return POLLRDHUP;
      return mosquitto_want_write (self->mosq) ? G_IO_IN | G_IO_OUT : G_IO_IN;
    case PHASE_LEAVING:
      return G_IO_OUT;
    case PHASE_LINGERING:
      return G_IO_IN;
    case PHASE_OVER:
    default:
      return 0;
    }
}

static gboolean
has_work (MkvMqttConnection *self)
{
  return self->ended || !mkv_mqtt_inbox_is_empty (self->inbox) ||
         (self->more && !mkv_mqtt_inbox_has_unhandled (self->inbox)) ||
         (self->phase == PHASE_HANDSHAKE && self->n_unwritten > 0);
}

static gboolean
on_prepare (gpointer user_data, gushort *events)
{
  MkvMqttConnection *self = user_data;

  if (self->n_unwritten > 0 && self->phase != PHASE_HANDSHAKE)
    flush (self);
  self->written = FALSE;
  if (has_work (self))
    return TRUE;
  *events = get_wanted_events (self);
  return FALSE;
}

static void
use_socket (MkvMqttConnection *self, gushort events)
{
  gboolean broken = (events & (G_IO_HUP | G_IO_ERR | G_IO_NVAL | POLLRDHUP)) != 0;

  switch (self->phase)
    {
    case PHASE_HANDSHAKE:
      shake_hands (self);
      break;
    case PHASE_OPEN:
      /* Once the broker has hung up, all that is left can be read: it may say why. */
      if (broken && mkv_mqtt_inbox_has_unhandled (self->inbox))
        self->hung_up = TRUE;
      if ((events & G_IO_OUT) != 0)
        flush (self);
      if (!self->ended && (broken || (events & G_IO_IN) != 0 || self->more))
        read_batch (self);
      break;
    case PHASE_LEAVING:
      if (broken)
        self->ended = TRUE;
      else
        try_to_leave (self);
      break;
    case PHASE_LINGERING:
      throw_away (self);
      break;
    case PHASE_OVER:
    default:
      break;
    }
}

static void
on_ready (gpointer user_data, gushort events)
{
  MkvMqttConnection *self = user_data;

  g_ref_count_inc (&self->ref_count);
  if (!self->ended && mkv_mqtt_inbox_is_empty (self->inbox))
    use_socket (self, events);
  drain (self);
  connection_unref (self);
}

static gboolean on_tick (gpointer user_data);

static void
arm_tick (MkvMqttConnection *self)
{
  gint64 delay = self->keep_alive * G_USEC_PER_SEC / TICKS_PER_KEEP_ALIVE;

  clear_source (&self->timer);
  self->timer = mkv_clock_add_timeout (self->clock, delay, self->context, on_tick, self);
}

static gboolean
on_tick (gpointer user_data)
{
  MkvMqttConnection *self = user_data;
  gint64 limit = self->keep_alive * G_USEC_PER_SEC / 2;
  gboolean unhandled = mkv_mqtt_inbox_has_unhandled (self->inbox);

  if (!self->ended && unhandled && mkv_clock_get_monotonic_time (self->clock) - self->unhandled_since >= limit)
    {
      self->ended = TRUE;
      self->ending.error = g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                                        _("Storing what the broker at %s sent has taken longer than half of "
                                          "transport.keep-alive (%u s), so the connection was closed, and it will "
                                          "come again: check that the storage works"), self->options->broker,
                                        self->keep_alive);
    }
  if (!self->ended)
    {
      note_result (self, mosquitto_loop_misc (self->mosq));
      self->n_unwritten++;
      flush_soon (self);
    }
  arm_tick (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_leave_timeout (gpointer user_data)
{
  MkvMqttConnection *self = user_data;

  self->ended = TRUE;
  return G_SOURCE_REMOVE;
}

MkvMqttConnection *
mkv_mqtt_connection_new (MkvMqttClient *client, MkvTransport *transport, MkvClock *clock,
                         GMainContext *context, const MkvMqttConnectionFuncs *funcs, gpointer owner)
{
  MkvMqttConnection *self = g_new0 (MkvMqttConnection, 1);

  g_ref_count_init (&self->ref_count);
  self->client = client;
  self->mosq = client->mosq;
  self->options = mkv_mqtt_options_ref (client->options);
  self->transport = transport;
  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref (context);
  self->funcs = funcs;
  self->owner = owner;
  self->inbox = mkv_mqtt_inbox_new (client);
  self->max_inflight = self->options->max_inflight;
  self->max_payload = self->options->max_payload;
  self->keep_alive = self->options->keep_alive;
  self->window = mkv_mqtt_window_new (client, self->inbox, self->max_inflight);
  self->subscriptions = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->n_unwritten = 1; /* CONNECT */

  client->connection = self;
  client->inbox = self->inbox;
  mosquitto_connect_v5_callback_set (self->mosq, on_connect);
  mosquitto_disconnect_v5_callback_set (self->mosq, on_disconnect);

  self->fd = mosquitto_socket (self->mosq);
  self->socket = mkv_mqtt_socket_source_new (self->fd, on_prepare, on_ready, self);
  g_source_attach (self->socket, self->context);
  arm_tick (self);
  return self;
}

GArray *
mkv_mqtt_connection_drop (MkvMqttConnection *self)
{
  GArray *ids = mkv_mqtt_window_take_all (self->window);

  self->phase = PHASE_OVER;
  clear_source (&self->socket);
  clear_source (&self->timer);
  self->mosq = NULL;
  g_clear_pointer (&self->client, mkv_mqtt_client_free);
  connection_unref (self);
  return ids;
}

void
mkv_mqtt_connection_publish (MkvMqttConnection *self, MkvMessage *message, guint id)
{
  mkv_mqtt_window_push (self->window, message, id);
  pump (self);
  flush_soon (self);
}

gboolean
mkv_mqtt_connection_subscribe (MkvMqttConnection *self, const char *topic, gboolean own_messages, GError **error)
{
  int options = MQTT_SUB_OPT_SEND_RETAIN_NEVER | (own_messages ? 0 : MQTT_SUB_OPT_NO_LOCAL);
  int mid = 0;
  int rc = mosquitto_subscribe_v5 (self->mosq, &mid, topic, 1, options, NULL);

  if (rc == MOSQ_ERR_SUCCESS)
    {
      g_hash_table_replace (self->subscriptions, GINT_TO_POINTER (mid), g_strdup (topic));
      self->n_unwritten++;
      flush_soon (self);
      return TRUE;
    }
  if (rc == MOSQ_ERR_NO_CONN)
    g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("The connection to the broker at %s is lost"),
                 self->options->broker);
  else
    g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("“%s” can't be subscribed to: %s"), topic,
                 mosquitto_strerror (rc));
  return FALSE;
}

void
mkv_mqtt_connection_acknowledge (MkvMqttConnection *self, MkvMessage *message)
{
  if (mkv_mqtt_inbox_handled (self->inbox, message) && !mkv_mqtt_inbox_has_unhandled (self->inbox))
    flush_soon (self);
}

void
mkv_mqtt_connection_leave (MkvMqttConnection *self)
{
  /* Before CONNACK there is nothing to take leave of. */
  if (self->phase != PHASE_OPEN)
    self->ended = TRUE;
  self->phase = PHASE_LEAVING;
  clear_source (&self->timer);
  self->timer = mkv_clock_add_timeout (self->clock, LEAVE_TIMEOUT, self->context, on_leave_timeout, self);
  if (!self->ended)
    try_to_leave (self);
}

guint
mkv_mqtt_connection_get_max_inflight (MkvMqttConnection *self)
{
  return self->max_inflight;
}

guint
mkv_mqtt_connection_get_max_payload (MkvMqttConnection *self)
{
  return self->max_payload;
}
