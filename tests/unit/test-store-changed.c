/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What the store tells of changes. */
#include "mkv-store-world.h"

typedef struct
{
  GString *seen;
  guint n;
  MkvStore *store;
} Watcher;

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  Watcher *watcher = user_data;
  g_autofree char *value = mkv_entry_dup_text (entry);

  g_string_append_printf (watcher->seen, "%s=%s%s ", mkv_entry_get_key (entry), value != NULL ? value : "-",
                          origin == MKV_ORIGIN_LOCAL ? "" : "*");
  watcher->n++;
}

static void
test_changed (StoreWorld *f, gconstpointer data)
{
  Watcher all = { g_string_new (NULL) }, one = { g_string_new (NULL) };
  g_autoptr (MkvEntry) theirs = store_world_make ("c", "9", NOW, "z", 1);

  g_test_summary ("Changes are told in the store's context, of a key only the newest, by detail those of one key");
  g_signal_connect (f->store, "changed", G_CALLBACK (on_changed), &all);
  g_signal_connect (f->store, "changed::b", G_CALLBACK (on_changed), &one);
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "2");
  store_world_set (f, "a", "3");
  g_assert_true (mkv_store_delete (f->store, "b", NULL, NULL));
  store_world_apply (f, theirs, 1, 0, 0, 0);
  mkv_test_iterate ();
  g_assert_cmpstr (all.seen->str, ==, "a=3 b=- c=9* ");
  g_assert_cmpstr (one.seen->str, ==, "b=- ");
  g_string_free (all.seen, TRUE);
  g_string_free (one.seen, TRUE);
}

static void
test_changed_detail (StoreWorld *f, gconstpointer data)
{
  Watcher one = { g_string_new (NULL) };

  g_test_summary ("Who waits for one key is told of it, though nobody waits for all");
  g_signal_connect (f->store, "changed::b", G_CALLBACK (on_changed), &one);
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "2");
  mkv_test_iterate ();
  g_assert_cmpstr (one.seen->str, ==, "b=2 ");
  g_string_free (one.seen, TRUE);
}

static void
write_more (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  guint *n = user_data;
  g_autofree char *key = g_strdup_printf ("%u", ++*n);
  g_autoptr (GBytes) value = mkv_test_bytes ("x");

  if (*n <= 1000)
    g_assert_true (mkv_store_set (store, key, value, NULL, NULL));
}

static void
test_changed_writes (StoreWorld *f, gconstpointer data)
{
  guint n = 0;

  g_test_summary ("A handler may write synchronously, and the loop still gets its turn");
  g_signal_connect (f->store, "changed", G_CALLBACK (write_more), &n);
  store_world_set (f, "start", "x");
  for (guint i = 0; i < 2000 && n <= 1000; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (n, ==, 1001);
  store_world_assert_value (f, "1000", "x");
}

static void
unref_store (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  StoreWorld *f = user_data;

  g_clear_object (&f->store);
}

static void
test_changed_ends_store (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A handler may drop the last reference to the store");
  g_signal_connect (f->store, "changed", G_CALLBACK (unref_store), f);
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "1");
  mkv_test_iterate ();
  g_assert_null (f->store);
  f->store = store_world_open_as (f, "m", &error);
  g_assert_no_error (error);
}

#define ADD(path, func) \
  g_test_add ("/store/" path, StoreWorld, NULL, store_world_set_up, func, store_world_tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  ADD ("changed", test_changed);
  ADD ("changed/detail", test_changed_detail);
  ADD ("changed/writes", test_changed_writes);
  ADD ("changed/ends-store", test_changed_ends_store);
  return g_test_run ();
}
