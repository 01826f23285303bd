/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <signal.h>
#include <merklekv.h>
#include <stdio.h>
#include <unistd.h>

#include "mkv-cli-bus.h"
#include "mkv-cli-client.h"
#include "mkv-cli-error.h"
#include "mkv-cli-log.h"
#include "mkv-cli-options.h"
#include "mkv-cli-output.h"
#include "mkv-cli-storage.h"
#include "mkv-cli-store.h"
#include "mkv-cli-verbs.h"

/* KEYS answers with so many at a time: the rest, if that is wanted too. */
static void
add_next_page (const MkvCliOptions *options, GPtrArray *commands, MkvCommand *command, MkvResponse *response)
{
  const char *const *keys = mkv_response_get_keys (response);
  guint n_keys = keys != NULL ? g_strv_length ((char **) keys) : 0;
  g_autofree char *id = g_uuid_string_random ();
  MkvCommand *next;
  guint64 left;

  if (!mkv_response_get_more (response) || n_keys == 0)
    return;
  /* What --limit leaves, from page to page; all pages but the last are full. */
  left = options->limit != NULL ? g_ascii_strtoull (options->limit, NULL, 10) : G_MAXUINT64;
  left -= MIN (left, (guint64) (commands->len - 1) * MKV_MAX_LIST_KEYS + n_keys);
  if (left == 0)
    {
      if (isatty (STDERR_FILENO))
        g_printerr (_("There are more keys: go on with --after\n"));
      return;
    }
  next = mkv_command_new (MKV_OPERATION_LIST_KEYS);
  mkv_command_set_id (next, id);
  mkv_command_set_prefix (next, mkv_command_get_prefix (command));
  mkv_command_set_after (next, keys[n_keys - 1]);
  mkv_command_set_limit (next, (guint) MIN (left, MKV_MAX_LIST_KEYS));
  g_ptr_array_add (commands, next);
}

/* Each key of MGET has a status of its own. */
static int
check_results (MkvResponse *response)
{
  GPtrArray *results = mkv_response_get_results (response);
  int status = MKV_CLI_OK;

  for (guint i = 0; results != NULL && i < results->len; i++)
    if (mkv_result_get_status (results->pdata[i]) != MKV_STATUS_OK)
      status = mkv_cli_fail (MKV_CLI_NOT_FOUND, _("mget %s: there is no such key"),
                             mkv_result_get_key (results->pdata[i]));
  return status;
}

static char *
describe (MkvCommand *command, const char *verb)
{
  const char *key = mkv_command_get_key (command);

  return key != NULL ? g_strdup_printf ("%s %s", verb, key) : g_strdup (verb);
}

/* What commands go to. */
typedef struct
{
  /* An error that it answers with is a response, too. */
  MkvResponse *(*call) (gpointer self, MkvCommand *command, GError **error);
  gpointer self;
  MkvPluginRegistry *registry;
} Target;

static int
ask (const MkvCliOptions *options, const MkvCliVerb *verb, const Target *target, GPtrArray *commands, guint i)
{
  MkvCommand *command = commands->pdata[i];
  g_autofree char *what = describe (command, verb->name);
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvResponse) response = target->call (target->self, command, &error);

  if (response == NULL)
    return mkv_cli_fail_with (what, error);
  if (options->json && !mkv_cli_output_print_json (response, target->registry, &error))
    return mkv_cli_fail_with (what, error);
  if (!mkv_response_check (response, &error))
    return mkv_cli_fail_with (what, error);
  if (!options->json)
    mkv_cli_output_print (command, verb->field, response, g_get_monotonic_time () - begin);
  if (mkv_command_get_operation (command) == MKV_OPERATION_LIST_KEYS)
    add_next_page (options, commands, command, response);
  return check_results (response);
}

/* One that fails does not keep the others from being tried, but its status is
 * what counts. */
static int
ask_all (const MkvCliOptions *options, const MkvCliVerb *verb, const Target *target, GPtrArray *commands)
{
  int status = MKV_CLI_OK;

  for (guint i = 0; i < commands->len; i++)
    {
      int one = ask (options, verb, target, commands, i);

      if (status == MKV_CLI_OK)
        status = one;
    }
  return status;
}

static MkvResponse *
call_bus (gpointer self, MkvCommand *command, GError **error)
{
  return mkv_cli_bus_call (self, command, error);
}

static int
run_on_bus (const MkvCliOptions *options, const MkvCliVerb *verb, GPtrArray *commands)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCliBus) bus = mkv_cli_bus_new (options, NULL, &error);
  Target target = { call_bus, bus, NULL };

  if (bus == NULL)
    return mkv_cli_fail_with (verb->name, error);
  target.registry = mkv_cli_bus_get_registry (bus);
  return ask_all (options, verb, &target, commands);
}

static MkvResponse *
call_node (gpointer self, MkvCommand *command, GError **error)
{
  return mkv_cli_client_call (self, command, error);
}

static int
run_on_node (const MkvCliOptions *options, const MkvCliVerb *verb, GPtrArray *commands)
{
  g_autoptr (MkvConfig) config = NULL;
  g_autoptr (MkvCliClient) client = NULL;
  g_autoptr (GError) error = NULL;
  Target target = { call_node, NULL, NULL };

  if (options->broker == NULL || *options->broker == 0)
    return mkv_cli_fail (MKV_CLI_USAGE, _("%s: %s goes with --broker URI"), verb->name, options->node_from);
  if (!mkv_name_check (options->node, &error))
    return mkv_cli_fail (MKV_CLI_USAGE, "%s: %s", options->node_from, error->message);
  config = mkv_cli_client_make_config (options, &error);
  if (config == NULL)
    return mkv_cli_fail (MKV_CLI_USAGE, "%s", error->message);
  client = mkv_cli_client_new (options, config, &error);
  if (client == NULL)
    return mkv_cli_fail_with (verb->name, error);
  target.self = client;
  target.registry = mkv_cli_client_get_registry (client);
  return ask_all (options, verb, &target, commands);
}

static MkvResponse *
call_store (gpointer self, MkvCommand *command, GError **error)
{
  return mkv_cli_store_call (self, command);
}

static int
run_on_store (const MkvCliOptions *options, const MkvCliVerb *verb, GPtrArray *commands)
{
  MkvOperation operation = mkv_command_get_operation (commands->pdata[0]);
  int status = MKV_CLI_OK;
  g_autoptr (MkvCliStore) store = NULL;
  g_autoptr (GError) error = NULL;
  Target target = { call_store, NULL, NULL };

  if (operation == MKV_OPERATION_PING || operation == MKV_OPERATION_SYNC)
    return mkv_cli_fail (MKV_CLI_USAGE, _("%s: that takes a node; --store is a storage without one"), verb->name);
  store = mkv_cli_store_new (options, verb->writes, &status);
  if (store == NULL)
    return status;
  if (!mkv_cli_store_open (store, &error))
    return mkv_cli_storage_fail_with (verb->name, error);
  target.self = store;
  target.registry = mkv_cli_store_get_registry (store);
  status = ask_all (options, verb, &target, commands);
  if (!mkv_cli_store_close (store, &error))
    return mkv_cli_fail_with (verb->name, error);
  return status;
}

static int
run (const MkvCliOptions *options)
{
  const MkvCliVerb *verb = mkv_cli_verbs_find (options);
  g_autoptr (GPtrArray) commands = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_command_unref);
  int status;

  if (verb == NULL)
    return MKV_CLI_USAGE;
  if (verb->run != NULL)
    return verb->run (options);
  status = mkv_cli_verbs_prepare (verb, options, commands);
  if (status != MKV_CLI_OK)
    return status;
  if (options->bus)
    status = run_on_bus (options, verb, commands);
  else
    status = options->store != NULL ? run_on_store (options, verb, commands) : run_on_node (options, verb, commands);
  if (fflush (stdout) != 0)
    return mkv_cli_fail (MKV_CLI_FAILURE, _("the output could not be written"));
  return status;
}

int
main (int argc, char **argv)
{
  MkvCliOptions options = { 0 };
  int status;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  mkv_cli_log_init ();
  /* A limit on the size of files (ulimit -f) is an error of a write, not the end. */
  signal (SIGXFSZ, SIG_IGN);

  status = mkv_cli_options_parse (&options, argv);
  if (status == MKV_CLI_OK && options.help)
    mkv_cli_verbs_print_help ();
  else if (status == MKV_CLI_OK && options.version)
    g_print ("merklekv %s\n", VERSION);
  else if (status == MKV_CLI_OK)
    status = run (&options);
  mkv_cli_options_clear (&options);
  return status;
}
