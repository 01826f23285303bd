/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-upkeep-private.h"

#include "store/mkv-alarm-private.h"

struct _MkvUpkeep
{
  MkvContents *contents;
  MkvAlarm *alarm;
};

static void
look (gboolean rung, gpointer user_data)
{
  MkvUpkeep *self = user_data;
  gint64 wait;

  mkv_contents_ask (self->contents);
  wait = mkv_contents_get_wait (self->contents);
  mkv_alarm_set (self->alarm, wait >= 0 ? wait * 1000 : -1);
}

MkvUpkeep *
mkv_upkeep_new (MkvContents *contents, MkvClock *clock, GMainContext *context)
{
  MkvUpkeep *self = g_new0 (MkvUpkeep, 1);

  self->contents = contents;
  self->alarm = mkv_alarm_new (clock, context, look, self);
  return self;
}

void
mkv_upkeep_free (MkvUpkeep *self)
{
  mkv_alarm_free (self->alarm);
  g_free (self);
}

void
mkv_upkeep_wake (MkvUpkeep *self)
{
  mkv_alarm_ring (self->alarm);
}
