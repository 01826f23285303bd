/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <stddef.h>

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput (const guint8 *octets, size_t length);
