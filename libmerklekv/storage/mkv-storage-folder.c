/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "storage/mkv-storage-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mkv-error.h"

/* The number that the holder of the lock wrote into it; 0 if it has not yet. */
static int
read_pid (int fd)
{
  char text[16] = "";
  gssize length = pread (fd, text, sizeof text - 1, 0);

  return length > 0 ? atoi (text) : 0;
}

/* For people: a disk that has no room for it must not keep anyone from reading. */
static void
write_pid (int fd)
{
  char text[16];
  int length = g_snprintf (text, sizeof text, "%d\n", (int) getpid ());

  if (ftruncate (fd, 0) == 0 && pwrite (fd, text, (gsize) length, 0) != length)
    g_debug ("no room for the number of this process in the lock");
}

/* What flock() refused. */
static void
set_locked_error (GError **error, const char *path, int fd)
{
  int pid = read_pid (fd);

  if (pid == getpid ())
    g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                 _("can't open %s: this process has it open already; open it once and share the store"), path);
  else if (pid > 0)
    g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                 _("can't open %s: process %d has it open; stop that process, or ask it instead of the folder"),
                 path, pid);
  else
    g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                 _("can't open %s: another process has it open; stop it, or ask it instead of the folder"), path);
}

/**
 * mkv_storage_lock_folder:
 * @path: (type filename): the folder that a storage keeps its data in
 * @error: return location for an error
 *
 * Takes a folder for one storage alone. Makes it, for its owner only, if it is
 * not there. The file `lock` in it is locked with flock() and names the process,
 * so the lock goes with the process, however that ends.
 *
 * Returns: a file descriptor, to be closed when the folder is given free; -1 with
 *   %MKV_ERROR_UNAVAILABLE if another storage has the folder, of this process or
 *   of the one that the error names, or if it can't be made or written
 *
 * Since: 0.1
 */
int
mkv_storage_lock_folder (const char *path, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *what = NULL;
  int fd = -1;

  g_return_val_if_fail (path != NULL, -1);

  name = g_build_filename (path, "lock", NULL);
  what = g_strdup_printf (_("can't open %s"), path);
  if (g_mkdir_with_parents (path, 0700) != 0 || (fd = g_open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
    {
      mkv_storage_set_error_from_errno (error, errno, what);
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno == EWOULDBLOCK)
        set_locked_error (error, path, fd);
      else
        mkv_storage_set_error_from_errno (error, errno, what);
      close (fd);
      return -1;
    }
  write_pid (fd);
  return fd;
}

/**
 * mkv_storage_set_error_from_errno: (skip)
 * @error: return location for an error
 * @saved_errno: what `errno` was
 * @what_failed: what can't be done, with the name of the file, in the user's
 *   language
 *
 * What a storage says when the system refused something: what failed, why, and
 * what helps. What a disk that is full, read-only, closed to this user or broken
 * says is %MKV_ERROR_UNAVAILABLE, because it may pass; anything else is
 * %MKV_ERROR_FAILED.
 *
 * Returns: %FALSE
 *
 * Since: 0.1
 */
gboolean
mkv_storage_set_error_from_errno (GError **error, int saved_errno, const char *what_failed)
{
  const char *why = g_strerror (saved_errno);

  switch (saved_errno)
    {
    case ENOSPC:
    case EDQUOT:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s: %s; free some space, and writing goes on"), what_failed, why);
      break;
    case EFBIG:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s: %s; raise the limit on the size of files (ulimit -f)"), what_failed, why);
      break;
    case EROFS:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s: %s; mount the file system for writing"), what_failed, why);
      break;
    case EACCES:
    case EPERM:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s: %s; make this user the owner, or choose another folder"), what_failed, why);
      break;
    case EIO:
      g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                   _("%s: %s; the disk may be failing, look into the system's log and make a copy"), what_failed,
                   why);
      break;
    default:
      g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED, "%s: %s", what_failed, why);
      break;
    }
  return FALSE;
}
