/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "security/mkv-sealed-storage.h"

G_BEGIN_DECLS

/* A key of 32 times @letter. */
GBytes *mkv_sealed_world_key (char letter);

/* Opens what @inner holds, with up to two keys; 0 for none. NULL with an error. */
MkvStorage *mkv_sealed_world_open (MkvStorage *inner, char letter, char other, GError **error);
MkvStorage *mkv_sealed_world_open_well (MkvStorage *inner, char letter);

MkvEntry *mkv_sealed_world_entry (const char *key, const char *value, const char *node_id, gint64 seq);
void mkv_sealed_world_put (MkvStorage *storage, MkvEntry *entry);
void mkv_sealed_world_set_meta (MkvStorage *storage, const char *name, GBytes *value);
GBytes *mkv_sealed_world_get_meta (MkvStorage *storage, const char *name);

/* Checks that @storage holds the very same for the key of @expected. */
void mkv_sealed_world_assert_entry (MkvStorage *storage, MkvEntry *expected);

/* @n entries, every seventh a tombstone, by nodes with short and with long ids,
 * and as many records of meta; @round makes others of the same keys. */
void mkv_sealed_world_fill (MkvStorage *storage, guint n, guint round);
void mkv_sealed_world_assert_filled (MkvStorage *storage, guint n, guint round);

/* Changes the key and waits; 0 for none. */
gboolean mkv_sealed_world_rekey (MkvStorage *storage, char letter, GCancellable *cancellable, GError **error);

G_END_DECLS
