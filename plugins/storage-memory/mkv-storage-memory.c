/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-storage-memory.h"

#include <glib/gi18n-lib.h>

#include "mkv-entry-table.h"

struct _MkvStorageMemory
{
  GObject parent_instance;

  MkvEntryTable *table;
};

static gboolean
mkv_storage_memory_open (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  return TRUE;
}

static gboolean
mkv_storage_memory_close (MkvStorage *storage, GError **error)
{
  return TRUE;
}

static MkvEntry *
mkv_storage_memory_get (MkvStorage *storage, const char *key, GError **error)
{
  return mkv_entry_table_get (((MkvStorageMemory *) storage)->table, key, error);
}

static GPtrArray *
mkv_storage_memory_scan (MkvStorage *storage, const char *prefix, const char *after, guint limit, GError **error)
{
  return mkv_entry_table_scan (((MkvStorageMemory *) storage)->table, prefix, after, limit);
}

static gboolean
mkv_storage_memory_apply (MkvStorage *storage, MkvStorageBatch *batch, GError **error)
{
  mkv_entry_table_apply (((MkvStorageMemory *) storage)->table, batch);
  return TRUE;
}

static GBytes *
mkv_storage_memory_get_meta (MkvStorage *storage, const char *name, GError **error)
{
  return mkv_entry_table_get_meta (((MkvStorageMemory *) storage)->table, name, error);
}

static GPtrArray *
mkv_storage_memory_scan_meta (MkvStorage *storage, const char *prefix, const char *after, guint limit,
                              GError **error)
{
  return mkv_entry_table_scan_meta (((MkvStorageMemory *) storage)->table, prefix, after, limit);
}

static gboolean
mkv_storage_memory_stats (MkvStorage *storage, guint64 *n_entries, guint64 *n_tombstones, guint64 *n_bytes,
                          GError **error)
{
  mkv_entry_table_get_stats (((MkvStorageMemory *) storage)->table, n_entries, n_tombstones, n_bytes);
  return TRUE;
}

static gboolean
mkv_storage_memory_is_instant (MkvStorage *storage)
{
  return TRUE;
}

static void
mkv_storage_memory_iface_init (MkvStorageInterface *iface)
{
  iface->open = mkv_storage_memory_open;
  iface->close = mkv_storage_memory_close;
  iface->get = mkv_storage_memory_get;
  iface->scan = mkv_storage_memory_scan;
  iface->apply = mkv_storage_memory_apply;
  iface->get_meta = mkv_storage_memory_get_meta;
  iface->scan_meta = mkv_storage_memory_scan_meta;
  iface->stats = mkv_storage_memory_stats;
  iface->is_instant = mkv_storage_memory_is_instant;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvStorageMemory, mkv_storage_memory, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_STORAGE, mkv_storage_memory_iface_init))

static void
mkv_storage_memory_finalize (GObject *object)
{
  mkv_entry_table_free (((MkvStorageMemory *) object)->table);
  G_OBJECT_CLASS (mkv_storage_memory_parent_class)->finalize (object);
}

static void
mkv_storage_memory_class_init (MkvStorageMemoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_storage_memory_finalize;
}

static void
mkv_storage_memory_init (MkvStorageMemory *self)
{
  self->table = mkv_entry_table_new ();
}

MkvStorage *
mkv_storage_memory_new (void)
{
  return g_object_new (MKV_TYPE_STORAGE_MEMORY, NULL);
}

MKV_DEFINE_PLUGIN (storage, memory, "memory", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_(N_("Keeps everything in memory, until the process ends")), mkv_storage_memory_get_type)
