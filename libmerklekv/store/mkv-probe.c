/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-probe-private.h"

#include "store/mkv-alarm-private.h"

/* us */
#define LEAST_DELAY (1 * G_USEC_PER_SEC)
#define MOST_DELAY (32 * G_USEC_PER_SEC)
/* A disk that is nearly full takes one write and refuses the next. */
#define CALM (60 * G_USEC_PER_SEC)

struct _MkvProbe
{
  MkvClock *clock;
  MkvProbeFunc func;
  gpointer user_data;
  MkvAlarm *alarm;
  gint failing; /* atomic */

  /* The context's. */
  gint64 delay;     /* us, of the next try */
  gint64 failed_at; /* monotonic us; when a try was last wanted */
};

static void
on_alarm (gboolean rung, gpointer user_data)
{
  MkvProbe *self = user_data;
  gint64 now = mkv_clock_get_monotonic_time (self->clock);

  if (!g_atomic_int_get (&self->failing) || mkv_alarm_is_set (self->alarm))
    return;
  if (!rung)
    {
      self->func (self->user_data);
      return;
    }
  if (self->delay == 0 || now - self->failed_at > self->delay + CALM)
    self->delay = LEAST_DELAY;
  self->failed_at = now;
  mkv_alarm_set (self->alarm, self->delay);
  self->delay = MIN (self->delay * 2, MOST_DELAY);
}

MkvProbe *
mkv_probe_new (MkvClock *clock, GMainContext *context, MkvProbeFunc func, gpointer user_data)
{
  MkvProbe *self = g_new0 (MkvProbe, 1);

  self->clock = g_object_ref (clock);
  self->func = func;
  self->user_data = user_data;
  self->alarm = mkv_alarm_new (clock, context, on_alarm, self);
  return self;
}

void
mkv_probe_free (MkvProbe *self)
{
  mkv_alarm_free (self->alarm);
  g_object_unref (self->clock);
  g_free (self);
}

void
mkv_probe_tell (MkvProbe *self, gboolean failed)
{
  g_atomic_int_set (&self->failing, failed);
  if (failed)
    mkv_alarm_ring (self->alarm);
}
