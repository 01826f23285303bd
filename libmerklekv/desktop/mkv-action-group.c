/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "desktop/mkv-action-group-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "desktop/mkv-bound-key-private.h"
#include "desktop/mkv-mapping-private.h"
#include "model/mkv-names.h"

/**
 * MkvActionGroup:
 *
 * The keys of a [class@Store] under a prefix as actions, for menus, buttons and
 * switches: a [iface@Gio.ActionGroup], to be given to
 * `gtk_widget_insert_action_group()`. It does for a store what
 * [method@Gio.Settings.create_action] does for settings.
 *
 * An action is named as the key without the prefix, and its state is what the
 * key holds. A boolean one takes no parameter, and activating it toggles the
 * state: a check mark or a switch. Any other takes the new state as parameter:
 * a group of radio buttons, each with a target. Either way the state changes at
 * once and is written as [method@Store.bind] writes a property: if that fails, it
 * goes back. Whoever else writes the key changes the state as well. All actions
 * are enabled. A state of another type than the action's is ignored.
 *
 * An application says with [method@ActionGroup.add] which actions it has, of
 * which type, and their state while there is no such key. Every other key whose
 * value is text is an action with a string as state, that comes and goes with the
 * key. What is no valid action name, say because of a slash, is there as well, but
 * can't be written in a detailed action name.
 *
 * States are stored as text: strings as they are, anything else as
 * [method@GLib.Variant.print] writes it, so booleans as `true` and `false`. What
 * can't be read so leaves the state as it is.
 *
 * It holds the values of all keys under the prefix, and is for some hundreds of
 * them. It belongs to the thread of the store's main context, and is to be made and
 * used there.
 *
 * Since: 0.1
 */
typedef struct
{
  MkvActionGroup *group;
  char *name;
  MkvBoundKey *key;
  MkvListItem *item;   /* while the key is there */
  GVariant *initial;   /* the state without a key; NULL of one that nobody added */
  GVariant *state;     /* NULL: there is no such action, or not yet */
  gboolean complained; /* that what is stored is no state */
} Action;

static void action_group_init (GActionGroupInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvActionGroup, mkv_action_group, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_ACTION_GROUP, action_group_init))

enum
{
  PROP_0,
  PROP_STORE,
  PROP_PREFIX,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
set_state (Action *action, GVariant *state)
{
  g_autoptr (MkvActionGroup) group = g_object_ref (action->group);
  g_autoptr (GVariant) before = g_steal_pointer (&action->state);
  g_autofree char *name = g_strdup (action->name);

  action->state = state != NULL ? g_variant_ref_sink (state) : NULL;
  if (before != NULL && state == NULL)
    g_action_group_action_removed (G_ACTION_GROUP (group), name);
  else if (before == NULL && state != NULL)
    g_action_group_action_added (G_ACTION_GROUP (group), name);
  else if (before != NULL && !g_variant_equal (before, state))
    g_action_group_action_state_changed (G_ACTION_GROUP (group), name, state);
}

static const GVariantType *
get_type (Action *action)
{
  return action->initial != NULL ? g_variant_get_type (action->initial) : G_VARIANT_TYPE_STRING;
}

/* What the key holds, or NULL, is now the state. */
static void
on_stored (GBytes *octets, gpointer user_data)
{
  Action *action = user_data;
  g_autoptr (GVariant) state = NULL;

  if (octets == NULL)
    {
      if (action->initial != NULL)
        set_state (action, action->initial);
      return;
    }
  state = mkv_mapping_decode (octets, get_type (action), FALSE);
  if (state != NULL || action->initial == NULL)
    {
      set_state (action, state);
      return;
    }
  if (!action->complained)
    g_message (_("What “%s%s” holds is no state of its action, which stays as it is"), action->group->prefix,
               action->name);
  action->complained = TRUE;
}

static void
on_entry (Action *action)
{
  mkv_bound_key_feed (action->key, mkv_list_item_get_value (action->item));
}

static void
set_item (Action *action, MkvListItem *item)
{
  if (action->item != NULL)
    g_signal_handlers_disconnect_by_data (action->item, action);
  g_set_object (&action->item, item);
  if (item != NULL)
    g_signal_connect_swapped (item, "notify::entry", G_CALLBACK (on_entry), action);
}

static void
action_free (gpointer data)
{
  Action *action = data;

  set_item (action, NULL);
  mkv_bound_key_close (action->key);
  g_clear_pointer (&action->initial, g_variant_unref);
  g_clear_pointer (&action->state, g_variant_unref);
  g_free (action->name);
  g_free (action);
}

static Action *
get_action (MkvActionGroup *self, const char *name)
{
  Action *action = g_hash_table_lookup (self->actions, name);
  g_autofree char *key = NULL;

  if (action != NULL)
    return action;
  key = g_strconcat (self->prefix, name, NULL);
  action = g_new0 (Action, 1);
  action->group = self;
  action->name = g_strdup (name);
  action->key = mkv_bound_key_new (self->store, key, self->clock, on_stored, action);
  g_hash_table_insert (self->actions, action->name, action);
  return action;
}

static void
remove_key (MkvActionGroup *self, const char *name)
{
  Action *action = g_hash_table_lookup (self->actions, name);

  if (action == NULL)
    return;
  set_item (action, NULL);
  if (action->initial != NULL)
    {
      mkv_bound_key_feed (action->key, NULL);
      return;
    }
  g_hash_table_steal (self->actions, name);
  if (action->state != NULL)
    g_action_group_action_removed (G_ACTION_GROUP (self), action->name);
  action_free (action);
}

static void
add_key (MkvActionGroup *self, const char *name, MkvListItem *item)
{
  Action *action = get_action (self, name);

  set_item (action, item);
  /* Or its value comes later. */
  if (mkv_list_item_get_entry (item) != NULL)
    on_entry (action);
}

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, gpointer user_data)
{
  g_autoptr (MkvActionGroup) self = g_object_ref (user_data);
  gsize prefix_length = strlen (self->prefix);

  /* The name of a key that is just the prefix is empty: it is no action. */
  for (; removed > 0; removed--)
    {
      g_autofree char *name = g_ptr_array_steal_index (self->names, position);

      if (name[0] != 0)
        remove_key (self, name);
    }
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (MkvListItem) item = g_list_model_get_item (model, i);
      const char *name = mkv_list_item_get_key (item) + prefix_length;

      g_ptr_array_insert (self->names, (gint) i, g_strdup (name));
      if (name[0] != 0)
        add_key (self, name, item);
    }
}

static char **
mkv_action_group_list_actions (GActionGroup *group)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  GHashTableIter iter;
  gpointer data;

  g_hash_table_iter_init (&iter, MKV_ACTION_GROUP (group)->actions);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    if (((Action *) data)->state != NULL)
      g_strv_builder_add (names, ((Action *) data)->name);
  return g_strv_builder_end (names);
}

static gboolean
is_toggle (Action *action)
{
  return g_variant_type_equal (get_type (action), G_VARIANT_TYPE_BOOLEAN);
}

static gboolean
mkv_action_group_query_action (GActionGroup *group, const char *name, gboolean *enabled,
                               const GVariantType **parameter_type, const GVariantType **state_type,
                               GVariant **state_hint, GVariant **state)
{
  Action *action = g_hash_table_lookup (MKV_ACTION_GROUP (group)->actions, name);

  if (action == NULL || action->state == NULL)
    return FALSE;
  if (enabled != NULL)
    *enabled = TRUE;
  if (parameter_type != NULL)
    *parameter_type = is_toggle (action) ? NULL : get_type (action);
  if (state_type != NULL)
    *state_type = get_type (action);
  if (state_hint != NULL)
    *state_hint = NULL;
  if (state != NULL)
    *state = g_variant_ref (action->state);
  return TRUE;
}

static void
mkv_action_group_change_action_state (GActionGroup *group, const char *name, GVariant *value)
{
  Action *action = g_hash_table_lookup (MKV_ACTION_GROUP (group)->actions, name);
  g_autoptr (GVariant) state = g_variant_ref_sink (value);
  g_autoptr (GBytes) octets = NULL;

  if (action == NULL || action->state == NULL || !g_variant_is_of_type (state, get_type (action)))
    return;
  octets = mkv_mapping_encode (state, FALSE);
  mkv_bound_key_write (action->key, octets);
  set_state (action, state);
}

static void
mkv_action_group_activate_action (GActionGroup *group, const char *name, GVariant *parameter)
{
  Action *action = g_hash_table_lookup (MKV_ACTION_GROUP (group)->actions, name);
  g_autoptr (GVariant) given = parameter != NULL ? g_variant_ref_sink (parameter) : NULL;

  if (action == NULL || action->state == NULL)
    return;
  if (is_toggle (action) && given == NULL)
    g_action_group_change_action_state (group, name,
                                        g_variant_new_boolean (!g_variant_get_boolean (action->state)));
  else if (!is_toggle (action) && given != NULL)
    g_action_group_change_action_state (group, name, given);
}

static void
action_group_init (GActionGroupInterface *iface)
{
  iface->list_actions = mkv_action_group_list_actions;
  iface->query_action = mkv_action_group_query_action;
  iface->change_action_state = mkv_action_group_change_action_state;
  iface->activate_action = mkv_action_group_activate_action;
}

static void
mkv_action_group_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvActionGroup *self = MKV_ACTION_GROUP (object);

  switch (id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_PREFIX:
      g_value_set_string (value, self->prefix);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_action_group_finalize (GObject *object)
{
  MkvActionGroup *self = MKV_ACTION_GROUP (object);

  g_signal_handlers_disconnect_by_data (self->keys, self);
  g_object_unref (self->keys);
  g_hash_table_unref (self->actions);
  g_ptr_array_unref (self->names);
  g_object_unref (self->store);
  g_object_unref (self->clock);
  g_free (self->prefix);
  G_OBJECT_CLASS (mkv_action_group_parent_class)->finalize (object);
}

static void
mkv_action_group_class_init (MkvActionGroupClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = mkv_action_group_get_property;
  object_class->finalize = mkv_action_group_finalize;

  /**
   * MkvActionGroup:store: (getter get_store)
   *
   * The store.
   *
   * Since: 0.1
   */
  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, MKV_TYPE_STORE, flags);

  /**
   * MkvActionGroup:prefix: (getter get_prefix)
   *
   * What the keys begin with.
   *
   * Since: 0.1
   */
  properties[PROP_PREFIX] = g_param_spec_string ("prefix", NULL, NULL, "", flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mkv_action_group_init (MkvActionGroup *self)
{
  self->actions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, action_free);
  self->names = g_ptr_array_new_with_free_func (g_free);
}

MkvActionGroup *
mkv_action_group_new_full (MkvStore *store, const char *prefix, MkvClock *clock)
{
  MkvActionGroup *self = g_object_new (MKV_TYPE_ACTION_GROUP, NULL);

  self->store = g_object_ref (store);
  self->prefix = g_strdup (prefix != NULL ? prefix : "");
  self->clock = g_object_ref (clock);
  self->keys = mkv_list_model_new_full (store, prefix, clock);
  g_signal_connect (self->keys, "items-changed", G_CALLBACK (on_items_changed), self);
  return self;
}

/**
 * mkv_action_group_new:
 * @store: a store
 * @prefix: (nullable): what the keys begin with, such as `settings/`; all keys
 *   if %NULL
 *
 * Makes a group of actions of the keys of @store that begin with @prefix. Until
 * the main loop runs it has those that are added.
 *
 * Returns: (transfer full): the group
 *
 * Since: 0.1
 */
MkvActionGroup *
mkv_action_group_new (MkvStore *store, const char *prefix)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();

  g_return_val_if_fail (MKV_IS_STORE (store), NULL);

  return mkv_action_group_new_full (store, prefix, clock);
}

/**
 * mkv_action_group_add:
 * @self: a group
 * @name: the action's name: the key without the prefix
 * @initial: its state while there is no such key, or none that can be read; of
 *   the state's type. It is taken if it is floating
 *
 * Says that there is an action, whether there is the key or not, and of which
 * type its state is. Nothing is stored before the action is activated.
 *
 * Since: 0.1
 */
void
mkv_action_group_add (MkvActionGroup *self, const char *name, GVariant *initial)
{
  g_autofree char *key = NULL;
  GVariant *before;
  Action *action;

  g_return_if_fail (MKV_IS_ACTION_GROUP (self));
  g_return_if_fail (name != NULL);
  g_return_if_fail (initial != NULL);

  key = g_strconcat (self->prefix, name, NULL);
  g_return_if_fail (mkv_key_check (key, NULL));
  action = get_action (self, name);
  /* One of another type is another action. */
  before = action->initial;
  action->initial = g_variant_ref_sink (initial);
  if (before != NULL)
    g_variant_unref (before);
  set_state (action, NULL);
  set_state (action, action->initial);
  if (action->item != NULL && mkv_list_item_get_value (action->item) != NULL)
    on_stored (mkv_list_item_get_value (action->item), action);
}

/**
 * mkv_action_group_get_store:
 * @self: a group
 *
 * The store whose keys these are.
 *
 * Returns: (transfer none): the store
 *
 * Since: 0.1
 */
MkvStore *
mkv_action_group_get_store (MkvActionGroup *self)
{
  g_return_val_if_fail (MKV_IS_ACTION_GROUP (self), NULL);

  return self->store;
}

/**
 * mkv_action_group_get_prefix:
 * @self: a group
 *
 * What the keys begin with.
 *
 * Returns: (transfer none): the prefix, "" for all keys
 *
 * Since: 0.1
 */
const char *
mkv_action_group_get_prefix (MkvActionGroup *self)
{
  g_return_val_if_fail (MKV_IS_ACTION_GROUP (self), NULL);

  return self->prefix;
}
