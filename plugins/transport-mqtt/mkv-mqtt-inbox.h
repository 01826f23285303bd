/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-mqtt-client.h"
#include "model/mkv-message.h"

G_BEGIN_DECLS

typedef enum
{
  MKV_MQTT_CONNECTED,  /* code: whether the session was present */
  MKV_MQTT_MESSAGE,    /* message */
  MKV_MQTT_PUBLISHED,  /* mid, code: the reason */
  MKV_MQTT_SUBSCRIBED, /* mid, code: the granted QoS, or a reason */
} MkvMqttEventKind;

typedef struct
{
  MkvMqttEventKind kind;
  int mid;
  int code;
  MkvMessage *message; /* owned */
} MkvMqttEvent;

/* Gathers what comes in, for later, as libmosquitto's callbacks run with its
 * locks held; and knows which of the messages that came are still unhandled. */
typedef struct _MkvMqttInbox MkvMqttInbox;

/* Has @client call back here about messages, publishing and subscribing; its
 * `inbox` must be this one. */
MkvMqttInbox *mkv_mqtt_inbox_new (MkvMqttClient *client);
void mkv_mqtt_inbox_free (MkvMqttInbox *self);

void mkv_mqtt_inbox_push (MkvMqttInbox *self, MkvMqttEventKind kind, int mid, int code);

/* Takes the oldest event out; the caller frees its message. */
gboolean mkv_mqtt_inbox_pop (MkvMqttInbox *self, MkvMqttEvent *event);
gboolean mkv_mqtt_inbox_is_empty (MkvMqttInbox *self);

/* How many events have ever come. */
guint mkv_mqtt_inbox_get_n_pushed (MkvMqttInbox *self);

/* The messages that wait to be popped, and the octets of their payloads. */
guint mkv_mqtt_inbox_get_n_messages (MkvMqttInbox *self);
gsize mkv_mqtt_inbox_get_n_bytes (MkvMqttInbox *self);

/* FALSE if it is not one of ours, or was handled before. */
gboolean mkv_mqtt_inbox_handled (MkvMqttInbox *self, MkvMessage *message);
gboolean mkv_mqtt_inbox_has_unhandled (MkvMqttInbox *self);

G_END_DECLS
