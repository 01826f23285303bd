/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"

G_BEGIN_DECLS

#define MKV_TYPE_CODEC_LOCKED_SPEC (mkv_codec_locked_spec_get_type ())

G_DECLARE_FINAL_TYPE (MkvCodecLockedSpec, mkv_codec_locked_spec, MKV, CODEC_LOCKED_SPEC, GObject)

G_END_DECLS
