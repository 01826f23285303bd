/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <mosquitto.h>

#include "model/mkv-message.h"

G_BEGIN_DECLS

/* Between MkvMessage and libmosquitto. */

/* A payload of more than @max_payload octets is cut after one more: it is too
 * large for everyone, and need not fill the memory to be known for that. */
MkvMessage *mkv_mqtt_message_new (const struct mosquitto_message *message, const mosquitto_property *properties,
                                  guint max_payload);

/* What MQTT 5 sends beside topic and payload; NULL if there is nothing, or with
 * @error. */
mosquitto_property *mkv_mqtt_message_get_properties (const MkvMessage *message, GError **error);

G_END_DECLS
