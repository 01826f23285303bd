/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"

G_BEGIN_DECLS

#define MKV_TYPE_CODEC_JSON (mkv_codec_json_get_type ())

G_DECLARE_FINAL_TYPE (MkvCodecJson, mkv_codec_json, MKV, CODEC_JSON, GObject)

G_END_DECLS
