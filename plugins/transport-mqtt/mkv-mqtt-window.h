/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-mqtt-client.h"
#include "mkv-mqtt-inbox.h"

G_BEGIN_DECLS

/* What a connection was given to publish: messages that the broker has not
 * acknowledged, and messages that wait until it has. libmosquitto gets no more
 * than may be on their way at once. */
typedef struct _MkvMqttWindow MkvMqttWindow;

/* @inbox gets a MKV_MQTT_PUBLISHED for what can't be sent. */
MkvMqttWindow *mkv_mqtt_window_new (MkvMqttClient *client, MkvMqttInbox *inbox, guint size);
void mkv_mqtt_window_free (MkvMqttWindow *self);

void mkv_mqtt_window_set_size (MkvMqttWindow *self, guint size);

void mkv_mqtt_window_push (MkvMqttWindow *self, MkvMessage *message, guint id);

/* Hands libmosquitto what there is room for; says how many these were. */
guint mkv_mqtt_window_pump (MkvMqttWindow *self);

/* @mid was acknowledged: gives its id. */
gboolean mkv_mqtt_window_settle (MkvMqttWindow *self, int mid, guint *id);

/* Empties it; gives the ids (guint) in the order in which they were published. */
GArray *mkv_mqtt_window_take_all (MkvMqttWindow *self);

G_END_DECLS
