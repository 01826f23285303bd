/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-demo-broker.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>

#define START_ATTEMPTS 3
#define START_TIMEOUT (5 * G_USEC_PER_SEC)

struct _MkvDemoBroker
{
  GSubprocess *process;
  char *folder;
  char *config;
  char *log;
  guint16 port;
};

char *
mkv_demo_broker_find (void)
{
  const char *chosen = g_getenv ("MKV_MOSQUITTO");
  char *program = g_find_program_in_path (chosen != NULL ? chosen : "mosquitto");

  /* Debian has it where only root looks. */
  if (program == NULL && chosen == NULL && g_file_test ("/usr/sbin/mosquitto", G_FILE_TEST_IS_EXECUTABLE))
    program = g_strdup ("/usr/sbin/mosquitto");
  return program;
}

static guint16
find_port (GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;

  if (socket == NULL || !g_socket_bind (socket, any, FALSE, error))
    return 0;
  bound = g_socket_get_local_address (socket, error);
  return bound != NULL ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)) : 0;
}

static void
die_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static gboolean
is_listening (MkvDemoBroker *self)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;

  connection = g_socket_client_connect_to_host (client, "127.0.0.1", self->port, NULL, NULL);
  return connection != NULL;
}

static gboolean
start (MkvDemoBroker *self, const char *program, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  gint64 end = g_get_monotonic_time () + START_TIMEOUT;
  g_autofree char *text = NULL;

  self->port = find_port (error);
  if (self->port == 0)
    return FALSE;
  /* Whoever changes the user is no longer told that the parent has died. */
  text = g_strdup_printf ("listener %u 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
                          "user %s\n", self->port, g_get_user_name ());
  if (!g_file_set_contents (self->config, text, -1, error))
    return FALSE;
  g_subprocess_launcher_set_stderr_file_path (launcher, self->log);
  g_subprocess_launcher_set_stdout_file_path (launcher, "/dev/null");
  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  self->process = g_subprocess_launcher_spawn (launcher, error, program, "-c", self->config, NULL);
  if (self->process == NULL)
    return FALSE;
  while (!is_listening (self))
    {
      /* It ended: somebody may have taken the port. */
      if (g_subprocess_get_identifier (self->process) == NULL || g_get_monotonic_time () > end)
        {
          g_autofree char *said = NULL;

          g_file_get_contents (self->log, &said, NULL, NULL);
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("%s does not start: %s"), program,
                       said != NULL ? g_strchomp (said) : "");
          return FALSE;
        }
      g_main_context_iteration (NULL, FALSE);
      g_usleep (10000);
    }
  return TRUE;
}

static void
stop (MkvDemoBroker *self)
{
  if (self->process == NULL)
    return;
  g_subprocess_send_signal (self->process, SIGTERM);
  g_subprocess_wait (self->process, NULL, NULL);
  g_clear_object (&self->process);
}

MkvDemoBroker *
mkv_demo_broker_new (const char *program, GError **error)
{
  g_autoptr (MkvDemoBroker) self = g_new0 (MkvDemoBroker, 1);

  self->folder = g_dir_make_tmp ("merklekv-demo-XXXXXX", error);
  if (self->folder == NULL)
    return NULL;
  self->config = g_build_filename (self->folder, "mosquitto.conf", NULL);
  self->log = g_build_filename (self->folder, "mosquitto.log", NULL);
  for (guint i = 0; i < START_ATTEMPTS; i++)
    {
      g_clear_error (error);
      if (start (self, program, error))
        return g_steal_pointer (&self);
      stop (self);
    }
  return NULL;
}

guint16
mkv_demo_broker_get_port (MkvDemoBroker *self)
{
  return self->port;
}

void
mkv_demo_broker_free (MkvDemoBroker *self)
{
  stop (self);
  if (self->config != NULL)
    g_unlink (self->config);
  if (self->log != NULL)
    g_unlink (self->log);
  if (self->folder != NULL)
    g_rmdir (self->folder);
  g_free (self->config);
  g_free (self->log);
  g_free (self->folder);
  g_free (self);
}
