/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The other end of mkv-peer.c: reads a request a line, answers with lines and a
 * dot.
 */
#include <glib-unix.h>
#include <gio/gunixinputstream.h>
#include <merklekv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mkv-peer.h"
#include "mkv-test-storage.h"

#define WRITE_INTERVAL_MS 2

typedef struct
{
  MkvNode *node;
  gboolean started;
  gboolean asked_started;
  gboolean quit;
  char *many_prefix;
  guint many_next, many_end;
} Peer;

static void
end_answer (void)
{
  puts (".");
  fflush (stdout);
}

static void
set (Peer *peer, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = g_bytes_new (value, strlen (value));
  g_autoptr (GError) error = NULL;

  if (!mkv_store_set (mkv_node_get_store (peer->node), key, bytes, NULL, &error))
    puts (error->message);
}

static gboolean
write_next (gpointer user_data)
{
  Peer *peer = user_data;
  g_autofree char *key = g_strdup_printf ("%s-%u", peer->many_prefix, peer->many_next);

  set (peer, key, key);
  return ++peer->many_next < peer->many_end;
}

static void
dump (Peer *peer)
{
  MkvStore *store = mkv_node_get_store (peer->node);
  g_autofree char *after = NULL;
  gboolean more = TRUE;

  while (more)
    {
      g_auto (GStrv) keys = mkv_store_list_keys (store, NULL, after, MKV_MAX_LIST_KEYS, &more, NULL, NULL);

      for (guint i = 0; keys[i] != NULL; i++)
        {
          g_autoptr (MkvEntry) entry = mkv_store_get_entry (store, keys[i], NULL, NULL);
          g_autofree char *text = entry != NULL ? mkv_entry_dup_text (entry) : NULL;

          if (text != NULL)
            printf ("%s=%s\n", keys[i], text);
          g_free (after);
          after = g_strdup (keys[i]);
        }
    }
}

static void
print_nick (GType type, gint value)
{
  GEnumClass *klass = g_type_class_ref (type);

  puts (g_enum_get_value (klass, value)->value_nick);
  g_type_class_unref (klass);
}

static void
health (Peer *peer)
{
  g_auto (GStrv) conditions = mkv_node_list_conditions (peer->node);

  print_nick (MKV_TYPE_HEALTH, (gint) mkv_node_get_health (peer->node));
  for (guint i = 0; conditions[i] != NULL; i++)
    puts (conditions[i]);
}

static void
counter (Peer *peer, const char *name)
{
  g_autoptr (GVariant) counters = mkv_node_list_counters (peer->node);
  guint64 count;

  if (g_variant_lookup (counters, name, "t", &count))
    printf ("%" G_GUINT64_FORMAT "\n", count);
}

static void
answer (Peer *peer, char **words)
{
  guint n = g_strv_length (words);

  if (g_str_equal (words[0], "set") && n == 3)
    set (peer, words[1], words[2]);
  else if (g_str_equal (words[0], "delete") && n == 2)
    mkv_store_delete (mkv_node_get_store (peer->node), words[1], NULL, NULL);
  else if (g_str_equal (words[0], "many") && n == 3)
    {
      g_free (peer->many_prefix);
      peer->many_prefix = g_strdup (words[1]);
      peer->many_next = 0;
      peer->many_end = (guint) g_ascii_strtoull (words[2], NULL, 10);
      g_timeout_add (WRITE_INTERVAL_MS, write_next, peer);
    }
  else if (g_str_equal (words[0], "hold"))
    mkv_test_storage_hold_all ();
  else if (g_str_equal (words[0], "dump"))
    dump (peer);
  else if (g_str_equal (words[0], "state"))
    print_nick (MKV_TYPE_NODE_STATE, (gint) mkv_node_get_state (peer->node));
  else if (g_str_equal (words[0], "health"))
    health (peer);
  else if (g_str_equal (words[0], "unwritten"))
    printf ("%u\n", peer->many_end - peer->many_next);
  else if (g_str_equal (words[0], "counter") && n == 2)
    counter (peer, words[1]);
  else
    printf ("no request: %s\n", words[0]);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Peer *peer = user_data;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, NULL, NULL);
  g_auto (GStrv) words = NULL;

  /* The test has gone. */
  if (line == NULL)
    _exit (1);
  words = g_strsplit (line, " ", 3);
  if (g_str_equal (line, "wait-started"))
    {
      peer->asked_started = TRUE;
      if (peer->started)
        end_answer ();
    }
  else
    {
      answer (peer, words);
      end_answer ();
    }
  g_data_input_stream_read_line_async (G_DATA_INPUT_STREAM (source), G_PRIORITY_DEFAULT, NULL, on_line, peer);
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Peer *peer = user_data;
  g_autoptr (GError) error = NULL;

  if (!mkv_node_start_finish (MKV_NODE (source), result, &error))
    puts (error->message);
  peer->started = TRUE;
  if (peer->asked_started)
    end_answer ();
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Peer *) user_data)->quit = TRUE;
}

static gboolean
on_sigterm (gpointer user_data)
{
  Peer *peer = user_data;

  mkv_node_stop_async (peer->node, NULL, on_stopped, peer);
  return G_SOURCE_CONTINUE;
}

gboolean
mkv_peer_main (int argc, char **argv)
{
  g_autoptr (MkvConfig) config = NULL;
  g_autoptr (MkvPluginRegistry) registry = NULL;
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autoptr (GError) error = NULL;
  Peer peer = { 0 };

  if (argc < 2 || !g_str_equal (argv[1], "--peer"))
    return FALSE;
  config = mkv_config_new ();
  registry = mkv_plugin_registry_new ();
  mkv_plugin_registry_add_type (registry, MKV_PLUGIN_STORAGE, "held", MKV_TYPE_TEST_STORAGE, &error);
  for (gint i = 2; i < argc && error == NULL; i++)
    {
      g_auto (GStrv) pair = g_strsplit (argv[i], "=", 2);

      mkv_config_set (config, pair[0], pair[1], &error);
    }
  if (error != NULL)
    g_error ("%s", error->message);
  peer.node = mkv_node_new_full (config, registry, NULL);
  mkv_node_start_async (peer.node, NULL, on_started, &peer);
  g_unix_signal_add (SIGTERM, on_sigterm, &peer);
  input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  lines = g_data_input_stream_new (input);
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, &peer);
  while (!peer.quit)
    g_main_context_iteration (NULL, TRUE);
  /* A line may still be waited for, and held writes never end. */
  _exit (0);
}
