/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-store-outbox-private.h"

#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-decision-private.h"

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
      GError *local_error = NULL;
      const MkvStamp *stamp;
      gint64 seq = g_ascii_strtoll (name + strlen (MKV_OUTBOX_PREFIX), NULL, 16);

      entry = mkv_storage_get (storage, name + strlen (MKV_OUTBOX_PREFIX) + 17, &local_error);
      if (entry == NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, local_error);
          return NULL;
        }
      g_clear_error (&local_error);
      *last_seq = seq;
      if (entry == NULL)
        continue;
      stamp = mkv_entry_get_stamp (entry);
      /* Another entry: it has been superseded since the scan, and its own mark
       * comes in its turn. */
      if (stamp->seq == seq && stamp->timestamp <= latest && g_str_equal (stamp->node_id, node_id))
        g_ptr_array_add (entries, g_steal_pointer (&entry));
    }
  return g_steal_pointer (&entries);
}
