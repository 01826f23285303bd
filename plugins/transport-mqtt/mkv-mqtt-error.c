/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-error.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "base/mkv-error.h"

GError *
mkv_mqtt_error_new_unreachable (const MkvMqttOptions *options, const GError *why)
{
  const char *broker = options->broker;

  if (why->domain == MKV_ERROR)
    return g_error_copy (why);
  if (why->domain == G_RESOLVER_ERROR)
    return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                        _("The host “%s” can't be found (%s): check transport.broker and the network"),
                        options->host, why->message);
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                        _("Nothing listens at %s: start the broker, or check transport.broker"), broker);
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT,
                        _("The broker at %s did not answer within %u s: check transport.broker, the network and "
                          "firewalls, or raise transport.connect-timeout"), broker, options->connect_timeout);
  return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                      _("The broker at %s can't be reached (%s): check the network"), broker, why->message);
}

static GError *
new_unauthorized (const MkvMqttOptions *options, gboolean known)
{
  if (options->username != NULL)
    return g_error_new (MKV_ERROR, MKV_ERROR_UNAUTHORIZED,
                        known ? _("The broker at %s refused user “%s”: wrong user name or password; check "
                                  "transport.username and transport.password-file")
                              : _("The broker at %s refused user “%s”: wrong user name or password, or the user "
                                  "may not connect; check transport.username and transport.password-file"),
                        options->broker, options->username);
  if (options->cert_file != NULL)
    return g_error_new (MKV_ERROR, MKV_ERROR_UNAUTHORIZED,
                        _("The broker at %s refused client “%s”: its certificate does not let it in; check "
                          "transport.cert-file"), options->broker, options->client_id);
  return g_error_new (MKV_ERROR, MKV_ERROR_UNAUTHORIZED,
                      _("The broker at %s refused client “%s” without a user: set transport.username and "
                        "transport.password-file"), options->broker, options->client_id);
}

GError *
mkv_mqtt_error_new_refused (const MkvMqttOptions *options, int code)
{
  const char *broker = options->broker;

  switch (code)
    {
    case CONNACK_REFUSED_PROTOCOL_VERSION:
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                          _("The broker at %s speaks neither MQTT 5 nor MQTT 3.1.1"), broker);
    case CONNACK_REFUSED_IDENTIFIER_REJECTED:
    case MQTT_RC_CLIENTID_NOT_VALID:
      return g_error_new (MKV_ERROR, MKV_ERROR_CONFIGURATION,
                          _("The broker at %s does not accept the client id “%s”: set another node.client-id, or "
                            "make the broker accept it"), broker, options->client_id);
    case CONNACK_REFUSED_BAD_USERNAME_PASSWORD:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_BAD_AUTHENTICATION_METHOD:
      return new_unauthorized (options, TRUE);
    case CONNACK_REFUSED_NOT_AUTHORIZED:
    case MQTT_RC_NOT_AUTHORIZED:
      return new_unauthorized (options, FALSE);
    case MQTT_RC_BANNED:
      return g_error_new (MKV_ERROR, MKV_ERROR_FORBIDDEN,
                          _("The broker at %s has banned client “%s”: its administrator can tell why"), broker,
                          options->client_id);
    case CONNACK_REFUSED_SERVER_UNAVAILABLE:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("The broker at %s takes no clients at present"),
                          broker);
    case MQTT_RC_USE_ANOTHER_SERVER:
    case MQTT_RC_SERVER_MOVED:
      return g_error_new (MKV_ERROR, MKV_ERROR_CONFIGURATION,
                          _("The broker at %s asks for another server to be used (%s): change transport.broker"),
                          broker, mosquitto_reason_string (code));
    case MQTT_RC_MALFORMED_PACKET:
    case MQTT_RC_PROTOCOL_ERROR:
    case MQTT_RC_PACKET_TOO_LARGE:
    case MQTT_RC_TOPIC_NAME_INVALID:
    case MQTT_RC_PAYLOAD_FORMAT_INVALID:
    case MQTT_RC_RETAIN_NOT_SUPPORTED:
    case MQTT_RC_QOS_NOT_SUPPORTED:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                          _("The broker at %s refused the connection (%s): its log may say why"), broker,
                          mosquitto_reason_string (code));
    default:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("The broker at %s refused the connection (%s)"),
                          broker, mosquitto_reason_string (code));
    }
}

GError *
mkv_mqtt_error_new_dismissed (const MkvMqttOptions *options, int reason)
{
  switch (reason)
    {
    case MQTT_RC_SESSION_TAKEN_OVER:
      return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                          _("Another client has connected to the broker at %s as “%s”: give every node a "
                            "node.client-id of its own"), options->broker, options->client_id);
    case MQTT_RC_NOT_AUTHORIZED:
      return g_error_new (MKV_ERROR, MKV_ERROR_UNAUTHORIZED,
                          _("The broker at %s does not let client “%s” stay (not authorized): check its access "
                            "list"), options->broker, options->client_id);
    case MQTT_RC_USE_ANOTHER_SERVER:
    case MQTT_RC_SERVER_MOVED:
      return mkv_mqtt_error_new_refused (options, reason);
    default:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("The broker at %s ended the connection (%s)"),
                          options->broker, mosquitto_reason_string (reason));
    }
}

GError *
mkv_mqtt_error_new_lost (const MkvMqttOptions *options, int rc, int saved_errno)
{
  switch (rc)
    {
    case MOSQ_ERR_CONN_LOST:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_REFUSED:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("The broker at %s closed the connection"),
                          options->broker);
    case MOSQ_ERR_KEEPALIVE:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                          _("The broker at %s has been silent for longer than transport.keep-alive"),
                          options->broker);
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_MALFORMED_PACKET:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                          _("What came from %s broke the protocol: is this the port of an MQTT broker?"),
                          options->broker);
    case MOSQ_ERR_ERRNO:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                          _("The connection to the broker at %s is lost (%s)"), options->broker,
                          g_strerror (saved_errno));
    default:
      return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                          _("The connection to the broker at %s is lost (%s)"), options->broker,
                          mosquitto_strerror (rc));
    }
}

GError *
mkv_mqtt_error_new_twin (const MkvMqttOptions *options, guint n_times)
{
  return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                      _("The broker at %s has closed the connection %u times in a row, each time soon after "
                        "accepting it: if another client connects as “%s”, give every node a node.client-id of "
                        "its own"), options->broker, n_times, options->client_id);
}

gboolean
mkv_mqtt_error_is_lasting (const GError *error)
{
  return !g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED) &&
         !g_error_matches (error, MKV_ERROR, MKV_ERROR_TIMEOUT) &&
         !g_error_matches (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE);
}
