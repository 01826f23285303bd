/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"
#include "store/mkv-dump-format.h"

G_BEGIN_DECLS

/* Where things are on the bus: DBUS_NAME and DBUS_PATH of config.h, and below
 * that path: */
#define MKV_BUS_MANAGER_PATH DBUS_PATH "/Manager"
#define MKV_BUS_STORE_PATH DBUS_PATH "/Store"
#define MKV_BUS_PEERS_PATH DBUS_PATH "/peers"
#define MKV_BUS_PLUGINS_PATH DBUS_PATH "/plugins"

/* The path of the object that belongs to @name, whatever octets that has: those
 * but letters and digits become `_` and two hexadecimal digits. */
char *mkv_bus_make_path (const char *folder, const char *name);

/* What the formats of dumps are called; -1 with an error if @name is none. */
const char *mkv_bus_format_to_name (MkvDumpFormat format);
int mkv_bus_format_from_name (const char *name, GError **error);

/* Ends a call with @error, which it takes, and which becomes one of MKV_ERROR if
 * it is not: callers know no other domain. */
void mkv_bus_return_error (GDBusMethodInvocation *invocation, GError *error);

G_END_DECLS
