/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-manual-clock.h"

/**
 * MkvManualClock:
 *
 * A clock that stands still until it is told to advance, so that a test of an
 * hour takes a millisecond and gives the same result each time.
 *
 * Several clocks can share one flow of time with wall clocks that differ: make
 * the others with [ctor@ManualClock.new_following].
 *
 * Since: 0.1
 */

/* One flow of time: what the clocks that follow each other share. `mutex`
 * guards all of it, and every ManualSource's `due` and `flow`. */
typedef struct
{
  gatomicrefcount ref_count;
  GMutex mutex;
  gint64 monotonic; /* us */
  GList *sources;   /* ManualSource, by due time, first come first; not owned */
} Flow;

typedef struct
{
  GSource base;
  Flow *flow;
  gint64 due;
} ManualSource;

struct _MkvManualClock
{
  MkvClock parent_instance;
  Flow *flow;
  gint64 offset; /* wall clock minus flow, in us; under flow->mutex */
};

G_DEFINE_FINAL_TYPE (MkvManualClock, mkv_manual_clock, MKV_TYPE_CLOCK)

static void
flow_unref (Flow *flow)
{
  if (!g_atomic_ref_count_dec (&flow->ref_count))
    return;
  g_mutex_clear (&flow->mutex);
  g_free (flow);
}

static gboolean
manual_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  if (callback != NULL)
    callback (user_data);
  return G_SOURCE_REMOVE;
}

static void
manual_source_dispose (GSource *source)
{
  ManualSource *self = (ManualSource *) source;

  g_mutex_lock (&self->flow->mutex);
  self->flow->sources = g_list_remove (self->flow->sources, self);
  g_mutex_unlock (&self->flow->mutex);
}

static void
manual_source_finalize (GSource *source)
{
  flow_unref (((ManualSource *) source)->flow);
}

static GSourceFuncs manual_source_funcs = { NULL, NULL, manual_source_dispatch,
                                            manual_source_finalize, NULL, NULL };

static gint
compare_due (gconstpointer a, gconstpointer b)
{
  const ManualSource *x = a, *y = b;

  /* Never equal: a new source goes behind those of the same time. */
  return x->due < y->due ? -1 : 1;
}

static GSource *
mkv_manual_clock_timeout_source_new (MkvClock *clock, gint64 delay)
{
  MkvManualClock *self = MKV_MANUAL_CLOCK (clock);
  GSource *source = g_source_new (&manual_source_funcs, sizeof (ManualSource));
  ManualSource *manual = (ManualSource *) source;

  manual->flow = self->flow;
  g_atomic_ref_count_inc (&self->flow->ref_count);
  g_source_set_dispose_function (source, manual_source_dispose);
  g_mutex_lock (&self->flow->mutex);
  manual->due = self->flow->monotonic + MAX (delay, 0);
  if (delay <= 0)
    g_source_set_ready_time (source, 0);
  else
    {
      GList *l;

      for (l = self->flow->sources; l != NULL; l = l->next)
        if (compare_due (manual, l->data) < 0)
          break;
      self->flow->sources = g_list_insert_before (self->flow->sources, l, manual);
    }
  g_mutex_unlock (&self->flow->mutex);
  return source;
}

static gint64
mkv_manual_clock_get_time (MkvClock *clock)
{
  MkvManualClock *self = MKV_MANUAL_CLOCK (clock);
  gint64 now;

  g_mutex_lock (&self->flow->mutex);
  now = self->flow->monotonic + self->offset;
  g_mutex_unlock (&self->flow->mutex);
  return now / 1000;
}

static gint64
mkv_manual_clock_get_monotonic_time (MkvClock *clock)
{
  MkvManualClock *self = MKV_MANUAL_CLOCK (clock);
  gint64 now;

  g_mutex_lock (&self->flow->mutex);
  now = self->flow->monotonic;
  g_mutex_unlock (&self->flow->mutex);
  return now;
}

static void
mkv_manual_clock_finalize (GObject *object)
{
  flow_unref (MKV_MANUAL_CLOCK (object)->flow);
  G_OBJECT_CLASS (mkv_manual_clock_parent_class)->finalize (object);
}

static void
mkv_manual_clock_class_init (MkvManualClockClass *klass)
{
  MkvClockClass *clock_class = MKV_CLOCK_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mkv_manual_clock_finalize;
  clock_class->get_time = mkv_manual_clock_get_time;
  clock_class->get_monotonic_time = mkv_manual_clock_get_monotonic_time;
  clock_class->timeout_source_new = mkv_manual_clock_timeout_source_new;
}

static void
mkv_manual_clock_init (MkvManualClock *self)
{
}

/**
 * mkv_manual_clock_new:
 * @time: what the wall clock shows, in ms since 1970-01-01 UTC
 *
 * Makes a clock that stands at @time.
 *
 * Returns: (transfer full): the clock
 *
 * Since: 0.1
 */
MkvManualClock *
mkv_manual_clock_new (gint64 time)
{
  MkvManualClock *self = g_object_new (MKV_TYPE_MANUAL_CLOCK, NULL);

  self->flow = g_new0 (Flow, 1);
  g_atomic_ref_count_init (&self->flow->ref_count);
  g_mutex_init (&self->flow->mutex);
  self->flow->monotonic = G_USEC_PER_SEC;
  self->offset = time * 1000 - self->flow->monotonic;
  return self;
}

/**
 * mkv_manual_clock_new_following: (constructor)
 * @leader: the clock to follow
 * @offset: how far the new wall clock is ahead of @leader's, in ms
 *
 * Makes a clock that advances together with @leader, with another wall clock.
 *
 * Returns: (transfer full): the clock
 *
 * Since: 0.1
 */
MkvManualClock *
mkv_manual_clock_new_following (MkvManualClock *leader, gint64 offset)
{
  MkvManualClock *self;

  g_return_val_if_fail (MKV_IS_MANUAL_CLOCK (leader), NULL);

  self = g_object_new (MKV_TYPE_MANUAL_CLOCK, NULL);
  self->flow = leader->flow;
  g_atomic_ref_count_inc (&self->flow->ref_count);
  g_mutex_lock (&self->flow->mutex);
  self->offset = leader->offset + offset * 1000;
  g_mutex_unlock (&self->flow->mutex);
  return self;
}

/**
 * mkv_manual_clock_set_time:
 * @self: the clock
 * @time: ms since 1970-01-01 UTC
 *
 * Sets the wall clock of this clock alone, as a person or NTP would: timers
 * and the monotonic clock are not touched.
 *
 * Since: 0.1
 */
void
mkv_manual_clock_set_time (MkvManualClock *self, gint64 time)
{
  g_return_if_fail (MKV_IS_MANUAL_CLOCK (self));

  g_mutex_lock (&self->flow->mutex);
  self->offset = time * 1000 - self->flow->monotonic;
  g_mutex_unlock (&self->flow->mutex);
}

/**
 * mkv_manual_clock_advance:
 * @self: the clock
 * @delay: microseconds
 *
 * Lets time pass, and makes every timer that falls due ready; they are
 * dispatched when their contexts are iterated. To let the work of one timer
 * come before the next, advance by [method@ManualClock.get_next_delay].
 *
 * Since: 0.1
 */
void
mkv_manual_clock_advance (MkvManualClock *self, gint64 delay)
{
  Flow *flow;

  g_return_if_fail (MKV_IS_MANUAL_CLOCK (self));

  flow = self->flow;
  g_mutex_lock (&flow->mutex);
  flow->monotonic += delay;
  while (flow->sources != NULL)
    {
      ManualSource *source = flow->sources->data;

      if (source->due > flow->monotonic)
        break;
      flow->sources = g_list_delete_link (flow->sources, flow->sources);
      g_source_set_ready_time ((GSource *) source, 0);
    }
  g_mutex_unlock (&flow->mutex);
}

/**
 * mkv_manual_clock_get_next_delay:
 * @self: the clock
 *
 * How long it is until the next timer of any clock of this flow is due.
 *
 * Returns: microseconds, or -1 if no timer is waiting
 *
 * Since: 0.1
 */
gint64
mkv_manual_clock_get_next_delay (MkvManualClock *self)
{
  gint64 delay = -1;

  g_return_val_if_fail (MKV_IS_MANUAL_CLOCK (self), -1);

  g_mutex_lock (&self->flow->mutex);
  if (self->flow->sources != NULL)
    delay = ((ManualSource *) self->flow->sources->data)->due - self->flow->monotonic;
  g_mutex_unlock (&self->flow->mutex);
  return delay;
}
