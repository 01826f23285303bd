/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-mqtt-ending.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "mkv-mqtt-error.h"

MkvMqttEnd
mkv_mqtt_ending_get_kind (const MkvMqttEnding *self, gboolean open, gboolean mqtt_311)
{
  if (self->refused == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION && !mqtt_311)
    return MKV_MQTT_VERSION_REFUSED;
  if (open && self->error == NULL &&
      (self->code == MOSQ_ERR_CONN_LOST ||
       (self->code == MOSQ_ERR_ERRNO && (self->saved_errno == ECONNRESET || self->saved_errno == EPIPE))))
    return MKV_MQTT_HUNG_UP;
  return MKV_MQTT_OTHER_END;
}

GError *
mkv_mqtt_ending_take_error (MkvMqttEnding *self, const MkvMqttOptions *options, MkvMqttTls *tls)
{
  GError *error = NULL;

  if (self->error != NULL)
    return g_steal_pointer (&self->error);
  if (self->refused != 0)
    return mkv_mqtt_error_new_refused (options, self->refused);
  if (self->code >= MQTT_RC_UNSPECIFIED)
    return mkv_mqtt_error_new_dismissed (options, self->code);
  if (tls != NULL)
    error = mkv_mqtt_tls_explain (tls);
  return error != NULL ? error : mkv_mqtt_error_new_lost (options, self->code, self->saved_errno);
}
