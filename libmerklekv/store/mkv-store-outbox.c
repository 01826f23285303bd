/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-store-outbox-private.h"

#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-decision-private.h"

gboolean
mkv_store_outbox_get_entry (MkvStorage *storage, const char *node_id, const char *mark, MkvEntry **entry,
                            GError **error)
{
  const gsize start = strlen (MKV_OUTBOX_PREFIX);
  GError *local_error = NULL;

  *entry = NULL;
  if (strlen (mark) > start + 17)
    *entry = mkv_storage_get (storage, mark + start + 17, &local_error);
  if (local_error != NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  g_clear_error (&local_error);
  if (*entry != NULL && (mkv_entry_get_stamp (*entry)->seq != g_ascii_strtoll (mark + start, NULL, 16) ||
                         g_strcmp0 (mkv_entry_get_stamp (*entry)->node_id, node_id) != 0))
    g_clear_pointer (entry, mkv_entry_unref);
  return TRUE;
}

GPtrArray *
mkv_store_outbox_list (MkvStorage *storage, const char *node_id, gint64 latest, gint64 after_seq, guint limit,
                       gint64 *last_seq, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (GPtrArray) names = NULL;
  char after[MKV_OUTBOX_NAME_MAX];

  *last_seq = after_seq;
  /* Behind every mark of after_seq: names of one seq go on with a slash. */
  mkv_outbox_name (after, after_seq + 1, "");
  after[strlen (after) - 1] = 0;
  names = mkv_storage_scan_meta (storage, MKV_OUTBOX_PREFIX, after, limit, error);
  if (names == NULL)
    return NULL;
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];
      g_autoptr (MkvEntry) entry = NULL;

      if (!mkv_store_outbox_get_entry (storage, node_id, name, &entry, error))
        return NULL;
      *last_seq = g_ascii_strtoll (name + strlen (MKV_OUTBOX_PREFIX), NULL, 16);
      /* One that has been superseded since the scan is not there: its successor's
       * own mark comes in its turn. */
      if (entry != NULL && mkv_entry_get_stamp (entry)->timestamp <= latest)
        g_ptr_array_add (entries, g_steal_pointer (&entry));
    }
  return g_steal_pointer (&entries);
}
