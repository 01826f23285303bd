/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What every storage has to do, run over each of `backends`.
 */
#include "mkv-storage-file.h"
#include "mkv-storage-lmdb.h"
#include "mkv-storage-memory.h"
#include "mkv-storage-suite.h"
#include "mkv-test-storage.h"
#include "mkv-test.h"
#include "security/mkv-sealed-storage.h"

typedef struct
{
  const char *name;
  MkvStorageMake make;
} Backend;

static MkvStorage *
make_test_storage (void)
{
  return MKV_STORAGE (mkv_test_storage_new ());
}

/* Takes @inner. */
static MkvStorage *
seal (MkvStorage *inner)
{
  g_autoptr (GBytes) key = mkv_test_bytes ("0123456789abcdef0123456789ABCDEF");
  MkvSealedStorage *sealed = mkv_sealed_storage_new (inner, key);

  g_object_unref (inner);
  return MKV_STORAGE (sealed);
}

static MkvStorage *
make_sealed_file (void)
{
  return seal (mkv_storage_file_new ());
}

static MkvStorage *
make_sealed_lmdb (void)
{
  return seal (mkv_storage_lmdb_new ());
}

static MkvStorage *
make_sealed_memory (void)
{
  return seal (mkv_storage_memory_new ());
}

static const Backend backends[] = {
  { "file", mkv_storage_file_new },
  { "lmdb", mkv_storage_lmdb_new },
  { "memory", mkv_storage_memory_new },
  /* The fixture of other tests, held against the same suite. */
  { "fixture", make_test_storage },
  { "sealed-file", make_sealed_file },
  { "sealed-lmdb", make_sealed_lmdb },
  { "sealed-memory", make_sealed_memory },
};

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    mkv_storage_suite_add (backends[i].name, backends[i].make);
  return g_test_run ();
}
