/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"

G_BEGIN_DECLS

/* Calls one function in one context: soon, when any thread rings, and later, when
 * that function has set it. */
typedef struct _MkvAlarm MkvAlarm;

/* @rung: whether somebody rang, or the time has come. */
typedef void (*MkvAlarmFunc) (gboolean rung, gpointer user_data);

MkvAlarm *mkv_alarm_new (MkvClock *clock, GMainContext *context, MkvAlarmFunc func, gpointer user_data);
void mkv_alarm_free (MkvAlarm *self);
void mkv_alarm_ring (MkvAlarm *self);

/* What follows is for the context alone. @delay, in us, takes the place of what
 * was set before; less than 0 for nothing. */
void mkv_alarm_set (MkvAlarm *self, gint64 delay);
gboolean mkv_alarm_is_set (MkvAlarm *self);

G_END_DECLS
