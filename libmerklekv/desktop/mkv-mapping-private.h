/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a value looks like in the store. As text: a string and octets (`ay`) as
 * they are, anything else as GVariant writes it: `true`, `-5`, `0.1`, `['a', 'b']`.
 * Serialised: GVariant's own format, little endian. */
GBytes *mkv_mapping_encode (GVariant *variant, gboolean serialised);

/* NULL if @octets are no value of @type. */
GVariant *mkv_mapping_decode (GBytes *octets, const GVariantType *type, gboolean serialised);

/* The type in which a property is stored; NULL if there is none. */
const GVariantType *mkv_mapping_get_type (GParamSpec *pspec);

/* The value of a property of that type; NULL for one that is NULL. */
GVariant *mkv_mapping_dup_variant (const GValue *value, const GVariantType *type);

/* Fills in @value, of the property's type. Says whether it fits: nothing is cut
 * off or changed. */
gboolean mkv_mapping_set_value (GValue *value, GVariant *variant, GParamSpec *pspec);

/* Whether @value is one that the property can have; if not, it is changed. */
gboolean mkv_mapping_check_value (GValue *value, GParamSpec *pspec);

G_END_DECLS
