/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Makes a storage that is not open. */
typedef MkvStorage *(*MkvStorageMake) (void);

/* Adds what every storage has to do, as tests of /storage/@name. */
void mkv_storage_suite_add (const char *name, MkvStorageMake make_storage);

G_END_DECLS
