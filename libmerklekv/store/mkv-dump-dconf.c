/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-dump-dconf-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "model/mkv-names.h"

/* Whether the octet at @i can't stand for itself in a group or a name. */
static gboolean
is_special (const char *key, gsize i)
{
  guchar c = (guchar) key[i];
  gboolean first = i == 0 || key[i - 1] == '/', last = key[i + 1] == 0 || key[i + 1] == '/';

  if (c == '/')
    return first || key[i + 1] == 0;
  /* Blanks round a name are cut off, and # begins a comment. */
  return c < 0x20 || c == 0x7F || strchr ("%=[]", c) != NULL || (c == ' ' && (first || last)) || (c == '#' && first);
}

/* Sets @escaped to the key; returns where its name begins. */
static gsize
escape (GString *escaped, const char *key)
{
  gsize name = 0;

  for (gsize i = 0; key[i] != 0; i++)
    if (is_special (key, i))
      g_string_append_printf (escaped, "%%%02X", (guchar) key[i]);
    else
      {
        g_string_append_c (escaped, key[i]);
        if (key[i] == '/')
          name = escaped->len;
      }
  return name;
}

static char *
unescape (const char *text, gsize length)
{
  GString *key = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++)
    if (text[i] == '%' && i + 2 < length && g_ascii_isxdigit (text[i + 1]) && g_ascii_isxdigit (text[i + 2]))
      {
        g_string_append_c (key, (char) (g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2])));
        i += 2;
      }
    else
      g_string_append_c (key, text[i]);
  return g_string_free (key, FALSE);
}

static GVariant *
value_to_variant (const MkvEntry *entry)
{
  gsize length;
  const guint8 *value = mkv_entry_peek_value (entry, &length);
  g_autofree char *text = NULL;

  if (!mkv_entry_is_text (entry))
    return g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value, length, 1));
  text = g_strndup ((const char *) value, length);
  return g_variant_ref_sink (g_variant_new_string (text));
}

void
mkv_dump_dconf_add (GString *text, const MkvEntry *entry, char **group)
{
  g_autoptr (GString) key = g_string_new (NULL);
  g_autoptr (GVariant) variant = value_to_variant (entry);
  gsize name = escape (key, mkv_entry_get_key (entry));
  g_autofree char *own_group = name > 0 ? g_strndup (key->str, name - 1) : g_strdup ("/");

  if (g_strcmp0 (*group, own_group) != 0)
    {
      g_string_append_printf (text, "%s[%s]\n", *group != NULL ? "\n" : "", own_group);
      g_free (*group);
      *group = g_steal_pointer (&own_group);
    }
  g_string_append_len (text, key->str + name, (gssize) (key->len - name));
  g_string_append_c (text, '=');
  g_variant_print_string (variant, text, TRUE);
  g_string_append_c (text, '\n');
}

static GBytes *
variant_to_value (GVariant *variant)
{
  gsize length;
  gconstpointer octets;
  char *text;

  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_STRING))
    {
      octets = g_variant_get_string (variant, &length);
      return g_bytes_new (octets, length);
    }
  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_BYTESTRING))
    {
      octets = g_variant_get_fixed_array (variant, &length, 1);
      return g_bytes_new (octets, length);
    }
  text = g_variant_print (variant, TRUE);
  return g_bytes_new_take (text, strlen (text));
}

static gboolean
parse_group (const char *line, gsize length, char **group, GError **error)
{
  const char *start = line + 1, *end = line + length - 1;

  if (*end != ']' || end < start)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it begins with [ and does not end with ]"));
      return FALSE;
    }
  while (start < end && *start == '/')
    start++;
  while (end > start && end[-1] == '/')
    end--;
  g_free (*group);
  *group = g_strndup (start, (gsize) (end - start));
  return TRUE;
}

static gboolean
parse_key (const char *line, gsize length, const char *group, MkvDumpItem *item, GError **error)
{
  const char *equals = memchr (line, '=', length), *end;
  g_autoptr (GVariant) variant = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GError) why = NULL;

  if (equals == NULL || equals == line || group == NULL)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           equals == NULL || equals == line ? _("it is not of the form KEY=VALUE")
                                                            : _("it stands before the first [group]"));
      return FALSE;
    }
  variant = g_variant_parse (NULL, equals + 1, line + length, NULL, &why);
  if (variant == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its value is not GVariant text: %s"), why->message);
      return FALSE;
    }
  for (end = equals; end > line && end[-1] == ' '; end--)
    ;
  if (*group != 0)
    path = g_strdup_printf ("%s/%.*s", group, (int) (end - line), line);
  else
    path = g_strndup (line, (gsize) (end - line));
  item->key = unescape (path, strlen (path));
  item->value = variant_to_value (variant);
  if (mkv_key_check (item->key, error))
    return TRUE;
  mkv_dump_item_clear (item);
  return FALSE;
}

gboolean
mkv_dump_dconf_parse (const char *line, gsize length, char **group, MkvDumpItem *item, GError **error)
{
  *item = (MkvDumpItem){ 0 };
  if (!mkv_text_is_valid (line, length))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it is not UTF-8"));
      return FALSE;
    }
  for (; length > 0 && g_ascii_isspace (line[length - 1]); length--)
    ;
  for (; length > 0 && g_ascii_isspace (*line); length--)
    line++;
  if (length == 0 || *line == '#')
    return TRUE;
  return *line == '[' ? parse_group (line, length, group, error) : parse_key (line, length, *group, item, error);
}
