/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "model/mkv-entry.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* Entries as they cross the bus. What is made is floating; values are shared,
 * not copied. */

#define MKV_BUS_ENTRY_TYPE "(sayxsx)"    /* key, value, time, writer, number */
#define MKV_BUS_CHANGE_TYPE "(sayxsxbs)" /* and whether it was deleted, and where from */

GVariant *mkv_bus_value_to_variant (GBytes *value);
GBytes *mkv_bus_value_from_variant (GVariant *variant);

GVariant *mkv_bus_entry_to_variant (MkvEntry *entry);
MkvEntry *mkv_bus_entry_from_variant (GVariant *variant, GError **error);

GVariant *mkv_bus_change_to_variant (MkvEntry *entry, MkvOrigin origin);

/* An origin that is not known is taken for an event. */
MkvEntry *mkv_bus_change_from_variant (GVariant *variant, MkvOrigin *origin, GError **error);

G_END_DECLS
