/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-options.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"
#include "security/mkv-secret-file.h"

#define PORT_PLAIN 1883
#define PORT_TLS 8883

#define GOOD_URI _("it would be like mqtt://host:1883 or, with TLS, mqtts://host:8883")

/* Looks up a setting; FALSE with an error if it has another type. */
static gboolean
lookup (GVariant *options, const char *key, const char *type, gpointer place, GError **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (options, key, NULL);

  if (value == NULL)
    return TRUE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("transport.%s has the type %s, it has to be %s"),
                   key, g_variant_get_type_string (value), type);
      return FALSE;
    }
  g_variant_get (value, type, place);
  return TRUE;
}

/* An empty string is as good as none. */
static gboolean
lookup_string (GVariant *options, const char *key, char **place, GError **error)
{
  g_clear_pointer (place, g_free);
  if (!lookup (options, key, "s", place, error))
    return FALSE;
  if (*place != NULL && **place == 0)
    g_clear_pointer (place, g_free);
  return TRUE;
}

static gboolean
lookup_number (GVariant *options, const char *key, guint least, guint most, guint *place, GError **error)
{
  if (!lookup (options, key, "u", place, error))
    return FALSE;
  if (*place >= least && *place <= most)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("transport.%s is %u, it has to be from %u to %u"), key,
               *place, least, most);
  return FALSE;
}

static gboolean
parse_uri (MkvMqttOptions *self, const char *text, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  g_autoptr (GError) why = NULL;
  const char *scheme;
  int port;

  /* Whatever it is, it may hold a password, which must not show up in a message. */
  if (strchr (text, '@') != NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker must not name a user: set transport.username and transport.password-file; "
                     "as for the broker, %s"), GOOD_URI);
      return FALSE;
    }
  uri = g_uri_parse (text, G_URI_FLAGS_NONE, &why);
  if (uri == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker “%s” is no URI (%s): %s"), text, why->message, GOOD_URI);
      return FALSE;
    }
  scheme = g_uri_get_scheme (uri);
  if (!g_str_equal (scheme, "mqtt") && !g_str_equal (scheme, "mqtts"))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker “%s” has the scheme “%s”: %s"), text, scheme, GOOD_URI);
      return FALSE;
    }
  if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("transport.broker “%s” names no host: %s"), text,
                   GOOD_URI);
      return FALSE;
    }
  if ((*g_uri_get_path (uri) != 0 && !g_str_equal (g_uri_get_path (uri), "/")) || g_uri_get_query (uri) != NULL ||
      g_uri_get_fragment (uri) != NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker “%s” has something behind host and port: %s"), text, GOOD_URI);
      return FALSE;
    }
  port = g_uri_get_port (uri);
  if (port == 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker “%s” has the port 0: %s"), text, GOOD_URI);
      return FALSE;
    }
  self->tls = g_str_equal (scheme, "mqtts");
  self->host = g_strdup (g_uri_get_host (uri));
  self->port = port > 0 ? (guint16) port : 0;
  return TRUE;
}

static gboolean
lookup_version (GVariant *options, gboolean *mqtt_311, GError **error)
{
  g_autofree char *version = NULL;

  if (!lookup_string (options, "mqtt-version", &version, error))
    return FALSE;
  *mqtt_311 = g_strcmp0 (version, "3.1.1") == 0;
  if (version == NULL || *mqtt_311 || g_str_equal (version, "5"))
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
               _("transport.mqtt-version is “%s”, it has to be 5 or 3.1.1"), version);
  return FALSE;
}

static gboolean
check_credentials (MkvMqttOptions *self, GError **error)
{
  g_autofree char *password = NULL;
  g_autoptr (GError) why = NULL;

  if (self->password_file != NULL && self->username == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.password-file is set, but transport.username is not"));
      return FALSE;
    }
  if ((self->cert_file == NULL) != (self->key_file == NULL))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.cert-file and transport.key-file belong together, only %s is set"),
                   self->cert_file != NULL ? "transport.cert-file" : "transport.key-file");
      return FALSE;
    }
  password = mkv_mqtt_options_read_password (self, &why);
  if (why != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return FALSE;
    }
  return TRUE;
}

static gboolean
load (MkvMqttOptions *self, GVariant *options, GError **error)
{
  g_autofree char *uri = NULL;
  g_autoptr (GError) why = NULL;
  gboolean allow_insecure = FALSE;
  gboolean credentials;

  if (!lookup_string (options, "client-id", &self->client_id, error) ||
      !lookup_string (options, "broker", &uri, error) ||
      !lookup_version (options, &self->mqtt_311, error) ||
      !lookup_string (options, "username", &self->username, error) ||
      !lookup_string (options, "password-file", &self->password_file, error) ||
      !lookup_string (options, "ca-file", &self->ca_file, error) ||
      !lookup_string (options, "cert-file", &self->cert_file, error) ||
      !lookup_string (options, "key-file", &self->key_file, error) ||
      !lookup_number (options, "keep-alive", 5, G_MAXUINT16, &self->keep_alive, error) ||
      !lookup_number (options, "session-expiry", 0, G_MAXUINT32, &self->session_expiry, error) ||
      !lookup_number (options, "max-payload", 1, MKV_MAX_PAYLOAD_BYTES, &self->max_payload, error) ||
      !lookup_number (options, "max-inflight", 1, G_MAXUINT16, &self->max_inflight, error) ||
      !lookup_number (options, "connect-timeout", 1, 3600, &self->connect_timeout, error) ||
      !lookup (options, "allow-insecure-credentials", "b", &allow_insecure, error))
    return FALSE;
  if (self->client_id == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("The option client-id is missing"));
      return FALSE;
    }
  if (!mkv_name_check (self->client_id, &why))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("The client-id “%s” can't be used: %s"),
                   self->client_id, why->message);
      return FALSE;
    }
  if (uri == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("transport.broker is not set: %s"), GOOD_URI);
      return FALSE;
    }
  if (!parse_uri (self, uri, error) || !check_credentials (self, error))
    return FALSE;

  credentials = self->username != NULL || self->cert_file != NULL;
  if (credentials && !allow_insecure)
    self->tls = TRUE;
  self->insecure_credentials = credentials && !self->tls;
  if (self->port == 0)
    self->port = self->tls ? PORT_TLS : PORT_PLAIN;
  self->broker = g_strdup_printf (strchr (self->host, ':') != NULL ? "[%s]:%u" : "%s:%u", self->host, self->port);
  return TRUE;
}

MkvMqttOptions *
mkv_mqtt_options_new (GVariant *options, MkvMessage *will, GError **error)
{
  g_autoptr (MkvMqttOptions) self = g_new0 (MkvMqttOptions, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->keep_alive = 60;
  self->session_expiry = 86400;
  self->max_payload = MKV_MAX_PAYLOAD_BYTES;
  self->max_inflight = 100;
  self->connect_timeout = 10;
  if (!load (self, options, error))
    return NULL;
  if (will != NULL)
    self->will = mkv_message_ref (will);
  return g_steal_pointer (&self);
}

MkvMqttOptions *
mkv_mqtt_options_ref (MkvMqttOptions *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mkv_mqtt_options_unref (MkvMqttOptions *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->client_id);
  g_free (self->host);
  g_free (self->broker);
  g_free (self->username);
  g_free (self->password_file);
  g_free (self->ca_file);
  g_free (self->cert_file);
  g_free (self->key_file);
  g_clear_pointer (&self->will, mkv_message_unref);
  g_free (self);
}

char *
mkv_mqtt_options_read_password (MkvMqttOptions *self, GError **error)
{
  g_autoptr (GBytes) secret = NULL;
  const char *text;
  gsize length;

  if (self->password_file == NULL)
    return NULL;
  secret = mkv_secret_file_read (self->password_file, "transport.password-file", error);
  if (secret == NULL)
    return NULL;
  text = g_bytes_get_data (secret, &length);
  if (length > 0 && text[length - 1] == '\n')
    length--;
  if (length == 0 || memchr (text, 0, length) != NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.password-file %s has to hold a password, of text without NUL"),
                   self->password_file);
      return NULL;
    }
  return g_strndup (text, length);
}
