/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Prints what @response says to @command, for people and scripts; of INFO only
 * @field, if given. */
void mkv_cli_output_print (MkvCommand *command, const char *field, MkvResponse *response, gint64 elapsed_us);

/* Prints @response as one line of JSON. */
gboolean mkv_cli_output_print_json (MkvResponse *response, MkvPluginRegistry *registry, GError **error);

/* A JSON string. */
void mkv_cli_output_print_string (const char *text);

/* A sentence a line; with @json an object, with the one field @name. */
void mkv_cli_output_print_lines (gboolean json, const char *name, char **lines);

G_END_DECLS
