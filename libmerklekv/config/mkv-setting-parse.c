/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "config/mkv-setting-private.h"
#include "model/mkv-names.h"

#define SET_ERROR(error, ...) g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, __VA_ARGS__)

static gboolean
parse_boolean (const char *text, gint64 *number, GError **error)
{
  *number = g_str_equal (text, "true");
  if (*number || g_str_equal (text, "false"))
    return TRUE;
  SET_ERROR (error, _("“%s” is neither true nor false"), text);
  return FALSE;
}

static gboolean
parse_integer (const MkvSetting *setting, const char *text, gint64 *number, GError **error)
{
  g_autofree char *least = NULL;
  g_autofree char *most = NULL;

  if (g_ascii_string_to_signed (text, 10, setting->least, setting->most, number, NULL))
    return TRUE;
  least = g_strdup_printf ("%" G_GINT64_FORMAT, setting->least);
  most = g_strdup_printf ("%" G_GINT64_FORMAT, setting->most);
  SET_ERROR (error, _("“%s” is no number from %s to %s"), text, least, most);
  return FALSE;
}

static gboolean
parse_size (const char *text, gint64 *number, GError **error)
{
  static const char units[] = "KMG";
  g_autofree char *digits = g_strdup (text);
  gsize length = strlen (digits);
  const char *unit = length > 0 ? strchr (units, digits[length - 1]) : NULL;
  guint shift = 0;

  if (unit != NULL)
    {
      shift = 10 * (guint) (unit - units + 1);
      digits[length - 1] = 0;
    }
  if (g_ascii_string_to_signed (digits, 10, 0, G_MAXINT64 >> shift, number, NULL))
    {
      *number <<= shift;
      return TRUE;
    }
  SET_ERROR (error, _("“%s” is no size: a number of octets, or one with K, M or G behind it"), text);
  return FALSE;
}

static gboolean
check_word (const MkvSetting *setting, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (setting->words, " ", -1);
  g_autofree char *list = NULL;

  if (g_strv_contains ((const char *const *) words, text))
    return TRUE;
  list = g_strjoinv (", ", words);
  if (g_str_equal (setting->name, "commands.access") && g_str_equal (text, "token"))
    SET_ERROR (error, _("this version has no tokens: use one of %s"), list);
  else
    SET_ERROR (error, _("“%s” is none of %s"), text, list);
  return FALSE;
}

static gboolean
check_plugin (const char *text, GError **error)
{
  if (text[strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0)
    return TRUE;
  SET_ERROR (error, _("“%s” can't be the name of a plugin: it may hold a-z, 0-9 and - only"), text);
  return FALSE;
}

/* loopback://NAME is a broker inside the process, for tests and demonstrations. */
static gboolean
check_broker (const char *text, GError **error)
{
  g_autofree char *scheme = NULL;
  g_autofree char *userinfo = NULL;
  g_autofree char *host = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = NULL;
  g_autofree char *fragment = NULL;
  const char *const schemes[] = { "mqtt", "mqtts", "loopback", NULL };
  int port;

  if (!g_uri_split (text, G_URI_FLAGS_NONE, &scheme, &userinfo, &host, &port, &path, &query, &fragment, NULL)
      || scheme == NULL || !g_strv_contains (schemes, scheme) || host == NULL || host[0] == 0 || port == 0)
    {
      /* Not the text: it may hold a password that could not be split off. */
      SET_ERROR (error, _("no URI of a broker: it has to be like mqtt://host:1883 or mqtts://host:8883"));
      return FALSE;
    }
  if (userinfo != NULL)
    {
      SET_ERROR (error, _("a user name or password has no place in the URI: use transport.username and "
                          "transport.password-file"));
      return FALSE;
    }
  if (strlen (path) > 0 || query != NULL || fragment != NULL)
    {
      SET_ERROR (error, _("“%s” has something behind the host and port, where nothing may be"), text);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_listen (const char *text, GError **error)
{
  guint64 port;

  if (g_str_has_prefix (text, "unix:/"))
    return TRUE;
  if (g_str_has_prefix (text, "127.0.0.1:")
      && g_ascii_string_to_unsigned (text + strlen ("127.0.0.1:"), 10, 1, 65535, &port, NULL))
    return TRUE;
  SET_ERROR (error, _("“%s” is neither unix:PATH, with a path from the root, nor 127.0.0.1:PORT"), text);
  return FALSE;
}

static char *
find_path (const MkvSetting *setting, const char *text, const char *folder)
{
  const char *credentials = g_getenv ("CREDENTIALS_DIRECTORY");

  if (g_str_has_prefix (text, "~/"))
    return g_build_filename (g_get_home_dir (), text + 2, NULL);
  if (setting->type == MKV_SETTING_FILE && !g_path_is_absolute (text) && credentials != NULL)
    {
      g_autofree char *credential = g_build_filename (credentials, text, NULL);

      if (g_file_test (credential, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&credential);
    }
  return g_canonicalize_filename (text, folder);
}

gboolean
mkv_setting_parse (const MkvSetting *setting, const char *text, const char *folder, char **value, gint64 *number,
                   GError **error)
{
  g_autofree char *parsed = NULL;
  g_autoptr (GError) reason = NULL;
  gboolean good = TRUE;

  *number = 0;
  if (setting->use == MKV_SETTING_REFUSED && g_strcmp0 (text, setting->fallback) != 0)
    {
      SET_ERROR (error, _("this version has no %s: remove the setting"), _(setting->missing));
      return FALSE;
    }
  if (text[0] == 0)
    {
      if (setting->fallback == NULL && setting->type != MKV_SETTING_ID)
        {
          *value = NULL;
          return TRUE;
        }
      SET_ERROR (error, _("the value is empty"));
      return FALSE;
    }

  switch (setting->type)
    {
    case MKV_SETTING_BOOLEAN:
      good = parse_boolean (text, number, &reason);
      break;
    case MKV_SETTING_INTEGER:
    case MKV_SETTING_SIZE:
      good = setting->type == MKV_SETTING_SIZE ? parse_size (text, number, &reason)
                                               : parse_integer (setting, text, number, &reason);
      parsed = g_strdup_printf ("%" G_GINT64_FORMAT, *number);
      break;
    case MKV_SETTING_WORD:
      good = check_word (setting, text, &reason);
      break;
    case MKV_SETTING_ID:
      good = mkv_name_check (text, &reason);
      break;
    case MKV_SETTING_PREFIX:
      parsed = mkv_topic_prefix_normalize (text, &reason);
      good = parsed != NULL;
      break;
    case MKV_SETTING_PLUGIN:
      good = check_plugin (text, &reason);
      break;
    case MKV_SETTING_BROKER:
      good = check_broker (text, &reason);
      break;
    case MKV_SETTING_LISTEN:
      good = check_listen (text, &reason);
      break;
    case MKV_SETTING_PATH:
    case MKV_SETTING_FILE:
      parsed = find_path (setting, text, folder);
      break;
    case MKV_SETTING_TEXT:
    default:
      break;
    }

  if (!good)
    {
      SET_ERROR (error, "%s", reason->message);
      return FALSE;
    }
  *value = parsed != NULL ? g_steal_pointer (&parsed) : g_strdup (text);
  return TRUE;
}
