/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-message.h"

#include <glib/gi18n-lib.h>
#include <mqtt_protocol.h>
#include <stdlib.h>

#include "base/mkv-error.h"

static void
read_string (MkvMessage *message, const mosquitto_property *property, int identifier,
             void (*set) (MkvMessage *, const char *))
{
  char *text = NULL;

  if (mosquitto_property_read_string (property, identifier, &text, false) != NULL)
    set (message, text);
  free (text);
}

static void
read_correlation_data (MkvMessage *message, const mosquitto_property *property)
{
  void *octets = NULL;
  uint16_t length = 0;

  if (mosquitto_property_read_binary (property, MQTT_PROP_CORRELATION_DATA, &octets, &length, false) != NULL)
    {
      g_autoptr (GBytes) data = g_bytes_new (octets, length);

      mkv_message_set_correlation_data (message, data);
    }
  free (octets);
}

static void
read_expiry (MkvMessage *message, const mosquitto_property *property)
{
  uint32_t seconds = 0;

  if (mosquitto_property_read_int32 (property, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &seconds, false) != NULL)
    mkv_message_set_expiry (message, seconds);
}

static void
read_user_property (MkvMessage *message, const mosquitto_property *property)
{
  char *name = NULL;
  char *value = NULL;

  if (mosquitto_property_read_string_pair (property, MQTT_PROP_USER_PROPERTY, &name, &value, false) != NULL)
    mkv_message_set_user_property (message, name, value);
  free (name);
  free (value);
}

MkvMessage *
mkv_mqtt_message_new (const struct mosquitto_message *message, const mosquitto_property *properties,
                      guint max_payload)
{
  gsize length = MIN ((gsize) message->payloadlen, (gsize) max_payload + 1);
  g_autoptr (GBytes) payload = g_bytes_new (message->payload, length);
  MkvMessage *self = mkv_message_new (message->topic, payload);

  mkv_message_set_retain (self, message->retain);
  for (const mosquitto_property *p = properties; p != NULL; p = mosquitto_property_next (p))
    switch (mosquitto_property_identifier (p))
      {
      case MQTT_PROP_CONTENT_TYPE:
        read_string (self, p, MQTT_PROP_CONTENT_TYPE, mkv_message_set_content_type);
        break;
      case MQTT_PROP_RESPONSE_TOPIC:
        read_string (self, p, MQTT_PROP_RESPONSE_TOPIC, mkv_message_set_response_topic);
        break;
      case MQTT_PROP_CORRELATION_DATA:
        read_correlation_data (self, p);
        break;
      case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
        read_expiry (self, p);
        break;
      case MQTT_PROP_USER_PROPERTY:
        read_user_property (self, p);
        break;
      default:
        break;
      }
  return self;
}

static int
add_correlation_data (mosquitto_property **properties, GBytes *data)
{
  gsize length;
  gconstpointer octets = g_bytes_get_data (data, &length);

  if (length > G_MAXUINT16)
    return MOSQ_ERR_INVAL;
  return mosquitto_property_add_binary (properties, MQTT_PROP_CORRELATION_DATA, octets, (uint16_t) length);
}

mosquitto_property *
mkv_mqtt_message_get_properties (const MkvMessage *message, GError **error)
{
  g_auto (GStrv) user_properties = mkv_message_list_user_properties (message);
  mosquitto_property *properties = NULL;
  int rc = MOSQ_ERR_SUCCESS;

  if (mkv_message_get_content_type (message) != NULL)
    rc = mosquitto_property_add_string (&properties, MQTT_PROP_CONTENT_TYPE,
                                        mkv_message_get_content_type (message));
  if (rc == MOSQ_ERR_SUCCESS && mkv_message_get_response_topic (message) != NULL)
    rc = mosquitto_property_add_string (&properties, MQTT_PROP_RESPONSE_TOPIC,
                                        mkv_message_get_response_topic (message));
  if (rc == MOSQ_ERR_SUCCESS && mkv_message_get_correlation_data (message) != NULL)
    rc = add_correlation_data (&properties, mkv_message_get_correlation_data (message));
  if (rc == MOSQ_ERR_SUCCESS && mkv_message_get_expiry (message) != 0)
    rc = mosquitto_property_add_int32 (&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
                                       mkv_message_get_expiry (message));
  for (guint i = 0; rc == MOSQ_ERR_SUCCESS && user_properties[i] != NULL; i += 2)
    rc = mosquitto_property_add_string_pair (&properties, MQTT_PROP_USER_PROPERTY, user_properties[i],
                                             user_properties[i + 1]);
  if (rc == MOSQ_ERR_SUCCESS)
    return properties;
  mosquitto_property_free_all (&properties);
  g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
               _("The properties of a message on %s can't be sent: %s"), mkv_message_get_topic (message),
               mosquitto_strerror (rc));
  return NULL;
}
