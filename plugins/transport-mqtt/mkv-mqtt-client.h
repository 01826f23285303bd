/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <mosquitto.h>

#include "mkv-mqtt-options.h"
#include "mkv-mqtt-tls.h"

G_BEGIN_DECLS

/* One attempt's client of libmosquitto, with a connected socket. */
typedef struct
{
  MkvMqttOptions *options;
  gboolean mqtt_311;
  struct mosquitto *mosq;
  MkvMqttTls *tls; /* NULL without TLS */
  /* For the callbacks of `mosq`, whose user data is the client. */
  struct _MkvMqttConnection *connection;
  struct _MkvMqttInbox *inbox;
} MkvMqttClient;

/* What a packet needs beside its payload at most: topic, properties, headers. */
#define MKV_MQTT_PACKET_OVERHEAD 1024

void mkv_mqtt_client_free (MkvMqttClient *self);

/* Connects the socket and has CONNECT queued, without blocking the caller,
 * whatever the network does. Who cancels need not wait for the callback: it may
 * come late, with an error, when a thread that does not listen is done. */
void mkv_mqtt_client_connect_async (MkvMqttOptions *options, gboolean mqtt_311, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);
MkvMqttClient *mkv_mqtt_client_connect_finish (GAsyncResult *result, GError **error);

/* From now on OpenSSL's words are of no interest, and asking for libmosquitto's
 * log would cost time for each packet. */
void mkv_mqtt_client_end_log (MkvMqttClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvMqttClient, mkv_mqtt_client_free)

G_END_DECLS
