/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "config/mkv-config.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "config/mkv-config-file-private.h"
#include "config/mkv-setting-private.h"

#define SYSTEM_FILE "/etc/merklekv/merklekv.conf"

/**
 * MkvConfig:
 *
 * The settings of a node, each named `group.key`. One that was not set has a
 * default, which `node.profile` may change. Every value in here has passed its
 * checks.
 *
 * A configuration belongs to one thread at a time.
 *
 * Since: 0.1
 */
struct _MkvConfig
{
  GObject parent_instance;

  /* What was set, by the place of the setting in the table; NULL if it was not. */
  char **values;
  char *client_id; /* the defaults that depend on where we are */
  char *path;
};

G_DEFINE_FINAL_TYPE (MkvConfig, mkv_config, G_TYPE_OBJECT)

/* `host-user`, with a hyphen for what an id can't hold. */
static char *
make_client_id (void)
{
  char *id = g_strdup_printf ("%s-%s", g_get_host_name (), g_get_user_name ());

  if (strlen (id) > MKV_MAX_NAME_BYTES)
    id[MKV_MAX_NAME_BYTES] = 0;
  return g_strcanon (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.", '-');
}

static void
mkv_config_finalize (GObject *object)
{
  MkvConfig *self = MKV_CONFIG (object);
  guint n_settings;

  mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    g_free (self->values[i]);
  g_free (self->values);
  g_free (self->client_id);
  g_free (self->path);
  G_OBJECT_CLASS (mkv_config_parent_class)->finalize (object);
}

static void
mkv_config_class_init (MkvConfigClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_config_finalize;
}

static void
mkv_config_init (MkvConfig *self)
{
  guint n_settings;

  mkv_setting_get_all (&n_settings);
  self->values = g_new0 (char *, n_settings);
  self->client_id = make_client_id ();
  self->path = g_build_filename (g_get_user_data_dir (), "merklekv", NULL);
}

static char **
get_place (MkvConfig *self, const MkvSetting *setting)
{
  guint n_settings;

  return &self->values[setting - mkv_setting_get_all (&n_settings)];
}

static const char *
get_value (MkvConfig *self, const MkvSetting *setting)
{
  const char *value = *get_place (self, setting);
  const char *profile;

  if (value != NULL)
    return value;
  if (g_str_equal (setting->name, "node.client-id"))
    return self->client_id;
  if (g_str_equal (setting->name, "node.node-id"))
    return mkv_config_get_string (self, "node.client-id");
  if (g_str_equal (setting->name, "storage.path"))
    return self->path;
  profile = *get_place (self, mkv_setting_find ("node.profile"));
  return mkv_setting_get_default (setting, profile != NULL ? profile : "");
}

/* The number that a value stands for; it has been checked. */
static gint64
get_number (MkvConfig *self, const MkvSetting *setting)
{
  g_autofree char *ignored = NULL;
  gint64 number;

  mkv_setting_parse (setting, get_value (self, setting), NULL, &ignored, &number, NULL);
  return number;
}

/**
 * mkv_config_new:
 *
 * Makes a configuration in which everything has its default.
 *
 * Returns: (transfer full): the configuration
 *
 * Since: 0.1
 */
MkvConfig *
mkv_config_new (void)
{
  return g_object_new (MKV_TYPE_CONFIG, NULL);
}

static gboolean
set_value (MkvConfig *self, const char *name, const char *text, const char *folder, GError **error)
{
  const MkvSetting *setting = mkv_setting_find (name);
  char *value = NULL;
  gint64 number;

  if (setting == NULL)
    {
      const char *similar = mkv_setting_find_similar (name);

      if (similar != NULL)
        g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("there is no such setting; is %s meant?"),
                     similar);
      else
        g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("there is no such setting"));
      return FALSE;
    }
  if (!mkv_setting_parse (setting, text, folder, &value, &number, error))
    return FALSE;
  g_free (*get_place (self, setting));
  *get_place (self, setting) = value;
  return TRUE;
}

static void
add_mistake (GString *mistakes, const char *place, const char *name, const char *text)
{
  g_string_append_printf (mistakes, "%s%s%s%s%s", mistakes->len > 0 ? "\n" : "", place, name != NULL ? name : "",
                          name != NULL ? ": " : "", text);
}

static void
set_all (MkvConfig *self, GPtrArray *assignments, const char *folder, GString *mistakes)
{
  for (guint i = 0; i < assignments->len; i++)
    {
      MkvAssignment *assignment = assignments->pdata[i];
      g_autoptr (GError) error = NULL;

      if (assignment->mistake != NULL)
        add_mistake (mistakes, assignment->place, assignment->name, assignment->mistake);
      else if (!set_value (self, assignment->name, assignment->text, folder, &error))
        add_mistake (mistakes, assignment->place, assignment->name, error->message);
    }
}

static const char *
find_place (GPtrArray *assignments, const char *name)
{
  for (guint i = assignments->len; i > 0; i--)
    {
      MkvAssignment *assignment = assignments->pdata[i - 1];

      if (g_strcmp0 (assignment->name, name) == 0)
        return assignment->place;
    }
  return NULL;
}

/* Settings that are wrong beside each other. A mistake is told where one of the
 * two is set. */
static void
check_together (MkvConfig *self, GPtrArray *assignments, GString *mistakes)
{
  static const char *const needs[][2] = {
    { "transport.cert-file", "transport.key-file" },
    { "transport.key-file", "transport.cert-file" },
    { "transport.password-file", "transport.username" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (needs); i++)
    if (mkv_config_is_set (self, needs[i][0]) && !mkv_config_is_set (self, needs[i][1]))
      {
        g_autofree char *text = g_strdup_printf (_("needs %s as well"), needs[i][1]);

        add_mistake (mistakes, find_place (assignments, needs[i][0]), needs[i][0], text);
      }

  if (mkv_config_get_integer (self, "antientropy.interval-min-s")
      > mkv_config_get_integer (self, "antientropy.interval-max-s"))
    {
      const char *name = find_place (assignments, "antientropy.interval-min-s") != NULL
                             ? "antientropy.interval-min-s"
                             : "antientropy.interval-max-s";

      add_mistake (mistakes, find_place (assignments, name), name,
                   _("the least interval is greater than the greatest"));
    }
}

/**
 * mkv_config_new_from_file:
 * @path: (nullable) (type filename): a key file; %NULL if there is none
 * @overrides: (nullable) (array zero-terminated=1): settings of the form
 *   `group.key=value` that take the place of the file's
 * @error: return location for an error
 *
 * Reads a configuration. Relative paths in it start from the folder of @path;
 * names of files, if the service manager supplied files of these names, from
 * `$CREDENTIALS_DIRECTORY`.
 *
 * Returns: (transfer full): the configuration; %NULL with
 *   %MKV_ERROR_CONFIGURATION, whose message has a line for each mistake:
 *   `FILE:LINE: group.key: what is wrong`, or `--set group.key: what is wrong`
 *
 * Since: 0.1
 */
MkvConfig *
mkv_config_new_from_file (const char *path, const char *const *overrides, GError **error)
{
  g_autoptr (MkvConfig) self = mkv_config_new ();
  g_autoptr (GPtrArray) from_file = mkv_assignments_new ();
  g_autoptr (GPtrArray) from_arguments = mkv_assignments_new ();
  g_autoptr (GString) mistakes = g_string_new (NULL);

  if (path != NULL)
    {
      g_autofree char *absolute = g_canonicalize_filename (path, NULL);
      g_autofree char *folder = g_path_get_dirname (absolute);

      mkv_config_file_read (path, from_file);
      set_all (self, from_file, folder, mistakes);
    }
  if (overrides != NULL)
    {
      mkv_config_file_read_overrides (overrides, from_arguments);
      set_all (self, from_arguments, NULL, mistakes);
    }
  g_ptr_array_extend_and_steal (from_file, g_steal_pointer (&from_arguments));
  check_together (self, from_file, mistakes);
  if (mistakes->len == 0)
    return g_steal_pointer (&self);

  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, mistakes->str);
  return NULL;
}

/**
 * mkv_config_find_file:
 *
 * Looks where a configuration is: `$MKV_CONFIG` if that is set, else
 * `merklekv/merklekv.conf` in the user's folder for configurations, else
 * `/etc/merklekv/merklekv.conf`.
 *
 * Returns: (transfer full) (nullable) (type filename): the file; %NULL if there
 *   is none
 *
 * Since: 0.1
 */
char *
mkv_config_find_file (void)
{
  const char *variable = g_getenv ("MKV_CONFIG");
  g_autofree char *user_file = NULL;

  /* Also where it is not there: who names a file wants to hear of that. */
  if (variable != NULL && variable[0] != 0)
    return g_strdup (variable);
  user_file = g_build_filename (g_get_user_config_dir (), "merklekv", "merklekv.conf", NULL);
  if (g_file_test (user_file, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&user_file);
  return g_file_test (SYSTEM_FILE, G_FILE_TEST_EXISTS) ? g_strdup (SYSTEM_FILE) : NULL;
}

/**
 * mkv_config_set:
 * @self: a configuration
 * @setting: `group.key`
 * @value: the value, as in a key file; empty for none, where there may be none
 * @error: return location for an error
 *
 * Sets one setting. Relative paths start from the current folder.
 *
 * Returns: whether it was set; %FALSE with %MKV_ERROR_CONFIGURATION if there is
 *   no such setting or @value is wrong
 *
 * Since: 0.1
 */
gboolean
mkv_config_set (MkvConfig *self, const char *setting, const char *value, GError **error)
{
  g_return_val_if_fail (MKV_IS_CONFIG (self), FALSE);
  g_return_val_if_fail (setting != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  if (set_value (self, setting, value, NULL, error))
    return TRUE;
  g_prefix_error (error, "%s: ", setting);
  return FALSE;
}

/**
 * mkv_config_is_set:
 * @self: a configuration
 * @setting: `group.key`
 *
 * Tells whether a setting was set, rather than left to its default.
 *
 * Returns: whether the setting was set, rather than left to its default
 *
 * Since: 0.1
 */
gboolean
mkv_config_is_set (MkvConfig *self, const char *setting)
{
  const MkvSetting *found;

  g_return_val_if_fail (MKV_IS_CONFIG (self), FALSE);
  g_return_val_if_fail (setting != NULL, FALSE);
  found = mkv_setting_find (setting);
  g_return_val_if_fail (found != NULL, FALSE);

  return *get_place (self, found) != NULL;
}

/**
 * mkv_config_get_string:
 * @self: a configuration
 * @setting: `group.key`, of any type
 *
 * The value as text: `true` or `false`, a number in decimal, a path from the
 * root.
 *
 * Returns: (transfer none) (nullable): the value; %NULL if there is none, which
 *   can only be where none makes sense
 *
 * Since: 0.1
 */
const char *
mkv_config_get_string (MkvConfig *self, const char *setting)
{
  const MkvSetting *found;

  g_return_val_if_fail (MKV_IS_CONFIG (self), NULL);
  g_return_val_if_fail (setting != NULL, NULL);
  found = mkv_setting_find (setting);
  g_return_val_if_fail (found != NULL, NULL);

  return get_value (self, found);
}

/**
 * mkv_config_get_integer:
 * @self: a configuration
 * @setting: `group.key`, of a number or a size
 *
 * Gets the value of a setting that is a number.
 *
 * Returns: the number, in the unit that the setting has; of a size, octets
 *
 * Since: 0.1
 */
gint64
mkv_config_get_integer (MkvConfig *self, const char *setting)
{
  const MkvSetting *found;

  g_return_val_if_fail (MKV_IS_CONFIG (self), 0);
  g_return_val_if_fail (setting != NULL, 0);
  found = mkv_setting_find (setting);
  g_return_val_if_fail (found != NULL, 0);
  g_return_val_if_fail (found->type == MKV_SETTING_INTEGER || found->type == MKV_SETTING_SIZE, 0);

  return get_number (self, found);
}

/**
 * mkv_config_get_boolean:
 * @self: a configuration
 * @setting: `group.key`, of a switch
 *
 * Gets the value of a setting that is a switch.
 *
 * Returns: whether the switch is on
 *
 * Since: 0.1
 */
gboolean
mkv_config_get_boolean (MkvConfig *self, const char *setting)
{
  const MkvSetting *found;

  g_return_val_if_fail (MKV_IS_CONFIG (self), FALSE);
  g_return_val_if_fail (setting != NULL, FALSE);
  found = mkv_setting_find (setting);
  g_return_val_if_fail (found != NULL, FALSE);
  g_return_val_if_fail (found->type == MKV_SETTING_BOOLEAN, FALSE);

  return get_number (self, found) != 0;
}

/**
 * mkv_config_list_settings:
 * @self: a configuration
 *
 * Lists every setting there is, set or not.
 *
 * Returns: (transfer full) (array zero-terminated=1): every setting there is, as
 *   `group.key`
 *
 * Since: 0.1
 */
char **
mkv_config_list_settings (MkvConfig *self)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  const MkvSetting *settings;
  guint n_settings;

  g_return_val_if_fail (MKV_IS_CONFIG (self), NULL);

  settings = mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    g_strv_builder_add (names, settings[i].name);
  return g_strv_builder_end (names);
}

/**
 * mkv_config_list_differences:
 * @self: a configuration
 * @other: another
 * @need_restart: which to list: those that a running node can't change, or
 *   those that it can
 *
 * Compares two configurations, defaults included.
 *
 * Returns: (transfer full) (array zero-terminated=1): the settings that have
 *   another value in @other
 *
 * Since: 0.1
 */
char **
mkv_config_list_differences (MkvConfig *self, MkvConfig *other, gboolean need_restart)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  const MkvSetting *settings;
  guint n_settings;

  g_return_val_if_fail (MKV_IS_CONFIG (self), NULL);
  g_return_val_if_fail (MKV_IS_CONFIG (other), NULL);

  settings = mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    if (!settings[i].needs_restart == !need_restart
        && g_strcmp0 (get_value (self, &settings[i]), get_value (other, &settings[i])) != 0)
      g_strv_builder_add (names, settings[i].name);
  return g_strv_builder_end (names);
}

/**
 * mkv_config_list_warnings:
 * @self: a configuration
 *
 * What was set and has no effect, because this version lacks what it is for.
 *
 * Returns: (transfer full) (array zero-terminated=1): a line for people for each
 *   such setting
 *
 * Since: 0.1
 */
char **
mkv_config_list_warnings (MkvConfig *self)
{
  g_autoptr (GStrvBuilder) warnings = g_strv_builder_new ();
  const MkvSetting *settings;
  guint n_settings;

  g_return_val_if_fail (MKV_IS_CONFIG (self), NULL);

  settings = mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    if (settings[i].use == MKV_SETTING_IGNORED && self->values[i] != NULL)
      {
        g_autofree char *warning = g_strdup_printf (_("%s: has no effect, this version has no %s"),
                                                    settings[i].name, _(settings[i].missing));

        g_strv_builder_add (warnings, warning);
      }
  return g_strv_builder_end (warnings);
}

/**
 * mkv_config_get_group:
 * @self: a configuration
 * @group: `node`, `storage` or another group
 *
 * All settings of a group that have a value, for who does not know this class:
 * transports and storages. Numbers are of type `u`, sizes of type `t`, switches
 * of type `b`, everything else of type `s`.
 *
 * Returns: (transfer full): an `a{sv}`, not floating, with the keys without
 *   their group
 *
 * Since: 0.1
 */
GVariant *
mkv_config_get_group (MkvConfig *self, const char *group)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *start = NULL;
  const MkvSetting *settings;
  guint n_settings;

  g_return_val_if_fail (MKV_IS_CONFIG (self), NULL);
  g_return_val_if_fail (group != NULL && mkv_setting_has_group (group), NULL);

  start = g_strconcat (group, ".", NULL);
  settings = mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    {
      const MkvSetting *setting = &settings[i];
      const char *key = setting->name + strlen (start);
      const char *value = get_value (self, setting);

      if (!g_str_has_prefix (setting->name, start) || value == NULL)
        continue;
      switch (setting->type)
        {
        case MKV_SETTING_BOOLEAN:
          g_variant_dict_insert (&dict, key, "b", get_number (self, setting) != 0);
          break;
        case MKV_SETTING_INTEGER:
          g_variant_dict_insert (&dict, key, "u", (guint32) get_number (self, setting));
          break;
        case MKV_SETTING_SIZE:
          g_variant_dict_insert (&dict, key, "t", (guint64) get_number (self, setting));
          break;
        default:
          g_variant_dict_insert (&dict, key, "s", value);
          break;
        }
    }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
