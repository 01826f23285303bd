/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "storage/mkv-storage-batch-private.h"

typedef struct
{
  char *name;
  GBytes *value; /* NULL to remove */
} Meta;

/**
 * MkvStorageBatch:
 *
 * Changes that a storage makes all or none: entries to put in the place of what
 * is there, keys to remove, and changes of meta. Within each of the three, the
 * later of two changes to one key or name counts; a key is not both put and
 * removed.
 *
 * Since: 0.1
 */
struct _MkvStorageBatch
{
  gatomicrefcount ref_count;
  MkvDurability durability;
  GPtrArray *entries; /* of MkvEntry */
  GPtrArray *removed; /* of char * */
  GArray *meta;       /* of Meta */
};

G_DEFINE_BOXED_TYPE (MkvStorageBatch, mkv_storage_batch, mkv_storage_batch_ref, mkv_storage_batch_unref)

static void
meta_clear (gpointer data)
{
  Meta *meta = data;

  g_free (meta->name);
  g_clear_pointer (&meta->value, g_bytes_unref);
}

/**
 * mkv_storage_batch_new:
 * @durability: what the changes have to survive
 *
 * Makes a batch without changes.
 *
 * Returns: (transfer full): the batch
 *
 * Since: 0.1
 */
MkvStorageBatch *
mkv_storage_batch_new (MkvDurability durability)
{
  MkvStorageBatch *self = g_new0 (MkvStorageBatch, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->durability = durability;
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  self->removed = g_ptr_array_new_with_free_func (g_free);
  self->meta = g_array_new (FALSE, FALSE, sizeof (Meta));
  g_array_set_clear_func (self->meta, meta_clear);
  return self;
}

/**
 * mkv_storage_batch_ref:
 * @self: a batch
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvStorageBatch *
mkv_storage_batch_ref (MkvStorageBatch *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_storage_batch_unref:
 * @self: (transfer full): a batch
 *
 * Drops a reference, and frees the batch with the last.
 *
 * Since: 0.1
 */
void
mkv_storage_batch_unref (MkvStorageBatch *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->entries);
  g_ptr_array_unref (self->removed);
  g_array_unref (self->meta);
  g_free (self);
}

/**
 * mkv_storage_batch_put:
 * @self: a batch
 * @entry: what its key is to hold
 *
 * Adds an entry to put in the place of what its key holds.
 *
 * Since: 0.1
 */
void
mkv_storage_batch_put (MkvStorageBatch *self, MkvEntry *entry)
{
  g_return_if_fail (entry != NULL);

  g_ptr_array_add (self->entries, mkv_entry_ref (entry));
}

/**
 * mkv_storage_batch_remove:
 * @self: a batch
 * @key: the key whose entry is to go without a trace
 *
 * Adds a key whose entry is to go without a trace.
 *
 * Since: 0.1
 */
void
mkv_storage_batch_remove (MkvStorageBatch *self, const char *key)
{
  g_return_if_fail (key != NULL);

  g_ptr_array_add (self->removed, g_strdup (key));
}

/**
 * mkv_storage_batch_set_meta:
 * @self: a batch
 * @name: a name of at most 400 octets of UTF-8
 * @value: (nullable): what to keep under it; %NULL to remove it
 *
 * Adds a change of meta: octets under a name, beside the entries.
 *
 * Since: 0.1
 */
void
mkv_storage_batch_set_meta (MkvStorageBatch *self, const char *name, GBytes *value)
{
  Meta meta;

  g_return_if_fail (name != NULL);

  meta.name = g_strdup (name);
  meta.value = value != NULL ? g_bytes_ref (value) : NULL;
  g_array_append_val (self->meta, meta);
}

/**
 * mkv_storage_batch_get_durability:
 * @self: a batch
 *
 * Tells what the changes have to survive.
 *
 * Returns: what the changes have to survive
 *
 * Since: 0.1
 */
MkvDurability
mkv_storage_batch_get_durability (const MkvStorageBatch *self)
{
  return self->durability;
}

/**
 * mkv_storage_batch_raise_durability:
 * @self: a batch
 * @durability: what some of the changes have to survive
 *
 * Asks for at least this durability for the whole batch.
 *
 * Since: 0.1
 */
void
mkv_storage_batch_raise_durability (MkvStorageBatch *self, MkvDurability durability)
{
  self->durability = MAX (self->durability, durability);
}

/**
 * mkv_storage_batch_get_entries:
 * @self: a batch
 *
 * Gets the entries to put.
 *
 * Returns: (transfer none) (element-type MkvEntry): the entries to put
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_batch_get_entries (const MkvStorageBatch *self)
{
  return self->entries;
}

/**
 * mkv_storage_batch_get_removed:
 * @self: a batch
 *
 * Gets the keys to remove.
 *
 * Returns: (transfer none) (element-type utf8): the keys to remove
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_batch_get_removed (const MkvStorageBatch *self)
{
  return self->removed;
}

/**
 * mkv_storage_batch_get_n_meta:
 * @self: a batch
 *
 * Tells how many changes of meta there are.
 *
 * Returns: how many changes of meta there are
 *
 * Since: 0.1
 */
guint
mkv_storage_batch_get_n_meta (const MkvStorageBatch *self)
{
  return self->meta->len;
}

/**
 * mkv_storage_batch_get_meta_name:
 * @self: a batch
 * @index: which change of meta
 *
 * Gets the name that one of the changes of meta is about.
 *
 * Returns: (transfer none): the name that changes
 *
 * Since: 0.1
 */
const char *
mkv_storage_batch_get_meta_name (const MkvStorageBatch *self, guint index)
{
  g_return_val_if_fail (index < self->meta->len, NULL);

  return g_array_index (self->meta, Meta, index).name;
}

/**
 * mkv_storage_batch_get_meta_value:
 * @self: a batch
 * @index: which change of meta
 *
 * Gets what one of the changes of meta puts under its name.
 *
 * Returns: (transfer none) (nullable): what the name is to hold; %NULL to
 *   remove it
 *
 * Since: 0.1
 */
GBytes *
mkv_storage_batch_get_meta_value (const MkvStorageBatch *self, guint index)
{
  g_return_val_if_fail (index < self->meta->len, NULL);

  return g_array_index (self->meta, Meta, index).value;
}

/* Makes a batch of nothing out of one that nobody else holds, so that a leader
 * needs no allocation for each. */
void
mkv_storage_batch_clear (MkvStorageBatch *self, MkvDurability durability)
{
  self->durability = durability;
  g_ptr_array_set_size (self->entries, 0);
  g_ptr_array_set_size (self->removed, 0);
  g_array_set_size (self->meta, 0);
}

gboolean
mkv_storage_batch_is_empty (const MkvStorageBatch *self)
{
  return self->entries->len == 0 && self->removed->len == 0 && self->meta->len == 0;
}
