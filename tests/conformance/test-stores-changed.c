/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What every MkvStore tells of changes, in process and through a bus. */
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-stores-world.h"

#define SKIP(f) if ((f)->store == NULL) return

/* What was told, a line each: who heard it, key, value, origin. */
typedef struct
{
  GString *lines;
  guint n;
  guint expected;
} Heard;

static void
hear (Heard *heard, const char *who, MkvEntry *entry, MkvOrigin origin)
{
  static const char *const origins[] = { "local", "event", "sync", "load" };
  g_autofree char *text = mkv_entry_dup_text (entry);

  g_string_append_printf (heard->lines, "%s %s=%s %s\n", who, mkv_entry_get_key (entry), text != NULL ? text : "-",
                          origins[origin]);
  heard->n++;
}

static void
on_any (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  hear (user_data, "any", entry, origin);
}

static void
on_colour (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  hear (user_data, "colour", entry, origin);
}

static gboolean
has_heard (gpointer user_data)
{
  Heard *heard = user_data;

  return heard->n >= heard->expected;
}

/* Waits until so many lines have come, and no more than those. */
static void
expect (Heard *heard, guint n, const char *lines)
{
  heard->expected = n;
  mkv_test_run_until (has_heard, heard);
  mkv_test_run_for (20);
  g_assert_cmpstr (heard->lines->str, ==, lines);
  g_string_truncate (heard->lines, 0);
  heard->n = 0;
}

static void
test_changed (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Heard heard = { lines, 0, 0 };

  g_test_summary ("Changes are told with key, value and where they came from, also deletions");
  SKIP (f);
  g_signal_connect (f->store, "changed", G_CALLBACK (on_any), &heard);
  stores_world_set (f, "a", "1");
  expect (&heard, 1, "any a=1 local\n");
  g_assert_true (mkv_store_delete (f->store, "a", NULL, NULL));
  expect (&heard, 1, "any a=- local\n");
  stores_world_apply (f, "b", "far", MKV_ORIGIN_EVENT);
  expect (&heard, 1, "any b=far event\n");
  stores_world_apply (f, "b", NULL, MKV_ORIGIN_SYNC);
  expect (&heard, 1, "any b=- sync\n");
  stores_world_apply (f, "c", "", MKV_ORIGIN_LOAD);
  expect (&heard, 1, "any c= load\n");
  g_signal_handlers_disconnect_by_data (f->store, &heard);
  stores_world_set (f, "a", "2");
  mkv_test_run_for (20);
  g_assert_cmpuint (heard.n, ==, 0);
}

static void
test_detail (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Heard heard = { lines, 0, 0 };

  g_test_summary ("With the detail of a key only that key is told of");
  SKIP (f);
  g_signal_connect (f->store, "changed::colour", G_CALLBACK (on_colour), &heard);
  stores_world_set (f, "size", "9");
  stores_world_set (f, "colours", "9");
  stores_world_set (f, "colour", "green");
  expect (&heard, 1, "colour colour=green local\n");
  g_signal_connect (f->store, "changed", G_CALLBACK (on_any), &heard);
  stores_world_set (f, "colour", "red");
  expect (&heard, 2, "colour colour=red local\nany colour=red local\n");
  stores_world_set (f, "size", "8");
  expect (&heard, 1, "any size=8 local\n");
  g_signal_handlers_disconnect_by_data (f->store, &heard);
}

static void
test_last (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Heard heard = { lines, 0, 0 };
  const char *last;

  g_test_summary ("Of many writes the last is told last, and keys in the order of their writes");
  SKIP (f);
  g_signal_connect (f->store, "changed", G_CALLBACK (on_any), &heard);
  for (guint i = 0; i < 1000; i++)
    g_assert_true (mkv_store_increment (f->store, "n", 1, NULL, NULL, NULL));
  stores_world_set (f, "end", "");
  do
    {
      heard.expected = heard.n + 1;
      mkv_test_run_until (has_heard, &heard);
    }
  while (!g_str_has_suffix (lines->str, "any end= local\n"));
  last = g_strrstr (lines->str, "any n=");
  g_assert_cmpstr (last, ==, "any n=1000 local\nany end= local\n");
  g_signal_handlers_disconnect_by_data (f->store, &heard);
}

static void
on_ping (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  g_autoptr (GBytes) value = mkv_store_get (store, "ping", NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (value);
  mkv_store_set (store, "pong", value, NULL, &error);
  g_assert_no_error (error);
}

static void
test_handler (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Heard heard = { lines, 0, 0 };

  g_test_summary ("A handler may read and write, and what it writes is told too");
  SKIP (f);
  g_signal_connect (f->store, "changed::ping", G_CALLBACK (on_ping), NULL);
  g_signal_connect (f->store, "changed::pong", G_CALLBACK (on_any), &heard);
  stores_world_set (f, "ping", "hello");
  expect (&heard, 1, "any pong=hello local\n");
  g_signal_handlers_disconnect_by_func (f->store, on_ping, NULL);
  g_signal_handlers_disconnect_by_data (f->store, &heard);
}

static void
on_drop (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  Heard *heard = user_data;

  g_signal_handlers_disconnect_by_data (store, user_data);
  hear (heard, "drop", entry, origin);
  g_object_unref (store);
}

static void
test_dropped (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Heard heard = { lines, 0, 0 };

  g_test_summary ("A handler may let go of the store");
  SKIP (f);
  g_object_ref (f->store);
  g_signal_connect (f->store, "changed", G_CALLBACK (on_drop), &heard);
  stores_world_set (f, "a", "1");
  stores_world_set (f, "b", "1");
  expect (&heard, 1, "drop a=1 local\n");
}

static GBytes *
dump (StoresWorld *f, MkvDumpFormat format, const char *prefix)
{
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (GError) error = NULL;

  mkv_store_dump (f->store, stream, format, prefix, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_close (stream, NULL, NULL);
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
}

static MkvLoadReport *
load (StoresWorld *f, MkvDumpFormat format, GBytes *octets, GError **error)
{
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_bytes (octets);

  return mkv_store_load (f->store, stream, format, NULL, NULL, NULL, error);
}

static void
test_dump (StoresWorld *f, gconstpointer data)
{
  /* CBOR takes a plugin, which no process has that links the library's objects:
   * test-bus-cli tries that. */
  static const MkvDumpFormat formats[] = { MKV_DUMP_JSON_LINES, MKV_DUMP_DCONF };

  g_test_summary ("What is dumped in a format is loaded again, and by prefix");
  SKIP (f);
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *key = g_strdup_printf ("a/%03u", i);

      stores_world_set (f, key, "'value'");
    }
  stores_world_set (f, "b/1", "'other'");
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      MkvDumpFormat format = formats[i];
      g_autoptr (GBytes) all = dump (f, format, NULL), some = dump (f, format, "b/"), inner = NULL;
      g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
      g_autoptr (MkvLoadReport) again = NULL, report = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (g_bytes_get_size (some), <, g_bytes_get_size (all) / 100);
      mkv_store_dump (f->inner, stream, format, NULL, NULL, NULL, NULL, NULL);
      g_output_stream_close (stream, NULL, NULL);
      inner = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
      g_assert_true (g_bytes_equal (all, inner));
      again = load (f, format, all, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (again->n_refused, ==, 0);
      g_assert_cmpuint (again->n_loaded + again->n_unchanged, ==, 301);
      report = load (f, format, some, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (report->n_loaded + report->n_unchanged, ==, 1);
    }
  stores_world_assert_value (f, "b/1", "'other'");
}

static void
test_problems (StoresWorld *f, gconstpointer data)
{
  static const char text[] = "{\"key\":\"good\",\"value\":\"1\"}\nnonsense\n{\"key\":\"\",\"value\":\"1\"}\n"
                             "{\"key\":\"last\",\"value\":\"2\"}";
  g_autoptr (GBytes) octets = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What can't be loaded is counted, and said with its line");
  SKIP (f);
  report = load (f, MKV_DUMP_JSON_LINES, octets, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_loaded, ==, 2);
  g_assert_cmpuint (report->n_refused, ==, 2);
  g_assert_cmpuint (g_strv_length (report->problems), ==, 2);
  g_assert_true (g_str_has_prefix (report->problems[0], "Line 2: "));
  g_assert_true (g_str_has_prefix (report->problems[1], "Line 3: "));
  stores_world_assert_value (f, "last", "2");
}

static void
fill (StoresWorld *f, guint n)
{
  g_autofree char *text = g_strnfill (1000, 'v');
  g_autoptr (GBytes) value = mkv_test_bytes (text);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%05u", i);

      g_assert_true (mkv_store_set (f->inner, key, value, NULL, NULL));
    }
}

static void
cancel (guint64 done, guint64 total, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static void
count (guint64 done, guint64 total, gpointer user_data)
{
  guint64 *last = user_data;

  g_assert_cmpuint (done, >=, *last);
  *last = done;
}

static void
test_streams (StoresWorld *f, gconstpointer data)
{
  g_autofree char *buffer = g_malloc (200000);
  g_autoptr (GOutputStream) full = g_memory_output_stream_new (buffer, 200000, NULL, NULL);
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new (), again = g_cancellable_new ();
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GInputStream) from = NULL;
  g_autoptr (GError) error = NULL;
  guint64 done = 0;

  g_test_summary ("A stream that fails, and giving up, end a dump or a load; how far it is, is told");
  SKIP (f);
  fill (f, 4000);
  g_assert_false (mkv_store_dump (f->store, full, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_false (mkv_store_dump (f->store, stream, MKV_DUMP_JSON_LINES, NULL, cancel, cancellable, cancellable,
                                  &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (mkv_store_dump (f->store, stream, MKV_DUMP_JSON_LINES, "\xff", NULL, NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_clear_object (&stream);
  stream = g_memory_output_stream_new_resizable ();
  g_assert_true (mkv_store_dump (f->store, stream, MKV_DUMP_JSON_LINES, NULL, count, &done, NULL, &error));
  g_assert_cmpuint (done, >=, 4000);
  g_output_stream_close (stream, NULL, NULL);
  octets = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
  from = g_memory_input_stream_new_from_bytes (octets);
  g_assert_null (mkv_store_load (f->store, from, MKV_DUMP_JSON_LINES, cancel, again, again, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  stores_world_set (f, "still", "here");
}

static void
test_transfers_async (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (GAsyncResult) dumped = NULL, loaded = NULL;
  g_autoptr (GInputStream) from = NULL;
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GError) error = NULL;
  guint64 done = 0;

  g_test_summary ("Dumping and loading need not be waited for");
  SKIP (f);
  fill (f, 100);
  mkv_store_dump_async (f->store, stream, MKV_DUMP_JSON_LINES, "key-", count, &done, NULL, NULL,
                        mkv_test_store_result, &dumped);
  mkv_store_dump_finish (f->store, mkv_test_wait_result (&dumped), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (done, >=, 100);
  g_output_stream_close (stream, NULL, NULL);
  octets = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
  from = g_memory_input_stream_new_from_bytes (octets);
  mkv_store_load_async (f->store, from, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, NULL, mkv_test_store_result, &loaded);
  report = mkv_store_load_finish (f->store, mkv_test_wait_result (&loaded), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_unchanged, ==, 100);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 110);
  stores_world_add ("changed", test_changed);
  stores_world_add ("detail", test_detail);
  stores_world_add ("last", test_last);
  stores_world_add ("handler", test_handler);
  stores_world_add ("dropped", test_dropped);
  stores_world_add ("dump", test_dump);
  stores_world_add ("problems", test_problems);
  stores_world_add ("streams", test_streams);
  stores_world_add ("transfers-async", test_transfers_async);
  return g_test_run ();
}
