/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-view-private.h"

#include <string.h>

MkvSyncMessage *
mkv_sync_view_make_message (const MkvSyncView *self, MkvSyncOperation operation, const char *id)
{
  MkvSyncMessage *message = mkv_sync_message_new (operation, id);
  g_autoptr (GBytes) root = NULL;
  guint8 digest[MKV_DIGEST_BYTES];
  guint64 count;
  MkvTree *tree;

  tree = self->lock_tree (self->user_data);
  mkv_tree_get_root (tree, digest);
  count = mkv_tree_get_count (tree);
  self->unlock_tree (self->user_data);
  root = g_bytes_new (digest, sizeof digest);
  mkv_sync_message_set_from (message, self->client_id);
  mkv_sync_message_set_state (message, self->get_time (self->user_data), self->get_horizon (self->user_data), root,
                              (gint64) count);
  return message;
}

MkvSyncMessage *
mkv_sync_view_make_root (const MkvSyncView *self, const char *node_id)
{
  MkvSyncMessage *message = mkv_sync_message_new (MKV_SYNC_OPERATION_ROOT, NULL);
  g_autoptr (GBytes) root = NULL;
  g_autoptr (GBytes) cell = NULL;
  guint8 digest[MKV_DIGEST_BYTES], octets[MKV_CELL_BYTES];
  guint64 count;
  MkvTree *tree;

  /* Root and cell have to be of the same contents. */
  tree = self->lock_tree (self->user_data);
  mkv_tree_get_root (tree, digest);
  mkv_cell_write (mkv_tree_get_cell (tree, MKV_PREFIX_ALL), octets);
  count = mkv_tree_get_count (tree);
  self->unlock_tree (self->user_data);
  root = g_bytes_new (digest, sizeof digest);
  cell = g_bytes_new (octets, sizeof octets);
  mkv_sync_message_set_from (message, self->client_id);
  mkv_sync_message_set_state (message, self->get_time (self->user_data), self->get_horizon (self->user_data), root,
                              (gint64) count);
  mkv_sync_message_set_announcement (message, node_id, cell);
  return message;
}

static gboolean
collect_key (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  GPtrArray *keys = user_data;

  g_ptr_array_add (keys, g_strdup (key));
  return keys->len < MKV_SYNC_MAX_SAME_SHORT_ID;
}

GPtrArray *
mkv_sync_view_get_entries (const MkvSyncView *self, guint64 short_id)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  mkv_tree_foreach_short_id (self->lock_tree (self->user_data), short_id, collect_key, keys);
  self->unlock_tree (self->user_data);
  for (guint i = 0; i < keys->len; i++)
    {
      MkvEntry *entry = self->get_entry (keys->pdata[i], self->user_data);
      guint32 lower = (guint32) short_id;

      if (entry == NULL)
        continue;
      lower = GUINT32_TO_BE (lower);
      if (memcmp (mkv_entry_peek_digest (entry), &lower, sizeof lower) == 0)
        g_ptr_array_add (entries, entry);
      else
        mkv_entry_unref (entry);
    }
  return entries;
}

gboolean
mkv_sync_view_is_future (const MkvSyncView *self, gint64 timestamp)
{
  return timestamp > self->get_time (self->user_data) + self->skew_max_future;
}
