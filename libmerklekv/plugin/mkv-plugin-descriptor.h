/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MKV_PLUGIN_ABI:
 *
 * The number of the plugin ABI: of the descriptor, the three interfaces and
 * the value types. A module made for another number is refused.
 *
 * Since: 0.1
 */
#define MKV_PLUGIN_ABI (1)

/**
 * MkvPluginKind:
 * @MKV_PLUGIN_STORAGE: implements [iface@Storage]
 * @MKV_PLUGIN_TRANSPORT: implements [iface@Transport]
 * @MKV_PLUGIN_CODEC: implements [iface@Codec]
 *
 * What a plugin is for.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_PLUGIN_STORAGE,
  MKV_PLUGIN_TRANSPORT,
  MKV_PLUGIN_CODEC,
} MkvPluginKind;

/**
 * MkvPluginDescriptor: (skip)
 * @abi: %MKV_PLUGIN_ABI of the headers that the module was compiled against
 * @size: the size of this struct there
 * @kind: `storage`, `transport` or `codec`
 * @name: lower-case letters, digits and hyphens
 * @version: the plugin's version
 * @licence: an SPDX expression
 * @description: one line for people
 * @get_type: gives the type, a static one, that implements the interface
 *
 * What a module says about itself, as data: it is checked before any function
 * of the module runs. A module `mkv-KIND-NAME.so` exports one, as
 * `mkv_plugin_KIND_NAME` with underscores for hyphens, and nothing else.
 *
 * Since: 0.1
 */
typedef struct
{
  guint32 abi;
  guint32 size;
  const char *kind;
  const char *name;
  const char *version;
  const char *licence;
  const char *description;
  GType (*get_type) (void);

  /*< private >*/
  gpointer reserved[8];
} MkvPluginDescriptor;

/**
 * MKV_DEFINE_PLUGIN: (skip)
 * @kind_: the kind, as an identifier: `storage`, `transport` or `codec`
 * @symbol: the name with underscores for hyphens, as an identifier
 * @name_: the name, as a string
 * @version_: the version, as a string
 * @licence_: an SPDX expression, as a string
 * @description_: one line for people, as a string
 * @get_type_: the type's `_get_type` function
 *
 * Defines the descriptor of a module.
 *
 * Since: 0.1
 */
#define MKV_DEFINE_PLUGIN(kind_, symbol, name_, version_, licence_, description_, get_type_) \
  extern const MkvPluginDescriptor mkv_plugin_##kind_##_##symbol;                            \
  __attribute__ ((visibility ("default"))) const MkvPluginDescriptor                         \
      mkv_plugin_##kind_##_##symbol = { MKV_PLUGIN_ABI,                                      \
                                        sizeof (MkvPluginDescriptor),                        \
                                        #kind_,                                              \
                                        name_,                                               \
                                        version_,                                            \
                                        licence_,                                            \
                                        description_,                                        \
                                        get_type_,                                           \
                                        { NULL } };

G_END_DECLS
