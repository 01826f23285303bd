/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Called each time before the main loop waits: sets @events to what to wait for
 * on the socket, or returns TRUE if there is work without waiting. */
typedef gboolean (*MkvMqttPrepareFunc) (gpointer user_data, gushort *events);

/* Called when there is work. @events: what was waited for and came, G_IO_HUP,
 * G_IO_ERR, or nothing. May destroy the source. */
typedef void (*MkvMqttReadyFunc) (gpointer user_data, gushort events);

/* A source for a socket whose wanted events change all the time.
 * g_source_modify_unix_fd() would wake the context at each change. */
GSource *mkv_mqtt_socket_source_new (int fd, MkvMqttPrepareFunc prepare, MkvMqttReadyFunc ready,
                                     gpointer user_data);

G_END_DECLS
