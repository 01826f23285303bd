/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-store.h"

G_BEGIN_DECLS

/**
 * MkvBindFlags:
 * @MKV_BIND_DEFAULT: both ways
 * @MKV_BIND_GET: what is stored goes into the property; without
 *   %MKV_BIND_SET, that way only
 * @MKV_BIND_SET: the property's value is stored; without %MKV_BIND_GET, that
 *   way only
 * @MKV_BIND_GET_NO_CHANGES: what is stored goes into the property once, and
 *   later changes do not
 * @MKV_BIND_INVERT_BOOLEAN: a boolean property is true where what is stored is
 *   false
 * @MKV_BIND_VARIANT: values are stored as serialised [struct@GLib.Variant] and
 *   not as text
 *
 * How [method@Store.bind] binds a property.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_BIND_DEFAULT = 0,
  MKV_BIND_GET = 1 << 0,
  MKV_BIND_SET = 1 << 1,
  MKV_BIND_GET_NO_CHANGES = 1 << 2,
  MKV_BIND_INVERT_BOOLEAN = 1 << 3,
  MKV_BIND_VARIANT = 1 << 4,
} MkvBindFlags;

/**
 * MkvBindGetMapping:
 * @value: of the property's type; to be filled in
 * @octets: what is stored
 * @user_data: what was given with it
 *
 * Makes a property's value of what is stored.
 *
 * Returns: whether it could; if not, the property stays as it is
 *
 * Since: 0.1
 */
typedef gboolean (*MkvBindGetMapping) (GValue *value, GBytes *octets, gpointer user_data);

/**
 * MkvBindSetMapping:
 * @value: the property's
 * @user_data: what was given with it
 *
 * Makes what is stored of a property's value.
 *
 * Returns: (transfer full) (nullable): the octets; %NULL if nothing is to be
 *   stored
 *
 * Since: 0.1
 */
typedef GBytes *(*MkvBindSetMapping) (const GValue *value, gpointer user_data);

MKV_API
void mkv_store_bind (MkvStore *self, const char *key, GObject *object, const char *property, MkvBindFlags flags);

MKV_API
void mkv_store_bind_with_mapping (MkvStore *self, const char *key, GObject *object, const char *property,
                                  MkvBindFlags flags, MkvBindGetMapping get_mapping, MkvBindSetMapping set_mapping,
                                  gpointer user_data, GDestroyNotify destroy);

MKV_API
void mkv_store_bind_with_mapping_for_bindings (MkvStore *self, const char *key, GObject *object,
                                               const char *property, MkvBindFlags flags, GClosure *get_mapping,
                                               GClosure *set_mapping);

MKV_API
void mkv_store_unbind (GObject *object, const char *property);

G_END_DECLS
