/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-key.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "mkv-cli-error.h"
#include "mkv-cli-progress.h"
#include "mkv-cli-storage.h"

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

/* Opens the storage with @key. @other helps with a change that was not finished. */
static MkvSealedStorage *
open_sealed (const MkvCliOptions *options, GBytes *key, GBytes *other, GError **error)
{
  g_autoptr (MkvStorage) inner = mkv_cli_storage_new (options, error);
  g_autoptr (MkvSealedStorage) storage = NULL;

  if (inner == NULL)
    return NULL;
  storage = mkv_sealed_storage_new (inner, key);
  if (other != NULL)
    mkv_sealed_storage_add_key (storage, other);
  if (!mkv_cli_storage_open (MKV_STORAGE (storage), options, error))
    return NULL;
  return g_steal_pointer (&storage);
}

static gboolean
rekey (MkvSealedStorage *storage, GBytes *key, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  MkvCliProgress progress;
  gboolean done;

  mkv_cli_progress_begin (&progress, "rekey");
  mkv_sealed_storage_rekey_async (storage, key, mkv_cli_progress_tell, &progress, NULL, NULL, store_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  mkv_cli_progress_end (&progress);
  done = mkv_sealed_storage_rekey_finish (storage, result, error);
  return mkv_storage_close (MKV_STORAGE (storage), done ? error : NULL) && done;
}

int
mkv_cli_rekey_run (const MkvCliOptions *options)
{
  g_autoptr (MkvSealedStorage) storage = NULL, changed = NULL;
  g_autoptr (GBytes) old_key = NULL, key = NULL;
  g_autoptr (GError) error = NULL;

  if (options->store == NULL)
    return mkv_cli_fail (MKV_CLI_USAGE, _("rekey: --store PATH has to say which storage"));
  if ((options->to_key_file != NULL) == options->to_plain)
    return mkv_cli_fail (MKV_CLI_USAGE, _("rekey: either --to-key-file FILE or --to-plain has to say what the storage "
                                          "is to be encrypted with"));
  old_key = mkv_cli_storage_read_key (options->encryption_key_file, "--encryption-key-file", &error);
  if (error == NULL)
    key = mkv_cli_storage_read_key (options->to_key_file, "--to-key-file", &error);
  if (error != NULL)
    return mkv_cli_storage_fail_with ("rekey", error);
  storage = open_sealed (options, old_key, key, &error);
  /* Done before: who repeats it, as one that was killed at the very end, is told
   * nothing. */
  if (g_error_matches (error, MKV_ERROR, MKV_ERROR_CONFIGURATION))
    {
      changed = open_sealed (options, key, NULL, NULL);
      if (changed != NULL)
        return mkv_storage_close (MKV_STORAGE (changed), NULL) ? MKV_CLI_OK : MKV_CLI_FAILURE;
    }
  if (storage == NULL || !rekey (storage, key, &error))
    return mkv_cli_storage_fail_with ("rekey", error);
  return MKV_CLI_OK;
}

/* Returns 0, or errno. */
static int
write_key (int fd)
{
  guint8 octets[MKV_STORAGE_KEY_BYTES];
  int why = 0;

  if (getrandom (octets, sizeof octets, 0) != sizeof octets || write (fd, octets, sizeof octets) != sizeof octets ||
      fsync (fd) != 0)
    why = errno != 0 ? errno : EIO;
  explicit_bzero (octets, sizeof octets);
  return why;
}

int
mkv_cli_key_run (const MkvCliOptions *options)
{
  const char *path = options->arguments[2];
  int fd, why;

  if (!g_str_equal (options->arguments[1], "generate"))
    return mkv_cli_fail (MKV_CLI_USAGE, _("key %s: the only thing to do with keys is: key generate FILE"),
                         options->arguments[1]);
  /* Never over a key that may be in use. */
  fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return mkv_cli_fail (MKV_CLI_FAILURE, _("key generate: %s can't be made: %s"), path, g_strerror (errno));
  errno = 0;
  why = write_key (fd);
  close (fd);
  if (why == 0)
    return MKV_CLI_OK;
  unlink (path);
  return mkv_cli_fail (MKV_CLI_FAILURE, _("key generate: %s can't be written: %s"), path, g_strerror (why));
}
