/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

#define MKV_TYPE_STORAGE_LMDB (mkv_storage_lmdb_get_type ())

G_DECLARE_FINAL_TYPE (MkvStorageLmdb, mkv_storage_lmdb, MKV, STORAGE_LMDB, GObject)

MkvStorage *mkv_storage_lmdb_new (void);

G_END_DECLS
