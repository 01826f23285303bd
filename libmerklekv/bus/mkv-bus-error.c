/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-error-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

/* Nobody has the name, and nobody could be started that would. */
static gboolean
is_absence (const GError *error, const char *remote_name)
{
  if (remote_name != NULL && g_str_has_prefix (remote_name, "org.freedesktop.systemd1."))
    return TRUE;
  if (error->domain != G_DBUS_ERROR)
    return FALSE;
  switch (error->code)
    {
    case G_DBUS_ERROR_SERVICE_UNKNOWN:
    case G_DBUS_ERROR_NAME_HAS_NO_OWNER:
    case G_DBUS_ERROR_SPAWN_EXEC_FAILED:
    case G_DBUS_ERROR_SPAWN_FORK_FAILED:
    case G_DBUS_ERROR_SPAWN_CHILD_EXITED:
    case G_DBUS_ERROR_SPAWN_CHILD_SIGNALED:
    case G_DBUS_ERROR_SPAWN_FAILED:
    case G_DBUS_ERROR_SPAWN_SETUP_FAILED:
    case G_DBUS_ERROR_SPAWN_CONFIG_INVALID:
    case G_DBUS_ERROR_SPAWN_SERVICE_INVALID:
    case G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND:
    case G_DBUS_ERROR_SPAWN_PERMISSIONS_INVALID:
    case G_DBUS_ERROR_SPAWN_FILE_INVALID:
    case G_DBUS_ERROR_SPAWN_NO_MEMORY:
      return TRUE;
    default:
      return FALSE;
    }
}

GError *
mkv_bus_error_convert (GError *error, const char *name)
{
  g_autofree char *remote_name = g_dbus_error_get_remote_error (error);
  GError *converted;

  g_dbus_error_strip_remote_error (error);
  if (error->domain == MKV_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return error;
  if (is_absence (error, remote_name))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                             _("%s is not on the bus and could not be started: %s; start merklekvd, or see that its "
                               "service file is installed"), name, error->message);
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                             _("%s ended before it answered: what was asked of it may have been done; try again"), name);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The connection to the bus is closed: connect again"));
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_TIMED_OUT))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT,
                             _("%s did not answer in time: what was asked of it may still be done; see its log"), name);
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_RATE_LIMITED, _("The bus takes no more calls now: %s"), error->message);
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_FORBIDDEN, _("The bus does not let this call through to %s: %s"), name,
                             error->message);
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS))
    converted = g_error_new (MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s is of a version that does not know this call: %s"),
                             name, error->message);
  else
    converted = g_error_new_literal (MKV_ERROR, MKV_ERROR_FAILED, error->message);
  g_error_free (error);
  return converted;
}
