/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-mqtt-options.h"
#include "mkv-mqtt-tls.h"

G_BEGIN_DECLS

/* How a connection came to its end. */
typedef enum
{
  MKV_MQTT_LEFT,            /* mkv_mqtt_connection_leave() is done; there is no error */
  MKV_MQTT_VERSION_REFUSED, /* the broker does not know MQTT 5 */
  MKV_MQTT_HUNG_UP,         /* the broker closed the connection, and did not say why */
  MKV_MQTT_OTHER_END,
} MkvMqttEnd;

/* Why it did, as far as it was told. */
typedef struct
{
  int code;      /* of libmosquitto below 0x80, a reason of MQTT 5 from there on */
  int saved_errno;
  int refused;   /* CONNACK's code if it says no, else 0 */
  GError *error; /* our own reason, else NULL */
} MkvMqttEnding;

/* What kind of end it is, for who has not left; @open says that CONNACK had said
 * yes. */
MkvMqttEnd mkv_mqtt_ending_get_kind (const MkvMqttEnding *self, gboolean open, gboolean mqtt_311);

/* Takes the reason, for people; @tls is NULL unless a handshake may have failed. */
GError *mkv_mqtt_ending_take_error (MkvMqttEnding *self, const MkvMqttOptions *options, MkvMqttTls *tls);

G_END_DECLS
