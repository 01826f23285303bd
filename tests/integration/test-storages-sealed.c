/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * merklekv --store on a storage that is encrypted: with its key, with another,
 * and without one.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "mkv-storages-world.h"
#include "mkv-test.h"

#define VALUE "a-value-nobody-sees"

/* All that --store takes; %s is the folder of the test. */
static const char *const verbs[] = {
  "get a", "set a 9", "del a", "incr n", "decr n", "append a 9", "prepend a 9", "mget a b", "mset a=9 b=9", "keys",
  "info", "dump", "dump --format cbor", "dump --format dconf", "load %s/load.jsonl", "backup %s/other-copy", "verify",
  "repair", "compact", "stats", "doctor", "rekey --to-plain", "rekey --to-key-file %s/other.key",
};

static char *
make_line (MkvStoragesWorld *w, const char *key, const char *verb)
{
  g_auto (GStrv) parts = g_strsplit (verb, "%s", -1);
  g_autofree char *rest = g_strjoinv (w->folder, parts);

  return key != NULL ? g_strdup_printf ("--encryption-key-file %s/%s.key %s", w->folder, key, rest)
                     : g_steal_pointer (&rest);
}

static void
check (MkvStoragesWorld *w, const char *name, const char *key, const char *verb, int status, const char *out,
       const char *err)
{
  g_autofree char *line = make_line (w, key, verb);

  mkv_storages_world_check_with (w, name, NULL, line, status, out, err);
}

/* It says why in one line, and nothing else. */
static void
check_refused (MkvStoragesWorld *w, const char *name, const char *key, const char *verb, const char *why)
{
  g_autofree char *line = make_line (w, key, verb);
  g_autoptr (MkvProgramResult) result = mkv_storages_world_run (w, name, NULL, line);
  const char *end = strchr (result->err, '\n');

  if (result->status != 78 || *result->out != 0 || strstr (result->err, why) == NULL || end == NULL || end[1] != 0 ||
      strstr (result->err, "--encryption-key-file") == NULL || !g_utf8_validate (result->err, -1, NULL))
    g_error ("%s: exit status %d, not 78\nstdout: %s\nstderr: %s\nwithout: %s", line, result->status, result->out,
             result->err, why);
}

static char *
read_dump (MkvStoragesWorld *w, const char *name, const char *key)
{
  g_autofree char *line = make_line (w, key, "dump");
  g_autoptr (MkvProgramResult) result = mkv_storages_world_run (w, name, NULL, line);

  g_assert_cmpint (result->status, ==, 0);
  return g_strdup (result->out);
}

/* Whether a file of the storage has @text in it. */
static gboolean
is_on_disk (MkvStoragesWorld *w, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (w->folder, name, NULL);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  gboolean found = FALSE;
  const char *file;

  g_assert_nonnull (folder);
  while ((file = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file_path = g_build_filename (path, file, NULL), *octets = NULL;
      gsize length;

      g_assert_true (g_file_get_contents (file_path, &octets, &length, NULL));
      found = found || memmem (octets, length, text, strlen (text)) != NULL;
    }
  return found;
}

/* Keys, a storage “s” of which the first is the key, and a copy of it. */
static void
set_up (MkvStoragesWorld *w, gconstpointer data)
{
  g_autofree char *load = NULL;

  mkv_storages_world_set_up (w, data);
  load = g_build_filename (w->folder, "load.jsonl", NULL);
  g_assert_true (g_file_set_contents (load, "{\"key\":\"loaded\",\"value\":\"1\"}\n", -1, NULL));
  check (w, "s", NULL, "key generate %s/right.key", 0, "", NULL);
  check (w, "s", NULL, "key generate %s/other.key", 0, "", NULL);
  check (w, "s", "right", "mset a=" VALUE " b=2", 0, "", NULL);
  check (w, "s", "right", "incr n", 0, "1\n", NULL);
  check (w, "s", "right", "backup %s/copy", 0, "", NULL);
}

static void
test_right_key (MkvStoragesWorld *w, gconstpointer data)
{
  g_autofree char *doctor = make_line (w, "right", "doctor"), *stats = make_line (w, "right", "stats");
  g_autofree char *restore = make_line (w, "right", "restore %s/copy");
  g_autoptr (MkvProgramResult) told = NULL, counted = NULL, restored = NULL;
  g_autofree char *before = NULL, *after = NULL;

  g_test_summary ("With its key, an encrypted storage does all that another does, and no value is in a file");
  check (w, "s", "right", "get a", 0, VALUE, NULL);
  check (w, "s", "right", "load %s/load.jsonl", 0, "", NULL);
  check (w, "s", "right", "keys", 0, "a\nb\nloaded\nn\n", NULL);
  check (w, "s", "right", "verify", 0, "", NULL);
  check (w, "s", "right", "repair", 0, "", NULL);
  check (w, "s", "right", "compact", 0, "", NULL);
  check (w, "s", "right", "verify", 0, "", NULL);
  counted = mkv_storages_world_run (w, "s", NULL, stats);
  g_assert_cmpint (counted->status, ==, 0);
  g_assert_nonnull (strstr (counted->out, "\nentries: 4\n"));
  told = mkv_storages_world_run (w, "s", NULL, doctor);
  g_assert_cmpint (told->status, ==, 0);
  g_assert_nonnull (strstr (told->out, "encrypted: values, and who wrote them when; readable without the key: the "
                                       "names of keys"));
  g_assert_false (is_on_disk (w, "s", VALUE));
  g_assert_false (is_on_disk (w, "copy", VALUE));

  restored = mkv_storages_world_run (w, "t", NULL, restore);
  g_assert_cmpint (restored->status, ==, 0);
  check (w, "t", "right", "mget a b n", 0, "a\t" VALUE "\nb\t2\nn\t1\n", NULL);
  g_assert_false (is_on_disk (w, "t", VALUE));

  before = read_dump (w, "s", "right");
  check (w, "s", "right", "rekey --to-key-file %s/other.key", 0, "", NULL);
  check_refused (w, "s", "right", "get a", "another than the one");
  after = read_dump (w, "s", "other");
  g_assert_cmpstr (after, ==, before);
  check (w, "s", "other", "rekey --to-plain", 0, "", NULL);
  check (w, "s", NULL, "get a", 0, VALUE, NULL);
  g_assert_true (is_on_disk (w, "s", VALUE));
  check (w, "s", NULL, "rekey --to-key-file %s/right.key", 0, "", NULL);
  g_assert_false (is_on_disk (w, "s", VALUE));
  check (w, "s", "right", "verify", 0, "", NULL);
}

/* Nothing but its lock. */
static void
check_no_storage (MkvStoragesWorld *w, const char *name)
{
  g_autofree char *path = g_build_filename (w->folder, name, NULL);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *file;

  while (folder != NULL && (file = g_dir_read_name (folder)) != NULL)
    g_assert_cmpstr (file, ==, "lock");
}

static void
test_refused (MkvStoragesWorld *w, gconstpointer data)
{
  static const struct
  {
    const char *key;
    const char *why;
  } tries[] = {
    { "other", "The key is another than the one" },
    { NULL, "encrypted, and no key is given" },
  };
  g_autofree char *before = read_dump (w, "s", "right"), *after = NULL;
  g_autofree char *other_copy = g_build_filename (w->folder, "other-copy", NULL);

  g_test_summary ("With another key, or none, each verb says so and exits with 78, and the storage is as it was");
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (verbs); j++)
        check_refused (w, "s", tries[i].key, verbs[j], tries[i].why);
      check_refused (w, "t", tries[i].key, "restore %s/copy", tries[i].why);
      check_no_storage (w, "t");
      check_refused (w, "s", tries[i].key, "restore %s/copy --force", tries[i].why);
    }
  g_assert_false (g_file_test (other_copy, G_FILE_TEST_EXISTS));
  after = read_dump (w, "s", "right");
  g_assert_cmpstr (after, ==, before);
  check (w, "s", "right", "verify", 0, "", NULL);
  check (w, "s", "right", "get a", 0, VALUE, NULL);
}

static void
test_not_encrypted (MkvStoragesWorld *w, gconstpointer data)
{
  g_test_summary ("A key for a storage that is not encrypted is refused by each verb");
  check (w, "plain", NULL, "mset a=1 n=1", 0, "", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (g_str_equal (verbs[i], "rekey --to-plain"))
      check (w, "plain", "right", verbs[i], 0, "", NULL); /* it is that already */
    else
      check_refused (w, "plain", "right", verbs[i], "not encrypted, but a key is given");
  check (w, "plain", NULL, "mget a n", 0, "a\t1\nn\t1\n", NULL);
  check (w, "plain", NULL, "verify", 0, "", NULL);
  g_assert_true (is_on_disk (w, "plain", "node-id"));
}

static void
test_bad_key_file (MkvStoragesWorld *w, gconstpointer data)
{
  g_autofree char *bad = g_build_filename (w->folder, "bad.key", NULL);

  g_test_summary ("A file that is no key is named, and why it is none");
  check_refused (w, "s", "bad", "get a", "bad.key can't be read");
  g_assert_true (g_file_set_contents (bad, "short", -1, NULL));
  g_assert_cmpint (g_chmod (bad, 0600), ==, 0);
  check (w, "s", "bad", "get a", 78, "", "this one has 5");
  g_assert_true (g_file_set_contents (bad, "01234567890123456789012345678901", -1, NULL));
  g_assert_cmpint (g_chmod (bad, 0644), ==, 0);
  check_refused (w, "s", "bad", "get a", "bad.key");
  g_assert_cmpint (g_chmod (bad, 0600), ==, 0);
  check_refused (w, "s", "bad", "get a", "another than the one");
}

int
main (int argc, char **argv)
{
  static const char *const backends[] = { "file", "lmdb" };
  static const struct
  {
    const char *name;
    void (*func) (MkvStoragesWorld *w, gconstpointer data);
  } tests[] = {
    { "right-key", test_right_key },
    { "refused", test_refused },
    { "not-encrypted", test_not_encrypted },
    { "bad-key-file", test_bad_key_file },
  };

  mkv_test_init (&argc, &argv, 110);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *path = g_strdup_printf ("/storages-sealed/%s/%s", backends[i], tests[j].name);

        g_test_add (path, MkvStoragesWorld, backends[i], set_up, tests[j].func, mkv_storages_world_tear_down);
      }
  return g_test_run ();
}
