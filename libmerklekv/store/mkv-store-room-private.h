/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "observe/mkv-observer-private.h"
#include "store/mkv-decision-private.h"

G_BEGIN_DECLS

/* Room: how much of storage.max-size is left. The leader measures it before a
 * batch, the decision takes of it, and afterwards health says if it was short. */

/* How much more, in octets, @storage may take. G_MAXINT64 if @max_size is 0. */
gint64 mkv_store_room_measure (MkvStorage *storage, guint64 max_size);

/* *@lacking is what the condition "storage-full" is set for, or 0: it goes when
 * there is room for that. */
void mkv_store_room_tell (MkvObserver *observer, gint64 *lacking, const MkvDecision *decision);

G_END_DECLS
