/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "desktop/mkv-list-item-private.h"

/**
 * MkvListItem:
 *
 * A key in a [class@ListModel], and what it holds. The value is read when the
 * item is first asked for, and comes a moment later: a widget binds to the
 * properties. While the key stays in the list the item follows its changes; the
 * item of a key that was deleted keeps the last value.
 *
 * Since: 0.1
 */
struct _MkvListItem
{
  GObject parent_instance;

  char *key;
  MkvEntry *entry; /* NULL until it was read */
  gboolean stale;  /* has to be read */
};

G_DEFINE_FINAL_TYPE (MkvListItem, mkv_list_item, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_KEY,
  PROP_ENTRY,
  PROP_VALUE,
  PROP_TEXT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
mkv_list_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvListItem *self = MKV_LIST_ITEM (object);

  switch (id)
    {
    case PROP_KEY:
      g_value_set_string (value, self->key);
      break;
    case PROP_ENTRY:
      g_value_set_boxed (value, self->entry);
      break;
    case PROP_VALUE:
      g_value_set_boxed (value, mkv_list_item_get_value (self));
      break;
    case PROP_TEXT:
      g_value_take_string (value, mkv_list_item_dup_text (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_list_item_finalize (GObject *object)
{
  MkvListItem *self = MKV_LIST_ITEM (object);

  g_free (self->key);
  g_clear_pointer (&self->entry, mkv_entry_unref);
  G_OBJECT_CLASS (mkv_list_item_parent_class)->finalize (object);
}

static void
mkv_list_item_class_init (MkvListItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = mkv_list_item_get_property;
  object_class->finalize = mkv_list_item_finalize;

  /**
   * MkvListItem:key: (getter get_key)
   *
   * The whole key.
   *
   * Since: 0.1
   */
  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, flags);

  /**
   * MkvListItem:entry: (getter get_entry)
   *
   * What the key holds, when it was written and by whom; %NULL until it was
   * read.
   *
   * Since: 0.1
   */
  properties[PROP_ENTRY] = g_param_spec_boxed ("entry", NULL, NULL, MKV_TYPE_ENTRY, flags);

  /**
   * MkvListItem:value: (getter get_value)
   *
   * The value; %NULL until it was read.
   *
   * Since: 0.1
   */
  properties[PROP_VALUE] = g_param_spec_boxed ("value", NULL, NULL, G_TYPE_BYTES, flags);

  /**
   * MkvListItem:text:
   *
   * The value, if it is UTF-8 without NUL: what a label shows.
   *
   * Since: 0.1
   */
  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mkv_list_item_init (MkvListItem *self)
{
  self->stale = TRUE;
}

MkvListItem *
mkv_list_item_new (const char *key)
{
  MkvListItem *self = g_object_new (MKV_TYPE_LIST_ITEM, NULL);

  self->key = g_strdup (key);
  return self;
}

void
mkv_list_item_make_stale (MkvListItem *self)
{
  self->stale = TRUE;
}

gboolean
mkv_list_item_is_stale (MkvListItem *self)
{
  return self->stale;
}

void
mkv_list_item_take (MkvListItem *self, MkvEntry *entry)
{
  self->stale = FALSE;
  if (self->entry != NULL && mkv_entry_compare (entry, self->entry) == 0)
    return;
  g_clear_pointer (&self->entry, mkv_entry_unref);
  self->entry = mkv_entry_ref (entry);
  g_object_freeze_notify (G_OBJECT (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ENTRY]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VALUE]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXT]);
  g_object_thaw_notify (G_OBJECT (self));
}

/**
 * mkv_list_item_get_key:
 * @self: an item
 *
 * The whole key, with the list's prefix.
 *
 * Returns: (transfer none): the key
 *
 * Since: 0.1
 */
const char *
mkv_list_item_get_key (MkvListItem *self)
{
  g_return_val_if_fail (MKV_IS_LIST_ITEM (self), NULL);

  return self->key;
}

/**
 * mkv_list_item_get_entry:
 * @self: an item
 *
 * What the key holds, when it was written and by whom.
 *
 * Returns: (transfer none) (nullable): the entry; %NULL until it was read
 *
 * Since: 0.1
 */
MkvEntry *
mkv_list_item_get_entry (MkvListItem *self)
{
  g_return_val_if_fail (MKV_IS_LIST_ITEM (self), NULL);

  return self->entry;
}

/**
 * mkv_list_item_get_value:
 * @self: an item
 *
 * The value of the key.
 *
 * Returns: (transfer none) (nullable): the value; %NULL until it was read
 *
 * Since: 0.1
 */
GBytes *
mkv_list_item_get_value (MkvListItem *self)
{
  g_return_val_if_fail (MKV_IS_LIST_ITEM (self), NULL);

  return self->entry != NULL ? mkv_entry_get_value (self->entry) : NULL;
}

/**
 * mkv_list_item_dup_text: (get-property text)
 * @self: an item
 *
 * The value as a text.
 *
 * Returns: (transfer full) (nullable): the value; %NULL until it was read, and
 *   if it is not UTF-8 or has a NUL
 *
 * Since: 0.1
 */
char *
mkv_list_item_dup_text (MkvListItem *self)
{
  g_return_val_if_fail (MKV_IS_LIST_ITEM (self), NULL);

  return self->entry != NULL ? mkv_entry_dup_text (self->entry) : NULL;
}
