/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-local-store-private.h"
#include "base/mkv-progress-private.h"

G_BEGIN_DECLS

/* What is wrong with the store, one sentence each; empty if nothing is. Others
 * may write meanwhile, but wait while the tree is built afresh. */
char **mkv_store_check (MkvLocalStore *store, MkvProgress *progress, GCancellable *cancellable, GError **error);

G_END_DECLS
