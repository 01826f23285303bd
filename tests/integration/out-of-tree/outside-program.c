/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * An application as somebody else would write it: uses the codec, and says what
 * came of it. */
#include <merklekv.h>

int
main (int argc, char **argv)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (GObject) codec = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = NULL;
  guint n_encoded;

  codec = mkv_plugin_registry_create (registry, MKV_PLUGIN_CODEC, "outside-plain", &error);
  if (codec == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  g_ptr_array_add (entries, mkv_entry_new ("the-key", NULL, 1, "node", 1, &error));
  g_assert_no_error (error);
  payload = mkv_codec_encode_events (MKV_CODEC (codec), entries, 100, &n_encoded, &error);
  g_assert_no_error (error);
  g_print ("%s %.*s\n", G_OBJECT_TYPE_NAME (codec), (int) g_bytes_get_size (payload),
           (const char *) g_bytes_get_data (payload, NULL));
  return 0;
}
