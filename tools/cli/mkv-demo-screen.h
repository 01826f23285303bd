/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How the demo looks. In colour on a terminal, unless NO_COLOR is set. */
void mkv_demo_screen_title (const char *text);
void mkv_demo_screen_step (guint number, const char *text);
void mkv_demo_screen_line (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Something that @who did, and what came of it. */
void mkv_demo_screen_event (const char *who, const char *what, const char *outcome);

/* One line of a table of three columns. */
void mkv_demo_screen_row (const char *first, const char *second, const char *third, gboolean head);

void mkv_demo_screen_verdict (gboolean good, const char *text);

G_END_DECLS
