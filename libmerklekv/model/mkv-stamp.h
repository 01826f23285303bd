/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_STAMP (mkv_stamp_get_type ())

/**
 * MkvStamp:
 * @timestamp: ms since 1970-01-01 UTC
 * @seq: the number of the write among all of its writer's, from 1
 * @node_id: the writer
 *
 * When, by whom, and as its how-manieth write an entry was written. Stamps
 * order the entries of a key: the greatest is the one that stays.
 *
 * Since: 0.1
 */
typedef struct
{
  gint64 timestamp;
  gint64 seq;
  const char *node_id;
} MkvStamp;

MKV_API
GType mkv_stamp_get_type (void);

MKV_API
MkvStamp *mkv_stamp_new (gint64 timestamp, const char *node_id, gint64 seq);

MKV_API
MkvStamp *mkv_stamp_copy (const MkvStamp *self);

MKV_API
void mkv_stamp_free (MkvStamp *self);

MKV_API
gint mkv_stamp_compare (const MkvStamp *a, const MkvStamp *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvStamp, mkv_stamp_free)

G_END_DECLS
