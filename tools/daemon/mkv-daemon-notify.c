/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-notify.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <string.h>

static void
notify (const char *text)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  if (path == NULL || *path == 0)
    return;
  /* An @ stands for the NUL that an abstract name begins with. */
  address = *path == '@' ? g_unix_socket_address_new_with_type (path + 1, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT)
                         : g_unix_socket_address_new (path);
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  if (socket == NULL || g_socket_send_to (socket, address, text, strlen (text), NULL, &error) < 0)
    g_message (_("The service manager was not told: %s"), error->message);
}

void
mkv_daemon_notify_ready (void)
{
  notify ("READY=1");
}

void
mkv_daemon_notify_reloading (void)
{
  /* The time is what Type=notify-reload matches the answer to its signal by. */
  g_autofree char *text = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  notify (text);
}

void
mkv_daemon_notify_stopping (void)
{
  notify ("STOPPING=1");
}
