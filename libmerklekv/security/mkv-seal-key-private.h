/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Octets of what stands in a sealed storage. */
#define MKV_SEAL_SECRET_BYTES 32
#define MKV_SEAL_SALT_BYTES 16
#define MKV_SEAL_CHECK_BYTES 16
#define MKV_SEAL_ID_BYTES 4 /* the first of the check */
#define MKV_SEAL_NONCE_BYTES 12
#define MKV_SEAL_TAG_BYTES 16

/* What one storage is sealed with, made of the secret that the user keeps and
 * of a salt that the storage keeps. Opening is for any thread; sealing, for one
 * at a time. */
typedef struct _MkvSealKey MkvSealKey;

struct _MkvSealKey
{
  MkvSealKey *next; /* the storage's list of keys */
  guint8 salt[MKV_SEAL_SALT_BYTES];
  guint8 check[MKV_SEAL_CHECK_BYTES]; /* tells this key from any other, and nothing about it */

  /*< private >*/
  guint8 octets[32];
  guint8 prefix[10]; /* of the nonces */
  guint32 n_nonces;  /* with this prefix */
  gpointer handles[8]; /* atomic: gnutls_aead_cipher_hd_t that nobody uses; NULL where there is none */
};

/* @salt: NULL for a new one. @secret has MKV_SEAL_SECRET_BYTES. */
MkvSealKey *mkv_seal_key_new (GBytes *secret, const guint8 *salt, GError **error);
void mkv_seal_key_free (MkvSealKey *self);

/* AES-256-GCM. @out has the tag behind @length octets; @nonce is chosen here. */
gboolean mkv_seal_key_seal (MkvSealKey *self, gconstpointer data, gsize data_length, const guint8 *in, gsize length,
                            guint8 *nonce, guint8 *out, GError **error);

/* @length is that of @out; @in has the tag behind it. FALSE if that is not what
 * was sealed by this key, with this nonce and data. */
gboolean mkv_seal_key_open (MkvSealKey *self, gconstpointer data, gsize data_length, const guint8 *nonce,
                            const guint8 *in, gsize length, guint8 *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSealKey, mkv_seal_key_free)

G_END_DECLS
