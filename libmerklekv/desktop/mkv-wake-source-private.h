/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A source in the thread-default context that calls @func, at @priority, once
 * for each time it was woken, or once for several; not inside itself. The caller
 * destroys and unrefs it. */
GSource *mkv_wake_source_new (gint priority, GSourceFunc func, gpointer user_data);

void mkv_wake_source_wake (GSource *source);
gboolean mkv_wake_source_is_awake (GSource *source);

G_END_DECLS
