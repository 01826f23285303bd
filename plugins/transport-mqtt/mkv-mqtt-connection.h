/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-mqtt-client.h"
#include "mkv-mqtt-ending.h"
#include "transport/mkv-transport.h"

G_BEGIN_DECLS

/* Drives one connected client of libmosquitto in a main context:
 * from the socket's readiness up to MkvTransport's signals. */
typedef struct _MkvMqttConnection MkvMqttConnection;

typedef struct
{
  /* CONNACK says yes. */
  void (*connected) (gboolean session_present, gpointer owner);

  /* It is over; comes last, and once. */
  void (*closed) (MkvMqttEnd end, const GError *error, gpointer owner);
} MkvMqttConnectionFuncs;

/* Takes @client. Neither @transport nor @owner is kept alive. */
MkvMqttConnection *mkv_mqtt_connection_new (MkvMqttClient *client, MkvTransport *transport, MkvClock *clock,
                                            GMainContext *context, const MkvMqttConnectionFuncs *funcs,
                                            gpointer owner);

/* Closes the socket as a crash would, and lets go: no function of the owner is
 * called from now on. Gives the ids of what was not acknowledged. */
GArray *mkv_mqtt_connection_drop (MkvMqttConnection *self);

void mkv_mqtt_connection_publish (MkvMqttConnection *self, MkvMessage *message, guint id);
gboolean mkv_mqtt_connection_subscribe (MkvMqttConnection *self, const char *topic, gboolean own_messages,
                                        GError **error);
void mkv_mqtt_connection_acknowledge (MkvMqttConnection *self, MkvMessage *message);

/* Takes leave of the broker, so that the will is not published; `closed` comes
 * when that is done. What was not handled stays unacknowledged. */
void mkv_mqtt_connection_leave (MkvMqttConnection *self);

/* What the broker allows. */
guint mkv_mqtt_connection_get_max_inflight (MkvMqttConnection *self);
guint mkv_mqtt_connection_get_max_payload (MkvMqttConnection *self);

G_END_DECLS
