/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-alarm-private.h"

#include "store/mkv-bell-private.h"

struct _MkvAlarm
{
  MkvClock *clock;
  GMainContext *context;
  MkvAlarmFunc func;
  gpointer user_data;
  MkvBell *bell;
  GSource *timer; /* the context's; NULL for none */
};

static void
clear_timer (MkvAlarm *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static gboolean
on_timer (gpointer user_data)
{
  MkvAlarm *self = user_data;

  clear_timer (self);
  self->func (FALSE, self->user_data);
  return G_SOURCE_REMOVE;
}

static void
on_bell (guint n_entries, gsize n_bytes, gpointer user_data)
{
  MkvAlarm *self = user_data;

  self->func (TRUE, self->user_data);
}

MkvAlarm *
mkv_alarm_new (MkvClock *clock, GMainContext *context, MkvAlarmFunc func, gpointer user_data)
{
  MkvAlarm *self = g_new0 (MkvAlarm, 1);

  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref (context);
  self->func = func;
  self->user_data = user_data;
  self->bell = mkv_bell_new (context);
  mkv_bell_set_func (self->bell, on_bell, self);
  return self;
}

void
mkv_alarm_free (MkvAlarm *self)
{
  mkv_bell_free (self->bell);
  clear_timer (self);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  g_free (self);
}

void
mkv_alarm_ring (MkvAlarm *self)
{
  mkv_bell_ring (self->bell, 1, 0);
}

void
mkv_alarm_set (MkvAlarm *self, gint64 delay)
{
  clear_timer (self);
  if (delay >= 0)
    self->timer = mkv_clock_add_timeout (self->clock, delay, self->context, on_timer, self);
}

gboolean
mkv_alarm_is_set (MkvAlarm *self)
{
  return self->timer != NULL;
}
