/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-status.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdio.h>

#include "mkv-cli-bus.h"
#include "mkv-cli-error.h"
#include "mkv-cli-output.h"

/* A property, and what it is called in what is printed. */
typedef struct
{
  const char *property;
  const char *name;
} Field;

/* NULL after it has been said why, with *@status the status to exit with. */
static MkvCliBus *
open_bus (const MkvCliOptions *options, int *status)
{
  g_autoptr (GError) error = NULL;
  MkvCliBus *bus = NULL;

  if (!options->bus)
    *status = mkv_cli_fail (MKV_CLI_USAGE, _("%s: only the daemon itself knows that: leave out --node and --store"),
                            options->arguments[0]);
  else if ((bus = mkv_cli_bus_new (options, NULL, &error)) == NULL)
    *status = mkv_cli_fail_with (options->arguments[0], error);
  return bus;
}

/* @error is why it was not done. */
static int
finish (const MkvCliOptions *options, gboolean done, const GError *error)
{
  if (!done)
    return mkv_cli_fail_with (options->arguments[0], error);
  if (fflush (stdout) != 0)
    return mkv_cli_fail (MKV_CLI_FAILURE, _("the output could not be written"));
  return MKV_CLI_OK;
}

static void
print_json_value (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    mkv_cli_output_print_string (g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    {
      g_autofree const char **texts = g_variant_get_strv (value, NULL);

      putchar ('[');
      for (guint i = 0; texts[i] != NULL; i++)
        {
          if (i > 0)
            putchar (',');
          mkv_cli_output_print_string (texts[i]);
        }
      putchar (']');
    }
  else
    {
      g_autofree char *text = g_variant_print (value, FALSE);

      fputs (text, stdout);
    }
}

/* One object a line. */
static void
print_json (GVariant *properties, const Field *fields, guint n)
{
  gboolean first = TRUE;

  putchar ('{');
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (properties, fields[i].property, NULL);

      if (value == NULL)
        continue;
      printf (first ? "\"%s\":" : ",\"%s\":", fields[i].name);
      print_json_value (value);
      first = FALSE;
    }
  printf ("}\n");
}

static const char *
get_text (GVariant *properties, const char *name)
{
  const char *text = "";

  g_variant_lookup (properties, name, "&s", &text);
  return text;
}

/* The sentences that say what is the matter. */
static void
print_conditions (GVariant *manager)
{
  g_autofree const char **conditions = NULL;

  if (g_variant_lookup (manager, "Conditions", "^a&s", &conditions))
    for (guint i = 0; conditions[i] != NULL; i++)
      printf ("%s\n", conditions[i]);
}

int
mkv_cli_status_status (const MkvCliOptions *options)
{
  static const Field fields[] = {
    { "NodeId", "node_id" }, { "ClientId", "client_id" }, { "Version", "version" },       { "State", "state" },
    { "Health", "health" },  { "Conditions", "conditions" }, { "Entries", "entries" },    { "InSync", "in_sync" },
    { "Root", "root" },
  };
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliBus) bus = open_bus (options, &status);
  g_autoptr (GVariant) manager = NULL, store = NULL, all = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GVariantDict) dict = { 0 };
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (bus == NULL)
    return status;
  manager = mkv_cli_bus_get_properties (bus, "Manager", NULL, &error);
  store = manager != NULL ? mkv_cli_bus_get_properties (bus, "Store", NULL, &error) : NULL;
  if (store == NULL)
    return finish (options, FALSE, error);
  g_variant_dict_init (&dict, manager);
  g_variant_iter_init (&iter, store);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    g_variant_dict_insert_value (&dict, name, value);
  all = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (options->json)
    print_json (all, fields, G_N_ELEMENTS (fields));
  for (guint i = 0; !options->json && i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (GVariant) field = g_variant_lookup_value (all, fields[i].property, NULL);
      g_autofree char *text = NULL;

      if (field == NULL || g_variant_is_of_type (field, G_VARIANT_TYPE_STRING_ARRAY))
        continue;
      if (!g_variant_is_of_type (field, G_VARIANT_TYPE_STRING))
        text = g_variant_print (field, FALSE);
      printf ("%s: %s\n", fields[i].name, text != NULL ? text : g_variant_get_string (field, NULL));
    }
  if (!options->json)
    print_conditions (all);
  return finish (options, TRUE, NULL);
}

int
mkv_cli_status_health (const MkvCliOptions *options)
{
  static const Field fields[] = { { "Health", "health" }, { "Conditions", "conditions" } };
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliBus) bus = open_bus (options, &status);
  g_autoptr (GVariant) manager = NULL;
  g_autoptr (GError) error = NULL;

  if (bus == NULL)
    return status;
  manager = mkv_cli_bus_get_properties (bus, "Manager", NULL, &error);
  if (manager == NULL)
    return finish (options, FALSE, error);
  if (options->json)
    print_json (manager, fields, G_N_ELEMENTS (fields));
  else
    {
      printf ("%s\n", get_text (manager, "Health"));
      print_conditions (manager);
    }
  status = finish (options, TRUE, NULL);
  return status == MKV_CLI_OK && !g_str_equal (get_text (manager, "Health"), "ok") ? MKV_CLI_FAILURE : status;
}

int
mkv_cli_status_peers (const MkvCliOptions *options)
{
  static const Field fields[] = {
    { "ClientId", "client_id" }, { "LastSeen", "last_seen" }, { "Equal", "equal" },   { "Reason", "reason" },
    { "Entries", "entries" },    { "Differed", "differed" },  { "Octets", "octets" }, { "Messages", "messages" },
  };
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliBus) bus = open_bus (options, &status);
  g_autoptr (GVariant) peers = NULL;
  g_autoptr (GError) error = NULL;

  if (bus == NULL)
    return status;
  peers = mkv_cli_bus_list_objects (bus, "Peer", &error);
  for (gsize i = 0; peers != NULL && i < g_variant_n_children (peers); i++)
    {
      g_autoptr (GVariant) peer = g_variant_get_child_value (peers, i);
      gboolean equal = FALSE;

      g_variant_lookup (peer, "Equal", "b", &equal);
      if (options->json)
        print_json (peer, fields, G_N_ELEMENTS (fields));
      else
        printf ("%s\t%s\n", get_text (peer, "ClientId"), equal ? _("holds the same") : get_text (peer, "Reason"));
    }
  return finish (options, peers != NULL, error);
}

int
mkv_cli_status_plugins (const MkvCliOptions *options)
{
  static const Field fields[] = {
    { "Kind", "kind" },       { "Name", "name" },       { "State", "state" },             { "Reason", "reason" },
    { "Version", "version" }, { "Licence", "licence" }, { "Description", "description" }, { "Path", "path" },
  };
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliBus) bus = open_bus (options, &status);
  g_autoptr (GVariant) plugins = NULL;
  g_autoptr (GError) error = NULL;

  if (bus == NULL)
    return status;
  plugins = mkv_cli_bus_list_objects (bus, "Plugin", &error);
  for (gsize i = 0; plugins != NULL && i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);
      const char *reason = get_text (plugin, "Reason");

      if (options->json)
        print_json (plugin, fields, G_N_ELEMENTS (fields));
      else
        printf ("%s\t%s\t%s\t%s\n", get_text (plugin, "Kind"), get_text (plugin, "Name"), get_text (plugin, "State"),
                *reason != 0 ? reason : get_text (plugin, "Description"));
    }
  return finish (options, plugins != NULL, error);
}

int
mkv_cli_status_reload (const MkvCliOptions *options)
{
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliBus) bus = open_bus (options, &status);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) settings = NULL;

  if (bus == NULL)
    return status;
  reply = mkv_cli_bus_call_object (bus, "Manager", "Reload", g_variant_new ("(a{sv})", NULL), "(as)", NULL, &error);
  if (reply == NULL)
    return finish (options, FALSE, error);
  g_variant_get (reply, "(^as)", &settings);
  if (options->json)
    mkv_cli_output_print_lines (TRUE, "need_restart", settings);
  for (guint i = 0; !options->json && settings[i] != NULL; i++)
    printf (_("%s takes effect after a restart\n"), settings[i]);
  return finish (options, TRUE, NULL);
}
