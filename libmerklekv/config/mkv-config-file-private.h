/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A line of a file, or an argument, that sets something, or tries to. */
typedef struct
{
  char *place;   /* where it is: `FILE:LINE: ` or `--set ` */
  char *name;    /* group.key; NULL if there is none */
  char *text;    /* the value */
  char *mistake; /* why it can't be used as it is; NULL if it can */
} MkvAssignment;

/* Both append MkvAssignments to @assignments, in order. */
void mkv_config_file_read (const char *path, GPtrArray *assignments);
void mkv_config_file_read_overrides (const char *const *overrides, GPtrArray *assignments);

GPtrArray *mkv_assignments_new (void);

G_END_DECLS
