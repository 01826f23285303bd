/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The suite as a library that another language loads, for storages written in
 * it. */
#include "mkv-storage-suite.h"
#include "mkv-test.h"

G_MODULE_EXPORT int mkv_storage_suite_run (const char *name, MkvStorageMake make_storage);

static MkvStorageMake make_foreign;

static MkvStorage *
make (void)
{
  return g_object_ref (make_foreign ());
}

/* Runs the suite over what @make_storage makes and keeps a reference of; TAP goes to stdout. 0 if all is well. */
int
mkv_storage_suite_run (const char *name, MkvStorageMake make_storage)
{
  char *arguments[] = { (char *) name, (char *) "--tap", NULL };
  char **argv = arguments;
  int argc = 2;

  mkv_test_init (&argc, &argv, 120);
  make_foreign = make_storage;
  mkv_storage_suite_add (name, make);
  return g_test_run ();
}
