/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Notes, kept in a MerkleKV store: see README.md. To build it:
 *
 *   cc -o notes notes.c $(pkg-config --cflags --libs merklekv-1 gio-unix-2.0) */
#include <gio/gunixinputstream.h>
#include <locale.h>
#include <merklekv.h>

/* A store may hold what others keep as well: each takes keys of its own. */
#define PREFIX "notes/"
#define PAGE 100

static const char usage[] = "usage: notes [--bus | --folder FOLDER] [COMMAND]\n"
                            "\n"
                            "  add NAME TEXT     makes a note\n"
                            "  append NAME TEXT  adds a line to a note\n"
                            "  show NAME         prints a note\n"
                            "  list              prints the names of all notes\n"
                            "  search PREFIX     prints the names that begin so\n"
                            "  remove NAME       removes a note\n"
                            "  watch             tells, from now on, what changes\n"
                            "\n"
                            "Without a command, and after watch, commands come from the standard input.\n"
                            "With --bus the daemon keeps the notes, and has them on all devices.\n";

typedef struct
{
  MkvStore *store;
  GDataInputStream *input; /* of commands; NULL if there is one alone */
  char *key;               /* what the command is about */
  GBytes *text;
  gboolean failed;
  gboolean done;
} Notes;

static void run (Notes *notes, const char *line);

/* The one place that knows which kind of store it is: the daemon's, or, with a
 * folder, one in this process. */
static MkvStore *
make_store (const char *folder, GError **error)
{
  g_autoptr (MkvPluginRegistry) plugins = mkv_plugin_registry_new ();
  g_autoptr (GObject) storage = NULL;

  if (folder == NULL)
    return (MkvStore *) mkv_bus_store_new_for_bus (G_BUS_TYPE_SESSION, PREFIX, NULL, error);

  storage = mkv_plugin_registry_create (plugins, MKV_PLUGIN_STORAGE, "file", error);
  if (storage == NULL || !mkv_storage_open (MKV_STORAGE (storage), folder, NULL, error))
    return NULL;
  return (MkvStore *) mkv_local_store_new (MKV_STORAGE (storage), "notes", error);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Notes *notes = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line_finish_utf8 (notes->input, result, NULL, &error);

  if (line != NULL)
    {
      run (notes, line);
      return;
    }
  if (error != NULL)
    g_printerr ("notes: %s\n", error->message);
  notes->failed |= error != NULL;
  notes->done = TRUE;
}

static void
read_on (Notes *notes)
{
  if (notes->input == NULL)
    {
      g_autoptr (GInputStream) stream = g_unix_input_stream_new (STDIN_FILENO, FALSE);

      notes->input = g_data_input_stream_new (stream);
    }
  g_data_input_stream_read_line_async (notes->input, G_PRIORITY_DEFAULT, NULL, on_line, notes);
}

/* Every command ends here. */
static void
finish (Notes *notes, const GError *error)
{
  if (g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    g_printerr ("notes: there is no note “%s”\n", notes->key + strlen (PREFIX));
  else if (error != NULL)
    g_printerr ("notes: %s\n", error->message);
  notes->failed |= error != NULL;

  if (notes->input != NULL)
    read_on (notes);
  else
    notes->done = TRUE;
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  mkv_store_set_finish (MKV_STORE (source), result, &error);
  finish (user_data, error);
}

static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Notes *notes = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) old = mkv_store_get_finish (MKV_STORE (source), result, &error);

  if (g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      mkv_store_set_async (notes->store, notes->key, notes->text, NULL, on_added, notes);
      return;
    }
  if (old != NULL)
    g_set_error (&error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, "there is a note “%s” already", notes->key + strlen (PREFIX));
  finish (notes, error);
}

static void
on_appended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) whole = mkv_store_append_finish (MKV_STORE (source), result, &error);

  finish (user_data, error);
}

static void
on_shown (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_store_get_entry_finish (MKV_STORE (source), result, &error);
  g_autofree char *text = entry != NULL ? mkv_entry_dup_text (entry) : NULL;

  if (entry != NULL)
    g_print ("%s", text != NULL ? text : "(no text)\n");
  finish (user_data, error);
}

static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  mkv_store_delete_finish (MKV_STORE (source), result, &error);
  finish (user_data, error);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Notes *notes = user_data;
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;
  g_auto (GStrv) keys = mkv_store_list_keys_finish (MKV_STORE (source), result, &more, &error);
  guint n_keys = keys != NULL ? g_strv_length (keys) : 0;

  for (guint i = 0; i < n_keys; i++)
    g_print ("%s\n", keys[i] + strlen (PREFIX));
  if (more)
    mkv_store_list_keys_async (notes->store, notes->key, keys[n_keys - 1], PAGE, NULL, on_listed, notes);
  else
    finish (notes, error);
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  const char *key = mkv_entry_get_key (entry);

  if (g_str_has_prefix (key, PREFIX))
    g_print ("* %s was %s\n", key + strlen (PREFIX), mkv_entry_is_tombstone (entry) ? "removed" : "written");
}

static void
run (Notes *notes, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  guint n_words = g_strv_length (words);
  const char *command = n_words > 0 ? words[0] : "";
  gboolean has_name = n_words > 1, has_text = n_words > 2;

  g_free (notes->key);
  notes->key = g_strconcat (PREFIX, has_name ? words[1] : NULL, NULL);
  if (has_text)
    {
      g_autofree char *text = g_strconcat (words[2], "\n", NULL);

      g_clear_pointer (&notes->text, g_bytes_unref);
      notes->text = g_bytes_new (text, strlen (text));
    }

  if (g_str_equal (command, "add") && has_text)
    mkv_store_get_async (notes->store, notes->key, NULL, on_looked, notes);
  else if (g_str_equal (command, "append") && has_text)
    mkv_store_append_async (notes->store, notes->key, notes->text, NULL, on_appended, notes);
  else if (g_str_equal (command, "show") && has_name)
    mkv_store_get_entry_async (notes->store, notes->key, NULL, on_shown, notes);
  else if (g_str_equal (command, "remove") && has_name)
    mkv_store_delete_async (notes->store, notes->key, NULL, on_removed, notes);
  else if (g_str_equal (command, "list") || (g_str_equal (command, "search") && has_name))
    mkv_store_list_keys_async (notes->store, notes->key, NULL, PAGE, NULL, on_listed, notes);
  else if (g_str_equal (command, "watch"))
    {
      g_signal_connect (notes->store, "changed", G_CALLBACK (on_changed), NULL);
      read_on (notes);
    }
  else
    {
      g_autoptr (GError) error = g_error_new (MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                                              "“%s” is no command, or lacks something: see --help", line);

      finish (notes, error);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "merklekv-notes", NULL);
  g_autoptr (GError) error = NULL;
  Notes notes = { 0 };

  setlocale (LC_ALL, "");
  if (argc > 1 && g_str_equal (argv[1], "--bus"))
    {
      g_clear_pointer (&folder, g_free);
      argv++;
    }
  else if (argc > 2 && g_str_equal (argv[1], "--folder"))
    {
      g_free (folder);
      folder = g_strdup (argv[2]);
      argv += 2;
    }
  if (argv[1] != NULL && g_str_has_prefix (argv[1], "--"))
    {
      g_print ("%s", usage);
      return g_str_equal (argv[1], "--help") ? 0 : 2;
    }

  notes.store = make_store (folder, &error);
  if (notes.store == NULL)
    {
      g_printerr ("notes: %s\n", error->message);
      return 1;
    }
  if (argv[1] != NULL)
    {
      g_autofree char *line = g_strjoinv (" ", argv + 1);

      run (&notes, line);
    }
  else
    read_on (&notes);
  while (!notes.done)
    g_main_context_iteration (NULL, TRUE);

  g_clear_object (&notes.input);
  g_clear_object (&notes.store);
  g_free (notes.key);
  g_clear_pointer (&notes.text, g_bytes_unref);
  return notes.failed ? 1 : 0;
}
