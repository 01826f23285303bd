/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-client.h"

#include <glib/gi18n.h>
#include <string.h>

struct _MkvCliClient
{
  const MkvCliOptions *options;
  MkvNode *node;
};

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
wait_for_result (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static gboolean
set (MkvConfig *config, const char *setting, const char *value, GError **error)
{
  return value == NULL || mkv_config_set (config, setting, value, error);
}

/* Errors speak of settings: here, who reads them has given options. */
static void
name_options (const MkvCliOptions *options, GError *error)
{
  const char *const names[][2] = {
    { "node.topic-prefix", options->prefix_from },      { "transport.broker", options->broker_from },
    { "transport.username", "--username" },             { "transport.password-file", "--password-file" },
    { "transport.ca-file", "--ca-file" },               { "transport.cert-file", "--cert-file" },
    { "transport.key-file", "--key-file" },             { "transport.connect-timeout", "--timeout" },
  };
  GString *text = g_string_new (error->message);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_string_replace (text, names[i][0], names[i][1], 0);
  g_free (error->message);
  error->message = g_string_free (text, FALSE);
}

MkvConfig *
mkv_cli_client_make_config (const MkvCliOptions *options, GError **error)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autofree char *name = g_strdup_printf ("merklekv-%08x%08x", g_random_int (), g_random_int ());
  g_autofree char *seconds = NULL;
  g_autoptr (GError) why = NULL;

  if (options->timeout_ms > 0)
    seconds = g_strdup_printf ("%u", CLAMP ((options->timeout_ms + 999) / 1000, 1, 600));
  if (!set (config, "node.client-id", name, &why) || !set (config, "node.topic-prefix", options->prefix, &why) ||
      !set (config, "storage.backend", "memory", &why) ||
      !set (config, "transport.broker", options->broker, &why) ||
      !set (config, "transport.username", options->username, &why) ||
      !set (config, "transport.password-file", options->password_file, &why) ||
      !set (config, "transport.ca-file", options->ca_file, &why) ||
      !set (config, "transport.cert-file", options->cert_file, &why) ||
      !set (config, "transport.key-file", options->key_file, &why) ||
      !set (config, "transport.connect-timeout", seconds, &why) ||
      /* Nobody of this name comes back: the broker has nothing to keep. */
      !set (config, "transport.session-expiry", "0", &why) ||
      !set (config, "replication.enabled", "false", &why) || !set (config, "commands.access", "deny", &why))
    {
      name_options (options, why);
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  return g_steal_pointer (&config);
}

/* The node goes on trying for ever; here, how it went once is enough. */
static gboolean
wait_until_connected (MkvCliClient *self, GError **error)
{
  g_auto (GStrv) conditions = NULL;
  const char *why = NULL;

  while (mkv_node_get_state (self->node) == MKV_NODE_CONNECTING)
    g_main_context_iteration (NULL, TRUE);
  if (mkv_node_get_state (self->node) == MKV_NODE_ONLINE)
    return TRUE;
  conditions = mkv_node_list_conditions (self->node);
  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], "transport: "))
      why = conditions[i] + strlen ("transport: ");
  if (why != NULL)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, why);
  else
    g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, _("There is no connection to %s"), self->options->broker);
  return FALSE;
}

MkvCliClient *
mkv_cli_client_new (const MkvCliOptions *options, MkvConfig *config, GError **error)
{
  g_autoptr (MkvCliClient) self = g_new0 (MkvCliClient, 1);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) why = NULL;

  self->options = options;
  self->node = mkv_node_new (config);
  mkv_node_start_async (self->node, NULL, store_result, &result);
  wait_for_result (&result);
  if (mkv_node_start_finish (self->node, result, &why) && wait_until_connected (self, &why))
    return g_steal_pointer (&self);
  name_options (options, why);
  g_propagate_error (error, g_steal_pointer (&why));
  return NULL;
}

MkvResponse *
mkv_cli_client_call (MkvCliClient *self, MkvCommand *command, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_call_async (self->node, self->options->node, command, self->options->timeout_ms, NULL, store_result,
                       &result);
  wait_for_result (&result);
  return mkv_node_call_finish (self->node, result, error);
}

MkvPluginRegistry *
mkv_cli_client_get_registry (MkvCliClient *self)
{
  return mkv_node_get_registry (self->node);
}

void
mkv_cli_client_free (MkvCliClient *self)
{
  g_autoptr (GAsyncResult) result = NULL;

  mkv_node_stop_async (self->node, NULL, store_result, &result);
  wait_for_result (&result);
  g_object_unref (self->node);
  g_free (self);
}
