/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <gio/gunixfdlist.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "bus/mkv-caller-private.h"
#include "mkv-test.h"

#define NAME ":1.42"

/* A connection to what says that it is a bus, and answers what it is told to. */
typedef struct
{
  GDBusConnection *connection; /* of who asks */
  GDBusConnection *bus;
  MkvManualClock *clock;
  GVariant *credentials; /* a{sv}; NULL: there is no such name */
  int fd;                /* in the message with them; -1 for none */
  guint own_number;      /* what the asking process's is said to be */
  char *asked;           /* the methods, a blank before each */
} World;

static const char bus_xml[] =
    "<node><interface name='org.freedesktop.DBus'>"
    "<method name='GetConnectionCredentials'><arg type='s' direction='in'/><arg type='a{sv}' direction='out'/></method>"
    "<method name='GetConnectionUnixProcessID'><arg type='s' direction='in'/><arg type='u' direction='out'/></method>"
    "<method name='Hello'><arg type='s' direction='out'/></method>"
    "</interface></node>";

static void
on_bus_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
             const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  World *w = user_data;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  char *asked;

  if (g_str_equal (method, "Hello"))
    {
      g_dbus_method_invocation_return_value (invocation, g_variant_new ("(s)", ":1.1"));
      return;
    }
  asked = g_strconcat (w->asked, " ", method, NULL);
  g_free (w->asked);
  w->asked = asked;
  if (g_str_equal (method, "GetConnectionUnixProcessID"))
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", w->own_number));
  else if (w->credentials == NULL)
    g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.DBus.Error.NameHasNoOwner", "no such");
  else
    {
      if (w->fd >= 0)
        g_unix_fd_list_append (fds, w->fd, NULL);
      g_dbus_method_invocation_return_value_with_unix_fd_list (invocation,
                                                               g_variant_new ("(@a{sv})", w->credentials), fds);
    }
}

static GSocketConnection *
make_stream (int fd)
{
  GError *error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  return g_socket_connection_factory_create_connection (socket);
}

/* Both ends are in this process: the test's iterates the context of the bus's. */
static World *
world_new (void)
{
  static const GDBusInterfaceVTable vtable = { .method_call = on_bus_call };
  World *w = g_new0 (World, 1);
  g_autoptr (GDBusNodeInfo) info = NULL;
  g_autoptr (GSocketConnection) near = NULL, far = NULL;
  g_autoptr (GAsyncResult) near_result = NULL, far_result = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();
  GError *error = NULL;
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  near = make_stream (ends[0]);
  far = make_stream (ends[1]);
  w->clock = MKV_MANUAL_CLOCK (mkv_manual_clock_new (0));
  w->fd = -1;
  w->asked = g_strdup ("");
  g_dbus_connection_new (G_IO_STREAM (far), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                             G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         NULL, NULL, mkv_test_store_result, &far_result);
  g_dbus_connection_new (G_IO_STREAM (near), NULL,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                         NULL, NULL, mkv_test_store_result, &near_result);
  mkv_test_wait_result (&far_result);
  w->bus = g_dbus_connection_new_finish (far_result, &error);
  g_assert_no_error (error);
  info = g_dbus_node_info_new_for_xml (bus_xml, &error);
  g_assert_no_error (error);
  g_dbus_connection_register_object (w->bus, "/org/freedesktop/DBus", info->interfaces[0], &vtable, w, NULL, &error);
  g_assert_no_error (error);
  g_dbus_connection_start_message_processing (w->bus);
  mkv_test_wait_result (&near_result);
  w->connection = g_dbus_connection_new_finish (near_result, &error);
  g_assert_no_error (error);
  return w;
}

static void
world_free (World *w)
{
  g_dbus_connection_close_sync (w->connection, NULL, NULL);
  g_dbus_connection_close_sync (w->bus, NULL, NULL);
  mkv_test_iterate ();
  g_object_unref (w->connection);
  g_object_unref (w->bus);
  g_object_unref (w->clock);
  g_clear_pointer (&w->credentials, g_variant_unref);
  g_free (w->asked);
  g_free (w);
}

static void
set_credentials (World *w, const char *text)
{
  g_clear_pointer (&w->credentials, g_variant_unref);
  w->credentials = g_variant_ref_sink (g_variant_new_parsed (text));
}

static MkvCaller *
look_up (World *w, GDBusConnection *connection, const char *name, gboolean look, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_free (w->asked);
  w->asked = g_strdup ("");
  mkv_caller_look_up (connection, name, look, MKV_CLOCK (w->clock), NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  return mkv_caller_look_up_finish (result, error);
}

static void
assert_caller (World *w, guint uid, MkvSandbox sandbox, const char *asked)
{
  GError *error = NULL;
  g_autoptr (MkvCaller) caller = look_up (w, w->connection, NAME, TRUE, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (caller->uid, ==, uid);
  g_assert_cmpint (caller->sandbox, ==, sandbox);
  g_assert_cmpstr (w->asked, ==, asked);
}

static void
test_descriptor (void)
{
  World *w = world_new ();

  g_test_summary ("A descriptor of the process is believed before its number, and no other number is asked for");
  w->fd = (int) syscall (SYS_pidfd_open, getpid (), 0);
  if (w->fd < 0)
    g_test_skip ("no pidfd_open()");
  else
    {
      /* Nobody has that number. */
      set_credentials (w, "{'UnixUserID': <@u 7>, 'ProcessID': <@u 4294967295>, 'ProcessFD': <@h 0>}");
      assert_caller (w, 7, MKV_SANDBOX_NONE, " GetConnectionCredentials");
      close (w->fd);
    }
  world_free (w);
}

static void
test_ended (void)
{
  World *w = world_new ();
  pid_t pid;

  g_test_summary ("A descriptor of a process that has ended says nothing, whoever has its number now");
  pid = fork ();
  if (pid == 0)
    _exit (0);
  w->fd = (int) syscall (SYS_pidfd_open, pid, 0);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  if (w->fd < 0)
    g_test_skip ("no pidfd_open()");
  else
    {
      g_clear_pointer (&w->credentials, g_variant_unref);
      w->credentials = g_variant_ref_sink (g_variant_new_parsed (
          "{'UnixUserID': <@u 7>, 'ProcessID': <%u>, 'ProcessFD': <@h 0>}", (guint) getpid ()));
      assert_caller (w, 7, MKV_SANDBOX_UNKNOWN, " GetConnectionCredentials");
      close (w->fd);
    }
  world_free (w);
}

static void
test_number (void)
{
  World *w = world_new ();

  g_test_summary ("A number is believed only if the bus counts processes as this process does");
  w->credentials = g_variant_ref_sink (g_variant_new_parsed ("{'UnixUserID': <@u 7>, 'ProcessID': <%u>}",
                                                             (guint) getpid ()));
  w->own_number = getpid ();
  assert_caller (w, 7, MKV_SANDBOX_NONE, " GetConnectionCredentials GetConnectionUnixProcessID");
  w->own_number = getpid () + 1;
  assert_caller (w, 7, MKV_SANDBOX_UNKNOWN, " GetConnectionCredentials GetConnectionUnixProcessID");
  /* What it says of descriptors must be so. */
  set_credentials (w, "{'UnixUserID': <@u 7>, 'ProcessFD': <@h 3>}");
  w->own_number = getpid ();
  assert_caller (w, 7, MKV_SANDBOX_UNKNOWN, " GetConnectionCredentials GetConnectionUnixProcessID");
  world_free (w);
}

static void
test_unknown (void)
{
  World *w = world_new ();
  g_autoptr (MkvCaller) caller = NULL;
  GError *error = NULL;

  g_test_summary ("Who has left, or whose user the bus does not say, can't be looked up");
  caller = look_up (w, w->connection, NAME, TRUE, &error);
  g_assert_null (caller);
  g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER);
  g_clear_error (&error);
  set_credentials (w, "{'ProcessID': <@u 1>}");
  caller = look_up (w, w->connection, NAME, TRUE, &error);
  g_assert_null (caller);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_FAILED);
  g_clear_error (&error);
  /* Where nobody asks for the sandbox: */
  set_credentials (w, "{'UnixUserID': <@u 7>}");
  caller = look_up (w, w->connection, NAME, FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpint (caller->sandbox, ==, MKV_SANDBOX_UNKNOWN);
  world_free (w);
}

static void
test_peer (void)
{
  World *w = world_new ();
  g_autoptr (MkvCaller) caller = NULL;
  GError *error = NULL;

  g_test_summary ("Without a bus the kernel tells who is at the other end; who has connected is not told");
  caller = look_up (w, w->bus, NULL, TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (caller->uid, ==, geteuid ());
  g_assert_cmpint (caller->sandbox, ==, MKV_SANDBOX_NONE);
  g_clear_pointer (&caller, mkv_caller_free);
  caller = look_up (w, w->connection, NULL, TRUE, &error);
  g_assert_null (caller);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_FAILED);
  g_clear_error (&error);
  world_free (w);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);
  g_test_add_func ("/caller/descriptor", test_descriptor);
  g_test_add_func ("/caller/ended", test_ended);
  g_test_add_func ("/caller/number", test_number);
  g_test_add_func ("/caller/unknown", test_unknown);
  g_test_add_func ("/caller/peer", test_peer);
  return g_test_run ();
}
