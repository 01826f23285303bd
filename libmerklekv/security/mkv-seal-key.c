/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A nonce must never come twice under one key. NIST SP 800-38D (8.2.1) builds it
 * of a field that no other context has and a counter. No record on the disk can
 * hand out such fields: a folder that is copied or restored from a backup would
 * hand them out again. So the field is 80 random bits, drawn at each opening and
 * after every 2^16 nonces. Two of 2^24 draws are the same with a probability of
 * 2^-33, which is below the 2^-32 that 8.0 asks for: enough for 2^40 seals. A
 * purely random nonce of 96 bits would do for 2^32 only (8.3). Changing the key,
 * also to the same one, takes another salt, and so begins anew.
 */
#include "config.h"

#include "security/mkv-seal-key-private.h"

#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "base/mkv-error.h"

#define MAX_NONCES (G_MAXUINT16 + 1)

static void
derive (MkvSealKey *self, GBytes *secret)
{
  static const char info_text[] = "merklekv storage 1";
  guint8 extracted[32], expanded[sizeof self->octets + sizeof self->check];
  gsize secret_length;
  gnutls_datum_t key = { (guint8 *) g_bytes_get_data (secret, &secret_length), (guint) secret_length };
  gnutls_datum_t salt = { self->salt, sizeof self->salt };
  gnutls_datum_t prk = { extracted, sizeof extracted };
  gnutls_datum_t info = { (guint8 *) info_text, sizeof info_text - 1 };

  /* RFC 5869. */
  if (gnutls_hkdf_extract (GNUTLS_MAC_SHA256, &key, &salt, extracted) != 0 ||
      gnutls_hkdf_expand (GNUTLS_MAC_SHA256, &prk, &info, expanded, sizeof expanded) != 0)
    g_error ("GnuTLS has no HKDF with SHA-256");
  memcpy (self->octets, expanded, sizeof self->octets);
  memcpy (self->check, expanded + sizeof self->octets, sizeof self->check);
  gnutls_memset (extracted, 0, sizeof extracted);
  gnutls_memset (expanded, 0, sizeof expanded);
}

static gboolean
draw (guint8 *octets, gsize length, GError **error)
{
  if (gnutls_rnd (GNUTLS_RND_RANDOM, octets, length) == 0)
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_FAILED,
                       _("There are no random numbers to encrypt with: getrandom() has to work"));
  return FALSE;
}

MkvSealKey *
mkv_seal_key_new (GBytes *secret, const guint8 *salt, GError **error)
{
  g_autoptr (MkvSealKey) self = g_new0 (MkvSealKey, 1);

  if (salt != NULL)
    memcpy (self->salt, salt, sizeof self->salt);
  else if (!draw (self->salt, sizeof self->salt, error))
    return NULL;
  derive (self, secret);
  self->n_nonces = MAX_NONCES;
  return g_steal_pointer (&self);
}

void
mkv_seal_key_free (MkvSealKey *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->handles); i++)
    if (self->handles[i] != NULL)
      gnutls_aead_cipher_deinit (self->handles[i]);
  gnutls_memset (self, 0, sizeof *self);
  g_free (self);
}

/* A handle is for one thread at a time, and to make one takes longer than to
 * use it: those that were used wait in slots. */
static gnutls_aead_cipher_hd_t
take_handle (MkvSealKey *self)
{
  gnutls_datum_t key = { self->octets, sizeof self->octets };
  gnutls_aead_cipher_hd_t handle;

  for (guint i = 0; i < G_N_ELEMENTS (self->handles); i++)
    if (g_atomic_pointer_get (&self->handles[i]) != NULL)
      {
        handle = g_atomic_pointer_exchange (&self->handles[i], NULL);
        if (handle != NULL)
          return handle;
      }
  if (gnutls_aead_cipher_init (&handle, GNUTLS_CIPHER_AES_256_GCM, &key) != 0)
    g_error ("GnuTLS has no AES-256-GCM");
  return handle;
}

static void
give_back (MkvSealKey *self, gnutls_aead_cipher_hd_t handle)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->handles); i++)
    if (g_atomic_pointer_compare_and_exchange (&self->handles[i], NULL, handle))
      return;
  gnutls_aead_cipher_deinit (handle);
}

static gboolean
make_nonce (MkvSealKey *self, guint8 *nonce, GError **error)
{
  guint16 count;

  if (self->n_nonces == MAX_NONCES)
    {
      if (!draw (self->prefix, sizeof self->prefix, error))
        return FALSE;
      self->n_nonces = 0;
    }
  count = GUINT16_TO_BE ((guint16) self->n_nonces);
  self->n_nonces++;
  memcpy (nonce, self->prefix, sizeof self->prefix);
  memcpy (nonce + sizeof self->prefix, &count, sizeof count);
  return TRUE;
}

gboolean
mkv_seal_key_seal (MkvSealKey *self, gconstpointer data, gsize data_length, const guint8 *in, gsize length,
                   guint8 *nonce, guint8 *out, GError **error)
{
  gsize out_length = length + MKV_SEAL_TAG_BYTES;
  gnutls_aead_cipher_hd_t handle;
  int result;

  if (!make_nonce (self, nonce, error))
    return FALSE;
  handle = take_handle (self);
  result = gnutls_aead_cipher_encrypt (handle, nonce, MKV_SEAL_NONCE_BYTES, data, data_length, MKV_SEAL_TAG_BYTES, in,
                                       length, out, &out_length);
  give_back (self, handle);
  if (result == 0 && out_length == length + MKV_SEAL_TAG_BYTES)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED, _("Encrypting failed: %s"), gnutls_strerror (result));
  return FALSE;
}

gboolean
mkv_seal_key_open (MkvSealKey *self, gconstpointer data, gsize data_length, const guint8 *nonce, const guint8 *in,
                   gsize length, guint8 *out)
{
  gsize out_length = length;
  gnutls_aead_cipher_hd_t handle = take_handle (self);
  int result = gnutls_aead_cipher_decrypt (handle, nonce, MKV_SEAL_NONCE_BYTES, data, data_length, MKV_SEAL_TAG_BYTES,
                                           in, length + MKV_SEAL_TAG_BYTES, out, &out_length);

  give_back (self, handle);
  return result == 0 && out_length == length;
}
