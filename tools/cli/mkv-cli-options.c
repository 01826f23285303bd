/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-options.h"

#include <glib/gi18n.h>
#include <string.h>

#include "mkv-cli-error.h"

typedef struct
{
  const char *name;
  char **text;      /* where its value goes; NULL if it has none */
  gboolean *flag;   /* what it turns on */
  const char *verbs; /* the only ones that know it, as people list them; NULL for all */
  const char *missing; /* the part that it needs, which this version lacks */
} Option;

static const Option *
find_option (const Option *options, const char *argument, const char **value)
{
  for (; options->name != NULL; options++)
    {
      gsize length = strlen (options->name);

      if (strncmp (argument, options->name, length) != 0)
        continue;
      if (argument[length] == 0 || (argument[length] == '=' && options->flag == NULL))
        {
          *value = argument[length] == '=' ? argument + length + 1 : NULL;
          return options;
        }
    }
  return NULL;
}

static gboolean
is_known_to (const Option *option, const char *verb)
{
  g_auto (GStrv) verbs = option->verbs != NULL ? g_strsplit (option->verbs, ", ", -1) : NULL;

  return verbs == NULL || (verb != NULL && g_strv_contains ((const char *const *) verbs, verb));
}

static int
check_seconds (MkvCliOptions *options)
{
  char *end;
  double seconds;

  if (options->timeout == NULL)
    return MKV_CLI_OK;
  seconds = g_ascii_strtod (options->timeout, &end);
  if (end == options->timeout || *end != 0 || !(seconds >= 0.001 && seconds <= 86400))
    return mkv_cli_fail (MKV_CLI_USAGE, _("--timeout %s: not a number of seconds from 0.001 to 86400"),
                         options->timeout);
  options->timeout_ms = (guint) (seconds * 1000);
  return MKV_CLI_OK;
}

/* What the command line alone says; the environment speaks of nodes only where it
 * says nothing. */
static int
check_target (MkvCliOptions *options)
{
  options->bus = options->bus || options->system;
  if (options->bus + (options->store != NULL) + (options->node != NULL) > 1)
    return mkv_cli_fail (MKV_CLI_USAGE, _("there is one target: --bus or --system, --node ID, or --store PATH"));
  if (options->broker != NULL && options->node == NULL && options->as_node == NULL && g_getenv ("MKV_NODE") == NULL)
    return mkv_cli_fail (MKV_CLI_USAGE, _("--broker goes with --node ID; see merklekv --help"));
  return MKV_CLI_OK;
}

static void
set_from_environment (char **place, const char **from, const char *option, const char *name)
{
  const char *value = g_getenv (name);

  *from = option;
  if (*place == NULL && value != NULL && *value != 0)
    {
      *place = g_strdup (value);
      *from = name;
    }
}

int
mkv_cli_options_parse (MkvCliOptions *self, char **argv)
{
  char *unused = NULL;
  const Option options[] = {
    { "--bus", NULL, &self->bus },
    { "--system", NULL, &self->system },
    { "--node", &self->node },
    { "--broker", &self->broker },
    { "--prefix", &self->prefix },
    { "--username", &self->username },
    { "--password-file", &self->password_file },
    { "--ca-file", &self->ca_file },
    { "--cert-file", &self->cert_file },
    { "--key-file", &self->key_file },
    { "--store", &self->store },
    { "--backend", &self->backend },
    { "--encryption-key-file", &self->encryption_key_file },
    { "--json", NULL, &self->json },
    { "--timeout", &self->timeout },
    { "--base64", NULL, &self->base64, "set, append, prepend, mset" },
    { "--hex", NULL, &self->hex, "set, append, prepend, mset" },
    { "--limit", &self->limit, NULL, "keys" },
    { "--after", &self->after, NULL, "keys" },
    { "--peer", &self->peer, NULL, "sync" },
    { "--format", &self->format, NULL, "dump, load" },
    { "--node-id", &self->restored_node_id, NULL, "restore" },
    { "--force", NULL, &self->force, "restore" },
    { "--to-key-file", &self->to_key_file, NULL, "rekey" },
    { "--to-plain", NULL, &self->to_plain, "rekey" },
    { "--no-initial", NULL, &self->no_initial, "watch" },
    { "--exec", &self->exec, NULL, "watch" },
    { "--as-node", &self->as_node, NULL, "demo" },
    { "--help", NULL, &self->help },
    { "-h", NULL, &self->help },
    { "--version", NULL, &self->version },
    { "--token-file", &unused, NULL, NULL, N_("tokens") },
    { "--network-key-file", &unused, NULL, NULL, N_("network keys") },
    { NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) used = g_ptr_array_new ();
  gboolean options_end = FALSE;

  for (char **argument = argv + 1; *argument != NULL; argument++)
    {
      const Option *option = NULL;
      const char *value;

      /* A lone hyphen is stdin, and what begins with one may be a number. */
      if (!options_end && g_str_equal (*argument, "--"))
        {
          options_end = TRUE;
          continue;
        }
      if (!options_end)
        option = find_option (options, *argument, &value);
      if (option == NULL && !options_end && g_str_has_prefix (*argument, "--"))
        return mkv_cli_fail (MKV_CLI_USAGE, _("unknown option %s; see merklekv --help, and put -- before a value "
                                              "that begins with two hyphens"), *argument);
      if (option == NULL)
        {
          g_ptr_array_add (arguments, g_strdup (*argument));
          continue;
        }
      if (option->missing != NULL)
        return mkv_cli_fail (MKV_CLI_USAGE, _("%s: this version does not have %s yet"), option->name,
                             _(option->missing));
      if (option->flag != NULL)
        *option->flag = TRUE;
      else if (value == NULL && *++argument == NULL)
        return mkv_cli_fail (MKV_CLI_USAGE, _("%s needs a value; see merklekv --help"), option->name);
      else
        {
          g_free (*option->text);
          *option->text = g_strdup (value != NULL ? value : *argument);
        }
      g_ptr_array_add (used, (gpointer) option);
    }
  g_ptr_array_add (arguments, NULL);
  self->arguments = (char **) g_ptr_array_free (g_steal_pointer (&arguments), FALSE);

  for (guint i = 0; i < used->len; i++)
    if (!is_known_to (used->pdata[i], self->arguments[0]))
      return mkv_cli_fail (MKV_CLI_USAGE, _("%s goes with %s only; see merklekv --help"),
                           ((const Option *) used->pdata[i])->name, ((const Option *) used->pdata[i])->verbs);
  if (check_target (self) != MKV_CLI_OK)
    return MKV_CLI_USAGE;
  if (!self->bus && self->store == NULL)
    set_from_environment (&self->node, &self->node_from, "--node", "MKV_NODE");
  set_from_environment (&self->broker, &self->broker_from, "--broker", "MKV_BROKER");
  set_from_environment (&self->prefix, &self->prefix_from, "--prefix", "MKV_PREFIX");
  self->bus = self->bus || (self->store == NULL && self->node == NULL);
  return check_seconds (self);
}

void
mkv_cli_options_clear (MkvCliOptions *self)
{
  g_free (self->node);
  g_free (self->broker);
  g_free (self->prefix);
  g_free (self->username);
  g_free (self->password_file);
  g_free (self->ca_file);
  g_free (self->cert_file);
  g_free (self->key_file);
  g_free (self->store);
  g_free (self->backend);
  g_free (self->encryption_key_file);
  g_free (self->timeout);
  g_free (self->limit);
  g_free (self->after);
  g_free (self->peer);
  g_free (self->format);
  g_free (self->restored_node_id);
  g_free (self->to_key_file);
  g_free (self->exec);
  g_free (self->as_node);
  g_strfreev (self->arguments);
}
