/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "bus/mkv-prefixes-private.h"
#include "mkv-test.h"

#define N_STEPS 20000
#define N_WHOS 8

/* Short ones of few letters, so that many begin with each other. */
static char *
make_text (guint max_length)
{
  guint n = (guint) g_test_rand_int_range (0, (gint32) max_length + 1);
  char *text = g_new0 (char, n + 1);

  for (guint i = 0; i < n; i++)
    text[i] = "ab\xc3"[g_test_rand_int_range (0, 3)];
  return text;
}

static void
count (gpointer who, gpointer user_data)
{
  ((guint *) user_data)[GPOINTER_TO_UINT (who) - 1]++;
}

static void
test_random (void)
{
  MkvPrefixes *prefixes = mkv_prefixes_new ();
  GHashTable *model[N_WHOS];

  g_test_summary ("What a key begins with is found, for each who wants it, as by looking at all");
  for (guint i = 0; i < N_WHOS; i++)
    model[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint step = 0; step < N_STEPS; step++)
    {
      guint who = (guint) g_test_rand_int_range (0, N_WHOS);
      g_autofree char *text = make_text (5);
      g_autofree char *key = make_text (7);
      guint found[N_WHOS] = { 0 };

      if (g_hash_table_contains (model[who], text))
        {
          mkv_prefixes_remove (prefixes, text, GUINT_TO_POINTER (who + 1));
          g_hash_table_remove (model[who], text);
        }
      else
        {
          g_assert_cmpstr (mkv_prefixes_add (prefixes, text, GUINT_TO_POINTER (who + 1)), ==, text);
          g_hash_table_add (model[who], g_strdup (text));
        }
      mkv_prefixes_find (prefixes, key, count, found);
      for (guint i = 0; i < N_WHOS; i++)
        {
          GHashTableIter iter;
          gpointer prefix;
          guint expected = 0;

          g_hash_table_iter_init (&iter, model[i]);
          while (g_hash_table_iter_next (&iter, &prefix, NULL))
            expected += g_str_has_prefix (key, prefix);
          g_assert_cmpuint (found[i], ==, expected);
        }
    }
  for (guint i = 0; i < N_WHOS; i++)
    g_hash_table_unref (model[i]);
  mkv_prefixes_free (prefixes);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/prefixes/random", test_random);
  return g_test_run ();
}
