/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_CONFIG (mkv_config_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvConfig, mkv_config, MKV, CONFIG, GObject)

MKV_API
MkvConfig *mkv_config_new (void);

MKV_API
MkvConfig *mkv_config_new_from_file (const char *path, const char *const *overrides, GError **error);

MKV_API
char *mkv_config_find_file (void);

MKV_API
gboolean mkv_config_set (MkvConfig *self, const char *setting, const char *value, GError **error);

MKV_API
gboolean mkv_config_is_set (MkvConfig *self, const char *setting);

MKV_API
const char *mkv_config_get_string (MkvConfig *self, const char *setting);

MKV_API
gint64 mkv_config_get_integer (MkvConfig *self, const char *setting);

MKV_API
gboolean mkv_config_get_boolean (MkvConfig *self, const char *setting);

MKV_API
char **mkv_config_list_settings (MkvConfig *self);

MKV_API
char **mkv_config_list_differences (MkvConfig *self, MkvConfig *other, gboolean need_restart);

MKV_API
char **mkv_config_list_warnings (MkvConfig *self);

MKV_API
GVariant *mkv_config_get_group (MkvConfig *self, const char *group);

G_END_DECLS
