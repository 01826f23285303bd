/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* The octets that @argument stands for: itself, `-` for stdin, `@FILE`, decoded
 * if --base64 or --hex was given. NULL after it has been said why not, with
 * *@status the status to exit with. */
GBytes *mkv_cli_value_read (const MkvCliOptions *options, const char *argument, int *status);

/* An integer of at most 64 bits, from @least on. */
gboolean mkv_cli_number_read (const char *text, gint64 least, gint64 most, const char *what, gint64 *number);

G_END_DECLS
