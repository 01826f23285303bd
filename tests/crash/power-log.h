/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <stdint.h>

/* What power-shim.c writes down: a record for each call that changes the disk,
 * in the order in which they took effect. Two names or the octets follow. */
typedef enum
{
  POWER_CREATE = 1, /* a file of that name; `file` is what it is known by */
  POWER_WRITE,      /* octets at `offset` */
  POWER_WRITE_SAFE, /* the same, through O_DSYNC: safe at once */
  POWER_TRUNCATE,   /* to `offset` */
  POWER_SYNC,       /* all of `file` is safe */
  POWER_SYNC_FOLDER, /* the names in it are safe */
  POWER_RENAME,     /* "old\0new" */
  POWER_UNLINK,
  POWER_ACK,        /* what the writer was acknowledged */
} PowerKind;

typedef struct
{
  uint32_t kind;
  uint32_t length; /* of what follows */
  uint64_t file;
  uint64_t offset;
} PowerRecord;
