/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-load-report.h"

G_DEFINE_BOXED_TYPE (MkvLoadReport, mkv_load_report, mkv_load_report_copy, mkv_load_report_free)

/**
 * mkv_load_report_copy:
 * @self: a report
 *
 * Copies a report.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
MkvLoadReport *
mkv_load_report_copy (const MkvLoadReport *self)
{
  MkvLoadReport *copy = g_memdup2 (self, sizeof *self);

  copy->problems = g_strdupv (self->problems);
  return copy;
}

/**
 * mkv_load_report_free:
 * @self: (transfer full): a report
 *
 * Frees a report.
 *
 * Since: 0.1
 */
void
mkv_load_report_free (MkvLoadReport *self)
{
  g_strfreev (self->problems);
  g_free (self);
}
