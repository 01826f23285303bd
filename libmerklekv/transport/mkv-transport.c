/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "transport/mkv-transport.h"

#include "base/mkv-limits.h"
#include "base/mkv-plugin-guard-private.h"

/* What a transport that sets no limits is taken to allow. */
#define DEFAULT_MAX_INFLIGHT 100

/**
 * MkvTransport:
 *
 * A way to the other nodes: publish and subscribe with at-least-once delivery.
 * Everything happens in the context that was thread-default when
 * [method@Transport.start] was called; every function returns at once, and what
 * becomes of it is told by signals. A transport may lose, repeat and reorder.
 *
 * A plugin does not emit the signals itself, it calls [method@Transport.receive],
 * [method@Transport.report_published], [method@Transport.report_state] and
 * [method@Transport.report_subscribed].
 *
 * Since: 0.1
 */
G_DEFINE_INTERFACE (MkvTransport, mkv_transport, G_TYPE_OBJECT)

enum
{
  SIGNAL_MESSAGE,
  SIGNAL_PUBLISHED,
  SIGNAL_STATE,
  SIGNAL_SUBSCRIBED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
mkv_transport_default_init (MkvTransportInterface *iface)
{
  /**
   * MkvTransport::message:
   * @self: the transport
   * @message: what arrived
   *
   * A message arrived on a topic that was subscribed to. Who needs time to
   * handle it calls [method@Message.claim] and, later,
   * [method@Message.handled].
   *
   * Since: 0.1
   */
  signals[SIGNAL_MESSAGE] = g_signal_new ("message", MKV_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, MKV_TYPE_MESSAGE);

  /**
   * MkvTransport::published:
   * @self: the transport
   * @id: what was given to [method@Transport.publish]
   * @reason: an MQTT 5 reason code, or %MKV_TRANSPORT_REASON_LOST
   *
   * The broker has taken or refused a message, or it was lost. Comes exactly
   * once for each message that was published with an id other than 0.
   *
   * Since: 0.1
   */
  signals[SIGNAL_PUBLISHED] = g_signal_new ("published", MKV_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                            NULL, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_INT);

  /**
   * MkvTransport::state:
   * @self: the transport
   * @state: a [enum@TransportState]
   * @session_present: whether the broker still had the session, with its
   *   subscriptions and what came in meanwhile; of interest when connected
   * @error: (nullable): why there is no connection
   *
   * The connection came or went.
   *
   * Since: 0.1
   */
  signals[SIGNAL_STATE] = g_signal_new ("state", MKV_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 3, G_TYPE_INT, G_TYPE_BOOLEAN, G_TYPE_ERROR);

  /**
   * MkvTransport::subscribed:
   * @self: the transport
   * @topic: the topic
   * @error: (nullable): why messages there may not arrive as they should
   *
   * The broker answered a subscription.
   *
   * Since: 0.1
   */
  signals[SIGNAL_SUBSCRIBED] = g_signal_new ("subscribed", MKV_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                             NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_ERROR);
}

/**
 * mkv_transport_start:
 * @self: a stopped transport
 * @options: an `a{sv}`: `client-id` (`s`), and the keys of the configuration's
 *   group `transport` as `s`, `u` or `b`
 * @will: (nullable): what the broker publishes when the connection breaks
 * @clock: where time comes from
 * @error: return location for an error
 *
 * Starts to connect, and to connect again whenever the connection is lost,
 * until [method@Transport.stop].
 *
 * Returns: %FALSE if @options can't work; a broker that is out of reach is no
 *   error but a [signal@Transport::state]
 *
 * Since: 0.1
 */
gboolean
mkv_transport_start (MkvTransport *self, GVariant *options, MkvMessage *will, MkvClock *clock, GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_TRANSPORT (self), FALSE);
  g_return_val_if_fail (options != NULL, FALSE);
  g_return_val_if_fail (MKV_IS_CLOCK (clock), FALSE);

  done = MKV_TRANSPORT_GET_IFACE (self)->start (self, options, will, clock, &plugin_error);
  return mkv_plugin_guard (done, self, "start", error, plugin_error);
}

/**
 * mkv_transport_stop:
 * @self: a transport
 *
 * Takes leave of the broker, so that the will is not published. The state
 * %MKV_TRANSPORT_STOPPED comes when that is done, maybe before this returns.
 *
 * Since: 0.1
 */
void
mkv_transport_stop (MkvTransport *self)
{
  g_return_if_fail (MKV_IS_TRANSPORT (self));

  MKV_TRANSPORT_GET_IFACE (self)->stop (self);
}

/**
 * mkv_transport_publish:
 * @self: a connected transport
 * @message: what to send, with QoS 1 and not retained
 * @id: comes back with [signal@Transport::published]; 0 if nobody waits
 * @error: return location for an error
 *
 * Sends a message.
 *
 * Returns: whether it is under way; %FALSE with %MKV_ERROR_NOT_CONNECTED or
 *   %MKV_ERROR_TOO_LARGE if not: then no signal comes
 *
 * Since: 0.1
 */
gboolean
mkv_transport_publish (MkvTransport *self, MkvMessage *message, guint id, GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_TRANSPORT (self), FALSE);
  g_return_val_if_fail (message != NULL, FALSE);

  done = MKV_TRANSPORT_GET_IFACE (self)->publish (self, message, id, &plugin_error);
  return mkv_plugin_guard (done, self, "publish", error, plugin_error);
}

/**
 * mkv_transport_subscribe:
 * @self: a connected transport
 * @topic: a topic filter
 * @own_messages: whether this client's own messages are to arrive too; if not,
 *   No Local is asked for where the transport can
 * @error: return location for an error
 *
 * Subscribes with QoS 1, without retained messages (Retain Handling 2) where
 * the transport can. A second subscription to a topic takes the place of the
 * first. The answer is [signal@Transport::subscribed].
 *
 * Returns: whether the request is under way
 *
 * Since: 0.1
 */
gboolean
mkv_transport_subscribe (MkvTransport *self, const char *topic, gboolean own_messages, GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_TRANSPORT (self), FALSE);
  g_return_val_if_fail (topic != NULL, FALSE);

  done = MKV_TRANSPORT_GET_IFACE (self)->subscribe (self, topic, own_messages, &plugin_error);
  return mkv_plugin_guard (done, self, "subscribe", error, plugin_error);
}

/**
 * mkv_transport_get_limits:
 * @self: a transport
 * @max_inflight: (out): how many messages may be on their way at once
 * @max_payload: (out): how long a payload may be
 *
 * What this connection allows: the lesser of the configuration's and the
 * broker's limits.
 *
 * Since: 0.1
 */
void
mkv_transport_get_limits (MkvTransport *self, guint *max_inflight, guint *max_payload)
{
  MkvTransportInterface *iface;

  g_return_if_fail (MKV_IS_TRANSPORT (self));

  *max_inflight = DEFAULT_MAX_INFLIGHT;
  *max_payload = MKV_MAX_PAYLOAD_BYTES;
  iface = MKV_TRANSPORT_GET_IFACE (self);
  if (iface->get_limits != NULL)
    iface->get_limits (self, max_inflight, max_payload);
}

/**
 * MkvTransportInterface::acknowledge:
 * @self: a transport
 * @message: what was given to [method@Transport.receive]
 *
 * For plugins to implement: the message has been handled, and will not be
 * needed from the broker again. Where nothing has to be done it is left out.
 *
 * Since: 0.1
 */
static void
on_handled (MkvMessage *message, gpointer user_data)
{
  MkvTransport *self = user_data;
  MkvTransportInterface *iface = MKV_TRANSPORT_GET_IFACE (self);

  if (iface->acknowledge != NULL)
    iface->acknowledge (self, message);
}

/**
 * mkv_transport_receive:
 * @self: a transport
 * @message: what arrived
 *
 * For plugins: delivers a message. When it has been handled, maybe before this
 * returns, the plugin's acknowledge vfunc is called.
 *
 * Since: 0.1
 */
void
mkv_transport_receive (MkvTransport *self, MkvMessage *message)
{
  g_return_if_fail (MKV_IS_TRANSPORT (self));
  g_return_if_fail (message != NULL);

  mkv_message_set_handled_func (message, on_handled, g_object_ref (self), g_object_unref);
  g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
  if (!mkv_message_is_claimed (message))
    mkv_message_handled (message);
}

/**
 * mkv_transport_report_published:
 * @self: a transport
 * @id: what was given to [method@Transport.publish]
 * @reason: an MQTT 5 reason code, or %MKV_TRANSPORT_REASON_LOST
 *
 * For plugins: emits [signal@Transport::published].
 *
 * Since: 0.1
 */
void
mkv_transport_report_published (MkvTransport *self, guint id, gint reason)
{
  g_return_if_fail (MKV_IS_TRANSPORT (self));

  if (id != 0)
    g_signal_emit (self, signals[SIGNAL_PUBLISHED], 0, id, reason);
}

/**
 * mkv_transport_report_state:
 * @self: a transport
 * @state: the new state
 * @session_present: whether the broker still had the session
 * @error: (nullable): why there is no connection
 *
 * For plugins: emits [signal@Transport::state].
 *
 * Since: 0.1
 */
void
mkv_transport_report_state (MkvTransport *self, MkvTransportState state, gboolean session_present,
                            const GError *error)
{
  g_return_if_fail (MKV_IS_TRANSPORT (self));

  g_signal_emit (self, signals[SIGNAL_STATE], 0, (gint) state, session_present, error);
}

/**
 * mkv_transport_report_subscribed:
 * @self: a transport
 * @topic: the topic filter
 * @error: (nullable): why messages there may not arrive as they should:
 *   %MKV_ERROR_FORBIDDEN if the broker refused, %MKV_ERROR_NOT_SUPPORTED if it
 *   granted less than QoS 1
 *
 * For plugins: emits [signal@Transport::subscribed].
 *
 * Since: 0.1
 */
void
mkv_transport_report_subscribed (MkvTransport *self, const char *topic, const GError *error)
{
  g_return_if_fail (MKV_IS_TRANSPORT (self));
  g_return_if_fail (topic != NULL);

  g_signal_emit (self, signals[SIGNAL_SUBSCRIBED], 0, topic, error);
}
