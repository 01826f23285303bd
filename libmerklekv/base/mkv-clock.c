/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-clock.h"

/**
 * MkvClock:
 *
 * The one place that time comes from: the wall clock, the monotonic clock and
 * timers. The class itself is the system's clock; tests replace it by a
 * [class@ManualClock].
 *
 * Since: 0.1
 */
G_DEFINE_TYPE (MkvClock, mkv_clock, G_TYPE_OBJECT)

static gint64
mkv_clock_real_get_time (MkvClock *self)
{
  return g_get_real_time () / 1000;
}

static gint64
mkv_clock_real_get_monotonic_time (MkvClock *self)
{
  return g_get_monotonic_time ();
}

static gboolean
timeout_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  if (callback != NULL)
    callback (user_data);
  return G_SOURCE_REMOVE;
}

static GSourceFuncs timeout_funcs = { NULL, NULL, timeout_dispatch, NULL, NULL, NULL };

static GSource *
mkv_clock_real_timeout_source_new (MkvClock *self, gint64 delay)
{
  GSource *source = g_source_new (&timeout_funcs, sizeof (GSource));

  g_source_set_ready_time (source, g_get_monotonic_time () + MAX (delay, 0));
  return source;
}

static void
mkv_clock_class_init (MkvClockClass *klass)
{
  klass->get_time = mkv_clock_real_get_time;
  klass->get_monotonic_time = mkv_clock_real_get_monotonic_time;
  klass->timeout_source_new = mkv_clock_real_timeout_source_new;
}

static void
mkv_clock_init (MkvClock *self)
{
}

/**
 * mkv_clock_new:
 *
 * Makes a clock that tells the system's time.
 *
 * Returns: (transfer full): the clock
 *
 * Since: 0.1
 */
MkvClock *
mkv_clock_new (void)
{
  return g_object_new (MKV_TYPE_CLOCK, NULL);
}

/**
 * mkv_clock_get_time:
 * @self: the clock
 *
 * The wall clock. It may step, also backwards.
 *
 * Returns: ms since 1970-01-01 UTC
 *
 * Since: 0.1
 */
gint64
mkv_clock_get_time (MkvClock *self)
{
  g_return_val_if_fail (MKV_IS_CLOCK (self), 0);

  return MKV_CLOCK_GET_CLASS (self)->get_time (self);
}

/**
 * mkv_clock_get_monotonic_time:
 * @self: the clock
 *
 * A time that only ever advances, from an arbitrary start.
 *
 * Returns: microseconds
 *
 * Since: 0.1
 */
gint64
mkv_clock_get_monotonic_time (MkvClock *self)
{
  g_return_val_if_fail (MKV_IS_CLOCK (self), 0);

  return MKV_CLOCK_GET_CLASS (self)->get_monotonic_time (self);
}

/**
 * mkv_clock_timeout_source_new: (skip)
 * @self: the clock
 * @delay: microseconds from now
 *
 * Makes a source that is dispatched once, after @delay of this clock.
 *
 * Returns: (transfer full): the source, not yet attached
 *
 * Since: 0.1
 */
GSource *
mkv_clock_timeout_source_new (MkvClock *self, gint64 delay)
{
  return MKV_CLOCK_GET_CLASS (self)->timeout_source_new (self, delay);
}

/**
 * mkv_clock_add_timeout: (skip)
 * @self: the clock
 * @delay: microseconds from now
 * @context: (nullable): where @func is called; the default context if %NULL
 * @func: called once; what it returns is ignored
 * @user_data: for @func
 *
 * Calls @func in @context after @delay. To cancel, destroy the source; in
 * either case the caller drops its reference.
 *
 * Returns: (transfer full): the attached source
 *
 * Since: 0.1
 */
GSource *
mkv_clock_add_timeout (MkvClock *self, gint64 delay, GMainContext *context,
                       GSourceFunc func, gpointer user_data)
{
  GSource *source = mkv_clock_timeout_source_new (self, delay);

  g_source_set_callback (source, func, user_data, NULL);
  g_source_attach (source, context);
  return source;
}
