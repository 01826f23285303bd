/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads a string from behind its first quotation mark on and leaves *@at behind
 * its last. Sets *@escaped if there is an escape in it, else leaves it. NULL, or a
 * static text that says why it is no string in UTF-8. */
const char *mkv_json_read_string (const char **at, const char *end, gboolean *escaped);

/* Reads a number, and leaves *@at behind it. However it is written, *@is_integer
 * says whether it is an integer of 64 bits, and *@integer which. NULL, or a
 * static text that says why it is no number. */
const char *mkv_json_read_number (const char **at, const char *end, gboolean *is_integer, gint64 *integer);

/* The octets, in UTF-8, that stand between quotation marks as @octets. They may
 * include a NUL; there is another behind them. */
char *mkv_json_unescape (const char *octets, gsize octets_length, gsize *length);

void mkv_json_skip_space (const char **at, const char *end);

/* In a text that was found valid: where the value ends that begins at @value,
 * within an array or an object. */
const char *mkv_json_get_end (const char *value);

G_END_DECLS
