/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "mkv-cli-admin.h"
#include "mkv-cli-doctor.h"
#include "mkv-cli-error.h"
#include "mkv-cli-key.h"
#include "mkv-cli-status.h"
#include "mkv-cli-value.h"
#include "mkv-cli-watch.h"
#include "mkv-demo.h"

/* Those that need a part that does not exist yet. */
static const char later[] = "outbox config top metrics logs broker token bench completion";

static MkvCommand *
add_command (GPtrArray *commands, MkvOperation operation, const char *key)
{
  MkvCommand *command = mkv_command_new (operation);
  g_autofree char *id = g_uuid_string_random ();

  mkv_command_set_id (command, id);
  if (key != NULL)
    mkv_command_set_key (command, key);
  g_ptr_array_add (commands, command);
  return command;
}

static int
prepare_get (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  add_command (commands, MKV_OPERATION_GET, arguments[0]);
  return MKV_CLI_OK;
}

static int
prepare_del (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  for (; *arguments != NULL; arguments++)
    add_command (commands, MKV_OPERATION_DELETE, *arguments);
  return MKV_CLI_OK;
}

static int
prepare_value (MkvOperation operation, const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  int status = MKV_CLI_OK;
  g_autoptr (GBytes) value = mkv_cli_value_read (options, arguments[1], &status);

  if (value != NULL)
    mkv_command_set_value (add_command (commands, operation, arguments[0]), value);
  return status;
}

static int
prepare_set (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  return prepare_value (MKV_OPERATION_SET, options, arguments, commands);
}

static int
prepare_append (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  return prepare_value (MKV_OPERATION_APPEND, options, arguments, commands);
}

static int
prepare_prepend (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  return prepare_value (MKV_OPERATION_PREPEND, options, arguments, commands);
}

static int
prepare_amount (MkvOperation operation, char **arguments, GPtrArray *commands)
{
  MkvCommand *command = add_command (commands, operation, arguments[0]);
  gint64 amount;

  if (arguments[1] == NULL)
    return MKV_CLI_OK;
  if (!mkv_cli_number_read (arguments[1], G_MININT64, G_MAXINT64, "N", &amount))
    return MKV_CLI_USAGE;
  mkv_command_set_amount (command, amount);
  return MKV_CLI_OK;
}

static int
prepare_incr (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  return prepare_amount (MKV_OPERATION_INCREMENT, arguments, commands);
}

static int
prepare_decr (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  return prepare_amount (MKV_OPERATION_DECREMENT, arguments, commands);
}

static int
prepare_mget (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  MkvCommand *command = add_command (commands, MKV_OPERATION_GET_MANY, NULL);

  for (; *arguments != NULL; arguments++)
    mkv_command_add_key (command, *arguments);
  return MKV_CLI_OK;
}

static int
prepare_mset (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  MkvCommand *command = add_command (commands, MKV_OPERATION_SET_MANY, NULL);

  for (; *arguments != NULL; arguments++)
    {
      const char *equals = strchr (*arguments, '=');
      g_autofree char *key = NULL;
      g_autoptr (GBytes) value = NULL;
      int status = MKV_CLI_OK;

      if (equals == NULL)
        return mkv_cli_fail (MKV_CLI_USAGE, _("mset: “%s” is not of the form KEY=VALUE"), *arguments);
      key = g_strndup (*arguments, (gsize) (equals - *arguments));
      value = mkv_cli_value_read (options, equals + 1, &status);
      if (value == NULL)
        return status;
      mkv_command_add_pair (command, key, value);
    }
  return MKV_CLI_OK;
}

static int
prepare_keys (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  MkvCommand *command = add_command (commands, MKV_OPERATION_LIST_KEYS, NULL);
  gint64 limit = G_MAXINT64;

  if ((arguments[0] != NULL && !g_utf8_validate (arguments[0], -1, NULL)) ||
      (options->after != NULL && !g_utf8_validate (options->after, -1, NULL)))
    return mkv_cli_fail (MKV_CLI_USAGE, _("keys: a key is valid UTF-8"));
  if (options->limit != NULL && !mkv_cli_number_read (options->limit, 1, G_MAXINT64, "--limit", &limit))
    return MKV_CLI_USAGE;
  mkv_command_set_prefix (command, arguments[0]);
  mkv_command_set_after (command, options->after);
  mkv_command_set_limit (command, (guint) MIN (limit, MKV_MAX_LIST_KEYS));
  return MKV_CLI_OK;
}

static int
prepare_ping (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  add_command (commands, MKV_OPERATION_PING, NULL);
  return MKV_CLI_OK;
}

static int
prepare_info (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  add_command (commands, MKV_OPERATION_INFO, NULL);
  return MKV_CLI_OK;
}

static int
prepare_sync (const MkvCliOptions *options, char **arguments, GPtrArray *commands)
{
  mkv_command_set_peer (add_command (commands, MKV_OPERATION_SYNC, NULL), options->peer);
  return MKV_CLI_OK;
}

static const MkvCliVerb verbs[] = {
  { "get", "KEY", N_("print a value"), 1, 1, NULL, prepare_get },
  { "set", "KEY VALUE", N_("write a value"), 2, 2, NULL, prepare_set, NULL, TRUE },
  { "del", "KEY...", N_("delete"), 1, G_MAXUINT, NULL, prepare_del },
  { "incr", "KEY [N]", N_("add N, or 1, to a number, and print it"), 1, 2, NULL, prepare_incr, NULL, TRUE },
  { "decr", "KEY [N]", N_("subtract N, or 1, from a number, and print it"), 1, 2, NULL, prepare_decr, NULL, TRUE },
  { "append", "KEY VALUE", N_("put octets behind a value"), 2, 2, NULL, prepare_append, NULL, TRUE },
  { "prepend", "KEY VALUE", N_("put octets before a value"), 2, 2, NULL, prepare_prepend, NULL, TRUE },
  { "mget", "KEY...", N_("print KEY<TAB>VALUE for several keys"), 1, G_MAXUINT, NULL, prepare_mget },
  { "mset", "KEY=VALUE...", N_("write several values, all or none"), 1, G_MAXUINT, NULL, prepare_mset, NULL, TRUE },
  { "keys", "[PREFIX] [--limit N] [--after K]", N_("list keys"), 0, 1, NULL, prepare_keys },
  { "ping", "", N_("see whether a node answers"), 0, 0, NULL, prepare_ping },
  { "info", "", N_("describe a node"), 0, 0, NULL, prepare_info },
  { "root", "", N_("print the digest of all a node holds"), 0, 0, "root", prepare_info },
  { "sync", "[--peer ID]", N_("compare a node with the others now, and print how many entries that changed"), 0, 0, NULL,
    prepare_sync },
  { "watch", "[PREFIX] [--no-initial] [--exec CMD]", N_("print KEY<TAB>VALUE, now and for each change"), 0, 1, NULL,
    NULL, mkv_cli_watch_run },
  { "status", "", N_("describe the daemon, and what is the matter"), 0, 0, NULL, NULL, mkv_cli_status_status },
  { "health", "", N_("print ok, degraded or failed, and why; exit with 1 if it is not ok"), 0, 0, NULL, NULL,
    mkv_cli_status_health },
  { "peers", "", N_("list the nodes that the daemon has heard of"), 0, 0, NULL, NULL, mkv_cli_status_peers },
  { "plugins", "", N_("list the daemon's plugins"), 0, 0, NULL, NULL, mkv_cli_status_plugins },
  { "reload", "", N_("have the daemon read its configuration again"), 0, 0, NULL, NULL, mkv_cli_status_reload },
  { "dump", "[PREFIX] [--format F]", N_("write down what a storage holds, on stdout: jsonl, cbor or dconf"), 0, 1, NULL,
    NULL, mkv_cli_admin_dump },
  { "load", "[FILE] [--format F]", N_("take in what was written down"), 0, 1, NULL, NULL, mkv_cli_admin_load },
  { "backup", "DIR", N_("copy a storage into an empty folder"), 1, 1, NULL, NULL, mkv_cli_admin_backup },
  { "restore", "DIR [--node-id ID] [--force]", N_("put a copy back; --force sets aside what is there"), 1, 1, NULL, NULL,
    mkv_cli_admin_restore },
  { "verify", "", N_("check all that a storage holds, and print what is wrong"), 0, 0, NULL, NULL,
    mkv_cli_admin_verify },
  { "repair", "", N_("set aside what is damaged, and print what was done"), 0, 0, NULL, NULL, mkv_cli_admin_repair },
  { "compact", "", N_("give back the space of what is gone"), 0, 0, NULL, NULL, mkv_cli_admin_compact },
  { "stats", "", N_("count what a storage holds"), 0, 0, NULL, NULL, mkv_cli_admin_stats },
  { "doctor", "", N_("look at a storage and where it lies, and print what is wrong"), 0, 0, NULL, NULL,
    mkv_cli_doctor_run },
  { "rekey", "--to-key-file FILE | --to-plain", N_("change the key that a storage is encrypted with (by --store)"), 0, 0,
    NULL, NULL, mkv_cli_rekey_run },
  { "key", "generate FILE", N_("make a key to encrypt a storage with"), 2, 2, NULL, NULL, mkv_cli_key_run },
  { "demo", "", N_("show two nodes that lose and find each other"), 0, 0, NULL, NULL, mkv_demo_run },
};

void
mkv_cli_verbs_print_help (void)
{
  g_print ("%s\n\n%s\n", _("Usage: merklekv [TARGET] [--json] [--timeout S] VERB [ARGUMENT]..."),
           _("Reads and writes what a MerkleKV node holds."));
  g_print ("\n%s\n", _("Target: the daemon, on the session's bus, which is the default, or on the system's"));
  g_print ("  --bus | --system\n");
  g_print ("\n%s\n", _("or another node, through a broker"));
  g_print ("  --node ID --broker URI [--prefix P] [--username U --password-file F]\n"
           "  [--ca-file F] [--cert-file F --key-file F]\n");
  g_print ("  %s\n", _("$MKV_NODE, $MKV_BROKER and $MKV_PREFIX stand in for the first three"));
  g_print ("\n%s\n", _("or the storage in a folder, while no node has it open"));
  g_print ("  --store PATH [--backend B] [--encryption-key-file F]\n");
  g_print ("\n%s\n", _("Verbs:"));
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      g_autofree char *usage = g_strdup_printf ("%s %s", verbs[i].name, verbs[i].usage);

      g_print ("  %-38s %s\n", usage, _(verbs[i].help));
    }
  g_print ("\n%s\n", _("A VALUE is the argument, - for stdin or @FILE; decoded with --base64 or --hex"));
  g_print ("%s\n", _("Exit: 0 ok, 1 failure, 2 usage, 3 not found, 5 not connected, 6 denied, 7 time-out,\n"
                     "8 too large or full, 78 configuration"));
}

const MkvCliVerb *
mkv_cli_verbs_find (const MkvCliOptions *options)
{
  const char *name = options->arguments[0];
  guint n_arguments = name != NULL ? g_strv_length (options->arguments) - 1 : 0;
  g_auto (GStrv) others = g_strsplit (later, " ", -1);

  if (name == NULL)
    {
      mkv_cli_fail (MKV_CLI_USAGE, _("a verb is missing; see merklekv --help"));
      return NULL;
    }
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      if (!g_str_equal (verbs[i].name, name))
        continue;
      if (n_arguments >= verbs[i].least && n_arguments <= verbs[i].most)
        return &verbs[i];
      mkv_cli_fail (MKV_CLI_USAGE, _("wrong number of arguments; usage: merklekv %s %s"), name, verbs[i].usage);
      return NULL;
    }
  if (g_strv_contains ((const char *const *) others, name))
    mkv_cli_fail (MKV_CLI_USAGE, _("%s is not part of this version yet; what works today: see merklekv --help"), name);
  else
    mkv_cli_fail (MKV_CLI_USAGE, _("unknown verb “%s”; see merklekv --help"), name);
  return NULL;
}

int
mkv_cli_verbs_prepare (const MkvCliVerb *verb, const MkvCliOptions *options, GPtrArray *commands)
{
  int status = verb->prepare (options, options->arguments + 1, commands);

  for (guint i = 0; status == MKV_CLI_OK && i < commands->len; i++)
    {
      g_autoptr (GError) error = NULL;

      if (mkv_command_validate (commands->pdata[i], &error))
        continue;
      status = g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE) ? MKV_CLI_TOO_LARGE : MKV_CLI_USAGE;
      mkv_cli_fail (status, "%s: %s", verb->name, error->message);
    }
  return status;
}
