/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-storages-world.h"

#include <string.h>

#include "mkv-test.h"

void
mkv_storages_world_set_up (MkvStoragesWorld *self, gconstpointer data)
{
  self->backend = data;
  self->folder = g_dir_make_tmp ("merklekv-test-XXXXXX", NULL);
}

void
mkv_storages_world_tear_down (MkvStoragesWorld *self, gconstpointer data)
{
  mkv_test_remove_folder (self->folder);
  g_free (self->folder);
}

MkvProgramResult *
mkv_storages_world_run (MkvStoragesWorld *self, const char *name, GBytes *input, const char *line)
{
  return mkv_program_run (NULL, input, "merklekv --store %s/%s --backend %s %s", self->folder, name, self->backend,
                          line);
}

void
mkv_storages_world_check_with (MkvStoragesWorld *self, const char *name, GBytes *input, const char *line, int status,
                               const char *out, const char *err)
{
  g_autoptr (MkvProgramResult) result = mkv_storages_world_run (self, name, input, line);

  if (result->status != status || (out != NULL && !g_str_equal (result->out, out)) ||
      (err != NULL ? strstr (result->err, err) == NULL : *result->err != 0))
    g_error ("%s: exit status %d, not %d\nstdout: %s\nnot: %s\nstderr: %s\nwithout: %s", line, result->status,
             status, result->out, out != NULL ? out : "checked", result->err, err != NULL ? err : "being empty");
}

void
mkv_storages_world_check (MkvStoragesWorld *self, const char *line, int status, const char *out, const char *err)
{
  mkv_storages_world_check_with (self, "s", NULL, line, status, out, err);
}
