/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-plugin-service-private.h"

#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-dbus.h"
#include "mkv-enum-types.h"
#include "plugin/mkv-plugin-info-private.h"

struct _MkvPluginService
{
  MkvPluginRegistry *registry;
  GDBusObjectManagerServer *objects;
  GHashTable *plugins; /* path: MkvDBusPlugin */
  gulong handler;
};

static const char *
or_empty (const char *text)
{
  return text != NULL ? text : "";
}

static void
set_plugin (MkvDBusPlugin *plugin, MkvPluginInfo *info)
{
  g_autoptr (GEnumClass) states = g_type_class_ref (MKV_TYPE_PLUGIN_STATE);
  const char *file = mkv_plugin_info_get_file (info);
  const GError *error = mkv_plugin_info_get_error (info);
  g_autofree char *path = file != NULL ? g_filename_display_name (file) : g_strdup ("");
  /* It may name files. */
  g_autofree char *reason = g_utf8_make_valid (error != NULL ? error->message : "", -1);

  mkv_dbus_plugin_set_kind (plugin, mkv_plugin_kind_get_name (mkv_plugin_info_get_kind (info)));
  mkv_dbus_plugin_set_name (plugin, mkv_plugin_info_get_name (info));
  mkv_dbus_plugin_set_state (plugin, g_enum_get_value (states, (gint) mkv_plugin_info_get_state (info))->value_nick);
  mkv_dbus_plugin_set_reason (plugin, reason);
  mkv_dbus_plugin_set_version (plugin, or_empty (mkv_plugin_info_get_version (info)));
  mkv_dbus_plugin_set_licence (plugin, or_empty (mkv_plugin_info_get_licence (info)));
  mkv_dbus_plugin_set_description (plugin, or_empty (mkv_plugin_info_get_description (info)));
  mkv_dbus_plugin_set_path (plugin, path);
}

static char *
make_path (MkvPluginInfo *info)
{
  g_autofree char *name = g_strdup_printf ("%s-%s", mkv_plugin_kind_get_name (mkv_plugin_info_get_kind (info)),
                                           mkv_plugin_info_get_name (info));

  return mkv_bus_make_path (MKV_BUS_PLUGINS_PATH, name);
}

/* A plugin stays listed for ever once it was found. */
static void
update (MkvPluginService *self)
{
  GListModel *list = G_LIST_MODEL (self->registry);

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (MkvPluginInfo) info = g_list_model_get_item (list, i);
      g_autofree char *path = make_path (info);
      g_autoptr (GDBusObjectSkeleton) object = NULL;
      MkvDBusPlugin *plugin = g_hash_table_lookup (self->plugins, path);

      if (plugin != NULL)
        {
          set_plugin (plugin, info);
          continue;
        }
      plugin = mkv_dbus_plugin_skeleton_new ();
      set_plugin (plugin, info);
      object = g_dbus_object_skeleton_new (path);
      g_dbus_object_skeleton_add_interface (object, G_DBUS_INTERFACE_SKELETON (plugin));
      g_dbus_object_manager_server_export (self->objects, object);
      g_hash_table_insert (self->plugins, g_steal_pointer (&path), plugin);
    }
}

MkvPluginService *
mkv_plugin_service_new (MkvPluginRegistry *registry, GDBusObjectManagerServer *objects)
{
  MkvPluginService *self = g_new0 (MkvPluginService, 1);

  self->registry = g_object_ref (registry);
  self->objects = g_object_ref (objects);
  self->plugins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->handler = g_signal_connect_swapped (registry, "items-changed", G_CALLBACK (update), self);
  update (self);
  return self;
}

void
mkv_plugin_service_free (MkvPluginService *self)
{
  GHashTableIter iter;
  gpointer path;

  g_signal_handler_disconnect (self->registry, self->handler);
  g_hash_table_iter_init (&iter, self->plugins);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    g_dbus_object_manager_server_unexport (self->objects, path);
  g_hash_table_unref (self->plugins);
  g_object_unref (self->objects);
  g_object_unref (self->registry);
  g_free (self);
}
