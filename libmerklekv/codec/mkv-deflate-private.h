/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

typedef enum
{
  MKV_PAYLOAD_UNKNOWN,
  MKV_PAYLOAD_JSON,
  MKV_PAYLOAD_CBOR,
  MKV_PAYLOAD_ZLIB,
  MKV_PAYLOAD_LOCKED_SPEC,
} MkvPayloadFormat;

/* What the first octets say that a payload is: doc/protocol.md, "Message
 * encoding". A payload that inflates to MKV_PAYLOAD_ZLIB is malformed. */
MkvPayloadFormat mkv_payload_sniff (GBytes *payload);

/* One zlib stream (RFC 1950) that inflates to @payload. */
GBytes *mkv_payload_deflate (GBytes *payload);

/* What the zlib stream @payload inflates to. MKV_ERROR_MALFORMED if it is not
 * exactly one stream, or needs a dictionary; MKV_ERROR_TOO_LARGE as soon as it
 * grows beyond @max_bytes, which is also the most memory that is taken. */
GBytes *mkv_payload_inflate (GBytes *payload, gsize max_bytes, GError **error);

G_END_DECLS
