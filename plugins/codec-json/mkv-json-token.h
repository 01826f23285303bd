/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads a string from behind its first quotation mark on and leaves *@at behind
 * its last. Sets *@escaped if there is an escape in it, and *@has_nul if it has
 * the character U+0000, else leaves them. NULL, or a static text that says why
 * it is no string in UTF-8. */
const char *mkv_json_read_string (const char **at, const char *end, gboolean *escaped, gboolean *has_nul);

/* Reads a number, and leaves *@at behind it. However it is written, *@is_integer
 * says whether it is an integer of 64 bits, and *@integer which. NULL, or a
 * static text that says why it is no number. */
const char *mkv_json_read_number (const char **at, const char *end, gboolean *is_integer, gint64 *integer);

/* Takes the character that comes next in a string that was read before, and
 * leaves *@at behind it. */
gunichar mkv_json_next_char (const char **at, const char *end);

/* The octets, in UTF-8, that stand between quotation marks as @octets. They may
 * include a NUL; there is another behind them. */
char *mkv_json_unescape (const char *octets, gsize octets_length, gsize *length);

G_END_DECLS
