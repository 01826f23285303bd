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

static MkvStorage *
make_sealed_storage (void)
{
  g_autoptr (MkvStorage) inner = mkv_storage_memory_new ();
  g_autoptr (GBytes) key = mkv_test_bytes ("0123456789abcdef0123456789ABCDEF");

  return MKV_STORAGE (mkv_sealed_storage_new (inner, key));
}

static const Backend backends[] = {
  { "file", mkv_storage_file_new },
  { "lmdb", mkv_storage_lmdb_new },
  { "memory", mkv_storage_memory_new },
  /* The fixture of other tests, held against the same suite. */
  { "fixture", make_test_storage },
  { "sealed-memory", make_sealed_storage },
};

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    mkv_storage_suite_add (backends[i].name, backends[i].make);
  return g_test_run ();
}
