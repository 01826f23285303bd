/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

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

/* What libmosquitto's callbacks leave for later, as they run with its locks
 * held; and which of the messages that came are still to be handled. */
typedef struct _MkvMqttInbox MkvMqttInbox;

MkvMqttInbox *mkv_mqtt_inbox_new (void);
void mkv_mqtt_inbox_free (MkvMqttInbox *self);

void mkv_mqtt_inbox_push (MkvMqttInbox *self, MkvMqttEventKind kind, int mid, int code);

/* Takes @message, which is unhandled from now on. */
void mkv_mqtt_inbox_push_message (MkvMqttInbox *self, MkvMessage *message);

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
