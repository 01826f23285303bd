/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Reading takes no lock: an entry names the key that it is sealed with, and keys
 * are only added while the storage is open. `mutex` makes one at a time of those
 * who change the inner storage: the store, and a change of the key beside it.
 */
#include "config.h"

#include "security/mkv-sealed-storage-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "storage/mkv-storage-batch-private.h"

/**
 * MkvSealedStorage:
 *
 * A storage that keeps in another what nobody can read without the key: values,
 * stamps and digests of entries, and the values of meta, are encrypted and
 * authenticated with AES-256-GCM (NIST SP 800-38D), each under its key or name,
 * so that they can't be exchanged either. Keys, the names of meta, lengths and
 * counts stay readable, and so does which keys are deleted. Whoever can write to
 * the inner storage can bring back something older, or remove it.
 *
 * ```c
 * storage = mkv_sealed_storage_new (inner, key);
 * mkv_storage_open (MKV_STORAGE (storage), path, NULL, &error);
 * store = mkv_local_store_new (MKV_STORAGE (storage), "my-device", &error);
 * ```
 *
 * A storage is encrypted from its first opening on, or by
 * [method@SealedStorage.rekey_async]. Opening fails with
 * %MKV_ERROR_CONFIGURATION where the key is another than that of the storage, is
 * missing, or is given for one that is not encrypted.
 *
 * What is encrypted with a key is enough for 2^40 writes and 2^24 openings of a
 * storage; a change of the key, also to the same one, begins anew.
 *
 * Since: 0.1
 */

gboolean
mkv_seal_name_is_own (const char *name)
{
  return g_str_has_prefix (name, MKV_SEAL_RECORD) &&
         (name[strlen (MKV_SEAL_RECORD)] == 0 || name[strlen (MKV_SEAL_RECORD)] == '/');
}

static MkvSealKey *
lookup_key (MkvSealKey *keys, const guint8 *id)
{
  MkvSealKey *key = keys;

  while (key != NULL && memcmp (key->check, id, MKV_SEAL_ID_BYTES) != 0)
    key = key->next;
  return key;
}

MkvEntry *
mkv_sealed_storage_open_entry (MkvSealedStorage *self, MkvEntry *inner, GError **error)
{
  MkvSealKey *keys = g_atomic_pointer_get (&self->keys), *key = NULL;
  MkvSealHead head;

  if (keys != NULL && mkv_seal_head_read (&head, inner))
    key = lookup_key (keys, mkv_seal_head_get_key_id (&head));
  if (key != NULL)
    return mkv_seal_open_entry (key, self->nodes, &head, inner, error);
  if (g_atomic_int_get (&self->may_be_plain))
    return mkv_entry_ref (inner);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, _("The entry of “%s” is not encrypted with the storage's key"),
               mkv_entry_get_key (inner));
  return NULL;
}

GBytes *
mkv_sealed_storage_open_meta (MkvSealedStorage *self, const char *name, GBytes *inner, GError **error)
{
  MkvSealKey *keys = g_atomic_pointer_get (&self->keys);
  const guint8 *id = mkv_seal_meta_get_key_id (inner);
  MkvSealKey *key = id != NULL ? lookup_key (keys, id) : NULL;

  if (key != NULL)
    return mkv_seal_open_meta (key, name, inner, error);
  if (g_atomic_int_get (&self->may_be_plain))
    return g_bytes_ref (inner);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
               _("The storage's record “%s” is not encrypted with the storage's key"), name);
  return NULL;
}

gboolean
mkv_sealed_storage_set_meta (MkvSealedStorage *self, MkvStorageBatch *batch, const char *name, GBytes *value,
                             GError **error)
{
  g_autoptr (GBytes) sealed = NULL;

  if (self->writer != NULL && value != NULL)
    {
      sealed = mkv_seal_meta (self->writer, name, value, error);
      if (sealed == NULL)
        return FALSE;
    }
  mkv_storage_batch_set_meta (batch, name, sealed != NULL ? sealed : value);
  return TRUE;
}

/* The number of a node whose id is too long for the stamp, which is stored
 * beside the first entry that needs it. */
static gboolean
get_node_number (MkvSealedStorage *self, MkvStorageBatch *batch, MkvEntry *entry, guint32 *number, GError **error)
{
  const char *node_id = mkv_entry_get_stamp (entry)->node_id;
  g_autofree char *name = NULL;
  g_autoptr (GBytes) value = NULL;
  gboolean stored;

  *number = mkv_seal_nodes_add (self->nodes, node_id, &stored);
  if (stored)
    return TRUE;
  name = g_strdup_printf (MKV_SEAL_NODE_PREFIX "%08x", *number);
  value = g_bytes_new (node_id, strlen (node_id));
  return mkv_sealed_storage_set_meta (self, batch, name, value, error);
}

gboolean
mkv_sealed_storage_put (MkvSealedStorage *self, MkvStorageBatch *batch, MkvEntry *entry, GError **error)
{
  g_autoptr (MkvEntry) sealed = NULL;
  guint32 number = 0;

  if (self->writer != NULL)
    {
      if (mkv_seal_node_is_long (entry) && !get_node_number (self, batch, entry, &number, error))
        return FALSE;
      sealed = mkv_seal_entry (self->writer, entry, number, error);
      if (sealed == NULL)
        return FALSE;
    }
  mkv_storage_batch_put (batch, sealed != NULL ? sealed : entry);
  return TRUE;
}

gboolean
mkv_sealed_storage_apply_sealed (MkvSealedStorage *self, MkvStorageBatch *batch, GError **error)
{
  gboolean done = mkv_storage_apply (self->inner, batch, error);

  mkv_seal_nodes_end_storing (self->nodes, done);
  return done;
}

static gboolean
mkv_sealed_storage_open (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  MkvSealedStorage *self = MKV_SEALED_STORAGE (storage);

  if (!mkv_sealed_storage_open_inner (self, path, options, error))
    return FALSE;
  self->resumed = self->record.under_way;
  if (!self->record.under_way || mkv_sealed_storage_finish_rekey (self, NULL, NULL, error))
    return TRUE;
  mkv_sealed_storage_close_inner (self, NULL);
  return FALSE;
}

static gboolean
mkv_sealed_storage_close (MkvStorage *storage, GError **error)
{
  MkvSealedStorage *self = MKV_SEALED_STORAGE (storage);
  gboolean done;

  g_mutex_lock (&self->mutex);
  done = mkv_sealed_storage_close_inner (self, error);
  g_mutex_unlock (&self->mutex);
  return done;
}

/* Whether what was read, when n_changes was @n_changes, failed for no other
 * reason than that the key has changed meanwhile. */
static gboolean
is_outdated (MkvSealedStorage *self, gint n_changes, GError **error)
{
  if (g_atomic_int_get (&self->n_changes) == n_changes)
    return FALSE;
  g_clear_error (error);
  return TRUE;
}

static MkvEntry *
mkv_sealed_storage_get (MkvStorage *storage, const char *key, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;

  for (;;)
    {
      gint n_changes = g_atomic_int_get (&self->n_changes);
      g_autoptr (MkvEntry) inner = mkv_storage_get (self->inner, key, error);
      MkvEntry *entry = inner != NULL ? mkv_sealed_storage_open_entry (self, inner, error) : NULL;

      if (entry != NULL || inner == NULL || !is_outdated (self, n_changes, error))
        return entry;
    }
}

/* Puts what they stand for in the place of entries. */
static gboolean
open_entries (MkvSealedStorage *self, GPtrArray *entries, GError **error)
{
  for (guint i = 0; i < entries->len; i++)
    {
      MkvEntry *entry = mkv_sealed_storage_open_entry (self, entries->pdata[i], error);

      if (entry == NULL)
        return FALSE;
      mkv_entry_unref (entries->pdata[i]);
      entries->pdata[i] = entry;
    }
  return TRUE;
}

static GPtrArray *
mkv_sealed_storage_scan (MkvStorage *storage, const char *prefix, const char *after, guint limit, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;

  for (;;)
    {
      gint n_changes = g_atomic_int_get (&self->n_changes);
      g_autoptr (GPtrArray) entries = mkv_storage_scan (self->inner, prefix, after, limit, error);

      if (entries == NULL || open_entries (self, entries, error))
        return g_steal_pointer (&entries);
      if (!is_outdated (self, n_changes, error))
        return NULL;
    }
}

static gboolean
seal_batch (MkvSealedStorage *self, MkvStorageBatch *batch, GError **error)
{
  GPtrArray *entries = mkv_storage_batch_get_entries (batch);
  GPtrArray *removed = mkv_storage_batch_get_removed (batch);
  guint n_meta = mkv_storage_batch_get_n_meta (batch);

  for (guint i = 0; i < entries->len; i++)
    if (!mkv_sealed_storage_put (self, self->batch, entries->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < removed->len; i++)
    mkv_storage_batch_remove (self->batch, removed->pdata[i]);
  for (guint i = 0; i < n_meta; i++)
    {
      const char *name = mkv_storage_batch_get_meta_name (batch, i);

      if (mkv_seal_name_is_own (name))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("“%s” is a name of the sealed storage's own"),
                       name);
          return FALSE;
        }
      if (!mkv_sealed_storage_set_meta (self, self->batch, name, mkv_storage_batch_get_meta_value (batch, i), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
mkv_sealed_storage_apply (MkvStorage *storage, MkvStorageBatch *batch, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;
  gboolean done;

  g_mutex_lock (&self->mutex);
  mkv_storage_batch_clear (self->batch, mkv_storage_batch_get_durability (batch));
  done = seal_batch (self, batch, error) && mkv_sealed_storage_apply_sealed (self, self->batch, error);
  mkv_storage_batch_clear (self->batch, MKV_DURABILITY_NONE);
  g_mutex_unlock (&self->mutex);
  return done;
}

static GBytes *
mkv_sealed_storage_get_meta (MkvStorage *storage, const char *name, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;

  if (mkv_seal_name_is_own (name))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is nothing of that name"));
      return NULL;
    }
  for (;;)
    {
      gint n_changes = g_atomic_int_get (&self->n_changes);
      g_autoptr (GBytes) inner = mkv_storage_get_meta (self->inner, name, error);
      GBytes *value = inner != NULL ? mkv_sealed_storage_open_meta (self, name, inner, error) : NULL;

      if (value != NULL || inner == NULL || !is_outdated (self, n_changes, error))
        return value;
    }
}

static GPtrArray *
mkv_sealed_storage_scan_meta (MkvStorage *storage, const char *prefix, const char *after, guint limit, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *behind = g_strdup (after);
  gboolean at_end = FALSE;

  while (!at_end && found->len < limit)
    {
      guint page_size = limit - found->len;
      g_autoptr (GPtrArray) names = mkv_storage_scan_meta (self->inner, prefix, behind, page_size, error);

      if (names == NULL)
        return NULL;
      at_end = names->len < page_size;
      for (guint i = 0; i < names->len; i++)
        if (!mkv_seal_name_is_own (names->pdata[i]))
          g_ptr_array_add (found, g_strdup (names->pdata[i]));
      if (names->len > 0)
        {
          g_free (behind);
          behind = g_strdup (names->pdata[names->len - 1]);
        }
    }
  return g_steal_pointer (&found);
}

static gboolean
mkv_sealed_storage_stats (MkvStorage *storage, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                          GError **error)
{
  return mkv_storage_stats (((MkvSealedStorage *) storage)->inner, n_entries, n_tombstones, n_bytes, error);
}

static gboolean
mkv_sealed_storage_compact (MkvStorage *storage, GError **error)
{
  MkvSealedStorage *self = (MkvSealedStorage *) storage;
  gboolean done;

  g_mutex_lock (&self->mutex);
  done = mkv_storage_compact (self->inner, error);
  g_mutex_unlock (&self->mutex);
  return done;
}

static char **
mkv_sealed_storage_list_damage (MkvStorage *storage, GError **error)
{
  return mkv_storage_list_damage (((MkvSealedStorage *) storage)->inner, error);
}

static gboolean
mkv_sealed_storage_is_instant (MkvStorage *storage)
{
  return mkv_storage_is_instant (((MkvSealedStorage *) storage)->inner);
}

static gboolean
mkv_sealed_storage_backup (MkvStorage *storage, const char *path, GCancellable *cancellable, GError **error)
{
  return mkv_storage_backup (((MkvSealedStorage *) storage)->inner, path, cancellable, error);
}

static void
mkv_sealed_storage_iface_init (MkvStorageInterface *iface)
{
  iface->open = mkv_sealed_storage_open;
  iface->close = mkv_sealed_storage_close;
  iface->get = mkv_sealed_storage_get;
  iface->scan = mkv_sealed_storage_scan;
  iface->apply = mkv_sealed_storage_apply;
  iface->get_meta = mkv_sealed_storage_get_meta;
  iface->scan_meta = mkv_sealed_storage_scan_meta;
  iface->stats = mkv_sealed_storage_stats;
  iface->compact = mkv_sealed_storage_compact;
  iface->verify = mkv_sealed_storage_verify_all;
  iface->is_instant = mkv_sealed_storage_is_instant;
  iface->list_damage = mkv_sealed_storage_list_damage;
  iface->backup = mkv_sealed_storage_backup;
  iface->repair = mkv_sealed_storage_repair_all;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvSealedStorage, mkv_sealed_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_STORAGE, mkv_sealed_storage_iface_init))

static void
mkv_sealed_storage_finalize (GObject *object)
{
  MkvSealedStorage *self = MKV_SEALED_STORAGE (object);

  mkv_sealed_storage_forget (self);
  g_clear_object (&self->inner);
  g_clear_pointer (&self->secret, g_bytes_unref);
  g_ptr_array_unref (self->more_secrets);
  mkv_storage_batch_unref (self->batch);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (mkv_sealed_storage_parent_class)->finalize (object);
}

static void
mkv_sealed_storage_class_init (MkvSealedStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_sealed_storage_finalize;
}

static void
mkv_sealed_storage_init (MkvSealedStorage *self)
{
  g_mutex_init (&self->mutex);
  self->more_secrets = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
}

/**
 * mkv_sealed_storage_new:
 * @storage: a storage that is not open, and that nobody else uses
 * @key: (nullable): 32 octets; %NULL for a storage that is not encrypted, to
 *   encrypt it with [method@SealedStorage.rekey_async]
 *
 * Makes a storage that keeps what it is given encrypted in @storage. It is
 * opened and closed with it.
 *
 * Returns: (transfer full): the storage, not open
 *
 * Since: 0.1
 */
MkvSealedStorage *
mkv_sealed_storage_new (MkvStorage *storage, GBytes *key)
{
  MkvSealedStorage *self;

  g_return_val_if_fail (MKV_IS_STORAGE (storage), NULL);

  self = g_object_new (MKV_TYPE_SEALED_STORAGE, NULL);
  self->inner = g_object_ref (storage);
  if (key != NULL)
    self->secret = g_bytes_ref (key);
  return self;
}

/**
 * mkv_sealed_storage_add_key:
 * @self: a storage that is not open
 * @key: 32 octets
 *
 * Gives another key, for a change of the key that a process has not come to the
 * end of: it goes on when the storage is opened with both.
 *
 * Since: 0.1
 */
void
mkv_sealed_storage_add_key (MkvSealedStorage *self, GBytes *key)
{
  g_return_if_fail (MKV_IS_SEALED_STORAGE (self));
  g_return_if_fail (key != NULL);

  g_ptr_array_add (self->more_secrets, g_bytes_ref (key));
}
