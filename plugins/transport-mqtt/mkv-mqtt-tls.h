/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <openssl/ssl.h>

#include "mkv-mqtt-options.h"

G_BEGIN_DECLS

/* The TLS settings of one attempt to connect, and why it failed. libmosquitto
 * only says that it did. */
typedef struct _MkvMqttTls MkvMqttTls;

MkvMqttTls *mkv_mqtt_tls_new (MkvMqttOptions *options, GError **error);
void mkv_mqtt_tls_free (MkvMqttTls *self);

SSL_CTX *mkv_mqtt_tls_get_context (MkvMqttTls *self);

/* Takes note of what OpenSSL says in libmosquitto's log. */
void mkv_mqtt_tls_add_log (MkvMqttTls *self, const char *line);

/* Why there is no connection yet; NULL if TLS is not known to be the reason. */
GError *mkv_mqtt_tls_explain (MkvMqttTls *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvMqttTls, mkv_mqtt_tls_free)

G_END_DECLS
