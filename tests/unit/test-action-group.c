/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Keys as actions. */
#include <string.h>

#include "base/mkv-limits.h"
#include "desktop/mkv-action-group-private.h"
#include "desktop/mkv-bound-key-private.h"
#include "desktop/mkv-list-model-private.h"
#include "mkv-storage-memory.h"
#include "mkv-store-world.h"

typedef GActionGroup Group; /* which has no autoptr of its own */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Group, g_object_unref)

/* What the group has told: "+name", "-name", "name=state". */
static GString *told;

static MkvActionGroup *watched; /* the group that lives; NULL if none */
static guint n_lines;

static GLogWriterOutput
count_line (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  n_lines++;
  return G_LOG_WRITER_HANDLED;
}

static void
on_added (GActionGroup *group, const char *name, gpointer user_data)
{
  g_assert_true (g_action_group_has_action (group, name));
  g_string_append_printf (told, "+%s ", name);
}

static void
on_removed (GActionGroup *group, const char *name, gpointer user_data)
{
  g_string_append_printf (told, "-%s ", name);
}

static void
on_state_changed (GActionGroup *group, const char *name, GVariant *state, gpointer user_data)
{
  g_autofree char *text = g_variant_print (state, FALSE);
  g_autoptr (GVariant) now = g_action_group_get_action_state (group, name);

  g_assert_true (g_variant_equal (now, state));
  g_string_append_printf (told, "%s=%s ", name, text);
}

static GActionGroup *
make_group (StoreWorld *f, const char *prefix)
{
  GActionGroup *group = G_ACTION_GROUP (mkv_action_group_new_full (f->store, prefix, MKV_CLOCK (f->clock)));

  watched = MKV_ACTION_GROUP (group);
  g_object_add_weak_pointer (G_OBJECT (group), (gpointer *) &watched);
  g_signal_connect (group, "action-added", G_CALLBACK (on_added), NULL);
  g_signal_connect (group, "action-removed", G_CALLBACK (on_removed), NULL);
  g_signal_connect (group, "action-state-changed", G_CALLBACK (on_state_changed), NULL);
  return group;
}

static void
assert_told (const char *expected)
{
  g_assert_cmpstr (told->str, ==, expected);
  g_string_truncate (told, 0);
}

static void
assert_state (GActionGroup *group, const char *name, const char *expected)
{
  g_autoptr (GVariant) state = g_action_group_get_action_state (group, name);
  g_autofree char *text = state != NULL ? g_variant_print (state, TRUE) : NULL;

  g_assert_cmpstr (text, ==, expected);
}

/* A call on its way has a reference to the store; so has the fixture, a group,
 * its list and the list's items, and each action. */
static gboolean
is_quiet (gpointer user_data)
{
  StoreWorld *f = user_data;
  guint n_refs = watched != NULL ? 4 + g_hash_table_size (watched->actions) : 1;

  return G_OBJECT (f->store)->ref_count == n_refs;
}

/* All comes that is under way, and pauses end. */
static void
settle (StoreWorld *f)
{
  for (guint i = 0; i < 6; i++)
    {
      mkv_test_run_until (is_quiet, f);
      mkv_test_advance (f->clock, MKV_BOUND_KEY_PAUSE);
    }
}

static void
test_added (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Group) group = make_group (f, "ui/");
  MkvActionGroup *self = MKV_ACTION_GROUP (group);

  g_test_summary ("An action that was added is there without a key, toggles or takes its state, and follows the key");
  mkv_action_group_add (self, "dark", g_variant_new_boolean (FALSE));
  mkv_action_group_add (self, "size", g_variant_new_int32 (10));
  assert_told ("+dark +size ");
  settle (f);
  assert_told ("");
  g_assert_null (g_action_group_get_action_parameter_type (group, "dark"));
  g_assert_true (g_variant_type_equal (g_action_group_get_action_parameter_type (group, "size"),
                                       G_VARIANT_TYPE ("i")));
  g_assert_true (g_variant_type_equal (g_action_group_get_action_state_type (group, "dark"),
                                       G_VARIANT_TYPE ("b")));
  g_assert_true (g_action_group_get_action_enabled (group, "dark"));
  store_world_assert_value (f, "ui/dark", NULL);

  g_action_group_activate_action (group, "dark", NULL);
  assert_told ("dark=true ");
  settle (f);
  store_world_assert_value (f, "ui/dark", "true");
  /* Faster than anything is written. */
  for (guint i = 0; i < 9; i++)
    g_action_group_activate_action (group, "dark", NULL);
  g_string_truncate (told, 0);
  settle (f);
  assert_told ("");
  assert_state (group, "dark", "false");
  store_world_assert_value (f, "ui/dark", "false");

  g_action_group_activate_action (group, "size", g_variant_new_int32 (12));
  settle (f);
  store_world_assert_value (f, "ui/size", "12");
  assert_told ("size=12 ");
  store_world_set (f, "ui/size", "14");
  settle (f);
  assert_told ("size=14 ");
  g_assert_true (mkv_store_delete (f->store, "ui/size", NULL, NULL));
  settle (f);
  assert_told ("size=10 ");
}

static void
test_keys (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Group) group = NULL;
  g_auto (GStrv) names = NULL;

  g_test_summary ("Keys that nobody added are actions with a string, as long as they are there and text");
  store_world_set (f, "ui/", "no action");
  store_world_set (f, "ui/view", "grid");
  store_world_set (f, "other", "x");
  group = make_group (f, "ui/");
  settle (f);
  assert_told ("+view ");
  assert_state (group, "view", "'grid'");
  g_assert_false (g_action_group_has_action (group, ""));
  g_action_group_activate_action (group, "view", g_variant_new_string ("list"));
  settle (f);
  store_world_assert_value (f, "ui/view", "list");
  assert_told ("view='list' ");
  store_world_set (f, "ui/sort", "name");
  settle (f);
  assert_told ("+sort ");
  names = g_action_group_list_actions (group);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  store_world_set (f, "ui/sort", "\xff");
  settle (f);
  assert_told ("-sort ");
  store_world_set (f, "ui/sort", "size");
  settle (f);
  assert_told ("+sort ");
  g_assert_true (mkv_store_delete (f->store, "ui/view", NULL, NULL));
  settle (f);
  assert_told ("-view ");
  g_assert_false (g_action_group_has_action (group, "view"));
  /* One that is there may be added. */
  store_world_set (f, "ui/sort", "true");
  settle (f);
  assert_told ("sort='true' ");
  mkv_action_group_add (MKV_ACTION_GROUP (group), "sort", g_variant_new_boolean (FALSE));
  assert_told ("-sort +sort sort=true ");
}

static void
test_stored (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Group) group = NULL;
  const char *const list[] = { "a", "b", NULL };

  g_test_summary ("What is stored already is the state, whether it is added before or after it was read; what is no "
                  "state leaves it, and is logged once");
  store_world_set (f, "ui/dark", "true");
  store_world_set (f, "ui/list", "['x']");
  store_world_set (f, "ui/wrong", "maybe");
  group = make_group (f, "ui/");
  mkv_action_group_add (MKV_ACTION_GROUP (group), "dark", g_variant_new_boolean (FALSE));
  mkv_action_group_add (MKV_ACTION_GROUP (group), "wrong", g_variant_new_boolean (TRUE));
  assert_state (group, "dark", "false");
  n_lines = 0;
  settle (f);
  mkv_action_group_add (MKV_ACTION_GROUP (group), "list", g_variant_new_strv (NULL, 0));
  assert_state (group, "dark", "true");
  assert_state (group, "list", "['x']");
  assert_state (group, "wrong", "true");
  g_assert_cmpuint (n_lines, ==, 1);
  store_world_set (f, "ui/wrong", "perhaps");
  g_action_group_change_action_state (group, "list", g_variant_new_strv (list, -1));
  settle (f);
  store_world_assert_value (f, "ui/list", "['a', 'b']");
  assert_state (group, "wrong", "true");
  g_assert_cmpuint (n_lines, ==, 1);
  g_string_truncate (told, 0);
}

static void
test_ignored (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Group) group = make_group (f, NULL);

  g_test_summary ("What does not fit an action is ignored");
  mkv_action_group_add (MKV_ACTION_GROUP (group), "dark", g_variant_new_boolean (FALSE));
  mkv_action_group_add (MKV_ACTION_GROUP (group), "size", g_variant_new_int32 (10));
  g_string_truncate (told, 0);
  g_action_group_activate_action (group, "dark", g_variant_new_boolean (TRUE));
  g_action_group_activate_action (group, "size", NULL);
  g_action_group_activate_action (group, "size", g_variant_new_string ("12"));
  g_action_group_change_action_state (group, "dark", g_variant_new_string ("true"));
  g_action_group_activate_action (group, "nowhere", NULL);
  g_action_group_change_action_state (group, "nowhere", g_variant_new_string ("true"));
  settle (f);
  assert_told ("");
  store_world_assert_value (f, "dark", NULL);
}

static void
test_failing (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Group) group = make_group (f, "ui/");
  g_autofree char *large = g_strnfill (MKV_MAX_VALUE_BYTES + 1, 'x');

  g_test_summary ("Where a write fails the state goes back");
  mkv_action_group_add (MKV_ACTION_GROUP (group), "name", g_variant_new_string ("me"));
  settle (f);
  g_string_truncate (told, 0);
  n_lines = 0;
  g_action_group_activate_action (group, "name", g_variant_new_string (large));
  settle (f);
  assert_state (group, "name", "'me'");
  store_world_assert_value (f, "ui/name", NULL);
  g_assert_cmpuint (n_lines, ==, 1);
  g_action_group_activate_action (group, "name", g_variant_new_string ("you"));
  settle (f);
  store_world_assert_value (f, "ui/name", "you");
  g_string_truncate (told, 0);
}

static void
test_ends (StoreWorld *f, gconstpointer data)
{
  GActionGroup *group = make_group (f, "ui/");

  g_test_summary ("What was to be written when a group ends still is");
  mkv_action_group_add (MKV_ACTION_GROUP (group), "size", g_variant_new_int32 (10));
  settle (f);
  for (gint i = 0; i < 20; i++)
    g_action_group_activate_action (group, "size", g_variant_new_int32 (i));
  g_object_unref (group);
  mkv_test_run_until (is_quiet, f);
  store_world_assert_value (f, "ui/size", "19");
  /* While it loads. */
  g_object_unref (make_group (f, NULL));
  mkv_test_run_until (is_quiet, f);
  g_string_truncate (told, 0);
}

#define ADD(path, func) \
  g_test_add ("/action-group/" path, StoreWorld, NULL, store_world_set_up, func, store_world_tear_down)

int
main (int argc, char **argv)
{
  int status;

  mkv_test_init (&argc, &argv, 60);
  told = g_string_new (NULL);
  g_log_set_writer_func (count_line, NULL, NULL);
  ADD ("added", test_added);
  ADD ("keys", test_keys);
  ADD ("stored", test_stored);
  ADD ("ignored", test_ignored);
  ADD ("failing", test_failing);
  ADD ("ends", test_ends);
  status = g_test_run ();
  g_string_free (told, TRUE);
  return status;
}
