/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvDumpFormat:
 * @MKV_DUMP_JSON_LINES: an object a line, with the fields of a replication event;
 *   a line with nothing but key and value is taken for a write of now
 * @MKV_DUMP_CBOR: a sequence (RFC 8742) of maps with the fields of a replication
 *   event
 * @MKV_DUMP_DCONF: what `dconf dump` writes: groups of keys, values in GVariant's
 *   text; has neither stamps nor deletions, so that what is loaded from it is
 *   written now
 *
 * How a store's contents are written down.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_DUMP_JSON_LINES,
  MKV_DUMP_CBOR,
  MKV_DUMP_DCONF,
} MkvDumpFormat;

G_END_DECLS
