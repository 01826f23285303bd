/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "plugin/mkv-plugin-registry.h"

G_BEGIN_DECLS

/* An object for each plugin of a registry. */
typedef struct _MkvPluginService MkvPluginService;

MkvPluginService *mkv_plugin_service_new (MkvPluginRegistry *registry, GDBusObjectManagerServer *objects);

/* Takes the objects away. */
void mkv_plugin_service_free (MkvPluginService *self);

G_END_DECLS
