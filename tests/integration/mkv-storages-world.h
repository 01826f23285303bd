/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-program.h"

G_BEGIN_DECLS

/* A folder in which merklekv --store makes storages of one backend. */
typedef struct
{
  const char *backend;
  char *folder; /* for all that a test makes */
} MkvStoragesWorld;

/* @data is the backend. */
void mkv_storages_world_set_up (MkvStoragesWorld *self, gconstpointer data);
void mkv_storages_world_tear_down (MkvStoragesWorld *self, gconstpointer data);

/* Runs merklekv on the storage @name, with @input on stdin. */
MkvProgramResult *mkv_storages_world_run (MkvStoragesWorld *self, const char *name, GBytes *input, const char *line);

/* The same, and @out and @err are what has to be said: NULL for whatever and for
 * nothing; of @err a part. */
void mkv_storages_world_check_with (MkvStoragesWorld *self, const char *name, GBytes *input, const char *line,
                                    int status, const char *out, const char *err);

/* The same on the storage “s”. */
void mkv_storages_world_check (MkvStoragesWorld *self, const char *line, int status, const char *out,
                               const char *err);

G_END_DECLS
