/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "base/mkv-plugin-guard-private.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

#define BUS_ERROR(name) "io.github.merklekv.MerkleKV1.PluginError." name

static const GDBusErrorEntry error_entries[] = {
  { MKV_PLUGIN_ERROR_FAILED, BUS_ERROR ("Failed") },
  { MKV_PLUGIN_ERROR_NOT_FOUND, BUS_ERROR ("NotFound") },
  { MKV_PLUGIN_ERROR_CANNOT_OPEN, BUS_ERROR ("CannotOpen") },
  { MKV_PLUGIN_ERROR_NO_DESCRIPTOR, BUS_ERROR ("NoDescriptor") },
  { MKV_PLUGIN_ERROR_OTHER_ABI, BUS_ERROR ("OtherAbi") },
  { MKV_PLUGIN_ERROR_OTHER_NAME, BUS_ERROR ("OtherName") },
  { MKV_PLUGIN_ERROR_WRONG_INTERFACE, BUS_ERROR ("WrongInterface") },
  { MKV_PLUGIN_ERROR_MISSING_VFUNC, BUS_ERROR ("MissingVfunc") },
  { MKV_PLUGIN_ERROR_INIT_FAILED, BUS_ERROR ("InitFailed") },
};

G_STATIC_ASSERT (G_N_ELEMENTS (error_entries) == MKV_PLUGIN_ERROR_INIT_FAILED + 1);

/**
 * mkv_plugin_error_quark:
 *
 * The domain of [error@PluginError], registered for D-Bus.
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
GQuark
mkv_plugin_error_quark (void)
{
  static gsize quark;

  g_dbus_error_register_error_domain ("mkv-plugin-error-quark", &quark, error_entries,
                                      G_N_ELEMENTS (error_entries));
  return (GQuark) quark;
}

/* What every wrapper of a plugin's vfunc ends with. @plugin_error is consumed.
 * A result of FALSE or NULL without an error is turned into one: taken for "not
 * found" it would overwrite what is there. An error beside a result is dropped
 * with a warning, because the result was already handed out. */
gboolean
mkv_plugin_guard (gboolean done, gpointer plugin, const char *vfunc, GError **error, GError *plugin_error)
{
  if (done)
    {
      if (plugin_error != NULL)
        {
          g_warning (_("%s.%s succeeded and set an error all the same: %s"), G_OBJECT_TYPE_NAME (plugin), vfunc,
                     plugin_error->message);
          g_error_free (plugin_error);
        }
      return TRUE;
    }
  if (plugin_error != NULL)
    g_propagate_error (error, plugin_error);
  else
    g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_FAILED, _("%s.%s failed without saying why"),
                 G_OBJECT_TYPE_NAME (plugin), vfunc);
  return FALSE;
}
