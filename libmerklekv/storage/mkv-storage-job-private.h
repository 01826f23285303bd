/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-progress-private.h"
#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* Who wants to know how far a storage is, in the calling thread, and may have it
 * stop. Either may be NULL. */
typedef struct
{
  MkvProgress *progress;
  GCancellable *cancellable;
} MkvStorageJob;

/* @job, which stays the caller's, is what mkv_storage_tell_progress() tells from now
 * on in this thread; NULL to end it. */
void mkv_storage_set_job (const MkvStorageJob *job);

G_END_DECLS
