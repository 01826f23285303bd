/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Dumping a store in LMDB, and loading the dump into an empty one. */
#include <glib/gstdio.h>
#include <merklekv.h>

#include "mkv-bench.h"
#include "mkv-test.h"

#define N_ENTRIES 300000
#define BAR 300000 /* entries a second */

static MkvStore *
open_store (const char *path, MkvStorage **storage)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store;

  *storage = MKV_STORAGE (mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "lmdb", &error));
  g_assert_no_error (error);
  mkv_storage_open (*storage, path, NULL, &error);
  g_assert_no_error (error);
  store = mkv_local_store_new (*storage, "m", &error);
  g_assert_no_error (error);
  return MKV_STORE (store);
}

/* By way of a dump: the fastest way in. */
static void
fill (MkvStore *store)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < N_ENTRIES; i++)
    g_string_append_printf (lines, "{\"key\":\"app/settings/%06u\",\"value\":\"the value of the setting with the number %u"
                                   ", of a hundred octets or so, as they are\",\"timestamp\":1700000000000,\"node_id\":"
                                   "\"desk\",\"seq\":%u}\n", i, i, i + 1);
  octets = g_bytes_new_static (lines->str, lines->len);
  stream = g_memory_input_stream_new_from_bytes (octets);
  report = mkv_store_load (store, stream, MKV_DUMP_JSON_LINES, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_loaded, ==, N_ENTRIES);
}

static gboolean
measure (MkvStore *store, const char *folder, MkvDumpFormat format, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *dump_name = g_strdup_printf ("dump-%s", name), *load_name = g_strdup_printf ("load-%s", name);
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) other = open_store (path, &storage);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (MkvLoadReport) report = NULL;
  g_autoptr (GError) error = NULL;
  gboolean met;
  double begin;

  begin = mkv_bench_now ();
  mkv_store_dump (store, out, format, NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  met = mkv_bench_report (dump_name, "entries/s", N_ENTRIES * 1e9 / (mkv_bench_now () - begin), 0, "at-least", BAR);
  g_output_stream_close (out, NULL, NULL);
  octets = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (out));
  in = g_memory_input_stream_new_from_bytes (octets);
  begin = mkv_bench_now ();
  report = mkv_store_load (other, in, format, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->n_loaded, ==, N_ENTRIES);
  met = mkv_bench_report (load_name, "entries/s", N_ENTRIES * 1e9 / (mkv_bench_now () - begin), 0, "at-least", BAR) && met;
  g_clear_object (&other);
  mkv_storage_close (storage, NULL);
  mkv_test_remove_folder (path);
  return met;
}

int
main (void)
{
  g_autofree char *folder = g_dir_make_tmp ("merklekv-bench-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "store", NULL);
  g_autoptr (MkvStorage) storage = NULL;
  g_autoptr (MkvStore) store = open_store (path, &storage);
  gboolean met;

  fill (store);
  met = measure (store, folder, MKV_DUMP_JSON_LINES, "jsonl");
  met = measure (store, folder, MKV_DUMP_CBOR, "cbor") && met;
  g_clear_object (&store);
  mkv_storage_close (storage, NULL);
  mkv_test_remove_folder (path);
  g_rmdir (folder);
  return met ? 0 : 1;
}
