/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"

G_BEGIN_DECLS

#define MKV_TYPE_MANUAL_CLOCK (mkv_manual_clock_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvManualClock, mkv_manual_clock, MKV, MANUAL_CLOCK, MkvClock)

MKV_API
MkvManualClock *mkv_manual_clock_new (gint64 time);

MKV_API
MkvManualClock *mkv_manual_clock_new_following (MkvManualClock *leader, gint64 offset);

MKV_API
void mkv_manual_clock_set_time (MkvManualClock *self, gint64 time);

MKV_API
void mkv_manual_clock_advance (MkvManualClock *self, gint64 delay);

MKV_API
gint64 mkv_manual_clock_get_next_delay (MkvManualClock *self);

G_END_DECLS
