/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What the store marks for replication. */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-store-world.h"

static void
test_outbox (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GPtrArray) sent = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (MkvEntry) won = store_world_make ("b", "theirs", NOW + 1000, "z", 1);

  g_test_summary ("The outbox holds the newest own entry of each key until the broker has it or another wins");
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "2");
  store_world_set (f, "c", "3");
  store_world_set (f, "a", "4");
  store_world_assert_outbox (f, "b=2 c=3 a=4");
  store_world_apply (f, won, 1, 0, 0, 0);
  store_world_assert_outbox (f, "c=3 a=4");

  g_ptr_array_add (sent, mkv_store_get_entry (f->store, "c", NULL, NULL));
  g_ptr_array_add (sent, mkv_store_get_entry (f->store, "a", NULL, NULL));
  store_world_set (f, "c", "5");
  mkv_write_free (store_world_submit (f, MKV_WRITE_CLEAR_OUTBOX, sent));
  store_world_assert_outbox (f, "c=5");
  g_assert_true (mkv_store_delete (f->store, "c", NULL, NULL));
  store_world_assert_outbox (f, "c=-");
}

typedef struct
{
  guint n_calls;
  guint n_entries;
  gsize n_bytes;
} Told;

static void
on_outbox (guint n_entries, gsize n_bytes, gpointer user_data)
{
  Told *told = user_data;

  told->n_calls++;
  told->n_entries += n_entries;
  told->n_bytes += n_bytes;
}

static void
test_outbox_func (StoreWorld *f, gconstpointer data)
{
  MkvLocalStore *store = (MkvLocalStore *) f->store;
  g_autoptr (MkvEntry) theirs = store_world_make ("b", "theirs", NOW + 1000, "z", 1);
  Told told = { 0 };

  g_test_summary ("What is marked in the outbox is told of, all since the last time at once");
  store_world_set (f, "before", "1");
  mkv_local_store_set_outbox_func (store, on_outbox, &told);
  store_world_apply (f, theirs, 1, 0, 0, 0);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 0);

  store_world_set (f, "a", "123");
  store_world_set (f, "a", "45");
  g_assert_true (mkv_store_delete (f->store, "bc", NULL, NULL));
  g_assert_cmpuint (told.n_calls, ==, 0);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 1);
  g_assert_cmpuint (told.n_entries, ==, 3);
  g_assert_cmpuint (told.n_bytes, ==, 9);

  store_world_set (f, "d", "1");
  mkv_local_store_set_outbox_func (store, NULL, NULL);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 1);
}

static void
test_outbox_pages (StoreWorld *f, gconstpointer data)
{
  gint64 cursor = 0;
  guint n = 0;

  g_test_summary ("The outbox is read page by page in the order of the writes");
  for (guint i = 0; i < 25; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", (i * 7) % 25);

      store_world_set (f, key, "x");
    }
  for (;;)
    {
      gint64 last;
      g_autoptr (GPtrArray) page = mkv_local_store_list_outbox ((MkvLocalStore *) f->store, cursor, 10, &last, NULL);

      if (last == cursor)
        break;
      for (guint i = 0; i < page->len; i++)
        {
          g_autofree char *key = g_strdup_printf ("%u", (n++ * 7) % 25);

          g_assert_cmpstr (mkv_entry_get_key (page->pdata[i]), ==, key);
        }
      cursor = last;
    }
  g_assert_cmpuint (n, ==, 25);
}

static void
test_event_limit (StoreWorld *f, gconstpointer data)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, FALSE, 200 };
  g_autofree char *text = g_strnfill (200, 'x');
  /* 90 octets of the event are not the value: names, key, node id "m", stamp,
   * checksum and heads. */
  g_autoptr (GBytes) fits = g_bytes_new (text, 110), too_long = g_bytes_new (text, 111);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A write whose event could not be sent is refused before it is acknowledged");
  mkv_local_store_set_policy ((MkvLocalStore *) f->store, &policy);
  g_assert_false (mkv_store_set (f->store, "k", too_long, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  store_world_assert_value (f, "k", NULL);
  g_clear_error (&error);
  mkv_store_set (f->store, "k", fits, NULL, &error);
  g_assert_no_error (error);
}

#define ADD(path, func) \
  g_test_add ("/store/" path, StoreWorld, NULL, store_world_set_up, func, store_world_tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  ADD ("outbox", test_outbox);
  ADD ("outbox/func", test_outbox_func);
  ADD ("outbox/pages", test_outbox_pages);
  ADD ("event-limit", test_event_limit);
  return g_test_run ();
}
