/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-output.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <unistd.h>

static void
put_bytes (GBytes *bytes)
{
  gsize length;
  gconstpointer data;

  if (bytes == NULL)
    return;
  data = g_bytes_get_data (bytes, &length);
  if (length > 0)
    fwrite (data, 1, length, stdout);
}

static void
print_results (MkvResponse *response)
{
  GPtrArray *results = mkv_response_get_results (response);

  for (guint i = 0; results != NULL && i < results->len; i++)
    {
      MkvResult *result = results->pdata[i];

      if (mkv_result_get_status (result) != MKV_STATUS_OK)
        continue;
      fputs (mkv_result_get_key (result), stdout);
      putchar ('\t');
      put_bytes (mkv_result_get_value (result));
      putchar ('\n');
    }
}

static void
print_field (const char *name, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    printf ("%s: %s\n", name, g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    printf ("%s: %" G_GINT64_FORMAT "\n", name, g_variant_get_int64 (value));
}

/* What is known in the order people want it, then what a newer node may add. */
static void
print_info (MkvResponse *response)
{
  static const char *const names[] = { "node_id",    "client_id", "version", "uptime_ms", "entries",
                                       "tombstones", "graves",    "root",    "state",     "health",  NULL };
  GVariant *info = mkv_response_get_info (response);
  GVariantIter iter;
  const char *name;
  GVariant *value;

  for (guint i = 0; info != NULL && names[i] != NULL; i++)
    {
      g_autoptr (GVariant) known = g_variant_lookup_value (info, names[i], NULL);

      if (known != NULL)
        print_field (names[i], known);
    }
  if (info == NULL)
    return;
  g_variant_iter_init (&iter, info);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    if (!g_strv_contains (names, name))
      print_field (name, value);
}

static void
print_info_field (MkvResponse *response, const char *field)
{
  GVariant *info = mkv_response_get_info (response);
  const char *text;

  if (info != NULL && g_variant_lookup (info, field, "&s", &text))
    printf ("%s\n", text);
}

void
mkv_cli_output_print (MkvCommand *command, const char *field, MkvResponse *response, gint64 elapsed_us)
{
  const char *const *keys = mkv_response_get_keys (response);

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_GET:
      put_bytes (mkv_response_get_value (response));
      if (isatty (STDOUT_FILENO))
        putchar ('\n');
      break;
    case MKV_OPERATION_INCREMENT:
    case MKV_OPERATION_DECREMENT:
    case MKV_OPERATION_SYNC:
      put_bytes (mkv_response_get_value (response));
      putchar ('\n');
      break;
    case MKV_OPERATION_GET_MANY:
      print_results (response);
      break;
    case MKV_OPERATION_LIST_KEYS:
      for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
        printf ("%s\n", keys[i]);
      break;
    case MKV_OPERATION_PING:
      printf (_("answered in %.1f ms\n"), (double) elapsed_us / 1000);
      break;
    case MKV_OPERATION_INFO:
      if (field != NULL)
        print_info_field (response, field);
      else
        print_info (response);
      break;
    default:
      break;
    }
}

gboolean
mkv_cli_output_print_json (MkvResponse *response, MkvPluginRegistry *registry, GError **error)
{
  g_autoptr (GObject) codec = mkv_plugin_registry_create (registry, MKV_PLUGIN_CODEC, "json", error);
  g_autoptr (GBytes) line = NULL;

  if (codec == NULL)
    return FALSE;
  line = mkv_codec_encode_response (MKV_CODEC (codec), response, error);
  if (line == NULL)
    return FALSE;
  put_bytes (line);
  putchar ('\n');
  return TRUE;
}

void
mkv_cli_output_print_string (const char *text)
{
  putchar ('"');
  for (; *text != 0; text++)
    if (*text == '"' || *text == '\\')
      printf ("\\%c", *text);
    else if ((guchar) *text < 0x20)
      printf ("\\u%04x", (guchar) *text);
    else
      putchar (*text);
  putchar ('"');
}

void
mkv_cli_output_print_lines (gboolean json, const char *name, char **lines)
{
  for (; *lines != NULL; lines++)
    if (json)
      {
        printf ("{\"%s\":", name);
        mkv_cli_output_print_string (*lines);
        printf ("}\n");
      }
    else
      printf ("%s\n", *lines);
}
