/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-bus-service.h"
#include "bus/mkv-bus-store.h"
#include "bus/mkv-sandbox-private.h"
#include "mkv-bus-caller.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "node/mkv-node-private.h"

#define APP "org.example.Notes"
#define NOBODY 65534
#define OWN_KEYS "own-keys"
#define SECOND (G_USEC_PER_SEC)

typedef enum
{
  POLKIT_ABSENT,
  POLKIT_YES,
  POLKIT_NO,
  POLKIT_HOLD, /* says nothing yet */
} Polkit;

/* A private bus, a node on it in this process, and maybe a polkit that says what
 * it is told to. */
typedef struct
{
  char *folder;
  char *address;
  GSubprocess *daemon;
  GDBusConnection *connection; /* the service's */
  MkvManualClock *clock;
  MkvNode *node;
  MkvBusService *service;
  guint n_lookups;

  GDBusConnection *polkit;
  Polkit answer;
  GString *asked;             /* PERMISSION or !PERMISSION, each with a blank before it */
  char *subject;              /* whom it was asked about last */
  GDBusMethodInvocation *held; /* the last question without an answer */
  char *held_id;
  char *cancelled_id;
} World;

static char *own_path;

static const char policy[] =
    "<allow send_type='signal'/>"
    "<allow send_requested_reply='true' send_type='method_return'/>"
    "<allow send_requested_reply='true' send_type='error'/>"
    "<allow receive_type='method_call'/><allow receive_type='method_return'/>"
    "<allow receive_type='error'/><allow receive_type='signal'/>"
    "<allow send_destination='org.freedesktop.DBus'/>";

static const char polkit_xml[] =
    "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
    "<method name='CheckAuthorization'><arg type='(sa{sv})' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{ss}' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='(bba{ss})' direction='out'/></method>"
    "<method name='CancelCheckAuthorization'><arg type='s' direction='in'/></method>"
    "<signal name='Changed'/>"
    "</interface></node>";

static GDBusConnection *
connect_to (const char *address)
{
  GError *error = NULL;
  GDBusConnection *connection;

  connection = g_dbus_connection_new_for_address_sync (address,
                                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                       NULL, NULL, &error);
  g_assert_no_error (error);
  return connection;
}

static void
own_name (GDBusConnection *connection, const char *name)
{
  GError *error = NULL;
  g_autoptr (GVariant) reply = NULL;

  reply = g_dbus_connection_call_sync (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", "RequestName", g_variant_new ("(su)", name, 0),
                                       NULL, G_DBUS_CALL_FLAGS_NONE, 10000, NULL, &error);
  g_assert_no_error (error);
}

static void
return_answer (GDBusMethodInvocation *invocation, gboolean answer)
{
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("((bba{ss}))", answer, FALSE, NULL));
}

static void
on_polkit_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  World *w = user_data;
  g_autoptr (GVariant) details = NULL;
  const char *kind, *action, *id;
  guint flags;

  if (g_str_equal (method, "CancelCheckAuthorization"))
    {
      g_variant_get (parameters, "(s)", &w->cancelled_id);
      g_dbus_method_invocation_return_value (invocation, NULL);
      return;
    }
  g_variant_get (parameters, "((&s@a{sv})&sa{ss}u&s)", &kind, &details, &action, NULL, &flags, &id);
  g_assert_cmpstr (kind, ==, "system-bus-name");
  g_clear_pointer (&w->subject, g_free);
  g_assert_true (g_variant_lookup (details, "name", "s", &w->subject));
  g_assert_true (g_str_has_prefix (action, DBUS_NAME "."));
  g_string_append_printf (w->asked, " %s%s", (flags & 1) != 0 ? "!" : "", action + strlen (DBUS_NAME "."));
  if (w->answer != POLKIT_HOLD)
    {
      return_answer (invocation, w->answer == POLKIT_YES);
      return;
    }
  w->held = invocation;
  g_free (w->held_id);
  w->held_id = g_strdup (id);
}

static void
start_polkit (World *w)
{
  static const GDBusInterfaceVTable vtable = { .method_call = on_polkit_call };
  g_autoptr (GDBusNodeInfo) info = NULL;
  GError *error = NULL;

  w->polkit = connect_to (w->address);
  info = g_dbus_node_info_new_for_xml (polkit_xml, &error);
  g_assert_no_error (error);
  g_dbus_connection_register_object (w->polkit, "/org/freedesktop/PolicyKit1/Authority", info->interfaces[0],
                                     &vtable, w, NULL, &error);
  g_assert_no_error (error);
  own_name (w->polkit, "org.freedesktop.PolicyKit1");
}

static char *
start_bus (World *w, gboolean system)
{
  g_autofree char *config_path = g_build_filename (w->folder, "bus.conf", NULL);
  g_autofree char *shipped = g_test_build_filename (G_TEST_BUILT, "..", "data", "dbus", DBUS_NAME ".conf", NULL);
  g_autofree char *config = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  GError *error = NULL;
  char *address;

  /* Everybody may connect, as on the system bus, and who runs this may own all
   * names. Who may send to the daemon is for the file that is installed to say. */
  config = g_strdup_printf ("<busconfig><type>%s</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
                            "<policy context='default'><allow user='*'/><deny own='*'/>"
                            "<deny send_type='method_call'/>%s"
                            "<allow send_destination='org.freedesktop.PolicyKit1'/></policy>"
                            "<policy user='%u'><allow own='*'/></policy>"
                            "<include>%s</include>"
                            "<limit name='max_connections_per_user'>1000</limit></busconfig>",
                            system ? "system" : "session", w->folder, policy, (guint) geteuid (), shipped);
  g_file_set_contents (config_path, config, -1, &error);
  g_assert_no_error (error);
  w->daemon = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error,
                                "dbus-daemon", "--nofork", "--print-address", "--config-file", config_path, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (w->daemon));
  address = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (address);
  return address;
}

static GDBusMessage *
count_lookups (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  World *w = user_data;

  if (!incoming && g_strcmp0 (g_dbus_message_get_member (message), "GetConnectionCredentials") == 0)
    g_atomic_int_inc (&w->n_lookups);
  return message;
}

static void
start_node (World *w)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_STORAGE, "memory", MKV_TYPE_STORAGE_MEMORY, &error);
  g_assert_no_error (error);
  mkv_config_set (config, "node.client-id", "here", &error);
  g_assert_no_error (error);
  mkv_config_set (config, "storage.backend", "memory", &error);
  g_assert_no_error (error);
  w->node = mkv_node_new_full (config, registry, MKV_CLOCK (w->clock));
  mkv_node_start_async (w->node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_start_finish (w->node, result, &error);
  g_assert_no_error (error);
}

static World *
world_new (gboolean system)
{
  World *w = g_new0 (World, 1);
  GError *error = NULL;

  w->folder = g_dir_make_tmp ("mkv-gate-XXXXXX", &error);
  g_assert_no_error (error);
  g_chmod (w->folder, 0755);
  w->address = start_bus (w, system);
  w->clock = MKV_MANUAL_CLOCK (mkv_manual_clock_new (G_GINT64_CONSTANT (1700000000000)));
  w->asked = g_string_new (NULL);
  start_node (w);
  w->connection = connect_to (w->address);
  g_dbus_connection_add_filter (w->connection, count_lookups, w, NULL);
  w->service = mkv_bus_service_new (w->node, w->connection, system, &error);
  g_assert_no_error (error);
  own_name (w->connection, DBUS_NAME);
  return w;
}

static void
close_connection (GDBusConnection **connection)
{
  if (*connection != NULL)
    g_dbus_connection_close_sync (*connection, NULL, NULL);
  g_clear_object (connection);
}

static void
world_free (World *w)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  g_clear_object (&w->service);
  close_connection (&w->polkit);
  close_connection (&w->connection);
  mkv_node_stop_async (w->node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_stop_finish (w->node, result, &error);
  g_assert_no_error (error);
  mkv_test_iterate ();
  g_object_unref (w->node);
  g_object_unref (w->clock);
  g_subprocess_force_exit (w->daemon);
  g_subprocess_wait (w->daemon, NULL, NULL);
  g_object_unref (w->daemon);
  mkv_test_remove_folder (w->folder);
  g_string_free (w->asked, TRUE);
  g_free (w->subject);
  g_free (w->held_id);
  g_free (w->cancelled_id);
  g_free (w->folder);
  g_free (w->address);
  g_free (w);
}

typedef struct
{
  GSubprocess *process;
  GDataInputStream *lines;
} Caller;

/* See mkv-bus-caller.h. */
static Caller *
caller_new (World *w, guint uid, const char *where)
{
  Caller *self = g_new0 (Caller, 1);
  g_autofree char *who = uid != geteuid () ? g_strdup_printf ("%u", uid) : g_strdup ("-");
  GError *error = NULL;

  self->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, own_path,
                                    "--caller", w->address, who, where, NULL);
  g_assert_no_error (error);
  self->lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  return self;
}

/* Makes calls, one a line, and waits for none of them. */
static void
caller_send (Caller *self, const char *calls)
{
  g_autofree char *lines = g_strconcat (calls, "\n", NULL);
  GError *error = NULL;

  g_output_stream_write_all (g_subprocess_get_stdin_pipe (self->process), lines, strlen (lines), NULL, NULL, &error);
  g_assert_no_error (error);
}

/* The next answer, with the call's number; NULL if there will be none. */
static char *
caller_read (Caller *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  char *line;

  g_data_input_stream_read_line_async (self->lines, G_PRIORITY_DEFAULT, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  line = g_data_input_stream_read_line_finish (self->lines, result, NULL, &error);
  g_assert_no_error (error);
  return line;
}

static void
caller_close (Caller *self)
{
  g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
}

static void
caller_free (Caller *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  caller_close (self);
  g_subprocess_wait_check_async (self->process, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  g_subprocess_wait_check_finish (self->process, result, &error);
  g_assert_no_error (error);
  g_object_unref (self->lines);
  g_object_unref (self->process);
  g_free (self);
}

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  return atoi (*(char *const *) a) - atoi (*(char *const *) b);
}

/* What a caller of these calls is told, a line for each in their order. */
static char *
call_for_texts (World *w, guint uid, const char *where, const char *calls)
{
  Caller *caller = caller_new (w, uid, where);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GString *told = g_string_new (NULL);
  char *line;
  guint i;

  caller_send (caller, calls);
  caller_close (caller);
  while ((line = caller_read (caller)) != NULL)
    g_ptr_array_add (lines, line);
  caller_free (caller);
  g_ptr_array_sort (lines, compare_lines);
  for (i = 0; i < lines->len; i++)
    g_string_append_printf (told, "%s%s", i > 0 ? "\n" : "", strchr (lines->pdata[i], ' ') + 1);
  return g_string_free (told, FALSE);
}

/* The same with no more than the names of errors. */
static char *
call (World *w, guint uid, const char *where, const char *calls)
{
  g_autofree char *texts = call_for_texts (w, uid, where, calls);
  g_autoptr (GRegex) regex = g_regex_new (":.*", 0, 0, NULL);

  return g_regex_replace_literal (regex, texts, -1, 0, "", 0, NULL);
}

#define assert_told(w, uid, where, calls, expected) \
  G_STMT_START \
  { \
    g_autofree char *told_ = call (w, uid, where, calls); \
    g_assert_cmpstr (told_, ==, expected); \
  } \
  G_STMT_END

#define assert_next(caller, expected) \
  G_STMT_START \
  { \
    g_autofree char *next_ = caller_read (caller); \
    char *end_ = strchr (next_, ':'); \
\
    if (end_ != NULL) \
      *end_ = '\0'; \
    g_assert_cmpstr (next_, ==, expected); \
  } \
  G_STMT_END

/* Errors that come from behind the gate. */
#define PASSED "NotFound"

static char *
make_root (World *w, const char *name, const char *info)
{
  g_autofree char *file = g_build_filename (w->folder, name, ".flatpak-info", NULL);
  char *root = g_build_filename (w->folder, name, NULL);
  GError *error = NULL;

  g_assert_cmpint (g_mkdir (root, 0755), ==, 0);
  if (info != NULL)
    g_file_set_contents (file, info, -1, &error);
  g_assert_no_error (error);
  return root;
}

static gboolean
can_change_root (void)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    _exit ((geteuid () == 0 || unshare (CLONE_NEWUSER) == 0) && chroot ("/") == 0 ? 0 : 1);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static gboolean
skip_without (gboolean possible, const char *what)
{
  g_autofree char *path = g_find_program_in_path ("dbus-daemon");

  if (path == NULL)
    g_test_skip ("no dbus-daemon");
  else if (!possible)
    g_test_skip (what);
  return path == NULL || !possible;
}

#define SKIP_WITHOUT_DAEMON() \
  if (skip_without (TRUE, NULL)) \
    return
#define SKIP_WITHOUT_SANDBOX() \
  if (skip_without (can_change_root (), "neither root nor user namespaces: no sandbox can be faked")) \
    return
#define SKIP_WITHOUT_SECOND_USER() \
  if (skip_without (geteuid () == 0, "only root can be a second user")) \
    return

static void
test_own (void)
{
  World *w;

  g_test_summary ("On the session bus the user's own processes may do everything");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (FALSE);
  assert_told (w, geteuid (), "-", "Get k\nSet k\nKeys \nWatch \nGetCounters", PASSED "\nok\nok\nok\nok");
  g_assert_cmpuint ((guint) g_atomic_int_get (&w->n_lookups), ==, 1);
  world_free (w);
}

static void
test_flatpak (void)
{
  g_autofree char *root = NULL, *told = NULL;
  World *w;

  g_test_summary ("A Flatpak app may use the keys below its id, and nothing else");
  SKIP_WITHOUT_SANDBOX ();
  w = world_new (FALSE);
  root = make_root (w, "app", "[Application]\nname=" APP "\nruntime=runtime/org.gnome.Platform/x86_64/45\n");
  assert_told (w, geteuid (), root,
               "Get " APP "/k\nSet " APP "/k\nKeys " APP "/\nWatch " APP "/k\nGetMany " APP "/k " APP "/l",
               PASSED "\nok\nok\nok\nok");
  assert_told (w, geteuid (), root,
               "Get k\nSet other\nKeys \nWatch \nKeys " APP "\nWatch " APP "\nGet " APP "\nGet " APP ".k/k\n"
               "GetMany " APP "/k k\nSet org.example.Note/k\nDump \nLoad\nBackup /\nGetCounters\nGet " APP "/k",
               "Forbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\n"
               "Forbidden\nForbidden\nForbidden\nForbidden\nForbidden\nok");
  told = call_for_texts (w, geteuid (), root, "Get k\nGetCounters");
  g_assert_cmpstr (told, ==,
                   "Forbidden: The Flatpak app " APP " may use only keys that begin with “" APP "/”\n"
                   "Forbidden: The Flatpak app " APP " may use only keys that begin with “" APP
                   "/”, and not manage the node");
  g_assert_cmpuint (mkv_observer_get_count (w->node->observer, MKV_COUNTER_BUS_CALLS_REFUSED), ==, 16);
  world_free (w);
}

/* Each is a folder that is no Flatpak's root. */
static void
make_lies (World *w, GPtrArray *roots)
{
  g_autofree char *real = make_root (w, "real", "[Application]\nname=" APP "\n");
  g_autofree char *huge = g_strnfill (100000, '#');
  g_autofree char *huge_info = g_strconcat ("[Application]\nname=" APP "\n", huge, "\n", NULL);
  g_autofree char *target = g_build_filename (real, ".flatpak-info", NULL);
  static const char *const infos[][2] = {
    { "none", NULL },
    { "empty", "" },
    { "no-key-file", "name=" APP "\n" },
    { "no-name", "[Application]\nruntime=x\n" },
    { "runtime", "[Runtime]\nname=" APP "\n" },
    { "empty-name", "[Application]\nname=\n" },
    { "slash", "[Application]\nname=" APP "/k\n" },
    { "root-slash", "[Application]\nname=/\n" },
    { "no-dot", "[Application]\nname=users\n" },
    { "unique", "[Application]\nname=:1.1\n" },
    { "blank", "[Application]\nname=" APP " k\n" },
    { "escape", "[Application]\nname=" APP "\\nk\n" },
    { "not-utf-8", "[Application]\nname=org.example.\xff\n" },
  };
  char *root, *path;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (infos); i++)
    g_ptr_array_add (roots, make_root (w, infos[i][0], infos[i][1]));
  g_ptr_array_add (roots, make_root (w, "huge", huge_info));

  root = make_root (w, "link", NULL);
  path = g_build_filename (root, ".flatpak-info", NULL);
  g_assert_cmpint (symlink (target, path), ==, 0);
  g_free (path);
  g_ptr_array_add (roots, root);

  root = make_root (w, "pipe", NULL);
  path = g_build_filename (root, ".flatpak-info", NULL);
  g_assert_cmpint (mkfifo (path, 0666), ==, 0);
  g_free (path);
  g_ptr_array_add (roots, root);

  root = make_root (w, "folder", NULL);
  path = g_build_filename (root, ".flatpak-info", NULL);
  g_assert_cmpint (g_mkdir (path, 0755), ==, 0);
  g_free (path);
  g_ptr_array_add (roots, root);
}

static void
test_lies (void)
{
  g_autoptr (GPtrArray) roots = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *told = NULL;
  World *w;
  guint i;

  g_test_summary ("A process with another root that does not say which Flatpak app it is may do nothing");
  SKIP_WITHOUT_SANDBOX ();
  w = world_new (FALSE);
  make_lies (w, roots);
  for (i = 0; i < roots->len; i++)
    {
      g_test_message ("%s", (char *) roots->pdata[i]);
      assert_told (w, geteuid (), roots->pdata[i],
                   "Get " APP "/k\nGet /k\nGet k\nSet " APP "/k\nKeys \nWatch \nGetMany\nGetCounters",
                   "Forbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden");
    }
  told = call_for_texts (w, geteuid (), roots->pdata[0], "Get k");
  g_assert_cmpstr (told, ==,
                   "Forbidden: The caller is in a sandbox that is not Flatpak's, or does not let itself be looked at, "
                   "so that it may not use the store");
  world_free (w);
}

static gboolean
can_be_stuck (void)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    _exit (geteuid () == 0 && access ("/dev/fuse", R_OK | W_OK) == 0 && unshare (CLONE_NEWNS) == 0 &&
                   mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
               ? 0
               : 1);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static void
test_stuck (void)
{
  g_autofree char *root = NULL, *where = NULL;
  Caller *callers[5];
  World *w;
  guint i;

  g_test_summary ("A caller whose files nobody can read holds up no other, and counts as unknown after 3 s");
  if (skip_without (can_be_stuck (), "only root can have a file system of its own making"))
    return;
  w = world_new (FALSE);
  root = make_root (w, "app", "[Application]\nname=" APP "\n");
  where = g_strconcat ("stuck:", root, NULL);
  for (i = 0; i < G_N_ELEMENTS (callers); i++)
    {
      callers[i] = caller_new (w, geteuid (), where);
      caller_send (callers[i], "Get " APP "/k");
    }
  while ((guint) g_atomic_int_get (&w->n_lookups) < G_N_ELEMENTS (callers))
    g_main_context_iteration (NULL, TRUE);
  mkv_test_run_for (50);
  assert_told (w, geteuid (), "-", "Get k", PASSED);
  assert_told (w, geteuid (), root, "Get " APP "/k", PASSED);
  g_assert_cmpuint (mkv_observer_get_count (w->node->observer, MKV_COUNTER_BUS_CALLS_REFUSED), ==, 0);
  mkv_test_advance (w->clock, 3 * SECOND);
  for (i = 0; i < G_N_ELEMENTS (callers); i++)
    {
      assert_next (callers[i], "1 Forbidden");
      caller_free (callers[i]);
    }
  world_free (w);
}

static void
test_orphan (void)
{
  World *w;

  g_test_summary ("A connection whose process has gone may do nothing");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (FALSE);
  assert_told (w, geteuid (), "orphan", "Get k", "Forbidden");
  world_free (w);
}

static void
test_other_user (void)
{
  g_autofree char *told = NULL, *expected = NULL;
  World *w;

  g_test_summary ("On the session bus nobody but its user may do anything");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (FALSE);
  told = call_for_texts (w, NOBODY, "-", "Get users/65534/k\nGetCounters");
  g_assert_cmpstr (told, ==,
                   "Forbidden: This store is for user 0 alone, and the caller is user 65534\n"
                   "Forbidden: This store is for user 0 alone, and the caller is user 65534");
  world_free (w);
}

/* Calls of this process; NotFound is what all are to be told. */
typedef struct
{
  guint n_sent;
  guint n_replies;
  guint last;
  gboolean in_order;
} Replies;

typedef struct
{
  Replies *replies;
  guint number;
} Reply;

static void
on_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Reply *self = user_data;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  self->replies->in_order = self->replies->in_order && self->number == self->replies->last + 1;
  self->replies->last = self->number;
  self->replies->n_replies++;
}

static void
get_async (GDBusConnection *connection, Replies *replies)
{
  Reply *reply = g_new (Reply, 1);

  reply->replies = replies;
  reply->number = ++replies->n_sent;
  g_dbus_connection_call (connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Get",
                          g_variant_new ("(sa{sv})", "k", NULL), NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL,
                          on_reply, reply);
}

static gboolean
has_all (gpointer user_data)
{
  Replies *replies = user_data;

  return replies->n_replies == replies->n_sent;
}

static void
test_order (void)
{
  Replies replies = { .in_order = TRUE };
  GDBusConnection *client;
  World *w;
  guint i;

  g_test_summary ("What waits for one lookup goes on in the order in which it came");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (FALSE);
  client = connect_to (w->address);
  for (i = 0; i < 50; i++)
    get_async (client, &replies);
  mkv_test_run_until (has_all, &replies);
  g_assert_true (replies.in_order);
  g_assert_cmpuint ((guint) g_atomic_int_get (&w->n_lookups), ==, 1);
  close_connection (&client);
  world_free (w);
}

static void
test_many_senders (void)
{
  GDBusConnection *clients[300];
  Replies replies = { 0 };
  World *w;
  guint i;

  g_test_summary ("More callers than are remembered get their answers, first together, then again");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (FALSE);
  for (i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_to (w->address);
  for (i = 0; i < 200; i++)
    get_async (clients[i], &replies);
  mkv_test_run_until (has_all, &replies);
  g_assert_cmpuint ((guint) g_atomic_int_get (&w->n_lookups), ==, 200);
  for (i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      get_async (clients[i], &replies);
      mkv_test_run_until (has_all, &replies);
    }
  g_assert_cmpuint ((guint) g_atomic_int_get (&w->n_lookups), ==, 300);
  /* The first was forgotten for a later one, and that one was not. */
  get_async (clients[0], &replies);
  get_async (clients[299], &replies);
  mkv_test_run_until (has_all, &replies);
  g_assert_cmpuint ((guint) g_atomic_int_get (&w->n_lookups), ==, 301);
  for (i = 0; i < G_N_ELEMENTS (clients); i++)
    close_connection (&clients[i]);
  world_free (w);
}

static void
test_detect (void)
{
  g_autofree char *app_id = NULL;
  GError *error = NULL;
  GPid pid;
  int pidfd;
  char *words[] = { (char *) "sleep", (char *) "100", NULL };

  g_test_summary ("A process is looked at by number or by descriptor; one that has gone is taken for the worst");
  g_assert_cmpint (mkv_sandbox_detect (-1, getpid (), &app_id), ==, MKV_SANDBOX_NONE);
  g_assert_cmpint (mkv_sandbox_detect (-1, 0, &app_id), ==, MKV_SANDBOX_UNKNOWN);
  g_spawn_async (NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  if (pidfd >= 0)
    g_assert_cmpint (mkv_sandbox_detect (pidfd, 0, &app_id), ==, MKV_SANDBOX_NONE);
  kill (pid, SIGKILL);
  waitid (P_PID, pid, NULL, WEXITED | WNOWAIT);
  /* Gone, and not yet buried: */
  g_assert_cmpint (mkv_sandbox_detect (-1, pid, &app_id), ==, MKV_SANDBOX_UNKNOWN);
  if (pidfd >= 0)
    g_assert_cmpint (mkv_sandbox_detect (pidfd, 0, &app_id), ==, MKV_SANDBOX_UNKNOWN);
  waitpid (pid, NULL, 0);
  g_assert_cmpint (mkv_sandbox_detect (-1, pid, &app_id), ==, MKV_SANDBOX_UNKNOWN);
  /* The descriptor tells, whatever the number says. */
  if (pidfd >= 0)
    {
      g_assert_cmpint (mkv_sandbox_detect (pidfd, getpid (), &app_id), ==, MKV_SANDBOX_UNKNOWN);
      close (pidfd);
    }
  g_assert_null (app_id);
}

static void
assert_asked (World *w, const char *expected)
{
  g_assert_cmpstr (w->asked->str, ==, expected);
  g_string_truncate (w->asked, 0);
}

static void
test_permissions (void)
{
  World *w;

  g_test_summary ("On the system bus polkit is asked, and for what fits what was called for");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_YES;
  assert_told (w, NOBODY, "-", "Get users/65534/k\nSet users/65534/k", PASSED "\nok");
  assert_asked (w, " " OWN_KEYS);
  assert_told (w, NOBODY, "-", "Get users/6553/k", PASSED);
  assert_asked (w, " read-all-keys");
  assert_told (w, NOBODY, "-", "GetMany users/65534/k users/0/k", "ok");
  assert_asked (w, " read-all-keys");
  assert_told (w, NOBODY, "-", "Keys ", "ok");
  assert_asked (w, " read-all-keys");
  assert_told (w, NOBODY, "-", "Watch users/65534", "ok");
  assert_asked (w, " read-all-keys");
  assert_told (w, NOBODY, "-", "Watch users/65534/", "ok");
  assert_asked (w, " " OWN_KEYS);
  assert_told (w, NOBODY, "-", "Set users/655345/k", "ok");
  assert_asked (w, " write-all-keys");
  assert_told (w, NOBODY, "-", "GetCounters", "ok");
  assert_asked (w, " manage");
  assert_told (w, NOBODY, "-", "!GetCounters", "ok");
  assert_asked (w, " !manage");

  w->answer = POLKIT_NO;
  assert_told (w, NOBODY, "-", "Get users/65534/k\nSet users/65534/k\nGet k\nSet k\nDump \nLoad\nBackup /\nGetCounters",
               "Forbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden\nForbidden");
  world_free (w);
}

static void
test_denial (void)
{
  g_autofree char *told = NULL;
  World *w;

  g_test_summary ("Who is refused is told which permission is missing");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  told = call_for_texts (w, NOBODY, "-", "Get users/65534/k\nGetCounters");
  g_assert_true (g_str_has_prefix (told, "Forbidden: polkit can't be asked whether user 65534 may do that "
                                         "(" DBUS_NAME ".own-keys: "));
  g_assert_nonnull (strstr (told, "so only root and the user of the daemon may\nForbidden: polkit can't be asked"));
  g_clear_pointer (&told, g_free);

  start_polkit (w);
  w->answer = POLKIT_NO;
  told = call_for_texts (w, NOBODY, "-", "Get users/65534/k\nGet k\nSet k\nGetCounters");
  g_assert_cmpstr (told, ==,
                   "Forbidden: polkit does not let user 65534 use keys that begin with “users/65534/” "
                   "(" DBUS_NAME ".own-keys)\n"
                   "Forbidden: polkit lets user 65534 use only keys that begin with “users/65534/”; all others need "
                   DBUS_NAME ".read-all-keys\n"
                   "Forbidden: polkit lets user 65534 use only keys that begin with “users/65534/”; all others need "
                   DBUS_NAME ".write-all-keys\n"
                   "Forbidden: polkit does not let user 65534 manage the node (" DBUS_NAME ".manage)");
  world_free (w);
}

static void
test_root (void)
{
  World *w;

  g_test_summary ("root and the daemon's own user may do everything without polkit");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (TRUE);
  assert_told (w, geteuid (), "-", "Get k\nSet k\nKeys \nGetCounters", PASSED "\nok\nok\nok");
  world_free (w);
}

static gboolean
is_held (gpointer user_data)
{
  return ((World *) user_data)->held != NULL;
}

static gboolean
is_cancelled (gpointer user_data)
{
  return ((World *) user_data)->cancelled_id != NULL;
}

static void
test_leave (void)
{
  Caller *caller;
  World *w;

  g_test_summary ("Where a caller leaves, polkit's question is taken back, and nothing is done");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_HOLD;
  caller = caller_new (w, NOBODY, "-");
  caller_send (caller, "!Set users/65534/k");
  mkv_test_run_until (is_held, w);
  caller_send (caller, "leave");
  caller_free (caller);
  mkv_test_run_until (is_cancelled, w);
  g_assert_cmpstr (w->cancelled_id, ==, w->held_id);
  return_answer (w->held, TRUE);
  w->answer = POLKIT_YES;
  assert_told (w, NOBODY, "-", "Get users/65534/k", PASSED);
  world_free (w);
}

static void
test_dialog (void)
{
  Caller *caller;
  World *w;

  g_test_summary ("A dialog holds up nothing but what waits for it");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_HOLD;
  caller = caller_new (w, NOBODY, "-");
  caller_send (caller, "!Get users/65534/a\n!Get users/65534/b");
  mkv_test_run_until (is_held, w);
  w->answer = POLKIT_NO;
  caller_send (caller, "Get users/65534/c");
  assert_next (caller, "3 Forbidden");
  w->answer = POLKIT_YES;
  caller_send (caller, "Get k");
  assert_next (caller, "4 " PASSED);
  return_answer (w->held, TRUE);
  assert_next (caller, "1 " PASSED);
  assert_next (caller, "2 " PASSED);
  assert_asked (w, " !" OWN_KEYS " " OWN_KEYS " read-all-keys");
  caller_free (caller);
  world_free (w);
}

static void
test_unwatch (void)
{
  g_autofree char *root = NULL;
  Caller *caller;
  World *w;

  g_test_summary ("Everybody may end a watch of their own, and not before it has begun");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (FALSE);
  root = make_root (w, "none", NULL);
  assert_told (w, geteuid (), "-", "Watch k\nUnwatch k\nUnwatch k", "ok\nok\nNotFound");
  assert_told (w, geteuid (), root, "Watch k\nUnwatch k", "Forbidden\nNotFound");
  world_free (w);

  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_HOLD;
  caller = caller_new (w, NOBODY, "-");
  caller_send (caller, "!Watch users/65534/\nUnwatch users/65534/");
  mkv_test_run_until (is_held, w);
  mkv_test_run_for (50);
  return_answer (w->held, TRUE);
  assert_next (caller, "1 ok");
  assert_next (caller, "2 ok");
  w->held = NULL;
  caller_send (caller, "!Watch k\nUnwatch k");
  mkv_test_run_until (is_held, w);
  return_answer (w->held, FALSE);
  assert_next (caller, "3 Forbidden");
  assert_next (caller, "4 NotFound");
  caller_free (caller);
  world_free (w);
}

static void
test_memory (void)
{
  Caller *caller;
  World *w;

  g_test_summary ("polkit's yes is remembered for a minute, until it says that something changed, or until it comes "
                  "anew; its no is not");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_YES;
  caller = caller_new (w, NOBODY, "-");
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "1 " PASSED);
  assert_asked (w, " " OWN_KEYS);
  mkv_test_advance (w->clock, 59 * SECOND);
  caller_send (caller, "!Get users/65534/k");
  assert_next (caller, "2 " PASSED);
  assert_asked (w, "");
  mkv_test_advance (w->clock, SECOND);
  w->answer = POLKIT_NO;
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "3 Forbidden");
  assert_asked (w, " " OWN_KEYS);
  w->answer = POLKIT_YES;
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "4 " PASSED);
  assert_asked (w, " " OWN_KEYS);

  w->answer = POLKIT_NO;
  g_dbus_connection_emit_signal (w->polkit, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                 "org.freedesktop.PolicyKit1.Authority", "Changed", NULL, NULL);
  /* What this connection sends later comes later. */
  g_dbus_connection_flush_sync (w->polkit, NULL, NULL);
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "5 Forbidden");
  assert_asked (w, " " OWN_KEYS);

  w->answer = POLKIT_YES;
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "6 " PASSED);
  close_connection (&w->polkit);
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "7 Forbidden");
  start_polkit (w);
  caller_send (caller, "Get users/65534/k");
  assert_next (caller, "8 " PASSED);
  caller_free (caller);
  world_free (w);
}

static GDBusMessage *
note_flags (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  if (!incoming && g_strcmp0 (g_dbus_message_get_interface (message), DBUS_NAME ".Store") == 0)
    g_atomic_int_set ((int *) user_data, g_dbus_message_get_flags (message));
  return message;
}

static void
get_from_store (MkvStore *store)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) value = NULL;
  g_autoptr (GError) error = NULL;

  mkv_store_get_async (store, "k", NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  value = mkv_store_get_finish (store, result, &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
}

static void
test_interactive (void)
{
  g_autoptr (MkvBusStore) store = NULL;
  GDBusConnection *client;
  GError *error = NULL;
  int flags = -1;
  World *w;

  g_test_summary ("A store over the bus has a person asked only where its application wants that");
  SKIP_WITHOUT_DAEMON ();
  w = world_new (FALSE);
  client = connect_to (w->address);
  g_dbus_connection_add_filter (client, note_flags, &flags, NULL);
  store = mkv_bus_store_new (client, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (mkv_bus_store_get_interactive (store));
  get_from_store (MKV_STORE (store));
  g_assert_cmpint (flags, ==, G_DBUS_MESSAGE_FLAGS_NONE);
  g_object_set (store, "interactive", TRUE, NULL);
  g_assert_true (mkv_bus_store_get_interactive (store));
  get_from_store (MKV_STORE (store));
  g_assert_cmpint (flags, ==, G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION);
  g_clear_object (&store);
  close_connection (&client);
  world_free (w);
}

static void
test_end (void)
{
  Caller *caller;
  World *w;

  g_test_summary ("A service that goes tells those who still wait");
  SKIP_WITHOUT_SECOND_USER ();
  w = world_new (TRUE);
  start_polkit (w);
  w->answer = POLKIT_HOLD;
  caller = caller_new (w, NOBODY, "-");
  caller_send (caller, "!Get users/65534/k");
  mkv_test_run_until (is_held, w);
  g_clear_object (&w->service);
  assert_next (caller, "1 Unavailable");
  mkv_test_run_until (is_cancelled, w);
  return_answer (w->held, FALSE);
  caller_free (caller);
  world_free (w);
}

static void
test_policy_file (void)
{
  static const char *const permissions[] = { "own-keys", "read-all-keys", "write-all-keys", "manage" };
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "..", "data", "polkit", DBUS_NAME ".policy", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) translations = NULL;
  GError *error = NULL;
  guint i;

  g_test_summary ("polkit's file has the permissions that the gate asks for, with texts in German too");
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  for (i = 0; i < G_N_ELEMENTS (permissions); i++)
    {
      g_autofree char *action = g_strdup_printf ("<action id=\"%s.%s\">", DBUS_NAME, permissions[i]);

      g_assert_nonnull (strstr (text, action));
    }
  g_assert_null (strchr (text, '@'));
  translations = g_strsplit (text, "xml:lang=\"de\"", -1);
  g_assert_cmpuint (g_strv_length (translations), ==, 1 + 2 * G_N_ELEMENTS (permissions));
}

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "--caller") == 0)
    return mkv_bus_caller_main (argc - 2, argv + 2);

  own_path = g_file_read_link ("/proc/self/exe", NULL);
  mkv_test_init (&argc, &argv, 110);
  g_test_add_func ("/bus-gate/detect", test_detect);
  g_test_add_func ("/bus-gate/policy-file", test_policy_file);
  g_test_add_func ("/bus-gate/session/own", test_own);
  g_test_add_func ("/bus-gate/session/order", test_order);
  g_test_add_func ("/bus-gate/session/many-senders", test_many_senders);
  g_test_add_func ("/bus-gate/session/flatpak", test_flatpak);
  g_test_add_func ("/bus-gate/session/lies", test_lies);
  g_test_add_func ("/bus-gate/session/stuck", test_stuck);
  g_test_add_func ("/bus-gate/session/orphan", test_orphan);
  g_test_add_func ("/bus-gate/session/other-user", test_other_user);
  g_test_add_func ("/bus-gate/system/root", test_root);
  g_test_add_func ("/bus-gate/system/permissions", test_permissions);
  g_test_add_func ("/bus-gate/system/denial", test_denial);
  g_test_add_func ("/bus-gate/system/dialog", test_dialog);
  g_test_add_func ("/bus-gate/interactive", test_interactive);
  g_test_add_func ("/bus-gate/unwatch", test_unwatch);
  g_test_add_func ("/bus-gate/system/memory", test_memory);
  g_test_add_func ("/bus-gate/system/leave", test_leave);
  g_test_add_func ("/bus-gate/system/end", test_end);
  return g_test_run ();
}
