/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-store-private.h"

G_BEGIN_DECLS

/* Has ::changed of a store tell of the changes that a service makes below a
 * prefix, in the context that is thread-default when it is made, whether the
 * service comes, goes or is another. */
typedef struct _MkvBusWatch MkvBusWatch;

MkvBusWatch *mkv_bus_watch_new (MkvStore *store, GDBusConnection *connection, const char *name, const char *prefix);
/* From any thread. */
void mkv_bus_watch_free (MkvBusWatch *self);

/* The application has read this: from any thread. */
void mkv_bus_watch_remember (MkvBusWatch *self, MkvEntry *entry);
void mkv_bus_watch_remember_keys (MkvBusWatch *self, const char *const *keys);

G_END_DECLS
