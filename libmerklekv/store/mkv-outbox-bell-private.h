/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tells one context, soon after, that leaders in any thread have marked local
 * writes in the outbox. */
typedef struct _MkvOutboxBell MkvOutboxBell;

/* How many since the last time, and about how many octets. */
typedef void (*MkvOutboxFunc) (guint n_entries, gsize n_bytes, gpointer user_data);

MkvOutboxBell *mkv_outbox_bell_new (GMainContext *context);
void mkv_outbox_bell_free (MkvOutboxBell *self);
/* NULL to be told no more. */
void mkv_outbox_bell_set_func (MkvOutboxBell *self, MkvOutboxFunc func, gpointer user_data);
void mkv_outbox_bell_ring (MkvOutboxBell *self, guint n_entries, gsize n_bytes);

G_END_DECLS
