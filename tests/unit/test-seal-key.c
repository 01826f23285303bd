/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "mkv-test.h"
#include "security/mkv-seal-key-private.h"

static MkvSealKey *
make_key (const guint8 *salt)
{
  g_autoptr (GBytes) secret = mkv_test_unhex ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  g_autoptr (GError) error = NULL;
  MkvSealKey *key = mkv_seal_key_new (secret, salt, &error);

  g_assert_no_error (error);
  return key;
}

static void
test_derive (void)
{
  static const guint8 salt[MKV_SEAL_SALT_BYTES] = "sixteen octets!";
  g_autoptr (MkvSealKey) key = make_key (salt), again = make_key (key->salt), other = make_key (NULL);
  /* RFC 5869 by Python's hmac: octets 32 to 47 of the output for the info "merklekv storage 1". */
  g_autoptr (GBytes) expected = mkv_test_unhex ("5d80a5c89350a35c507652dad3687544");

  g_test_summary ("A key follows from its secret and its salt, in a way that never changes");
  g_assert_cmpmem (key->check, sizeof key->check, g_bytes_get_data (expected, NULL), g_bytes_get_size (expected));
  g_assert_cmpmem (again->octets, sizeof again->octets, key->octets, sizeof key->octets);
  g_assert_cmpint (memcmp (other->salt, key->salt, sizeof key->salt), !=, 0);
  g_assert_cmpint (memcmp (other->octets, key->octets, sizeof key->octets), !=, 0);
}

static void
test_nonces (void)
{
  enum { N = 200000 };
  g_autoptr (MkvSealKey) key = make_key (NULL);
  g_autofree guint8 *nonces = g_malloc (N * MKV_SEAL_NONCE_BYTES);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  guint8 out[MKV_SEAL_TAG_BYTES + 1];

  g_test_summary ("No nonce comes twice, also behind the end of its counter");
  for (guint i = 0; i < N; i++)
    {
      guint8 *nonce = nonces + i * MKV_SEAL_NONCE_BYTES;

      g_assert_true (mkv_seal_key_seal (key, "k", 1, (const guint8 *) "v", 1, nonce, out, NULL));
      g_assert_true (g_hash_table_add (seen, g_bytes_new_static (nonce, MKV_SEAL_NONCE_BYTES)));
    }
}

static gpointer
open_many (gpointer data)
{
  MkvSealKey *key = data;
  guint8 nonce[MKV_SEAL_NONCE_BYTES] = { 0 }, in[64] = { 0 }, out[48];

  for (guint i = 0; i < 5000; i++)
    g_assert_false (mkv_seal_key_open (key, "k", 1, nonce, in, sizeof in - MKV_SEAL_TAG_BYTES, out));
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (MkvSealKey) key = make_key (NULL);
  guint8 nonce[MKV_SEAL_NONCE_BYTES], sealed[3 + MKV_SEAL_TAG_BYTES], out[3];
  GThread *threads[12];

  g_test_summary ("More threads than it keeps handles for may open at once, while one seals");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("opener", open_many, key);
  for (guint i = 0; i < 5000; i++)
    {
      g_assert_true (mkv_seal_key_seal (key, "k", 1, (const guint8 *) "abc", 3, nonce, sealed, NULL));
      g_assert_true (mkv_seal_key_open (key, "k", 1, nonce, sealed, 3, out));
      g_assert_cmpmem (out, 3, "abc", 3);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  g_test_add_func ("/seal-key/derive", test_derive);
  g_test_add_func ("/seal-key/nonces", test_nonces);
  g_test_add_func ("/seal-key/threads", test_threads);
  return g_test_run ();
}
