/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "desktop/mkv-list-model-private.h"

#include <string.h>

/**
 * MkvListModel:
 *
 * The keys of a [class@Store] under a prefix, in bytewise order, as a list for
 * a user interface: a [iface@Gio.ListModel] of [class@ListItem]. It follows the
 * store, whoever writes to it.
 *
 * It is made for a million keys, and for thousands of changes a second. Of each
 * key it holds the part behind the prefix, packed: about two octets more than
 * its own. All keys and not some of them, because a change does not tell whether
 * its key was there before, and a position has to be exact. Values it holds
 * none: an item is made when it is asked for, reads its value, and follows its
 * key for as long as somebody holds it.
 *
 * Keys come in pages, so the list is empty at first and grows;
 * [property@ListModel:loading] tells when it is complete, and changes show
 * before that. What changes within about 16 ms comes as one
 * [signal@Gio.ListModel::items-changed] for each run of neighbours. A new value
 * is no change of the list, but one of the item's properties.
 *
 * A model belongs to the thread of the store's main context, and is to be made
 * and used there.
 *
 * Since: 0.1
 */
static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvListModel, mkv_list_model, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

enum
{
  PROP_0,
  PROP_STORE,
  PROP_PREFIX,
  PROP_LOADING,
  PROP_ERROR,
  PROP_ITEM_TYPE,
  PROP_N_ITEMS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

void
mkv_list_model_set_error (MkvListModel *self, const GError *error)
{
  if (self->error == NULL && error == NULL)
    return;
  g_clear_error (&self->error);
  if (error != NULL)
    self->error = g_error_copy (error);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ERROR]);
}

void
mkv_list_model_set_loading (MkvListModel *self, gboolean loading)
{
  if (self->loading == loading)
    return;
  self->loading = loading;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOADING]);
}

void
mkv_list_model_notify_n_items (MkvListModel *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_ITEMS]);
}

static GType
list_model_get_item_type (GListModel *list)
{
  return MKV_TYPE_LIST_ITEM;
}

static guint
list_model_get_n_items (GListModel *list)
{
  return mkv_key_set_get_length (MKV_LIST_MODEL (list)->keys);
}

static gpointer
list_model_get_item (GListModel *list, guint position)
{
  MkvListModel *self = MKV_LIST_MODEL (list);

  if (position >= mkv_key_set_get_length (self->keys))
    return NULL;
  return mkv_item_pool_get (self->items, mkv_key_set_get (self->keys, position));
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = list_model_get_item_type;
  iface->get_n_items = list_model_get_n_items;
  iface->get_item = list_model_get_item;
}

static void
mkv_list_model_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvListModel *self = MKV_LIST_MODEL (object);

  switch (id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_PREFIX:
      g_value_set_string (value, self->prefix);
      break;
    case PROP_LOADING:
      g_value_set_boolean (value, self->loading);
      break;
    case PROP_ERROR:
      g_value_set_boxed (value, self->error);
      break;
    case PROP_ITEM_TYPE:
      g_value_set_gtype (value, MKV_TYPE_LIST_ITEM);
      break;
    case PROP_N_ITEMS:
      g_value_set_uint (value, mkv_key_set_get_length (self->keys));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_list_model_finalize (GObject *object)
{
  MkvListModel *self = MKV_LIST_MODEL (object);

  mkv_list_model_stop (self);
  g_object_unref (self->store);
  g_free (self->prefix);
  mkv_key_set_free (self->keys);
  mkv_item_pool_free (self->items);
  g_tree_unref (self->pending);
  g_free (self->last_changed);
  g_strfreev (self->page);
  g_free (self->listed);
  g_hash_table_unref (self->touched);
  g_clear_error (&self->error);
  g_object_unref (self->clock);
  g_object_unref (self->cancellable);
  G_OBJECT_CLASS (mkv_list_model_parent_class)->finalize (object);
}

static void
mkv_list_model_class_init (MkvListModelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = mkv_list_model_get_property;
  object_class->finalize = mkv_list_model_finalize;

  /**
   * MkvListModel:store: (getter get_store)
   *
   * The store.
   *
   * Since: 0.1
   */
  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, MKV_TYPE_STORE, flags);

  /**
   * MkvListModel:prefix: (getter get_prefix)
   *
   * What the keys of the list begin with.
   *
   * Since: 0.1
   */
  properties[PROP_PREFIX] = g_param_spec_string ("prefix", NULL, NULL, "", flags);

  /**
   * MkvListModel:loading: (getter is_loading)
   *
   * Whether keys are still being listed.
   *
   * Since: 0.1
   */
  properties[PROP_LOADING] = g_param_spec_boolean ("loading", NULL, NULL, FALSE, flags);

  /**
   * MkvListModel:error: (getter get_error)
   *
   * Why keys could not be listed, or values not be read.
   *
   * Since: 0.1
   */
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, flags);

  /**
   * MkvListModel:item-type:
   *
   * [class@ListItem].
   *
   * Since: 0.1
   */
  properties[PROP_ITEM_TYPE] = g_param_spec_gtype ("item-type", NULL, NULL, G_TYPE_OBJECT, flags);

  /**
   * MkvListModel:n-items:
   *
   * How many keys there are.
   *
   * Since: 0.1
   */
  properties[PROP_N_ITEMS] = g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0, flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static void
mkv_list_model_init (MkvListModel *self)
{
  self->keys = mkv_key_set_new ();
  self->pending = g_tree_new_full (compare_keys, NULL, g_free, NULL);
  self->touched = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->cancellable = g_cancellable_new ();
}

static void
on_read_error (const GError *error, gpointer user_data)
{
  mkv_list_model_set_error (user_data, error);
}

MkvListModel *
mkv_list_model_new_full (MkvStore *store, const char *prefix, MkvClock *clock)
{
  MkvListModel *self = g_object_new (MKV_TYPE_LIST_MODEL, NULL);

  self->store = g_object_ref (store);
  self->prefix = g_strdup (prefix != NULL ? prefix : "");
  self->prefix_length = strlen (self->prefix);
  self->clock = g_object_ref (clock);
  self->items = mkv_item_pool_new (store, self->prefix, on_read_error, self);
  mkv_list_model_start (self);
  return self;
}

/**
 * mkv_list_model_new:
 * @store: a store
 * @prefix: (nullable): what the keys begin with; all keys if %NULL
 *
 * Makes a list of the keys of @store that begin with @prefix. It is empty until
 * the main loop runs.
 *
 * Returns: (transfer full): the list
 *
 * Since: 0.1
 */
MkvListModel *
mkv_list_model_new (MkvStore *store, const char *prefix)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();

  g_return_val_if_fail (MKV_IS_STORE (store), NULL);

  return mkv_list_model_new_full (store, prefix, clock);
}

/**
 * mkv_list_model_get_store:
 * @self: a list
 *
 * The store whose keys these are.
 *
 * Returns: (transfer none): the store
 *
 * Since: 0.1
 */
MkvStore *
mkv_list_model_get_store (MkvListModel *self)
{
  g_return_val_if_fail (MKV_IS_LIST_MODEL (self), NULL);

  return self->store;
}

/**
 * mkv_list_model_get_prefix:
 * @self: a list
 *
 * What the keys of the list begin with.
 *
 * Returns: (transfer none): the prefix, "" for all keys
 *
 * Since: 0.1
 */
const char *
mkv_list_model_get_prefix (MkvListModel *self)
{
  g_return_val_if_fail (MKV_IS_LIST_MODEL (self), NULL);

  return self->prefix;
}

/**
 * mkv_list_model_is_loading: (get-property loading)
 * @self: a list
 *
 * Whether keys are still being listed. What is there may be shown already.
 *
 * Returns: whether they are
 *
 * Since: 0.1
 */
gboolean
mkv_list_model_is_loading (MkvListModel *self)
{
  g_return_val_if_fail (MKV_IS_LIST_MODEL (self), FALSE);

  return self->loading;
}

/**
 * mkv_list_model_get_error:
 * @self: a list
 *
 * Why keys could not be listed, or values not be read, the last time.
 * [method@ListModel.reload] tries again. Keys that could not be listed are
 * missing, while changes still come.
 *
 * Returns: (transfer none) (nullable): the error; %NULL if there was none
 *
 * Since: 0.1
 */
const GError *
mkv_list_model_get_error (MkvListModel *self)
{
  g_return_val_if_fail (MKV_IS_LIST_MODEL (self), NULL);

  return self->error;
}

/**
 * mkv_list_model_find:
 * @self: a list
 * @key: a whole key, with the prefix
 * @position: (out) (optional): where it is, counted from 0; if it is not there,
 *   where it would be
 *
 * Looks for a key, in a time that grows with the logarithm of their number.
 *
 * Returns: whether the key is in the list
 *
 * Since: 0.1
 */
gboolean
mkv_list_model_find (MkvListModel *self, const char *key, guint *position)
{
  guint ignored;

  g_return_val_if_fail (MKV_IS_LIST_MODEL (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  if (position == NULL)
    position = &ignored;
  if (strncmp (key, self->prefix, self->prefix_length) == 0)
    return mkv_key_set_find (self->keys, key + self->prefix_length, position);
  *position = strcmp (key, self->prefix) < 0 ? 0 : mkv_key_set_get_length (self->keys);
  return FALSE;
}

/**
 * mkv_list_model_reload:
 * @self: a list
 *
 * Lists the keys again, and reads again what is shown: after an error, or where
 * changes may have been missed. What stayed the same is not told anew.
 *
 * Since: 0.1
 */
void
mkv_list_model_reload (MkvListModel *self)
{
  g_return_if_fail (MKV_IS_LIST_MODEL (self));

  mkv_list_model_list_again (self);
  mkv_item_pool_reload (self->items);
  mkv_list_model_set_error (self, NULL);
  mkv_list_model_set_loading (self, TRUE);
}
