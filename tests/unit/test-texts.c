/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <glib/gi18n-lib.h>
#include <locale.h>

#include "base/mkv-error.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "model/mkv-entry.h"
#include "model/mkv-names.h"
#include "storage/mkv-storage.h"

static void
test_library (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) number = NULL;
  MkvEntry *entry;

  g_test_summary ("What the library tells comes in the user's language, and so do numbers of 64 bits");

  g_assert_false (mkv_key_check ("", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, "Der Schlüssel ist leer: er braucht 1 bis 256 Oktette");

  entry = mkv_entry_new ("key", NULL, -1, "node", 1, &number);
  g_assert_null (entry);
  g_assert_cmpstr (number->message, ==, "Der Zeitstempel -1 liegt nicht zwischen 0 und 2^53-1");
}

static void
test_plugin (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvStorage) storage = mkv_storage_memory_new ();
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));

  g_test_summary ("What a plugin tells does, too");

  g_assert_true (mkv_storage_open (storage, NULL, options, &error));
  g_assert_no_error (error);
  g_assert_null (mkv_storage_get (storage, "key", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "Diesen Schlüssel gibt es nicht");
}

static void
test_plural (void)
{
  g_test_summary ("One is told in another way than many");

  g_assert_cmpstr (g_dngettext (GETTEXT_PACKAGE, "The payload has %zu octet behind its zlib stream",
                                "The payload has %zu octets behind its zlib stream", 1), ==,
                   "Die Nutzlast hat %zu Oktett hinter ihrem zlib-Strom");
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = NULL;

  /* The tests' environment speaks English. No locale needs to be generated for
   * this; the C locale itself is never translated. */
  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  g_setenv ("LANGUAGE", "de", TRUE);
  setlocale (LC_ALL, "");
  mkv_test_init (&argc, &argv, 30);
  folder = g_test_build_filename (G_TEST_BUILT, "..", "po", NULL);
  bindtextdomain (GETTEXT_PACKAGE, folder);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");

  g_test_add_func ("/texts/library", test_library);
  g_test_add_func ("/texts/plugin", test_plugin);
  g_test_add_func ("/texts/plural", test_plural);
  return g_test_run ();
}
