/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The asynchronous calls of a store, so few at a time that neither the bus nor
 * the service refuses any: a bus takes 128 of one connection by default. From any
 * thread. */
typedef struct _MkvBusCalls MkvBusCalls;

MkvBusCalls *mkv_bus_calls_new (GDBusConnection *connection, const char *name);
/* None may be under way. */
void mkv_bus_calls_free (MkvBusCalls *self);

/* Whether a person may be asked, and gets the time it takes. */
void mkv_bus_calls_set_interactive (MkvBusCalls *self, gboolean interactive);

/* Calls a method of Store, as soon as there is room, in the context that is
 * thread-default now. Takes @args, if floating. */
void mkv_bus_calls_start (MkvBusCalls *self, const char *method, GVariant *args, const GVariantType *reply_type,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/* To be called once for each, by its callback. */
GVariant *mkv_bus_calls_finish (MkvBusCalls *self, GAsyncResult *result, GError **error);

G_END_DECLS
