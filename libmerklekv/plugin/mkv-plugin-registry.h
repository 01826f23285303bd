/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-plugin-error.h"
#include "plugin/mkv-plugin-info.h"

G_BEGIN_DECLS

#define MKV_TYPE_PLUGIN_REGISTRY (mkv_plugin_registry_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvPluginRegistry, mkv_plugin_registry, MKV, PLUGIN_REGISTRY, GObject)

MKV_API
MkvPluginRegistry *mkv_plugin_registry_new (void);

MKV_API
gboolean mkv_plugin_registry_add_type (MkvPluginRegistry *self, MkvPluginKind kind, const char *name,
                                       GType type, GError **error);

MKV_API
gboolean mkv_plugin_registry_load (MkvPluginRegistry *self, MkvPluginKind kind, const char *name,
                                   GError **error);

MKV_API
GObject *mkv_plugin_registry_create (MkvPluginRegistry *self, MkvPluginKind kind, const char *name,
                                     GError **error);

G_END_DECLS
