/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Encryption at rest as who runs the programs sees it.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "mkv-mosquitto.h"
#include "mkv-program.h"
#include "mkv-test.h"

typedef struct
{
  char *folder, *data, *first, *second;
  MkvMosquitto *broker; /* NULL where there is none */
  char *environment;
} World;

static void
set_up (World *w, gconstpointer data)
{
  w->folder = g_dir_make_tmp ("mkv-keys-XXXXXX", NULL);
  w->data = g_build_filename (w->folder, "data", NULL);
  w->first = g_build_filename (w->folder, "first.key", NULL);
  w->second = g_build_filename (w->folder, "second.key", NULL);
  w->broker = mkv_mosquitto_new (NULL);
  w->environment = g_strdup_printf ("MKV_NODE=box MKV_BROKER=%s",
                                    w->broker != NULL ? mkv_mosquitto_get_uri (w->broker) : "");
}

static void
tear_down (World *w, gconstpointer data)
{
  g_clear_pointer (&w->broker, mkv_mosquitto_free);
  mkv_test_remove_folder (w->folder);
  g_free (w->folder);
  g_free (w->data);
  g_free (w->first);
  g_free (w->second);
  g_free (w->environment);
}

/* Runs @line; @err is what stderr contains, NULL for nothing. */
static void
check (World *w, const char *line, int status, const char *err)
{
  g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "%s", line);

  if (result->status != status || (err != NULL ? strstr (result->err, err) == NULL : *result->err != 0))
    g_error ("%s: exit status %d, not %d\nstderr: %s\nwithout: %s", line, result->status, status, result->err,
             err != NULL ? err : "being empty");
}

static void
generate (World *w, const char *path)
{
  g_autofree char *line = g_strdup_printf ("merklekv key generate %s", path);

  check (w, line, 0, NULL);
}

/* Returns when the daemon is heard, where there is a broker. */
static MkvDaemonProgram *
start (World *w, const char *key)
{
  g_autofree char *setting = key != NULL ? g_strdup_printf (" --set storage.encryption-key-file=%s", key)
                                         : g_strdup ("");
  MkvDaemonProgram *daemon;

  daemon = mkv_daemon_program_new (NULL, "--set node.client-id=box --set storage.backend=file --set storage.path=%s%s%s%s",
                                   w->data, setting, w->broker != NULL ? " --set transport.broker=" : "",
                                   w->broker != NULL ? mkv_mosquitto_get_uri (w->broker) : "");
  for (guint i = 0; w->broker != NULL; i++)
    {
      g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "merklekv --timeout 1 ping");

      if (result->status == 0)
        break;
      g_assert_cmpuint (i, <, 10);
    }
  return daemon;
}

/* A daemon that can't start says @why, and nothing of the key. */
static void
check_refused (World *w, const char *key, const char *why)
{
  g_autofree char *setting = key != NULL ? g_strdup_printf (" --set storage.encryption-key-file=%s", key)
                                         : g_strdup ("");
  g_autofree char *line = g_strdup_printf ("merklekvd --no-bus --set node.client-id=box --set storage.backend=file "
                                           "--set storage.path=%s%s", w->data, setting);

  check (w, line, 78, why);
}

static void
rekey (World *w, const char *from, const char *to, int status, const char *err)
{
  g_autofree char *old = from != NULL ? g_strdup_printf (" --encryption-key-file %s", from) : g_strdup ("");
  g_autofree char *new = to != NULL ? g_strdup_printf ("--to-key-file %s", to) : g_strdup ("--to-plain");
  g_autofree char *line = g_strdup_printf ("merklekv --store %s --backend file%s rekey %s", w->data, old, new);

  check (w, line, status, err);
}

static gboolean
is_on_disk (World *w, const char *text)
{
  static const char *const names[] = { "journal.jsonl", "snapshot.jsonl" };
  gboolean found = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (w->data, names[i], NULL), *octets = NULL;
      gsize length;

      if (g_file_get_contents (path, &octets, &length, NULL) && memmem (octets, length, text, strlen (text)) != NULL)
        found = TRUE;
    }
  return found;
}

static void
test_generate (World *w, gconstpointer data)
{
  g_autofree char *again = g_strdup_printf ("merklekv key generate %s", w->first), *a = NULL, *b = NULL;
  gsize length;
  GStatBuf status;

  g_test_summary ("key generate makes a file of 32 octets for its owner alone, and never over another");
  generate (w, w->first);
  generate (w, w->second);
  g_assert_cmpint (g_stat (w->first, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_true (g_file_get_contents (w->first, &a, &length, NULL));
  g_assert_cmpuint (length, ==, 32);
  g_assert_true (g_file_get_contents (w->second, &b, NULL, NULL));
  g_assert_cmpint (memcmp (a, b, 32), !=, 0);
  check (w, again, 1, "merklekv: key generate: ");
  check (w, "merklekv key generate /nonexistent/key", 1, "can't be made");
  check (w, "merklekv key destroy x", 2, "key generate FILE");
  check (w, "merklekv key", 2, "usage: merklekv key generate FILE");
}

static void
test_usage (World *w, gconstpointer data)
{
  g_test_summary ("rekey says what is missing or too much");
  check (w, "merklekv rekey --to-plain", 2, "--store");
  check (w, "merklekv --store /nonexistent rekey", 2, "either --to-key-file FILE or --to-plain");
  check (w, "merklekv --store /nonexistent rekey --to-plain --to-key-file x", 2, "either --to-key-file FILE or --to-plain");
  check (w, "merklekv --store /nonexistent/store rekey --to-plain", 78, "/nonexistent/store");
  check (w, "merklekv --store /nonexistent rekey --to-key-file /nonexistent/key", 78, "--to-key-file /nonexistent/key can't be read");
  check (w, "merklekv get k --to-plain", 2, "--to-plain goes with rekey only");
}

static void
test_rekey (World *w, gconstpointer data)
{
  MkvDaemonProgram *daemon;

  g_test_summary ("A daemon's storage is encrypted, gets another key, and is decrypted, while the daemon is away");
  generate (w, w->first);
  generate (w, w->second);
  daemon = start (w, NULL);
  if (w->broker != NULL)
    check (w, "merklekv set readable hidden-value", 0, NULL);
  rekey (w, NULL, w->first, 8, "has it open");
  mkv_daemon_program_free (daemon);
  g_assert_true (is_on_disk (w, "node-id"));
  if (w->broker != NULL)
    g_assert_true (is_on_disk (w, "hidden-value"));

  check_refused (w, w->first, "not encrypted, but a key is given");
  rekey (w, NULL, w->first, 0, NULL);
  g_assert_false (is_on_disk (w, "hidden-value"));
  check_refused (w, NULL, "no key is given");
  check_refused (w, w->second, "another than the one");
  rekey (w, w->first, w->second, 0, NULL);
  /* Once more, as who does not know whether it came to its end. */
  rekey (w, w->first, w->second, 0, NULL);
  rekey (w, w->first, NULL, 78, "The key is another than the one that the storage is encrypted with: set "
                                "--encryption-key-file");
  check_refused (w, w->first, "another than the one");

  daemon = start (w, w->second);
  if (w->broker != NULL)
    {
      g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "merklekv get readable");

      g_assert_cmpstr (result->out, ==, "hidden-value");
    }
  mkv_daemon_program_free (daemon);
  g_assert_false (is_on_disk (w, "hidden-value"));
  rekey (w, w->second, NULL, 0, NULL);
  mkv_daemon_program_free (start (w, NULL));
  if (w->broker != NULL)
    g_assert_true (is_on_disk (w, "hidden-value"));
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add ("/program-keys/generate", World, NULL, set_up, test_generate, tear_down);
  g_test_add ("/program-keys/usage", World, NULL, set_up, test_usage, tear_down);
  g_test_add ("/program-keys/rekey", World, NULL, set_up, test_rekey, tear_down);
  return g_test_run ();
}
