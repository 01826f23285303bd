/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A payload for either codec, of JSON text in which order and duplicates of
 * members do not get lost. In CBOR a string that begins with "hex:" is a byte
 * string of those octets; in JSON it is the digits alone. */
GBytes *mkv_codec_payload_new (const char *text, gboolean cbor);

G_END_DECLS
