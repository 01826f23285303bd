/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_CLOCK (mkv_clock_get_type ())

MKV_API
G_DECLARE_DERIVABLE_TYPE (MkvClock, mkv_clock, MKV, CLOCK, GObject)

/**
 * MkvClockClass:
 * @parent_class: the parent class
 * @get_time: the wall clock, ms since 1970-01-01 UTC
 * @get_monotonic_time: a clock that never steps, in us
 * @timeout_source_new: a source that is dispatched once, after so many us
 *
 * What a clock has to supply. All three may be called from any thread.
 *
 * Since: 0.1
 */
struct _MkvClockClass
{
  GObjectClass parent_class;

  gint64 (*get_time) (MkvClock *self);
  gint64 (*get_monotonic_time) (MkvClock *self);
  GSource *(*timeout_source_new) (MkvClock *self, gint64 delay);

  /*< private >*/
  gpointer padding[4];
};

MKV_API
MkvClock *mkv_clock_new (void);

MKV_API
gint64 mkv_clock_get_time (MkvClock *self);

MKV_API
gint64 mkv_clock_get_monotonic_time (MkvClock *self);

MKV_API
GSource *mkv_clock_timeout_source_new (MkvClock *self, gint64 delay);

MKV_API
GSource *mkv_clock_add_timeout (MkvClock *self, gint64 delay, GMainContext *context,
                                GSourceFunc func, gpointer user_data);

G_END_DECLS
