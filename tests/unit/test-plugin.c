/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <merklekv.h>

#include <glib/gstdio.h>
#include <string.h>

#include "mkv-test.h"

/* A class of the application's own, as good as none. */
#define TEST_TYPE_CODEC (test_codec_get_type ())
G_DECLARE_FINAL_TYPE (TestCodec, test_codec, TEST, CODEC, GObject)

struct _TestCodec
{
  GObject parent_instance;
};

static const char *
test_codec_get_content_type (MkvCodec *codec)
{
  return "application/test";
}

static GBytes *
test_codec_encode_events (MkvCodec *codec, GPtrArray *entries, gsize max_bytes, guint *n_encoded, GError **error)
{
  return NULL;
}

static GPtrArray *
test_codec_decode_events (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return NULL;
}

static void
test_codec_codec_init (MkvCodecInterface *iface)
{
  iface->get_content_type = test_codec_get_content_type;
  iface->encode_events = test_codec_encode_events;
  iface->decode_events = test_codec_decode_events;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestCodec, test_codec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, test_codec_codec_init))

static void
test_codec_class_init (TestCodecClass *klass)
{
}

static void
test_codec_init (TestCodec *self)
{
}

/* One that encodes commands and can't decode them. */
#define TEST_TYPE_HALF_CODEC (test_half_codec_get_type ())
G_DECLARE_FINAL_TYPE (TestHalfCodec, test_half_codec, TEST, HALF_CODEC, GObject)

struct _TestHalfCodec
{
  GObject parent_instance;
};

static GBytes *
test_half_codec_encode_command (MkvCodec *codec, MkvCommand *command, GError **error)
{
  return NULL;
}

static MkvSyncMessage *
test_half_codec_decode_sync (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return NULL;
}

static void
test_half_codec_codec_init (MkvCodecInterface *iface)
{
  test_codec_codec_init (iface);
  iface->encode_command = test_half_codec_encode_command;
  iface->decode_sync = test_half_codec_decode_sync;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestHalfCodec, test_half_codec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, test_half_codec_codec_init))

static void
test_half_codec_class_init (TestHalfCodecClass *klass)
{
}

static void
test_half_codec_init (TestHalfCodec *self)
{
}

static MkvPluginInfo *
find_info (MkvPluginRegistry *registry, const char *name, guint *n_found)
{
  g_autoptr (MkvPluginInfo) found = NULL;

  *n_found = 0;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (registry)); i++)
    {
      g_autoptr (MkvPluginInfo) info = g_list_model_get_item (G_LIST_MODEL (registry), i);

      if (!g_str_equal (mkv_plugin_info_get_name (info), name))
        continue;
      g_set_object (&found, info);
      ++*n_found;
    }
  return g_steal_pointer (&found);
}

typedef struct
{
  const char *name;
  MkvPluginError code;
  const char *says[3];
} Broken;

static const Broken broken[] = {
  { "no-module", MKV_PLUGIN_ERROR_CANNOT_OPEN, { "can't be opened", "install it anew" } },
  { "unresolved", MKV_PLUGIN_ERROR_CANNOT_OPEN, { "mkv_fixture_symbol_that_nobody_has" } },
  { "no-descriptor", MKV_PLUGIN_ERROR_NO_DESCRIPTOR, { "mkv_plugin_storage_no_descriptor" } },
  { "other-abi", MKV_PLUGIN_ERROR_OTHER_ABI, { "plugin ABI 2", "has 1" } },
  { "other-size", MKV_PLUGIN_ERROR_OTHER_ABI, { "octets instead of", "build it anew" } },
  { "other-name", MKV_PLUGIN_ERROR_OTHER_NAME, { "storage/an-other", "storage/other-name" } },
  { "no-get-type", MKV_PLUGIN_ERROR_WRONG_INTERFACE, { "no function that gives the type" } },
  { "no-type", MKV_PLUGIN_ERROR_WRONG_INTERFACE, { "gives no type" } },
  { "wrong-interface", MKV_PLUGIN_ERROR_WRONG_INTERFACE, { "MkvFixture_wrong_interface", "MkvStorage" } },
  { "abstract", MKV_PLUGIN_ERROR_WRONG_INTERFACE, { "MkvFixture_abstract", "abstract" } },
  { "missing-vfunc", MKV_PLUGIN_ERROR_MISSING_VFUNC, { "apply, get_meta", "MkvStorage" } },
};

static void
test_broken (gconstpointer data)
{
  const Broken *plugin = data;
  g_autofree char *file_name = g_strdup_printf ("mkv-storage-%s.so", plugin->name);
  const char *file;
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvPluginInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;
  guint n_found;

  g_test_summary ("A broken plugin is refused with its own error, and stays listed with the reason");
  info = find_info (registry, plugin->name, &n_found);
  g_assert_cmpuint (n_found, ==, 1);
  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_NOT_LOADED);
  g_assert_null (mkv_plugin_info_get_error (info));

  g_assert_null (mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, plugin->name, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, (gint) plugin->code);
  file = g_test_get_filename (G_TEST_BUILT, "fixtures", "plugins", file_name, NULL);
  g_assert_cmpstr (mkv_plugin_info_get_file (info), ==, file);
  g_assert_nonnull (strstr (error->message, file));
  for (guint i = 0; i < G_N_ELEMENTS (plugin->says) && plugin->says[i] != NULL; i++)
    if (strstr (error->message, plugin->says[i]) == NULL)
      g_error ("“%s” does not say “%s”", error->message, plugin->says[i]);

  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_FAILED);
  g_assert_cmpstr (mkv_plugin_info_get_error (info)->message, ==, error->message);
  g_assert_false (mkv_plugin_registry_load (registry, MKV_PLUGIN_STORAGE, plugin->name, &again));
  g_assert_error (again, MKV_PLUGIN_ERROR, (gint) plugin->code);
  g_assert_cmpstr (again->message, ==, error->message);
}

static void
test_init_failed (void)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvPluginInfo) info = NULL;
  g_autoptr (GObject) object = NULL;
  g_autoptr (GError) error = NULL;
  guint n_found;

  g_test_summary ("An object that can't be initialized says why, and can be tried again");
  info = find_info (registry, "init-failed", &n_found);
  g_assert_null (mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "init-failed", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_INIT_FAILED);
  g_assert_nonnull (strstr (error->message, "the moon is full"));
  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_FAILED);
  g_clear_error (&error);

  object = mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "init-failed", &error);
  g_assert_no_error (error);
  g_assert_true (MKV_IS_STORAGE (object));
  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_LOADED);
  g_assert_null (mkv_plugin_info_get_error (info));

  g_assert_null (mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "init-silent", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_INIT_FAILED);
  g_assert_nonnull (strstr (error->message, "it did not say why"));
}

static void
test_silent (void)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (MkvPluginInfo) info = NULL;
  g_autoptr (GObject) object = NULL;
  guint64 n_entries, n_tombstones, n_bytes;
  GError *error = NULL;
  MkvStorage *storage;
  guint n_found;

  g_test_summary ("FALSE or NULL without an error is an error, never “not found”");
  object = mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "silent", &error);
  g_assert_no_error (error);
  storage = MKV_STORAGE (object);
  info = find_info (registry, "silent", &n_found);
  g_assert_cmpint (mkv_plugin_info_get_kind (info), ==, MKV_PLUGIN_STORAGE);
  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_LOADED);
  g_assert_cmpstr (mkv_plugin_info_get_version (info), ==, "1.2");
  g_assert_cmpstr (mkv_plugin_info_get_licence (info), ==, "LGPL-2.1-or-later");
  g_assert_cmpstr (mkv_plugin_info_get_description (info), ==, "Broken on purpose");

#define ASSERT_FAILED(call, vfunc)                                                               \
  G_STMT_START                                                                                   \
  {                                                                                              \
    g_assert_cmpint (!(call), ==, TRUE);                                                         \
    g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_FAILED);                           \
    g_assert_cmpstr (error->message, ==, "MkvFixture_silent." vfunc " failed without saying why"); \
    g_clear_error (&error);                                                                      \
  }                                                                                              \
  G_STMT_END
  ASSERT_FAILED (mkv_storage_open (storage, NULL, NULL, &error), "open");
  ASSERT_FAILED (mkv_storage_get (storage, "key", &error), "get");
  ASSERT_FAILED (mkv_storage_scan (storage, NULL, NULL, 10, &error), "scan");
  ASSERT_FAILED (mkv_storage_apply (storage, batch, &error), "apply");
  ASSERT_FAILED (mkv_storage_get_meta (storage, "name", &error), "get_meta");
  ASSERT_FAILED (mkv_storage_scan_meta (storage, NULL, NULL, 10, &error), "scan_meta");
  ASSERT_FAILED (mkv_storage_stats (storage, &n_entries, &n_tombstones, &n_bytes, &error), "stats");
  ASSERT_FAILED (mkv_storage_compact (storage, &error), "compact");
  ASSERT_FAILED (mkv_storage_verify (storage, &error), "verify");
  ASSERT_FAILED (mkv_storage_close (storage, &error), "close");
#undef ASSERT_FAILED
}

static void
test_not_found (void)
{
  static const char *const bad_names[] = { "", "../storage-silent", "a/b", "A", "a_b", "a.b", "ä", "silent\n" };
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  GError *error = NULL;

  g_test_summary ("A plugin that is not there: where it was looked for, and what is there");
  g_assert_null (mkv_plugin_registry_create (registry, MKV_PLUGIN_STORAGE, "nowhere", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "mkv-storage-nowhere.so"));
  g_assert_nonnull (strstr (error->message, g_test_get_filename (G_TEST_BUILT, "fixtures", "plugins", NULL)));
  g_assert_nonnull (strstr (error->message, ", silent, "));
  g_clear_error (&error);
  g_assert_null (mkv_plugin_registry_create (registry, MKV_PLUGIN_TRANSPORT, "silent", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND);
  g_clear_error (&error);

  for (guint i = 0; i < G_N_ELEMENTS (bad_names); i++)
    {
      g_assert_false (mkv_plugin_registry_load (registry, MKV_PLUGIN_STORAGE, bad_names[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      g_assert_false (
          mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, bad_names[i], TEST_TYPE_CODEC, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
}

static void
on_items_changed (GListModel *list, guint position, guint removed, guint added, gpointer user_data)
{
  g_string_append_printf (user_data, "-%u+%u ", removed, added);
}

static void
test_add_type (void)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (MkvPluginRegistry) other = mkv_plugin_registry_new ();
  g_autoptr (GString) changes = g_string_new (NULL);
  g_autoptr (MkvPluginInfo) info = NULL;
  g_autoptr (GObject) codec = NULL;
  GError *error = NULL;
  guint n_found;

  g_test_summary ("A class that comes from no file is a plugin of the registry it was added to");
  g_signal_connect (registry, "items-changed", G_CALLBACK (on_items_changed), changes);
  g_assert_true (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "own", TEST_TYPE_CODEC, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (changes->str, ==, "-0+1 ");
  info = find_info (registry, "own", &n_found);
  g_assert_null (mkv_plugin_info_get_file (info));
  g_assert_null (mkv_plugin_info_get_version (info));
  g_assert_cmpint (mkv_plugin_info_get_state (info), ==, MKV_PLUGIN_LOADED);

  codec = mkv_plugin_registry_create (registry, MKV_PLUGIN_CODEC, "own", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_codec_get_content_type (MKV_CODEC (codec)), ==, "application/test");
  g_assert_false (mkv_codec_has_commands (MKV_CODEC (codec)));
  g_assert_false (mkv_codec_has_sync (MKV_CODEC (codec)));

  g_assert_false (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "own", TEST_TYPE_CODEC, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_STORAGE, "own", TEST_TYPE_CODEC, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE);
  g_clear_error (&error);
  g_assert_false (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "half", TEST_TYPE_HALF_CODEC, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_MISSING_VFUNC);
  g_assert_nonnull (strstr (error->message, "decode_command, encode_response, decode_response, encode_sync"));
  g_clear_error (&error);
  g_assert_false (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "int", G_TYPE_INT, &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE);
  g_clear_error (&error);

  g_assert_null (mkv_plugin_registry_create (other, MKV_PLUGIN_CODEC, "own", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NOT_FOUND);
  g_clear_error (&error);
}

/* Makes an empty file, so a plugin that can't be opened. */
static char *
make_file (const char *folder, const char *name)
{
  char *file = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  return file;
}

static void
test_list (void)
{
  g_autofree char *old_path = g_strdup (g_getenv ("MKV_PLUGIN_PATH"));
  g_autofree char *first = g_dir_make_tmp ("mkv-plugin-XXXXXX", NULL);
  g_autofree char *second = g_dir_make_tmp ("mkv-plugin-XXXXXX", NULL);
  g_autofree char *path = g_strdup_printf (":%s::%s/../%s:/nowhere", first, second, strrchr (second, '/') + 1);
  char *files[] = {
    make_file (first, "mkv-storage-zwei.so"), make_file (second, "mkv-storage-zwei.so"),
    make_file (second, "mkv-codec-eins.so"),  make_file (second, "mkv-storage-a-b.so"),
    make_file (second, "mkv-storage-A.so"),   make_file (second, "mkv-storage-.so"),
    make_file (second, "mkv-bus-x.so"),       make_file (second, "mkv-codec-b.so.1"),
    make_file (second, "libmkv-codec-c.so"),
  };
  g_autofree char *late = NULL;
  g_autoptr (MkvPluginRegistry) registry = NULL;
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GString) changes = g_string_new (NULL);
  g_autoptr (MkvPluginInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  guint n_before, n_found;

  g_test_summary ("The list: by kind and name, each once, the first folder wins; what comes later is found too");
  g_setenv ("MKV_PLUGIN_PATH", path, TRUE);
  registry = mkv_plugin_registry_new ();
  g_setenv ("MKV_PLUGIN_PATH", old_path, TRUE);
  g_assert_cmpuint (g_list_model_get_item_type (G_LIST_MODEL (registry)), ==, MKV_TYPE_PLUGIN_INFO);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (registry)); i++)
    {
      g_autoptr (MkvPluginInfo) item = g_list_model_get_item (G_LIST_MODEL (registry), i);
      g_autofree char *folder = g_path_get_dirname (mkv_plugin_info_get_file (item));

      /* The library may be installed, with plugins. */
      if (g_str_equal (folder, first) || g_str_equal (folder, second))
        g_string_append_printf (seen, "%d/%s%s ", (gint) mkv_plugin_info_get_kind (item),
                                mkv_plugin_info_get_name (item), g_str_equal (folder, first) ? "!" : "");
      g_assert_cmpint (mkv_plugin_info_get_state (item), ==, MKV_PLUGIN_NOT_LOADED);
    }
  g_assert_cmpstr (seen->str, ==, "0/a-b 0/zwei! 2/eins ");
  n_before = g_list_model_get_n_items (G_LIST_MODEL (registry));
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (registry), n_before));

  late = make_file (first, "mkv-transport-late.so");
  g_signal_connect (registry, "items-changed", G_CALLBACK (on_items_changed), changes);
  g_assert_false (mkv_plugin_registry_load (registry, MKV_PLUGIN_TRANSPORT, "late", &error));
  g_assert_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_CANNOT_OPEN);
  g_assert_cmpstr (changes->str, ==, "-0+1 -1+1 ");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (registry)), ==, n_before + 1);

  g_string_truncate (changes, 0);
  g_assert_true (mkv_plugin_registry_add_type (registry, MKV_PLUGIN_CODEC, "eins", TEST_TYPE_CODEC, NULL));
  g_assert_cmpstr (changes->str, ==, "-1+1 ");
  info = find_info (registry, "eins", &n_found);
  g_assert_cmpuint (n_found, ==, 1);
  g_assert_null (mkv_plugin_info_get_file (info));

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_unlink (files[i]);
      g_free (files[i]);
    }
  g_unlink (late);
  g_assert_cmpint (g_rmdir (first), ==, 0);
  g_assert_cmpint (g_rmdir (second), ==, 0);
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = NULL;

  mkv_test_init (&argc, &argv, 60);
  folder = g_test_build_filename (G_TEST_BUILT, "fixtures", "plugins", NULL);
  g_setenv ("MKV_PLUGIN_PATH", folder, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autofree char *path = g_strdup_printf ("/plugin/broken/%s", broken[i].name);

      g_test_add_data_func (path, &broken[i], test_broken);
    }
  g_test_add_func ("/plugin/init-failed", test_init_failed);
  g_test_add_func ("/plugin/silent", test_silent);
  g_test_add_func ("/plugin/not-found", test_not_found);
  g_test_add_func ("/plugin/add-type", test_add_type);
  g_test_add_func ("/plugin/list", test_list);
  return g_test_run ();
}
