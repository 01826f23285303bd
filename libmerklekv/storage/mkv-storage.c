/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "storage/mkv-storage.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-plugin-guard-private.h"

/**
 * MkvStorage:
 *
 * Where entries are kept: an ordered map from keys to entries, a second one
 * from names to octets (*meta*), and one way to change both, atomically. No
 * hashing, no policy, no order of writes: those are the store's. A tombstone is
 * an entry like any other.
 *
 * Reads may come from any thread at any time; `open`, `close`, `apply` and
 * `compact` come from one thread at a time.
 *
 * A function that fails returns %NULL or %FALSE *and* sets an error. What is not
 * there is %MKV_ERROR_NOT_FOUND, never a bare %NULL: a wrapper turns that into
 * %MKV_PLUGIN_ERROR_FAILED, because "not there" taken for granted would
 * overwrite a newer entry.
 *
 * Since: 0.1
 */
G_DEFINE_INTERFACE (MkvStorage, mkv_storage, G_TYPE_OBJECT)

static void
mkv_storage_default_init (MkvStorageInterface *iface)
{
}

/**
 * mkv_storage_open:
 * @self: a storage
 * @path: (nullable): the folder to keep the data in; %NULL for a storage that
 *   needs none
 * @options: (nullable): an `a{sv}` of what this storage understands
 * @error: return location for an error
 *
 * Opens the storage, and makes it if it is not there. Nothing else may be
 * called before.
 *
 * Returns: whether the storage is open
 *
 * Since: 0.1
 */
gboolean
mkv_storage_open (MkvStorage *self, const char *path, GVariant *options, GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);

  done = MKV_STORAGE_GET_IFACE (self)->open (self, path, options, &plugin_error);
  return mkv_plugin_guard (done, self, "open", error, plugin_error);
}

/**
 * mkv_storage_close:
 * @self: an open storage
 * @error: return location for an error
 *
 * Writes out what is still in memory, and closes the storage.
 *
 * Returns: whether everything was written
 *
 * Since: 0.1
 */
gboolean
mkv_storage_close (MkvStorage *self, GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);

  done = MKV_STORAGE_GET_IFACE (self)->close (self, &plugin_error);
  return mkv_plugin_guard (done, self, "close", error, plugin_error);
}

/**
 * mkv_storage_get:
 * @self: an open storage
 * @key: a key
 * @error: return location for an error
 *
 * Looks up the entry of a key.
 *
 * Returns: (transfer full): the entry, which may be a tombstone; %NULL with
 *   %MKV_ERROR_NOT_FOUND if there is none
 *
 * Since: 0.1
 */
MkvEntry *
mkv_storage_get (MkvStorage *self, const char *key, GError **error)
{
  MkvStorageInterface *iface = MKV_STORAGE_GET_IFACE (self); /* NULL if self is no storage */
  GError *plugin_error = NULL;
  MkvEntry *entry;

  g_return_val_if_fail (iface != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  entry = iface->get (self, key, &plugin_error);
  if (entry != NULL && plugin_error == NULL)
    return entry;
  mkv_plugin_guard (entry != NULL, self, "get", error, plugin_error);
  return entry;
}

/**
 * mkv_storage_scan:
 * @self: an open storage
 * @prefix: (nullable): what the keys begin with
 * @after: (nullable): a key; the scan begins behind it
 * @limit: how many entries at most
 * @error: return location for an error
 *
 * Reads entries, tombstones among them, in bytewise order of their keys.
 *
 * Returns: (transfer full) (element-type MkvEntry): the entries, fewer than
 *   @limit only at the end; empty if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_scan (MkvStorage *self, const char *prefix, const char *after, guint limit, GError **error)
{
  GError *plugin_error = NULL;
  GPtrArray *entries;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);

  entries = MKV_STORAGE_GET_IFACE (self)->scan (self, prefix, after, limit, &plugin_error);
  /* An array made by a language binding has no such function. */
  if (entries != NULL)
    g_ptr_array_set_free_func (entries, (GDestroyNotify) mkv_entry_unref);
  mkv_plugin_guard (entries != NULL, self, "scan", error, plugin_error);
  return entries;
}

/**
 * mkv_storage_scan_for_bindings: (rename-to mkv_storage_scan)
 * @self: an open storage
 * @prefix: (nullable): what the keys begin with
 * @after: (nullable): a key; the scan begins behind it
 * @limit: how many entries at most
 * @error: return location for an error
 *
 * What language bindings call as [method@Storage.scan]. They take what is in an
 * array from C for their own unless told otherwise, which the description of
 * the vfunc, being that of [method@Storage.scan], can't.
 *
 * Returns: (transfer container) (element-type MkvEntry): the entries
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_scan_for_bindings (MkvStorage *self, const char *prefix, const char *after, guint limit,
                               GError **error)
{
  return mkv_storage_scan (self, prefix, after, limit, error);
}

/**
 * mkv_storage_apply:
 * @self: an open storage
 * @batch: what to change
 * @error: return location for an error
 *
 * Makes all the changes of @batch, or none of them, as durable as it asks for.
 * When it returns %TRUE every later read sees them.
 *
 * Returns: whether the changes were made
 *
 * Since: 0.1
 */
gboolean
mkv_storage_apply (MkvStorage *self, MkvStorageBatch *batch, GError **error)
{
  MkvStorageInterface *iface = MKV_STORAGE_GET_IFACE (self); /* NULL if self is no storage */
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (iface != NULL, FALSE);
  g_return_val_if_fail (batch != NULL, FALSE);

  done = iface->apply (self, batch, &plugin_error);
  return mkv_plugin_guard (done, self, "apply", error, plugin_error);
}

/**
 * mkv_storage_get_meta:
 * @self: an open storage
 * @name: a name
 * @error: return location for an error
 *
 * Looks up what was kept under a name.
 *
 * Returns: (transfer full): the octets; %NULL with %MKV_ERROR_NOT_FOUND if
 *   there is nothing of that name
 *
 * Since: 0.1
 */
GBytes *
mkv_storage_get_meta (MkvStorage *self, const char *name, GError **error)
{
  GError *plugin_error = NULL;
  GBytes *value;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  value = MKV_STORAGE_GET_IFACE (self)->get_meta (self, name, &plugin_error);
  mkv_plugin_guard (value != NULL, self, "get_meta", error, plugin_error);
  return value;
}

/**
 * mkv_storage_scan_meta:
 * @self: an open storage
 * @prefix: (nullable): what the names begin with
 * @after: (nullable): a name; the scan begins behind it
 * @limit: how many names at most
 * @error: return location for an error
 *
 * Lists the names of meta in bytewise order.
 *
 * Returns: (transfer full) (element-type utf8): the names, fewer than @limit
 *   only at the end; empty if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_scan_meta (MkvStorage *self, const char *prefix, const char *after, guint limit, GError **error)
{
  GError *plugin_error = NULL;
  GPtrArray *names;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);

  names = MKV_STORAGE_GET_IFACE (self)->scan_meta (self, prefix, after, limit, &plugin_error);
  if (names != NULL)
    g_ptr_array_set_free_func (names, g_free);
  mkv_plugin_guard (names != NULL, self, "scan_meta", error, plugin_error);
  return names;
}

/**
 * mkv_storage_scan_meta_for_bindings: (rename-to mkv_storage_scan_meta)
 * @self: an open storage
 * @prefix: (nullable): what the names begin with
 * @after: (nullable): a name; the scan begins behind it
 * @limit: how many names at most
 * @error: return location for an error
 *
 * What language bindings call as [method@Storage.scan_meta].
 *
 * Returns: (transfer container) (element-type utf8): the names
 *
 * Since: 0.1
 */
GPtrArray *
mkv_storage_scan_meta_for_bindings (MkvStorage *self, const char *prefix, const char *after, guint limit,
                                    GError **error)
{
  return mkv_storage_scan_meta (self, prefix, after, limit, error);
}

/**
 * mkv_storage_stats:
 * @self: an open storage
 * @n_entries: (out): live entries
 * @n_tombstones: (out): tombstones
 * @n_bytes: (out): octets that the storage takes, as well as it knows
 * @error: return location for an error
 *
 * Counts what is there, without a scan.
 *
 * Returns: whether the numbers were set
 *
 * Since: 0.1
 */
gboolean
mkv_storage_stats (MkvStorage *self, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                   GError **error)
{
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);

  done = MKV_STORAGE_GET_IFACE (self)->stats (self, n_entries, n_tombstones, n_bytes, &plugin_error);
  return mkv_plugin_guard (done, self, "stats", error, plugin_error);
}

/**
 * mkv_storage_compact:
 * @self: an open storage
 * @error: return location for an error
 *
 * Gives back the space of what was overwritten or removed. May take long.
 *
 * Returns: whether it was done; %FALSE with %MKV_ERROR_NOT_SUPPORTED if the
 *   storage has nothing to compact
 *
 * Since: 0.1
 */
gboolean
mkv_storage_compact (MkvStorage *self, GError **error)
{
  MkvStorageInterface *iface;
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);

  iface = MKV_STORAGE_GET_IFACE (self);
  if (iface->compact == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s has nothing to compact"),
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }
  done = iface->compact (self, &plugin_error);
  return mkv_plugin_guard (done, self, "compact", error, plugin_error);
}

/**
 * mkv_storage_verify:
 * @self: an open storage
 * @error: return location for an error
 *
 * Reads everything and checks it against itself. May take long.
 *
 * Returns: (transfer full) (array zero-terminated=1): what is wrong, one
 *   sentence each; empty if all is well; %NULL with %MKV_ERROR_NOT_SUPPORTED if
 *   the storage can't tell
 *
 * Since: 0.1
 */
char **
mkv_storage_verify (MkvStorage *self, GError **error)
{
  MkvStorageInterface *iface;
  GError *plugin_error = NULL;
  char **problems;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);

  iface = MKV_STORAGE_GET_IFACE (self);
  if (iface->verify == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s can't verify what it holds"),
                   G_OBJECT_TYPE_NAME (self));
      return NULL;
    }
  problems = iface->verify (self, &plugin_error);
  mkv_plugin_guard (problems != NULL, self, "verify", error, plugin_error);
  return problems;
}

/**
 * mkv_storage_is_instant:
 * @self: a storage
 *
 * Whether reading and applying never wait for a disk or a network. What is
 * written to such a storage asynchronously is applied in the thread that asks
 * for it; for any other a thread of the store's is there.
 *
 * Returns: whether it never waits; %FALSE where a storage does not say
 *
 * Since: 0.1
 */
gboolean
mkv_storage_is_instant (MkvStorage *self)
{
  MkvStorageInterface *iface;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);

  iface = MKV_STORAGE_GET_IFACE (self);
  return iface->is_instant != NULL && iface->is_instant (self);
}

/**
 * mkv_storage_backup:
 * @self: an open storage
 * @path: (type filename): a folder that is empty, or not there yet
 * @cancellable: (nullable): to stop it with
 * @error: return location for an error
 *
 * Writes a copy of everything into @path, as it was at one moment, from which a
 * storage of the same type can be opened. Reads and writes go on meanwhile. May
 * take long; returns when the copy survives a loss of power. A copy that was
 * cancelled or failed leaves nothing in @path.
 *
 * Returns: whether the copy is there; %FALSE with %MKV_ERROR_NOT_SUPPORTED if the
 *   storage can't copy itself
 *
 * Since: 0.1
 */
gboolean
mkv_storage_backup (MkvStorage *self, const char *path, GCancellable *cancellable, GError **error)
{
  MkvStorageInterface *iface;
  GError *plugin_error = NULL;
  gboolean done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  iface = MKV_STORAGE_GET_IFACE (self);
  if (iface->backup == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s can't make a copy of itself"),
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }
  done = iface->backup (self, path, cancellable, &plugin_error);
  return mkv_plugin_guard (done, self, "backup", error, plugin_error);
}

/**
 * mkv_storage_repair:
 * @self: a storage that is not open
 * @path: (type filename): its folder
 * @options: (nullable): as for [method@Storage.open]
 * @error: return location for an error
 *
 * Makes of a damaged folder one that can be opened. What can be read is kept;
 * what can't is set aside within the folder, never deleted. May take long.
 *
 * Returns: (transfer full) (array zero-terminated=1): what was done, one sentence
 *   each; empty if nothing was wrong; %NULL with %MKV_ERROR_NOT_SUPPORTED if the
 *   storage can't repair itself
 *
 * Since: 0.1
 */
char **
mkv_storage_repair (MkvStorage *self, const char *path, GVariant *options, GError **error)
{
  MkvStorageInterface *iface;
  GError *plugin_error = NULL;
  char **done;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  iface = MKV_STORAGE_GET_IFACE (self);
  if (iface->repair == NULL)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s can't repair what it keeps"),
                   G_OBJECT_TYPE_NAME (self));
      return NULL;
    }
  done = iface->repair (self, path, options, &plugin_error);
  mkv_plugin_guard (done != NULL, self, "repair", error, plugin_error);
  return done;
}

/**
 * mkv_storage_list_damage:
 * @self: an open storage
 * @error: return location for an error
 *
 * What the storage could not read so far and has set aside, while it serves the
 * rest. Reads nothing for this: that is [method@Storage.verify].
 *
 * Returns: (transfer full) (array zero-terminated=1): one sentence each; empty if
 *   it has met nothing, or does not look
 *
 * Since: 0.1
 */
char **
mkv_storage_list_damage (MkvStorage *self, GError **error)
{
  MkvStorageInterface *iface;
  GError *plugin_error = NULL;
  char **damage;

  g_return_val_if_fail (MKV_IS_STORAGE (self), NULL);

  iface = MKV_STORAGE_GET_IFACE (self);
  if (iface->list_damage == NULL)
    return g_new0 (char *, 1);
  damage = iface->list_damage (self, &plugin_error);
  mkv_plugin_guard (damage != NULL, self, "list_damage", error, plugin_error);
  return damage;
}
