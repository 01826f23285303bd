/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gnutls/crypto.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/* This thread's SHA-256 (FIPS 180-4), ready for a message: gnutls_hash() its
 * parts, and end it with gnutls_hash_output(), which makes it ready for the
 * next. Making a handle takes longer than hashing a small message. */
gnutls_hash_hd_t mkv_sha256_get (void);

/* The digest, 32 octets, of a message in one piece. */
void mkv_sha256 (gconstpointer octets, gsize length, guint8 *digest);

G_END_DECLS
