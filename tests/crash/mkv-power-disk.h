/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "power-log.h"

G_BEGIN_DECLS

/* A disk that loses its power: of what power-shim.c wrote down, what was synced
 * is there, and of the rest what the kernel happened to have written. */
typedef enum
{
  POWER_ALL,      /* everything up to that moment */
  POWER_NOTHING,  /* only what was synced */
  POWER_SOME,     /* all names; of the octets, any pages */
  POWER_SOME_NAMES, /* the first of the names; of the octets, any pages */
  POWER_N_LOSSES
} PowerLoss;

typedef struct _PowerDisk PowerDisk;

PowerDisk *power_disk_new (void);
void power_disk_free (PowerDisk *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PowerDisk, power_disk_free)

/* The next record; @data is what follows it. */
void power_disk_play (PowerDisk *self, const PowerRecord *record, const guint8 *data);

/* Writes into @path what there is after the loss. */
void power_disk_lose (PowerDisk *self, PowerLoss loss, GRand *rand, const char *path);

G_END_DECLS
