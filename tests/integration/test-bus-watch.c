/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Who is told of which changes over D-Bus, and who is not; and that no client can
 * have more than its share.
 */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "bus/mkv-bus-names-private.h"
#include "mkv-bus-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "store/mkv-local-store-private.h"

#define N_CLIENTS 50
#define MAX_CALLS 1024
#define MAX_WATCHES 256
#define N_LARGE 100

/* A client, and what it was told. */
typedef struct
{
  MkvBusWorld *world;
  GDBusConnection *connection;
  GHashTable *told;     /* key to the text of its value, or to "(deleted)" */
  guint n_entries;
  guint n_signals;
  guint filter;
  gint n_messages;      /* atomic: that came in, of whatever kind */
  guint n_answers;
  guint n_refused;
} Client;

static GVariant *
octets (const char *text)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1);
}

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
           const char *name, GVariant *arguments, gpointer user_data)
{
  Client *client = user_data;
  g_autoptr (GVariant) entries = NULL;
  GVariantIter iter;
  const char *key, *writer, *origin;
  GVariant *value;
  gboolean deleted;

  g_assert_cmpstr (name, ==, "Changed");
  client->n_signals++;
  entries = g_variant_get_child_value (arguments, 0);
  g_assert_cmpuint (g_variant_n_children (entries), >, 0);
  g_assert_cmpuint (g_variant_n_children (entries), <=, 256);
  g_variant_iter_init (&iter, entries);
  while (g_variant_iter_next (&iter, "(&s@ayx&sxb&s)", &key, &value, NULL, &writer, NULL, &deleted, &origin))
    {
      gsize length;
      const char *data = g_variant_get_fixed_array (value, &length, 1);

      g_assert_cmpstr (writer, ==, "here");
      g_assert_cmpstr (origin, ==, "local");
      g_hash_table_insert (client->told, g_strdup (key), deleted ? g_strdup ("(deleted)") : g_strndup (data, length));
      client->n_entries++;
      g_variant_unref (value);
    }
}

/* In GDBus's thread. */
static GDBusMessage *
on_message (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  if (incoming)
    g_atomic_int_inc (&((Client *) user_data)->n_messages);
  return message;
}

static Client *
client_new (MkvBusWorld *world)
{
  Client *client = g_new0 (Client, 1);

  client->world = world;
  client->connection = mkv_bus_world_connect (world);
  client->told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  /* Without a match rule: what comes is addressed to it. */
  g_dbus_connection_signal_subscribe (client->connection, NULL, DBUS_NAME ".Store", NULL, MKV_BUS_STORE_PATH, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, on_signal, client, NULL);
  client->filter = g_dbus_connection_add_filter (client->connection, on_message, client, NULL);
  return client;
}

static void
client_free (gpointer data)
{
  Client *client = data;

  g_dbus_connection_close_sync (client->connection, NULL, NULL);
  mkv_test_iterate ();
  g_object_unref (client->connection);
  g_hash_table_unref (client->told);
  g_free (client);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, client_free)

static void
call (Client *client, const char *method, GVariant *arguments)
{
  GError *error = NULL;
  g_autoptr (GVariant) reply = mkv_bus_world_call (client->world, client->connection, method, arguments, &error);

  g_assert_no_error (error);
}

static void
watch (Client *client, const char *prefix)
{
  call (client, "Watch", g_variant_new ("(sa{sv})", prefix, NULL));
}

static void
set (Client *client, const char *key, const char *value)
{
  call (client, "Set", g_variant_new ("(s@aya{sv})", key, octets (value), NULL));
}

static void
set_up (MkvBusWorld **world, gconstpointer data)
{
  if (mkv_bus_world_is_possible ())
    *world = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  else
    g_test_skip ("no dbus-daemon");
}

static void
tear_down (MkvBusWorld **world, gconstpointer data)
{
  g_clear_pointer (world, mkv_bus_world_free);
}

typedef struct
{
  Client *client;
  guint n_entries;
} Awaited;

static gboolean
has_entries (gpointer user_data)
{
  Awaited *awaited = user_data;

  return awaited->client->n_entries >= awaited->n_entries;
}

static void
await_entries (Client *client, guint n_entries)
{
  Awaited awaited = { client, n_entries };

  mkv_test_run_until (has_entries, &awaited);
  g_assert_cmpuint (client->n_entries, ==, n_entries);
}

static void
test_prefixes (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (Client) a = NULL, b = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  g_test_summary ("A change is told to who watches its prefix, once, and until it is unwatched as often");
  if (*world == NULL)
    return;
  a = client_new (*world);
  b = client_new (*world);
  watch (a, "a/");
  watch (a, "a/");
  watch (a, "");
  watch (b, "b/");
  set (b, "a/1", "x");
  await_entries (a, 1);
  g_assert_cmpstr (g_hash_table_lookup (a->told, "a/1"), ==, "x");
  call (a, "Delete", g_variant_new ("(sa{sv})", "a/1", NULL));
  await_entries (a, 2);
  g_assert_cmpstr (g_hash_table_lookup (a->told, "a/1"), ==, "(deleted)");
  set (a, "b/1", "y");
  await_entries (a, 3);
  await_entries (b, 1);

  call (a, "Unwatch", g_variant_new ("(sa{sv})", "", NULL));
  call (a, "Unwatch", g_variant_new ("(sa{sv})", "a/", NULL));
  set (a, "b/1", "z");
  await_entries (b, 2);
  set (a, "a/2", "z");
  await_entries (a, 4);
  call (a, "Unwatch", g_variant_new ("(sa{sv})", "a/", NULL));
  reply = mkv_bus_world_call (*world, a->connection, "Unwatch", g_variant_new ("(sa{sv})", "a/", NULL), &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  set (b, "a/2", "z");
  set (b, "b/2", "z");
  await_entries (b, 3);
  set (a, "c", "");
  mkv_test_iterate ();
  g_assert_cmpuint (a->n_entries, ==, 4);
}

static void
test_costs_others_nothing (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (Client) a = NULL, b = NULL, idle = NULL;
  gint before;

  g_test_summary ("What one client watches costs another not one message");
  if (*world == NULL)
    return;
  a = client_new (*world);
  b = client_new (*world);
  idle = client_new (*world);
  watch (a, "a/");
  watch (b, "b/");
  set (b, "b/1", "");
  await_entries (b, 1);
  /* Its own call's answer is one; then everything that there was has come. */
  set (b, "x", "");
  set (idle, "x", "");
  before = g_atomic_int_get (&b->n_messages);
  g_atomic_int_set (&idle->n_messages, 0);
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *key = g_strdup_printf ("a/%u", i);

      set (a, key, "value");
    }
  await_entries (a, 200);
  g_assert_cmpint (g_atomic_int_get (&b->n_messages), ==, before);
  set (b, "x", "");
  set (idle, "x", "");
  g_assert_cmpint (g_atomic_int_get (&b->n_messages), ==, before + 1);
  g_assert_cmpint (g_atomic_int_get (&idle->n_messages), ==, 1);
}

static void
look (MkvBusWorld *world, gpointer user_data)
{
  *(gboolean *) user_data = mkv_store_has_changed_handlers (mkv_node_get_store (world->node));
}

static void
test_leaving (MkvBusWorld **world, gconstpointer data)
{
  Client *leaver;
  g_autoptr (Client) other = NULL;
  gboolean is_asked = FALSE;
  gint64 end;

  g_test_summary ("The store is asked for changes only as long as somebody watches: who leaves is forgotten");
  if (*world == NULL)
    return;
  mkv_bus_world_run (*world, look, &is_asked);
  g_assert_false (is_asked);
  leaver = client_new (*world);
  watch (leaver, "");
  mkv_bus_world_run (*world, look, &is_asked);
  g_assert_true (is_asked);
  client_free (leaver);
  other = client_new (*world);
  /* The bus tells it soon. */
  for (end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC; is_asked && g_get_monotonic_time () < end;)
    {
      set (other, "a", "");
      mkv_bus_world_run (*world, look, &is_asked);
    }
  g_assert_false (is_asked);
  watch (other, "a");
  call (other, "Unwatch", g_variant_new ("(sa{sv})", "a", NULL));
  mkv_bus_world_run (*world, look, &is_asked);
  g_assert_false (is_asked);
}

/* 50 clients. Each writes the keys of the next one and reads its own. */

static const char *const groups[] = { "g/", "g/even/", "g/odd/", "g/odd/1", "" };

static gboolean
is_wanted (guint i, const char *key)
{
  return g_str_has_prefix (key, groups[i % G_N_ELEMENTS (groups)]);
}

static char *
make_key (guint i, guint round)
{
  return g_strdup_printf (i % 7 == 0 ? "other/%u/%u" : i % 2 == 0 ? "g/even/%u/%u" : "g/odd/%u/%u", i, round % 3);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Client *client = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  client->n_answers++;
  if (g_error_matches (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED))
    client->n_refused++;
  else if (!g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    g_assert_no_error (error);
}

static void
start_call (Client *client, const char *method, GVariant *arguments)
{
  g_dbus_connection_call (client->connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", method, arguments,
                          NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, on_answer, client);
}

typedef struct
{
  Client *client;
  guint n_answers;
} AwaitedAnswers;

static gboolean
has_answers (gpointer user_data)
{
  AwaitedAnswers *awaited = user_data;

  return awaited->client->n_answers >= awaited->n_answers;
}

static gboolean
is_up_to_date (gpointer user_data)
{
  Client **clients = user_data;

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      g_autofree char *last = g_strdup_printf ("end/%u", i);

      if (is_wanted (i, last) && !g_hash_table_contains (clients[i]->told, last))
        return FALSE;
    }
  return TRUE;
}

static void
test_fifty (MkvBusWorld **world, gconstpointer data)
{
  Client *clients[N_CLIENTS];
  MkvStore *store;
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  g_test_summary ("50 clients at once read, write and watch prefixes that overlap: each is told exactly of its own");
  if (*world == NULL)
    return;
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      clients[i] = client_new (*world);
      watch (clients[i], groups[i % G_N_ELEMENTS (groups)]);
    }
  for (guint round = 0; round < 12; round++)
    for (guint i = 0; i < N_CLIENTS; i++)
      {
        g_autofree char *key = make_key (i, round);
        g_autofree char *value = g_strdup_printf ("%u-%u", i, round);

        start_call (clients[(i + 1) % N_CLIENTS], "Set", g_variant_new ("(s@aya{sv})", key, octets (value), NULL));
        start_call (clients[i], "Get", g_variant_new ("(sa{sv})", key, NULL));
        g_hash_table_add (keys, g_steal_pointer (&key));
      }
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      AwaitedAnswers awaited = { clients[i], 24 };

      mkv_test_run_until (has_answers, &awaited);
      g_assert_cmpuint (clients[i]->n_refused, ==, 0);
    }
  /* Behind everything else, for each who watches everything; for the others their signals came before. */
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      g_autofree char *last = g_strdup_printf ("end/%u", i);

      set (clients[i], last, "");
    }
  mkv_test_run_until (is_up_to_date, clients);
  for (guint i = 0; i < N_CLIENTS; i++)
    set (clients[i], "end", "");
  mkv_test_iterate ();

  store = mkv_node_get_store ((*world)->node);
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      GHashTableIter iter;
      gpointer key, value;

      g_hash_table_iter_init (&iter, keys);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        {
          g_autoptr (GBytes) bytes = mkv_store_get (store, key, NULL, NULL);
          g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

          g_assert_cmpstr (g_hash_table_lookup (clients[i]->told, key), ==, is_wanted (i, key) ? text : NULL);
        }
      g_hash_table_iter_init (&iter, clients[i]->told);
      while (g_hash_table_iter_next (&iter, &key, &value))
        g_assert_true (is_wanted (i, key));
    }
  for (guint i = 0; i < N_CLIENTS; i++)
    client_free (clients[i]);
}

static void
test_watch_limit (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (Client) client = NULL, other = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *long_prefix = g_strnfill (MKV_MAX_KEY_BYTES + 1, 'p');

  g_test_summary ("A client has a limit of watches, of its own");
  if (*world == NULL)
    return;
  client = client_new (*world);
  other = client_new (*world);
  for (guint i = 0; i < MAX_WATCHES; i++)
    {
      g_autofree char *prefix = g_strdup_printf ("%u", i % 200);

      watch (client, prefix);
    }
  reply = mkv_bus_world_call (*world, client->connection, "Watch", g_variant_new ("(sa{sv})", "", NULL), &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&error);
  watch (other, "");
  reply = mkv_bus_world_call (*world, other->connection, "Watch", g_variant_new ("(sa{sv})", long_prefix, NULL),
                              &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  set (other, "1", "");
  await_entries (client, 1);
  await_entries (other, 1);
}

/* Holds all writes up. */
typedef struct
{
  MkvLocalStore *store;
  GMutex mutex;
  GCond cond;
  gboolean holds;
  gboolean over;
} Obstacle;

static void
hold (gpointer user_data, GError **error)
{
  Obstacle *obstacle = user_data;

  g_mutex_lock (&obstacle->mutex);
  obstacle->holds = TRUE;
  g_cond_broadcast (&obstacle->cond);
  while (!obstacle->over)
    g_cond_wait (&obstacle->cond, &obstacle->mutex);
  g_mutex_unlock (&obstacle->mutex);
}

static gpointer
hold_up (gpointer user_data)
{
  mkv_local_store_call (((Obstacle *) user_data)->store, hold, user_data, NULL, NULL);
  return NULL;
}

/* Without an answer: the bus has a limit of its own for those that wait for one. */
static void
send_set (Client *client)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (DBUS_NAME, MKV_BUS_STORE_PATH,
                                                                     DBUS_NAME ".Store", "Set");
  GError *error = NULL;

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_body (message, g_variant_new ("(s@aya{sv})", "b", octets ("x"), NULL));
  g_dbus_connection_send_message (client->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, &error);
  g_assert_no_error (error);
}

static void
test_call_limit (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (Client) greedy = NULL, other = NULL;
  AwaitedAnswers awaited;
  Obstacle obstacle = { 0 };
  GThread *thread;

  g_test_summary ("A client has a limit of calls under way, of its own");
  if (*world == NULL)
    return;
  greedy = client_new (*world);
  other = client_new (*world);
  set (other, "a", "");
  obstacle.store = MKV_LOCAL_STORE (mkv_node_get_store ((*world)->node));
  g_mutex_init (&obstacle.mutex);
  g_cond_init (&obstacle.cond);
  thread = g_thread_new ("obstacle", hold_up, &obstacle);
  g_mutex_lock (&obstacle.mutex);
  while (!obstacle.holds)
    g_cond_wait (&obstacle.cond, &obstacle.mutex);
  g_mutex_unlock (&obstacle.mutex);

  for (guint i = 0; i < MAX_CALLS; i++)
    send_set (greedy);
  for (guint i = 0; i < 10; i++)
    start_call (greedy, "Set", g_variant_new ("(s@aya{sv})", "b", octets ("x"), NULL));
  awaited = (AwaitedAnswers){ greedy, 10 };
  mkv_test_run_until (has_answers, &awaited);
  g_assert_cmpuint (greedy->n_refused, ==, 10);
  call (other, "Get", g_variant_new ("(sa{sv})", "a", NULL));

  g_mutex_lock (&obstacle.mutex);
  obstacle.over = TRUE;
  g_cond_broadcast (&obstacle.cond);
  g_mutex_unlock (&obstacle.mutex);
  g_thread_join (thread);
  /* Behind the others in the queue. */
  call (other, "Set", g_variant_new ("(s@aya{sv})", "a", octets ("x"), NULL));
  set (greedy, "b", "y");
  g_mutex_clear (&obstacle.mutex);
  g_cond_clear (&obstacle.cond);
}

/* Another process, as one process has one thread that reads all its connections:
 * it watches everything, stops, and once it goes on waits to be told that it has
 * missed something, after some changes. */

static void
on_sleeper_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface_name,
                   const char *name, GVariant *arguments, gpointer user_data)
{
  if (g_str_equal (name, "Missed"))
    *(gboolean *) user_data = TRUE;
}

static int
run_sleeper (const char *address)
{
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GVariant) reply = NULL;
  gboolean missed = FALSE;

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  connection = g_dbus_connection_new_for_address_sync (
      address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
      NULL, NULL);
  g_dbus_connection_signal_subscribe (connection, NULL, DBUS_NAME ".Store", NULL, NULL, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, on_sleeper_signal, &missed, NULL);
  reply = g_dbus_connection_call_sync (connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Watch",
                                       g_variant_new ("(sa{sv})", "", NULL), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                                       NULL);
  if (reply == NULL)
    return 1;
  raise (SIGSTOP);
  while (!missed)
    g_main_context_iteration (NULL, TRUE);
  return 0;
}

static void
count_missed (MkvBusWorld *world, gpointer user_data)
{
  g_autoptr (GVariant) counters = mkv_node_list_counters (world->node);

  g_variant_lookup (counters, "bus-changes-missed", "t", user_data);
}

static void
test_slow (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (Client) client = NULL, watcher = NULL;
  g_autofree char *value = g_strnfill (MKV_MAX_VALUE_BYTES, 'v');
  const char *arguments[] = { "/proc/self/exe", "--sleeper", NULL, NULL };
  g_autoptr (GError) error = NULL;
  guint64 n_missed = 0;
  GPid pid;
  siginfo_t info;
  int status;

  g_test_summary ("A client that does not read holds up nobody, costs a limited memory, and is told that it missed");
  if (*world == NULL)
    return;
  client = client_new (*world);
  watcher = client_new (*world);
  watch (watcher, "large/");
  arguments[2] = g_test_dbus_get_bus_address ((*world)->bus);
  g_spawn_async (NULL, (char **) arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  g_assert_cmpint (waitid (P_PID, (id_t) pid, &info, WSTOPPED), ==, 0);
  for (guint i = 0; i < N_LARGE; i++)
    {
      g_autofree char *key = g_strdup_printf ("large/%u", i);

      set (client, key, value);
    }
  await_entries (watcher, N_LARGE);
  mkv_bus_world_run (*world, count_missed, &n_missed);
  g_assert_cmpuint (n_missed, ==, 1);
  kill (pid, SIGCONT);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

#define ADD(name, func) g_test_add ("/bus-watch/" name, MkvBusWorld *, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--sleeper"))
    return run_sleeper (argv[2]);
  mkv_test_init (&argc, &argv, 100);
  ADD ("prefixes", test_prefixes);
  ADD ("costs-others-nothing", test_costs_others_nothing);
  ADD ("leaving", test_leaving);
  ADD ("fifty", test_fifty);
  ADD ("watch-limit", test_watch_limit);
  ADD ("call-limit", test_call_limit);
  ADD ("slow", test_slow);
  return g_test_run ();
}
