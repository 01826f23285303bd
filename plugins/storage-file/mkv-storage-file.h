/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

#define MKV_TYPE_STORAGE_FILE (mkv_storage_file_get_type ())

G_DECLARE_FINAL_TYPE (MkvStorageFile, mkv_storage_file, MKV, STORAGE_FILE, GObject)

MkvStorage *mkv_storage_file_new (void);

G_END_DECLS
