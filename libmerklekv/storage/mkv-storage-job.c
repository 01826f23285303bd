/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "storage/mkv-storage-job-private.h"

static GPrivate current;

void
mkv_storage_set_job (const MkvStorageJob *job)
{
  g_private_set (&current, (gpointer) job);
}

/**
 * mkv_storage_tell_progress:
 * @done: how much has been done, in what the storage likes to count
 * @total: how much there is to do, as well as that is known; 0 if it isn't
 * @error: return location for an error
 *
 * To be called by a storage now and then, in the thread it was called in, while
 * it compacts, verifies, copies or repairs itself: every thousand entries is often
 * enough. A storage that does not can't be stopped, and shows nothing meanwhile.
 *
 * Returns: whether to go on; %FALSE with %G_IO_ERROR_CANCELLED if whoever asked for
 *   it wants no more: then the storage returns that error and is as it was before
 *
 * Since: 0.1
 */
gboolean
mkv_storage_tell_progress (guint64 done, guint64 total, GError **error)
{
  const MkvStorageJob *job = g_private_get (&current);

  if (job == NULL)
    return TRUE;
  mkv_progress_set (job->progress, done, total);
  return !g_cancellable_set_error_if_cancelled (job->cancellable, error);
}
