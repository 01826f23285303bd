/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "plugin/mkv-plugin-registry.h"

#include <glib/gi18n-lib.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "plugin/mkv-plugin-info-private.h"
#include "plugin/mkv-plugin-loader-private.h"

/**
 * MkvPluginRegistry:
 *
 * Finds plugins, and makes objects of them. A file
 * `mkv-KIND-NAME.so` in a folder of `MKV_PLUGIN_PATH`, or else in the library's
 * own, is the plugin NAME of that kind; nothing is opened before it is asked
 * for, and what was opened stays in memory. A class of the application's own
 * joins them with [method@PluginRegistry.add_type].
 *
 * As a list it has a [class@PluginInfo] for each plugin, sorted by kind and
 * name. One that could not be loaded stays there with the reason.
 *
 * A registry belongs to one thread. Each sees only what was added to itself.
 *
 * Since: 0.1
 */
struct _MkvPluginRegistry
{
  GObject parent_instance;

  char **folders;   /* where to look, the first wins */
  GPtrArray *infos; /* of MkvPluginInfo, by kind and name, each once */
};

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvPluginRegistry, mkv_plugin_registry, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static const MkvPluginKind kinds[] = { MKV_PLUGIN_STORAGE, MKV_PLUGIN_TRANSPORT, MKV_PLUGIN_CODEC };

static GType
list_model_get_item_type (GListModel *list)
{
  return MKV_TYPE_PLUGIN_INFO;
}

static guint
list_model_get_n_items (GListModel *list)
{
  return MKV_PLUGIN_REGISTRY (list)->infos->len;
}

static gpointer
list_model_get_item (GListModel *list, guint position)
{
  MkvPluginRegistry *self = MKV_PLUGIN_REGISTRY (list);

  return position < self->infos->len ? g_object_ref (self->infos->pdata[position]) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = list_model_get_item_type;
  iface->get_n_items = list_model_get_n_items;
  iface->get_item = list_model_get_item;
}

/* A name becomes part of a file's name, so it can't be left to chance. */
static gboolean
check_name (const char *name, GError **error)
{
  if (name[0] != 0 && name[strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
               _("“%s” can't be the name of a plugin: it may hold a-z, 0-9 and - only"), name);
  return FALSE;
}

/* Where the plugin is in the list, or would have to be put. */
static gboolean
find_position (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, guint *position)
{
  guint i;

  for (i = 0; i < self->infos->len; i++)
    {
      MkvPluginInfo *info = self->infos->pdata[i];
      gint order = (gint) mkv_plugin_info_get_kind (info) - (gint) kind;

      if (order == 0)
        order = strcmp (mkv_plugin_info_get_name (info), name);
      if (order >= 0)
        {
          *position = i;
          return order == 0;
        }
    }
  *position = i;
  return FALSE;
}

static void
insert_info (MkvPluginRegistry *self, guint position, MkvPluginKind kind, const char *name, const char *file)
{
  g_ptr_array_insert (self->infos, (gint) position, mkv_plugin_info_new (kind, name, file));
}

static char *
make_file_name (MkvPluginKind kind, const char *name)
{
  return g_strdup_printf ("mkv-%s-%s." G_MODULE_SUFFIX, mkv_plugin_kind_get_name (kind), name);
}

static void
scan_folder (MkvPluginRegistry *self, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file_name;

  while (dir != NULL && (file_name = g_dir_read_name (dir)) != NULL)
    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
      {
        g_autofree char *start = g_strdup_printf ("mkv-%s-", mkv_plugin_kind_get_name (kinds[i]));
        g_autofree char *name = NULL;
        g_autofree char *file = NULL;
        guint position;

        if (!g_str_has_prefix (file_name, start) || !g_str_has_suffix (file_name, "." G_MODULE_SUFFIX))
          continue;
        name = g_strdup (file_name + strlen (start));
        name[strlen (name) - strlen ("." G_MODULE_SUFFIX)] = 0;
        if (!check_name (name, NULL) || find_position (self, kinds[i], name, &position))
          continue;
        file = g_build_filename (folder, file_name, NULL);
        insert_info (self, position, kinds[i], name, file);
      }
}

static void
mkv_plugin_registry_init (MkvPluginRegistry *self)
{
  const char *path = secure_getenv ("MKV_PLUGIN_PATH");
  g_auto (GStrv) parts = g_strsplit (path != NULL ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);
  GStrvBuilder *folders = g_strv_builder_new ();

  for (guint i = 0; parts[i] != NULL; i++)
    if (parts[i][0] != 0)
      {
        g_autofree char *folder = g_canonicalize_filename (parts[i], NULL);

        g_strv_builder_add (folders, folder);
      }
  g_strv_builder_add (folders, PLUGINDIR);
  self->folders = g_strv_builder_end (folders);
  g_strv_builder_unref (folders);

  self->infos = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; self->folders[i] != NULL; i++)
    scan_folder (self, self->folders[i]);
}

static void
mkv_plugin_registry_finalize (GObject *object)
{
  MkvPluginRegistry *self = MKV_PLUGIN_REGISTRY (object);

  g_strfreev (self->folders);
  g_ptr_array_unref (self->infos);
  G_OBJECT_CLASS (mkv_plugin_registry_parent_class)->finalize (object);
}

static void
mkv_plugin_registry_class_init (MkvPluginRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_plugin_registry_finalize;
}

/**
 * mkv_plugin_registry_new:
 *
 * Makes a registry, and looks which files there are. None is opened.
 *
 * Returns: (transfer full): the registry
 *
 * Since: 0.1
 */
MkvPluginRegistry *
mkv_plugin_registry_new (void)
{
  return g_object_new (MKV_TYPE_PLUGIN_REGISTRY, NULL);
}

/**
 * mkv_plugin_registry_add_type:
 * @self: a registry
 * @kind: what the plugin is for
 * @name: its name: lower-case letters, digits and hyphens
 * @type: a type that implements the kind's interface
 * @error: return location for an error
 *
 * Adds a class that comes from no file, such as one of the application's own.
 * It takes the place of a file of that name that has not been opened.
 *
 * Returns: whether it was added; %FALSE with a [error@PluginError] if @type
 *   can't be such a plugin, with %MKV_ERROR_INVALID_ARGUMENT if @name is taken
 *   or breaks the rule
 *
 * Since: 0.1
 */
gboolean
mkv_plugin_registry_add_type (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, GType type,
                              GError **error)
{
  guint position;
  gboolean found;

  g_return_val_if_fail (MKV_IS_PLUGIN_REGISTRY (self), FALSE);
  g_return_val_if_fail (mkv_plugin_kind_get_name (kind) != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  if (!check_name (name, error))
    return FALSE;
  found = find_position (self, kind, name, &position);
  if (found && mkv_plugin_info_get_state (self->infos->pdata[position]) != MKV_PLUGIN_NOT_LOADED)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("There is a %s plugin “%s” already; choose another name"), mkv_plugin_kind_get_name (kind),
                   name);
      return FALSE;
    }
  if (!mkv_plugin_loader_check_type (kind, name, type, error))
    return FALSE;

  if (found)
    g_ptr_array_remove_index (self->infos, position);
  insert_info (self, position, kind, name, NULL);
  mkv_plugin_info_set_loaded (self->infos->pdata[position], type);
  g_list_model_items_changed (G_LIST_MODEL (self), position, found ? 1 : 0, 1);
  return TRUE;
}

static void
set_not_found (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, GError **error)
{
  g_autofree char *file_name = make_file_name (kind, name);
  g_autofree char *folders = g_strjoinv (", ", self->folders);
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < self->infos->len; i++)
    if (mkv_plugin_info_get_kind (self->infos->pdata[i]) == kind)
      g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "",
                              mkv_plugin_info_get_name (self->infos->pdata[i]));
  g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND,
               _("There is no %s plugin “%s”: no %s in %s; install it, or use one that is there (%s)"),
               mkv_plugin_kind_get_name (kind), name, file_name, folders,
               known->len > 0 ? known->str : _("there is none"));
}

/* Finds the plugin in the list, or its file, should that have come after the
 * list was made. */
static MkvPluginInfo *
find_info (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, guint *position, GError **error)
{
  g_autofree char *file_name = NULL;

  if (!check_name (name, error))
    return NULL;
  if (find_position (self, kind, name, position))
    return self->infos->pdata[*position];

  file_name = make_file_name (kind, name);
  for (guint i = 0; self->folders[i] != NULL; i++)
    {
      g_autofree char *file = g_build_filename (self->folders[i], file_name, NULL);

      if (g_file_test (file, G_FILE_TEST_EXISTS))
        {
          insert_info (self, *position, kind, name, file);
          g_list_model_items_changed (G_LIST_MODEL (self), *position, 0, 1);
          return self->infos->pdata[*position];
        }
    }
  set_not_found (self, kind, name, error);
  return NULL;
}

static void
set_failed (MkvPluginRegistry *self, MkvPluginInfo *info, guint position, GError *failure, GError **error)
{
  mkv_plugin_info_set_failed (info, failure);
  g_propagate_error (error, failure);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 1);
}

/* The type of the plugin, loading it if that was not tried yet. */
static GType
load_type (MkvPluginRegistry *self, MkvPluginInfo *info, guint position, GError **error)
{
  GError *failure = NULL;
  GType type = mkv_plugin_info_get_plugin_type (info);

  if (type != G_TYPE_INVALID)
    return type;
  if (mkv_plugin_info_get_state (info) == MKV_PLUGIN_FAILED)
    {
      g_propagate_error (error, g_error_copy (mkv_plugin_info_get_error (info)));
      return G_TYPE_INVALID;
    }
  type = mkv_plugin_loader_open (info, &failure);
  if (type == G_TYPE_INVALID)
    {
      set_failed (self, info, position, failure, error);
      return G_TYPE_INVALID;
    }
  mkv_plugin_info_set_loaded (info, type);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 1);
  return type;
}

/**
 * mkv_plugin_registry_load:
 * @self: a registry
 * @kind: what the plugin is for
 * @name: its name
 * @error: return location for an error
 *
 * Opens the plugin's file, unless it has been opened, and checks it. No object
 * is made. A plugin that could not be loaded is not tried again.
 *
 * Returns: whether the plugin is loaded; %FALSE with a [error@PluginError] if
 *   not, with %MKV_ERROR_INVALID_ARGUMENT if @name can't be a plugin's
 *
 * Since: 0.1
 */
gboolean
mkv_plugin_registry_load (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, GError **error)
{
  MkvPluginInfo *info;
  guint position;

  g_return_val_if_fail (MKV_IS_PLUGIN_REGISTRY (self), FALSE);
  g_return_val_if_fail (mkv_plugin_kind_get_name (kind) != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  info = find_info (self, kind, name, &position, error);
  return info != NULL && load_type (self, info, position, error) != G_TYPE_INVALID;
}

/* Initializes what has to be; takes @object. */
static GObject *
initialize (GObject *object, const char *origin, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  if (!G_IS_INITABLE (object) || g_initable_init (G_INITABLE (object), NULL, &reason))
    return object;
  g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_INIT_FAILED,
               _("%s: could not be initialized: %s; mend that and try again"), origin,
               reason != NULL ? reason->message : _("it did not say why"));
  g_object_unref (object);
  return NULL;
}

/**
 * mkv_plugin_registry_create:
 * @self: a registry
 * @kind: what the plugin is for
 * @name: its name
 * @error: return location for an error
 *
 * Makes an object of a plugin, as [method@PluginRegistry.load] does first if
 * that is needed.
 *
 * Returns: (transfer full): a [iface@Storage], a [iface@Transport] or a
 *   [iface@Codec]; %NULL with a [error@PluginError] if the plugin can't be used,
 *   with %MKV_ERROR_INVALID_ARGUMENT if @name can't be a plugin's
 *
 * Since: 0.1
 */
GObject *
mkv_plugin_registry_create (MkvPluginRegistry *self, MkvPluginKind kind, const char *name, GError **error)
{
  g_autoptr (MkvPluginInfo) info = NULL;
  GError *failure = NULL;
  GObject *object;
  guint position;
  GType type;

  g_return_val_if_fail (MKV_IS_PLUGIN_REGISTRY (self), NULL);
  g_return_val_if_fail (mkv_plugin_kind_get_name (kind) != NULL, NULL);
  g_return_val_if_fail (name != NULL, NULL);

  info = find_info (self, kind, name, &position, error);
  if (info == NULL)
    return NULL;
  g_object_ref (info);
  type = load_type (self, info, position, error);
  if (type == G_TYPE_INVALID)
    return NULL;

  object = initialize (g_object_new (type, NULL),
                       mkv_plugin_info_get_file (info) != NULL ? mkv_plugin_info_get_file (info) : name, &failure);
  /* Whatever ran meanwhile may have added plugins. */
  find_position (self, kind, name, &position);
  if (object == NULL)
    set_failed (self, info, position, failure, error);
  else if (mkv_plugin_info_get_state (info) == MKV_PLUGIN_FAILED)
    {
      mkv_plugin_info_set_loaded (info, type);
      g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 1);
    }
  return object;
}
