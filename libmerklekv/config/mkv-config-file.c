/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "config/mkv-config-file-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "config/mkv-setting-private.h"

/* GKeyFile stops at the first mistake, and knows no line numbers. So this scan
 * finds the lines, and GKeyFile says what a value's escapes mean. */

static void
assignment_free (gpointer data)
{
  MkvAssignment *assignment = data;

  g_free (assignment->place);
  g_free (assignment->name);
  g_free (assignment->text);
  g_free (assignment->mistake);
  g_free (assignment);
}

GPtrArray *
mkv_assignments_new (void)
{
  return g_ptr_array_new_with_free_func (assignment_free);
}

static MkvAssignment *
add_assignment (GPtrArray *assignments, const char *place, char *name)
{
  MkvAssignment *assignment = g_new0 (MkvAssignment, 1);

  assignment->place = g_strdup (place);
  assignment->name = name;
  g_ptr_array_add (assignments, assignment);
  return assignment;
}

static void
add_mistake (GPtrArray *assignments, const char *place, const char *name, const char *mistake)
{
  add_assignment (assignments, place, g_strdup (name))->mistake = g_strdup (mistake);
}

/* The value as GKeyFile reads it: `\s`, `\n`, `\t`, `\r` and `\\` are escapes. */
static char *
unescape (const char *value)
{
  g_autoptr (GKeyFile) key_file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_key_file_set_value (key_file, "g", "k", value);
  text = g_key_file_get_string (key_file, "g", "k", &error);
  return error == NULL ? g_steal_pointer (&text) : NULL;
}

static void
read_group (const char *group, const char *place, GPtrArray *assignments)
{
  g_autofree char *groups = NULL;
  g_autofree char *mistake = NULL;

  if (mkv_setting_has_group (group))
    return;
  groups = mkv_setting_list_groups ();
  mistake = g_strdup_printf (_("there is no such group, only %s"), groups);
  add_mistake (assignments, place, group, mistake);
}

static void
read_key (const char *group, const char *key, const char *value, const char *place, GPtrArray *assignments)
{
  MkvAssignment *assignment;

  if (key[0] == 0 || key[strspn (key, "abcdefghijklmnopqrstuvwxyz0123456789-")] != 0)
    {
      add_mistake (assignments, place, NULL, _("what stands before = is no key: it may hold a-z, 0-9 and - only"));
      return;
    }
  if (group == NULL)
    {
      add_mistake (assignments, place, key, _("there is no [group] above it"));
      return;
    }
  /* An unknown group was told once, which is enough. */
  if (!mkv_setting_has_group (group))
    return;

  assignment = add_assignment (assignments, place, g_strconcat (group, ".", key, NULL));
  assignment->text = unescape (value);
  if (assignment->text == NULL)
    assignment->mistake = g_strdup (_("a backslash has to be written \\\\"));
  for (guint i = 0; i + 1 < assignments->len && assignment->mistake == NULL; i++)
    if (g_strcmp0 (((MkvAssignment *) assignments->pdata[i])->name, assignment->name) == 0)
      assignment->mistake = g_strdup (_("set a second time; remove one of the two"));
}

/* Returns the group that the next lines belong to; takes @group. */
static char *
read_line (char *line, const char *place, char *group, GPtrArray *assignments)
{
  gsize length = strlen (line);
  char *equals = strchr (line, '=');

  if (length == 0 || line[0] == '#')
    return group;
  if (!g_utf8_validate_len (line, length, NULL))
    add_mistake (assignments, place, NULL, _("the line is not valid UTF-8"));
  else if (line[0] == '[' && line[length - 1] == ']')
    {
      g_free (group);
      group = g_strndup (line + 1, length - 2);
      read_group (group, place, assignments);
    }
  else if (equals != NULL)
    {
      *equals = 0;
      read_key (group, g_strchomp (line), g_strchug (equals + 1), place, assignments);
    }
  else
    add_mistake (assignments, place, NULL,
                 _("the line is neither [group], nor key=value, nor a comment with # before it"));
  return group;
}

void
mkv_config_file_read (const char *path, GPtrArray *assignments)
{
  g_autofree char *file_place = g_strconcat (path, ": ", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;
  g_auto (GStrv) lines = NULL;
  char *group = NULL;
  gsize length;

  if (!g_file_get_contents (path, &contents, &length, &error))
    {
      add_mistake (assignments, file_place, NULL, error->message);
      return;
    }
  if (strlen (contents) != length)
    {
      add_mistake (assignments, file_place, NULL, _("no text file, it holds the octet 0"));
      return;
    }
  lines = g_strsplit (contents, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *place = g_strdup_printf ("%s:%u: ", path, i + 1);

      group = read_line (g_strstrip (lines[i]), place, group, assignments);
    }
  g_free (group);
}

void
mkv_config_file_read_overrides (const char *const *overrides, GPtrArray *assignments)
{
  for (guint i = 0; overrides[i] != NULL; i++)
    {
      const char *equals = strchr (overrides[i], '=');

      if (!g_utf8_validate (overrides[i], -1, NULL))
        add_mistake (assignments, "--set: ", NULL, _("the argument is not valid UTF-8"));
      else if (equals == NULL)
        add_mistake (assignments, "--set ", overrides[i], _("it has to be like GROUP.KEY=VALUE"));
      else
        add_assignment (assignments, "--set ", g_strndup (overrides[i], (gsize) (equals - overrides[i])))->text
            = g_strdup (equals + 1);
    }
}
