/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "plugin/mkv-plugin-info.h"

G_BEGIN_DECLS

/* `storage`, `transport` or `codec`: what file names and descriptors say. */
const char *mkv_plugin_kind_get_name (MkvPluginKind kind);

MkvPluginInfo *mkv_plugin_info_new (MkvPluginKind kind, const char *name, const char *file);

/* The type, once the plugin is loaded, also where an object of it could not be
 * initialized; G_TYPE_INVALID before. */
GType mkv_plugin_info_get_plugin_type (MkvPluginInfo *self);

/* The module stays in memory for ever, and its descriptor with it. */
void mkv_plugin_info_set_descriptor (MkvPluginInfo *self, const MkvPluginDescriptor *descriptor);
void mkv_plugin_info_set_loaded (MkvPluginInfo *self, GType type);
void mkv_plugin_info_set_failed (MkvPluginInfo *self, const GError *error);

G_END_DECLS
