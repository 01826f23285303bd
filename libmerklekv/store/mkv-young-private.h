/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which keys were written less than MKV_YOUNG_TIME ago. A table of a fixed size:
 * where two keys meet, the later is remembered, so one may be taken for older
 * than it is, which costs a message that nobody needed. No lock of its own. */
typedef struct _MkvYoung MkvYoung;

#define MKV_YOUNG_TIME (2 * G_USEC_PER_SEC)

MkvYoung *mkv_young_new (void);
void mkv_young_free (MkvYoung *self);

/* Times are monotonic, in us. */
void mkv_young_add (MkvYoung *self, const char *key, gint64 now);
gboolean mkv_young_has (const MkvYoung *self, const char *key, gint64 now);

G_END_DECLS
