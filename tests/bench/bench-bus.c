/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What the daemon's store costs over D-Bus, against a service that answers the
 * same calls on the same bus with what it has at hand; how many writes of
 * several clients share a sync of the disk; and how often a client is woken by
 * changes of what it does not watch. With the arguments "watch ADDRESS" this
 * program is that client, with "write ADDRESS" one that writes.
 */
#include "config.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus/mkv-bus-names-private.h"
#include "mkv-bench.h"
#include "mkv-bus-world.h"
#include "mkv-storage-lmdb.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"

#define BARE_NAME "org.example.Bare"
#define N_ROUNDS 151
#define N_GETS 25
#define N_GET_MANYS 2
#define N_KEYS 1000
#define VALUE_BYTES 100
#define N_WRITERS 16
#define N_WRITES 200 /* of each */
#define N_CHANGES 1000

static const char bare_xml[] = "<node><interface name='" BARE_NAME "'>"
                               "<method name='Get'><arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>"
                               "<arg type='ay' direction='out'/></method>"
                               "<method name='GetMany'><arg type='as' direction='in'/>"
                               "<arg type='a{sv}' direction='in'/><arg type='a(sayxsx)' direction='out'/>"
                               "<arg type='as' direction='out'/></method></interface></node>";

/* Syncs of the disk, of whatever library: these come before the C library's. */

static gint n_syncs;

int fdatasync (int fd);
int fsync (int fd);

int
fdatasync (int fd)
{
  g_atomic_int_inc (&n_syncs);
  return (int) syscall (SYS_fdatasync, fd);
}

int
fsync (int fd)
{
  g_atomic_int_inc (&n_syncs);
  return (int) syscall (SYS_fsync, fd);
}

static GVariant *
make_value (void)
{
  char octets[VALUE_BYTES];

  memset (octets, 'v', sizeof octets);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, octets, sizeof octets, 1);
}

/* The bare service: its own connection and thread, as the store's service has. */

typedef struct
{
  GVariant *value;
  char **keys;
} Bare;

static void
on_bare_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
              const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  Bare *bare = user_data;
  GVariantBuilder entries;

  if (g_str_equal (method, "Get"))
    {
      g_dbus_method_invocation_return_value (invocation, g_variant_new_tuple (&bare->value, 1));
      return;
    }
  g_variant_builder_init (&entries, G_VARIANT_TYPE ("a(sayxsx)"));
  for (guint i = 0; i < N_KEYS; i++)
    g_variant_builder_add (&entries, "(s@ayxsx)", bare->keys[i], bare->value, G_GINT64_CONSTANT (1700000000000), "here",
                           (gint64) i);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(a(sayxsx)@as)", &entries,
                                                                    g_variant_new_strv (NULL, 0)));
}

static const GDBusInterfaceVTable bare_vtable = { on_bare_call, NULL, NULL, { 0 } };

static gpointer
serve_bare (gpointer user_data)
{
  GMainLoop *loop = user_data;

  g_main_context_push_thread_default (g_main_loop_get_context (loop));
  g_main_loop_run (loop);
  g_main_context_pop_thread_default (g_main_loop_get_context (loop));
  return NULL;
}

static GDBusConnection *
start_bare (MkvBusWorld *world, Bare *bare)
{
  GMainContext *context = g_main_context_new ();
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (bare_xml, NULL);
  GDBusConnection *connection;

  g_main_context_push_thread_default (context);
  connection = mkv_bus_world_connect (world);
  g_dbus_connection_register_object (connection, "/", info->interfaces[0], &bare_vtable, bare, NULL, NULL);
  g_main_context_pop_thread_default (context);
  g_thread_new ("bare", serve_bare, g_main_loop_new (context, FALSE));
  return connection;
}

/* ns of each of @n calls */
static double
measure (GDBusConnection *client, const char *name, const char *path, const char *interface, const char *method,
         GVariant *arguments, guint n)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply = g_dbus_connection_call_sync (client, name, path, interface, method, arguments, NULL,
                                                                G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

      if (reply == NULL)
        g_error ("%s: %s", method, error->message);
    }
  return (mkv_bench_now () - start) / n;
}

/* In turns, so that both meet the same machine. */
static gboolean
compare (MkvBusWorld *world, GDBusConnection *bare, const char *method, GVariant *arguments, guint n,
         const char *what, const char *where, const char *relation, double bar)
{
  g_autofree char *name = g_strconcat (what, where, NULL);
  const char *bare_name = g_dbus_connection_get_unique_name (bare);
  double ours[N_ROUNDS], theirs[N_ROUNDS], ratios[N_ROUNDS], their_median, ratio;

  g_variant_ref_sink (arguments);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      theirs[i] = measure (world->client, bare_name, "/", BARE_NAME, method, arguments, n) / 1000;
      ours[i] = measure (world->client, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", method, arguments, n) / 1000;
      ratios[i] = ours[i] / theirs[i];
    }
  g_variant_unref (arguments);
  their_median = mkv_bench_median (theirs, N_ROUNDS);
  ratio = mkv_bench_median (ratios, N_ROUNDS);
  return mkv_bench_report (name, "us", ratio * their_median, their_median, relation, relation != NULL ? bar : 0);
}

/* Where all that takes part shares one core a call costs the work that is done
 * for it; on several it is mostly how long a core takes to wake. */
static void
pin_to_one_core (gboolean pinned)
{
  static cpu_set_t all;
  cpu_set_t one;

  CPU_ZERO (&one);
  CPU_SET (sched_getcpu (), &one);
  if (pinned)
    sched_getaffinity (0, sizeof all, &all);
  sched_setaffinity (0, sizeof all, pinned ? &one : &all);
}

static gboolean
bench_calls (const char *where, const char *relation)
{
  MkvBusWorld *world = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  Bare bare = { g_variant_ref_sink (make_value ()), g_new0 (char *, N_KEYS + 1) };
  GDBusConnection *connection = start_bare (world, &bare);
  MkvStore *store = mkv_node_get_store (world->node);
  g_autoptr (GBytes) value = g_variant_get_data_as_bytes (bare.value);
  gboolean met;

  for (guint i = 0; i < N_KEYS; i++)
    {
      bare.keys[i] = g_strdup_printf ("settings/desktop/key-%04u", i);
      mkv_store_set (store, bare.keys[i], value, NULL, NULL);
    }
  met = compare (world, connection, "Get", g_variant_new ("(sa{sv})", bare.keys[0], NULL), N_GETS, "bus-get", where, relation,
                 1.15);
  met &= compare (world, connection, "GetMany", g_variant_new ("(^asa{sv})", bare.keys, NULL), N_GET_MANYS,
                  "bus-get-many-1000", where, relation, 1.2);
  g_dbus_connection_close_sync (connection, NULL, NULL);
  mkv_bus_world_free (world);
  return met;
}

/* Another process. */

static GDBusConnection *
connect_to (const char *address)
{
  return g_dbus_connection_new_for_address_sync (address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                 NULL, NULL, NULL);
}

static int
run_watcher (const char *address)
{
  g_autoptr (GDBusConnection) connection = connect_to (address);
  g_autoptr (GVariant) reply = NULL;
  char *line = NULL;

  reply = g_dbus_connection_call_sync (connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Watch",
                                       g_variant_new ("(sa{sv})", "b/", NULL), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                                       NULL);
  g_print ("ready\n");
  line = g_new0 (char, 2);
  if (read (STDIN_FILENO, line, 1) < 0)
    return 1;
  g_free (line);
  return reply != NULL ? 0 : 1;
}

static int
run_writer (const char *address)
{
  g_autoptr (GDBusConnection) connection = connect_to (address);
  g_autoptr (GVariant) value = g_variant_ref_sink (make_value ());
  char go;

  g_print ("ready\n");
  if (read (STDIN_FILENO, &go, 1) < 0)
    return 1;
  for (guint i = 0; i < N_WRITES; i++)
    {
      g_autofree char *key = g_strdup_printf ("%d/%u", getpid (), i);
      g_autoptr (GVariant) reply = NULL;

      reply = g_dbus_connection_call_sync (connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Set",
                                           g_variant_new ("(s@aya{sv})", key, value, NULL), NULL,
                                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
      if (reply == NULL)
        return 1;
    }
  return 0;
}

/* Starts this program, and waits until it is ready. */
static GSubprocess *
start_other (MkvBusWorld *world, const char *what)
{
  g_autoptr (GError) error = NULL;
  GSubprocess *other = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                                         "/proc/self/exe", what, g_test_dbus_get_bus_address (world->bus), NULL);
  char ready[6];
  gsize n;

  g_assert_no_error (error);
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (other), ready, sizeof ready, &n, NULL, NULL);
  g_assert_cmpuint (n, ==, sizeof ready);
  return other;
}

static void
let_go (GSubprocess *other)
{
  g_output_stream_write_all (g_subprocess_get_stdin_pipe (other), "\n", 1, NULL, NULL, NULL);
}

static void
end_other (GSubprocess *other)
{
  g_subprocess_wait_check (other, NULL, NULL);
  g_assert_cmpint (g_subprocess_get_exit_status (other), ==, 0);
  g_object_unref (other);
}

static gboolean
bench_syncs (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "bench-bus-XXXXXX", NULL);
  g_autofree char *settings = NULL;
  GSubprocess *writers[N_WRITERS];
  MkvBusWorld *world;
  double start, seconds;
  gboolean met;
  gint before;

  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  g_assert_nonnull (g_mkdtemp (folder));
  settings = g_strdup_printf ("storage.path=%s/store storage.durability=durable", folder);
  world = mkv_bus_world_new ("lmdb", MKV_TYPE_STORAGE_LMDB, settings);
  for (guint i = 0; i < N_WRITERS; i++)
    writers[i] = start_other (world, "write");
  before = g_atomic_int_get (&n_syncs);
  start = mkv_bench_now ();
  for (guint i = 0; i < N_WRITERS; i++)
    let_go (writers[i]);
  for (guint i = 0; i < N_WRITERS; i++)
    end_other (writers[i]);
  seconds = (mkv_bench_now () - start) / 1e9;
  met = mkv_bench_report ("bus-16-writers-writes-per-sync", "writes",
                          (double) N_WRITERS * N_WRITES / (g_atomic_int_get (&n_syncs) - before), 0, "at-least", 4);
  mkv_bench_report ("bus-16-writers", "writes/s", N_WRITERS * N_WRITES / seconds, 0, NULL, 0);
  mkv_bus_world_free (world);
  mkv_test_remove_folder (folder);
  return met;
}

/* How often the threads of a process have gone to sleep, and so were woken. */
static guint64
count_wakeups (const char *pid)
{
  g_autofree char *tasks = g_strdup_printf ("/proc/%s/task", pid);
  g_autoptr (GDir) dir = g_dir_open (tasks, 0, NULL);
  const char *name;
  guint64 n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (tasks, name, "status", NULL);
      g_autofree char *text = NULL;
      const char *line;

      g_file_get_contents (path, &text, NULL, NULL);
      line = strstr (text, "\nvoluntary_ctxt_switches:");
      n += g_ascii_strtoull (strchr (line, ':') + 1, NULL, 10);
    }
  return n;
}

static void
on_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
            const char *name, GVariant *arguments, gpointer user_data)
{
  g_autoptr (GVariant) entries = g_variant_get_child_value (arguments, 0);

  *(gsize *) user_data += g_variant_n_children (entries);
}

static gboolean
has_all (gpointer user_data)
{
  return *(gsize *) user_data >= N_CHANGES;
}

static gboolean
bench_wakeups (void)
{
  MkvBusWorld *world = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  GSubprocess *watcher = start_other (world, "watch");
  g_autoptr (GVariant) value = g_variant_ref_sink (make_value ());
  gsize n_told = 0;
  guint64 before;
  gboolean met;

  g_dbus_connection_signal_subscribe (world->client, NULL, DBUS_NAME ".Store", NULL, NULL, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, on_changed, &n_told, NULL);
  g_variant_unref (mkv_bus_world_call (world, world->client, "Watch", g_variant_new ("(sa{sv})", "a/", NULL), NULL));
  before = count_wakeups (g_subprocess_get_identifier (watcher));
  for (guint i = 0; i < N_CHANGES; i++)
    {
      g_autofree char *key = g_strdup_printf ("a/%u", i);

      g_variant_unref (mkv_bus_world_call (world, world->client, "Set",
                                           g_variant_new ("(s@aya{sv})", key, value, NULL), NULL));
    }
  mkv_test_run_until (has_all, &n_told);
  met = mkv_bench_report ("bus-wakeups-by-1000-changes-of-others", "wakeups",
                          (double) (count_wakeups (g_subprocess_get_identifier (watcher)) - before), 0, "at-most", 0);
  let_go (watcher);
  end_other (watcher);
  mkv_bus_world_free (world);
  return met;
}

int
main (int argc, char **argv)
{
  gboolean met;

  if (argc == 3)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      return g_str_equal (argv[1], "watch") ? run_watcher (argv[2]) : run_writer (argv[2]);
    }
  if (!mkv_bus_world_is_possible ())
    return 77;
  pin_to_one_core (TRUE);
  met = bench_calls ("", "at-most");
  pin_to_one_core (FALSE);
  bench_calls ("-all-cores", NULL);
  met &= bench_syncs ();
  met &= bench_wakeups ();
  return met ? 0 : 1;
}
