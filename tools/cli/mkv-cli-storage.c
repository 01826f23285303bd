/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-storage.h"

#include <glib/gi18n.h>

#include "mkv-cli-error.h"

MkvStorage *
mkv_cli_storage_new (const MkvCliOptions *options, GError **error)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvConfig) config = mkv_config_new ();

  if (options->backend != NULL && !mkv_config_set (config, "storage.backend", options->backend, error))
    return NULL;
  return (MkvStorage *) mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE,
                                                    mkv_config_get_string (config, "storage.backend"), error);
}

gboolean
mkv_cli_storage_open (MkvStorage *storage, const MkvCliOptions *options, GError **error)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GVariant) settings = NULL;

  /* Nothing is made where nothing is: the path is wrong, then. */
  if (!g_file_test (options->store, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("There is no storage at %s: check --store"),
                   options->store);
      return FALSE;
    }
  settings = mkv_config_get_group (config, "storage");
  return mkv_storage_open (storage, options->store, settings, error);
}

GBytes *
mkv_cli_storage_read_key (const char *path, const char *option, GError **error)
{
  g_autoptr (MkvConfig) config = NULL;

  if (path == NULL)
    return NULL;
  /* It may be the name of a credential. */
  config = mkv_config_new ();
  if (!mkv_config_set (config, "storage.encryption-key-file", path, error))
    return NULL;
  return mkv_secret_file_read (mkv_config_get_string (config, "storage.encryption-key-file"), option, error);
}

int
mkv_cli_storage_fail_with (const char *what, const GError *error)
{
  static const char *const names[][2] = {
    { "storage.encryption-key-file", "--encryption-key-file" },
    { "storage.backend", "--backend" },
    { "storage.path", "--store" },
  };
  g_autoptr (GError) told = g_error_copy (error);
  GString *text = g_string_new (error->message);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_string_replace (text, names[i][0], names[i][1], 0);
  g_free (told->message);
  told->message = g_string_free (text, FALSE);
  return mkv_cli_fail_with (what, told);
}
