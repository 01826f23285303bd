/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "plugin/mkv-plugin-descriptor.h"

G_BEGIN_DECLS

/**
 * MkvPluginState:
 * @MKV_PLUGIN_NOT_LOADED: its file has not been opened yet
 * @MKV_PLUGIN_LOADED: it can be used
 * @MKV_PLUGIN_FAILED: it can't be used; the info says why
 *
 * Where a plugin stands.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_PLUGIN_NOT_LOADED,
  MKV_PLUGIN_LOADED,
  MKV_PLUGIN_FAILED,
} MkvPluginState;

#define MKV_TYPE_PLUGIN_INFO (mkv_plugin_info_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvPluginInfo, mkv_plugin_info, MKV, PLUGIN_INFO, GObject)

MKV_API
MkvPluginKind mkv_plugin_info_get_kind (MkvPluginInfo *self);

MKV_API
const char *mkv_plugin_info_get_name (MkvPluginInfo *self);

MKV_API
const char *mkv_plugin_info_get_file (MkvPluginInfo *self);

MKV_API
MkvPluginState mkv_plugin_info_get_state (MkvPluginInfo *self);

MKV_API
const GError *mkv_plugin_info_get_error (MkvPluginInfo *self);

MKV_API
const char *mkv_plugin_info_get_version (MkvPluginInfo *self);

MKV_API
const char *mkv_plugin_info_get_licence (MkvPluginInfo *self);

MKV_API
const char *mkv_plugin_info_get_description (MkvPluginInfo *self);

G_END_DECLS
