/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cli-progress.h"

#include <inttypes.h>
#include <unistd.h>

void
mkv_cli_progress_begin (MkvCliProgress *self, const char *what)
{
  self->what = what;
  self->begin = g_get_monotonic_time ();
  self->shown = FALSE;
}

void
mkv_cli_progress_tell (guint64 done, guint64 total, gpointer user_data)
{
  MkvCliProgress *self = user_data;

  if (!isatty (STDERR_FILENO) || g_get_monotonic_time () < self->begin + G_USEC_PER_SEC)
    return;
  self->shown = TRUE;
  if (total > 0)
    g_printerr ("\r\033[K%s: %" PRIu64 "/%" PRIu64 " (%" PRIu64 " %%)", self->what, done, total,
                MIN (done, total) * 100 / total);
  else
    g_printerr ("\r\033[K%s: %" PRIu64, self->what, done);
}

void
mkv_cli_progress_end (MkvCliProgress *self)
{
  if (self->shown)
    g_printerr ("\r\033[K");
  self->shown = FALSE;
}
