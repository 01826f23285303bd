/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How far something has come, on a terminal, once it takes more than a second. */
typedef struct
{
  const char *what;
  gint64 begin; /* us of the monotonic time */
  gboolean shown;
} MkvCliProgress;

void mkv_cli_progress_begin (MkvCliProgress *self, const char *what);

/* A MkvProgressFunc. */
void mkv_cli_progress_tell (guint64 done, guint64 total, gpointer user_data);

/* Takes the line away. */
void mkv_cli_progress_end (MkvCliProgress *self);

G_END_DECLS
