/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-peer.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

#define PEER_ARGUMENT "--peer"
/* More than the longest pause between two attempts to connect. */
#define MAX_WAIT (45 * G_USEC_PER_SEC)
#define POLL_INTERVAL (20 * 1000)

struct _MkvPeer
{
  GSubprocess *process;
  GOutputStream *requests;
  GDataInputStream *answers;
};

/* What the peer answers to @request, up to the line with nothing but a dot. */
static char *
ask (MkvPeer *self, const char *format, ...)
{
  GString *text = g_string_new (NULL);
  g_autofree char *request = NULL;
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  request = g_strdup_vprintf (format, args);
  va_end (args);
  g_output_stream_write_all (self->requests, request, strlen (request), NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_write_all (self->requests, "\n", 1, NULL, NULL, &error);
  g_assert_no_error (error);
  for (;;)
    {
      g_autofree char *line = g_data_input_stream_read_line (self->answers, NULL, NULL, &error);

      g_assert_no_error (error);
      if (line == NULL)
        g_error ("The peer has died; it was asked: %s", request);
      if (g_str_equal (line, "."))
        return g_string_free (text, FALSE);
      g_string_append (text, line);
      g_string_append_c (text, '\n');
    }
}

static void
tell (MkvPeer *self, const char *request)
{
  g_autofree char *answer = ask (self, "%s", request);

  g_assert_cmpstr (answer, ==, "");
}

MkvPeer *
mkv_peer_new_with_settings (const char *const *settings)
{
  MkvPeer *self = g_new0 (MkvPeer, 1);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *ready = NULL;
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (argv, program);
  g_ptr_array_add (argv, (gpointer) PEER_ARGUMENT);
  for (guint i = 0; settings[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer) settings[i]);
  g_ptr_array_add (argv, NULL);
  self->process = g_subprocess_newv ((const char *const *) argv->pdata,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  g_assert_no_error (error);
  self->requests = g_subprocess_get_stdin_pipe (self->process);
  self->answers = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  ready = ask (self, "wait-started");
  g_assert_cmpstr (ready, ==, "");
  return self;
}

MkvPeer *
mkv_peer_new (const char *client_id, const char *broker, ...)
{
  g_autoptr (GPtrArray) settings = g_ptr_array_new_with_free_func (g_free);
  const char *setting;
  va_list args;

  g_ptr_array_add (settings, g_strdup_printf ("node.client-id=%s", client_id));
  g_ptr_array_add (settings, g_strdup_printf ("transport.broker=%s", broker));
  g_ptr_array_add (settings, g_strdup ("storage.backend=memory"));
  va_start (args, broker);
  while ((setting = va_arg (args, const char *)) != NULL)
    g_ptr_array_add (settings, g_strdup (setting));
  va_end (args);
  g_ptr_array_add (settings, NULL);
  return mkv_peer_new_with_settings ((const char *const *) settings->pdata);
}

void
mkv_peer_free (MkvPeer *self)
{
  g_subprocess_force_exit (self->process);
  g_subprocess_wait (self->process, NULL, NULL);
  g_object_unref (self->answers);
  g_object_unref (self->process);
  g_free (self);
}

void
mkv_peer_stop (MkvPeer *self)
{
  g_subprocess_send_signal (self->process, SIGTERM);
  g_subprocess_wait (self->process, NULL, NULL);
  g_assert_true (g_subprocess_get_if_exited (self->process));
  g_assert_cmpint (g_subprocess_get_exit_status (self->process), ==, 0);
}

void
mkv_peer_set (MkvPeer *self, const char *key, const char *value)
{
  g_autofree char *answer = ask (self, "set %s %s", key, value);

  g_assert_cmpstr (answer, ==, "");
}

void
mkv_peer_delete (MkvPeer *self, const char *key)
{
  g_autofree char *answer = ask (self, "delete %s", key);

  g_assert_cmpstr (answer, ==, "");
}

void
mkv_peer_write_many (MkvPeer *self, const char *prefix, guint n)
{
  g_autofree char *request = g_strdup_printf ("many %s %u", prefix, n);

  tell (self, request);
}

void
mkv_peer_hold (MkvPeer *self)
{
  tell (self, "hold");
}

char *
mkv_peer_dump (MkvPeer *self)
{
  return ask (self, "dump");
}

char *
mkv_peer_get_state (MkvPeer *self)
{
  return g_strchomp (ask (self, "state"));
}

char *
mkv_peer_get_health (MkvPeer *self)
{
  return ask (self, "health");
}

guint
mkv_peer_get_n_unwritten (MkvPeer *self)
{
  g_autofree char *answer = ask (self, "unwritten");

  return (guint) g_ascii_strtoull (answer, NULL, 10);
}

guint64
mkv_peer_get_counter (MkvPeer *self, const char *name)
{
  g_autofree char *answer = ask (self, "counter %s", name);

  return g_ascii_strtoull (answer, NULL, 10);
}

/* Whether there is still time to wait; what was seen last goes into the error. */
static void
wait_more (gint64 *deadline, const char *what, const char *seen)
{
  gint64 now = g_get_monotonic_time ();

  if (*deadline == 0)
    *deadline = now + MAX_WAIT;
  if (now > *deadline)
    g_error ("Waited in vain for %s; there was: %s", what, seen);
  g_usleep (POLL_INTERVAL);
}

void
mkv_peer_wait_state (MkvPeer *self, const char *state)
{
  for (gint64 deadline = 0;;)
    {
      g_autofree char *seen = mkv_peer_get_state (self);

      if (g_str_equal (seen, state))
        return;
      wait_more (&deadline, state, seen);
    }
}

void
mkv_peer_wait_health (MkvPeer *self, const char *text)
{
  for (gint64 deadline = 0;;)
    {
      g_autofree char *seen = mkv_peer_get_health (self);

      if (strstr (seen, text) != NULL)
        return;
      wait_more (&deadline, text, seen);
    }
}

void
mkv_peer_wait_line (MkvPeer *self, const char *line)
{
  g_autofree char *wanted = g_strdup_printf ("\n%s\n", line);

  for (gint64 deadline = 0;;)
    {
      g_autofree char *dump = mkv_peer_dump (self);
      g_autofree char *seen = g_strconcat ("\n", dump, NULL);

      if (strstr (seen, wanted) != NULL)
        return;
      wait_more (&deadline, line, seen);
    }
}

void
mkv_peer_wait_counter (MkvPeer *self, const char *name, guint64 least)
{
  for (gint64 deadline = 0; mkv_peer_get_counter (self, name) < least;)
    wait_more (&deadline, name, "less");
}

void
mkv_peer_wait_equal (MkvPeer *self, MkvPeer *other)
{
  for (gint64 deadline = 0;;)
    {
      g_autofree char *mine = mkv_peer_dump (self), *theirs = mkv_peer_dump (other), *both = NULL;

      if (g_str_equal (mine, theirs))
        return;
      both = g_strdup_printf ("\n%s-- and --\n%s", mine, theirs);
      wait_more (&deadline, "equal contents", both);
    }
}
