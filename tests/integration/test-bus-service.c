/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The Store and Manager interfaces, called as any program would, with nothing but
 * GDBus.
 */
#include "config.h"

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "bus/mkv-bus-names-private.h"
#include "mkv-bus-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"

#define MEBIBYTE (1024 * 1024)

/* One argument that is a dictionary of no options, or one that nobody knows. */
#define OPTIONS g_variant_new_parsed ("{'no-such-option': <1>}")

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

static GVariant *
octets (const char *text)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1);
}

/* A call that has to work. */
static GVariant *
call (MkvBusWorld *w, const char *method, GVariant *arguments)
{
  GError *error = NULL;
  GVariant *reply = mkv_bus_world_call (w, w->client, method, arguments, &error);

  g_assert_no_error (error);
  return reply;
}

static void
call_for (MkvBusWorld *w, const char *method, GVariant *arguments, const char *expected)
{
  g_autoptr (GVariant) reply = call (w, method, arguments);
  g_autofree char *text = g_variant_print (reply, FALSE);

  g_assert_cmpstr (text, ==, expected);
}

static void
call_to_fail (MkvBusWorld *w, const char *method, GVariant *arguments, MkvError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = mkv_bus_world_call (w, w->client, method, arguments, &error);

  g_assert_error (error, MKV_ERROR, (int) code);
  g_assert_null (reply);
}

static void
set (MkvBusWorld *w, const char *key, const char *value)
{
  call_for (w, "Set", g_variant_new ("(s@ay@a{sv})", key, octets (value), OPTIONS), "()");
}

static void
test_values (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  g_autofree char *long_key = g_strnfill (MKV_MAX_KEY_BYTES + 1, 'k');
  g_autofree char *long_value = g_strnfill (MKV_MAX_VALUE_BYTES + 1, 'v');

  g_test_summary ("Get, Set, Delete, Append and Prepend, and what each refuses");
  if (w == NULL)
    return;
  call_to_fail (w, "Get", g_variant_new ("(s@a{sv})", "colour", OPTIONS), MKV_ERROR_NOT_FOUND);
  set (w, "colour", "green");
  call_for (w, "Get", g_variant_new ("(s@a{sv})", "colour", OPTIONS), "([0x67, 0x72, 0x65, 0x65, 0x6e],)");
  call_for (w, "Append", g_variant_new ("(s@ay@a{sv})", "ab", octets ("a"), OPTIONS), "([0x61],)");
  call_for (w, "Append", g_variant_new ("(s@ay@a{sv})", "ab", octets ("b"), OPTIONS), "([0x61, 0x62],)");
  call_for (w, "Prepend", g_variant_new ("(s@ay@a{sv})", "ab", octets ("c"), OPTIONS), "([0x63, 0x61, 0x62],)");
  call_for (w, "Delete", g_variant_new ("(s@a{sv})", "ab", OPTIONS), "()");
  call_for (w, "Delete", g_variant_new ("(s@a{sv})", "ab", OPTIONS), "()");
  call_to_fail (w, "Get", g_variant_new ("(s@a{sv})", "ab", OPTIONS), MKV_ERROR_NOT_FOUND);
  set (w, "empty", "");
  call_for (w, "Get", g_variant_new ("(s@a{sv})", "empty", OPTIONS), "([],)");

  call_to_fail (w, "Get", g_variant_new ("(s@a{sv})", "", OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Get", g_variant_new ("(s@a{sv})", long_key, OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Set", g_variant_new ("(s@ay@a{sv})", "", octets (""), OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Set", g_variant_new ("(s@ay@a{sv})", "k", octets (long_value), OPTIONS), MKV_ERROR_TOO_LARGE);
  call_to_fail (w, "Delete", g_variant_new ("(s@a{sv})", long_key, OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  long_value[MKV_MAX_VALUE_BYTES] = '\0';
  set (w, "k", long_value);
  call_to_fail (w, "Append", g_variant_new ("(s@ay@a{sv})", "k", octets ("v"), OPTIONS), MKV_ERROR_TOO_LARGE);
  call_to_fail (w, "Prepend", g_variant_new ("(s@ay@a{sv})", "k", octets ("v"), OPTIONS), MKV_ERROR_TOO_LARGE);
}

static void
test_numbers (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;

  g_test_summary ("Increment and Decrement, and what they refuse");
  if (w == NULL)
    return;
  call_for (w, "Increment", g_variant_new ("(sx@a{sv})", "n", G_GINT64_CONSTANT (5), OPTIONS), "(5,)");
  call_for (w, "Decrement", g_variant_new ("(sx@a{sv})", "n", G_GINT64_CONSTANT (7), OPTIONS), "(-2,)");
  call_to_fail (w, "Decrement", g_variant_new ("(sx@a{sv})", "n", G_MAXINT64, OPTIONS), MKV_ERROR_RANGE_OVERFLOW);
  set (w, "word", "word");
  call_to_fail (w, "Increment", g_variant_new ("(sx@a{sv})", "word", G_GINT64_CONSTANT (1), OPTIONS),
                MKV_ERROR_INVALID_TYPE);
  call_to_fail (w, "Decrement", g_variant_new ("(sx@a{sv})", "", G_GINT64_CONSTANT (1), OPTIONS),
                MKV_ERROR_INVALID_ARGUMENT);
}

static void
test_keys (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;

  g_test_summary ("Keys come in pages, in order, under a prefix");
  if (w == NULL)
    return;
  call_for (w, "Keys", g_variant_new ("(ssu@a{sv})", "", "", 10, OPTIONS), "([], false)");
  set (w, "a/2", "");
  set (w, "a/1", "");
  set (w, "b", "");
  set (w, "a/3", "");
  call_for (w, "Keys", g_variant_new ("(ssu@a{sv})", "a/", "", 2, OPTIONS), "(['a/1', 'a/2'], true)");
  call_for (w, "Keys", g_variant_new ("(ssu@a{sv})", "a/", "a/2", 2, OPTIONS), "(['a/3'], false)");
  call_for (w, "Keys", g_variant_new ("(ssu@a{sv})", "", "", 1000, OPTIONS), "(['a/1', 'a/2', 'a/3', 'b'], false)");
  call_to_fail (w, "Keys", g_variant_new ("(ssu@a{sv})", "", "", 0, OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Keys", g_variant_new ("(ssu@a{sv})", "", "", 1001, OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
}

/* Asks for @keys, and says how many entries came, and how many were left. */
static void
get_many (MkvBusWorld *w, const char *const *keys, gsize *n_entries, char ***left, gsize *n_bytes)
{
  g_autoptr (GVariant) reply = call (w, "GetMany", g_variant_new ("(^as@a{sv})", keys, OPTIONS));
  g_autoptr (GVariant) entries = NULL;

  g_assert_cmpstr (g_variant_get_type_string (reply), ==, "(a(sayxsx)as)");
  g_variant_get (reply, "(@a(sayxsx)^as)", &entries, left);
  *n_entries = g_variant_n_children (entries);
  *n_bytes = 0;
  for (gsize i = 0; i < *n_entries; i++)
    {
      g_autoptr (GVariant) value = NULL;
      const char *key, *writer;
      gint64 time, number;

      g_variant_get_child (entries, i, "(&s@ayx&sx)", &key, &value, &time, &writer, &number);
      g_assert_cmpstr (key, ==, keys[i]);
      g_assert_cmpstr (writer, ==, "here");
      g_assert_cmpint (time, >, G_GINT64_CONSTANT (1600000000000));
      g_assert_cmpint (number, >, 0);
      *n_bytes += strlen (key) + g_variant_get_size (value);
    }
}

static void
test_many (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  const char *missing[] = { "a", "b", "no", NULL };
  g_auto (GStrv) left = NULL;
  gsize n_entries, n_bytes;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *value = g_strnfill (MKV_MAX_VALUE_BYTES, 'v');

  g_test_summary ("SetMany writes all or none; GetMany reads what is there, and says what is left over 16 MiB");
  if (w == NULL)
    return;
  call_for (w, "SetMany", g_variant_new ("(@a(say)@a{sv})", g_variant_new_parsed ("[('a', b'1'), ('b', b'2')]"),
                                         OPTIONS), "()");
  get_many (w, missing, &n_entries, &left, &n_bytes);
  g_assert_cmpuint (n_entries, ==, 2);
  g_assert_cmpuint (g_strv_length (left), ==, 0);
  call_to_fail (w, "SetMany", g_variant_new ("(@a(say)@a{sv})",
                                             g_variant_new_parsed ("[('c', b'1'), ('c', b'2')]"), OPTIONS),
                MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "SetMany", g_variant_new ("(@a(say)@a{sv})", g_variant_new_parsed ("[('c', b'1'), ('', b'2')]"),
                                             OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "SetMany", g_variant_new ("(@a(say)@a{sv})", g_variant_new_parsed ("@a(say) []"), OPTIONS),
                MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Get", g_variant_new ("(s@a{sv})", "c", OPTIONS), MKV_ERROR_NOT_FOUND);
  call_to_fail (w, "GetMany", g_variant_new ("(@as@a{sv})", g_variant_new_parsed ("['a', '']"), OPTIONS),
                MKV_ERROR_INVALID_ARGUMENT);

  for (guint i = 0; i < 80; i++)
    {
      g_ptr_array_add (keys, g_strdup_printf ("large/%02u", i));
      set (w, keys->pdata[i], value);
    }
  g_ptr_array_add (keys, NULL);
  g_clear_pointer (&left, g_strfreev);
  get_many (w, (const char *const *) keys->pdata, &n_entries, &left, &n_bytes);
  g_assert_cmpuint (n_bytes, <=, 16 * MEBIBYTE);
  g_assert_cmpuint (n_bytes, >, 15 * MEBIBYTE);
  g_assert_cmpuint (n_entries + g_strv_length (left), ==, 80);
  g_assert_cmpstr (left[0], ==, keys->pdata[n_entries]);
  {
    g_auto (GStrv) rest = NULL;
    gsize n_rest;

    get_many (w, (const char *const *) left, &n_rest, &rest, &n_bytes);
    g_assert_cmpuint (n_rest, ==, 80 - n_entries);
    g_assert_cmpuint (g_strv_length (rest), ==, 0);
  }
}

static void
test_types (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  const char *methods[] = { "Get", "GetMany", "Set", "SetMany", "Delete", "Increment", "Decrement", "Append",
                            "Prepend", "Keys", "Watch", "Unwatch", "Sync", "Dump", "Load" };

  g_test_summary ("Wrong types, and a method that is not there, are GDBus's errors");
  if (w == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply = mkv_bus_world_call (w, w->client, methods[i], g_variant_new ("(d)", 1.0), &error);

      g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
    }
  {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) reply = mkv_bus_world_call (w, w->client, "NoSuch", NULL, &error);

    g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD);
  }
}

static GVariant *
get_property (MkvBusWorld *w, const char *object, const char *name, GError **error)
{
  g_autofree char *path = g_strconcat (DBUS_PATH "/", object, NULL);
  g_autofree char *interface = g_strconcat (DBUS_NAME ".", object, NULL);
  g_autoptr (GVariant) reply = NULL;
  GVariant *value = NULL;

  reply = g_dbus_connection_call_sync (w->client, DBUS_NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                       g_variant_new ("(ss)", interface, name), G_VARIANT_TYPE ("(v)"),
                                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);
  return value;
}

static void
check_property (MkvBusWorld *w, const char *object, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = get_property (w, object, name, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, TRUE);
  if (expected != NULL)
    g_assert_cmpstr (text, ==, expected);
}

static void
test_properties (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  g_autoptr (GVariant) before = NULL, after = NULL, objects = NULL, reply = NULL, counters = NULL;
  g_autoptr (GVariant) store = NULL;
  g_autoptr (GError) error = NULL;
  guint64 writes;

  g_test_summary ("Properties of Store and Manager, alone and all objects' together; counters");
  if (w == NULL)
    return;
  before = get_property (w, "Store", "Root", &error);
  check_property (w, "Store", "Entries", "uint64 0");
  check_property (w, "Store", "InSync", "false");
  set (w, "a", "1");
  set (w, "b", "1");
  call_for (w, "Delete", g_variant_new ("(s@a{sv})", "b", OPTIONS), "()");
  check_property (w, "Store", "Entries", "uint64 1");
  after = get_property (w, "Store", "Root", &error);
  g_assert_cmpuint (strlen (g_variant_get_string (after, NULL)), ==, 2 * MKV_DIGEST_BYTES);
  g_assert_cmpstr (g_variant_get_string (before, NULL), !=, g_variant_get_string (after, NULL));
  check_property (w, "Manager", "Version", "'" VERSION "'");
  check_property (w, "Manager", "ClientId", "'here'");
  check_property (w, "Manager", "State", "'offline'");
  check_property (w, "Manager", "Health", "'ok'");

  objects = g_dbus_connection_call_sync (w->client, DBUS_NAME, DBUS_PATH, "org.freedesktop.DBus.ObjectManager",
                                         "GetManagedObjects", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
  {
    g_autoptr (GVariant) all = g_variant_get_child_value (objects, 0);
    guint64 n_entries = 0;

    g_assert_true (g_variant_lookup (all, MKV_BUS_STORE_PATH, "@a{sa{sv}}", &store));
    g_assert_true (g_variant_lookup (all, MKV_BUS_MANAGER_PATH, "@a{sa{sv}}", NULL));
    g_variant_get_child (store, 0, "{s@a{sv}}", NULL, &counters);
    if (!g_variant_lookup (counters, "Entries", "t", &n_entries))
      {
        g_clear_pointer (&counters, g_variant_unref);
        g_assert_true (g_variant_lookup (store, DBUS_NAME ".Store", "@a{sv}", &counters));
        g_assert_true (g_variant_lookup (counters, "Entries", "t", &n_entries));
      }
    g_assert_cmpuint (n_entries, ==, 1);
    g_clear_pointer (&counters, g_variant_unref);
  }

  reply = g_dbus_connection_call_sync (w->client, DBUS_NAME, MKV_BUS_MANAGER_PATH, DBUS_NAME ".Manager",
                                       "GetCounters", g_variant_new ("(@a{sv})", OPTIONS), NULL,
                                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
  counters = g_variant_get_child_value (reply, 0);
  g_assert_true (g_variant_lookup (counters, "writes", "t", &writes));
  g_assert_cmpuint (writes, ==, 3);
}

/* Calls with a file; @file is closed. */
static GVariant *
call_with_file (MkvBusWorld *w, GDBusConnection *connection, const char *method, int file, const char *rest,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new_from_array (&file, 1);
  g_autoptr (GVariant) tail = g_variant_ref_sink (g_variant_new_parsed (rest));
  GVariantBuilder arguments;
  GVariantIter iter;
  GVariant *child;

  g_variant_builder_init (&arguments, G_VARIANT_TYPE_TUPLE);
  g_variant_builder_add (&arguments, "h", 0);
  g_variant_iter_init (&iter, tail);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_variant_builder_add_value (&arguments, child);
      g_variant_unref (child);
    }
  return g_dbus_connection_call_with_unix_fd_list_sync (connection, DBUS_NAME, MKV_BUS_STORE_PATH,
                                                        DBUS_NAME ".Store", method, g_variant_builder_end (&arguments),
                                                        NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, list, NULL,
                                                        cancellable, error);
}

static void
test_files (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  g_autofree char *path = NULL, *text = NULL, *printed = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  int file;

  g_test_summary ("Dump writes to a file that the caller opened, Load reads from one");
  if (w == NULL)
    return;
  set (w, "in/a", "1");
  set (w, "in/b", "2");
  set (w, "out", "3");
  file = g_file_open_tmp (NULL, &path, &error);
  g_assert_no_error (error);
  reply = call_with_file (w, w->client, "Dump", file, "('jsonl', 'in/', {'no-such-option': <1>})", NULL, &error);
  g_assert_no_error (error);
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (text, "in/a"));
  g_assert_nonnull (strstr (text, "in/b"));
  g_assert_null (strstr (text, "out"));

  g_clear_pointer (&reply, g_variant_unref);
  file = open (path, O_RDONLY | O_CLOEXEC);
  reply = call_with_file (w, w->client, "Load", file, "('jsonl', @a{sv} {})", NULL, &error);
  g_assert_no_error (error);
  printed = g_variant_print (reply, FALSE);
  g_assert_nonnull (strstr (printed, "'unchanged': <uint64 2>"));
  g_assert_nonnull (strstr (printed, "'loaded': <uint64 0>"));
  g_assert_nonnull (strstr (printed, "'problems': <@as []>"));

  g_clear_pointer (&reply, g_variant_unref);
  file = open (path, O_RDONLY | O_CLOEXEC);
  reply = call_with_file (w, w->client, "Load", file, "('xml', @a{sv} {})", NULL, &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  /* It can't be written to. */
  file = open (path, O_RDONLY | O_CLOEXEC);
  reply = call_with_file (w, w->client, "Dump", file, "('dconf', '', @a{sv} {})", NULL, &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_FAILED);
  g_clear_error (&error);
  call_to_fail (w, "Dump", g_variant_new ("(hss@a{sv})", 0, "jsonl", "", OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  call_to_fail (w, "Dump", g_variant_new ("(hss@a{sv})", -1, "jsonl", "", OPTIONS), MKV_ERROR_INVALID_ARGUMENT);
  unlink (path);
}

typedef struct
{
  GError *error;
  gboolean done;
} Ending;

static void
on_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Ending *ending = user_data;
  g_autoptr (GVariant) reply = NULL;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &ending->error);
  ending->done = TRUE;
}

static gboolean
is_done (gpointer user_data)
{
  return ((Ending *) user_data)->done;
}

/* Begins to load from a pipe that nothing comes out of. */
static void
begin_load (GDBusConnection *connection, int file, Ending *ending)
{
  int own = dup (file);
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new_from_array (&own, 1);

  g_dbus_connection_call_with_unix_fd_list (connection, DBUS_NAME, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", "Load",
                                            g_variant_new ("(hs@a{sv})", 0, "jsonl", OPTIONS), NULL,
                                            G_DBUS_CALL_FLAGS_NONE, G_MAXINT, list, NULL, on_ended, ending);
}

static void
test_pipes (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  g_autoptr (GDBusConnection) other = NULL;
  g_autoptr (GError) error = NULL;
  Ending endings[3] = { 0 }, gone = { 0 };
  struct pollfd watched = { 0 };
  int ends[2], others[2];

  g_test_summary ("A pipe that nothing comes from blocks nobody; one client has two transfers at most, and none "
                  "once it has left");
  if (w == NULL)
    return;
  g_unix_open_pipe (ends, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++)
    begin_load (w->client, ends[0], &endings[i]);
  mkv_test_run_until (is_done, &endings[2]);
  g_assert_error (endings[2].error, MKV_ERROR, MKV_ERROR_RATE_LIMITED);
  g_clear_error (&endings[2].error);
  set (w, "a", "1");

  g_unix_open_pipe (others, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  watched.fd = others[1];
  other = mkv_bus_world_connect (w);
  begin_load (other, others[0], &gone);
  close (others[0]);
  g_dbus_connection_flush_sync (other, NULL, NULL);
  /* Answered behind the load's beginning. */
  g_clear_pointer (&error, g_error_free);
  {
    g_autoptr (GVariant) reply = mkv_bus_world_call (w, other, "Delete", g_variant_new ("(sa{sv})", "a", NULL),
                                                     &error);

    g_assert_no_error (error);
  }
  g_dbus_connection_close_sync (other, NULL, NULL);
  mkv_test_run_until (is_done, &gone);
  g_assert_nonnull (gone.error);
  g_clear_error (&gone.error);
  /* The service lets go of the pipe's other end. */
  g_assert_cmpint (poll (&watched, 1, 10000), ==, 1);
  g_assert_cmpint (watched.revents, ==, POLLERR);
  close (others[1]);

  close (ends[1]);
  mkv_test_run_until (is_done, &endings[0]);
  mkv_test_run_until (is_done, &endings[1]);
  g_assert_no_error (endings[0].error);
  g_assert_no_error (endings[1].error);
  close (ends[0]);
}

static void
test_sync (MkvBusWorld **world, gconstpointer data)
{
  g_test_summary ("Sync without a broker says that there is none");
  if (*world != NULL)
    call_to_fail (*world, "Sync", g_variant_new ("(s@a{sv})", "", OPTIONS), MKV_ERROR_NOT_CONNECTED);
}

static void
stop (MkvBusWorld *w, gpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  mkv_node_stop_async (w->node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_stop_finish (w->node, result, &error);
  g_assert_no_error (error);
}

static void
test_stopped (MkvBusWorld **world, gconstpointer data)
{
  MkvBusWorld *w = *world;
  GVariant *key;

  g_test_summary ("A node that is not running answers Unavailable");
  if (w == NULL)
    return;
  mkv_bus_world_run (w, stop, NULL);
  key = g_variant_ref_sink (g_variant_new ("(sa{sv})", "a", NULL));
  call_to_fail (w, "Get", key, MKV_ERROR_UNAVAILABLE);
  call_to_fail (w, "Delete", key, MKV_ERROR_UNAVAILABLE);
  call_to_fail (w, "Watch", key, MKV_ERROR_UNAVAILABLE);
  call_to_fail (w, "Sync", key, MKV_ERROR_UNAVAILABLE);
  g_variant_unref (key);
}

static void
serve_twice (MkvBusWorld *w, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvBusService) second = mkv_bus_service_new (w->node, w->connection, FALSE, &error);

  g_assert_null (second);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
}

static void
test_twice (MkvBusWorld **world, gconstpointer data)
{
  g_test_summary ("A connection has room for one service");
  if (*world != NULL)
    mkv_bus_world_run (*world, serve_twice, NULL);
}

#define ADD(name, func) g_test_add ("/bus-service/" name, MkvBusWorld *, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 100);
  ADD ("values", test_values);
  ADD ("numbers", test_numbers);
  ADD ("keys", test_keys);
  ADD ("many", test_many);
  ADD ("types", test_types);
  ADD ("properties", test_properties);
  ADD ("files", test_files);
  ADD ("pipes", test_pipes);
  ADD ("sync", test_sync);
  ADD ("stopped", test_stopped);
  ADD ("twice", test_twice);
  return g_test_run ();
}
