/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* What one line of a dump stands for: an entry with a stamp, or a key and a
 * value that are to be written now. */
typedef struct
{
  MkvEntry *entry; /* NULL for the second */
  char *key;
  GBytes *value;
} MkvDumpItem;

static inline void
mkv_dump_item_clear (MkvDumpItem *self)
{
  g_clear_pointer (&self->entry, mkv_entry_unref);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->value, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvDumpItem, mkv_dump_item_clear)

G_END_DECLS
