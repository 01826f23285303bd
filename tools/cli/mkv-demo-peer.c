/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-demo-peer.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "mkv-demo-node.h"

#define WAIT_MS 15000

static gboolean interrupted;

void
mkv_demo_interrupt (void)
{
  interrupted = TRUE;
  g_main_context_wakeup (NULL);
}

gboolean
mkv_demo_is_interrupted (void)
{
  return interrupted;
}

static gboolean
set_flag (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
iterate_until (MkvDemoCondition condition, gpointer user_data, guint ms)
{
  gboolean late = FALSE;
  guint timeout = g_timeout_add (ms, set_flag, &late);
  gboolean done;

  while (!(done = condition != NULL && condition (user_data)) && !late && !interrupted)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);
  return done;
}

gboolean
mkv_demo_wait (MkvDemoCondition condition, gpointer user_data)
{
  return iterate_until (condition, user_data, WAIT_MS);
}

void
mkv_demo_pause (guint ms)
{
  iterate_until (NULL, NULL, ms);
}

static void
fail (MkvDemoPeer *self, const char *text)
{
  if (self->failure == NULL)
    self->failure = g_strdup (text);
}

static void
hear (const char *line, gpointer user_data)
{
  MkvDemoPeer *self = user_data;
  g_auto (GStrv) words = g_strsplit (line, "\t", 4);
  guint n_words = g_strv_length (words);

  if (n_words == 1 && g_str_equal (words[0], "ready"))
    self->ready = TRUE;
  else if (n_words == 1 && g_str_equal (words[0], "done"))
    self->n_done++;
  else if (n_words == 2 && g_str_equal (words[0], "state"))
    self->online = g_str_equal (words[1], "online");
  else if (n_words == 2 && g_str_equal (words[0], "deleted"))
    g_hash_table_replace (self->seen, g_strdup (words[1]), g_strdup (""));
  else if (n_words == 3 && g_str_equal (words[0], "changed"))
    g_hash_table_replace (self->seen, g_strdup (words[1]), g_strdup (words[2]));
  else if (n_words == 4 && g_str_equal (words[0], "entry"))
    g_hash_table_replace (self->entries, g_strdup (words[1]), g_strdup (words[2]));
  else if (n_words > 1 && g_str_equal (words[0], "failed"))
    fail (self, line + strlen ("failed\t"));
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvDemoPeer *self;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, NULL, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  self = user_data;
  if (line == NULL)
    {
      fail (self, error != NULL ? error->message : _("its process has ended"));
      return;
    }
  hear (line, self);
  g_data_input_stream_read_line_async (self->lines, G_PRIORITY_DEFAULT, self->cancellable, on_line, self);
}

static MkvDemoPeer *
peer_new (const char *name)
{
  MkvDemoPeer *self = g_new0 (MkvDemoPeer, 1);

  self->name = g_strdup (name);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->cancellable = g_cancellable_new ();
  return self;
}

MkvDemoPeer *
mkv_demo_peer_new_here (const char *name)
{
  MkvDemoPeer *self = peer_new (name);

  self->node = mkv_demo_node_new (name, "loopback", "loopback://demo", hear, self);
  return self;
}

static void
die_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

MkvDemoPeer *
mkv_demo_peer_new_process (const char *name, const char *broker, GError **error)
{
  g_autoptr (MkvDemoPeer) self = peer_new (name);
  g_autoptr (GSubprocessLauncher) launcher = NULL;

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  self->process = g_subprocess_launcher_spawn (launcher, error, "/proc/self/exe", "demo", "--as-node", name,
                                               "--broker", broker, NULL);
  if (self->process == NULL)
    return NULL;
  self->lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  g_data_input_stream_read_line_async (self->lines, G_PRIORITY_DEFAULT, self->cancellable, on_line, self);
  return g_steal_pointer (&self);
}

static gboolean
is_answered (gpointer user_data)
{
  MkvDemoPeer *self = user_data;

  return self->n_done == self->n_sent || self->failure != NULL;
}

static gboolean
send_line (MkvDemoPeer *self, const char *line)
{
  g_autofree char *text = g_strconcat (line, "\n", NULL);
  g_autoptr (GError) error = NULL;

  self->n_sent++;
  if (self->node != NULL)
    mkv_demo_node_command (self->node, line);
  else if (!g_output_stream_write_all (g_subprocess_get_stdin_pipe (self->process), text, strlen (text), NULL, NULL,
                                       &error))
    fail (self, error->message);
  return mkv_demo_wait (is_answered, self) && self->failure == NULL;
}

gboolean
mkv_demo_peer_command (MkvDemoPeer *self, const char *word, ...)
{
  g_autoptr (GString) line = g_string_new (word);
  const char *next;
  va_list args;

  if (g_str_equal (word, "list"))
    g_hash_table_remove_all (self->entries);
  va_start (args, word);
  while ((next = va_arg (args, const char *)) != NULL)
    g_string_append_printf (line, "\t%s", next);
  va_end (args);
  return send_line (self, line->str);
}

void
mkv_demo_peer_free (MkvDemoPeer *self)
{
  if (self->ready && self->failure == NULL && !interrupted)
    send_line (self, "quit");
  g_cancellable_cancel (self->cancellable);
  if (self->process != NULL)
    {
      g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
      g_subprocess_send_signal (self->process, SIGTERM);
      g_subprocess_wait (self->process, NULL, NULL);
    }
  g_clear_pointer (&self->node, mkv_demo_node_free);
  g_clear_object (&self->lines);
  g_clear_object (&self->process);
  g_clear_object (&self->cancellable);
  g_hash_table_unref (self->seen);
  g_hash_table_unref (self->entries);
  g_free (self->failure);
  g_free (self->name);
  g_free (self);
}
