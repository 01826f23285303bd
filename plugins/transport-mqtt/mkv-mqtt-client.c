/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-client.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <mqtt_protocol.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-mqtt-error.h"
#include "mkv-mqtt-message.h"

typedef struct
{
  MkvMqttOptions *options;
  gboolean mqtt_311;
  GCancellable *cancellable;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  mkv_mqtt_options_unref (request->options);
  g_object_unref (request->cancellable);
  g_free (request);
}

static void
init_library (void)
{
  static gsize done;

  if (g_once_init_enter (&done))
    {
      mosquitto_lib_init ();
      g_once_init_leave (&done, 1);
    }
}

void
mkv_mqtt_client_free (MkvMqttClient *self)
{
  /* The TLS context calls back into `tls` until the client is gone. */
  if (self->mosq != NULL)
    mosquitto_destroy (self->mosq);
  g_clear_pointer (&self->tls, mkv_mqtt_tls_free);
  mkv_mqtt_options_unref (self->options);
  g_free (self);
}

static void
on_log (struct mosquitto *mosq, void *user_data, int level, const char *line)
{
  MkvMqttClient *self = user_data;

  if (level == MOSQ_LOG_ERR)
    mkv_mqtt_tls_add_log (self->tls, line);
}

void
mkv_mqtt_client_end_log (MkvMqttClient *self)
{
  mosquitto_log_callback_set (self->mosq, NULL);
}

static gboolean
check (int rc, const char *what, GError **error)
{
  if (rc == MOSQ_ERR_SUCCESS)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("%s can't be used: %s"), what,
               mosquitto_strerror (rc));
  return FALSE;
}

static gboolean
set_will (MkvMqttClient *self, GError **error)
{
  const MkvMessage *will = self->options->will;
  mosquitto_property *properties = NULL;
  g_autoptr (GError) why = NULL;
  gconstpointer octets;
  gsize length;
  int rc;

  if (will == NULL)
    return TRUE;
  if (!self->mqtt_311)
    properties = mkv_mqtt_message_get_properties (will, &why);
  if (why != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return FALSE;
    }
  octets = g_bytes_get_data (mkv_message_get_payload (will), &length);
  rc = mosquitto_will_set_v5 (self->mosq, mkv_message_get_topic (will), (int) length, octets, 1, false,
                              properties);
  if (rc != MOSQ_ERR_SUCCESS)
    mosquitto_property_free_all (&properties);
  return check (rc, _("The last will"), error);
}

static gboolean
set_credentials (MkvMqttClient *self, GError **error)
{
  g_autofree char *password = NULL;
  g_autoptr (GError) why = NULL;
  int rc;

  if (self->options->username == NULL)
    return TRUE;
  password = mkv_mqtt_options_read_password (self->options, &why);
  if (why != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return FALSE;
    }
  rc = mosquitto_username_pw_set (self->mosq, self->options->username, password);
  if (password != NULL)
    explicit_bzero (password, strlen (password));
  return check (rc, "transport.username", error);
}

static gboolean
set_up (MkvMqttClient *self, GError **error)
{
  const MkvMqttOptions *options = self->options;

  mosquitto_int_option (self->mosq, MOSQ_OPT_PROTOCOL_VERSION,
                        self->mqtt_311 ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5);
  mosquitto_int_option (self->mosq, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option (self->mosq, MOSQ_OPT_SEND_MAXIMUM, (int) options->max_inflight);
  mosquitto_int_option (self->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, (int) options->max_inflight);
  /* PUBACKs are then queued instead of written before the message was handled. */
  mosquitto_threaded_set (self->mosq, true);
  if (!set_will (self, error) || !set_credentials (self, error))
    return FALSE;
  if (!options->tls)
    return TRUE;
  self->tls = mkv_mqtt_tls_new (self->options, error);
  if (self->tls == NULL)
    return FALSE;
  mosquitto_int_option (self->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
  mosquitto_log_callback_set (self->mosq, on_log);
  return check (mosquitto_void_option (self->mosq, MOSQ_OPT_SSL_CTX, mkv_mqtt_tls_get_context (self->tls)),
                "TLS", error);
}

/* Blocks: connects to each address of the host in turn, and starts TLS. By name,
 * because that is also what TLS asks for and checks. */
static gboolean
connect_socket (MkvMqttClient *self, GError **error)
{
  const MkvMqttOptions *options = self->options;
  mosquitto_property *properties = NULL;
  int fd, rc, saved_errno;

  if (!self->mqtt_311)
    {
      mosquitto_property_add_int32 (&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, options->session_expiry);
      mosquitto_property_add_int16 (&properties, MQTT_PROP_RECEIVE_MAXIMUM, (uint16_t) options->max_inflight);
      mosquitto_property_add_int32 (&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                    options->max_payload + MKV_MQTT_PACKET_OVERHEAD);
    }
  rc = mosquitto_connect_bind_v5 (self->mosq, options->host, options->port, (int) options->keep_alive, NULL,
                                  properties);
  saved_errno = errno;
  mosquitto_property_free_all (&properties);
  if (rc != MOSQ_ERR_SUCCESS)
    {
      GError *why = self->tls != NULL ? mkv_mqtt_tls_explain (self->tls) : NULL;

      if (why == NULL)
        why = mkv_mqtt_error_new_lost (options, rc, saved_errno);
      g_propagate_error (error, why);
      return FALSE;
    }
  fd = mosquitto_socket (self->mosq);
  fcntl (fd, F_SETFD, fcntl (fd, F_GETFD) | FD_CLOEXEC);
  return TRUE;
}

static void
connect_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Request *request = task_data;
  g_autoptr (MkvMqttClient) self = g_new0 (MkvMqttClient, 1);
  GError *error = NULL;

  init_library ();
  self->options = mkv_mqtt_options_ref (request->options);
  self->mqtt_311 = request->mqtt_311;
  self->mosq = mosquitto_new (self->options->client_id, false, self);
  if (self->mosq == NULL)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_FAILED, _("No MQTT client can be made: %s"),
                             g_strerror (errno));
  else if (set_up (self, &error) && connect_socket (self, &error) &&
           !g_cancellable_set_error_if_cancelled (request->cancellable, &error))
    g_task_return_pointer (task, g_steal_pointer (&self), (GDestroyNotify) mkv_mqtt_client_free);
  else
    g_task_return_error (task, error);
}

static void
on_preflight_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Request *request = g_task_get_task_data (task);
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (connection == NULL)
    {
      g_task_return_error (task, mkv_mqtt_error_new_unreachable (request->options, error));
      return;
    }
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  g_task_run_in_thread (task, connect_thread);
}

/* libmosquitto's connecting blocks as long as the kernel lets it, two minutes
 * with a silent host, so a thread is only let in where somebody answers. */
void
mkv_mqtt_client_connect_async (MkvMqttOptions *options, gboolean mqtt_311, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) address = g_network_address_new (options->host, options->port);
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Request *request = g_new0 (Request, 1);

  request->options = mkv_mqtt_options_ref (options);
  request->mqtt_311 = mqtt_311;
  request->cancellable = g_object_ref (cancellable);
  g_task_set_source_tag (task, mkv_mqtt_client_connect_async);
  g_task_set_task_data (task, request, request_free);
  /* libmosquitto would not use the proxy either. */
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_set_timeout (client, options->connect_timeout);
  g_socket_client_connect_async (client, address, cancellable, on_preflight_done, task);
}

MkvMqttClient *
mkv_mqtt_client_connect_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
