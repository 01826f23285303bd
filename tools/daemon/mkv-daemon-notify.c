/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-daemon-notify.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

static MkvClock *watchdog_clock;
static GSource *watchdog_timer;
static gint64 watchdog_interval;

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

static gboolean
on_watchdog (gpointer user_data)
{
  notify ("WATCHDOG=1");
  g_clear_pointer (&watchdog_timer, g_source_unref);
  watchdog_timer = mkv_clock_add_timeout (watchdog_clock, watchdog_interval, NULL, on_watchdog, NULL);
  return G_SOURCE_REMOVE;
}

void
mkv_daemon_notify_start_watchdog (MkvClock *clock)
{
  const char *usec = g_getenv ("WATCHDOG_USEC"), *pid = g_getenv ("WATCHDOG_PID");
  guint64 limit;

  /* They may be meant for who has started this process. */
  if (usec == NULL || (pid != NULL && g_ascii_strtoull (pid, NULL, 10) != (guint64) getpid ()) ||
      !g_ascii_string_to_unsigned (usec, 10, 1, G_MAXINT64, &limit, NULL))
    return;
  watchdog_interval = (gint64) limit / 2;
  watchdog_clock = g_object_ref (clock);
  on_watchdog (NULL);
}

void
mkv_daemon_notify_stop_watchdog (void)
{
  if (watchdog_timer != NULL)
    g_source_destroy (watchdog_timer);
  g_clear_pointer (&watchdog_timer, g_source_unref);
  g_clear_object (&watchdog_clock);
}
