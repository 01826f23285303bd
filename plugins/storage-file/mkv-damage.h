/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-line-reader.h"

G_BEGIN_DECLS

#define MKV_SNAPSHOT_FILE "snapshot.jsonl"
#define MKV_JOURNAL_FILE "journal.jsonl"
#define MKV_CORRUPT_FILE "corrupt.jsonl"
/* Behind the name of a file that is not complete yet. */
#define MKV_NEW_SUFFIX ".new"

/* A reason in corrupt.jsonl: what a crash has left of a write that nobody was
 * told about. Any other is a loss. */
#define MKV_REASON_TORN "torn"

/* Octets of a file that are not what was written there. */
typedef struct
{
  const char *file;   /* MKV_SNAPSHOT_FILE or MKV_JOURNAL_FILE */
  guint64 offset;
  const char *reason; /* static, in the language of the user, or MKV_REASON_TORN */
  GBytes *octets;
} MkvDamage;

/* An array of them, which takes the octets. */
GPtrArray *mkv_damages_new (void);
void mkv_damages_add (GPtrArray *self, const char *file, guint64 offset, const char *reason, const char *octets,
                      gsize length);

/* Takes from @offset to the end of the file as torn. Nothing, if only line feeds
 * or zeros are there. */
gboolean mkv_damages_add_tail (GPtrArray *self, int fd, const char *file, guint64 offset, GError **error);

/* How many are losses. */
guint mkv_damages_count_losses (GPtrArray *self);

/* Adds them to corrupt.jsonl in the folder, on the disk when it returns. */
gboolean mkv_damages_save (GPtrArray *self, const char *folder, GError **error);

/* How many losses corrupt.jsonl tells of, and lines that are none of its own. */
gboolean mkv_damages_count_saved (const char *folder, guint *n_losses, GError **error);

G_END_DECLS
