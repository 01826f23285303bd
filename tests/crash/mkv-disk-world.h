/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-crash-work.h"
#include "mkv-test.h"

G_BEGIN_DECLS

/* A store on a disk that fails when it is told to (fault-shim.c). */
typedef struct
{
  MkvManualClock *clock;
  MkvObserver *observer;
  MkvStorage *storage;
  MkvLocalStore *store;
  char *path;
} DiskWorld;

/* mkv_test_init(), in a process that has the shim; and g_test_run(). */
void disk_world_begin_tests (int *argc, char ***argv, guint seconds);
int disk_world_run_tests (void);

/* From now on each change of a file fails with errno @number, but for the next
 * @n_spared; 0 for a disk that works. With @only_sync writes go through, and what
 * makes them safe fails; with @halves a write writes half of what it should.
 * Returns how many would still have been spared before this call. */
int disk_world_spare_fault (int number, gboolean only_sync, gboolean halves, int n_spared);
void disk_world_set_fault (int number, gboolean only_sync, gboolean halves);

/* All but the path. */
void disk_world_init (DiskWorld *self);
void disk_world_clear (DiskWorld *self);

void disk_world_open (DiskWorld *self, const char *backend);
void disk_world_close (DiskWorld *self);

gboolean disk_world_set (DiskWorld *self, guint number, gsize length, GError **error);

/* @length is 0 for what is not there. */
void disk_world_assert_has (DiskWorld *self, guint number, gsize length);

G_END_DECLS
