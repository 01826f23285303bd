/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "model/mkv-message.h"

G_BEGIN_DECLS

/* How to reach the broker: the options of mkv_transport_start(), checked.
 * Constant, and shared with the threads that connect. */
typedef struct
{
  gatomicrefcount ref_count;

  char *client_id;
  char *host; /* without the brackets of an IPv6 address */
  guint16 port;
  char *broker; /* host and port, for people */
  gboolean tls;
  gboolean mqtt_311;
  gboolean insecure_credentials; /* credentials go over a connection without TLS */
  char *username;
  char *password_file;
  char *ca_file;
  char *cert_file;
  char *key_file;
  guint keep_alive;      /* s */
  guint session_expiry;  /* s */
  guint max_payload;     /* octets */
  guint max_inflight;    /* messages, each way */
  guint connect_timeout; /* s */
  MkvMessage *will;      /* NULL for none */
} MkvMqttOptions;

MkvMqttOptions *mkv_mqtt_options_new (GVariant *options, MkvMessage *will, GError **error);
MkvMqttOptions *mkv_mqtt_options_ref (MkvMqttOptions *self);
void mkv_mqtt_options_unref (MkvMqttOptions *self);

/* The password, without the newline that editors add; NULL without an error if
 * none is configured. */
char *mkv_mqtt_options_read_password (MkvMqttOptions *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvMqttOptions, mkv_mqtt_options_unref)

G_END_DECLS
