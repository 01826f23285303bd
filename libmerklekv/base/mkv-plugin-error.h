/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MKV_PLUGIN_ERROR:
 *
 * The error domain of plugins: of loading one, and of one that breaks its
 * contract. Codes are [error@PluginError].
 *
 * Since: 0.1
 */
#define MKV_PLUGIN_ERROR (mkv_plugin_error_quark ())

/**
 * MkvPluginError:
 * @MKV_PLUGIN_ERROR_FAILED: a plugin's function failed and did not say why
 * @MKV_PLUGIN_ERROR_NOT_FOUND: no plugin of that kind and name
 * @MKV_PLUGIN_ERROR_CANNOT_OPEN: the file is no module, or lacks a symbol
 * @MKV_PLUGIN_ERROR_NO_DESCRIPTOR: the module does not export its descriptor
 * @MKV_PLUGIN_ERROR_OTHER_ABI: the module was made for another plugin ABI
 * @MKV_PLUGIN_ERROR_OTHER_NAME: the descriptor names another kind or name
 * @MKV_PLUGIN_ERROR_WRONG_INTERFACE: the type does not implement the kind's interface
 * @MKV_PLUGIN_ERROR_MISSING_VFUNC: the type leaves out a function that is required
 * @MKV_PLUGIN_ERROR_INIT_FAILED: the object could not be initialized
 *
 * What can be wrong with a plugin.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_PLUGIN_ERROR_FAILED,
  MKV_PLUGIN_ERROR_NOT_FOUND,
  MKV_PLUGIN_ERROR_CANNOT_OPEN,
  MKV_PLUGIN_ERROR_NO_DESCRIPTOR,
  MKV_PLUGIN_ERROR_OTHER_ABI,
  MKV_PLUGIN_ERROR_OTHER_NAME,
  MKV_PLUGIN_ERROR_WRONG_INTERFACE,
  MKV_PLUGIN_ERROR_MISSING_VFUNC,
  MKV_PLUGIN_ERROR_INIT_FAILED,
} MkvPluginError;

MKV_API
GQuark mkv_plugin_error_quark (void);

G_END_DECLS
