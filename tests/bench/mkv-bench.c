/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double
mkv_bench_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

double
mkv_bench_median (double *samples, guint n_samples)
{
  qsort (samples, n_samples, sizeof *samples, compare_doubles);
  return (samples[(n_samples - 1) / 2] + samples[n_samples / 2]) / 2;
}

gboolean
mkv_bench_report (const char *name, const char *unit, double value, double limit, const char *relation,
                  double bar)
{
  double measure = limit > 0 ? value / limit : value;
  gboolean met = relation == NULL || (g_str_equal (relation, "at-most") ? measure <= bar : measure >= bar);

  printf ("{\"benchmark\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"", name, value, unit);
  if (limit > 0)
    printf (", \"limit\": %.6g, \"ratio\": %.3f", limit, measure);
  if (relation != NULL)
    printf (", \"relation\": \"%s\", \"bar\": %g, \"met\": %s", relation, bar, met ? "true" : "false");
  printf ("}\n");
  fflush (stdout);
  return met;
}
