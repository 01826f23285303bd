/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Lists, bindings and actions over the store of another process: the same code
 * as over one's own. */
#include "bus/mkv-bus-store.h"
#include "desktop/mkv-action-group.h"
#include "desktop/mkv-list-model.h"
#include "desktop/mkv-store-bind.h"
#include "mkv-bus-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"

#define SEED 20260102
#define N_KEYS 3000

typedef struct
{
  MkvBusWorld *world;
  MkvStore *own; /* the service's, in its process */
  MkvStore *far; /* the same over the bus */
} World;

static void
set_up (World *w, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  w->world = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
  w->own = MKV_STORE (mkv_node_get_store (w->world->node));
  w->far = MKV_STORE (mkv_bus_store_new (w->world->client, NULL, "p/", &error));
  g_assert_no_error (error);
}

static void
tear_down (World *w, gconstpointer data)
{
  g_object_unref (w->far);
  mkv_bus_world_free (w->world);
}

static void
set (World *w, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GError) error = NULL;

  mkv_store_set (w->own, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static char *
dup_own (World *w, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (w->own, key, NULL, NULL);

  return entry != NULL ? mkv_entry_dup_text (entry) : NULL;
}

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, gpointer user_data)
{
  GPtrArray *mirror = user_data;

  g_assert_cmpuint (position + removed, <=, mirror->len);
  if (removed > 0)
    g_ptr_array_remove_range (mirror, position, removed);
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (MkvListItem) item = g_list_model_get_item (model, i);

      g_ptr_array_insert (mirror, (gint) i, g_strdup (mkv_list_item_get_key (item)));
    }
  g_assert_cmpuint (g_list_model_get_n_items (model), ==, mirror->len);
}

typedef struct
{
  World *w;
  GListModel *model;
  const char *key, *value;
  GObject *object;
} Wanted;

/* The list has just the keys that the store has. */
static gboolean
is_same (gpointer user_data)
{
  Wanted *wanted = user_data;
  g_autofree char *after = NULL;
  gboolean more = TRUE;
  guint n = 0;

  if (mkv_list_model_is_loading (MKV_LIST_MODEL (wanted->model)))
    return FALSE;
  while (more)
    {
      g_auto (GStrv) keys = mkv_store_list_keys (wanted->w->own, "p/", after, 1000, &more, NULL, NULL);

      for (guint i = 0; keys[i] != NULL; i++, n++)
        {
          guint position;

          if (!mkv_list_model_find (MKV_LIST_MODEL (wanted->model), keys[i], &position) || position != n)
            return FALSE;
          g_free (after);
          after = g_strdup (keys[i]);
        }
    }
  return g_list_model_get_n_items (wanted->model) == n;
}

static void
test_list (World *w, gconstpointer data)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  g_autoptr (GPtrArray) mirror = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (MkvListModel) model = NULL;
  Wanted wanted = { w };

  g_test_summary ("A list over the bus has the service's keys, whatever is written while it loads and later");
  for (guint i = 0; i < N_KEYS; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/%u", i * 7);

      set (w, key, "x");
    }
  model = mkv_list_model_new (w->far, "p/");
  g_signal_connect (model, "items-changed", G_CALLBACK (on_items_changed), mirror);
  wanted.model = G_LIST_MODEL (model);
  for (guint i = 0; i < 4000; i++)
    {
      g_autofree char *key = g_strdup_printf ("p/%d", g_rand_int_range (random, 0, N_KEYS * 7));

      if (g_rand_boolean (random))
        set (w, key, "y");
      else
        g_assert_true (mkv_store_delete (w->own, key, NULL, NULL));
      if (i % 50 == 0)
        g_main_context_iteration (NULL, FALSE);
    }
  mkv_test_run_until (is_same, &wanted);
  for (guint i = 0; i < mirror->len; i++)
    {
      guint position;

      g_assert_true (mkv_list_model_find (model, mirror->pdata[i], &position));
      g_assert_cmpuint (position, ==, i);
    }
  g_assert_cmpuint (mirror->len, ==, g_list_model_get_n_items (G_LIST_MODEL (model)));
}

static gboolean
has_path (gpointer user_data)
{
  Wanted *wanted = user_data;

  return g_strcmp0 (g_application_get_resource_base_path (G_APPLICATION (wanted->object)), wanted->value) == 0;
}

static gboolean
is_stored (gpointer user_data)
{
  Wanted *wanted = user_data;
  g_autofree char *text = dup_own (wanted->w, wanted->key);

  return g_strcmp0 (text, wanted->value) == 0;
}

static gboolean
has_action (gpointer user_data)
{
  Wanted *wanted = user_data;

  return g_action_group_has_action (G_ACTION_GROUP (wanted->object), wanted->value);
}

static gboolean
has_state (gpointer user_data)
{
  Wanted *wanted = user_data;
  g_autoptr (GVariant) state = g_action_group_get_action_state (G_ACTION_GROUP (wanted->object), "on");

  return g_variant_get_boolean (state) == (g_strcmp0 (wanted->value, "true") == 0);
}

static void
test_bind (World *w, gconstpointer data)
{
  /* Any object with a property that can be written. */
  g_autoptr (GApplication) object = g_application_new (NULL, G_APPLICATION_DEFAULT_FLAGS);
  Wanted wanted = { w, NULL, "p/path", "/first", G_OBJECT (object) };

  g_test_summary ("A property is bound to a key of the service's, both ways");
  set (w, "p/path", "/first");
  mkv_store_bind (w->far, "p/path", G_OBJECT (object), "resource-base-path", MKV_BIND_DEFAULT);
  mkv_test_run_until (has_path, &wanted);
  wanted.value = "/second";
  g_application_set_resource_base_path (object, wanted.value);
  mkv_test_run_until (is_stored, &wanted);
  wanted.value = "/third";
  set (w, "p/path", wanted.value);
  mkv_test_run_until (has_path, &wanted);
  /* What it was before it was bound. */
  wanted.value = NULL;
  g_assert_true (mkv_store_delete (w->own, "p/path", NULL, NULL));
  mkv_test_run_until (has_path, &wanted);
}

static void
test_actions (World *w, gconstpointer data)
{
  g_autoptr (MkvActionGroup) group = mkv_action_group_new (w->far, "p/ui/");
  Wanted wanted = { w, NULL, "p/ui/on", "true", G_OBJECT (group) };

  g_test_summary ("Actions are keys of the service's");
  mkv_action_group_add (group, "on", g_variant_new_boolean (FALSE));
  g_action_group_activate_action (G_ACTION_GROUP (group), "on", NULL);
  mkv_test_run_until (is_stored, &wanted);
  set (w, "p/ui/on", "false");
  wanted.value = "false";
  mkv_test_run_until (has_state, &wanted);
  set (w, "p/ui/view", "grid");
  wanted.value = "view";
  mkv_test_run_until (has_action, &wanted);
}

static void
test_skipped (void)
{
  g_test_skip ("no dbus-daemon");
}

#define ADD(path, func) g_test_add ("/bus-desktop/" path, World, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  if (!mkv_bus_world_is_possible ())
    g_test_add_func ("/bus-desktop/skipped", test_skipped);
  else
    {
      ADD ("list", test_list);
      ADD ("bind", test_bind);
      ADD ("actions", test_actions);
    }
  return g_test_run ();
}
