/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-limits.h"
#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* Entries whose timestamp is far ahead of the clock, in the order of it. There
 * are none where clocks are right. No lock of its own. */
typedef struct _MkvAhead MkvAhead;

typedef struct
{
  gint64 timestamp; /* ms */
  gboolean tombstone;
  guint8 digest[MKV_DIGEST_BYTES];
  char key[];
} MkvAheadEntry;

MkvAhead *mkv_ahead_new (void);
void mkv_ahead_free (MkvAhead *self);

gboolean mkv_ahead_is_empty (const MkvAhead *self);
void mkv_ahead_add (MkvAhead *self, const MkvEntry *entry);

/* NULL where that is not in it; else valid until the next change. */
const MkvAheadEntry *mkv_ahead_find (const MkvAhead *self, gint64 timestamp, const char *key);
void mkv_ahead_remove (MkvAhead *self, const MkvAheadEntry *entry);

/* The first one later than @timestamp, or NULL. */
const MkvAheadEntry *mkv_ahead_get_first_after (const MkvAhead *self, gint64 timestamp);

/* Those with @after < timestamp <= @to; @func must not change it. */
typedef void (*MkvAheadFunc) (const MkvAheadEntry *entry, gpointer user_data);
void mkv_ahead_foreach (const MkvAhead *self, gint64 after, gint64 to, MkvAheadFunc func, gpointer user_data);

G_END_DECLS
