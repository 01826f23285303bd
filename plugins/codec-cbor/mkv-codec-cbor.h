/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"

G_BEGIN_DECLS

#define MKV_TYPE_CODEC_CBOR (mkv_codec_cbor_get_type ())

G_DECLARE_FINAL_TYPE (MkvCodecCbor, mkv_codec_cbor, MKV, CODEC_CBOR, GObject)

G_END_DECLS
