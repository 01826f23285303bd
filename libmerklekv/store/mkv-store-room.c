/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-store-room-private.h"

#include <glib/gi18n-lib.h>

gint64
mkv_store_room_measure (MkvStorage *storage, guint64 max_size)
{
  guint64 n_entries, n_tombstones, n_bytes;

  if (max_size == 0 || !mkv_storage_stats (storage, &n_entries, &n_tombstones, &n_bytes, NULL))
    return G_MAXINT64;
  return (gint64) MIN (max_size, G_MAXINT64) - (gint64) MIN (n_bytes, G_MAXINT64);
}

void
mkv_store_room_tell (MkvObserver *observer, gint64 *lacking, const MkvDecision *decision)
{
  g_autofree char *max_size = NULL;

  if (decision->lacking > *lacking)
    {
      *lacking = decision->lacking;
      max_size = g_format_size (decision->policy.max_size);
      mkv_observer_set_condition (observer, "storage-full", MKV_HEALTH_DEGRADED,
                                  _("The store is full and takes only deletions: storage.max-size is %s; delete "
                                    "something, or raise it"),
                                  max_size);
    }
  else if (*lacking > 0 && decision->lacking == 0 && decision->room >= *lacking)
    {
      *lacking = 0;
      mkv_observer_clear_condition (observer, "storage-full");
    }
}
