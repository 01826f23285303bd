/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-mqtt-options.h"

G_BEGIN_DECLS

/* Why there is no connection, for people: which broker, what is wrong, what helps. */

/* @stage: "can't be reached", and so on. */
GError *mkv_mqtt_error_new_unreachable (const MkvMqttOptions *options, const GError *why);

/* CONNACK's code, of MQTT 3.1.1 or of MQTT 5. */
GError *mkv_mqtt_error_new_refused (const MkvMqttOptions *options, int code);

/* A DISCONNECT of the broker, its reason code. */
GError *mkv_mqtt_error_new_dismissed (const MkvMqttOptions *options, int reason);

/* What a function of libmosquitto returned, and errno. */
GError *mkv_mqtt_error_new_lost (const MkvMqttOptions *options, int rc, int saved_errno);

/* The broker has hung up @n_times in a row, soon after each connect. Older ones
 * don't say that another client has come with the same id. */
GError *mkv_mqtt_error_new_twin (const MkvMqttOptions *options, guint n_times);

/* Whether trying again alone won't mend it. */
gboolean mkv_mqtt_error_is_lasting (const GError *error);

G_END_DECLS
