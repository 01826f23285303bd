/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

#include "mkv-cli-options.h"

G_BEGIN_DECLS

/* The daemon, by D-Bus: that of --bus. Errors tell a daemon that is not there
 * (MKV_ERROR_NOT_CONNECTED) from one that can't now. */
typedef struct _MkvCliBus MkvCliBus;

/* @prefix: the keys whose changes its store is to tell of, or NULL. */
MkvCliBus *mkv_cli_bus_new (const MkvCliOptions *options, const char *prefix, GError **error);

GDBusConnection *mkv_cli_bus_get_connection (MkvCliBus *self);
MkvStore *mkv_cli_bus_get_store (MkvCliBus *self);
MkvPluginRegistry *mkv_cli_bus_get_registry (MkvCliBus *self);

/* Does what a node does that is sent @command. An error of its is a response, too. */
MkvResponse *mkv_cli_bus_call (MkvCliBus *self, MkvCommand *command, GError **error);

/* Calls a method of one of the objects: its name is that of its interface. */
GVariant *mkv_cli_bus_call_object (MkvCliBus *self, const char *object, const char *method, GVariant *args,
                                   const char *reply_type, GCancellable *cancellable, GError **error);
/* Calls a method of the store that takes long, and tells meanwhile how far it is.
 * Giving up, with @cancellable, ends it there as well once this is freed. */
GVariant *mkv_cli_bus_call_long (MkvCliBus *self, const char *method, GVariant *args, const char *reply_type,
                                 MkvProgressFunc progress, gpointer progress_data, GCancellable *cancellable,
                                 GError **error);
/* The properties of one, a{sv}. */
GVariant *mkv_cli_bus_get_properties (MkvCliBus *self, const char *object, GCancellable *cancellable, GError **error);
/* Those of all objects that have @interface, an aa{sv} in the order of their paths. */
GVariant *mkv_cli_bus_list_objects (MkvCliBus *self, const char *interface, GError **error);

/* Sees whether @error is because the daemon is not there. */
void mkv_cli_bus_judge (MkvCliBus *self, GError *error);

void mkv_cli_bus_free (MkvCliBus *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvCliBus, mkv_cli_bus_free)

G_END_DECLS
