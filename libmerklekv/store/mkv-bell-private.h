/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Lets leaders, in any thread, tell one context that there is something to do,
 * as soon as it is iterated. */
typedef struct _MkvBell MkvBell;

/* The sums of what was rung with since the last time. */
typedef void (*MkvBellFunc) (guint n_entries, gsize n_bytes, gpointer user_data);

MkvBell *mkv_bell_new (GMainContext *context);
void mkv_bell_free (MkvBell *self);
/* NULL to be told no more. */
void mkv_bell_set_func (MkvBell *self, MkvBellFunc func, gpointer user_data);
void mkv_bell_ring (MkvBell *self, guint n_entries, gsize n_bytes);

G_END_DECLS
