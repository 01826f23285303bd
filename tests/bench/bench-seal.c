/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What encryption at rest costs: a store in memory through the public API, plain
 * and sealed, with 100,000 keys of 16 octets in random order on one thread, and
 * GnuTLS's AES-256-GCM alone, with a kept handle, in the same run. What sealing
 * adds to a read is one opening, and the entry's digest computed afresh; to a
 * write, the same for what was there, two sealings (the entry, and the store's
 * clock), and the digest of the sealed entry.
 */
#include <gnutls/crypto.h>
#include <string.h>

#include "mkv-bench.h"
#include "mkv-storage-memory.h"
#include "security/mkv-sealed-storage.h"
#include "store/mkv-local-store.h"

#define N_KEYS 100000
#define N_ROUNDS 7
#define SEED 20240229

static char keys[N_KEYS][17];
static guint order[N_KEYS];

static void
make_keys (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);

  for (guint i = 0; i < N_KEYS; i++)
    {
      g_snprintf (keys[i], sizeof keys[i], "key-%012u", i);
      order[i] = i;
    }
  for (guint i = N_KEYS - 1; i > 0; i--)
    {
      guint j = (guint) g_rand_int_range (rand, 0, (gint32) i + 1), other = order[i];

      order[i] = order[j];
      order[j] = other;
    }
}

static MkvStore *
make_store (gboolean sealed)
{
  g_autoptr (MkvStorage) inner = mkv_storage_memory_new ();
  g_autoptr (GBytes) key = g_bytes_new_static ("0123456789abcdef0123456789ABCDEF", MKV_STORAGE_KEY_BYTES);
  g_autoptr (MkvSealedStorage) storage = mkv_sealed_storage_new (inner, key);
  g_autoptr (GError) error = NULL;
  MkvLocalStore *store;

  if (sealed && !mkv_storage_open (MKV_STORAGE (storage), NULL, NULL, &error))
    g_error ("%s", error->message);
  store = mkv_local_store_new (sealed ? MKV_STORAGE (storage) : inner, "bench", &error);
  if (store == NULL)
    g_error ("%s", error->message);
  return MKV_STORE (store);
}

static double
set_all (MkvStore *store, GBytes *value, guint n)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i++)
    if (!mkv_store_set (store, keys[order[i]], value, NULL, NULL))
      g_error ("A write failed");
  return (mkv_bench_now () - start) / n;
}

static double
get_all (MkvStore *store, guint n)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < n; i++)
    g_bytes_unref (mkv_store_get (store, keys[order[i]], NULL, NULL));
  return (mkv_bench_now () - start) / n;
}

static double
cipher_all (GBytes *value, guint n, gboolean decrypt)
{
  guint8 key_octets[32] = { 1 }, nonce[12] = { 2 };
  gnutls_datum_t key = { key_octets, sizeof key_octets };
  gsize length;
  const guint8 *in = g_bytes_get_data (value, &length);
  gsize sealed_length = length + 16;
  g_autofree guint8 *sealed = g_malloc (sealed_length), *out = g_malloc (sealed_length);
  gnutls_aead_cipher_hd_t handle;
  double start;

  gnutls_aead_cipher_init (&handle, GNUTLS_CIPHER_AES_256_GCM, &key);
  gnutls_aead_cipher_encrypt (handle, nonce, 12, keys[0], 16, 16, in, length, sealed, &sealed_length);
  start = mkv_bench_now ();
  for (guint i = 0; i < n; i++)
    {
      gsize out_length = length + 16;

      if ((decrypt ? gnutls_aead_cipher_decrypt (handle, nonce, 12, keys[0], 16, 16, sealed, sealed_length, out,
                                                 &out_length)
                   : gnutls_aead_cipher_encrypt (handle, nonce, 12, keys[0], 16, 16, in, length, out,
                                                 &out_length)) != 0)
        g_error ("GnuTLS failed");
    }
  start = (mkv_bench_now () - start) / n;
  gnutls_aead_cipher_deinit (handle);
  return start;
}

static void
run (gsize value_length, guint n)
{
  enum { SET, GET, SET_SEALED, GET_SEALED, SEAL, OPEN, N_FIGURES };
  static const char *const names[] = { "set-plain", "get-plain", "set-sealed", "get-sealed", "raw-seal", "raw-open" };
  double samples[N_FIGURES][N_ROUNDS], figures[N_FIGURES];
  g_autoptr (GBytes) value = g_bytes_new_take (g_malloc0 (value_length), value_length);
  g_autoptr (MkvStore) plain = make_store (FALSE), sealed = make_store (TRUE);

  set_all (plain, value, n);
  set_all (sealed, value, n);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      samples[SET][round] = set_all (plain, value, n);
      samples[GET][round] = get_all (plain, n);
      samples[SET_SEALED][round] = set_all (sealed, value, n);
      samples[GET_SEALED][round] = get_all (sealed, n);
      samples[SEAL][round] = cipher_all (value, n, FALSE);
      samples[OPEN][round] = cipher_all (value, n, TRUE);
    }
  for (guint i = 0; i < N_FIGURES; i++)
    figures[i] = mkv_bench_median (samples[i], N_ROUNDS);
  for (guint i = 0; i < N_FIGURES; i++)
    {
      g_autofree char *name = g_strdup_printf ("seal-%s-%" G_GSIZE_FORMAT, names[i], value_length);
      double limit = i == SET_SEALED ? figures[SET] : i == GET_SEALED ? figures[GET] : 0;

      mkv_bench_report (name, "ns", figures[i], limit, NULL, 0);
    }
}

int
main (void)
{
  make_keys ();
  run (100, N_KEYS);
  run (65536, 1000);
  return 0;
}
