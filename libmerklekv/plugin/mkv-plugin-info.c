/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "plugin/mkv-plugin-info-private.h"

#include <glib/gi18n-lib.h>

/**
 * MkvPluginInfo:
 *
 * What is known about a plugin: where it is, whether it could be loaded, and if
 * not, why. [class@PluginRegistry] lists them, and emits
 * [signal@Gio.ListModel::items-changed] when one changes.
 *
 * Since: 0.1
 */
struct _MkvPluginInfo
{
  GObject parent_instance;

  MkvPluginKind kind;
  char *name;
  char *file; /* NULL for a type that came by add_type */
  MkvPluginState state;
  GError *error;                         /* set exactly while the state is FAILED */
  const MkvPluginDescriptor *descriptor; /* in the module, once it was found good */
  GType type;
};

G_DEFINE_FINAL_TYPE (MkvPluginInfo, mkv_plugin_info, G_TYPE_OBJECT)

static void
mkv_plugin_info_finalize (GObject *object)
{
  MkvPluginInfo *self = MKV_PLUGIN_INFO (object);

  g_free (self->name);
  g_free (self->file);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (mkv_plugin_info_parent_class)->finalize (object);
}

static void
mkv_plugin_info_class_init (MkvPluginInfoClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_plugin_info_finalize;
}

static void
mkv_plugin_info_init (MkvPluginInfo *self)
{
  self->type = G_TYPE_INVALID;
}

const char *
mkv_plugin_kind_get_name (MkvPluginKind kind)
{
  switch (kind)
    {
    case MKV_PLUGIN_STORAGE:
      return "storage";
    case MKV_PLUGIN_TRANSPORT:
      return "transport";
    case MKV_PLUGIN_CODEC:
      return "codec";
    default:
      return NULL;
    }
}

MkvPluginInfo *
mkv_plugin_info_new (MkvPluginKind kind, const char *name, const char *file)
{
  MkvPluginInfo *self = g_object_new (MKV_TYPE_PLUGIN_INFO, NULL);

  self->kind = kind;
  self->name = g_strdup (name);
  self->file = g_strdup (file);
  return self;
}

/**
 * mkv_plugin_info_get_kind:
 * @self: an info
 *
 * Tells what the plugin is for.
 *
 * Returns: what the plugin is for
 *
 * Since: 0.1
 */
MkvPluginKind
mkv_plugin_info_get_kind (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), MKV_PLUGIN_STORAGE);

  return self->kind;
}

/**
 * mkv_plugin_info_get_name:
 * @self: an info
 *
 * Gets the plugin's name, one of its kind.
 *
 * Returns: (transfer none): the plugin's name, one of its kind
 *
 * Since: 0.1
 */
const char *
mkv_plugin_info_get_name (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  return self->name;
}

/**
 * mkv_plugin_info_get_file:
 * @self: an info
 *
 * Gets the module's file.
 *
 * Returns: (transfer none) (nullable) (type filename): the module's file; %NULL
 *   for a type that was added with [method@PluginRegistry.add_type]
 *
 * Since: 0.1
 */
const char *
mkv_plugin_info_get_file (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  return self->file;
}

/**
 * mkv_plugin_info_get_state:
 * @self: an info
 *
 * Tells where the plugin stands.
 *
 * Returns: where the plugin stands
 *
 * Since: 0.1
 */
MkvPluginState
mkv_plugin_info_get_state (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), MKV_PLUGIN_FAILED);

  return self->state;
}

/**
 * mkv_plugin_info_get_error:
 * @self: an info
 *
 * Tells why the plugin can't be used, a [error@PluginError].
 *
 * Returns: (transfer none) (nullable): why the plugin can't be used, a
 *   [error@PluginError]; %NULL unless its state is %MKV_PLUGIN_FAILED
 *
 * Since: 0.1
 */
const GError *
mkv_plugin_info_get_error (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  return self->error;
}

/**
 * mkv_plugin_info_get_version:
 * @self: an info
 *
 * Gets the plugin's version, if it is known.
 *
 * Returns: (transfer none) (nullable): the plugin's version; %NULL as long as it
 *   was not loaded
 *
 * Since: 0.1
 */
const char *
mkv_plugin_info_get_version (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  return self->descriptor != NULL ? self->descriptor->version : NULL;
}

/**
 * mkv_plugin_info_get_licence:
 * @self: an info
 *
 * Gets the plugin's licence as an SPDX expression, if it is known.
 *
 * Returns: (transfer none) (nullable): the plugin's licence as an SPDX
 *   expression; %NULL as long as it was not loaded
 *
 * Since: 0.1
 */
const char *
mkv_plugin_info_get_licence (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  return self->descriptor != NULL ? self->descriptor->licence : NULL;
}

/**
 * mkv_plugin_info_get_description:
 * @self: an info
 *
 * Gets the one line in which the plugin describes itself; in the language of the
 * user, if this library knows it so.
 *
 * Returns: (transfer none) (nullable): one line for people about the plugin;
 *   %NULL as long as it was not loaded
 *
 * Since: 0.1
 */
const char *
mkv_plugin_info_get_description (MkvPluginInfo *self)
{
  g_return_val_if_fail (MKV_IS_PLUGIN_INFO (self), NULL);

  /* The empty text stands for the translation's head. */
  if (self->descriptor == NULL || self->descriptor->description == NULL || *self->descriptor->description == 0)
    return NULL;
  return _(self->descriptor->description);
}

GType
mkv_plugin_info_get_plugin_type (MkvPluginInfo *self)
{
  return self->type;
}

void
mkv_plugin_info_set_descriptor (MkvPluginInfo *self, const MkvPluginDescriptor *descriptor)
{
  self->descriptor = descriptor;
}

void
mkv_plugin_info_set_loaded (MkvPluginInfo *self, GType type)
{
  self->state = MKV_PLUGIN_LOADED;
  self->type = type;
  g_clear_error (&self->error);
}

void
mkv_plugin_info_set_failed (MkvPluginInfo *self, const GError *error)
{
  self->state = MKV_PLUGIN_FAILED;
  g_clear_error (&self->error);
  self->error = g_error_copy (error);
}
