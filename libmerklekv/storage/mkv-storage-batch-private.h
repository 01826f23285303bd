/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage-batch.h"

G_BEGIN_DECLS

void mkv_storage_batch_clear (MkvStorageBatch *self, MkvDurability durability);
gboolean mkv_storage_batch_is_empty (const MkvStorageBatch *self);

G_END_DECLS
