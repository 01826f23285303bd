/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-contents-commit-private.h"

G_BEGIN_DECLS

/* Sees to it that a store's contents follow the clock where nobody writes or
 * looks: one timer, for the next moment at which something changes, or none. */
typedef struct _MkvUpkeep MkvUpkeep;

MkvUpkeep *mkv_upkeep_new (MkvContents *contents, MkvClock *clock, GMainContext *context);
void mkv_upkeep_free (MkvUpkeep *self);

/* Asks the contents, soon, in the context; from any thread. */
void mkv_upkeep_wake (MkvUpkeep *self);

G_END_DECLS
