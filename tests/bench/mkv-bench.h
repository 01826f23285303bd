/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Nanoseconds of the monotonic clock. */
double mkv_bench_now (void);

/* The median of @samples, which it sorts. */
double mkv_bench_median (double *samples, guint n_samples);

/* Prints one figure as one line of JSON. @limit is what the raw library takes
 * or reaches in the same run, 0 if there is nothing to compare with. @relation
 * is "at-most" or "at-least", and @bar what value / limit (without @limit:
 * value) is held against; NULL and 0 for a figure that is only reported.
 * Returns whether the bar is met. */
gboolean mkv_bench_report (const char *name, const char *unit, double value, double limit, const char *relation,
                           double bar);

G_END_DECLS
