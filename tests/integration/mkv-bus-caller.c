/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-bus-caller.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <gio/gunixinputstream.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bus/mkv-bus-names-private.h"

/* Whoever starts this has a watchdog. */
#define NO_TIME_LIMIT (G_MAXINT)

typedef struct
{
  GDBusConnection *connection;
  GMainLoop *loop;
  guint n_calls;
  guint n_open;
  gboolean ended; /* there are no more calls */
} Caller;

typedef struct
{
  Caller *caller;
  guint number;
} Call;

G_NORETURN static void
fail (const char *what)
{
  perror (what);
  exit (EXIT_FAILURE);
}

static void
write_text (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) != (gssize) strlen (text))
    fail (path);
  close (fd);
}

/* Only with one thread: so before there is a GDBusConnection. Whoever is not
 * root becomes it in a namespace of their own, as the same user. */
static void
go_into (const char *folder)
{
  guint uid = geteuid (), gid = getegid ();
  g_autofree char *uid_map = g_strdup_printf ("%u %u 1", uid, uid);
  g_autofree char *gid_map = g_strdup_printf ("%u %u 1", gid, gid);

  if (uid != 0)
    {
      if (unshare (CLONE_NEWUSER) != 0)
        fail ("unshare");
      write_text ("/proc/self/uid_map", uid_map);
      /* A group can be given to oneself only without the right to more. */
      write_text ("/proc/self/setgroups", "deny");
      write_text ("/proc/self/gid_map", gid_map);
    }
  if (chroot (folder) != 0 || chdir ("/") != 0)
    fail (folder);
}

/* A file system that nobody serves: whoever looks at .flatpak-info waits. Other
 * processes don't see it, and it ends with this one. */
static void
make_stuck (const char *folder)
{
  g_autofree char *file = g_build_filename (folder, ".flatpak-info", NULL);
  g_autofree char *options = NULL;
  int fuse = open ("/dev/fuse", O_RDWR | O_CLOEXEC);

  options = g_strdup_printf ("fd=%d,rootmode=100644,user_id=0,group_id=0", fuse);
  if (fuse < 0 || unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount ("stuck", file, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
    fail ("fuse");
}

/* The process that has connected goes, and this one stays. */
static void
become_orphan (void)
{
  int ends[2];
  char octet;
  pid_t pid;

  if (pipe (ends) != 0 || (pid = fork ()) < 0)
    fail ("fork");
  if (pid != 0)
    _exit (EXIT_SUCCESS);
  close (ends[1]);
  /* Until the other's end is closed, which is when it has gone. */
  if (read (ends[0], &octet, 1) != 0)
    fail ("read");
}

static void
become_user (const char *text)
{
  guint uid = (guint) g_ascii_strtoull (text, NULL, 10);

  if (setgroups (0, NULL) != 0 || setresgid (uid, uid, uid) != 0 || setresuid (uid, uid, uid) != 0)
    fail ("setresuid");
}

static void
on_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr (GDBusMessage) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = g_dbus_connection_send_message_with_reply_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply != NULL && g_dbus_message_get_message_type (reply) == G_DBUS_MESSAGE_TYPE_ERROR)
    {
      const char *name = g_dbus_message_get_error_name (reply);
      GVariant *body = g_dbus_message_get_body (reply);
      const char *text = "";

      if (body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE ("(s)")))
        g_variant_get (body, "(&s)", &text);
      printf ("%u %s: %s\n", self->number, strrchr (name, '.') + 1, text);
    }
  else
    printf ("%u %s\n", self->number, reply != NULL ? "ok" : error->message);
  fflush (stdout);
  if (--self->caller->n_open == 0 && self->caller->ended)
    g_main_loop_quit (self->caller->loop);
  g_free (self);
}

static GVariant *
make_arguments (const char *method, char **names)
{
  const char *name = names[0] != NULL ? names[0] : "";

  if (g_str_equal (method, "GetMany"))
    return g_variant_new ("(@asa{sv})", g_variant_new_strv ((const char *const *) names, -1), NULL);
  if (g_str_equal (method, "Set"))
    return g_variant_new ("(s@aya{sv})", name, g_variant_new_bytestring ("v"), NULL);
  if (g_str_equal (method, "Keys"))
    return g_variant_new ("(ssua{sv})", name, "", 10, NULL);
  if (g_str_equal (method, "Dump"))
    return g_variant_new ("(hssa{sv})", 0, "jsonl", name, NULL);
  if (g_str_equal (method, "Load"))
    return g_variant_new ("(hsa{sv})", 0, "jsonl", NULL);
  if (g_str_equal (method, "GetCounters"))
    return g_variant_new ("(a{sv})", NULL);
  return g_variant_new ("(sa{sv})", name, NULL);
}

static void
make_call (Caller *self, const char *text)
{
  gboolean interactive = *text == '!';
  g_auto (GStrv) words = g_strsplit (text + interactive, " ", -1);
  gboolean manages = g_str_equal (words[0], "GetCounters") || g_str_equal (words[0], "Reload");
  g_autoptr (GDBusMessage) message = NULL;
  GVariant *arguments = make_arguments (words[0], words + 1);
  Call *call = g_new (Call, 1);

  call->caller = self;
  call->number = ++self->n_calls;
  message = g_dbus_message_new_method_call (DBUS_NAME, manages ? MKV_BUS_MANAGER_PATH : MKV_BUS_STORE_PATH,
                                            manages ? DBUS_NAME ".Manager" : DBUS_NAME ".Store", words[0]);
  if (interactive)
    g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION);
  if (strchr (g_variant_get_type_string (arguments), 'h') != NULL)
    {
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();

      g_unix_fd_list_append (fds, STDERR_FILENO, NULL);
      g_dbus_message_set_unix_fd_list (message, fds);
    }
  g_dbus_message_set_body (message, arguments);
  self->n_open++;
  g_dbus_connection_send_message_with_reply (self->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                             NO_TIME_LIMIT, NULL, NULL, on_reply, call);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDataInputStream *lines = G_DATA_INPUT_STREAM (source);
  Caller *self = user_data;
  g_autofree char *line = g_data_input_stream_read_line_finish (lines, result, NULL, NULL);

  self->ended = line == NULL;
  if (g_strcmp0 (line, "leave") == 0)
    {
      g_dbus_connection_flush_sync (self->connection, NULL, NULL);
      g_main_loop_quit (self->loop);
    }
  else if (line != NULL)
    {
      make_call (self, line);
      g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, self);
    }
  else if (self->n_open == 0)
    g_main_loop_quit (self->loop);
}

int
mkv_bus_caller_main (int argc, char **argv)
{
  Caller self = { 0 };
  g_autoptr (GInputStream) input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) lines = g_data_input_stream_new (input);
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;

  if (argc != 3)
    return EXIT_FAILURE;
  if (strcmp (argv[1], "-") != 0)
    become_user (argv[1]);
  stream = g_dbus_address_get_stream_sync (argv[0], NULL, NULL, &error);
  if (stream != NULL && strcmp (argv[2], "orphan") == 0)
    become_orphan ();
  else if (stream != NULL && g_str_has_prefix (argv[2], "stuck:"))
    {
      make_stuck (argv[2] + strlen ("stuck:"));
      go_into (argv[2] + strlen ("stuck:"));
    }
  else if (stream != NULL && strcmp (argv[2], "-") != 0)
    go_into (argv[2]);
  if (stream != NULL)
    self.connection = g_dbus_connection_new_sync (stream, NULL,
                                                  G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                  NULL, NULL, &error);
  if (self.connection == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return EXIT_FAILURE;
    }
  self.loop = g_main_loop_new (NULL, FALSE);
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, &self);
  g_main_loop_run (self.loop);
  fflush (stdout);
  /* Looking for leaks needs /proc, which may be out of reach now. */
  _exit (EXIT_SUCCESS);
}
