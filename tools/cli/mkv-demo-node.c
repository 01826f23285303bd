/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-demo-node.h"

#include <gio/gunixinputstream.h>
#include <glib/gi18n.h>
#include <merklekv.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mkv-cli-error.h"

struct _MkvDemoNode
{
  char *name;
  char *transport;
  char *broker;
  MkvNode *node;
  gboolean quit;
  MkvDemoLineFunc func;
  gpointer user_data;
};

static void tell (MkvDemoNode *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
tell (MkvDemoNode *self, const char *format, ...)
{
  g_autofree char *line = NULL;
  va_list args;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  self->func (line, self->user_data);
}

static void
answer (MkvDemoNode *self, const GError *error)
{
  if (error != NULL)
    tell (self, "failed\t%s", error->message);
  else
    tell (self, "done");
}

/* Without @broker the node works alone. */
static MkvConfig *
make_config (MkvDemoNode *self, const char *broker, GError **error)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();

  if (mkv_config_set (config, "node.client-id", self->name, error) &&
      mkv_config_set (config, "node.topic-prefix", "demo", error) &&
      mkv_config_set (config, "storage.backend", "memory", error) &&
      mkv_config_set (config, "transport.backend", self->transport, error) &&
      (broker == NULL || mkv_config_set (config, "transport.broker", broker, error)))
    return g_steal_pointer (&config);
  return NULL;
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, MkvDemoNode *self)
{
  g_autofree char *text = mkv_entry_dup_text (entry);

  if (origin == MKV_ORIGIN_LOCAL)
    return;
  if (mkv_entry_is_tombstone (entry))
    tell (self, "deleted\t%s", mkv_entry_get_key (entry));
  else
    tell (self, "changed\t%s\t%s", mkv_entry_get_key (entry), text);
}

static void
on_state (MkvNode *node, GParamSpec *pspec, MkvDemoNode *self)
{
  MkvNodeState state = mkv_node_get_state (node);

  if (state == MKV_NODE_ONLINE || state == MKV_NODE_CONNECTING || state == MKV_NODE_OFFLINE)
    tell (self, "state\t%s", state == MKV_NODE_ONLINE       ? "online"
                             : state == MKV_NODE_CONNECTING ? "connecting"
                                                            : "offline");
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDemoNode *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!mkv_node_start_finish (MKV_NODE (source), result, &error))
    {
      answer (self, error);
      return;
    }
  g_signal_connect (mkv_node_get_store (self->node), "changed", G_CALLBACK (on_changed), self);
  tell (self, "ready");
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDemoNode *self = user_data;

  self->quit = TRUE;
  tell (self, "done");
}

static void
list (MkvDemoNode *self, GError **error)
{
  MkvStore *store = mkv_node_get_store (self->node);
  gboolean more;
  g_auto (GStrv) keys = mkv_store_list_keys (store, NULL, NULL, MKV_MAX_LIST_KEYS, &more, NULL, error);

  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autoptr (MkvEntry) entry = mkv_store_get_entry (store, keys[i], NULL, NULL);
      g_autofree char *text = entry != NULL ? mkv_entry_dup_text (entry) : NULL;

      if (text != NULL)
        tell (self, "entry\t%s\t%s\t%s", keys[i], text, mkv_entry_get_stamp (entry)->node_id);
    }
}

static void
use_broker (MkvDemoNode *self, const char *broker, GError **error)
{
  g_autoptr (MkvConfig) config = make_config (self, broker, error);

  if (config != NULL)
    mkv_node_reload (self->node, config, NULL, error);
}

void
mkv_demo_node_command (MkvDemoNode *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", 3);
  guint n_words = g_strv_length (words);
  MkvStore *store = mkv_node_get_store (self->node);
  g_autoptr (GError) error = NULL;

  if (n_words == 1 && g_str_equal (words[0], "quit"))
    {
      mkv_node_stop_async (self->node, NULL, on_stopped, self);
      return;
    }
  if (n_words == 3 && g_str_equal (words[0], "set"))
    {
      g_autoptr (GBytes) value = g_bytes_new (words[2], strlen (words[2]));

      mkv_store_set (store, words[1], value, NULL, &error);
    }
  else if (n_words == 2 && g_str_equal (words[0], "delete"))
    mkv_store_delete (store, words[1], NULL, &error);
  else if (n_words == 1 && g_str_equal (words[0], "list"))
    list (self, &error);
  else if (n_words == 1 && g_str_equal (words[0], "offline"))
    use_broker (self, NULL, &error);
  else if (n_words == 1 && g_str_equal (words[0], "online"))
    use_broker (self, self->broker, &error);
  else
    g_set_error (&error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("No command: %s"), line);
  answer (self, error);
}

gboolean
mkv_demo_node_has_quit (MkvDemoNode *self)
{
  return self->quit;
}

MkvDemoNode *
mkv_demo_node_new (const char *name, const char *transport, const char *broker, MkvDemoLineFunc func,
                   gpointer user_data)
{
  MkvDemoNode *self = g_new0 (MkvDemoNode, 1);
  g_autoptr (MkvConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  self->name = g_strdup (name);
  self->transport = g_strdup (transport);
  self->broker = g_strdup (broker);
  self->func = func;
  self->user_data = user_data;
  config = make_config (self, broker, &error);
  if (config == NULL)
    {
      answer (self, error);
      return self;
    }
  self->node = mkv_node_new (config);
  g_signal_connect (self->node, "notify::state", G_CALLBACK (on_state), self);
  mkv_node_start_async (self->node, NULL, on_started, self);
  return self;
}

void
mkv_demo_node_free (MkvDemoNode *self)
{
  if (self->node != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->node, self);
      if (mkv_node_get_store (self->node) != NULL)
        g_signal_handlers_disconnect_by_data (mkv_node_get_store (self->node), self);
    }
  g_clear_object (&self->node);
  g_free (self->name);
  g_free (self->transport);
  g_free (self->broker);
  g_free (self);
}

static void
print_line (const char *line, gpointer user_data)
{
  puts (line);
  fflush (stdout);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDemoNode *self = user_data;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, NULL, NULL);

  /* Whoever drives this has gone. */
  if (line == NULL)
    {
      if (!self->quit)
        mkv_demo_node_command (self, "quit");
      return;
    }
  mkv_demo_node_command (self, line);
  g_data_input_stream_read_line_async (G_DATA_INPUT_STREAM (source), G_PRIORITY_DEFAULT, NULL, on_line, self);
}

int
mkv_demo_node_run (const MkvCliOptions *options)
{
  g_autoptr (GInputStream) input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) lines = g_data_input_stream_new (input);
  MkvDemoNode *self = mkv_demo_node_new (options->as_node, "mqtt", options->broker, print_line, NULL);

  if (self->node == NULL)
    {
      mkv_demo_node_free (self);
      return MKV_CLI_USAGE;
    }
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, self);
  while (!self->quit)
    g_main_context_iteration (NULL, TRUE);
  /* Whatever the reading of lines still has to call back, it has no node. */
  _exit (MKV_CLI_OK);
}
