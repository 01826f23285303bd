/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-probe-private.h"

#include "store/mkv-bell-private.h"

/* us */
#define LEAST_DELAY (1 * G_USEC_PER_SEC)
#define MOST_DELAY (32 * G_USEC_PER_SEC)
/* A disk that is nearly full takes one write and refuses the next. */
#define CALM (60 * G_USEC_PER_SEC)

struct _MkvProbe
{
  MkvClock *clock;
  GMainContext *context;
  MkvProbeFunc func;
  gpointer user_data;
  MkvBell *bell;
  gint failing; /* atomic */

  /* The context's. */
  GSource *timer;
  gint64 delay;     /* us, of the next timer */
  gint64 failed_at; /* monotonic us; when a timer was last wanted */
};

static void
clear_timer (MkvProbe *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static gboolean
on_timer (gpointer user_data)
{
  MkvProbe *self = user_data;

  clear_timer (self);
  if (g_atomic_int_get (&self->failing))
    self->func (self->user_data);
  return G_SOURCE_REMOVE;
}

static void
on_bell (guint n_entries, gsize n_bytes, gpointer user_data)
{
  MkvProbe *self = user_data;
  gint64 now = mkv_clock_get_monotonic_time (self->clock);

  if (self->timer != NULL || !g_atomic_int_get (&self->failing))
    return;
  if (self->delay == 0 || now - self->failed_at > self->delay + CALM)
    self->delay = LEAST_DELAY;
  self->failed_at = now;
  self->timer = mkv_clock_add_timeout (self->clock, self->delay, self->context, on_timer, self);
  self->delay = MIN (self->delay * 2, MOST_DELAY);
}

MkvProbe *
mkv_probe_new (MkvClock *clock, GMainContext *context, MkvProbeFunc func, gpointer user_data)
{
  MkvProbe *self = g_new0 (MkvProbe, 1);

  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref (context);
  self->func = func;
  self->user_data = user_data;
  self->bell = mkv_bell_new (context);
  mkv_bell_set_func (self->bell, on_bell, self);
  return self;
}

void
mkv_probe_free (MkvProbe *self)
{
  mkv_bell_free (self->bell);
  clear_timer (self);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  g_free (self);
}

void
mkv_probe_tell (MkvProbe *self, gboolean failed)
{
  g_atomic_int_set (&self->failing, failed);
  if (failed)
    mkv_bell_ring (self->bell, 1, 0);
}
