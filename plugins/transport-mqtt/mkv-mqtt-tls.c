/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-mqtt-tls.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "security/mkv-secret-file.h"

#define SYSTEM_CA_FOLDER "/etc/ssl/certs"

/* The alerts of RFC 8446 by which a server turns down a client's certificate. */
#define ALERT_BAD_CERTIFICATE 42
#define ALERT_CERTIFICATE_UNKNOWN 46
#define ALERT_UNKNOWN_CA 48
#define ALERT_PROTOCOL_VERSION 70
#define ALERT_CERTIFICATE_REQUIRED 116

struct _MkvMqttTls
{
  MkvMqttOptions *options;
  SSL_CTX *context;
  int verify_error; /* X509_V_OK, or what is the matter with the broker's certificate */
  int alert;        /* -1, or what the broker complained of */
  gboolean shaken;  /* the handshake is done, as far as we are concerned */
  char *log;        /* the first that OpenSSL said */
};

/* What OpenSSL says last, for a message. Empties its queue. */
static const char *
take_openssl_error (void)
{
  unsigned long code = ERR_peek_last_error ();
  const char *reason = code != 0 ? ERR_reason_error_string (code) : NULL;

  ERR_clear_error ();
  return reason != NULL ? reason : _("unknown error");
}

static gboolean
fail (GError **error, const char *setting, const char *path)
{
  const char *why = take_openssl_error ();

  /* OpenSSL does not tell a file that is missing from one that makes no sense. */
  if (g_access (path, R_OK) != 0)
    why = g_strerror (errno);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("transport.%s %s can't be used: %s"), setting, path,
               why);
  return FALSE;
}

static int
on_verify (int preverify_ok, X509_STORE_CTX *store)
{
  SSL *ssl = X509_STORE_CTX_get_ex_data (store, SSL_get_ex_data_X509_STORE_CTX_idx ());
  MkvMqttTls *self = SSL_CTX_get_app_data (SSL_get_SSL_CTX (ssl));

  if (!preverify_ok)
    self->verify_error = X509_STORE_CTX_get_error (store);
  return preverify_ok;
}

static void
on_info (const SSL *ssl, int where, int value)
{
  MkvMqttTls *self = SSL_CTX_get_app_data (SSL_get_SSL_CTX (ssl));

  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
    self->alert = value & 0xff;
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
    self->shaken = TRUE;
}

/* Without it OpenSSL would ask on the terminal. */
static int
refuse_passphrase (char *buffer, int size, int writing, void *user_data)
{
  return -1;
}

static gboolean
load_key (MkvMqttTls *self, GError **error)
{
  const char *path = self->options->key_file;
  g_autoptr (GBytes) secret = mkv_secret_file_read (path, "transport.key-file", error);
  gboolean done = FALSE;
  EVP_PKEY *key;
  BIO *bio;

  if (secret == NULL)
    return FALSE;
  bio = BIO_new_mem_buf (g_bytes_get_data (secret, NULL), (int) g_bytes_get_size (secret));
  key = PEM_read_bio_PrivateKey (bio, NULL, refuse_passphrase, NULL);
  done = key != NULL && SSL_CTX_use_PrivateKey (self->context, key) == 1 &&
         SSL_CTX_check_private_key (self->context) == 1;
  EVP_PKEY_free (key);
  BIO_free (bio);
  return done || fail (error, "key-file", path);
}

static gboolean
load_files (MkvMqttTls *self, GError **error)
{
  const MkvMqttOptions *options = self->options;

  if (options->ca_file != NULL)
    {
      if (SSL_CTX_load_verify_file (self->context, options->ca_file) != 1)
        return fail (error, "ca-file", options->ca_file);
    }
  else
    SSL_CTX_load_verify_dir (self->context, SYSTEM_CA_FOLDER);
  if (options->cert_file == NULL)
    return TRUE;
  if (SSL_CTX_use_certificate_chain_file (self->context, options->cert_file) != 1)
    return fail (error, "cert-file", options->cert_file);
  return load_key (self, error);
}

MkvMqttTls *
mkv_mqtt_tls_new (MkvMqttOptions *options, GError **error)
{
  g_autoptr (MkvMqttTls) self = g_new0 (MkvMqttTls, 1);
  X509_VERIFY_PARAM *param;

  self->options = mkv_mqtt_options_ref (options);
  self->alert = -1;
  self->context = SSL_CTX_new (TLS_client_method ());
  if (self->context == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED, _("TLS is not available: %s"), take_openssl_error ());
      return NULL;
    }
  SSL_CTX_set_app_data (self->context, self);
  SSL_CTX_set_min_proto_version (self->context, TLS1_2_VERSION);
  SSL_CTX_set_options (self->context, SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode (self->context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_info_callback (self->context, on_info);
  SSL_CTX_set_verify (self->context, SSL_VERIFY_PEER, on_verify);
  param = SSL_CTX_get0_param (self->context);
  X509_VERIFY_PARAM_set_hostflags (param,
                                   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc (param, options->host) != 1 &&
      X509_VERIFY_PARAM_set1_host (param, options->host, 0) != 1)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("transport.broker: no certificate can name the host “%s”"), options->host);
      return NULL;
    }
  ERR_clear_error ();
  if (!load_files (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
mkv_mqtt_tls_free (MkvMqttTls *self)
{
  SSL_CTX_free (self->context);
  mkv_mqtt_options_unref (self->options);
  g_free (self->log);
  g_free (self);
}

SSL_CTX *
mkv_mqtt_tls_get_context (MkvMqttTls *self)
{
  return self->context;
}

void
mkv_mqtt_tls_add_log (MkvMqttTls *self, const char *line)
{
  const char *reason = strrchr (line, ':');

  if (self->log == NULL && strstr (line, "OpenSSL") != NULL && reason != NULL)
    self->log = g_strdup (reason + 1);
}

static GError *
explain_certificate (MkvMqttTls *self)
{
  const MkvMqttOptions *options = self->options;
  const char *what = X509_verify_cert_error_string (self->verify_error);

  switch (self->verify_error)
    {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                          _("The certificate of the broker at %s is for another host name than “%s”: set "
                            "transport.broker to a name that it is for"), options->broker, options->host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                          _("The certificate of the broker at %s is not valid now (%s): renew it, or set this "
                            "computer's clock"), options->broker, what);
    default:
      return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                          _("The certificate of the broker at %s is not trusted (%s): it has to be signed by a CA "
                            "in %s; check transport.ca-file"), options->broker, what,
                          options->ca_file != NULL ? options->ca_file : SYSTEM_CA_FOLDER);
    }
}

static gboolean
is_about_our_certificate (int alert)
{
  return (alert >= ALERT_BAD_CERTIFICATE && alert <= ALERT_CERTIFICATE_UNKNOWN) || alert == ALERT_UNKNOWN_CA ||
         alert == ALERT_CERTIFICATE_REQUIRED || alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_DECRYPT_ERROR;
}

static GError *
explain_alert (MkvMqttTls *self)
{
  const MkvMqttOptions *options = self->options;
  const char *what = SSL_alert_desc_string_long (self->alert);

  if (is_about_our_certificate (self->alert))
    return g_error_new (MKV_ERROR, MKV_ERROR_UNAUTHORIZED,
                        options->cert_file != NULL
                            ? _("The broker at %s does not accept this client's certificate (%s): check "
                                "transport.cert-file and transport.key-file")
                            : _("The broker at %s asks for a client certificate (%s): set transport.cert-file and "
                                "transport.key-file"),
                        options->broker, what);
  if (self->alert == ALERT_PROTOCOL_VERSION)
    return g_error_new (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("The broker at %s does not speak TLS 1.2 or later"),
                        options->broker);
  return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("TLS with the broker at %s failed: it says “%s”"),
                      options->broker, what);
}

GError *
mkv_mqtt_tls_explain (MkvMqttTls *self)
{
  if (self->verify_error != X509_V_OK)
    return explain_certificate (self);
  if (self->alert >= 0)
    return explain_alert (self);
  /* With TLS 1.3 the broker looks at our certificate when we are done, and its
   * complaint can be overtaken by the closing of the connection. */
  if (self->shaken)
    return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                        _("The broker at %s closed the connection right after the TLS handshake: if it asks for "
                          "client certificates, check transport.cert-file"), self->options->broker);
  if (self->log != NULL)
    return g_error_new (MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                        _("TLS with the broker at %s failed (%s): is this its port for TLS?"),
                        self->options->broker, self->log);
  return NULL;
}
