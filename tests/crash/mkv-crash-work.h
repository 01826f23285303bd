/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage-batch.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* The work that is interrupted: several threads write, each to keys of its own,
 * what follows from the number of the operation alone. So whoever looks at the
 * store afterwards knows of each thread after which operation it is. */
#define CRASH_THREADS 4
#define CRASH_KEYS 24
/* Of one thread in one run. */
#define CRASH_MAX_OPS 100000

typedef enum
{
  CRASH_SET,
  CRASH_DELETE,
  CRASH_PAIR, /* two keys at once */
} CrashKind;

typedef struct
{
  CrashKind kind;
  guint keys[2]; /* the second of PAIR alone */
  gsize length;  /* of the value */
} CrashOp;

/* Operations are numbered from 1, in all runs on a folder together. */
CrashOp crash_op (guint thread, guint number);
char *crash_key (guint thread, guint key);
GBytes *crash_value (guint thread, guint number);

/* What a run leaves behind however it ends: a mapped file. */
typedef struct
{
  guint first[CRASH_THREADS];                      /* the number of its first operation */
  gint started[CRASH_THREADS];                     /* how many were begun */
  gint acked[CRASH_THREADS];                       /* how many were acknowledged */
  gint64 seqs[CRASH_THREADS][CRASH_MAX_OPS];       /* of those */
  gint64 cleared[CRASH_THREADS][CRASH_KEYS];       /* greatest seq whose outbox mark may have gone */
} CrashLog;

/* What each key of each thread is to hold. */
typedef struct
{
  guint done[CRASH_THREADS]; /* operations */
  guint writers[CRASH_THREADS][CRASH_KEYS]; /* the operation that wrote it last, 0 for none */
} CrashModel;

void crash_model_advance (CrashModel *self, guint thread, guint done);

/* The storage of a backend; opened at @path. */
MkvStorage *crash_open_storage (const char *backend, const char *path, GError **error);
MkvLocalStore *crash_open_store (MkvStorage *storage, MkvDurability durability, GError **error);
MkvDurability crash_parse_durability (const char *name);

/* Opens the folder, verifies it, and finds out which operations are in it: each
 * thread has done a prefix of its own, all threads together a prefix in the order
 * of commits, and with @all everything that is acknowledged in @log. Then @model
 * says what is there. Aborts with what is wrong. */
void crash_check (const char *backend, const char *path, const CrashLog *log, gboolean all, CrashModel *model);

G_END_DECLS
