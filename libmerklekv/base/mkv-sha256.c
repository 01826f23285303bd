/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-sha256-private.h"

static void
free_hash (gpointer hash)
{
  gnutls_hash_deinit (hash, NULL);
}

static GPrivate thread_hash = G_PRIVATE_INIT (free_hash);

gnutls_hash_hd_t
mkv_sha256_get (void)
{
  gnutls_hash_hd_t hash = g_private_get (&thread_hash);

  if (hash == NULL)
    {
      if (gnutls_hash_init (&hash, GNUTLS_DIG_SHA256) != 0)
        g_error ("GnuTLS has no SHA-256");
      g_private_set (&thread_hash, hash);
    }
  return hash;
}

void
mkv_sha256 (gconstpointer octets, gsize length, guint8 *digest)
{
  gnutls_hash_hd_t hash = mkv_sha256_get ();

  gnutls_hash (hash, octets, length);
  gnutls_hash_output (hash, digest);
}
