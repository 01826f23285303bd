/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_LOAD_REPORT (mkv_load_report_get_type ())

typedef struct _MkvLoadReport MkvLoadReport;

/**
 * MkvLoadReport:
 * @n_loaded: entries that are in the store now
 * @n_unchanged: entries that the store had already, or newer ones
 * @n_refused: lines, or items of CBOR, that could not be taken
 * @problems: (array zero-terminated=1): why, with the number of the line, for the
 *   first 1,000 of them
 *
 * What became of a dump that was loaded.
 *
 * Since: 0.1
 */
struct _MkvLoadReport
{
  guint64 n_loaded;
  guint64 n_unchanged;
  guint64 n_refused;
  char **problems;
};

MKV_API
GType mkv_load_report_get_type (void);

MKV_API
MkvLoadReport *mkv_load_report_copy (const MkvLoadReport *self);

MKV_API
void mkv_load_report_free (MkvLoadReport *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvLoadReport, mkv_load_report_free)

G_END_DECLS
