/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-mqtt-inbox.h"

#include <mqtt_protocol.h>

#include "base/mkv-limits.h"
#include "mkv-mqtt-message.h"

struct _MkvMqttInbox
{
  GArray *events; /* of MkvMqttEvent */
  guint n_popped; /* of these; they are removed when it is all */
  guint n_pushed;
  guint n_messages;
  gsize n_bytes;
  /* Set of MkvMessage, not owned. None can have the address of another: all of a
   * batch exist before the first is given out, and the next batch comes when
   * this set is empty. */
  GHashTable *unhandled;
};

static void
clear_event (gpointer data)
{
  MkvMqttEvent *event = data;

  g_clear_pointer (&event->message, mkv_message_unref);
}

static void
append (MkvMqttInbox *self, MkvMqttEvent event)
{
  g_array_append_val (self->events, event);
  self->n_pushed++;
}

static void
on_message (struct mosquitto *mosq, void *user_data, const struct mosquitto_message *received,
            const mosquitto_property *properties)
{
  MkvMqttInbox *self = ((MkvMqttClient *) user_data)->inbox;
  MkvMessage *message = mkv_mqtt_message_new (received, properties, MKV_MAX_PAYLOAD_BYTES);

  append (self, (MkvMqttEvent){ .kind = MKV_MQTT_MESSAGE, .message = message });
  g_hash_table_add (self->unhandled, message);
  self->n_messages++;
  self->n_bytes += g_bytes_get_size (mkv_message_get_payload (message));
}

static void
on_publish (struct mosquitto *mosq, void *user_data, int mid, int reason, const mosquitto_property *properties)
{
  mkv_mqtt_inbox_push (((MkvMqttClient *) user_data)->inbox, MKV_MQTT_PUBLISHED, mid, reason);
}

static void
on_subscribe (struct mosquitto *mosq, void *user_data, int mid, int n_granted, const int *granted,
              const mosquitto_property *properties)
{
  mkv_mqtt_inbox_push (((MkvMqttClient *) user_data)->inbox, MKV_MQTT_SUBSCRIBED, mid,
                       n_granted > 0 ? granted[0] : MQTT_RC_UNSPECIFIED);
}

MkvMqttInbox *
mkv_mqtt_inbox_new (MkvMqttClient *client)
{
  MkvMqttInbox *self = g_new0 (MkvMqttInbox, 1);

  self->events = g_array_new (FALSE, FALSE, sizeof (MkvMqttEvent));
  g_array_set_clear_func (self->events, clear_event);
  self->unhandled = g_hash_table_new (NULL, NULL);
  mosquitto_message_v5_callback_set (client->mosq, on_message);
  mosquitto_publish_v5_callback_set (client->mosq, on_publish);
  mosquitto_subscribe_v5_callback_set (client->mosq, on_subscribe);
  return self;
}

void
mkv_mqtt_inbox_free (MkvMqttInbox *self)
{
  g_array_unref (self->events);
  g_hash_table_unref (self->unhandled);
  g_free (self);
}

void
mkv_mqtt_inbox_push (MkvMqttInbox *self, MkvMqttEventKind kind, int mid, int code)
{
  append (self, (MkvMqttEvent){ .kind = kind, .mid = mid, .code = code });
}

gboolean
mkv_mqtt_inbox_pop (MkvMqttInbox *self, MkvMqttEvent *event)
{
  MkvMqttEvent *first;

  if (self->n_popped == self->events->len)
    {
      g_array_set_size (self->events, 0);
      self->n_popped = 0;
      return FALSE;
    }
  first = &g_array_index (self->events, MkvMqttEvent, self->n_popped);
  self->n_popped++;
  *event = *first;
  first->message = NULL;
  if (event->message != NULL)
    {
      self->n_messages--;
      self->n_bytes -= g_bytes_get_size (mkv_message_get_payload (event->message));
    }
  return TRUE;
}

gboolean
mkv_mqtt_inbox_is_empty (MkvMqttInbox *self)
{
  return self->n_popped == self->events->len;
}

guint
mkv_mqtt_inbox_get_n_pushed (MkvMqttInbox *self)
{
  return self->n_pushed;
}

guint
mkv_mqtt_inbox_get_n_messages (MkvMqttInbox *self)
{
  return self->n_messages;
}

gsize
mkv_mqtt_inbox_get_n_bytes (MkvMqttInbox *self)
{
  return self->n_bytes;
}

gboolean
mkv_mqtt_inbox_handled (MkvMqttInbox *self, MkvMessage *message)
{
  return g_hash_table_remove (self->unhandled, message);
}

gboolean
mkv_mqtt_inbox_has_unhandled (MkvMqttInbox *self)
{
  return g_hash_table_size (self->unhandled) > 0;
}
