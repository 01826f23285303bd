/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <glib/gstdio.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-storage-file.h"
#include "mkv-test.h"
#include "node/mkv-node.h"

typedef struct
{
  char *folder, *data, *key, *other_key;
} World;

static char *
write_key (const char *folder, const char *name, char letter, int mode)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = g_strnfill (32, letter);

  g_assert_true (g_file_set_contents (path, text, 32, NULL));
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
  return path;
}

static void
set_up (World *w, gconstpointer data)
{
  w->folder = g_dir_make_tmp ("mkv-node-XXXXXX", NULL);
  w->data = g_build_filename (w->folder, "data", NULL);
  w->key = write_key (w->folder, "key", 'K', 0600);
  w->other_key = write_key (w->folder, "other", 'O', 0600);
}

static void
tear_down (World *w, gconstpointer data)
{
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  g_free (w->data);
  g_free (w->key);
  g_free (w->other_key);
}

static MkvNode *
start_node (World *w, const char *key_file, GError **error)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (MkvNode) node = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_STORAGE, "file", MKV_TYPE_STORAGE_FILE, NULL);
  g_assert_true (mkv_config_set (config, "node.client-id", "a-node", NULL));
  g_assert_true (mkv_config_set (config, "storage.backend", "file", NULL));
  g_assert_true (mkv_config_set (config, "storage.path", w->data, NULL));
  if (key_file != NULL)
    g_assert_true (mkv_config_set (config, "storage.encryption-key-file", key_file, NULL));
  node = mkv_node_new_full (config, registry, NULL);
  mkv_node_start_async (node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  if (!mkv_node_start_finish (node, result, error))
    return NULL;
  return g_steal_pointer (&node);
}

static void
stop_node (MkvNode *node)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mkv_node_stop_async (node, NULL, mkv_test_store_result, &result);
  mkv_test_wait_result (&result);
  mkv_node_stop_finish (node, result, &error);
  g_assert_no_error (error);
  g_object_unref (node);
}

static MkvNode *
start_well (World *w, const char *key_file)
{
  g_autoptr (GError) error = NULL;
  MkvNode *node = start_node (w, key_file, &error);

  g_assert_no_error (error);
  return node;
}

static void
assert_refused (World *w, const char *key_file, const char *why)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (start_node (w, key_file, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, why));
  g_assert_null (strstr (error->message, "KKK"));
}

static gboolean
is_on_disk (World *w, const char *text)
{
  g_autofree char *path = g_build_filename (w->data, "journal.jsonl", NULL), *octets = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &octets, &length, NULL));
  return memmem (octets, length, text, strlen (text)) != NULL;
}

static void
test_key (World *w, gconstpointer data)
{
  g_autoptr (GBytes) value = mkv_test_bytes ("hidden value"), read = NULL;
  g_autoptr (GError) error = NULL;
  MkvNode *node = start_well (w, w->key);

  g_test_summary ("With storage.encryption-key-file a node's storage is encrypted, and opens with that key alone");
  mkv_store_set (mkv_node_get_store (node), "readable", value, NULL, &error);
  g_assert_no_error (error);
  stop_node (node);
  g_assert_true (is_on_disk (w, "readable"));
  g_assert_false (is_on_disk (w, "hidden value"));
  g_assert_false (is_on_disk (w, "a-node"));

  assert_refused (w, w->other_key, "another than the one");
  assert_refused (w, NULL, "no key is given");
  node = start_well (w, w->key);
  read = mkv_store_get (mkv_node_get_store (node), "readable", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (read, value));
  stop_node (node);
}

static void
test_files (World *w, gconstpointer data)
{
  g_autofree char *open_key = write_key (w->folder, "open", 'K', 0644);
  g_autofree char *long_key = g_build_filename (w->folder, "long", NULL);

  g_test_summary ("A key's file that others may read, is missing or has another length, is refused");
  g_assert_true (g_file_set_contents (long_key, "KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK\n", 33, NULL));
  g_assert_cmpint (g_chmod (long_key, 0600), ==, 0);
  assert_refused (w, open_key, "chmod 0600");
  assert_refused (w, long_key, "32 octets, and this one has 33");
  assert_refused (w, "/nonexistent/key", "storage.encryption-key-file /nonexistent/key can't be read");
}

static void
test_plain (World *w, gconstpointer data)
{
  g_test_summary ("A storage that is not encrypted is not opened with a key");
  stop_node (start_well (w, NULL));
  assert_refused (w, w->key, "not encrypted, but a key is given");
  stop_node (start_well (w, NULL));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add ("/node-sealed/key", World, NULL, set_up, test_key, tear_down);
  g_test_add ("/node-sealed/files", World, NULL, set_up, test_files, tear_down);
  g_test_add ("/node-sealed/plain", World, NULL, set_up, test_plain, tear_down);
  return g_test_run ();
}
