/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-clock.h"
#include "model/mkv-message.h"

G_BEGIN_DECLS

/**
 * MkvTransportState:
 * @MKV_TRANSPORT_STOPPED: nobody wants a connection
 * @MKV_TRANSPORT_CONNECTING: an attempt is under way
 * @MKV_TRANSPORT_CONNECTED: messages flow
 * @MKV_TRANSPORT_WAITING: there is no connection; the next attempt comes by itself
 * @MKV_TRANSPORT_FAILED: as waiting, for a reason that trying again alone won't
 *   mend, such as a wrong password; attempts go on, seldom
 *
 * Where a transport stands with its broker.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_TRANSPORT_STOPPED,
  MKV_TRANSPORT_CONNECTING,
  MKV_TRANSPORT_CONNECTED,
  MKV_TRANSPORT_WAITING,
  MKV_TRANSPORT_FAILED,
} MkvTransportState;

/**
 * MKV_TRANSPORT_REASON_LOST:
 *
 * The reason of a `published` signal for a message that was not sent, or whose
 * acknowledgement was lost with the connection. Any other is an MQTT 5 reason
 * code: below 0x80 the broker has taken the message, from 0x80 on it refused.
 *
 * Since: 0.1
 */
#define MKV_TRANSPORT_REASON_LOST (-1)

#define MKV_TYPE_TRANSPORT (mkv_transport_get_type ())

MKV_API
G_DECLARE_INTERFACE (MkvTransport, mkv_transport, MKV, TRANSPORT, GObject)

/**
 * MkvTransportInterface:
 * @parent_iface: the parent interface
 * @start: see [method@Transport.start]
 * @stop: see [method@Transport.stop]
 * @publish: see [method@Transport.publish]
 * @subscribe: see [method@Transport.subscribe]
 * @acknowledge: called when a message that was given to [method@Transport.receive]
 *   has been handled; may be left out
 * @get_limits: see [method@Transport.get_limits]; may be left out
 *
 * What a transport plugin implements.
 *
 * Since: 0.1
 */
struct _MkvTransportInterface
{
  GTypeInterface parent_iface;

  gboolean (*start) (MkvTransport *self, GVariant *options, MkvMessage *will, MkvClock *clock, GError **error);
  void (*stop) (MkvTransport *self);
  gboolean (*publish) (MkvTransport *self, MkvMessage *message, guint id, GError **error);
  gboolean (*subscribe) (MkvTransport *self, const char *topic, gboolean own_messages, GError **error);
  void (*acknowledge) (MkvTransport *self, MkvMessage *message);
  void (*get_limits) (MkvTransport *self, guint *max_inflight, guint *max_payload);

  /*< private >*/
  gpointer padding[6];
};

MKV_API
gboolean mkv_transport_start (MkvTransport *self, GVariant *options, MkvMessage *will, MkvClock *clock,
                              GError **error);

MKV_API
void mkv_transport_stop (MkvTransport *self);

MKV_API
gboolean mkv_transport_publish (MkvTransport *self, MkvMessage *message, guint id, GError **error);

MKV_API
gboolean mkv_transport_subscribe (MkvTransport *self, const char *topic, gboolean own_messages, GError **error);

MKV_API
void mkv_transport_get_limits (MkvTransport *self, guint *max_inflight, guint *max_payload);

MKV_API
void mkv_transport_receive (MkvTransport *self, MkvMessage *message);

MKV_API
void mkv_transport_report_published (MkvTransport *self, guint id, gint reason);

MKV_API
void mkv_transport_report_state (MkvTransport *self, MkvTransportState state, gboolean session_present,
                                 const GError *error);

MKV_API
void mkv_transport_report_subscribed (MkvTransport *self, const char *topic, const GError *error);

G_END_DECLS
