/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * MkvListModel, and the set of keys below it, against brute force. */
#include <string.h>

#include "base/mkv-error.h"
#include "desktop/mkv-key-set-private.h"
#include "desktop/mkv-list-model-private.h"
#include "mkv-storage-memory.h"
#include "mkv-store-world.h"

#define SEED 20260101

typedef struct
{
  MkvListModel *model;
  GPtrArray *mirror; /* keys, as ::items-changed tells */
  guint n_signals;
  GPtrArray *held; /* items */
} Mirror;

static char *
make_key (GRand *random, guint n_keys)
{
  guint number = g_rand_int_range (random, 0, (gint32) n_keys);

  /* Of very different lengths, some long enough to fill a page with a few. */
  return number % 17 == 0 ? g_strdup_printf ("%0*u", 200 + (int) (number % 50), number)
                          : g_strdup_printf ("%x/%u", number % 7, number);
}

static void
test_key_set (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  g_autoptr (MkvKeySet) set = mkv_key_set_new ();
  g_autoptr (GPtrArray) sorted = g_ptr_array_new_with_free_func (g_free);
  guint n_added = 0, n_removed = 0;

  g_test_summary ("A set of keys is what a sorted array is, whatever is put in and taken out");
  for (guint i = 0; i < 30000; i++)
    {
      g_autofree char *key = make_key (random, 4000);
      /* It grows, shrinks to nothing, and grows again. */
      gboolean add = i < 29000 && g_rand_int_range (random, 0, 100) < ((i / 5000) % 2 == 0 ? 80 : 20);
      guint index, position;
      gboolean there = g_ptr_array_find_with_equal_func (sorted, key, g_str_equal, &index);

      g_assert_cmpint (mkv_key_set_find (set, key, &position), ==, there);
      if (there)
        g_assert_cmpuint (position, ==, index);
      else
        {
          g_assert_true (position == 0 || strcmp (sorted->pdata[position - 1], key) < 0);
          g_assert_true (position == sorted->len || strcmp (sorted->pdata[position], key) > 0);
        }
      if (add)
        {
          g_assert_cmpint (mkv_key_set_add (set, key), ==, !there);
          if (!there)
            g_ptr_array_insert (sorted, (gint) position, g_strdup (key));
          n_added += !there;
        }
      else
        {
          g_assert_cmpint (mkv_key_set_remove (set, key), ==, there);
          if (there)
            g_ptr_array_remove_index (sorted, index);
          n_removed += there;
        }
      g_assert_cmpuint (mkv_key_set_get_length (set), ==, sorted->len);
      if (sorted->len > 0)
        {
          position = (guint) g_rand_int_range (random, 0, (gint32) sorted->len);
          g_assert_cmpstr (mkv_key_set_get (set, position), ==, sorted->pdata[position]);
        }
      if (i % 1000 == 0)
        for (guint j = 0; j < sorted->len; j++)
          g_assert_cmpstr (mkv_key_set_get (set, j), ==, sorted->pdata[j]);
    }
  for (; sorted->len > 0; g_ptr_array_remove_index (sorted, sorted->len - 1))
    g_assert_true (mkv_key_set_remove (set, sorted->pdata[sorted->len - 1]));
  g_assert_cmpuint (mkv_key_set_get_length (set), ==, 0);
  g_assert_cmpuint (n_added, >, 5000);
  g_assert_cmpuint (n_removed, >, 3000);
}

static gboolean
is_alone (gpointer user_data)
{
  return G_OBJECT (user_data)->ref_count == 1;
}

/* A call on its way has a reference to the store; so has the fixture, a list, and
 * its items. */
static gboolean
has_one_list (gpointer user_data)
{
  return G_OBJECT (user_data)->ref_count == 3;
}

/* All values come that were asked for. */
static void
finish_reads (StoreWorld *f)
{
  do
    {
      mkv_test_run_until (has_one_list, f->store);
      mkv_test_iterate ();
    }
  while (!has_one_list (f->store));
}

static char *
dup_key_at (MkvListModel *model, guint position)
{
  g_autoptr (MkvListItem) item = g_list_model_get_item (G_LIST_MODEL (model), position);

  return item != NULL ? g_strdup (mkv_list_item_get_key (item)) : NULL;
}

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, gpointer user_data)
{
  Mirror *mirror = user_data;

  mirror->n_signals++;
  g_assert_cmpuint (removed + added, >, 0);
  g_assert_cmpuint (position + removed, <=, mirror->mirror->len);
  if (removed > 0)
    g_ptr_array_remove_range (mirror->mirror, position, removed);
  for (guint i = 0; i < added; i++)
    g_ptr_array_insert (mirror->mirror, (gint) (position + i), dup_key_at (mirror->model, position + i));
  g_assert_cmpuint (g_list_model_get_n_items (model), ==, mirror->mirror->len);
  /* At the ends and where it happened; the whole would take too long. */
  for (guint i = position > 2 ? position - 2 : 0; i < MIN (mirror->mirror->len, position + added + 2); i++)
    {
      g_autofree char *key = dup_key_at (mirror->model, i);

      g_assert_cmpstr (key, ==, mirror->mirror->pdata[i]);
    }
}

static void
mirror_init (Mirror *mirror, StoreWorld *f, const char *prefix)
{
  mirror->model = mkv_list_model_new_full (f->store, prefix, MKV_CLOCK (f->clock));
  mirror->mirror = g_ptr_array_new_with_free_func (g_free);
  mirror->held = g_ptr_array_new_with_free_func (g_object_unref);
  mirror->n_signals = 0;
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (mirror->model)), ==, 0);
  g_assert_true (mkv_list_model_is_loading (mirror->model));
  g_signal_connect (mirror->model, "items-changed", G_CALLBACK (on_items_changed), mirror);
}

static void
mirror_clear (Mirror *mirror)
{
  g_ptr_array_unref (mirror->held);
  g_object_add_weak_pointer (G_OBJECT (mirror->model), (gpointer *) &mirror->model);
  g_object_unref (mirror->model);
  g_assert_null (mirror->model);
  g_ptr_array_unref (mirror->mirror);
}

static gboolean
is_loaded (gpointer user_data)
{
  return !mkv_list_model_is_loading (user_data);
}

/* Lets everything come that is under way. */
static void
settle (StoreWorld *f, MkvListModel *model)
{
  mkv_test_run_until (is_loaded, model);
  mkv_test_iterate ();
  mkv_test_advance (f->clock, 2 * MKV_LIST_MODEL_GATHERING);
}

/* The mirror, the model and the store have the same keys. */
static void
assert_same (StoreWorld *f, Mirror *mirror)
{
  const char *prefix = mkv_list_model_get_prefix (mirror->model);
  g_autofree char *after = NULL;
  gboolean more = TRUE;
  guint position = 0;

  while (more)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = mkv_store_list_keys (f->store, prefix, after, 1000, &more, NULL, &error);

      g_assert_no_error (error);
      for (guint i = 0; keys[i] != NULL; i++, position++)
        {
          g_autofree char *key = dup_key_at (mirror->model, position);
          guint found;

          g_assert_cmpstr (key, ==, keys[i]);
          g_assert_true (mkv_list_model_find (mirror->model, key, &found));
          g_assert_cmpuint (found, ==, position);
          g_assert_cmpuint (mirror->mirror->len, >, position);
          g_assert_cmpstr (mirror->mirror->pdata[position], ==, keys[i]);
          g_free (after);
          after = g_strdup (keys[i]);
        }
    }
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (mirror->model)), ==, position);
  g_assert_cmpuint (mirror->mirror->len, ==, position);
}

static void
set_or_delete (StoreWorld *f, GRand *random, guint n_keys)
{
  g_autofree char *rest = make_key (random, n_keys);
  g_autofree char *key = g_strconcat (g_rand_int_range (random, 0, 10) == 0 ? "q/" : "p/", rest, NULL);
  g_autofree char *value = g_strdup_printf ("%u", g_rand_int (random));

  if (g_rand_int_range (random, 0, 5) < 3)
    store_world_set (f, key, value);
  else
    mkv_store_delete (f->store, key, NULL, NULL);
}

static void
test_random (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  Mirror mirror;

  g_test_summary ("Whatever is written, while the list loads and later, it has the store's keys, each signal exact, "
                  "and items that somebody holds have the store's values");
  for (guint i = 0; i < 6000; i++)
    set_or_delete (f, random, 5000);
  mirror_init (&mirror, f, "p/");
  for (guint round = 0; round < 300; round++)
    {
      guint n = (guint) g_rand_int_range (random, 0, 60);

      for (guint i = 0; i < n; i++)
        set_or_delete (f, random, 5000);
      if (g_rand_int_range (random, 0, 40) == 0)
        mkv_list_model_reload (mirror.model);
      for (gint i = g_rand_int_range (random, 0, 6); i > 0; i--)
        g_main_context_iteration (NULL, FALSE);
      if (g_rand_boolean (random))
        mkv_manual_clock_advance (f->clock, g_rand_int_range (random, 0, MKV_LIST_MODEL_GATHERING));
      if (mirror.mirror->len > 0)
        g_ptr_array_add (mirror.held, g_list_model_get_item (G_LIST_MODEL (mirror.model),
                                                             (guint) g_rand_int_range (random, 0,
                                                                                       (gint32) mirror.mirror->len)));
    }
  settle (f, mirror.model);
  assert_same (f, &mirror);
  /* Read what was not read yet. */
  finish_reads (f);
  g_assert_cmpuint (mirror.held->len, >, 100);
  for (guint i = 0; i < mirror.held->len; i++)
    {
      MkvListItem *item = mirror.held->pdata[i];
      guint position;
      g_autoptr (MkvListItem) now = NULL;

      if (!mkv_list_model_find (mirror.model, mkv_list_item_get_key (item), &position))
        continue;
      now = g_list_model_get_item (G_LIST_MODEL (mirror.model), position);
      if (now == item)
        {
          g_autofree char *text = mkv_list_item_dup_text (item);

          g_assert_nonnull (text);
          store_world_assert_value (f, mkv_list_item_get_key (item), text);
        }
    }
  mirror_clear (&mirror);
}

static void
count_notify (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  (*(guint *) user_data)++;
}

static gboolean
has_value (gpointer user_data)
{
  return mkv_list_item_get_value (user_data) != NULL;
}

static void
test_reload (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  g_autoptr (MkvListItem) item = NULL;
  Mirror mirror;

  g_test_summary ("Where changes were missed, a list that is loaded again has all of them, and values, too");
  store_world_set (f, "p/", "old");
  for (guint i = 0; i < 6000; i++)
    set_or_delete (f, random, 5000);
  mirror_init (&mirror, f, "p/");
  settle (f, mirror.model);
  item = g_list_model_get_item (G_LIST_MODEL (mirror.model), 0);
  mkv_test_run_until (has_value, item);
  for (guint round = 0; round < 4; round++)
    {
      g_autofree char *text = NULL;

      g_signal_handlers_block_matched (f->store, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, mirror.model);
      for (guint i = 0; i < 4000; i++)
        set_or_delete (f, random, round == 3 ? 200 : 5000);
      if (round == 2)
        for (guint i = mirror.mirror->len - 1; i > 0; i--)
          mkv_store_delete (f->store, mirror.mirror->pdata[i], NULL, NULL);
      store_world_set (f, "p/", round % 2 == 0 ? "new" : "newer");
      mkv_test_iterate ();
      g_signal_handlers_unblock_matched (f->store, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, mirror.model);
      mkv_list_model_reload (mirror.model);
      /* Also while it is on its way. */
      g_main_context_iteration (NULL, FALSE);
      if (round == 1)
        mkv_list_model_reload (mirror.model);
      settle (f, mirror.model);
      assert_same (f, &mirror);
      finish_reads (f);
      text = mkv_list_item_dup_text (item);
      g_assert_cmpstr (text, ==, round % 2 == 0 ? "new" : "newer");
    }
  mirror_clear (&mirror);
}

static void
count_one (guint *n)
{
  (*n)++;
}

static void
test_items (StoreWorld *f, gconstpointer data)
{
  Mirror mirror;
  g_autoptr (MkvListItem) item = NULL;
  g_autoptr (MkvListItem) again = NULL;
  g_autoptr (MkvListItem) anew = NULL;
  g_autofree char *text = NULL;
  guint n = 0;

  g_test_summary ("An item is there at once, its value comes, follows the key, and stays when the key goes");
  store_world_set (f, "p/a", "1");
  store_world_set (f, "p/b", "2");
  mirror_init (&mirror, f, "p/");
  settle (f, mirror.model);
  item = g_list_model_get_item (G_LIST_MODEL (mirror.model), 1);
  again = g_list_model_get_item (G_LIST_MODEL (mirror.model), 1);
  g_assert_true (item == again);
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (mirror.model), 2));
  g_assert_cmpstr (mkv_list_item_get_key (item), ==, "p/b");
  g_signal_connect (item, "notify::value", G_CALLBACK (count_notify), &n);
  g_assert_null (mkv_list_item_get_entry (item));
  mkv_test_run_until (has_value, item);
  g_object_get (item, "text", &text, NULL);
  g_assert_cmpstr (text, ==, "2");
  g_assert_cmpuint (n, ==, 1);
  store_world_set (f, "p/b", "3");
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 2);
  g_free (text);
  text = mkv_list_item_dup_text (item);
  g_assert_cmpstr (text, ==, "3");
  /* No change of the list. */
  g_assert_cmpuint (mirror.n_signals, ==, 1);
  g_assert_true (mkv_store_delete (f->store, "p/b", NULL, NULL));
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.n_signals, ==, 2);
  store_world_set (f, "p/b", "4");
  settle (f, mirror.model);
  g_free (text);
  text = mkv_list_item_dup_text (item);
  g_assert_cmpstr (text, ==, "3");
  anew = g_list_model_get_item (G_LIST_MODEL (mirror.model), 1);
  g_assert_true (anew != item);
  mkv_test_run_until (has_value, anew);
  mirror_clear (&mirror);
}

static void
test_coalesced (StoreWorld *f, gconstpointer data)
{
  Mirror mirror;

  g_test_summary ("Changes of neighbours within a frame are one signal");
  store_world_set (f, "p/a", "x");
  store_world_set (f, "p/z", "x");
  mirror_init (&mirror, f, "p/");
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.n_signals, ==, 1);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/m%03u", (i * 77) % 500);

      store_world_set (f, key, "x");
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_cmpuint (mirror.n_signals, ==, 1);
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.n_signals, ==, 2);
  g_assert_cmpuint (mirror.mirror->len, ==, 502);
  /* Removed and put in again: nothing was. */
  g_assert_true (mkv_store_delete (f->store, "p/m100", NULL, NULL));
  mkv_test_iterate ();
  store_world_set (f, "p/m100", "y");
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.n_signals, ==, 2);
  /* Two runs; the neighbours of the second come and go. */
  g_assert_true (mkv_store_delete (f->store, "p/a", NULL, NULL));
  g_assert_true (mkv_store_delete (f->store, "p/m499", NULL, NULL));
  store_world_set (f, "p/n", "x");
  g_assert_true (mkv_store_delete (f->store, "p/z", NULL, NULL));
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.n_signals, ==, 4);
  assert_same (f, &mirror);
  mirror_clear (&mirror);
}

static void
test_prefixes (StoreWorld *f, gconstpointer data)
{
  Mirror all, none, one;
  guint position;

  g_test_summary ("A prefix may be a key itself, match nothing, or be none at all");
  store_world_set (f, "p", "x");
  store_world_set (f, "p/a", "x");
  store_world_set (f, "q", "x");
  mirror_init (&all, f, NULL);
  mirror_init (&none, f, "r");
  mirror_init (&one, f, "p");
  settle (f, all.model);
  settle (f, none.model);
  settle (f, one.model);
  assert_same (f, &all);
  assert_same (f, &one);
  g_assert_cmpuint (all.mirror->len, ==, 3);
  g_assert_cmpuint (one.mirror->len, ==, 2);
  g_assert_cmpuint (none.mirror->len, ==, 0);
  g_assert_true (mkv_list_model_find (one.model, "p", &position));
  g_assert_cmpuint (position, ==, 0);
  g_assert_false (mkv_list_model_find (one.model, "q", &position));
  g_assert_cmpuint (position, ==, 2);
  g_assert_false (mkv_list_model_find (one.model, "a", NULL));
  mirror_clear (&all);
  mirror_clear (&none);
  mirror_clear (&one);
}

static void
drop_model (GListModel *list, guint position, guint removed, guint added, gpointer user_data)
{
  g_clear_object ((MkvListModel **) user_data);
}

static void
test_ends (StoreWorld *f, gconstpointer data)
{
  MkvListModel *model;

  g_test_summary ("A list may end while it loads, in its own signal, and while a value is read");
  for (guint i = 0; i < 2500; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/%u", i);

      store_world_set (f, key, "x");
    }
  model = mkv_list_model_new_full (f->store, "p/", MKV_CLOCK (f->clock));
  g_object_unref (model);
  model = mkv_list_model_new_full (f->store, "p/", MKV_CLOCK (f->clock));
  g_signal_connect (model, "items-changed", G_CALLBACK (drop_model), &model);
  while (model != NULL)
    g_main_context_iteration (NULL, TRUE);
  model = mkv_list_model_new_full (f->store, "p/", MKV_CLOCK (f->clock));
  mkv_test_run_until (is_loaded, model);
  for (guint i = 0; i < 200; i++)
    g_object_unref (g_list_model_get_item (G_LIST_MODEL (model), i));
  {
    g_autoptr (MkvListItem) item = g_list_model_get_item (G_LIST_MODEL (model), 5);

    g_main_context_iteration (NULL, FALSE);
    g_object_unref (model);
    mkv_test_run_until (is_alone, f->store);
    mkv_test_iterate ();
    g_assert_null (mkv_list_item_get_value (item));
  }
}

static void
test_many (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  Mirror mirror;

  g_test_summary ("Hundreds of values are read in a few requests, each item alive the same while it lives");
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/%03u", i);

      store_world_set (f, key, key);
    }
  mirror_init (&mirror, f, "p/");
  settle (f, mirror.model);
  for (guint i = 0; i < 1000; i++)
    g_ptr_array_add (items, g_list_model_get_item (G_LIST_MODEL (mirror.model), i));
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *text = NULL;

      mkv_test_run_until (has_value, items->pdata[i]);
      text = mkv_list_item_dup_text (items->pdata[i]);
      g_assert_cmpstr (text, ==, mkv_list_item_get_key (items->pdata[i]));
    }
  mirror_clear (&mirror);
}

static void
test_quarks (StoreWorld *f, gconstpointer data)
{
  Mirror mirror;
  guint n = 0;

  g_test_summary ("Neither telling of changes nor listing them makes a quark for a key");
  g_signal_connect_swapped (f->store, "changed::p/asked", G_CALLBACK (count_one), &n);
  mirror_init (&mirror, f, "p/");
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/quark-%u", i);

      store_world_set (f, key, "x");
    }
  store_world_set (f, "p/asked", "x");
  settle (f, mirror.model);
  g_assert_cmpuint (mirror.mirror->len, ==, 101);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/quark-%u", i);

      g_assert_cmpuint (g_quark_try_string (key), ==, 0);
    }
  g_assert_cmpuint (g_quark_try_string ("p/asked"), !=, 0);
  g_assert_cmpuint (n, ==, 1);
  mirror_clear (&mirror);
}

/* What a list asked for that has ended may still be on its way. */
static void
tear_down (StoreWorld *f, gconstpointer data)
{
  mkv_test_run_until (is_alone, f->store);
  store_world_tear_down (f, data);
}

#define ADD(path, func) g_test_add ("/list-model/" path, StoreWorld, NULL, store_world_set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 120);
  g_test_add_func ("/list-model/key-set", test_key_set);
  ADD ("random", test_random);
  ADD ("items", test_items);
  ADD ("coalesced", test_coalesced);
  ADD ("prefixes", test_prefixes);
  ADD ("reload", test_reload);
  ADD ("ends", test_ends);
  ADD ("many", test_many);
  ADD ("quarks", test_quarks);
  return g_test_run ();
}
