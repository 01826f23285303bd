/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"

G_BEGIN_DECLS

/* Tries again, by itself, whether a storage that refused a write takes writes:
 * after a second, then after 2, 4 to 32. */
typedef struct _MkvProbe MkvProbe;

/* Called in the probe's context: @func is to write something. */
typedef void (*MkvProbeFunc) (gpointer user_data);

MkvProbe *mkv_probe_new (MkvClock *clock, GMainContext *context, MkvProbeFunc func, gpointer user_data);
void mkv_probe_free (MkvProbe *self);

/* What the last write met, from any thread. */
void mkv_probe_tell (MkvProbe *self, gboolean failed);

G_END_DECLS
