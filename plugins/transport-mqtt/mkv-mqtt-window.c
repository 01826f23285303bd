/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-mqtt-window.h"

#include <mqtt_protocol.h>

#include "mkv-mqtt-message.h"

typedef struct
{
  int mid;
  guint id;
} Sent;

typedef struct
{
  MkvMessage *message;
  guint id;
} Waiting;

struct _MkvMqttWindow
{
  MkvMqttClient *client;
  MkvMqttInbox *inbox;
  guint size;
  /* Of Sent, oldest first. Brokers acknowledge in order, so the one that is
   * looked for is the first, and removing it moves a few hundred octets. */
  GArray *sent;
  GQueue waiting; /* of Waiting */
};

MkvMqttWindow *
mkv_mqtt_window_new (MkvMqttClient *client, MkvMqttInbox *inbox, guint size)
{
  MkvMqttWindow *self = g_new0 (MkvMqttWindow, 1);

  self->client = client;
  self->inbox = inbox;
  self->size = size;
  self->sent = g_array_new (FALSE, FALSE, sizeof (Sent));
  g_queue_init (&self->waiting);
  return self;
}

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  mkv_message_unref (waiting->message);
  g_free (waiting);
}

void
mkv_mqtt_window_free (MkvMqttWindow *self)
{
  g_array_unref (self->sent);
  g_queue_clear_full (&self->waiting, waiting_free);
  g_free (self);
}

void
mkv_mqtt_window_set_size (MkvMqttWindow *self, guint size)
{
  self->size = size;
}

void
mkv_mqtt_window_push (MkvMqttWindow *self, MkvMessage *message, guint id)
{
  Waiting *waiting = g_new (Waiting, 1);

  waiting->message = mkv_message_ref (message);
  waiting->id = id;
  g_queue_push_tail (&self->waiting, waiting);
}

static int
reason_of (int rc)
{
  switch (rc)
    {
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_PAYLOAD_SIZE:
      return MQTT_RC_PACKET_TOO_LARGE;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
      return MQTT_RC_QOS_NOT_SUPPORTED;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
      return MQTT_RC_TOPIC_NAME_INVALID;
    default:
      return MQTT_RC_UNSPECIFIED;
    }
}

static void
send_message (MkvMqttWindow *self, MkvMessage *message, guint id)
{
  mosquitto_property *properties = NULL;
  int rc = MOSQ_ERR_UNKNOWN;
  g_autoptr (GError) error = NULL;
  Sent sent = { 0, id };
  const char *topic = mkv_message_get_topic (message);
  gconstpointer octets;
  gsize length;

  if (!self->client->mqtt_311)
    properties = mkv_mqtt_message_get_properties (message, &error);
  octets = g_bytes_get_data (mkv_message_get_payload (message), &length);
  if (error == NULL)
    rc = mosquitto_publish_v5 (self->client->mosq, &sent.mid, topic, (int) length, octets, 1, false, properties);
  mosquitto_property_free_all (&properties);
  /* Without a connection libmosquitto keeps the message; that it is lost comes out by itself. */
  if (rc != MOSQ_ERR_SUCCESS && rc != MOSQ_ERR_NO_CONN)
    {
      /* Refused as a broker would, later, and under a mid that no packet has. */
      sent.mid = -1 - (int) (mkv_mqtt_inbox_get_n_pushed (self->inbox) % G_MAXINT);
      mkv_mqtt_inbox_push (self->inbox, MKV_MQTT_PUBLISHED, sent.mid, reason_of (rc));
    }
  g_array_append_val (self->sent, sent);
}

guint
mkv_mqtt_window_pump (MkvMqttWindow *self)
{
  Waiting *waiting;
  guint n = 0;

  while (self->sent->len < self->size && (waiting = g_queue_pop_head (&self->waiting)) != NULL)
    {
      send_message (self, waiting->message, waiting->id);
      waiting_free (waiting);
      n++;
    }
  return n;
}

gboolean
mkv_mqtt_window_settle (MkvMqttWindow *self, int mid, guint *id)
{
  for (guint i = 0; i < self->sent->len; i++)
    {
      const Sent *sent = &g_array_index (self->sent, Sent, i);

      if (sent->mid != mid)
        continue;
      *id = sent->id;
      g_array_remove_index (self->sent, i);
      return TRUE;
    }
  return FALSE;
}

GArray *
mkv_mqtt_window_take_all (MkvMqttWindow *self)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < self->sent->len; i++)
    g_array_append_val (ids, g_array_index (self->sent, Sent, i).id);
  for (GList *l = self->waiting.head; l != NULL; l = l->next)
    g_array_append_val (ids, ((Waiting *) l->data)->id);
  g_array_set_size (self->sent, 0);
  g_queue_clear_full (&self->waiting, waiting_free);
  return ids;
}
