/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* What an application may take a key to hold: the stamps of all entries below a
 * prefix that it has read or was told of. From any thread. */
typedef struct _MkvBusMemory MkvBusMemory;

MkvBusMemory *mkv_bus_memory_new (const char *prefix);
void mkv_bus_memory_free (MkvBusMemory *self);

/* A tombstone is forgotten. */
void mkv_bus_memory_add (MkvBusMemory *self, MkvEntry *entry);
/* Of these, only that they are there is known. */
void mkv_bus_memory_add_keys (MkvBusMemory *self, const char *const *keys);
void mkv_bus_memory_clear (MkvBusMemory *self);

gboolean mkv_bus_memory_contains (MkvBusMemory *self, MkvEntry *entry);

/* Of all keys: a tombstone with the stamp of what was there. */
GHashTable *mkv_bus_memory_copy (MkvBusMemory *self);

/* Forgets @entry, which a copy has, if nothing has been added since of its key. */
gboolean mkv_bus_memory_remove (MkvBusMemory *self, MkvEntry *entry);

G_END_DECLS
