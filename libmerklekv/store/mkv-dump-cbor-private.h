/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"

G_BEGIN_DECLS

/* The CBOR codec, from its plugin. */
MkvCodec *mkv_dump_cbor_new_codec (GError **error);

/* Adds a map for each of @entries, of which there is one at least. */
gboolean mkv_dump_cbor_add (GString *octets, MkvCodec *codec, GPtrArray *entries, GError **error);

/* The length of the first item of @octets; 0 if it goes on behind them, -1 if it
 * is not well-formed. */
gssize mkv_dump_cbor_measure (const guint8 *octets, gsize length);

/* The entries of @n items, 1 to 1,024, at @octets. @refused, of char *, gets why
 * others are none, with the number of the item, from @first on. */
GPtrArray *mkv_dump_cbor_parse (MkvCodec *codec, const guint8 *octets, gsize length, guint n, guint64 first,
                                GPtrArray *refused, GError **error);

G_END_DECLS
