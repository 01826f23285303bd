/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

#define MKV_TYPE_STORAGE_MEMORY (mkv_storage_memory_get_type ())

G_DECLARE_FINAL_TYPE (MkvStorageMemory, mkv_storage_memory, MKV, STORAGE_MEMORY, GObject)

MkvStorage *mkv_storage_memory_new (void);

G_END_DECLS
